//! What came of backups and drills: one row each, in the same change as its entry in the platform's log.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, UpdateMany,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::BackupError;
use crate::audit::Event;
use crate::clock::{from_ms, to_ms};
use crate::entity::{backup_receipt, drill_receipt};
use crate::guard::{Operator, ReadError, Visitor};

const RUNNING: &str = "running";
const DONE: &str = "done";
const FAILED: &str = "failed";

/// A backup that has been running for longer was cut off.
const CUT_OFF_AFTER: Duration = Duration::hours(12);

/// One backup at one destination.
#[derive(Clone, Debug)]
pub struct Backup {
    pub destination: String,
    pub object: String,
    pub started: OffsetDateTime,
    pub finished: Option<OffsetDateTime>,
    pub bytes: u64,
    pub done: bool,
    pub running: bool,
    pub said: String,
    /// When it was let go after its time.
    pub pruned: Option<OffsetDateTime>,
}

/// One drill.
#[derive(Clone, Debug)]
pub struct Drill {
    pub at: OffsetDateTime,
    pub object: String,
    pub rto: Option<Duration>,
    pub rpo: Option<Duration>,
    pub bytes: u64,
    pub rows: u64,
    pub done: bool,
    pub said: String,
}

fn backup(row: backup_receipt::Model) -> Backup {
    Backup {
        destination: row.destination,
        object: row.object,
        started: from_ms(row.started_at_ms),
        finished: row.finished_at_ms.map(from_ms),
        bytes: row.bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        done: row.outcome == DONE,
        running: row.outcome == RUNNING,
        said: row.said,
        pruned: row.pruned_at_ms.map(from_ms),
    }
}

fn drill(row: drill_receipt::Model) -> Drill {
    Drill {
        at: from_ms(row.at_ms),
        object: row.object,
        rto: row.rto_ms.map(Duration::milliseconds),
        rpo: row.rpo_ms.map(Duration::milliseconds),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
        rows: u64::try_from(row.rows_compared).unwrap_or(0),
        done: row.outcome == DONE,
        said: row.said,
    }
}

/// The newest backups.
///
/// # Errors
/// When the database does not answer.
pub async fn backups(visitor: &Visitor, most: u64) -> Result<Vec<Backup>, ReadError> {
    let newest = backup_receipt::Entity::find().order_by_desc(backup_receipt::Column::StartedAtMs).limit(most);
    Ok(visitor.all(newest).await?.into_iter().map(backup).collect())
}

/// The newest drills.
///
/// # Errors
/// When the database does not answer.
pub async fn drills(visitor: &Visitor, most: u64) -> Result<Vec<Drill>, ReadError> {
    let newest = drill_receipt::Entity::find().order_by_desc(drill_receipt::Column::AtMs).limit(most);
    Ok(visitor.all(newest).await?.into_iter().map(drill).collect())
}

/// The newest backup that succeeded, not after `now`.
///
/// # Errors
/// When the database does not answer.
pub async fn last_good(visitor: &Visitor, now: OffsetDateTime) -> Result<Option<Backup>, ReadError> {
    let newest = backup_receipt::Entity::find()
        .filter(backup_receipt::Column::Outcome.eq(DONE))
        .filter(backup_receipt::Column::PrunedAtMs.is_null())
        .filter(backup_receipt::Column::StartedAtMs.lte(to_ms(now)))
        .order_by_desc(backup_receipt::Column::StartedAtMs)
        .limit(1);
    Ok(visitor.all(newest).await?.into_iter().next().map(backup))
}

/// What is written when a backup begins and when it ends.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) id: Uuid,
    rows: Vec<(String, Uuid)>,
}

/// Whatever runs does not run any more.
fn cut_off() -> UpdateMany<backup_receipt::Entity> {
    backup_receipt::Entity::update_many()
        .col_expr(backup_receipt::Column::Outcome, Expr::value(FAILED))
        .col_expr(backup_receipt::Column::Said, Expr::value("It was cut off."))
        .filter(backup_receipt::Column::Outcome.eq(RUNNING))
}

/// Writes down that this instance was brought back. In the copy, the backup that made it is still under way.
pub(super) async fn restored(operator: &Operator, object: &str, now: OffsetDateTime) -> Result<(), DbErr> {
    let change = operator.begin().await?;
    change.update(cut_off()).await?;
    change.commit(Event::Restored { object: object.to_owned() }, now).await
}

/// Writes down that a backup begins, unless one is under way.
pub(super) async fn begin(
    operator: &Operator,
    destinations: &[String],
    object: &str,
    now: OffsetDateTime,
) -> Result<Begun, BackupError> {
    let change = operator.begin().await?;
    let lately = Condition::all()
        .add(backup_receipt::Column::Outcome.eq(RUNNING))
        .add(backup_receipt::Column::StartedAtMs.gt(to_ms(now - CUT_OFF_AFTER)));
    if change.one(backup_receipt::Entity::find().filter(lately)).await?.is_some() {
        return Err(BackupError::UnderWay);
    }
    change.update(cut_off()).await?;
    let id = Uuid::now_v7();
    let rows: Vec<(String, Uuid)> = destinations.iter().map(|label| (label.clone(), Uuid::now_v7())).collect();
    for (label, row) in &rows {
        let row = backup_receipt::Model {
            id: *row,
            backup_id: id,
            destination: label.clone(),
            object: object.to_owned(),
            started_at_ms: to_ms(now),
            finished_at_ms: None,
            bytes: None,
            sha256: None,
            outcome: RUNNING.to_owned(),
            said: String::new(),
            pruned_at_ms: None,
        };
        change.insert(row.into_active_model().reset_all()).await?;
    }
    change.commit(Event::BackupBegun { backup: id, object: object.to_owned() }, now).await?;
    Ok(Begun { id, rows })
}

