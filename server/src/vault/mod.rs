//! Sealed storage: one data key per owner, wrapped by the master key, and files that are sealed before a byte leaves the process.

mod files;
mod keyring;
pub mod keys;
mod published;
mod stream;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter, Select};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::Event;
use crate::clock::{from_ms, to_ms};
use crate::crypto::keys::{KeyError, MasterKey, Origin};
use crate::crypto::seal::{SealError, SecretKey};
use crate::crypto::secret::MacKey;
use crate::crypto::sign::SigningKey;
use crate::entity::{data_key, organisation};
use crate::guard::{Operator, TenantDb, TenantId};

pub use self::keyring::Keyring;
pub use self::published::Published;

/// The owner of what belongs to no organisation.
const PLATFORM: &str = "platform";

/// The owner of the key for keyed hashes: indexes made with it must outlive a rotation of the other.
const HASHES: &str = "platform-hashes";

/// The owner of the key that signs the heads of logs.
const SIGNATURES: &str = "platform-signatures";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A purge has destroyed the keys: what they sealed is gone, and no new one is made in their place.
    #[error("the keys of this organisation were destroyed")]
    Destroyed,
    #[error("the data folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Whether an owner's keys encrypt data, and so have the cryptoperiod of data keys. The other two make indexes, which must outlive a rotation,
/// and sign heads, which whoever took one along must still be able to verify.
pub(crate) fn encrypts(owner: &str) -> bool {
    owner != HASHES && owner != SIGNATURES
}

/// Opens and seals what the platform itself keeps, and has the keys of organisations.
#[derive(Clone, Debug)]
pub struct Vault {
    keys: Arc<RwLock<Arc<Keyring>>>,
    hashes: Arc<MacKey>,
    signing: Arc<SigningKey>,
    master: Arc<MasterKey>,
    environment: &'static str,
    folder: PathBuf,
    operator: Operator,
    tenants: Arc<RwLock<Rings>>,
    /// What time it is, as whoever holds the clock last said.
    latest: Arc<AtomicI64>,
}

/// A new key opens at once and seals after this long, so that every instance has heard of it before it meets its first value. The keys of a closed
/// organisation are read whenever they are used, so there it seals at once.
const KNOWN_AFTER: Duration = Duration::minutes(1);

/// How many organisations' keys are at hand at once. What is gone, such as the self-test's own, does not stay in memory for ever.
const RINGS_AT_HAND: usize = 4096;

/// For how long the keys of an organisation are used as they were read.
const HEARD_WITHIN_MS: i64 = 30_000;

/// The keys of organisations, and when they were read.
type Rings = HashMap<Uuid, (i64, Arc<Keyring>)>;

/// The key of an organisation that is being made, to be written with it.
#[derive(Debug)]
pub struct NewKey {
    pub(crate) row: data_key::ActiveModel,
    pub(crate) ring: Arc<Keyring>,
}

/// Who owns an organisation's keys, as the table says it.
pub(crate) fn owner_of(tenant: TenantId) -> String {
    format!("organisation/{}", tenant.0)
}

fn owned_by(tenant: TenantId) -> Select<data_key::Entity> {
    data_key::Entity::find().filter(data_key::Column::Owner.eq(owner_of(tenant)))
}

