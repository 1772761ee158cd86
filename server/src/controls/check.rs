//! Every single thing that is looked at: one row each, from which everything else about it follows.

use std::time::Duration;

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

/// Identifier, control, name, how often, whether it asks over the network, whether it may be switched off, what exactly is looked at.
macro_rules! checks {
    (@every Minute) => { Duration::from_mins(1) };
    (@every FiveMinutes) => { Duration::from_mins(5) };
    (@every Hour) => { Duration::from_hours(1) };
    (@asks Asks) => { true };
    (@asks Inside) => { false };
    (@mandatory Mandatory) => { true };
    (@mandatory Optional) => { false };
    ($($check:ident $control:literal $name:literal $every:ident $asks:ident $mandatory:ident $what:literal;)*) => {
        /// A single thing that is looked at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Check { $($check),* }

        impl Check {
            pub const ALL: &[Self] = &[$(Self::$check),*];

            pub const fn about(self) -> About {
                match self {
                    $(Self::$check => About {
                        control: $control,
                        name: $name,
                        what: $what,
                        every: checks!(@every $every),
                        mandatory: checks!(@mandatory $mandatory),
                    }),*
                }
            }

            /// Whether it asks over the network: then it says something of whoever answered.
            pub const fn asks(self) -> bool {
                match self {
                    $(Self::$check => checks!(@asks $asks)),*
                }
            }
        }
    };
}

