//! Consistent copies of whole databases, and the looking at one row by row. The only other place that sees a connection.
//!
//! Data keys never go along: what a copy holds of an organisation opens only as long as its key is elsewhere.

mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::database::Where;
use super::proof::Operator;

/// The table that stays behind.
const KEYS: &str = "data_key";

/// Whose organisations are real: those of the self-test come and go.
const ORGANISATIONS: &str = "select e.location from environment e join organisation o on o.id = e.tenant_id \
     where o.slug not like '.%' order by e.location";

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("PostgreSQL: {0}")]
    Postgres(#[from] sea_orm::sqlx::Error),
    #[error(
        "{0} was not found; install PostgreSQL's client programs, of the server's version or newer (Debian: postgresql-client)"
    )]
    NoTool(&'static str),
    #[error("{tool} ended with: {said}")]
    Tool { tool: &'static str, said: String },
    #[error("{0} is not empty; restore into an empty one")]
    NotEmpty(String),
    #[error(
        "an organisation of this backup has its login or its database ({0}) on this server already, and their names are fixed; restore into another cluster"
    )]
    Taken(String),
    #[error("the database's address is not understood")]
    Address,
    #[error("the database stayed busy")]
    Busy,
    #[error(transparent)]
    Files(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
}

/// A table's rows: how many, and the sum modulo 2^256 of the SHA-256 of each. The sum does not depend on an order that neither database
/// promises; it finds what was damaged, while what was forged is found by the seal of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    pub name: String,
    pub rows: u64,
    pub hash: String,
}

/// Where a log ended: of an organisation, or of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEnd {
    pub log: String,
    pub seq: i64,
    pub hash: String,
}

/// What stands in one database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    pub schema: Vec<String>,
    pub tables: Vec<TableSum>,
    pub heads: Vec<LogEnd>,
}

impl Contents {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// One database of a copy: its name inside the archive, the file, and what stands in it.
#[derive(Debug)]
pub struct Copied {
    pub name: String,
    pub file: PathBuf,
    pub contents: Contents,
}

/// A data key as it is stored: wrapped by the master key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WrappedKey {
    pub id: Uuid,
    pub owner: String,
    pub environment: String,
    pub wrapped: String,
    pub made_at_ms: i64,
}

/// A sum of hashes modulo 2^256, in 32-bit limbs, lowest first.
#[derive(Clone, Copy, Debug, Default)]
struct RowSum {
    rows: u64,
    limbs: [u32; 8],
}

impl RowSum {
    fn add(&mut self, row: &[u8]) {
        let hash: [u8; 32] = Sha256::digest(row).into();
        let mut other = [0; 8];
        for (limb, bytes) in other.iter_mut().zip(hash.chunks_exact(4)) {
            *limb = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        self.merge(&Self { rows: 1, limbs: other });
    }

    fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        let mut carry = 0_u64;
        for (limb, more) in self.limbs.iter_mut().zip(other.limbs) {
            let sum = u64::from(*limb) + u64::from(more) + carry;
            *limb = u32::try_from(sum & 0xffff_ffff).unwrap_or(0);
            carry = sum >> 32;
        }
    }

    fn named(self, name: String) -> TableSum {
        let bytes: Vec<u8> = self.limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        TableSum { name, rows: self.rows, hash: crate::crypto::hex(&bytes) }
    }
}

/// A database that was restored, and may be looked at.
#[derive(Clone, Debug)]
pub enum Restored {
    File(PathBuf),
    Server { url: String },
}

impl Restored {
    /// # Errors
    /// When it cannot be read.
    pub async fn contents(&self) -> Result<Contents, CopyError> {
        match self {
            Self::File(file) => {
                let file = file.clone();
                blocking(move || sqlite::look(&file)).await
            }
            Self::Server { url } => postgres::look(url).await,
        }
    }

