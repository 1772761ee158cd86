//! The drill: the newest copy is brought back elsewhere and looked at. How long that took, and how old the copy was, is what recovery would
//! have cost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::archive::Manifest;
use super::destination::Object;
use super::keyring::Keyring;
use super::receipts::{self, Drill};
use super::{BackupError, Backups, Destination, Scratch, restore};
use crate::audit::log;
use crate::clock::{Clock, from_ms};
use crate::entity::{entry, organisation};
use crate::guard::copy::{self, Restored};
use crate::guard::{Operator, Store, TenantId, Where};
use crate::organisations::name_place;
use crate::profile::policy::Isolation;
use crate::vault::Vault;

/// How many organisations' values are opened.
const SAMPLE: u64 = 20;

/// What was looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    rows: u64,
    values: u64,
}

/// The newest archive there is, and where: at the configured destinations, and where the last backup went.
///
/// # Errors
/// [`BackupError::NoBackup`] when there is none.
pub async fn newest(operator: &Operator, backups: &Backups) -> Result<(Destination, Object), BackupError> {
    let mut places = backups.destinations.clone();
    for receipt in receipts::backups(&operator.visitor(), 20).await?.into_iter().filter(|receipt| receipt.done) {
        if places.iter().all(|known| known.label != receipt.destination) {
            places.extend(Destination::parse(&receipt.destination).ok());
        }
    }
    if places.is_empty() {
        return Err(BackupError::NoDestination);
    }
    let mut found: Vec<(Destination, Object)> = Vec::new();
    let mut unreached = None;
    for place in &places {
        match place.list("avouch-", ".backup").await {
            Ok(objects) => found.extend(objects.into_iter().next_back().map(|object| (place.clone(), object))),
            Err(error) => unreached = Some(error),
        }
    }
    let newest = found.into_iter().max_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    newest.ok_or_else(|| {
        let labels: Vec<&str> = places.iter().map(|place| place.label.as_str()).collect();
        unreached.unwrap_or_else(|| BackupError::NoBackup(labels.join(", ")))
    })
}

/// Restores the newest copy elsewhere, compares it, measures, and writes the receipt.
///
/// # Errors
/// See [`BackupError`]. A drill that failed has a receipt too, unless there was no copy to try.
pub async fn drill(operator: &Operator, backups: &Backups, vault: &Vault, clock: &Clock) -> Result<Drill, BackupError> {
    let (started, at) = (Instant::now(), clock.now());
    let (destination, object) = newest(operator, backups).await?;
    let done = one(operator, backups, vault, (&destination, &object), at).await;
    let took = Duration::try_from(started.elapsed()).unwrap_or(Duration::MAX);
    let (drill, error) = match done {
        Ok((manifest, looked)) => (good(&object, &manifest, looked, at, took), None),
        Err(error) => (bad(&object, &error, at), Some(error)),
    };
    receipts::drilled(operator, &destination.label, &drill, clock.now()).await?;
    error.map_or(Ok(drill), Err)
}

fn good(object: &Object, manifest: &Manifest, looked: Looked, at: OffsetDateTime, took: Duration) -> Drill {
    Drill {
        at,
        object: object.name.clone(),
        rto: Some(took),
        rpo: Some((at - from_ms(manifest.taken_at_ms)).max(Duration::ZERO)),
        bytes: manifest.bytes(),
        rows: looked.rows,
        done: true,
        said: format!("{} sealed values opened", looked.values),
    }
}

fn bad(object: &Object, error: &BackupError, at: OffsetDateTime) -> Drill {
    let said = error.to_string();
    Drill { at, object: object.name.clone(), rto: None, rpo: None, bytes: object.bytes, rows: 0, done: false, said }
}

