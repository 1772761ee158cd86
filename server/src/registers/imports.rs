//! Records from a CSV file: every row is read and judged before the first is written, and what was begun and not finished is taken back.

mod file;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

pub use self::file::{Report, Wrong};
use self::file::{Row, read};
use self::write::Going;
pub(crate) use self::write::{SILENT, take_back, unfinished};
use super::content::Content;
use super::edit;
use super::names::Finder;
use super::reached;
use super::shape::{Shape, naming};
use super::span;
use super::tokens::Tokens;
use crate::entity::record_unique;
use crate::guard::{Allowed, TenantDb, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::units;

/// Rows of one file.
pub const MOST_ROWS: usize = 1_000_000;

/// A row that can become a record.
#[derive(Debug)]
pub(crate) struct Good {
    pub content: Content,
    pub unit: Option<Uuid>,
}

/// Reads and judges a file. Nothing is written.
///
/// # Errors
/// [`Refusal::Field`] on `file` when it is no CSV of this register at all.
pub async fn check(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    csv: &[u8],
) -> Result<Report, Refusal> {
    let shape = Shape::of(editor, accounts, register)?;
    Ok(judge(editor, accounts, &shape, csv).await?.1)
}

/// Imports a file whole, or says everything that is wrong with it and imports nothing. Whoever has no patience for a long one is told that it
/// goes on: it does so by itself, whatever becomes of the request.
///
/// # Errors
/// [`Refusal::Field`] on `file`; [`Refusal::TooMany`] where another one goes on in this organisation for longer than half of the patience. A report
/// with errors is no failure: see [`Report::wrong`].
pub async fn import(
    editor: Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    csv: &[u8],
    origin: &Origin,
    now: OffsetDateTime,
    patience: Duration,
) -> Result<Report, Refusal> {
    let began = (now, Instant::now());
    let shape = Shape::of(&editor, accounts, register)?;
    let turn = turn(editor.here().tenant, patience / 2).await?;
    let (good, mut report) = judge(&editor, accounts, &shape, csv).await?;
    if report.wrong_count > 0 {
        return Ok(report);
    }
    let id = Uuid::now_v7();
    report.act = Some(id);
    let (accounts, origin, register) = (accounts.clone(), origin.clone(), register.to_owned());
    let mut going = tokio::spawn(async move {
        let _turn = turn;
        let total = good.len();
        let going =
            Going { editor: &editor, accounts: &accounts, origin: &origin, register: &register, id, total, began };
        let done = going.all(good).await;
        if done.is_err()
            && let Err(refusal) = going.broke().await
        {
            tracing::warn!(import = %id, ?refusal, "an import did not come to its end; it is taken back after two minutes");
        }
        done
    });
    match tokio::time::timeout(patience.saturating_sub(began.1.elapsed()), &mut going).await {
        Ok(done) => done.map_err(|_| Refusal::Busy(1))??,
        Err(_) => report.goes_on = true,
    }
    Ok(report)
}

/// Seconds after which whoever did not get a turn is to try again.
const TRY_AGAIN: u64 = 10;

/// One import at a time in an organisation: the next one is judged by what the one before has written, instead of breaking on it.
static TURNS: Mutex<BTreeMap<Uuid, Weak<Semaphore>>> = Mutex::new(BTreeMap::new());

async fn turn(tenant: TenantId, patience: Duration) -> Result<OwnedSemaphorePermit, Refusal> {
    let turns = {
        let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, one| one.strong_count() > 0);
        let there = turns.get(&tenant.0).and_then(Weak::upgrade);
        let there = there.unwrap_or_else(|| Arc::new(Semaphore::new(1)));
        turns.insert(tenant.0, Arc::downgrade(&there));
        there
    };
    let got = tokio::time::timeout(patience, turns.acquire_owned()).await;
    got.ok().and_then(Result::ok).ok_or(Refusal::TooMany(TRY_AGAIN))
}

