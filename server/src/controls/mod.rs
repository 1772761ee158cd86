//! What the running system enforces, and the looking that proves it: each control is a set of checks of *this* instance.

pub mod claim_engine;
pub mod data_shape;
pub mod identity;
mod instance;
pub mod mfa;
pub mod passwords;
pub mod probe;
pub mod run;
pub mod sealed_storage;
pub mod transport;
pub mod web_hygiene;

use std::time::Duration;

pub use self::instance::{Instance, Mode, Serving};

/// What one look at the running system saw. The words are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Upheld(String),
    Failing(String),
    /// This instance runs in a mode that cannot keep it.
    Unavailable(String),
}

/// Something the system enforces.
#[derive(Debug)]
pub struct Control {
    pub id: &'static str,
    pub title: &'static str,
}

/// A single thing that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    BoundClaims,
    CertificationsComputed,
    FrameworksComputed,
    Tuneable,
    History,
    Tls,
    Redirect,
    Hsts,
    AtRest,
    References,
    Headers,
    Cookies,
    RateLimits,
    BodyLimits,
    HealthFields,
    TotpSecrets,
    Csrf,
    FormThrottle,
    HashScheme,
    HashSalts,
    PasswordUnseen,
    FactorDemanded,
    FactorOffered,
    CodeOnce,
    BackupCodes,
    UniqueAddress,
    WorkAddresses,
}

/// How a check is published.
#[derive(Debug)]
pub struct About {
    pub control: &'static str,
    pub name: &'static str,
    /// What exactly is looked at.
    pub what: &'static str,
    pub every: Duration,
    /// Whether an operator may switch off what is checked.
    pub mandatory: bool,
}

/// A finding older than this many intervals no longer proves anything: two runs may be missed, not three.
pub const FRESH_INTERVALS: u32 = 3;

/// A check that takes longer has failed.
pub const CHECK_LIMIT: Duration = Duration::from_secs(10);

const MINUTE: Duration = Duration::from_mins(1);

pub const CONTROLS: &[Control] = &[
    Control { id: "claim-engine", title: "The page tells what is" },
    Control { id: "transport", title: "Encryption in transit" },
    Control { id: "sealed-storage", title: "Sealed storage" },
    Control { id: "web-hygiene", title: "Web hygiene" },
    Control { id: "passwords", title: "Passwords" },
    Control { id: "mfa", title: "Second factor" },
    Control { id: "identity", title: "Who is who" },
    Control { id: "data-shape", title: "Shape of the data" },
];

impl Check {
    pub const ALL: &[Self] = &[
        Self::BoundClaims,
        Self::CertificationsComputed,
        Self::FrameworksComputed,
        Self::Tuneable,
        Self::History,
        Self::Tls,
        Self::Redirect,
        Self::Hsts,
        Self::AtRest,
        Self::References,
        Self::Headers,
        Self::Cookies,
        Self::RateLimits,
        Self::BodyLimits,
        Self::HealthFields,
        Self::TotpSecrets,
        Self::Csrf,
        Self::FormThrottle,
        Self::HashScheme,
        Self::HashSalts,
        Self::PasswordUnseen,
        Self::FactorDemanded,
        Self::FactorOffered,
        Self::CodeOnce,
        Self::BackupCodes,
        Self::UniqueAddress,
        Self::WorkAddresses,
    ];