async fn one(
    operator: &Operator,
    backups: &Backups,
    vault: &Vault,
    (destination, object): (&Destination, &Object),
    now: OffsetDateTime,
) -> Result<(Manifest, Looked), BackupError> {
    let scratch = backups.scratch("drill")?;
    let ring = Keyring::at(destination, &backups.key, backups.environment).await?;
    let archive = destination.open(&object.name, scratch.path()).await?;
    let manifest = restore::unpack(archive, &backups.key, backups.environment, scratch.path()).await?;
    if manifest.database != backups.database() {
        return Err(BackupError::OtherDatabase { found: manifest.database, here: backups.database() });
    }
    let prefix = format!("avouch_drill_{}", Uuid::now_v7().simple());
    let looked = look(operator, backups, vault, &manifest, ring, (&scratch, &prefix), now).await;
    for which in 0..manifest.databases().count() {
        copy::drop_scratch_database(&backups.place, &format!("{prefix}_{which}")).await?;
    }
    Ok((manifest, looked?))
}

async fn look(
    operator: &Operator,
    backups: &Backups,
    vault: &Vault,
    manifest: &Manifest,
    ring: Keyring,
    (scratch, prefix): (&Scratch, &str),
    now: OffsetDateTime,
) -> Result<Looked, BackupError> {
    let (mut looked, mut platform) = (Looked::default(), None);
    for (which, (part, contents)) in manifest.databases().enumerate() {
        let file = scratch.path().join(&part.name);
        let restored = match copy::scratch_database(&backups.place, &format!("{prefix}_{which}")).await? {
            Some(server) => {
                copy::fill(&server, &file).await?;
                server
            }
            None => Restored::File(file),
        };
        looked.rows += restore::compare(&restored, &part.name, contents).await?;
        platform.get_or_insert(restored);
    }
    let platform = platform.ok_or(BackupError::Damaged)?;
    platform.put_keys(ring.keys).await?;
    looked.values = opens(operator, vault, platform, scratch, now).await?;
    Ok(looked)
}

/// Opens the restored instance as the program would, and some of what is sealed in it: by the platform, and by organisations.
async fn opens(
    operator: &Operator,
    vault: &Vault,
    platform: Restored,
    scratch: &Scratch,
    now: OffsetDateTime,
) -> Result<u64, BackupError> {
    let (place, mode) = match platform {
        Restored::File(_) => (Where::Embedded(scratch.path().to_owned()), operator.store().mode()),
        // Organisations' own databases lie under other names than in the original.
        Restored::Server { url } => (Where::Postgres { admin_url: url.clone(), url }, Isolation::Scoped),
    };
    let logs_here = !(matches!(place, Where::Postgres { .. }) && operator.store().mode() == Isolation::Dedicated);
    let store = Store::open_as(&place, true, mode).await.map_err(|error| BackupError::Differs(error.to_string()))?;
    let store = Arc::new(store);
    let there = Operator::scheduled(&store);
    let restored = vault.of_copy(&there, scratch.path(), now).await?;
    let opened = sample(&there, &restored, logs_here, &reduced(operator).await?).await;
    store.close().await?;
    opened
}

/// The organisations of which only what is held is left by now: the keys of a copy from before are gone.
async fn reduced(operator: &Operator) -> Result<BTreeSet<Uuid>, BackupError> {
    let rows = organisation::Entity::find().filter(organisation::Column::ReducedAtMs.is_not_null());
    Ok(operator.all(rows).await?.into_iter().map(|row| row.id).collect())
}

async fn sample(
    there: &Operator,
    vault: &Vault,
    logs_here: bool,
    reduced: &BTreeSet<Uuid>,
) -> Result<u64, BackupError> {
    let mut opened = 0;
    let newest = organisation::Entity::find().order_by_desc(organisation::Column::CreatedAtMs).limit(SAMPLE);
    let owners: Vec<String> = vault.owners(there).await?;
    for row in there.all(newest).await? {
        let tenant = TenantId(row.id);
        // Whose key is gone is gone.
        let since = row.reduced_at_ms.is_none() && reduced.contains(&row.id);
        if since || !owners.contains(&crate::vault::owner_of(tenant)) {
            continue;
        }
        vault.open_sealed(&name_place(tenant), &row.name)?;
        opened += 1;
        if logs_here {
            let ring = vault.tenant(tenant).await?;
            let entries = entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1);
            for entry in there.view(tenant).await?.all(entries).await? {
                if !log::detail_opens(&ring, &entry) {
                    return Err(BackupError::Differs(format!("the newest entry of the log of {}", row.id)));
                }
                opened += 1;
            }
        }
    }
    Ok(opened)
}
