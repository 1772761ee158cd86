//! Recording evidence: a dated record behind a claim. What it says is sealed; its date and its file's hash are published.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue, DbErr};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::crypto::seal::SealError;
use crate::crypto::sha256_hex;
use crate::entity::evidence;
use crate::files::kind::{Kind, TAKEN};
use crate::files::name;
use crate::guard::{AccountId, Operator};
use crate::profile::{Binding, Profile};
use crate::vault::{Vault, VaultError};

/// The largest file that is taken, in bytes (32 MiB): a signed report with pictures fits.
pub const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// An earlier day is a slip of the hand, such as 0206 for 2026: nothing that is claimed here is older.
const EARLIEST: Date = time::macros::date!(2000 - 01 - 01);

/// What somebody wants on record.
#[derive(Clone, Debug, Default)]
pub struct NewEvidence {
    pub claim: String,
    pub dated: Option<Date>,
    pub note: Option<String>,
    pub fields: BTreeMap<String, String>,
    /// Name and content.
    pub file: Option<(String, Vec<u8>)>,
    /// What it certifies, and until when.
    pub certifies: Option<String>,
    pub expires: Option<Date>,
    /// Who of the vendor's staff records it; `None` at the command line.
    pub by: Option<AccountId>,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("there is no claim \"{0}\" in this profile")]
    NoSuchClaim(String),
    #[error("{0} rests on a control of the running system; evidence cannot stand in for it")]
    Enforced(String),
    #[error("{0} is a published fact; confirm it by its date in the profile")]
    Published(String),
    #[error("{0} is withdrawn")]
    Withdrawn(String),
    #[error("give the date of the evidence, such as --date 2026-04-30")]
    NoDate,
    #[error("{0} has not come yet")]
    InTheFuture(Date),
    #[error("{0} is before {EARLIEST}; look at the year")]
    LongAgo(Date),
    #[error("a record with neither a note nor a file shows nothing; say in a sentence what it shows, or attach a file")]
    ShowsNothing,
    #[error("a record for {claim} must say {missing}; add --field {missing}=…")]
    Incomplete { claim: String, missing: String },
    #[error("--expires belongs to a certificate; name it with --certifies")]
    ExpiryOfNothing,
    #[error("a certificate is valid until a day; name it with --expires")]
    CertificateForEver,
    #[error("the file is empty: it shows nothing")]
    Empty,
    #[error("the file is not what its name says, or of a kind that shows nothing. {TAKEN}")]
    WrongKind,
    #[error("the file is larger than {} MiB", LARGEST_FILE / 1024 / 1024)]
    TooLarge,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Records evidence for a claim of the running profile.
///
/// # Errors
/// See [`EvidenceError`]. Then nothing is on record and no file is left behind.
pub async fn add(
    operator: &Operator,
    vault: &Vault,
    profile: &Profile,
    new: NewEvidence,
    now: OffsetDateTime,
) -> Result<Uuid, EvidenceError> {
    let dated = check(profile, &new, now)?;
    let id = Uuid::now_v7();
    let sealed = |column: &str, plain: Option<&[u8]>| {
        plain.map(|plain| vault.seal(&format!("evidence/{id}/{column}"), plain)).transpose()
    };
    let fields = (!new.fields.is_empty()).then(|| serde_json::to_vec(&new.fields).unwrap_or_default());
    let row = evidence::ActiveModel {
        id: ActiveValue::Set(id),
        profile: ActiveValue::Set(profile.id.clone()),
        claim: ActiveValue::Set(new.claim.clone()),
        dated: ActiveValue::Set(dated.to_string()),
        recorded_at_ms: ActiveValue::Set(to_ms(now)),
        certifies: ActiveValue::Set(new.certifies.clone()),
        expires: ActiveValue::Set(new.expires.map(|date| date.to_string())),
        key_id: ActiveValue::Set(vault.key_id()),
        note: ActiveValue::Set(sealed("note", new.note.as_deref().map(str::as_bytes))?),
        fields: ActiveValue::Set(sealed("fields", fields.as_deref())?),
        file_name: ActiveValue::Set(sealed("file_name", new.file.as_ref().map(|(name, _)| name.as_bytes()))?),
        file_sha256: ActiveValue::Set(new.file.as_ref().map(|(_, content)| sha256_hex(content))),
        recorded_by: ActiveValue::Set(new.by.map(|person| person.0)),
        file_bytes: ActiveValue::Set(
            new.file.as_ref().map(|(_, content)| i64::try_from(content.len()).unwrap_or(i64::MAX)),
        ),
    };
    if let Some((_, content)) = &new.file {
        vault.put_file(id, content)?;
    }
    let change = operator.begin().await?;
    if let Err(error) = change.insert(row).await {
        if new.file.is_some() {
            vault.remove_file(id)?;
        }
        return Err(error.into());
    }
    // If the answer to the commit is lost, the row may stand: then the file must too. Without its row it harms nobody.
    change
        .commit(
            Event::EvidenceRecorded { claim: new.claim.clone(), evidence: id, by: new.by.map(|person| person.0) },
            now,
        )
        .await?;
    Ok(id)
}

fn check(profile: &Profile, new: &NewEvidence, now: OffsetDateTime) -> Result<Date, EvidenceError> {
    let claim = profile.claim(&new.claim).ok_or_else(|| EvidenceError::NoSuchClaim(new.claim.clone()))?;
    let id = || claim.id.clone();
    if claim.withdrawn.is_some() {
        return Err(EvidenceError::Withdrawn(id()));
    }
    let requires = match &claim.binding {
        Binding::Evidence { requires, .. } => requires.as_slice(),
        Binding::Milestone { .. } => &[],
        Binding::Checks { .. } | Binding::Coming { .. } => return Err(EvidenceError::Enforced(id())),
        Binding::Published { .. } => return Err(EvidenceError::Published(id())),
    };
    let missing = requires.iter().find(|field| new.fields.get(*field).is_none_or(|value| value.trim().is_empty()));
    if let Some(missing) = missing {
        return Err(EvidenceError::Incomplete { claim: id(), missing: missing.clone() });
    }
    if new.expires.is_some() && new.certifies.is_none() {
        return Err(EvidenceError::ExpiryOfNothing);
    }
    if new.certifies.is_some() && new.expires.is_none() {
        return Err(EvidenceError::CertificateForEver);
    }
    if new.file.as_ref().is_some_and(|(_, content)| content.len() as u64 > LARGEST_FILE) {
        return Err(EvidenceError::TooLarge);
    }
    if new.file.as_ref().is_some_and(|(_, content)| content.is_empty()) {
        return Err(EvidenceError::Empty);
    }
    let dated = new.dated.ok_or(EvidenceError::NoDate)?;
    if dated > now.date() {
        return Err(EvidenceError::InTheFuture(dated));
    }
    if dated < EARLIEST {
        return Err(EvidenceError::LongAgo(dated));
    }
    if new.file.as_ref().is_some_and(|(name, content)| !is_what_it_says(name, content)) {
        return Err(EvidenceError::WrongKind);
    }
    if new.file.is_none() && new.note.as_ref().is_none_or(|note| note.trim().is_empty()) {
        return Err(EvidenceError::ShowsNothing);
    }
    Ok(dated)
}

/// Whether a file is of a kind that can show something, by its own bytes, and called as such.
fn is_what_it_says(sent: &str, content: &[u8]) -> bool {
    let ending = name::ending(sent);
    Kind::sniffed(content, &ending).is_some_and(|kind| kind.endings().contains(&ending.as_str()))
}
