//! What is kept about one person, for that person: the account, where they are signed in, where they belong, what happened to the account, what
//! they did in organisations, and the records that name them, as far as they may read these.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::ExportError;
use super::archive::{Archive, SectionSaid, Sink};
use super::manifest;
use super::offered::{Offered, not_kept};
use super::table::{self, Cell, Written};
use super::words;
use crate::audit::log;
use crate::clock::{from_ms, rfc3339, to_ms};
use crate::entity::{account, account_entry, entry, personal_copy, record, record_token, session};
use crate::guard::{AccountId, Allowed, Asks, Caller, Fresh, Operator, SignedIn, rights};
use crate::identity::origin::Place;
use crate::identity::record::{Action, Entry};
use crate::identity::trace;
use crate::identity::{Accounts, Origin, Refusal, profile};
use crate::organisations::names;
use crate::problem::internal;
use crate::registers::content::Content;
use crate::registers::{shape, within_reach};
use contract::problem::Problem;

/// Copies that are kept at once.
const KEPT: u64 = 3;

/// Entries and records of one organisation that a copy takes: years of somebody's work.
const MOST: u64 = 20_000;

/// Below this lies everything that the store has of somebody.
pub(crate) fn folder(account: AccountId) -> String {
    format!("accounts/{}", account.0)
}

fn place(account: AccountId, id: Uuid) -> String {
    format!("{}/copies/{id}", folder(account))
}

/// A copy as the page shows it.
#[derive(Clone, Debug)]
pub struct Copy {
    pub id: Uuid,
    pub made_at: OffsetDateTime,
    pub until: OffsetDateTime,
    pub bytes: u64,
    pub sha256: String,
}

/// Makes a copy of everything about whoever asks.
///
/// # Errors
/// [`Problem`] as people are told it.
pub async fn make(
    owner: &Fresh,
    caller: &Caller,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Problem> {
    let written = write(owner, caller, accounts, now).await.map_err(|cause| internal(&cause))?;
    Ok(keep(owner, accounts, written, origin, now).await?)
}

/// Makes the archive in memory: it is of one person.
async fn write(
    owner: &Fresh,
    caller: &Caller,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Vec<u8>, ExportError> {
    let mut archive = Archive::new(Sink::Memory(Vec::new()), None, now);
    let mut said = Vec::new();
    let mut put = async |name: &str, columns: &[&str], rows: Vec<Vec<Cell>>| {
        let file = format!("data/{name}");
        let mut section = archive.section(name, &file, table::head(columns.iter().copied())).await?;
        let mut written = Written::default();
        for cells in rows {
            written.row(columns, &cells);
        }
        archive.rows(&mut section, written).await?;
        said.push(archive.close(section).await?);
        Ok::<(), ExportError>(())
    };
    put("account", ACCOUNT, own(owner, accounts).await?).await?;
    put("sessions", SESSIONS, sessions(owner, accounts).await?).await?;
    put("account-record", RECORD, happened(owner, accounts).await?).await?;
    let belongs = owner.belongs.iter().map(|here| {
        vec![
            Cell::Text(names::of_organisation(accounts, here)),
            Cell::Text(here.slug.clone()),
            Cell::Text(here.role.clone()),
            Cell::At(to_ms(here.since)),
            Cell::at(here.ends_at.map(to_ms)),
        ]
    });
    put("memberships", MEMBERSHIPS, belongs.collect()).await?;
    let (mut acts, mut records) = (Vec::new(), Vec::new());
    for here in &owner.belongs {
        if let Ok(reader) = caller.may::<rights::OrganisationRead>(&here.slug, Asks::ToSee) {
            acts.extend(done_by(&reader, accounts).await?);
        }
        if let Ok(reader) = caller.may::<rights::RecordsRead>(&here.slug, Asks::ToSee) {
            records.extend(naming(&reader, accounts).await?);
        }
    }
    put("acts", ACTS, acts).await?;
    put("records", RECORDS, records).await?;
    ended(archive, said, owner, accounts, now).await
}

const ACCOUNT: &[&str] =
    &["id", "name", "address", "made_at", "password_set_at", "second_factor", "date_style", "time_zone", "seen_at"];
const SESSIONS: &[&str] = &["began_at", "seen_at", "ends_at", "device", "network"];
const RECORD: &[&str] = &["number", "at", "what", "device", "network"];
const MEMBERSHIPS: &[&str] = &["organisation", "address", "role", "since", "ends_at"];
const ACTS: &[&str] = &["organisation", "at", "what", "outcome", "device", "network"];
const RECORDS: &[&str] = &["organisation", "register", "id", "made_at", "fields"];

async fn own(owner: &Fresh, accounts: &Accounts) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = owner.all(account::Entity::find_by_id(owner.account.0)).await?;
    let row = rows.into_iter().next().ok_or(ExportError::Broken("the account is gone"))?;
    let named = names::open(accounts, &row);
    Ok(vec![vec![
        Cell::Id(row.id),
        Cell::Text(named.name),
        Cell::Text(named.address),
        Cell::At(row.created_at_ms),
        Cell::At(row.password_set_at_ms),
        Cell::Text(if owner.enrolled { "authenticator app" } else { "none" }.to_owned()),
        Cell::Text(row.date_style),
        Cell::Text(row.time_zone),
        Cell::at(row.seen_at_ms),
    ]])
}

async fn sessions(owner: &Fresh, accounts: &Accounts) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = session::Entity::find()
        .filter(session::Column::AccountId.eq(owner.account.0))
        .order_by_asc(session::Column::CreatedAtMs);
    let cells = |row: session::Model| {
        let place = Place::open(accounts, owner.account, &row.origin);
        vec![
            Cell::At(row.created_at_ms),
            Cell::At(row.seen_at_ms),
            Cell::At(row.ends_at_ms),
            Cell::Text(place.device),
            Cell::Text(place.network),
        ]
    };
    Ok(owner.all(rows).await?.into_iter().map(cells).collect())
}

