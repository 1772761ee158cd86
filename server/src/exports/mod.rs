//! Everything of an organisation as one archive that other programs read: asked for by a member, made from one snapshot, kept sealed for a while,
//! and taken in again by another instance. The same engine makes the copy that a person takes of what is theirs.

pub mod approval;
pub(crate) mod archive;
pub mod asking;
mod attached;
mod classes;
mod former;
pub mod import;
mod lines;
mod log;
pub(crate) mod look;
mod making;
pub(crate) mod manifest;
mod mask;
pub mod offered;
mod packing;
mod people;
pub mod personal;
mod progress;
mod records;
mod reviews;
pub(crate) mod table;
mod words;
pub mod work;
pub(crate) mod zip;

use sea_orm::DbErr;
use uuid::Uuid;

use crate::blobs::BlobError;
use crate::crypto::seal::SealError;
use crate::guard::TenantId;
use crate::identity::Refusal;
use crate::vault::VaultError;

pub(crate) use self::zip::ZipError;

/// Why an archive was not made, or not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("nobody has said whether {0} is personal")]
    Unclassified(String),
    /// What was offered is no archive of ours, or not as it was signed.
    #[error("this archive cannot be used: {0}")]
    Archive(String),
    #[error("somebody else took it over, or it was removed")]
    Stopped,
    #[error("{0}")]
    Broken(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error("the compressor: {0}")]
    Compressor(#[from] std::io::Error),
}

/// The words for where an archive stands.
pub(crate) mod state {
    pub(crate) const QUEUED: &str = "queued";
    pub(crate) const RUNNING: &str = "running";
    pub(crate) const READY: &str = "ready";
    pub(crate) const FAILED: &str = "failed";
    pub(crate) const EXPIRED: &str = "expired";
}

/// Where an archive lies in the store. Each who begins it has a place of its own: whoever was thought gone, and goes on nevertheless,
/// neither overwrites nor removes what another made. One that was made before tries were counted has no number.
pub(crate) fn place(tenant: TenantId, id: Uuid, attempt: i64) -> String {
    let number = if attempt == 0 { String::new() } else { format!(".{attempt}") };
    format!("{}/exports/{id}{number}", tenant.0)
}

/// Where a table waits that is too large for memory.
pub(crate) fn aside(tenant: TenantId, id: Uuid, attempt: i64) -> String {
    format!("{}/exports/{id}.{attempt}.table", tenant.0)
}
