//! Lists of records: searched by word, narrowed by what is clear and by what they lead to, sorted, page by page.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query as Sql, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, Order, QueryFilter, QueryOrder, QuerySelect, RelationDef, Select,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::Content;
use super::names::Behind;
use super::order::{Narrowed, Place, Sequence, Step};
use super::reached;
use super::shape::{Shape, slot};
use super::tokens::{Tokens, words};
use super::value::{bound, choice_key, parse};
use crate::clock::from_ms;
use crate::entity::{record, record_token};
use crate::guard::{Allowed, Belonging, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::profile::format::{Field, FieldKind};

/// How many records a page shows.
pub const PAGE: u64 = 50;

/// Words of one search. Whatever comes after would only narrow what is narrow already.
const MOST_WORDS: usize = 6;

/// Up to here it is counted how often a word occurs, in order to begin with the rarest. Records with a word that is rarer are looked up by their
/// ids: a database that guesses the word to be common walks through all records of the register to find them.
const RARE: u64 = 500;

/// Which records, in which order. Everything in it is as somebody typed it.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Whole words, all of which a record must have.
    pub search: String,
    /// Field and value: choices as they are called, people and records by their ids.
    pub with: Vec<(String, String)>,
    /// From this value of a clear date, instant or number on, and up to that one.
    pub between: Option<Between>,
    /// A clear field's id, with a minus before it for the largest first, of choices for the last that is declared. Records without a value come
    /// last either way. Nothing: the newest first.
    pub sort: String,
    /// Where the page before ended.
    pub after: Option<String>,
    /// What lies in the bin instead of what is there.
    pub removed: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Between {
    pub field: String,
    pub from: String,
    pub to: String,
}

/// One record in a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: Uuid,
    pub version: i32,
    pub unit: Option<Uuid>,
    pub content: Content,
    pub made_at: OffsetDateTime,
    pub changed_at: OffsetDateTime,
}

impl Line {
    pub(crate) fn of(row: &record::Model, content: Content) -> Self {
        Self {
            id: row.id,
            version: row.version,
            unit: row.unit_id,
            content,
            made_at: from_ms(row.made_at_ms),
            changed_at: from_ms(row.changed_at_ms),
        }
    }
}

/// A page of records, what stands behind their ids, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Listed {
    pub lines: Vec<Line>,
    pub behind: Behind,
    pub next: Option<String>,
}

/// One page.
///
/// # Errors
/// [`Refusal::Fields`] when the query names what the register does not have.
pub async fn list(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    shape: &Shape<'_>,
    query: &Query,
) -> Result<Listed, Refusal> {
    if query.removed {
        shape.demand_deleting()?;
    }
    let view = reader.read().await?;
    let ring = accounts.vault.within(&view).await?;
    let asked = Asked::of(shape, &ring.tokens()?, query)?;
    let led = asked.led(&view).await?;
    let mut rows: Vec<record::Model> = Vec::new();
    for step in asked.steps()? {
        let missing = PAGE + 1 - rows.len() as u64;
        if missing == 0 {
            break;
        }
        rows.extend(view.all(asked.select(&view, reader.here(), &led, step).limit(missing)).await?);
    }
    let more = rows.len() as u64 > PAGE;
    rows.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|last| asked.sequence.place(last));
    let mut lines = Vec::new();
    for row in rows {
        let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
        lines.push(Line::of(&row, content));
    }
    let fields: Vec<&Field> = shape.fields().collect();
    let behind =
        Behind::of(&view, accounts, (reader, reader.here()), &fields, lines.iter().map(|line| &line.content)).await?;
    Ok(Listed { lines, behind, next })
}

/// What leads to the records of a list, and what they must have beside.
struct Led {
    by: By,
    others: Vec<i64>,
}

enum By {
    Nothing,
    /// All that have the rarest word.
    Few(Vec<Uuid>),
    Token(i64),
}

/// A query that makes sense for its register.
struct Asked<'a> {
    shape: &'a Shape<'a>,
    tokens: Vec<i64>,
    conditions: Condition,
    /// What the list is narrowed to in a slot.
    narrowed: BTreeMap<usize, Narrowed>,
    sequence: Sequence,
    after: Option<Place>,
    removed: bool,
}

fn wrong(field: &str, said: impl Into<String>) -> Refusal {
    Refusal::Fields(vec![(field.to_owned(), said.into())])
}

pub(crate) fn column(slot: usize) -> record::Column {
    match slot {
        1 => record::Column::K1,
        2 => record::Column::K2,
        3 => record::Column::K3,
        4 => record::Column::K4,
        // The profile's check has refused every other number.
        _ => record::Column::K5,
    }
}