checks! {
    BoundClaims "claim-engine" "bound" Minute Inside Mandatory
        "Offers the profile reader a claim without a binding and one with a typed-in number and expects both to be refused; then walks the served claims and expects each to have a binding.";
    CertificationsComputed "claim-engine" "certifications" Minute Asks Mandatory
        "Fetches the page and compares the certifications that it lists with the unexpired certificates on record, both ways.";
    FrameworksComputed "claim-engine" "frameworks" Minute Asks Mandatory
        "Loads each catalogue again, fetches the page, and expects it to list exactly those.";
    Tuneable "claim-engine" "tuneable" Minute Inside Mandatory
        "Tries to switch off every mandatory check and expects a refusal; compares what is switched off with what the log says.";
    History "claim-engine" "history" Minute Inside Mandatory
        "Recomputes the hash chain of the public history from its first entry and expects the newest entry of each claim to name its present state.";
    Tls "transport" "tls" Minute Asks Mandatory
        "Opens connections to this server: TLS 1.2 and 1.3 as the profile allows must succeed, TLS 1.1 must be refused.";
    Redirect "transport" "redirect" Minute Asks Mandatory
        "Asks for the page over plain HTTP (behind a proxy: as the proxy would) and expects a redirect to https without a body.";
    Hsts "transport" "hsts" Minute Asks Mandatory
        "Asks for a page, a file and an error over TLS (behind a proxy: as the proxy would) and expects Strict-Transport-Security of the published length on each.";
    AtRest "sealed-storage" "at-rest" Minute Inside Mandatory
        "Seals a random marker as evidence is sealed, writes and reads it back, and expects the stored bytes not to hold it, a changed byte to be noticed, and every stored data key to open under the master key.";
    References "sealed-storage" "references" Minute Inside Mandatory
        "Offers the configuration reader a literal key and expects a refusal; then looks where the master key, the TLS key and the database's password of this instance came from.";
    Headers "web-hygiene" "headers" Minute Asks Mandatory
        "Asks this server for every public page and for an error, and expects the security headers, no script (on the two with a field for a new password our own), and no product version on each.";
    Cookies "web-hygiene" "cookies" Minute Asks Mandatory
        "Asks this server for every public page and expects each cookie that is set to carry Secure, HttpOnly and SameSite.";
    RateLimits "web-hygiene" "rate-limits" Minute Asks Optional
        "Sends reads, then changes, under a probe's own allowance until the published limit, and expects the next one to be answered 429 with Retry-After.";
    BodyLimits "web-hygiene" "body-limits" Minute Asks Mandatory
        "Announces a request body above the published limit and expects 413 before it is sent.";
    HealthFields "data-shape" "health-fields" Hour Inside Mandatory
        "Walks every field of every register and expects anything about health to be a date and nothing else.";
    TotpSecrets "sealed-storage" "totp-secrets" Minute Inside Mandatory
        "Opens every stored TOTP secret with the platform's key in its own place, and expects none to open in another account's place.";
    Csrf "web-hygiene" "csrf" Minute Asks Mandatory
        "Sends every endpoint of the access table a form without a token, with another session's, with a changed one, with one from another site, and as plain text, signed in and not, and expects each to be refused.";
    FormThrottle "web-hygiene" "form-throttle" Minute Asks Mandatory
        "Submits a public form under a probe's own allowance until the published limit, with invented forwarding headers, and expects the next one to be answered 429 with Retry-After.";
    HashScheme "passwords" "scheme" Minute Inside Mandatory
        "Hashes a password with the running configuration and expects the published scheme and cost, then reads the form of every stored hash.";
    HashSalts "passwords" "salts" Minute Inside Mandatory
        "Hashes one password twice and expects two different values, then expects no two stored hashes to share a salt.";
    PasswordUnseen "passwords" "unseen" Minute Asks Mandatory
        "Signs in with a marker as password, and expects neither the answer nor anything that the program wrote to its log to hold it.";
    FactorDemanded "mfa" "demanded" FiveMinutes Asks Mandatory
        "For every role of the profile, walks every page and endpoint as somebody who has to enrol, and as somebody whose code is still missing, and expects nothing but enrolment, the code, sign-out and help to be reachable.";
    FactorOffered "mfa" "offered" FiveMinutes Asks Mandatory
        "Opens the enrolment page as somebody in each role of the profile and expects a key on it.";
    CodeOnce "mfa" "codes" FiveMinutes Inside Mandatory
        "Enrols an account of its own, sends one code several times at once, and expects it to be taken once.";
    BackupCodes "mfa" "backup-codes" FiveMinutes Inside Mandatory
        "Reads the form of every stored backup code, then makes some for an account of its own, sends one several times at once, and expects it to be taken once.";
    UniqueAddress "identity" "unique" FiveMinutes Inside Mandatory
        "Tries to write a second account with an address that is taken, in another case, and expects the database to refuse it.";
    WorkAddresses "identity" "work-addresses" Minute Asks Mandatory
        "Sends the sign-up form personal addresses in many spellings and expects each to be refused, and one of an organisation to pass the gate.";
    Cryptoperiods "sealed-storage" "cryptoperiods" Hour Inside Mandatory
        "Reads the age of the newest key of every owner that seals data, and expects each to be younger than the profile allows.";
    Invitations "identity" "invitations" FiveMinutes Asks Mandatory
        "As somebody who may invite, invites personal addresses in many spellings and expects each to be refused by the gate of sign-up, and one of an organisation to pass it.";
    RoleMatrix "rbac" "matrix" FiveMinutes Asks Mandatory
        "As somebody in each role of the profile, asks for every page and endpoint of an organisation, and expects to be let in exactly where the role grants the permission.";
    Demotion "rbac" "demotion" FiveMinutes Asks Mandatory
        "Opens a page, takes the role away, and expects the next request of the same session to be refused.";
    NoWildcard "rbac" "no-wildcard" FiveMinutes Asks Mandatory
        "Tries to make a role of all permissions by a wildcard, and one with a permission that its maker lacks, and expects both to be refused and a fitting one to be made.";
    Reach "rbac" "reach" FiveMinutes Asks Mandatory
        "As a member who is let to one of two units, opens the list of units and expects that one on it and not the other.";
    ScopedSweep "isolation-scoped" "sweep" FiveMinutes Asks Mandatory
        "As a member of one organisation, asks for every page and endpoint of another and sends its ids to every endpoint that takes one, and expects the answers that what does not exist gets; then looks for the other's markers in every answer.";
    ScopedOperators "isolation-scoped" "operators" FiveMinutes Asks Mandatory
        "As one of the vendor's staff, asks for every page and endpoint of an organisation, and expects each to be refused as unknown and the refusals to stand in the organisation's log.";
    RowLevelSweep "isolation-row-level" "sweep" FiveMinutes Asks Mandatory
        "The same sweep as of shared tables: every page, endpoint and id of another organisation.";
    RowSecurityInForce "isolation-row-level" "in-force" FiveMinutes Inside Mandatory
        "Asks the catalogue whether row security is forced on every table of organisations and whether the login stands above it; then reads each table with plain SQL, in no organisation and in one, beside another.";
    DedicatedSweep "isolation-dedicated" "sweep" FiveMinutes Asks Mandatory
        "The same sweep as of shared tables: every page, endpoint and id of another organisation.";
    Environments "isolation-dedicated" "environments" FiveMinutes Inside Mandatory
        "Makes the databases of two organisations, and expects two places, each refusing the other's rows and, on a server, the other's login, and no place to be given to both.";
    FactorReset "mfa-reset" "rules" FiveMinutes Asks Mandatory
        "Asks to reset a second factor without the right, in a lapsed organisation, and with a factor of one's own that is too old, and expects each to be refused and the fourth to be looked at.";
    OffboardingRemoves "offboarding" "removes" FiveMinutes Asks Mandatory
        "Ends a member's access as a manager does, and expects the member's next request to be refused and nothing of the access to be left in the database.";
    OffboardingOnTime "offboarding" "on-time" FiveMinutes Inside Mandatory
        "Looks in every organisation for an end of access that is due and not done, and works out by when somebody who leaves on a Friday evening has to be out.";
    ReviewRemoves "access-review" "removes" FiveMinutes Asks Mandatory
        "Revokes a member's access in a review of an organisation of its own, and expects the member's next request to be refused and the membership to be gone.";
    SelfReview "access-review" "self-review" FiveMinutes Inside Mandatory
        "As a reviewer, decides about their own access alone and among others, and expects both to be refused and somebody else's decision to be taken.";
    ReviewsOnTime "access-review" "on-time" FiveMinutes Inside Mandatory
        "Looks in every organisation when an access review of everything was last finished, and expects it to be no longer ago than the profile promises.";
    OperatorsReviewed "access-review" "operators" FiveMinutes Inside Mandatory
        "Looks when a review of the vendor's seats was last finished, and expects it to be no longer ago than the profile promises.";
    LogChains "audit-chain" "chains" Hour Inside Mandatory
        "Walks the log of every organisation and the platform's own, compares them with their signed heads, and looks for entries that no head has covered for more than an hour.";
    LogRecorded "audit-chain" "recorded" FiveMinutes Inside Mandatory
        "Changes a role, makes a unit, resets a second factor, takes the log along and ends a trial in an organisation of its own, and expects an entry of each in an unbroken chain; then drops a change and expects neither it nor its entry.";
    LogRetention "audit-chain" "retention" FiveMinutes Inside Mandatory
        "Tries to change and to delete a fresh entry of a log with plain SQL, past the program, and expects the database to refuse both.";
    OperatorCap "operator-seats" "cap" FiveMinutes Inside Mandatory
        "Counts the seats of the vendor's staff, takes all that are left in a change that is dropped, and expects one more to be refused.";
    OperatorAudited "operator-seats" "audited" FiveMinutes Inside Mandatory
        "Looks at an organisation of its own as the vendor does, and expects it in both logs; then looks up the newest looks of the platform's log in the logs of the organisations that they were at.";
    ReadOnlyLapse "billing" "read-only" FiveMinutes Asks Mandatory
        "In an organisation whose subscription has lapsed, asks for every page and endpoint, and expects pages to open, changes to be answered 402, and what settles the account or is about one's own to be let through.";
    ExportEveryStanding "tenant-export" "works-in-every-standing" FiveMinutes Asks Mandatory
        "In an organisation of its own that is active, has lapsed and has cancelled, asks for everything, takes the archive along, and expects its signed list and the hash of every part to hold.";
    ExportEqualsDatabase "tenant-export" "manifest-equals-database" FiveMinutes Inside Mandatory
        "Makes an archive of an organisation of its own, counts its rows by SQL, and expects as many of each kind in the archive and nothing of a second organisation.";
    TestRefuses "non-production-guard" "refused" FiveMinutes Inside Mandatory
        "Offers the gate of a test instance archives of production that are not masked, not approved, or wrongly approved, and expects each to be refused and the right one to pass.";
    TestMasked "non-production-guard" "masked" FiveMinutes Inside Mandatory
        "Makes an ordinary and a masked archive of an organisation of its own, and expects what leads to people to be in the first and not in the second.";
    TestUnclassified "non-production-guard" "unclassified" FiveMinutes Inside Mandatory
        "Offers the masking a column and a field that nobody classified and expects it to stop; then looks whether every field of every register is classified.";
    ActiveKept "retention" "active-kept" FiveMinutes Inside Mandatory
        "Tries to begin the purge of an organisation of its own that is on trial, active, behind with a payment and lapsed, ten years ahead too, and expects each to be refused; then looks for a date of purge on any organisation that is not closed.";
    HiddenAtOnce "retention" "hidden-at-once" FiveMinutes Asks Mandatory
        "Cancels the subscription of an organisation of its own as its owner would, and expects every page and endpoint to be answered 410 from the next request on, except those that restore it or take everything along; then restores it and expects it back.";
    PurgedInTime "retention" "purged-in-time" FiveMinutes Inside Mandatory
        "Destroys an organisation of its own and expects no row and no key to be left and what was sealed not to open; then looks for cancelled organisations past their time, and walks the chain of certificates.";
    HoldsNamed "retention" "holds" FiveMinutes Asks Mandatory
        "Tries to place holds without a basis, a scope or an end and expects each to be refused; places one on an organisation of its own that is due, and expects it to be kept and the hold to be shown to its owner; places one on a record of another, and expects that record to open and everything else to be gone, with the key that had opened both; then reads every hold.";
    AccountsErased "retention" "accounts" FiveMinutes Inside Mandatory
        "Looks for accounts whose end was asked for and that are still open or past their time, and for accounts that are certified erased and still there.";
    BackupsDaily "backups" "daily" Minute Inside Mandatory
        "Reads the receipt of the last backup that succeeded, and expects it to be younger than the profile allows.";
    BackupsEncrypted "backups" "encrypted" FiveMinutes Inside Mandatory
        "Fetches the beginning of the newest backup from where it lies, and expects it to open with this instance's key, not with another, and not with one changed byte.";
    ObjectivesSet "recovery-objectives" "set" FiveMinutes Inside Mandatory
        "Walks the components and expects each critical one to have both objectives; then offers the register one without, in a change that is dropped, and expects the program to refuse it, and the database past the program.";
    ObjectivesMeasured "recovery-objectives" "measured" FiveMinutes Inside Mandatory
        "Reads what the last drill measured, and expects it to be within the objectives of every critical component, and the drill not to be overdue.";
}

impl Check {
    pub const fn name(self) -> &'static str {
        self.about().name
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

#[cfg(test)]
mod tests {
    use super::super::{CONTROLS, find};
    use super::Check;

    #[test]
    fn every_check_belongs_to_a_control_and_is_found_by_its_path() {
        for check in Check::ALL {
            assert!(find(check.about().control).is_some(), "{check:?}");
            assert_eq!(Check::by_path(&check.path()), Some(*check));
        }
    }

    #[test]
    fn every_control_has_a_check() {
        for control in CONTROLS {
            assert!(control.checks().next().is_some(), "{control:?}");
        }
    }
}