fn itself(tenant: TenantId) -> Select<organisation::Entity> {
    organisation::Entity::find().filter(organisation::Column::Id.eq(tenant.0))
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
        let keys = ring(operator, &master, environment, PLATFORM, now).await?;
        let (_, hashes) = open_or_make(operator, &master, environment, HASHES, now).await?;
        let (_, signing) = open_or_make(operator, &master, environment, SIGNATURES, now).await?;
        Ok(Self {
            keys: Arc::new(RwLock::new(Arc::new(keys))),
            hashes: Arc::new(MacKey::new(hashes)),
            signing: Arc::new(SigningKey::new(&signing)?),
            master,
            environment,
            folder: data.join("evidence"),
            operator: operator.clone(),
            tenants: Arc::default(),
            latest: Arc::new(AtomicI64::new(to_ms(now))),
        })
    }

    /// The vault of a copy of this instance: under the same master key, with what the copy has of the keys.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub async fn of_copy(&self, operator: &Operator, data: &Path, now: OffsetDateTime) -> Result<Self, VaultError> {
        Self::open(operator, Arc::clone(&self.master), self.environment, data, now).await
    }

    /// The platform's own keys.
    pub(crate) fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What signs the heads of logs.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The keys of an organisation. An organisation of an earlier release gets its first one here.
    ///
    /// # Errors
    /// When the database does not answer, or a key does not open.
    pub async fn tenant(&self, tenant: TenantId) -> Result<Arc<Keyring>, VaultError> {
        if let Some(ring) = self.at_hand(tenant) {
            return Ok(ring);
        }
        let rows = self.operator.all(owned_by(tenant)).await?;
        let own = self.operator.all(itself(tenant)).await?;
        if !rows.is_empty() {
            return self.read(tenant, rows, own.first());
        }
        // One without a key is of an earlier release, unless its purge has begun: a request that came in before must not give it a new one.
        if own.first().is_none_or(|row| row.purge_began_at_ms.is_some()) {
            return Err(VaultError::Destroyed);
        }
        let now = from_ms(self.latest.load(Ordering::Relaxed));
        let found = ring(&self.operator, &self.master, self.environment, &owner_of(tenant), now).await?;
        Ok(self.keep(tenant, found))
    }

    /// Those of a closed organisation may be replaced at any moment, when all but what is held of it goes: they are not kept at hand.
    fn read(
        &self,
        tenant: TenantId,
        rows: Vec<data_key::Model>,
        own: Option<&organisation::Model>,
    ) -> Result<Arc<Keyring>, VaultError> {
        if own.is_some_and(|own| own.closed_at_ms.is_some()) {
            return Ok(Arc::new(opened_rows(&self.master, self.environment, rows, |_| true)?));
        }
        let now = from_ms(self.latest.load(Ordering::Relaxed));
        Ok(self.keep(tenant, open_rows(&self.master, self.environment, rows, now)?))
    }

    /// The keys of an organisation as they are this moment, of which this one seals.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when it has no such key.
    pub(crate) async fn sealing_with(&self, tenant: TenantId, key: Uuid) -> Result<Keyring, VaultError> {
        let rows = self.operator.all(owned_by(tenant)).await?;
        if !rows.iter().any(|row| row.id == key) {
            return Err(VaultError::Destroyed);
        }
        let found = opened_rows(&self.master, self.environment, rows, |_| true)?;
        Ok(Keyring { active: key, ..found })
    }

    /// The same for whoever has a view open, read through it: if each who holds a connection waited for a second one, all would wait for
    /// each other as soon as the pool is empty.
    pub(crate) async fn within(&self, view: &TenantDb) -> Result<Arc<Keyring>, VaultError> {
        let tenant = view.tenant();
        if let Some(ring) = self.at_hand(tenant) {
            return Ok(ring);
        }
        let rows = view.unscoped("the organisation's own keys, by their owner", owned_by(tenant)).await?;
        if rows.is_empty() {
            return self.tenant(tenant).await;
        }
        let own = view.unscoped("the organisation's own row", itself(tenant)).await?;
        self.read(tenant, rows, own.first())
    }

    /// Read lately enough.
    fn at_hand(&self, tenant: TenantId) -> Option<Arc<Keyring>> {
        let latest = self.latest.load(Ordering::Relaxed);
        let at_hand = self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&tenant.0).cloned();
        at_hand.filter(|(read_at, _)| (0..HEARD_WITHIN_MS).contains(&(latest - read_at))).map(|(_, ring)| ring)
    }

    fn keep(&self, tenant: TenantId, found: Keyring) -> Arc<Keyring> {
        let (found, latest) = (Arc::new(found), self.latest.load(Ordering::Relaxed));
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= RINGS_AT_HAND {
            tenants.clear();
        }
        tenants.insert(tenant.0, (latest, Arc::clone(&found)));
        found
    }

    /// Lets go of the keys of an organisation that is gone.
    pub(crate) fn forget(&self, tenant: TenantId) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(&tenant.0);
    }

    /// A key for an organisation that is about to be made.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new_key(&self, tenant: TenantId, now: OffsetDateTime) -> Result<NewKey, VaultError> {
        let (id, key, owner) = (Uuid::now_v7(), SecretKey::random()?, owner_of(tenant));
        let wrapped = self.master.wrap(id, &owner, self.environment, &key)?;
        let row = row(id, &owner, self.environment, wrapped, now);
        let ring = Keyring { active: id, oldest: id, keys: HashMap::from([(id, key)]) };
        Ok(NewKey { row, ring: Arc::new(ring) })
    }

    /// Gives an owner a new key, which seals from a minute later on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rotate(&self, tenant: Option<TenantId>, now: OffsetDateTime) -> Result<Uuid, VaultError> {
        let owner = tenant.map_or_else(|| PLATFORM.to_owned(), owner_of);
        let (id, _) = make(&self.operator, &self.master, self.environment, &owner, now, true).await?;
        self.refresh(now).await?;
        Ok(id)
    }

    /// Hears of keys that were made elsewhere.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh(&self, now: OffsetDateTime) -> Result<(), VaultError> {
        self.tick(now).await?;
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Tells what time it is, and hears of the platform's keys. Asked every few seconds; an organisation's keys are read anew when they are
    /// used and were read half a minute ago, which is well within the minute that a new key waits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tick(&self, now: OffsetDateTime) -> Result<(), VaultError> {
        self.latest.store(to_ms(now), Ordering::Relaxed);
        let fresh = ring(&self.operator, &self.master, self.environment, PLATFORM, now).await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        Ok(())
    }

    /// For what is found or recognised without being stored: indexes, tokens, buckets.
    pub fn hashes(&self) -> &MacKey {
        &self.hashes
    }

    pub fn key_id(&self) -> Uuid {
        self.ring().active
    }

    /// Which environment this is.
    pub fn environment(&self) -> &'static str {
        self.environment
    }

    pub fn origin(&self) -> Origin {
        self.master.origin
    }

    /// # Errors
    /// See [`SealError`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.ring().seal(place, plain)
    }

    /// # Errors
    /// See [`SealError`].
    pub fn open_sealed(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.ring().open(place, sealed)
    }

    /// Whose keys there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn owners(&self, operator: &Operator) -> Result<Vec<String>, DbErr> {
        Ok(operator.all(data_key::Entity::find()).await?.into_iter().map(|row| row.owner).collect())
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
        None => make(operator, master, environment, owner, now, false).await,
    }
}

