//! Copies of everything, sealed before a byte leaves the process; bringing one back; and the drill that proves it can be done.
//!
//! Data keys are not in a copy. They travel in a keyring of their own, one at each destination, which is written over: of an organisation whose
//! key was destroyed, an old copy holds only what nobody can open.

pub mod archive;
pub mod components;
pub mod destination;
pub mod drill;
pub mod keyring;
pub mod objects;
pub mod pruning;
pub mod receipts;
pub mod restore;
pub mod schedule;
pub mod sealed;
pub mod take;

use std::path::{Path, PathBuf};

use sea_orm::DbErr;
use uuid::Uuid;

pub use self::destination::Destination;
pub use self::keyring::{KeysWritten, keys_changed};
pub use self::sealed::BackupKey;
use crate::blobs::{BlobError, Blobs};
use crate::crypto::keys::MasterKey;
use crate::crypto::seal::SealError;
use crate::guard::{CopyError, Where};

/// Folders of the data folder that go along. What lies in them is sealed already, or is public.
const FOLDERS: &[&str] = &["evidence", "heads", "files"];

/// What copying and restoring work with.
#[derive(Clone, Debug)]
pub struct Backups {
    pub data: PathBuf,
    pub place: Where,
    pub environment: &'static str,
    pub production: bool,
    pub destinations: Vec<Destination>,
    pub key: BackupKey,
    /// The live store of files, where it is not the folder below the data.
    pub objects: Option<Blobs>,
    /// The profile that a copy has to be of.
    pub profile: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "there is nowhere to put a copy; give --to, or set AVOUCH_BACKUP_TO to a folder or an address such as s3://bucket/prefix"
    )]
    NoDestination,
    #[error("the destination {label} cannot be used: {why}")]
    Destination { label: String, why: String },
    #[error("there is no backup at {0}")]
    NoBackup(String),
    #[error("this is not a backup of Avouch")]
    NotOurs,
    #[error(
        "this backup was sealed under another master key (its key is {found}, the given one makes {here}); set AVOUCH_MASTER_KEY to the right one"
    )]
    WrongKey { found: String, here: String },
    #[error(
        "this backup is of the environment \"{found}\" and this is \"{here}\"; copies do not go from one to another"
    )]
    OtherEnvironment { found: String, here: String },
    #[error("this backup was changed or cut off, and nothing of it was used")]
    Damaged,
    #[error("this backup was made by a newer program ({0})")]
    NewerFormat(String),
    #[error(
        "the keyring is not beside the backup; without it nothing in the backup can be opened, so put it there or name it with --keys"
    )]
    NoKeyring,
    #[error("this backup is of {found}, and this configuration is of {here}")]
    OtherDatabase { found: String, here: &'static str },
    #[error(
        "this backup is of the profile {found}, not of {here}; name {found} with --profile, and change it afterwards with avouch profile adopt if that is what you mean"
    )]
    OtherProfile { found: String, here: String },
    #[error("the folder {} is not empty; restore into an empty one", .0.display())]
    NotEmpty(PathBuf),
    #[error("what was restored is not what was copied: {0}")]
    Differs(String),
    #[error("a backup is being made already")]
    UnderWay,
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Files(#[from] std::io::Error),
    #[error("the database did not answer: {0}")]
    Database(#[from] DbErr),
    #[error(transparent)]
    Objects(#[from] BlobError),
    #[error("what was restored does not open: {0}")]
    Vault(#[from] crate::vault::VaultError),
}

impl BackupError {
    /// The cause alone, for whoever names the destination beside it.
    fn why(&self) -> String {
        if let Self::Destination { why, .. } = self { why.clone() } else { self.to_string() }
    }

    /// Whether the copy is at fault, and not how it was asked for.
    pub const fn is_of_the_copy(&self) -> bool {
        match self {
            Self::Damaged | Self::Differs(_) | Self::NotOurs | Self::Vault(_) => true,
            Self::NoDestination
            | Self::Destination { .. }
            | Self::NoBackup(_)
            | Self::WrongKey { .. }
            | Self::OtherEnvironment { .. }
            | Self::NewerFormat(_)
            | Self::NoKeyring
            | Self::OtherDatabase { .. }
            | Self::OtherProfile { .. }
            | Self::NotEmpty(_)
            | Self::UnderWay
            | Self::Copy(_)
            | Self::Seal(_)
            | Self::Files(_)
            | Self::Objects(_)
            | Self::Database(_) => false,
        }
    }
}

impl Backups {
    pub fn new(
        (data, place): (&Path, &Where),
        environment: &'static str,
        master: &MasterKey,
        destinations: Vec<Destination>,
    ) -> Self {
        Self {
            data: data.to_owned(),
            place: place.clone(),
            environment,
            production: environment == "production",
            destinations,
            key: BackupKey::new(master.backup_key()),
            objects: None,
            profile: None,
        }
    }

    /// The same with a live store of files that does not lie below the data folder.
    #[must_use]
    pub fn with_objects(self, objects: Option<Blobs>) -> Self {
        Self { objects, ..self }
    }

    /// The same, for a copy of this profile and of no other.
    #[must_use]
    pub fn of_profile(self, profile: &str) -> Self {
        Self { profile: Some(profile.to_owned()), ..self }
    }

    /// Which kind of database this instance has.
    pub const fn database(&self) -> &'static str {
        match self.place {
            Where::Embedded(_) => "sqlite",
            Where::Postgres { .. } => "postgresql",
        }
    }

    fn scratch(&self, what: &str) -> Result<Scratch, BackupError> {
        Scratch::below(&self.data, what)
    }
}

/// A private folder that goes when it is dropped.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn below(data: &Path, what: &str) -> Result<Self, BackupError> {
        use std::os::unix::fs::DirBuilderExt;
        let path = data.join("scratch").join(format!("{what}-{}", Uuid::now_v7().simple()));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        // Only when it was the last.
        let _ = self.0.parent().map(std::fs::remove_dir);
    }
}

/// Work that reads and writes files, away from the threads that answer people.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|broken| std::io::Error::other(broken.to_string()))?
}