async fn happened(owner: &Fresh, accounts: &Accounts) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = account_entry::Entity::find()
        .filter(account_entry::Column::AccountId.eq(owner.account.0))
        .order_by_asc(account_entry::Column::Seq)
        .limit(MOST);
    let cells = |row: account_entry::Model| {
        let place = Place::open(accounts, owner.account, &row.origin);
        vec![
            Cell::Number(row.seq),
            Cell::At(row.at_ms),
            Cell::Text(row.action),
            Cell::Text(place.device),
            Cell::Text(place.network),
        ]
    };
    Ok(owner.all(rows).await?.into_iter().map(cells).collect())
}

/// What the log of an organisation says this person did there.
async fn done_by(
    reader: &Allowed<rights::OrganisationRead>,
    accounts: &Accounts,
) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = entry::Entity::find()
        .filter(entry::Column::Actor.eq(reader.account.0))
        .order_by_asc(entry::Column::Seq)
        .limit(MOST);
    let view = reader.read().await?;
    let ring = accounts.vault.within(&view).await?;
    let organisation = names::of_organisation(accounts, reader.here());
    let trace = trace::open(accounts, reader.account.0, reader.sealed_trace.as_deref());
    let cells = |row: entry::Model| {
        let detail = log::open_detail(&ring, trace.as_ref(), &row);
        vec![
            Cell::Text(organisation.clone()),
            Cell::At(row.at_ms),
            Cell::Text(row.action),
            Cell::Text(row.outcome),
            Cell::Text(detail.place.device),
            Cell::Text(detail.place.network),
        ]
    };
    Ok(view.all(rows).await?.into_iter().map(cells).collect())
}

/// The records of an organisation that name this person, with the fields that they may read.
async fn naming(reader: &Allowed<rights::RecordsRead>, accounts: &Accounts) -> Result<Vec<Vec<Cell>>, ExportError> {
    let view = reader.read().await?;
    let ring = accounts.vault.within(&view).await?;
    let token = ring.tokens()?.person(reader.account.0);
    let found =
        view.all(record_token::Entity::find().filter(record_token::Column::Token.eq(token)).limit(MOST)).await?;
    let organisation = names::of_organisation(accounts, reader.here());
    let shapes = shape::all(reader, &accounts.profile);
    let mut rows = Vec::new();
    for ids in found.chunks(500) {
        let ids = record::Column::Id.is_in(ids.iter().map(|row| row.record_id));
        let rows_there = record::Entity::find().filter(ids).filter(within_reach(reader.here()));
        for row in view.all(rows_there.order_by_asc(record::Column::Id)).await? {
            let Some(shape) = shapes.iter().find(|shape| shape.id() == row.register) else { continue };
            if row.removed_at_ms.is_some() {
                continue;
            }
            let mut content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
            content.0.retain(|field, _| shape.field(field).is_some());
            // A token is a part of a hash: what counts is what the record says.
            let own = reader.account.0.to_string();
            if !content.0.values().flatten().any(|value| *value == own) {
                continue;
            }
            rows.push(vec![
                Cell::Text(organisation.clone()),
                Cell::Text(row.register),
                Cell::Id(row.id),
                Cell::At(row.made_at_ms),
                Cell::Json(serde_json::to_string(&content).unwrap_or_default()),
            ]);
        }
    }
    Ok(rows)
}