    #[rustfmt::skip]
    pub const fn about(self) -> About {
        match self {
            Self::BoundClaims => row("claim-engine", "bound", "Offers the profile reader a claim without a binding and one with a typed-in number and expects both to be refused; then walks the served claims and expects each to have a binding.", true),
            Self::CertificationsComputed => row("claim-engine", "certifications", "Fetches the page and compares the certifications that it lists with the unexpired certificates on record, both ways.", true),
            Self::FrameworksComputed => row("claim-engine", "frameworks", "Loads each catalogue again, fetches the page, and expects it to list exactly those.", true),
            Self::Tuneable => row("claim-engine", "tuneable", "Tries to switch off every mandatory check and expects a refusal; compares what is switched off with what the log says.", true),
            Self::History => row("claim-engine", "history", "Recomputes the hash chain of the public history from its first entry and expects the newest entry of each claim to name its present state.", true),
            Self::Tls => row("transport", "tls", "Opens connections to this server: TLS 1.2 and 1.3 as the profile allows must succeed, TLS 1.1 must be refused.", true),
            Self::Redirect => row("transport", "redirect", "Asks for the page over plain HTTP (behind a proxy: as the proxy would) and expects a redirect to https without a body.", true),
            Self::Hsts => row("transport", "hsts", "Asks for a page, a file and an error over TLS (behind a proxy: as the proxy would) and expects Strict-Transport-Security of the published length on each.", true),
            Self::AtRest => row("sealed-storage", "at-rest", "Seals a random marker as evidence is sealed, writes and reads it back, and expects the stored bytes not to hold it, a changed byte to be noticed, and every stored data key to open under the master key.", true),
            Self::References => row("sealed-storage", "references", "Offers the configuration reader a literal key and expects a refusal; then looks where the master key, the TLS key and the database's password of this instance came from.", true),
            Self::Headers => row("web-hygiene", "headers", "Asks this server for every public page and for an error, and expects the security headers, no script (on the two with a field for a new password our own), and no product version on each.", true),
            Self::Cookies => row("web-hygiene", "cookies", "Asks this server for every public page and expects each cookie that is set to carry Secure, HttpOnly and SameSite.", true),
            Self::RateLimits => row("web-hygiene", "rate-limits", "Sends reads, then changes, under a probe's own allowance until the published limit, and expects the next one to be answered 429 with Retry-After.", false),
            Self::BodyLimits => row("web-hygiene", "body-limits", "Announces a request body above the published limit and expects 413 before it is sent.", true),
            Self::TotpSecrets => row("sealed-storage", "totp-secrets", "Opens every stored TOTP secret with the platform's key in its own place, and expects none to open in another account's place.", true),
            Self::Csrf => row("web-hygiene", "csrf", "Sends every endpoint of the access table a form without a token, with another session's, with a changed one, with one from another site, and as plain text, signed in and not, and expects each to be refused.", true),
            Self::FormThrottle => row("web-hygiene", "form-throttle", "Submits a public form under a probe's own allowance until the published limit, with invented forwarding headers, and expects the next one to be answered 429 with Retry-After.", true),
            Self::HashScheme => row("passwords", "scheme", "Hashes a password with the running configuration and expects the published scheme and cost, then reads the form of every stored hash.", true),
            Self::HashSalts => row("passwords", "salts", "Hashes one password twice and expects two different values, then expects no two stored hashes to share a salt.", true),
            Self::PasswordUnseen => row("passwords", "unseen", "Signs in with a marker as password, and expects neither the answer nor anything that the program wrote to its log to hold it.", true),
            Self::FactorDemanded => About { every: Duration::from_mins(5), ..row("mfa", "demanded", "For every role of the profile, walks every page and endpoint as somebody who has to enrol, and as somebody whose code is still missing, and expects nothing but enrolment, the code, sign-out and help to be reachable.", true) },
            Self::FactorOffered => About { every: Duration::from_mins(5), ..row("mfa", "offered", "Opens the enrolment page as somebody in each role of the profile and expects a key on it.", true) },
            Self::CodeOnce => About { every: Duration::from_mins(5), ..row("mfa", "codes", "Enrols an account of its own, sends one code several times at once, and expects it to be taken once.", true) },
            Self::BackupCodes => About { every: Duration::from_mins(5), ..row("mfa", "backup-codes", "Reads the form of every stored backup code, then makes some for an account of its own, sends one several times at once, and expects it to be taken once.", true) },
            Self::UniqueAddress => About { every: Duration::from_mins(5), ..row("identity", "unique", "Tries to write a second account with an address that is taken, in another case, and expects the database to refuse it.", true) },
            Self::WorkAddresses => row("identity", "work-addresses", "Sends the sign-up form personal addresses in many spellings and expects each to be refused, and one of an organisation to pass the gate.", true),
            Self::HealthFields => About { every: Duration::from_hours(1), ..row("data-shape", "health-fields", "Walks every field of every register and expects anything about health to be a date and nothing else.", true) },
        }
    }

    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// Whether it asks over the network: then it says something of whoever answered.
    pub const fn asks(self) -> bool {
        match self {
            Self::BoundClaims
            | Self::Tuneable
            | Self::History
            | Self::AtRest
            | Self::References
            | Self::HealthFields
            | Self::TotpSecrets
            | Self::HashScheme
            | Self::HashSalts
            | Self::CodeOnce
            | Self::BackupCodes
            | Self::UniqueAddress => false,
            Self::CertificationsComputed
            | Self::FrameworksComputed
            | Self::Tls
            | Self::Redirect
            | Self::Hsts
            | Self::Headers
            | Self::Cookies
            | Self::RateLimits
            | Self::BodyLimits
            | Self::Csrf
            | Self::FormThrottle
            | Self::PasswordUnseen
            | Self::FactorDemanded
            | Self::FactorOffered
            | Self::WorkAddresses => true,
        }
    }

