//! Making the archives that were asked for, one after the other, and letting go of those whose time is over. What was cut short by a crash is
//! begun anew: half an archive never appears.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use super::archive::{Archive, Aside, Sink};
use super::asking::{Kind, beyond_kept};
use super::making::{Making, Source};
use super::manifest::Manifest;
use super::mask::Mask;
use super::progress::Progress;
use super::{ExportError, aside, place, state};
use crate::audit::log::{Action, Event};
use crate::blobs::{BlobError, Blobs};
use crate::clock::to_ms;
use crate::entity::{act, export, membership, organisation, record, record_change};
use crate::guard::{Actor, Change, Operator, TenantDb, TenantId};
use crate::identity::{Accounts, Origin, Refusal};

/// Whoever makes an archive says so every second; after this long nobody is at it any more.
const SILENT: Duration = Duration::minutes(1);

/// Rung when an archive was asked for in this process.
static BELL: Notify = Notify::const_new();
static ASKED: Mutex<VecDeque<TenantId>> = Mutex::new(VecDeque::new());

/// Has the archives of an organisation made soon.
pub(crate) fn ring(tenant: TenantId) {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if !asked.contains(&tenant) {
        asked.push_back(tenant);
    }
    BELL.notify_one();
}

/// The next organisation whose archives are to be made, if one waits.
pub fn next() -> Option<TenantId> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Until one waits.
pub async fn asked() -> TenantId {
    loop {
        if let Some(tenant) = next() {
            return tenant;
        }
        BELL.notified().await;
    }
}

/// Makes what waits in one organisation. How many were made.
///
/// # Errors
/// When the database does not answer. An archive that cannot be made is told on its page, and is no error here.
pub async fn all_of(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let mut made = 0;
    while let Some(row) = claim(operator, accounts, tenant, now).await? {
        match Box::pin(make(operator, accounts, tenant, &row, now)).await {
            Ok(()) => made += 1,
            Err(ExportError::Stopped) => {}
            Err(cause) => {
                tracing::error!(organisation = %tenant.0, export = %row.id, %cause, "an archive could not be made");
                fail(operator, accounts, tenant, &row, &cause).await?;
            }
        }
    }
    Ok(made)
}

