//! The purge of an organisation whose time is over. Every step can be done again: what a crash interrupts goes on with the next round.
//!
//! The key goes early: from then on nothing that it sealed can be read, in whichever copy it lies, and the rest is tidying up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::certificate::{self, Gone, Kind};
use super::reduce::{self, Keeps};
use super::{Round, holds, places};
use crate::audit::{Event, heads};
use crate::clock::{from_ms, to_ms};
use crate::crypto::sha256_hex;
use crate::entity::{data_key, invitation, membership, organisation, purge, session, token};
use crate::guard::{Operator, Stays, TENANT_TABLES, TenantId, TenantTable};
use crate::identity::{Accounts, Refusal};
use crate::profile::policy::Isolation;
use crate::vault::owner_of;

/// Folders below the data folder, beside the store of files, that have one for each organisation.
const FOLDERS: &[&str] = &["exports", "drafts"];

/// How long one piece may hold the writer: others wait for at most one piece.
const PIECE: Duration = Duration::from_millis(30);

/// Rows of the first piece, and of the largest.
const FIRST: u64 = 500;
const LARGEST: u64 = 50_000;

/// What was there when a purge began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) keys: Vec<Uuid>,
    pub(super) files: u64,
    pub(super) file_bytes: u64,
    held_until_ms: Option<i64>,
}

/// What a purge does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Memberships, sessions and links: nobody comes in any more.
    Entrances,
    Keys,
    Rows,
    OwnDatabase,
    Files,
    Heads,
    Certificate,
}

impl Step {
    pub const ALL: &[Self] =
        &[Self::Entrances, Self::Keys, Self::Rows, Self::OwnDatabase, Self::Files, Self::Heads, Self::Certificate];
}

/// Begins what is due and finishes what was begun.
pub(crate) async fn due(
    operator: &Operator,
    accounts: &Accounts,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), Refusal> {
    let over = organisation::Entity::find()
        .filter(organisation::Column::Slug.not_like(".%"))
        .filter(organisation::Column::PurgeAtMs.lte(to_ms(now)))
        .filter(organisation::Column::PurgeBeganAtMs.is_null());
    for row in operator.all(over).await? {
        match condemn(operator, accounts, &row, now).await {
            Ok(true) => {}
            Ok(false) => round.held += 1,
            Err(cause) => {
                round.broken += 1;
                tracing::error!(organisation = %row.id, %cause, "the purge of an organisation could not begin");
            }
        }
    }
    for row in operator.all(purge::Entity::find()).await? {
        let id = row.id;
        match finished(operator, accounts, row, now).await {
            Ok(Some(true)) => round.reduced += 1,
            Ok(Some(false)) => round.purged += 1,
            Ok(None) => {}
            Err(cause) => {
                round.broken += 1;
                tracing::error!(organisation = %id, %cause, "the purge of an organisation stopped; it goes on with the next round");
            }
        }
    }
    Ok(())
}

/// Whether it was reduced rather than purged; nothing, if another instance has finished it. Two that do the same step get into each other's way, and
/// every step can be done again: whoever was stopped does once more what is left.
async fn finished(
    operator: &Operator,
    accounts: &Accounts,
    row: purge::Model,
    now: OffsetDateTime,
) -> Result<Option<bool>, Refusal> {
    let cause = match once(operator, accounts, &row, now).await {
        Ok(reduced) => return Ok(Some(reduced)),
        Err(cause) => cause,
    };
    let left = operator.all(purge::Entity::find().filter(purge::Column::Id.eq(row.id))).await?;
    let Some(row) = left.first() else { return Ok(None) };
    tracing::warn!(organisation = %row.id, %cause, "the purge of an organisation was stopped, and is tried once more");
    once(operator, accounts, row, now).await.map(Some)
}

async fn once(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(keeps) = Keeps::of(row)? else {
        return go_on(operator, accounts, row, Step::Certificate, now).await.map(|()| false);
    };
    reduce::go_on(operator, accounts, row, &keeps, reduce::Step::Certificate, now).await.map(|()| true)
}