async fn ended(
    mut archive: Archive<'_>,
    said: Vec<SectionSaid>,
    owner: &Fresh,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Vec<u8>, ExportError> {
    let name = profile::open_name(accounts, owner)?;
    archive.put("README.txt", words::about_you(&name, &said).as_bytes()).await?;
    let text = serde_json::json!({
        "format": "avouch-personal-copy/1",
        "account": owner.account.0,
        "made_at": rfc3339(now),
        "environment": accounts.vault.environment(),
        "sections": said,
        "parts": archive.parts(),
    });
    let text = serde_json::to_string_pretty(&text).unwrap_or_default() + "\n";
    archive.put(manifest::FILE, text.as_bytes()).await?;
    match archive.finish().await?.sink {
        Sink::Memory(bytes) => Ok(bytes),
        Sink::Blob(_) | Sink::Out(_) => Err(ExportError::Broken("a copy was written elsewhere")),
    }
}

async fn keep(
    owner: &Fresh,
    accounts: &Accounts,
    written: Vec<u8>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let id = Uuid::now_v7();
    accounts.blobs.put(&accounts.vault.ring(), &place(owner.account, id), &written).await?;
    let hours = i64::from(accounts.profile.policy.retention.export_hours.get());
    let entry = Entry::of(accounts, Some(owner.account), Action::CopyMade, origin, now)?;
    let change = owner.begin().await?;
    let old = personal_copy::Entity::find()
        .filter(personal_copy::Column::AccountId.eq(owner.account.0))
        .order_by_desc(personal_copy::Column::Id)
        .offset(KEPT - 1)
        .limit(100);
    let old = change.all(old).await?;
    for row in &old {
        change.delete(personal_copy::Entity::delete_many().filter(personal_copy::Column::Id.eq(row.id))).await?;
    }
    let row = personal_copy::ActiveModel {
        account_id: ActiveValue::Set(owner.account.0),
        id: ActiveValue::Set(id),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        expires_at_ms: ActiveValue::Set(to_ms(now + Duration::hours(hours))),
        bytes: ActiveValue::Set(i64::try_from(written.len()).unwrap_or(i64::MAX)),
        sha256: ActiveValue::Set(crate::crypto::sha256_hex(&written)),
    };
    change.insert(row).await?;
    change.commit(&entry.happened()).await?;
    for row in old {
        accounts.blobs.remove(&place(owner.account, row.id)).await?;
    }
    Ok(id)
}

/// The copies that can be taken along.
///
/// # Errors
/// When the database does not answer.
pub async fn list(owner: &SignedIn, now: OffsetDateTime) -> Result<Vec<Copy>, Refusal> {
    let rows = personal_copy::Entity::find()
        .filter(personal_copy::Column::AccountId.eq(owner.account.0))
        .filter(personal_copy::Column::ExpiresAtMs.gt(to_ms(now)))
        .order_by_desc(personal_copy::Column::Id);
    let copy = |row: personal_copy::Model| Copy {
        id: row.id,
        made_at: from_ms(row.made_at_ms),
        until: from_ms(row.expires_at_ms),
        bytes: u64::try_from(row.bytes).unwrap_or(0),
        sha256: row.sha256,
    };
    Ok(owner.all(rows).await?.into_iter().map(copy).collect())
}

/// Opens one's own copy.
///
/// # Errors
/// [`Refusal::NotFound`] when there is none of this id, [`Refusal::NotKept`] after its time.
pub async fn download(owner: &Fresh, accounts: &Accounts, id: &str, now: OffsetDateTime) -> Result<Offered, Refusal> {
    let id: Uuid = id.parse().map_err(|_| Refusal::NotFound)?;
    let rows = personal_copy::Entity::find()
        .filter(personal_copy::Column::AccountId.eq(owner.account.0))
        .filter(personal_copy::Column::Id.eq(id));
    let row = owner.all(rows).await?.into_iter().next().ok_or(Refusal::NotFound)?;
    if from_ms(row.expires_at_ms) <= now {
        return Err(Refusal::NotKept("This copy was removed after its time. Ask for a new one.".into()));
    }
    let opening = accounts.blobs.open_sealed(&accounts.vault.ring(), &place(owner.account, id)).await;
    let opening = opening.map_err(|cause| not_kept(cause, id, "This copy was removed. Ask for a new one."))?;
    Ok(Offered::new("my-data.zip".into(), row.sha256, opening))
}

/// Lets go of copies whose time is over. How many.
pub(crate) async fn round(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<usize, Refusal> {
    let over = personal_copy::Column::ExpiresAtMs.lte(to_ms(now));
    let rows = operator.all(personal_copy::Entity::find().filter(over.clone())).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    for row in &rows {
        accounts.blobs.remove(&place(AccountId(row.account_id), row.id)).await?;
    }
    let change = operator.begin_account().await?;
    change.delete(personal_copy::Entity::delete_many().filter(over)).await?;
    change.commit_housekeeping().await?;
    Ok(rows.len())
}