async fn begin(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Change, Refusal> {
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    Ok(operator.begin_in(tenant, Actor::System, sealer).await?)
}

/// What waits, or is being made by somebody.
pub(crate) fn unmade() -> sea_orm::Condition {
    sea_orm::Condition::any().add(export::Column::State.is_in([state::QUEUED, state::RUNNING]))
}

/// What lies ready until its time is over.
pub(crate) fn lying_ready() -> sea_orm::Condition {
    sea_orm::Condition::all().add(export::Column::State.eq(state::READY))
}

/// Whether an archive of this organisation is being made by somebody who is still there.
pub(crate) async fn under_way(operator: &Operator, tenant: TenantId, now: OffsetDateTime) -> Result<bool, Refusal> {
    let running = export::Entity::find()
        .filter(export::Column::State.eq(state::RUNNING))
        .filter(export::Column::BeatAtMs.gt(to_ms(now - SILENT)));
    Ok(operator.view(tenant).await?.one(running.limit(1)).await?.is_some())
}

fn waiting(now: OffsetDateTime) -> sea_orm::Condition {
    let silent = export::Column::State.eq(state::RUNNING).and(export::Column::BeatAtMs.lte(to_ms(now - SILENT)));
    sea_orm::Condition::any().add(export::Column::State.eq(state::QUEUED)).add(silent)
}

/// Takes the oldest that waits, or that whoever made it has left.
async fn claim(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<Option<export::Model>, Refusal> {
    let oldest = export::Entity::find().filter(waiting(now)).order_by_asc(export::Column::Id).limit(1);
    if operator.view(tenant).await?.one(oldest.clone()).await?.is_none() {
        return Ok(None);
    }
    let change = begin(operator, accounts, tenant).await?;
    let Some(row) = change.one(oldest).await? else { return Ok(None) };
    let attempt = row.attempt + 1;
    let set = export::Entity::update_many()
        .col_expr(export::Column::State, Expr::value(state::RUNNING))
        .col_expr(export::Column::Attempt, Expr::value(attempt))
        .col_expr(export::Column::BeatAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(export::Column::DoneRows, Expr::value(0))
        .filter(export::Column::Id.eq(row.id))
        .filter(export::Column::Attempt.eq(row.attempt))
        .filter(waiting(now));
    let taken = change.update(set).await?;
    change.commit_housekeeping().await?;
    Ok((taken == 1).then_some(export::Model { attempt, ..row }))
}

async fn make(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &export::Model,
    now: OffsetDateTime,
) -> Result<(), ExportError> {
    let (blobs, at) = (&accounts.blobs, place(tenant, row.id, row.attempt));
    // What earlier tries left.
    clear(blobs, tenant, row.id, 0..row.attempt).await?;
    let masked = Kind::parse(&row.kind) == Some(Kind::Masked);
    let source = source(operator, accounts, tenant, masked, now).await?;
    total(operator, accounts, tenant, row, rows(&source.view).await?).await?;
    let ring = Arc::clone(&source.ring);
    let beside = Aside { blobs, keys: &ring, at: aside(tenant, row.id, row.attempt) };
    let archive = Archive::new(Sink::Blob(Box::new(blobs.seal(&ring, &at)?)), Some(beside), now);
    let progress = Progress::of(operator, accounts, tenant, (row.id, row.attempt), now);
    let (finished, manifest) = Making::new(source, archive, progress).all().await?;
    if let Sink::Blob(sealing) = finished.sink {
        sealing.finish().await?;
    }
    let ready = ready(operator, accounts, tenant, row, (finished.bytes, &finished.sha256, &manifest), now).await;
    if ready.is_err() {
        blobs.remove(&at).await?;
    }
    ready
}

/// Everything of an organisation as it is now.
pub(crate) async fn source<'a>(
    operator: &Operator,
    accounts: &'a Accounts,
    tenant: TenantId,
    masked: bool,
    now: OffsetDateTime,
) -> Result<Source<'a>, ExportError> {
    // What is on its way to a log of its own gets there first.
    operator.deliver(tenant).await?;
    let schema = operator.store().status().await?.applied;
    let view = operator.snapshot(tenant).await?;
    let ring = accounts.vault.within(&view).await?;
    let own = organisation::Entity::find().filter(organisation::Column::Id.eq(tenant.0));
    let own = view.unscoped("the organisation itself", own).await?.into_iter().next();
    let organisation = own.ok_or(ExportError::Broken("there is no such organisation"))?;
    let mask = if masked { Some(Arc::new(Mask::new()?)) } else { None };
    Ok(Source { view: Arc::new(view), accounts, ring, organisation, mask, now, schema })
}

/// About how many rows there are, so that a part of them can be told.
async fn rows(view: &TenantDb) -> Result<u64, ExportError> {
    Ok(view.count(record::Entity::find()).await?
        + view.count(record_change::Entity::find()).await?
        + view.count(act::Entity::find()).await?
        + view.count(membership::Entity::find()).await?)
}

async fn total(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &export::Model,
    rows: u64,
) -> Result<(), ExportError> {
    let change = begin(operator, accounts, tenant).await?;
    let set = export::Entity::update_many()
        .col_expr(export::Column::TotalRows, Expr::value(i64::try_from(rows).unwrap_or(i64::MAX)))
        .filter(at_it(row));
    change.update(set).await?;
    Ok(change.commit_housekeeping().await?)
}

/// Only while it is still this one's to make.
fn at_it(row: &export::Model) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(export::Column::Id.eq(row.id))
        .add(export::Column::Attempt.eq(row.attempt))
        .add(export::Column::State.eq(state::RUNNING))
}

