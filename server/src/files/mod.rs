//! Attached files: what may come in, where it lies, and who has it again.

pub mod accept;
pub(crate) mod attached;
mod images;
pub(crate) mod kind;
pub(crate) mod name;
mod sweep;

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::accept::{Accepted, Gathering, Unacceptable, accept};
pub use self::attached::Attached;
use self::attached::{blob_of, facts_of, row_of};
pub use self::kind::{Kind, TAKEN};
pub(crate) use self::sweep::sweep;
use crate::audit::log::{Action, Event};
use crate::blobs::{BlobError, Opening};
use crate::clock::to_ms;
use crate::entity::{file, record};
use crate::guard::{AccountId, Allowed, Change, Right, TenantDb, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::format::FieldKind;
use crate::registers::shape::Shape;

/// Files of one record: a page shows them all.
const MOST: u64 = 100;

/// What a file is attached to.
#[derive(Clone, Copy, Debug)]
pub struct Onto<'a> {
    pub record: Uuid,
    /// A field of the kind `file`; without one, the file hangs on the record as a whole.
    pub field: Option<&'a str>,
}

/// What somebody does to a record's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Read,
    Write,
}

/// Whether this person reaches the record, and may read or write files there. What is out of reach is not there.
async fn reached<R: Right>(
    person: &Allowed<R>,
    accounts: &Accounts,
    view: &TenantDb,
    onto: Onto<'_>,
    does: Does,
) -> Result<(), Refusal> {
    let row = record::Entity::find()
        .filter(record::Column::Id.eq(onto.record))
        .filter(crate::registers::within_reach(person.here()));
    let row = view.one(row).await?.ok_or(Refusal::NotFound)?;
    let shape = Shape::of(person, accounts, &row.register)?;
    if row.removed_at_ms.is_some() && (does == Does::Write || !shape.deletes()) {
        return Err(Refusal::NotFound);
    }
    if does == Does::Write {
        shape.demand_writing()?;
    }
    let Some(id) = onto.field else { return Ok(()) };
    let field = shape.field(id).filter(|field| field.kind == FieldKind::File).ok_or(Refusal::NotFound)?;
    if does == Does::Write && !shape.writes(field) { Err(Refusal::Forbidden) } else { Ok(()) }
}

/// Attaches a file to a record. Its content is in the store before its row is there; without a row, it goes again.
///
/// # Errors
/// [`Refusal::NotFound`] when there is no such record or field, [`Refusal::Conflict`] when it has too many files.
pub async fn attach(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    onto: Onto<'_>,
    accepted: &Accepted,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let view = editor.read().await?;
    reached(editor, accounts, &view, onto, Does::Write).await?;
    let there = file::Entity::find().filter(file::Column::RecordId.eq(onto.record));
    if view.count(there.filter(file::Column::RemovedAtMs.is_null())).await? >= MOST {
        return Err(Refusal::Conflict(format!("A record has at most {MOST} files. Remove one first.")));
    }
    let tenant = view.tenant();
    drop(view);
    let (id, ring) = (Uuid::now_v7(), accounts.vault.tenant(tenant).await?);
    let at = blob_of(tenant, id);
    accounts.blobs.put(&ring, &at, &accepted.content).await?;
    let done = write_row(editor, accounts, id, onto, accepted, origin, now).await;
    if done.is_err()
        && let Err(cause) = accounts.blobs.remove(&at).await
    {
        tracing::warn!(%cause, "a content without a row stays until the sweep");
    }
    done.map(|()| id)
}

async fn write_row(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    id: Uuid,
    onto: Onto<'_>,
    accepted: &Accepted,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = editor.begin_kept(accounts, origin).await?;
    still_there(&change, onto.record).await?;
    change.insert(row_of(&change, id, onto, accepted, editor.account, now)?).await?;
    // What it is called is the file's business: the log is kept for longer.
    let event =
        Event::of(Action::FileAttached, id).with("record", onto.record.to_string()).with("sha256", &accepted.sha256);
    Ok(change.commit(&event, now).await?)
}

/// Whoever removed the record meanwhile was quicker.
async fn still_there(change: &Change, record: Uuid) -> Result<(), Refusal> {
    let row = record::Entity::find().filter(record::Column::Id.eq(record));
    match change.one(row.filter(record::Column::RemovedAtMs.is_null())).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::NotFound),
    }
}

/// The files of a record that this person may read, oldest first.
///
/// # Errors
/// [`Refusal::NotFound`] when the record is out of reach.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts, record: Uuid) -> Result<Vec<Attached>, Refusal> {
    let view = reader.read().await?;
    let whole = Onto { record, field: None };
    reached(reader, accounts, &view, whole, Does::Read).await?;
    let rows = file::Entity::find()
        .filter(file::Column::RecordId.eq(record))
        .filter(file::Column::RemovedAtMs.is_null())
        .order_by_asc(file::Column::Id);
    let (rows, mut files) = (view.all(rows).await?, Vec::new());
    let ring = accounts.vault.within(&view).await?;
    for row in rows {
        let onto = Onto { record, field: row.field.as_deref() };
        if onto.field.is_none() || reached(reader, accounts, &view, onto, Does::Read).await.is_ok() {
            files.push(facts_of(&ring, row)?);
        }
    }
    Ok(files)
}