async fn judge(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    shape: &Shape<'_>,
    csv: &[u8],
) -> Result<(Vec<Good>, Report), Refusal> {
    shape.demand_writing()?;
    let rows = read(shape, csv)?;
    let view = editor.read().await?;
    let units = units::of(&view, accounts, editor.here()).await?;
    let units: BTreeMap<String, Uuid> = units
        .into_iter()
        .flat_map(|unit| [(unit.name.to_lowercase(), unit.id), (unit.id.to_string(), unit.id)])
        .collect();
    let mut finder = Finder::new(&view, accounts, editor.here());
    let mut report = Report::default();
    let mut good = Vec::new();
    for Row { line, typed, mut wrong } in rows {
        report.rows += 1;
        let unit = typed.unit.as_deref().filter(|text| !text.is_empty());
        let found = unit.map(|text| units.get(&text.to_lowercase()).copied());
        if found == Some(None) {
            wrong.push((edit::UNIT.to_owned(), "there is none of this name here".to_owned()));
        }
        let unit = found.flatten();
        if !reached::takes(editor.here(), unit) && wrong.is_empty() {
            wrong.push((edit::UNIT.to_owned(), "choose one that you reach".to_owned()));
        }
        let content = resolve(shape, &mut finder, typed.values, &mut wrong).await?;
        wrong.extend(span::refusal(shape, &Content::default(), &content));
        if wrong.is_empty() {
            good.push((line, Good { content, unit }));
        } else {
            report.add(line, wrong);
        }
    }
    drop(finder);
    let tokens = accounts.vault.within(&view).await?.tokens()?;
    refuse_twice(shape, &view, &tokens, &good, &mut report).await?;
    report.settle();
    report.sample = good.iter().take(5).filter_map(|(_, good)| name(shape, &good.content)).collect();
    Ok((good.into_iter().map(|(_, good)| good).collect(), report))
}

fn name(shape: &Shape<'_>, content: &Content) -> Option<String> {
    naming(shape.register).and_then(|field| content.first(field.id.get_ref())).map(str::to_owned)
}

/// People and links by what was typed.
async fn resolve(
    shape: &Shape<'_>,
    finder: &mut Finder<'_>,
    values: Vec<(usize, Vec<String>)>,
    wrong: &mut Vec<(String, String)>,
) -> Result<Content, Refusal> {
    let mut content = Content::default();
    for (at, values) in values {
        let Some(field) = shape.register.fields.get(at) else { continue };
        match finder.find(field, values).await? {
            Ok(values) => content.set(field.id.get_ref(), values),
            Err(said) => wrong.push((field.id.get_ref().clone(), said)),
        }
    }
    Ok(content)
}

/// What must be the only one, in the file and beside what is there.
async fn refuse_twice(
    shape: &Shape<'_>,
    view: &TenantDb,
    tokens: &Tokens,
    good: &[(u64, Good)],
    report: &mut Report,
) -> Result<(), Refusal> {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    let mut seen = BTreeSet::new();
    let mut unique = BTreeMap::new();
    for (line, row) in good {
        for (field, token) in tokens.uniques(shape.register, &row.content) {
            if seen.insert(token.clone()) {
                unique.insert(token, (*line, field));
            } else {
                report.add(
                    *line,
                    vec![(field, "another row of the file has this too; it has to be the only one".into())],
                );
            }
        }
    }
    let all: Vec<Vec<u8>> = unique.keys().cloned().collect();
    for some in all.chunks(5_000) {
        let taken = record_unique::Entity::find().filter(record_unique::Column::Token.is_in(some.iter().cloned()));
        for row in view.all(taken).await? {
            if let Some((line, field)) = unique.get(&row.token) {
                report.add(
                    *line,
                    vec![(field.clone(), "another record has this already; it has to be the only one".into())],
                );
            }
        }
    }
    Ok(())
}