async fn ready(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &export::Model,
    (bytes, sha256, manifest): (u64, &str, &Manifest),
    now: OffsetDateTime,
) -> Result<(), ExportError> {
    let hours = i64::from(accounts.profile.policy.retention.export_hours.get());
    let change = begin(operator, accounts, tenant).await?;
    let set = export::Entity::update_many()
        .col_expr(export::Column::State, Expr::value(state::READY))
        .col_expr(export::Column::Bytes, Expr::value(i64::try_from(bytes).unwrap_or(i64::MAX)))
        .col_expr(export::Column::Sha256, Expr::value(Some(sha256.to_owned())))
        .col_expr(export::Column::ContentSha256, Expr::value(Some(manifest.content_sha256.clone())))
        .col_expr(export::Column::ReadyAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(export::Column::ExpiresAtMs, Expr::value(Some(to_ms(now + Duration::hours(hours)))))
        .filter(at_it(row));
    let old = change.all(beyond_kept()).await?;
    if change.update(set).await? == 0 {
        return Err(ExportError::Stopped);
    }
    let event = Event::of(Action::ExportMade, row.id)
        .with("kind", row.kind.clone())
        .with("sha256", sha256)
        .with("rows", manifest.rows().to_string());
    change.commit(&event, now).await?;
    for old in old {
        let_go(operator, accounts, tenant, &old, now).await?;
    }
    Ok(())
}

async fn fail(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &export::Model,
    cause: &ExportError,
) -> Result<(), Refusal> {
    let said = match cause {
        ExportError::Unclassified(_) => cause.to_string(),
        ExportError::Archive(_)
        | ExportError::Stopped
        | ExportError::Broken(_)
        | ExportError::Refused(_)
        | ExportError::Blob(_)
        | ExportError::Seal(_)
        | ExportError::Vault(_)
        | ExportError::Database(_)
        | ExportError::Zip(_)
        | ExportError::Compressor(_) => "something broke on our side; ask for it again".to_owned(),
    };
    let change = begin(operator, accounts, tenant).await?;
    let set = export::Entity::update_many()
        .col_expr(export::Column::State, Expr::value(state::FAILED))
        .col_expr(export::Column::Trouble, Expr::value(Some(said.chars().take(200).collect::<String>())))
        .filter(at_it(row));
    change.update(set).await?;
    Ok(change.commit_housekeeping().await?)
}

/// Takes away what these tries put into the store.
async fn clear(blobs: &Blobs, tenant: TenantId, id: Uuid, attempts: Range<i64>) -> Result<(), BlobError> {
    for attempt in attempts {
        blobs.remove(&aside(tenant, id, attempt)).await?;
        blobs.remove(&place(tenant, id, attempt)).await?;
    }
    Ok(())
}

/// Lets an archive go: what lies in the store first, so that nothing stays there that nobody knows of.
async fn let_go(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &export::Model,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id = row.id;
    clear(&accounts.blobs, tenant, id, 0..row.attempt + 1).await?;
    let change = begin(operator, accounts, tenant).await?;
    let set = export::Entity::update_many()
        .col_expr(export::Column::State, Expr::value(state::EXPIRED))
        .filter(export::Column::Id.eq(id))
        .filter(export::Column::State.eq(state::READY));
    if change.update(set).await? == 0 {
        return Ok(());
    }
    Ok(change.commit(&Event::of(Action::ExportExpired, id), now).await?)
}

/// The round of every minute: what is over goes, and what waits is made by whoever serves. How many went.
pub(crate) async fn round(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let view = operator.view(tenant).await?;
    let over = export::Entity::find().filter(lying_ready()).filter(export::Column::ExpiresAtMs.lte(to_ms(now)));
    let over = view.all(over).await?;
    let waits = view.count(export::Entity::find().filter(waiting(now))).await? > 0;
    drop(view);
    for row in &over {
        let_go(operator, accounts, tenant, row, now).await?;
    }
    if waits {
        ring(tenant);
    }
    Ok(over.len())
}

/// The same as for a member, with nobody asking; where the archive lies. For measuring.
#[cfg(any(test, feature = "testing"))]
pub(crate) async fn one_for_measuring(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<String, ExportError> {
    let (id, source) = (Uuid::now_v7(), source(operator, accounts, tenant, false, now).await?);
    let (ring, at) = (Arc::clone(&source.ring), place(tenant, id, 1));
    let beside = Aside { blobs: &accounts.blobs, keys: &ring, at: aside(tenant, id, 1) };
    let archive = Archive::new(Sink::Blob(Box::new(accounts.blobs.seal(&ring, &at)?)), Some(beside), now);
    let (finished, _) = Making::new(source, archive, Progress::unwatched()).all().await?;
    if let Sink::Blob(sealing) = finished.sink {
        sealing.finish().await?;
    }
    Ok(at)
}