/// What a row has in a slot.
pub(crate) fn held(row: &record::Model, slot: usize) -> Option<i64> {
    [row.k1, row.k2, row.k3, row.k4, row.k5].get(slot.wrapping_sub(1)).copied().flatten()
}

impl<'a> Asked<'a> {
    fn of(shape: &'a Shape<'a>, tokens: &Tokens, query: &Query) -> Result<Self, Refusal> {
        let mut asked = Self {
            shape,
            tokens: words(&query.search).take(MOST_WORDS).map(|word| tokens.word(shape.id(), &word)).collect(),
            conditions: Condition::all(),
            narrowed: BTreeMap::new(),
            sequence: Sequence::newest_first(),
            after: query.after.as_deref().map(|text| Place::parse(text).ok_or_else(no_place)).transpose()?,
            removed: query.removed,
        };
        for (field, value) in query.with.iter().filter(|(_, value)| !value.is_empty()) {
            asked.narrow(tokens, field, value)?;
        }
        if let Some(between) = query.between.as_ref().filter(|between| !between.field.is_empty()) {
            asked.between(between)?;
        }
        asked.sort(&query.sort)?;
        Ok(asked)
    }

    fn field(&self, id: &str) -> Result<&'a Field, Refusal> {
        self.shape.field(id).ok_or_else(|| wrong(id, "there is no such field here"))
    }

    fn narrow(&mut self, tokens: &Tokens, id: &str, value: &str) -> Result<(), Refusal> {
        let field = self.field(id)?;
        let known = |said: &str| value.parse::<Uuid>().map_err(|_| wrong(id, said));
        match (field.kind, slot(field)) {
            (FieldKind::Choice | FieldKind::Choices, _) if !field.choices.iter().any(|choice| choice == value) => {
                return Err(wrong(id, format!("choose one of: {}", field.choices.join(", "))));
            }
            (FieldKind::Choice, Some(slot)) => {
                self.narrowed.insert(slot, Narrowed::ToOne(choice_key(value)));
                self.conditions =
                    std::mem::replace(&mut self.conditions, Condition::all()).add(column(slot).eq(choice_key(value)));
            }
            (FieldKind::Choice | FieldKind::Choices, _) => self.tokens.push(tokens.choice(self.shape.id(), id, value)),
            (FieldKind::Person, _) => self.tokens.push(tokens.person(known("write the id of a person")?)),
            (FieldKind::Link, _) => self.tokens.push(tokens.link(known("write the id of a record")?)),
            (FieldKind::Requirement, _) => {
                // As somebody writes it: the identifier alone, in any case.
                let parsed = parse(self.shape.reading(), field, value).map_err(|said| wrong(id, said))?;
                self.tokens.extend(parsed.iter().map(|requirement| tokens.requirement(requirement)));
            }
            (
                FieldKind::Text
                | FieldKind::LongText
                | FieldKind::Number
                | FieldKind::Date
                | FieldKind::Instant
                | FieldKind::File,
                _,
            ) => return Err(wrong(id, "a list cannot be narrowed by this field; search for words instead")),
        }
        Ok(())
    }

    fn between(&mut self, between: &Between) -> Result<(), Refusal> {
        let Between { field: id, from, to } = between;
        let field = self.shape.field(id).ok_or_else(|| wrong("by", "there is no such field here"))?;
        let Some(slot) = slot(field).filter(|_| field.kind != FieldKind::Choice) else {
            return Err(wrong("by", "a list cannot be narrowed by this field; search for words instead"));
        };
        let edge = |typed: &str, name: &str, last: bool| {
            if typed.is_empty() {
                return Ok(None);
            }
            bound(self.shape.reading(), field, typed, last).map(Some).ok_or_else(|| wrong(name, edge_of(field.kind)))
        };
        let (from, to) = (edge(from, "from", false)?, edge(to, "to", true)?);
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            return Err(wrong("to", "this has to be the same as \u{201c}from\u{201d}, or after it"));
        }
        self.narrowed.insert(slot, Narrowed::ToSome);
        let mut conditions = std::mem::replace(&mut self.conditions, Condition::all()).add(column(slot).is_not_null());
        if let Some(from) = from {
            conditions = conditions.add(column(slot).gte(from));
        }
        if let Some(to) = to {
            conditions = conditions.add(column(slot).lte(to));
        }
        self.conditions = conditions;
        Ok(())
    }

    fn sort(&mut self, typed: &str) -> Result<(), Refusal> {
        let (id, order) = typed.strip_prefix('-').map_or((typed, Order::Asc), |id| (id, Order::Desc));
        if id.is_empty() {
            return Ok(());
        }
        let field = self.shape.field(id).ok_or_else(|| wrong("sort", "there is no such field here"))?;
        let narrowed = slot(field).and_then(|slot| self.narrowed.get(&slot)).copied().unwrap_or(Narrowed::No);
        self.sequence = Sequence::by(field, order, narrowed)
            .ok_or_else(|| wrong("sort", "a list cannot be sorted by this field"))?;
        Ok(())
    }

    fn steps(&self) -> Result<Vec<Step<'_>>, Refusal> {
        self.sequence.steps(self.after).ok_or_else(no_place)
    }

    fn select(&self, view: &TenantDb, reader: &Belonging, led: &Led, step: Step<'_>) -> Select<record::Entity> {
        let there = if self.removed {
            record::Column::RemovedAtMs.is_not_null()
        } else {
            record::Column::RemovedAtMs.is_null()
        };
        let mut rows = record::Entity::find()
            .filter(record::Column::Register.eq(self.shape.id()))
            .filter(there)
            .filter(self.conditions.clone())
            .filter(reached::condition(reader));
        for other in &led.others {
            rows = rows.filter(has(view, *other));
        }
        match &led.by {
            By::Nothing => step.of(rows, None),
            By::Few(ids) => step.of(rows.filter(record::Column::Id.is_in(ids.iter().copied())), None),
            By::Token(token) => step.of(joined(rows, *token), Some(&token_record())),
        }
    }

    /// The rarest word leads, the others are looked up for each record that it leads to.
    async fn led(&self, view: &TenantDb) -> Result<Led, Refusal> {
        let mut counted = Vec::new();
        for token in &self.tokens {
            let some = record_token::Entity::find().filter(record_token::Column::Token.eq(*token)).limit(RARE);
            // One alone leads, however many there are.
            counted.push((if self.tokens.len() > 1 { view.count(some).await? } else { 0 }, *token));
        }
        counted.sort_unstable();
        let mut by_rarity = counted.into_iter().map(|(_, token)| token);
        let Some(first) = by_rarity.next() else { return Ok(Led { by: By::Nothing, others: Vec::new() }) };
        let few = with(view, first).await?;
        let by = if (few.len() as u64) < RARE { By::Few(few) } else { By::Token(first) };
        Ok(Led { by, others: by_rarity.collect() })
    }
}

