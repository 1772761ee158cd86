//! The log as people read it: newest first, filtered, page by page; and as it is taken along, entry by entry.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::log::{self, Action, Event};
use crate::clock::{from_ms, parse_date, rfc3339, to_ms};
use crate::crypto::hex;
use crate::entity::{entry, signed_head, tally};
use crate::guard::{Allowed, Person, TenantDb, rights};
use crate::identity::origin::Place;
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::names;
use crate::organisations::upkeep::day_of;
use crate::zone::Zone;

/// How many entries a page shows.
pub const PAGE: u64 = 50;

/// How many entries are read at once when the log is taken along.
const CHUNK: u64 = 2000;

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub action: Option<String>,
    /// Who did it: the id of a person.
    pub actor: Option<String>,
    /// First and last day, both included, as the reader's wall says.
    pub from: Option<String>,
    pub to: Option<String>,
    /// The number of the entry where the page before ended.
    pub before: Option<String>,
}

impl Query {
    /// Whether it leaves anything out.
    const fn narrows(&self) -> bool {
        let Self { action, actor, from, to, before } = self;
        action.is_some() || actor.is_some() || from.is_some() || to.is_some() || before.is_some()
    }
}

/// One entry as people read it.
#[derive(Clone, Debug)]
pub struct Line {
    pub seq: i64,
    pub at: OffsetDateTime,
    pub actor: Uuid,
    pub who: String,
    pub by_vendor: bool,
    pub action: String,
    pub said: String,
    pub subject: String,
    pub refused: bool,
    pub place: Place,
    pub facts: BTreeMap<String, String>,
}

/// A page of the log.
#[derive(Clone, Debug)]
pub struct Listed {
    pub lines: Vec<Line>,
    pub next: Option<String>,
}

/// One page, newest first.
///
/// # Errors
/// [`Refusal::Field`] on what is no day, person or place in the list.
pub async fn list(reader: &Allowed<rights::AuditRead>, accounts: &Accounts, query: &Query) -> Result<Listed, Refusal> {
    let rows = narrowed(reader, query)?.order_by_desc(entry::Column::Seq).limit(PAGE + 1);
    let view = reader.read().await?;
    let mut lines = lines(&view, accounts, rows).await?;
    let more = lines.len() as u64 > PAGE;
    lines.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = lines.last().filter(|_| more).map(|line| line.seq.to_string());
    Ok(Listed { lines, next })
}

fn narrowed(reader: &Person, query: &Query) -> Result<Select<entry::Entity>, Refusal> {
    let mut rows = entry::Entity::find();
    if let Some(action) = &query.action {
        rows = rows.filter(entry::Column::Action.eq(action));
    }
    if let Some(actor) = &query.actor {
        rows = rows.filter(entry::Column::Actor.eq(crate::organisations::id("actor", actor)?));
    }
    let zone = Zone::named(&reader.time_zone);
    let day = |field: &'static str, text: &str| {
        parse_date(text).map_err(|_| Refusal::Field(field, "write the day as 2026-04-30".into()))
    };
    if let Some(from) = &query.from {
        rows = rows.filter(entry::Column::AtMs.gte(to_ms(zone.begins(day("from", from)?))));
    }
    if let Some(to) = &query.to {
        let to = day("to", to)?;
        if query.from.as_deref().is_some_and(|from| day("from", from).is_ok_and(|from| to < from)) {
            return Err(Refusal::Field("to", "the last day is before the first".into()));
        }
        rows = rows.filter(entry::Column::AtMs.lt(to_ms(zone.begins(to.next_day().unwrap_or(to)))));
    }
    if let Some(before) = &query.before {
        let before: i64 = before
            .parse()
            .map_err(|_| Refusal::Field("after", "this is no place in the log; start from the first page".into()))?;
        rows = rows.filter(entry::Column::Seq.lt(before));
    }
    Ok(rows)
}

/// The newest entries, for the dashboard.
pub(crate) async fn newest(view: &TenantDb, accounts: &Accounts, most: u64) -> Result<Vec<Line>, Refusal> {
    lines(view, accounts, entry::Entity::find().order_by_desc(entry::Column::Seq).limit(most)).await
}