/// Marks an organisation for the purge: the one place where one can begin, and only on what is closed and whose time is over. Whether it did.
/// A legal hold on it or on somebody keeps all of it; where all are on records, those stay and the rest goes.
pub(crate) async fn condemn(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let tenant = TenantId(row.id);
    let held = operator.view(tenant).await?.all(holds::now_in_force(tenant, now)).await?;
    let planned = if held.is_empty() { None } else { reduce::planned(operator, accounts, row, &held, now).await? };
    if !held.is_empty() && planned.is_none() {
        return Ok(false);
    }
    let found = found(operator, accounts, tenant).await?;
    let change = operator.begin().await?;
    change.enter(tenant).await?;
    // Held, as whoever places a hold does: one that is being placed is waited for, and seen.
    let own = change.one_held(holds::of_id(tenant)).await?;
    // Another instance that saw the same was quicker: what is left to do is in the list of what has begun.
    if own.is_none_or(|own| own.purge_began_at_ms.is_some() || own.reduced_at_ms != row.reduced_at_ms) {
        return Ok(true);
    }
    // One more or one less since we looked: the next round looks again.
    if !holds::same(&held, &change.all(holds::now_in_force(tenant, now)).await?) {
        return Ok(false);
    }
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::PurgeBeganAtMs, Expr::value(Some(to_ms(now))))
        .filter(organisation::Column::Id.eq(row.id))
        .filter(organisation::Column::Standing.eq(Standing::Cancelled.word()))
        .filter(organisation::Column::ClosedAtMs.is_not_null())
        .filter(organisation::Column::PurgeAtMs.lte(to_ms(now)))
        .filter(organisation::Column::PurgeBeganAtMs.is_null());
    if change.update(set).await? != 1 {
        return Err(Refusal::Conflict("It is not closed, or its time is not over.".into()));
    }
    let mark = purge::Model {
        id: row.id,
        // Where something stays, the promised proof is of all of it, and comes last.
        certificate_id: match row.certificate_id.filter(|_| planned.is_none()) {
            Some(id) => id,
            None => super::unguessable()?,
        },
        slug_sha256: sha256_hex(row.slug.as_bytes()),
        closed_at_ms: row.closed_at_ms.unwrap_or_default(),
        due_at_ms: row.purge_at_ms.unwrap_or_default(),
        began_at_ms: to_ms(now),
        found: serde_json::to_string(&found).unwrap_or_default(),
        keeps: planned.as_ref().map(|(keeps, _)| keeps.text()),
    };
    if let Some((_, key)) = planned {
        change.insert(key.row).await?;
    }
    change.insert(mark.into_active_model().reset_all()).await?;
    change.commit(Event::PurgeBegan { organisation: row.id }, now).await?;
    Ok(true)
}

/// Counts what will have to go.
async fn found(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Found, Refusal> {
    let rows = operator.rows_of(tenant).await?;
    let rows = rows.into_iter().filter(|(_, rows)| *rows > 0).map(|(name, rows)| (name.to_owned(), rows)).collect();
    let keys = operator.all(keys_of(tenant)).await?.into_iter().map(|row| row.id).collect();
    let blobs = accounts.blobs.below(&tenant.0.to_string()).await?;
    let (mut files, mut file_bytes) = (blobs.len() as u64, blobs.iter().map(|blob| blob.bytes).sum());
    for folder in folders(accounts, tenant) {
        let (number, bytes) = measured(&folder);
        files += number;
        file_bytes += bytes;
    }
    let held_until_ms = holds::last_end(operator, tenant).await?;
    Ok(Found { rows, keys, files, file_bytes, held_until_ms })
}

pub(crate) fn keys_of(tenant: TenantId) -> sea_orm::Select<data_key::Entity> {
    data_key::Entity::find().filter(data_key::Column::Owner.eq(owner_of(tenant)))
}

pub(super) fn folders(accounts: &Accounts, tenant: TenantId) -> impl Iterator<Item = PathBuf> {
    let data = accounts.vault.folder().to_owned();
    FOLDERS.iter().map(move |kind| data.join(kind).join(tenant.0.to_string()))
}

/// Files below a folder, and their bytes.
pub(super) fn measured(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            let inside = measured(&path);
            files += inside.0;
            bytes += inside.1;
        } else {
            files += 1;
            bytes += entry.metadata().map_or(0, |about| about.len());
        }
    }
    (files, bytes)
}

/// Goes through the steps up to and with `last`. Tests stop in the middle, as a crash would.
pub(crate) async fn go_on(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    last: Step,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    for step in Step::ALL.iter().filter(|step| **step <= last) {
        match step {
            Step::Entrances => entrances(operator, row, &[], now).await?,
            Step::Keys => keys(operator, accounts, tenant).await?,
            Step::Rows => rows(operator, accounts, tenant, now).await?,
            Step::OwnDatabase => operator.remove_own(tenant).await?,
            Step::Files => files(accounts, tenant).await?,
            Step::Heads => absent(std::fs::remove_file(heads::file(&accounts.vault, tenant)))?,
            Step::Certificate => certify(operator, accounts, row, now).await?,
        }
    }
    Ok(())
}

/// Whoever was a member, and does not stay one, is signed out, as at any end of access.
pub(super) async fn entrances(
    operator: &Operator,
    row: &purge::Model,
    staying: &[Uuid],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    let alone = places::only_in(operator, tenant).await?;
    let alone: Vec<Uuid> = alone.into_iter().filter(|id| !staying.contains(id)).collect();
    let change = operator.begin_account().await?;
    change.enter(tenant).await?;
    let members = membership::Entity::find()
        .filter(membership::Column::TenantId.eq(tenant.0))
        .filter(membership::Column::AccountId.is_not_in(staying.iter().copied()));
    let people: Vec<Uuid> = change.all(members).await?.into_iter().map(|row| row.account_id).collect();
    let asked = invitation::Entity::find().filter(invitation::Column::TenantId.eq(tenant.0));
    let links: Vec<String> = change.all(asked).await?.into_iter().map(|row| row.token_hash).collect();
    // A statement takes at most 32,766 values (SQLite).
    for some in people.chunks(1000) {
        let theirs = session::Column::AccountId.is_in(some.iter().copied());
        change.delete(session::Entity::delete_many().filter(theirs)).await?;
    }
    for some in links.chunks(1000) {
        let dead = token::Column::TokenHash.is_in(some.iter().cloned());
        change.delete(token::Entity::delete_many().filter(dead)).await?;
    }
    let gone = membership::Entity::delete_many()
        .filter(membership::Column::TenantId.eq(tenant.0))
        .filter(membership::Column::AccountId.is_not_in(staying.iter().copied()));
    change.delete(gone).await?;
    places::go_with(&change, &alone, row.closed_at_ms, now).await?;
    Ok(change.commit_housekeeping().await?)
}

