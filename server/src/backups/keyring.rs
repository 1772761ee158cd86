//! The wrapped data keys, one object at each destination, written over and never kept in versions: whoever is no longer in it is gone from
//! every copy, however old.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Write;
use time::OffsetDateTime;

use super::sealed::{Opening, Sealing};
use super::{BackupError, BackupKey, Backups, Destination};
use crate::audit::Event;
use crate::clock::to_ms;
use crate::crypto::{hex, sha256_hex};
use crate::entity::{data_key, keyring_copy, purge};
use crate::guard::copy::WrappedKey;
use crate::guard::{Operator, TenantId};
use crate::vault::owner_of;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keyring {
    pub environment: String,
    pub written_at_ms: i64,
    pub(crate) keys: Vec<WrappedKey>,
}

/// Where the newest keyring is, and where it could not be put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysWritten {
    pub written: Vec<String>,
    /// Label and reason of each. An earlier keyring is still there.
    pub unreached: Vec<(String, String)>,
}

/// What the object is called.
pub fn name(environment: &str) -> String {
    format!("avouch-{environment}.keys")
}

impl Keyring {
    /// The keys as they are now: the platform's, and those of organisations that there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn read(operator: &Operator, environment: &str, now: OffsetDateTime) -> Result<Self, BackupError> {
        let here = operator.organisations().await?.into_iter().map(|row| row.id);
        // Of one that is being purged nothing is kept, unless something of it is held.
        let held = purge::Entity::find().filter(purge::Column::Keeps.is_not_null());
        let held = operator.all(held).await?.into_iter().map(|row| row.id);
        let here: BTreeSet<String> = here.chain(held).map(|id| owner_of(TenantId(id))).collect();
        let rows = operator.all(data_key::Entity::find().order_by_asc(data_key::Column::Id)).await?;
        let kept = rows.into_iter().filter(|row| !row.owner.starts_with("organisation/") || here.contains(&row.owner));
        let keys = kept.map(|row| WrappedKey {
            id: row.id,
            owner: row.owner,
            environment: row.environment,
            wrapped: hex(&row.wrapped),
            made_at_ms: row.made_at_ms,
        });
        Ok(Self { environment: environment.to_owned(), written_at_ms: to_ms(now), keys: keys.collect() })
    }

    /// Tells two keyrings apart; says nothing of the keys.
    pub fn digest(&self) -> String {
        let ids: Vec<String> = self.keys.iter().map(|key| format!("{} {}", key.id, key.owner)).collect();
        sha256_hex(ids.join("\n").as_bytes())
    }

    /// Whether an organisation's data can still be opened with it.
    pub fn has(&self, tenant: TenantId) -> bool {
        self.keys.iter().any(|key| key.owner == owner_of(tenant))
    }

    fn sealed(&self, key: &BackupKey) -> Result<Vec<u8>, BackupError> {
        let plain = serde_json::to_vec(self).map_err(|_| BackupError::Damaged)?;
        let mut sealing = Sealing::begin(Vec::new(), key, &self.environment)?;
        sealing.write_all(&plain)?;
        sealing.finish()
    }

    /// # Errors
    /// See [`Opening`].
    pub fn open(sealed: &[u8], key: &BackupKey, environment: &str) -> Result<Self, BackupError> {
        let plain = Opening::begin(sealed, key, environment)?.whole()?;
        serde_json::from_slice(&plain).map_err(|_| BackupError::Damaged)
    }

    /// The one at a destination.
    ///
    /// # Errors
    /// [`BackupError::NoKeyring`] when there is none.
    pub async fn at(destination: &Destination, key: &BackupKey, environment: &str) -> Result<Self, BackupError> {
        let sealed = destination.get(&name(environment)).await?.ok_or(BackupError::NoKeyring)?;
        Self::open(&sealed, key, environment)
    }

    /// # Errors
    /// When it cannot be reached.
    pub(super) async fn put(&self, destination: &Destination, key: &BackupKey) -> Result<(), BackupError> {
        destination.put(&name(&self.environment), self.sealed(key)?).await
    }
}

/// Writes the keyring anew at every destination that does not have this one: the configured ones, and those that ever got a copy. Called by
/// whoever destroyed a key, and by the schedule, which so tries again where nobody could be reached.
///
/// # Errors
/// When the database does not answer. A destination that cannot be reached is told in what is returned.
pub async fn keys_changed(
    operator: &Operator,
    backups: &Backups,
    now: OffsetDateTime,
) -> Result<KeysWritten, BackupError> {
    let ring = Keyring::read(operator, backups.environment, now).await?;
    let digest = ring.digest();
    let known = operator.all(keyring_copy::Entity::find()).await?;
    let mut told = KeysWritten::default();
    let strangers: Vec<Destination> = known
        .iter()
        .filter(|row| backups.destinations.iter().all(|configured| configured.label != row.destination))
        .filter_map(|row| Destination::parse(&row.destination).ok())
        .collect();
    for destination in backups.destinations.iter().chain(&strangers) {
        let there = known.iter().find(|row| row.destination == destination.label);
        // Before the first backup there is nothing at a destination that a keyring could open.
        if there.is_none_or(|row| row.digest == digest) {
            continue;
        }
        match ring.put(destination, &backups.key).await {
            Ok(()) => {
                note(operator, &destination.label, &digest, now).await?;
                told.written.push(destination.label.clone());
            }
            Err(error) => told.unreached.push((destination.label.clone(), error.to_string())),
        }
    }
    Ok(told)
}

/// That a destination now has this keyring.
pub(super) async fn note(
    operator: &Operator,
    destination: &str,
    digest: &str,
    now: OffsetDateTime,
) -> Result<(), BackupError> {
    let there = keyring_copy::Entity::find().filter(keyring_copy::Column::Destination.eq(destination));
    let change = operator.begin().await?;
    if change.one(there).await?.is_some_and(|row| row.digest == digest) {
        return Ok(());
    }
    let row = keyring_copy::ActiveModel {
        destination: ActiveValue::Set(destination.to_owned()),
        digest: ActiveValue::Set(digest.to_owned()),
        written_at_ms: ActiveValue::Set(to_ms(now)),
    };
    let newer = [keyring_copy::Column::Digest, keyring_copy::Column::WrittenAtMs];
    change.upsert(row, OnConflict::column(keyring_copy::Column::Destination).update_columns(newer).to_owned()).await?;
    Ok(change
        .commit(Event::KeyringWritten { destination: destination.to_owned(), digest: digest.to_owned() }, now)
        .await?)
}