const LED: &str = "led";

fn token_record() -> SimpleExpr {
    Expr::col((Alias::new(LED), record_token::Column::RecordId))
}

/// The newest records that have this token: all of them where it is rare.
async fn with(view: &TenantDb, token: i64) -> Result<Vec<Uuid>, Refusal> {
    let rows = record_token::Entity::find()
        .filter(record_token::Column::Token.eq(token))
        .order_by_desc(record_token::Column::RecordId)
        .limit(RARE);
    Ok(view.all(rows).await?.into_iter().map(|row| row.record_id).collect())
}

/// The records that have this token, by the table of tokens.
fn joined(rows: Select<record::Entity>, token: i64) -> Select<record::Entity> {
    let by: RelationDef = record::Entity::belongs_to(record_token::Entity)
        .from((record::Column::TenantId, record::Column::Id))
        .to((record_token::Column::TenantId, record_token::Column::RecordId))
        .into();
    rows.join_as(JoinType::InnerJoin, by, Alias::new(LED))
        .filter(Expr::col((Alias::new(LED), record_token::Column::Token)).eq(token))
}

/// Whether a record has this token too.
fn has(view: &TenantDb, token: i64) -> SimpleExpr {
    let also = Alias::new("also");
    let column = |column: record_token::Column| Expr::col((also.clone(), column));
    let query = Sql::select()
        .expr(Expr::value(1))
        .from_as(record_token::Entity, also.clone())
        .and_where(column(record_token::Column::TenantId).eq(view.tenant().0))
        .and_where(column(record_token::Column::Token).eq(token))
        .and_where(column(record_token::Column::RecordId).eq(Expr::col((record::Entity, record::Column::Id))))
        .to_owned();
    Expr::exists(query)
}

/// What the edge of a range looks like.
fn edge_of(kind: FieldKind) -> &'static str {
    if kind == FieldKind::Number { "write a number such as 12 or 12.5" } else { "write the day as 2026-04-30" }
}

fn no_place() -> Refusal {
    wrong("after", "this is no place in the list; start from the first page")
}