/// What a sealed archive is.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub bytes: u64,
    pub sha256: String,
}

/// Writes down what came of it at each destination.
pub(super) async fn end(
    operator: &Operator,
    begun: &Begun,
    sealed: Option<&Sealed>,
    failed: &[(String, String)],
    now: OffsetDateTime,
) -> Result<(), BackupError> {
    let change = operator.begin().await?;
    for (label, id) in &begun.rows {
        let why = failed.iter().find(|(failed, _)| failed == label).map(|(_, why)| why.clone());
        let row = backup_receipt::ActiveModel {
            id: ActiveValue::Unchanged(*id),
            finished_at_ms: ActiveValue::Set(Some(to_ms(now))),
            bytes: ActiveValue::Set(sealed.and_then(|sealed| i64::try_from(sealed.bytes).ok())),
            sha256: ActiveValue::Set(sealed.map(|sealed| sealed.sha256.clone())),
            outcome: ActiveValue::Set(if why.is_none() { DONE } else { FAILED }.to_owned()),
            said: ActiveValue::Set(why.unwrap_or_default()),
            ..Default::default()
        };
        change
            .update(sea_orm::Update::many(backup_receipt::Entity).set(row).filter(backup_receipt::Column::Id.eq(*id)))
            .await?;
    }
    let good = begun.rows.len() - failed.len().min(begun.rows.len());
    Ok(change.commit(Event::BackupEnded { backup: begun.id, good, failed: failed.len() }, now).await?)
}

/// What still lies at a destination according to its receipts, newest first.
pub(super) async fn kept(visitor: &Visitor, destination: &str) -> Result<Vec<backup_receipt::Model>, ReadError> {
    let kept = backup_receipt::Entity::find()
        .filter(backup_receipt::Column::Destination.eq(destination))
        .filter(backup_receipt::Column::Outcome.eq(DONE))
        .filter(backup_receipt::Column::PrunedAtMs.is_null())
        .order_by_desc(backup_receipt::Column::StartedAtMs);
    visitor.all(kept).await
}

/// Writes down that a backup was let go at one destination.
pub(super) async fn pruned(
    operator: &Operator,
    row: &backup_receipt::Model,
    now: OffsetDateTime,
) -> Result<(), BackupError> {
    let change = operator.begin().await?;
    let set = backup_receipt::Entity::update_many()
        .col_expr(backup_receipt::Column::PrunedAtMs, Expr::value(Some(to_ms(now))))
        .filter(backup_receipt::Column::Id.eq(row.id))
        .filter(backup_receipt::Column::PrunedAtMs.is_null());
    if change.update(set).await? == 0 {
        // Another instance was quicker.
        return Ok(());
    }
    let (object, destination) = (row.object.clone(), row.destination.clone());
    Ok(change.commit(Event::BackupPruned { backup: row.backup_id, object, destination }, now).await?)
}

/// Writes down what a drill measured.
pub(super) async fn drilled(
    operator: &Operator,
    destination: &str,
    drill: &Drill,
    now: OffsetDateTime,
) -> Result<(), BackupError> {
    let whole_ms = |span: Duration| i64::try_from(span.whole_milliseconds()).unwrap_or(i64::MAX);
    let id = Uuid::now_v7();
    let row = drill_receipt::Model {
        id,
        at_ms: to_ms(drill.at),
        destination: destination.to_owned(),
        object: drill.object.clone(),
        rto_ms: drill.rto.map(whole_ms),
        rpo_ms: drill.rpo.map(whole_ms),
        bytes: i64::try_from(drill.bytes).unwrap_or(i64::MAX),
        rows_compared: i64::try_from(drill.rows).unwrap_or(i64::MAX),
        outcome: if drill.done { DONE } else { FAILED }.to_owned(),
        said: drill.said.clone(),
    };
    let change = operator.begin().await?;
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(change.commit(Event::DrillDone { drill: id, good: drill.done }, now).await?)
}

/// A span of time as people say it.
pub fn span(span: Duration) -> String {
    let seconds = span.whole_seconds().unsigned_abs();
    match seconds {
        0 => format!("{} ms", span.whole_milliseconds()),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    }
}

impl Drill {
    /// The measured times in words.
    pub fn told(&self) -> String {
        let said = |measured: Option<Duration>| measured.map_or_else(|| "not measured".to_owned(), span);
        format!(
            "{}: back and compared in {} (RTO), {} old (RPO); {} rows, {} bytes; {}",
            self.object,
            said(self.rto),
            said(self.rpo),
            self.rows,
            self.bytes,
            self.said
        )
    }
}
