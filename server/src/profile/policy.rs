//! Every number that somebody could ask about. The unit is in the name; what is `None` is not promised,
//! and a sentence that needs it cannot be published.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Shared tables; the filter is added by the program.
    Scoped,
    /// Shared tables; PostgreSQL adds the filter and cannot be talked out of it.
    RowLevel,
    /// A database of its own for each organisation.
    Dedicated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MfaRule {
    Everyone,
    Privileged,
    Offered,
}

/// The figures of a second factor; who needs one is said by the roles.
#[derive(Clone, Debug, Serialize)]
pub struct Mfa {
    pub code_seconds: NonZeroU32,
    /// Steps that a code may be off, either way.
    pub code_skew_steps: u32,
    pub backup_codes: NonZeroU32,
}

#[derive(Clone, Debug, Serialize)]
pub struct SignUp {
    pub work_addresses_only: bool,
    /// The role of whoever signs an organisation up.
    pub first_role: String,
    pub verification_hours: NonZeroU32,
    pub invitation_days: NonZeroU32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    pub idle_minutes: NonZeroU32,
    pub absolute_hours: NonZeroU32,
    pub step_up_minutes: NonZeroU32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    pub minimum_length: NonZeroU32,
    pub maximum_length: NonZeroU32,
    pub argon2_memory_kib: NonZeroU32,
    pub argon2_passes: NonZeroU32,
    pub argon2_lanes: NonZeroU32,
    /// Wrong passwords in a row before an account waits. At most 100 (NIST SP 800-63B section 5.2.2).
    pub attempts: NonZeroU32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// From the end of a subscription to the data being gone.
    pub purge_days: Option<NonZeroU32>,
    /// From a person's request to their personal data being gone.
    pub account_days: Option<NonZeroU32>,
    pub audit_days: NonZeroU32,
    pub export_hours: NonZeroU32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    pub offboarding_hours: Option<NonZeroU32>,
    pub offboarding_business_hours: Option<NonZeroU32>,
    pub rights_request_days: Option<NonZeroU32>,
    pub acknowledge_business_days: Option<NonZeroU32>,
    pub triage_business_days: Option<NonZeroU32>,
    pub disclosure_days: Option<NonZeroU32>,
    pub questionnaire_business_days: Option<NonZeroU32>,
    pub patch_high_days: Option<NonZeroU32>,
    pub patch_moderate_days: Option<NonZeroU32>,
    pub breach_notice_hours: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// An IANA name.
    pub time_zone: String,
    pub workdays: Vec<Weekday>,
    pub opens: String,
    pub closes: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviews {
    pub access_days: Option<NonZeroU32>,
    pub operator_days: Option<NonZeroU32>,
    /// Whether two people may decide on each other's access in one review.
    #[serde(default = "yes")]
    pub mutual: bool,
}

const fn yes() -> bool {
    true
}

impl Default for Reviews {
    fn default() -> Self {
        Self { access_days: None, operator_days: None, mutual: yes() }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backups {
    pub every_hours: NonZeroU32,
    /// From here on the claim fails.
    pub late_after_hours: NonZeroU32,
    pub drill_days: Option<NonZeroU32>,
    /// How long a copy is kept; without it, for ever.
    pub keep_days: Option<NonZeroU32>,
    /// So many good ones are kept at each place, however old they are; without it, one.
    pub keep_at_least: Option<NonZeroU32>,
}

/// Cryptoperiods (NIST SP 800-57 part 1, section 5.3.6).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub master_days: NonZeroU32,
    pub data_days: NonZeroU32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    pub seats: NonZeroU32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Per network address; an IPv6 network of 64 bits counts as one.
    pub reads_per_minute: NonZeroU32,
    pub changes_per_minute: NonZeroU32,
    pub forms_per_minute: NonZeroU32,
    pub sign_ins_per_minute: NonZeroU32,
    pub body_kib: NonZeroU32,
    /// Of one attached file, which is held in memory while it is looked at. Given or not, there is a limit (OWASP File Upload Cheat Sheet,
    /// "Upload and download limits"); ten MiB hold a scanned contract or a photograph.
    #[serde(default = "ten_mib")]
    pub upload_kib: NonZeroU32,
    pub request_seconds: NonZeroU32,
}

const fn ten_mib() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(10 * 1024 - 1)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificates {
    pub alert_days: Vec<NonZeroU32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// The lowest version that is spoken.
    pub tls: TlsVersion,
    /// At least 365.
    pub hsts_days: NonZeroU32,
}

/// What is not given runs without end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Billing {
    pub trial_days: Option<NonZeroU32>,
    /// From a missed payment to the lapse.
    pub grace_days: Option<NonZeroU32>,
}

/// What the running system reads. Built by `check` from the tables of the same names.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    pub mfa: Mfa,
    pub sign_up: SignUp,
    pub sessions: Sessions,
    pub passwords: Passwords,
    pub retention: Retention,
    pub clocks: Clocks,
    pub calendar: Calendar,
    pub reviews: Reviews,
    pub backups: Backups,
    pub keys: Keys,
    pub operators: Option<Operators>,
    pub limits: Limits,
    pub certificates: Option<Certificates>,
    pub transport: Transport,
    pub billing: Billing,
}
