//! Sealed storage: one data key per owner, wrapped by the master key, and files that are sealed before a byte leaves the process.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::crypto::keys::{KeyError, MasterKey, Origin};
use crate::crypto::seal::{SealError, SecretKey};
use crate::crypto::secret::MacKey;
use crate::entity::data_key;
use crate::guard::Operator;

/// The owner of what belongs to no organisation.
const PLATFORM: &str = "platform";

/// The owner of the key for keyed hashes: indexes made with it must outlive a rotation of the other.
const HASHES: &str = "platform-hashes";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the data folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Opens and seals what the platform itself keeps.
#[derive(Clone, Debug)]
pub struct Vault {
    key_id: Uuid,
    key: Arc<SecretKey>,
    hashes: Arc<MacKey>,
    master: Arc<MasterKey>,
    environment: &'static str,
    folder: PathBuf,
}

impl Vault {
    /// Opens the platform's data key, or makes it at the first start.
    ///
    /// # Errors
    /// [`KeyError::Wrong`] when the master key is not the one that the data was sealed with.
    pub async fn open(
        operator: &Operator,
        master: Arc<MasterKey>,
        environment: &'static str,
        data: &Path,
        now: OffsetDateTime,
    ) -> Result<Self, VaultError> {
        let (key_id, key) = open_or_make(operator, &master, environment, PLATFORM, now).await?;
        let (_, hashes) = open_or_make(operator, &master, environment, HASHES, now).await?;
        let (key, hashes) = (Arc::new(key), Arc::new(MacKey::new(hashes)));
        Ok(Self { key_id, key, hashes, master, environment, folder: data.join("evidence") })
    }

    /// For what is found or recognised without being stored: indexes, tokens, buckets.
    pub fn hashes(&self) -> &MacKey {
        &self.hashes
    }

    pub fn key_id(&self) -> Uuid {
        self.key_id
    }

    pub fn origin(&self) -> Origin {
        self.master.origin
    }

    /// # Errors
    /// See [`SealError`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.seal(place, plain)
    }

    /// # Errors
    /// See [`SealError`].
    pub fn open_sealed(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.key.open(place, sealed)
    }

    /// Seals a file into the data folder: whole, and on the disk, or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put_file(&self, id: Uuid, plain: &[u8]) -> Result<PathBuf, VaultError> {
        std::fs::create_dir_all(&self.folder)?;
        let (path, half) = (self.folder.join(id.to_string()), self.folder.join(format!("{id}.part")));
        let sealed = self.key.seal(&file_place(id), plain)?;
        let written = std::fs::File::create(&half).and_then(|mut file| {
            file.write_all(&sealed)?;
            file.sync_all()?;
            std::fs::rename(&half, &path)?;
            std::fs::File::open(&self.folder)?.sync_all()
        });
        if let Err(error) = written {
            let _ = std::fs::remove_file(&half);
            return Err(error.into());
        }
        Ok(path)
    }

    /// # Errors
    /// When the file is gone or was changed.
    pub fn get_file(&self, id: Uuid) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed = std::fs::read(self.folder.join(id.to_string()))?;
        Ok(self.key.open(&file_place(id), &sealed)?)
    }

    /// # Errors
    /// When the file cannot be removed.
    pub fn remove_file(&self, id: Uuid) -> Result<(), VaultError> {
        Ok(std::fs::remove_file(self.folder.join(id.to_string()))?)
    }

    /// Opens every stored data key: how many there are.
    ///
    /// # Errors
    /// When one does not open.
    pub async fn open_all_keys(&self, operator: &Operator) -> Result<usize, VaultError> {
        let rows = operator.all(data_key::Entity::find()).await?;
        for row in &rows {
            open_row(&self.master, self.environment, row)?;
        }
        Ok(rows.len())
    }
}

fn file_place(id: Uuid) -> String {
    format!("evidence/{id}/file")
}

fn open_row(master: &MasterKey, environment: &'static str, row: &data_key::Model) -> Result<SecretKey, KeyError> {
    if row.environment != environment {
        return Err(KeyError::OtherEnvironment { found: row.environment.clone(), here: environment.to_owned() });
    }
    master.unwrap_key(row.id, &row.owner, &row.environment, &row.wrapped)
}

async fn open_or_make(
    operator: &Operator,
    master: &MasterKey,
    environment: &'static str,
    owner: &str,
    now: OffsetDateTime,
) -> Result<(Uuid, SecretKey), VaultError> {
    let rows = operator.all(data_key::Entity::find().filter(data_key::Column::Owner.eq(owner))).await?;
    match rows.into_iter().next() {
        Some(row) => Ok((row.id, open_row(master, environment, &row)?)),
        None => make(operator, master, environment, owner, now).await,
    }
}

async fn make(
    operator: &Operator,
    master: &MasterKey,
    environment: &'static str,
    owner: &str,
    now: OffsetDateTime,
) -> Result<(Uuid, SecretKey), VaultError> {
    let (id, key) = (Uuid::now_v7(), SecretKey::random()?);
    let wrapped = master.wrap(id, owner, environment, &key)?;
    let change = operator.begin().await?;
    // Another instance may have made it since we looked.
    if let Some(row) = change.one(data_key::Entity::find().filter(data_key::Column::Owner.eq(owner))).await? {
        return Ok((row.id, open_row(master, environment, &row)?));
    }
    change
        .insert(data_key::ActiveModel {
            id: ActiveValue::Set(id),
            owner: ActiveValue::Set(owner.to_owned()),
            environment: ActiveValue::Set(environment.to_owned()),
            wrapped: ActiveValue::Set(wrapped),
            made_at_ms: ActiveValue::Set(to_ms(now)),
        })
        .await?;
    change.commit(Event::DataKeyMade { key: id }, now).await?;
    Ok((id, key))
}
