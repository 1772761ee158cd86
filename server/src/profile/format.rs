//! The profile file as it is written. Shapes only; whether it makes sense is for `check`.

use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer};
use time::{Date, Month};
use toml::Spanned;

use super::policy::{
    Backups, Billing, Calendar, Certificates, Clocks, Isolation, Keys, Limits, MfaRule, Operators, Passwords,
    Retention, Reviews, Sessions, Transport,
};

/// A bare TOML date, `2026-04-30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = toml::value::Datetime::deserialize(deserializer)?;
        let date = written.date.filter(|_| written.time.is_none());
        date.and_then(|d| Date::from_calendar_date(i32::from(d.year), Month::try_from(d.month).ok()?, d.day).ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected a bare date such as 2026-04-30"))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    pub name: String,
    pub legal_entity: String,
    pub line: String,
    pub effective: Day,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contacts {
    pub security: Spanned<String>,
    pub privacy: Option<Spanned<String>>,
    pub general: Option<Spanned<String>>,
    pub security_subject: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub id: Spanned<String>,
    pub title: String,
    pub url: Spanned<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenancy {
    pub isolation: Spanned<Isolation>,
    pub organisation: String,
    pub organisations: String,
    pub unit: String,
    pub units: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mfa {
    pub rule: MfaRule,
    pub code_seconds: Spanned<NonZeroU32>,
    pub code_skew_steps: Spanned<u32>,
    pub backup_codes: Spanned<NonZeroU32>,
}

/// As `policy::SignUp`, with the place of the role's name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    pub work_addresses_only: bool,
    pub first_role: Spanned<String>,
    pub verification_hours: NonZeroU32,
    pub invitation_days: NonZeroU32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frameworks {
    #[serde(default)]
    pub load: Vec<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub mfa: bool,
    pub grants: Spanned<Vec<Spanned<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    Text,
    LongText,
    Number,
    Date,
    Instant,
    Choice,
    Choices,
    Person,
    Link,
    File,
    Requirement,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent word of the file format")]
pub struct Field {
    pub id: Spanned<String>,
    pub label: String,
    pub kind: FieldKind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    pub personal: bool,
    #[serde(default)]
    pub health: bool,
    #[serde(default)]
    pub clear: bool,
    #[serde(default)]
    pub names_record: bool,
    /// A date after which the record proves nothing any more.
    #[serde(default)]
    pub ends_proof: bool,
    /// Where the database keeps a clear value, 1 to 5. Given once, it stays: values that are there already lie in it.
    pub slot: Option<Spanned<u8>>,
    /// A permission that one needs beside that of the register to see this field.
    pub read: Option<Spanned<String>>,
    /// A permission that one needs beside that of the register to change this field.
    pub write: Option<Spanned<String>>,
    pub unit: Option<String>,
    #[serde(default)]
    pub choices: Vec<String>,
    pub links_to: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub id: Spanned<String>,
    pub title: String,
    /// Permissions that one needs beside `records_read`, `records_write` and `records_delete`.
    pub read: Option<Spanned<String>>,
    pub write: Option<Spanned<String>>,
    pub delete: Option<Spanned<String>>,
    /// How long a removed record can be brought back; without it, as long as an organisation that was cancelled.
    pub bin_days: Option<NonZeroU32>,
    /// How long a record is kept after it was last changed; without it, for as long as the organisation is there.
    pub keep_days: Option<NonZeroU32>,
    /// What makes a timetable of the records.
    pub schedule: Option<Schedule>,
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// Which fields say from when to when a record takes its place, and whose place it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub from: Spanned<String>,
    pub to: Spanned<String>,
    /// What can be taken once at a time: a link, a person or a choice. Without it there is one place for all.
    pub by: Option<Spanned<String>>,
    /// Records that take no place, such as what was cancelled.
    pub without: Option<Without>,
}

/// Records by a clear choice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    pub field: Spanned<String>,
    pub choices: Vec<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubProcessor {
    pub id: Spanned<String>,
    pub name: String,
    pub purpose: String,
    pub region: Option<String>,
    #[serde(default)]
    pub data: Vec<String>,
    pub since: Day,
}

/// A part of the service; a critical one has both objectives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub id: Spanned<String>,
    pub name: String,
    pub critical: Spanned<bool>,
    /// From the loss to the service being back.
    pub rto_hours: Option<NonZeroU32>,
    /// The age that the newest copy may have.
    pub rpo_hours: Option<Spanned<NonZeroU32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    Privacy,
    Terms,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub kind: DocumentKind,
    pub version: Spanned<Day>,
    pub file: Spanned<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub id: Spanned<String>,
    pub title: String,
    pub line: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub owner: String,
    pub cadence_days: NonZeroU32,
    pub record: String,
    #[serde(default)]
    pub requires: Vec<String>,
    pub recorded: Option<Spanned<Day>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    pub owner: String,
    pub date: Day,
    pub record: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    pub date: Spanned<Day>,
    pub reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub id: Spanned<String>,
    pub section: Spanned<String>,
    pub text: Spanned<String>,
    pub control: Option<Spanned<String>>,
    pub checks: Option<Spanned<Vec<Spanned<String>>>>,
    pub evidence: Option<Evidence>,
    pub milestone: Option<Milestone>,
    pub confirmed: Option<Spanned<Day>>,
    pub withdrawn: Option<Withdrawn>,
}

/// The tables of the file, in the order of the reference. Each is read on its own, so that one mistake does not hide the next.
#[derive(Debug, Default)]
pub struct Tables {
    pub id: Option<Spanned<String>>,
    pub brand: Option<Brand>,
    pub contacts: Option<Contacts>,
    pub links: Vec<Link>,
    pub tenancy: Option<Tenancy>,
    pub mfa: Option<Mfa>,
    pub sign_up: Option<SignUp>,
    pub sessions: Option<Sessions>,
    pub passwords: Option<Spanned<Passwords>>,
    pub retention: Option<Retention>,
    pub clocks: Option<Spanned<Clocks>>,
    pub calendar: Option<Spanned<Calendar>>,
    pub reviews: Option<Reviews>,
    pub backups: Option<Spanned<Backups>>,
    pub keys: Option<Keys>,
    pub operators: Option<Operators>,
    pub limits: Option<Spanned<Limits>>,
    pub certificates: Option<Certificates>,
    pub transport: Option<Spanned<Transport>>,
    pub billing: Option<Billing>,
    pub frameworks: Option<Frameworks>,
    pub names: Vec<(Spanned<String>, String)>,
    pub roles: Vec<(Spanned<String>, Role)>,
    pub registers: Vec<Register>,
    pub sub_processors: Vec<SubProcessor>,
    pub components: Vec<Component>,
    pub documents: Vec<Document>,
    pub sections: Vec<Section>,
    pub claims: Vec<Claim>,
}

pub const KEYS: &[&str] = &[
    "id",
    "brand",
    "contacts",
    "links",
    "tenancy",
    "mfa",
    "sign_up",
    "sessions",
    "passwords",
    "retention",
    "clocks",
    "calendar",
    "reviews",
    "backups",
    "keys",
    "operators",
    "limits",
    "certificates",
    "transport",
    "billing",
    "frameworks",
    "names",
    "roles",
    "registers",
    "sub_processors",
    "components",
    "documents",
    "sections",
    "claims",
];