/// All keys of an owner; the first is made if there is none.
async fn ring(
    operator: &Operator,
    master: &MasterKey,
    environment: &'static str,
    owner: &str,
    now: OffsetDateTime,
) -> Result<Keyring, VaultError> {
    open_or_make(operator, master, environment, owner, now).await?;
    let rows = operator.all(data_key::Entity::find().filter(data_key::Column::Owner.eq(owner))).await?;
    open_rows(master, environment, rows, now)
}

/// Whether every instance has heard of a key, so that it may seal.
fn heard_of(row: &data_key::Model, now: OffsetDateTime) -> bool {
    from_ms(row.made_at_ms) + KNOWN_AFTER <= now
}

fn open_rows(
    master: &MasterKey,
    environment: &'static str,
    rows: Vec<data_key::Model>,
    now: OffsetDateTime,
) -> Result<Keyring, VaultError> {
    opened_rows(master, environment, rows, |row| heard_of(row, now))
}

/// `known`: whether a key may seal already.
fn opened_rows(
    master: &MasterKey,
    environment: &'static str,
    rows: Vec<data_key::Model>,
    known: impl Fn(&data_key::Model) -> bool,
) -> Result<Keyring, VaultError> {
    let opened: Result<Vec<_>, KeyError> =
        rows.into_iter().map(|row| open_row(master, environment, &row).map(|key| (row, key))).collect();
    Ok(Keyring::of(opened?, known).ok_or(KeyError::Wrong)?)
}

fn row(id: Uuid, owner: &str, environment: &str, wrapped: Vec<u8>, now: OffsetDateTime) -> data_key::ActiveModel {
    data_key::ActiveModel {
        id: ActiveValue::Set(id),
        owner: ActiveValue::Set(owner.to_owned()),
        environment: ActiveValue::Set(environment.to_owned()),
        wrapped: ActiveValue::Set(wrapped),
        made_at_ms: ActiveValue::Set(to_ms(now)),
    }
}

async fn make(
    operator: &Operator,
    master: &MasterKey,
    environment: &'static str,
    owner: &str,
    now: OffsetDateTime,
    another: bool,
) -> Result<(Uuid, SecretKey), VaultError> {
    let (id, key) = (Uuid::now_v7(), SecretKey::random()?);
    let wrapped = master.wrap(id, owner, environment, &key)?;
    let change = operator.begin().await?;
    // Another instance may have made it since we looked.
    if !another
        && let Some(row) = change.one(data_key::Entity::find().filter(data_key::Column::Owner.eq(owner))).await?
    {
        return Ok((row.id, open_row(master, environment, &row)?));
    }
    change.insert(row(id, owner, environment, wrapped, now)).await?;
    change.commit(Event::DataKeyMade { key: id }, now).await?;
    Ok((id, key))
}