async fn keys(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<(), Refusal> {
    let change = operator.begin_account().await?;
    change.delete(data_key::Entity::delete_many().filter(data_key::Column::Owner.eq(owner_of(tenant)))).await?;
    change.commit_housekeeping().await?;
    accounts.vault.forget(tenant);
    Ok(())
}

/// Table by table, in pieces; the heads last, because the triggers let an entry go only while a signed head covers it.
async fn rows(operator: &Operator, accounts: &Accounts, tenant: TenantId, now: OffsetDateTime) -> Result<(), Refusal> {
    if operator.store().mode() != Isolation::Dedicated {
        heads::cover(operator, &accounts.vault, tenant, now).await?;
    }
    let last = |name: &str| name == "signed_head";
    let (heads, others): (Vec<_>, Vec<_>) = TENANT_TABLES.iter().partition(|table| last(table.name));
    for table in others.into_iter().chain(heads) {
        in_pieces(operator, tenant, table, None).await?;
    }
    Ok(())
}

/// A table but for what stays of it, or all of it.
pub(super) async fn in_pieces(
    operator: &Operator,
    tenant: TenantId,
    table: &TenantTable,
    stays: Option<&Stays>,
) -> Result<(), Refusal> {
    let mut most = FIRST;
    loop {
        let began = Instant::now();
        let gone = match stays {
            None => operator.shred(tenant, table, most).await?,
            Some(stays) => operator.shred_but(tenant, table, stays, most).await?,
        };
        if gone == 0 {
            return Ok(());
        }
        let took = began.elapsed();
        most = if took > PIECE { (most / 2).max(FIRST / 10) } else { (most + most / 2).min(LARGEST) };
        // Whoever waits for the writer comes in between.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn files(accounts: &Accounts, tenant: TenantId) -> Result<(), Refusal> {
    accounts.blobs.remove_below(&tenant.0.to_string()).await?;
    // Of an upload that was cut short a folder may hold a part that the store does not list.
    let parts = accounts.vault.folder().join(crate::blobs::FOLDER).join(tenant.0.to_string());
    absent(tokio::fs::remove_dir_all(&parts).await)?;
    for folder in folders(accounts, tenant) {
        absent(tokio::fs::remove_dir_all(&folder).await)?;
    }
    Ok(())
}

/// What is not there need not be removed.
pub(super) fn absent(removed: std::io::Result<()>) -> Result<(), Refusal> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Refusal::Vault(error.into())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Looks whether anything is left, and if nothing is, ends it with the certificate.
async fn certify(
    operator: &Operator,
    accounts: &Accounts,
    row: &purge::Model,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    let left: u64 = operator.rows_of(tenant).await?.iter().map(|(_, rows)| rows).sum();
    let files: u64 = folders(accounts, tenant).map(|folder| measured(&folder).0).sum();
    let files = files + accounts.blobs.below(&tenant.0.to_string()).await?.len() as u64;
    if left + files > 0 {
        return Err(Refusal::Conflict(format!("{left} rows and {files} files are left")));
    }
    let found: Found = serde_json::from_str(&row.found).unwrap_or_default();
    let gone = Gone {
        id: row.certificate_id,
        kind: Kind::Organisation,
        subject: row.id,
        slug_sha256: Some(row.slug_sha256.clone()),
        asked_at: from_ms(row.closed_at_ms),
        due_at: from_ms(row.due_at_ms),
        rows: found.rows,
        files: found.files,
        file_bytes: found.file_bytes,
        keys: found.keys,
        held_until: found.held_until_ms.map(from_ms),
        kept_records: None,
    };
    let change = operator.begin().await?;
    // Another instance may have come to the end first: one certificate is enough.
    if change.one(purge::Entity::find_by_id(row.id)).await?.is_none() {
        return Ok(());
    }
    // Somebody who was in the middle of a request may have had a key made anew, for nothing that is there.
    change.delete(data_key::Entity::delete_many().filter(data_key::Column::Owner.eq(owner_of(tenant)))).await?;
    certificate::issue(&change, &accounts.vault, gone, now).await?;
    change.delete(organisation::Entity::delete_many().filter(organisation::Column::Id.eq(row.id))).await?;
    change.delete(purge::Entity::delete_many().filter(purge::Column::Id.eq(row.id))).await?;
    let event = Event::OrganisationPurged { organisation: row.id, certificate: row.certificate_id };
    change.commit(event, now).await?;
    accounts.vault.forget(tenant);
    Ok(())
}