    pub const fn mandatory(self) -> bool {
        self.about().mandatory
    }

    /// `control/check`, as the command line and the database call it.
    pub fn path(self) -> String {
        let about = self.about();
        format!("{}/{}", about.control, about.name)
    }

    pub fn find(control: &str, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| {
            let about = check.about();
            about.control == control && about.name == name
        })
    }

    pub fn by_path(path: &str) -> Option<Self> {
        let (control, name) = path.split_once('/')?;
        Self::find(control, name)
    }
}

const fn row(control: &'static str, name: &'static str, what: &'static str, mandatory: bool) -> About {
    About { control, name, what, every: MINUTE, mandatory }
}

impl Control {
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        Check::ALL.iter().copied().filter(|check| check.about().control == self.id)
    }
}

pub fn find(id: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.id == id)
}

/// All names that a profile may use.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONTROLS
        .iter()
        .map(|control| control.id)
        .chain(COMING.iter().filter(|coming| coming.check.is_none()).map(|coming| coming.control))
}

/// A control, or one check of a control, that the program does not have yet. Its claims are unproven, with this reason.
#[derive(Debug)]
pub struct Coming {
    pub control: &'static str,
    pub check: Option<&'static str>,
    pub why: &'static str,
}

const fn coming_control(control: &'static str, why: &'static str) -> Coming {
    Coming { control, check: None, why }
}

const fn coming_check(control: &'static str, check: &'static str, why: &'static str) -> Coming {
    Coming { control, check: Some(check), why }
}

/// The list that may only shrink; a test holds its length.
pub const COMING: &[Coming] = &[
    coming_control("access-review", "Access reviews are not part of this release."),
    coming_control("audit-chain", "The audit log of organisations is not part of this release."),
    coming_control("backups", "Scheduled backups are not part of this release."),
    coming_control("billing", "Subscriptions are not part of this release."),
    coming_control("certificate-watch", "The certificate watcher is not part of this release."),
    coming_control("disclosure-intake", "The intake of vulnerability reports is not part of this release."),
    coming_control("egress-register", "The register of outgoing connections is not part of this release."),
    coming_control("error-scrubbing", "Error reporting is not part of this release."),
    coming_control("incidents", "Incident handling is not part of this release."),
    coming_control("isolation-dedicated", "Organisations are not part of this release."),
    coming_control("isolation-row-level", "Organisations are not part of this release."),
    coming_control("isolation-scoped", "Organisations are not part of this release."),
    coming_control("mfa-reset", "Organisations are not part of this release."),
    coming_control("non-production-guard", "Exports between environments are not part of this release."),
    coming_control("offboarding", "Organisations are not part of this release."),
    coming_control("operator-seats", "Operator accounts are not part of this release."),
    coming_control("rbac", "Organisations are not part of this release."),
    coming_control("recovery-objectives", "Restore drills are not part of this release."),
    coming_control("retention", "Organisations are not part of this release."),
    coming_control("subject-requests", "The intake of rights requests is not part of this release."),
    coming_control("tenant-export", "Organisations are not part of this release."),
    coming_check(
        "sealed-storage",
        "provider-credentials",
        "Payment and calendar providers are not part of this release.",
    ),
    coming_check("identity", "invitations", "Invitations are not part of this release."),
    coming_check("web-hygiene", "challenge", "The challenge in front of public forms is not part of this release."),
];

/// Why a control, or a check of it, is not there yet; `None` when it is, or is unknown.
pub fn coming(control: &str, check: Option<&str>) -> Option<&'static str> {
    COMING
        .iter()
        .find(|coming| coming.control == control && (coming.check.is_none() || coming.check == check))
        .map(|coming| coming.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_controls_to_come_only_shrinks() {
        // Lower this number when a control arrives; never raise it.
        assert!(COMING.len() <= 24, "{} controls are still to come", COMING.len());
    }

    #[test]
    fn no_control_is_both_here_and_to_come() {
        for coming in COMING {
            let here = match coming.check {
                None => find(coming.control).is_some(),
                Some(check) => Check::find(coming.control, check).is_some(),
            };
            assert!(!here, "{coming:?}");
        }
    }

    #[test]
    fn every_check_belongs_to_a_control_and_is_found_by_its_path() {
        for check in Check::ALL {
            assert!(find(check.about().control).is_some(), "{check:?}");
            assert_eq!(Check::by_path(&check.path()), Some(*check));
        }
    }
}