pub(crate) async fn lines(
    view: &TenantDb,
    accounts: &Accounts,
    rows: Select<entry::Entity>,
) -> Result<Vec<Line>, Refusal> {
    let rows = view.all(rows).await?;
    let ids: Vec<Uuid> = rows.iter().flat_map(|row| [row.actor, row.subject]).collect();
    let (people, traces) = names::traced(view, accounts, ids).await?;
    let ring = accounts.vault.within(view).await?;
    let line = |row: entry::Model| {
        let detail = log::open_detail(&ring, traces.get(&row.actor), &row);
        // An entry of an earlier release has the place under the organisation's key: of who is gone it is not told either.
        let gone = !row.actor.is_nil() && !people.contains_key(&row.actor);
        Line {
            seq: row.seq,
            at: from_ms(row.at_ms),
            who: names::called(&people, row.actor),
            actor: row.actor,
            by_vendor: row.actor_kind == "operator",
            said: Action::parse(&row.action).map_or("Something else happened", Action::said).to_owned(),
            subject: whom(&people, &row),
            action: row.action,
            refused: row.outcome == "refused",
            place: if gone { Place::default() } else { detail.place },
            facts: detail.facts,
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

/// On whom. What is no person is known by the facts beside it; a person who was erased is told as everywhere.
fn whom(people: &BTreeMap<Uuid, names::Named>, row: &entry::Model) -> String {
    let member = Action::parse(&row.action).is_some_and(|action| {
        matches!(
            action,
            Action::RoleChanged
                | Action::ReachGranted
                | Action::ReachWithdrawn
                | Action::MemberOffboarded
                | Action::MfaReset
                | Action::HelpOpened
                | Action::HelpEnded
        )
    });
    if member || people.contains_key(&row.subject) {
        return names::called(people, row.subject);
    }
    String::new()
}

#[derive(Debug, FromQueryResult)]
struct Group {
    what: String,
    number: i64,
}

/// How many entries of each kind the last 30 days have.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(reader: &Allowed<rights::AuditRead>, now: OffsetDateTime) -> Result<Vec<(Action, u64)>, Refusal> {
    let view = reader.read().await?;
    let today = day_of(now);
    let past = tally::Entity::find()
        .select_only()
        .column(tally::Column::What)
        .column_as(tally::Column::Count.sum(), "number")
        .filter(tally::Column::Day.gt(today - 30))
        .filter(tally::Column::Day.lt(today))
        .filter(tally::Column::What.is_not_in(["members", "enrolled"]))
        .group_by(tally::Column::What);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for Group { what, number } in view.all_as::<tally::Entity, Group>(past).await? {
        counts.insert(what, u64::try_from(number).unwrap_or(0));
    }
    // Today is counted live.
    for (action, number) in crate::organisations::upkeep::on_day(&view, today).await? {
        *counts.entry(action).or_default() += number;
    }
    let mut known: Vec<(Action, u64)> =
        counts.into_iter().filter_map(|(word, number)| Some((Action::parse(&word)?, number))).collect();
    known.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    Ok(known)
}

/// How the log is taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For reading in a table.
    Csv,
    /// One JSON object a line with everything that the chain covers, for verifying.
    JsonLines,
}

/// Writes down that the log is taken along, and whether only a part of it; what is taken ends with that entry. Its number.
///
/// # Errors
/// [`Refusal::Field`] on what is no day or person; then nothing is written down.
pub async fn begin_export(
    reader: &Allowed<rights::AuditRead>,
    accounts: &Accounts,
    (form, query): (Form, &Query),
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<i64, Refusal> {
    let form = match form {
        Form::Csv => "csv",
        Form::JsonLines => "jsonl",
    };
    narrowed(reader, query)?;
    let event = Event::of(Action::LogExported, Uuid::nil()).with("form", form);
    let event = if query.narrows() { event.with("part", "narrowed") } else { event };
    reader.note(accounts, origin, &event, now).await?;
    let newest = entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1);
    Ok(reader.read().await?.one(newest).await?.map_or(0, |row| row.seq))
}

/// The next piece of what fits, after entry `after`, up to `until`; `None` at the end.
///
/// # Errors
/// When the database does not answer.
pub async fn piece(
    reader: &Allowed<rights::AuditRead>,
    accounts: &Accounts,
    (form, query): (Form, &Query),
    (after, until): (i64, i64),
) -> Result<Option<(String, i64)>, Refusal> {
    let rows = narrowed(reader, query)?
        .filter(entry::Column::Seq.gt(after))
        .filter(entry::Column::Seq.lte(until))
        .order_by_asc(entry::Column::Seq)
        .limit(CHUNK);
    let view = reader.read().await?;
    let (text, last) = match form {
        Form::JsonLines => {
            let rows = view.all(rows).await?;
            (rows.iter().map(json_line).collect::<String>(), rows.last().map(|row| row.seq))
        }
        Form::Csv => {
            let lines = lines(&view, accounts, rows).await?;
            (lines.iter().map(csv_line).collect::<String>(), lines.last().map(|line| line.seq))
        }
    };
    Ok(last.map(|last| (text, last)))
}

/// The fields in the order in which the chain covers them.
pub(crate) fn json_line(row: &entry::Model) -> String {
    let line = serde_json::json!({
        "tenant": row.tenant_id.to_string(),
        "seq": row.seq,
        "at_ms": row.at_ms,
        "actor_kind": row.actor_kind,
        "actor": row.actor.to_string(),
        "action": row.action,
        "subject": row.subject.to_string(),
        "outcome": row.outcome,
        "detail": hex(&row.detail),
        "hash": hex(&row.hash),
    });
    format!("{line}\n")
}

pub const CSV_HEAD: &str = "number,at,who,by_vendor,action,on_whom,outcome,device,network,facts\r\n";

pub(crate) fn csv_line(line: &Line) -> String {
    let facts = line.facts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let outcome = if line.refused { "refused" } else { "done" };
    let by_vendor = if line.by_vendor { "yes" } else { "no" };
    let cells = [
        &line.seq.to_string(),
        &rfc3339(line.at),
        &line.who,
        by_vendor,
        &line.action,
        &line.subject,
        outcome,
        &line.place.device,
        &line.place.network,
        &facts,
    ];
    format!("{}\r\n", cells.map(cell).join(","))
}

/// Quoted (RFC 4180), and defused where a spreadsheet would take it for a formula.
fn cell(text: &str) -> String {
    let defused = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    format!("\"{}\"", defused.replace('"', "\"\""))
}

/// The signed heads of the log, one JSON object a line.
///
/// # Errors
/// When the database does not answer.
pub async fn heads(reader: &Allowed<rights::AuditRead>) -> Result<String, Refusal> {
    let rows =
        signed_head::Entity::find().order_by_asc(signed_head::Column::Seq).order_by_asc(signed_head::Column::AtMs);
    let rows = reader.read().await?.all(rows).await?;
    Ok(rows.iter().map(super::heads::line).collect())
}