    /// Gives back the keys that there still are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn put_keys(&self, keys: Vec<WrappedKey>) -> Result<(), CopyError> {
        match self {
            Self::File(file) => {
                let file = file.clone();
                blocking(move || sqlite::put_keys(&file, &keys)).await
            }
            Self::Server { url } => postgres::put_keys(url, &keys).await,
        }
    }
}

impl Operator {
    /// Copies every database of this instance below `folder`: the platform's first, so that an event which is on its way to an organisation's
    /// own log is in one of the two.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub(crate) async fn copy_databases(&self, place: &Where, folder: &Path) -> Result<Vec<Copied>, CopyError> {
        let own = self.store().own.is_some();
        match place {
            Where::Embedded(data) => {
                let (data, folder) = (data.clone(), folder.to_owned());
                blocking(move || sqlite::copy_all(&data, &folder, own)).await
            }
            Where::Postgres { admin_url, .. } => postgres::copy_all(admin_url, folder, own).await,
        }
    }
}

/// Makes an empty database on the server for a drill.
pub(crate) async fn scratch_database(place: &Where, name: &str) -> Result<Option<Restored>, CopyError> {
    match place {
        Where::Embedded(_) => Ok(None),
        Where::Postgres { admin_url, .. } => {
            postgres::statement(admin_url, &format!("create database \"{name}\"")).await?;
            Ok(Some(Restored::Server { url: postgres::at(admin_url, name)? }))
        }
    }
}

pub(crate) async fn drop_scratch_database(place: &Where, name: &str) -> Result<(), CopyError> {
    match place {
        Where::Embedded(_) => Ok(()),
        Where::Postgres { admin_url, .. } => {
            postgres::statement(admin_url, &format!("drop database if exists \"{name}\" with (force)")).await
        }
    }
}

/// Where one dump of an archive goes on the server: the platform's into its database, an organisation's into its own, which is made.
pub(crate) async fn database_for(place: &Where, stem: &str) -> Result<Option<Restored>, CopyError> {
    let Where::Postgres { admin_url, .. } = place else { return Ok(None) };
    let Some(tenant) = stem.strip_prefix("avouch_o_") else {
        return Ok(Some(Restored::Server { url: admin_url.clone() }));
    };
    let tenant = Uuid::parse_str(tenant).map_err(|_| CopyError::Address)?;
    let url = super::own::make_empty_on_server(admin_url, super::TenantId(tenant)).await?;
    Ok(Some(Restored::Server { url }))
}

/// What the login of an organisation's own database may do there.
pub(crate) async fn grant_own(place: &Where, stem: &str) -> Result<(), CopyError> {
    let Where::Postgres { admin_url, .. } = place else { return Ok(()) };
    let Some(Ok(tenant)) = stem.strip_prefix("avouch_o_").map(Uuid::parse_str) else { return Ok(()) };
    Ok(super::own::grant_on_server(admin_url, super::TenantId(tenant)).await?)
}

/// Refuses a server that keeps something already.
pub(crate) async fn refuse_unless_empty(place: &Where) -> Result<(), CopyError> {
    match place {
        Where::Embedded(_) => Ok(()),
        Where::Postgres { admin_url, .. } => postgres::refuse_unless_empty(admin_url).await,
    }
}

/// Refuses a server that has one of these databases of organisations, or its login.
pub(crate) async fn refuse_if_taken(place: &Where, names: Vec<String>) -> Result<(), CopyError> {
    match place {
        Where::Postgres { admin_url, .. } if !names.is_empty() => postgres::refuse_if_taken(admin_url, names).await,
        Where::Embedded(_) | Where::Postgres { .. } => Ok(()),
    }
}

/// Fills an empty database of a server from a dump.
pub(crate) async fn fill(restored: &Restored, dump: &Path) -> Result<(), CopyError> {
    match restored {
        Restored::File(_) => Ok(()),
        Restored::Server { url } => {
            postgres::refuse_unless_empty(url).await?;
            postgres::fill(url, dump).await
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    tokio::task::spawn_blocking(work).await.map_err(|broken| std::io::Error::other(broken.to_string()))?
}