/// What is known of a file, for whoever may read it.
///
/// # Errors
/// [`Refusal::NotFound`] when there is none, or none that this person may know of.
pub async fn find<R: Right>(reader: &Allowed<R>, accounts: &Accounts, id: Uuid) -> Result<Attached, Refusal> {
    found(reader, accounts, &reader.read().await?, id, Does::Read).await
}

async fn found<R: Right>(
    person: &Allowed<R>,
    accounts: &Accounts,
    view: &TenantDb,
    id: Uuid,
    does: Does,
) -> Result<Attached, Refusal> {
    let row = file::Entity::find().filter(file::Column::Id.eq(id)).filter(file::Column::RemovedAtMs.is_null());
    let row = view.one(row).await?.ok_or(Refusal::NotFound)?;
    // One that hangs on nothing is for whoever put it there.
    let record = row.record_id.ok_or(Refusal::NotFound)?;
    reached(person, accounts, view, Onto { record, field: row.field.as_deref() }, does).await?;
    Ok(facts_of(&*accounts.vault.within(view).await?, row)?)
}

/// A file that can be read, from anywhere in it.
#[derive(Clone, Debug)]
pub struct Open {
    pub file: Attached,
    content: Opening,
}

impl Open {
    /// A part of it, piece by piece. What is found changed ends the stream with an error.
    ///
    /// # Errors
    /// [`BlobError::OutOfRange`] for a part that reaches past the end.
    pub fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        self.content.stream(range)
    }
}

/// Opens a file, which the log says.
///
/// # Errors
/// [`Refusal::NotFound`] when there is none, or none that this person may know of.
pub async fn open(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    id: Uuid,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Open, Refusal> {
    let view = reader.read().await?;
    let file = found(reader, accounts, &view, id, Does::Read).await?;
    let ring = accounts.vault.within(&view).await?;
    let at = blob_of(view.tenant(), id);
    drop(view);
    let content = match accounts.blobs.open_sealed(&ring, &at).await {
        Err(BlobError::Missing) => {
            // With its row it was taken away a moment ago; without, the store lost it, which is no small thing.
            found(reader, accounts, &reader.read().await?, id, Does::Read).await?;
            return Err(BlobError::Missing.into());
        }
        opened => opened?,
    };
    if content.bytes() != file.bytes {
        return Err(BlobError::Seal(crate::crypto::seal::SealError::DoesNotOpen).into());
    }
    reader.note(accounts, origin, &Event::of(Action::FileOpened, id), now).await?;
    Ok(Open { file, content })
}

/// Removes a file: nobody reads it from now on, and its content goes within two hours.
///
/// # Errors
/// [`Refusal::NotFound`] when there is none, or none that this person may know of.
pub async fn remove(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    id: Uuid,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    found(editor, accounts, &editor.read().await?, id, Does::Write).await?;
    let change = editor.begin_kept(accounts, origin).await?;
    let gone = file::Entity::update_many()
        .col_expr(file::Column::RemovedAtMs, Expr::value(to_ms(now)))
        .filter(file::Column::Id.eq(id))
        .filter(file::Column::RemovedAtMs.is_null());
    if change.update(gone).await? == 0 {
        return Err(Refusal::NotFound);
    }
    Ok(change.commit(&Event::of(Action::FileRemoved, id), now).await?)
}

/// A small text on a record, for whoever tries out who opens it. Its content is there before its row.
pub(crate) async fn plant(
    change: &Change,
    accounts: &Accounts,
    record: Uuid,
    name: &str,
    by: AccountId,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let accepted = accept(1, &format!("{name}.txt"), "text/plain", Bytes::copy_from_slice(name.as_bytes()));
    let accepted = accepted.map_err(|refused| Refusal::Conflict(refused.to_string()))?;
    let id = Uuid::now_v7();
    accounts.blobs.put(change.ring(), &blob_of(change.tenant(), id), &accepted.content).await?;
    change.insert(row_of(change, id, Onto { record, field: None }, &accepted, by, now)?).await?;
    Ok(id)
}

/// The row of a file whose content lies there already. For measuring.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn row_for(
    change: &Change,
    id: Uuid,
    record: Uuid,
    accepted: &Accepted,
    by: AccountId,
    now: OffsetDateTime,
) -> Result<file::ActiveModel, Refusal> {
    row_of(change, id, Onto { record, field: None }, accepted, by, now)
}
