//! How far a catalogue of requirements is covered: by the records that name a requirement, and by the evidence that leads to those.
//!
//! Which registers take part is told by their fields. A record that names requirements is a control, whatever the profile calls it; a record
//! that can hold a file and leads to a control is evidence for it.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::content::Content;
use super::edit::{self, Typed};
use super::names::{self, name_of};
use super::reached;
use super::shape::{Shape, all};
use super::value;
use crate::clock::{from_ms, parse_date};
use crate::entity::{record, record_token};
use crate::frameworks::Framework;
use crate::guard::{Allowed, Belonging, TenantDb, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::format::{Field, FieldKind};

/// Evidence that is older proves nothing of today: a year is the longest period that an audit of controls looks at.
pub const FRESH_DAYS: i64 = 365;

/// Records that one page draws from. With more, it says that it does not show all.
const MOST: u64 = 20_000;

/// Values of one statement.
const AT_ONCE: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// With evidence that is no older than [`FRESH_DAYS`] and holds still.
    Proven,
    /// All evidence is old, or past its end.
    Old,
    /// There is a control and no evidence for it.
    Unproven,
    /// No control at all.
    Open,
}

impl State {
    pub const ALL: &[Self] = &[Self::Proven, Self::Old, Self::Unproven, Self::Open];
}

/// A record that meets a requirement.
#[derive(Clone, Debug)]
pub struct Control {
    pub register: String,
    pub id: Uuid,
    pub name: String,
    /// Pieces of evidence that lead to it.
    pub evidence: usize,
    /// When the newest of it was collected.
    pub newest: Option<OffsetDateTime>,
    /// Whether any of it is fresh.
    fresh: bool,
}

/// One requirement with what there is for it.
#[derive(Clone, Debug)]
pub struct Covered {
    pub requirement: String,
    pub title: String,
    pub state: State,
    pub controls: Vec<Control>,
    /// When the newest evidence was collected.
    pub newest: Option<OffsetDateTime>,
}

/// A whole catalogue.
#[derive(Clone, Debug)]
pub struct Coverage {
    pub requirements: Vec<Covered>,
    /// Whether there are more records than one page draws from.
    pub cut: bool,
}

impl Coverage {
    pub fn count(&self, state: State) -> u64 {
        self.requirements.iter().filter(|covered| covered.state == state).count() as u64
    }
}

/// The catalogue of this id, if the profile loads it.
pub fn framework<'a>(accounts: &'a Accounts, id: &str) -> Option<&'a Framework> {
    accounts.profile.frameworks.iter().find(|framework| framework.id == id)
}

/// The registers whose records can name requirements, with the field in which they do.
pub fn mapping<'a>(shapes: &[Shape<'a>]) -> Vec<(Shape<'a>, &'a Field)> {
    let of_kind = |shape: &Shape<'a>| shape.fields().find(|field| field.kind == FieldKind::Requirement);
    shapes.iter().filter_map(|shape| Some((*shape, of_kind(shape)?))).collect()
}

/// How far a catalogue is covered, as far as this person sees.
///
/// # Errors
/// When the database does not answer.
pub async fn of(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    framework: &Framework,
    now: OffsetDateTime,
) -> Result<Coverage, Refusal> {
    let view = reader.read().await?;
    let shapes = all(reader, &accounts.profile);
    let search = Search { view: &view, accounts, reader: reader.here() };
    let (met, cut) = search.controls(framework, &mapping(&shapes)).await?;
    let controls: BTreeSet<Uuid> = met.values().flatten().map(|control| control.id).collect();
    let (evidence, cut_too) = search.evidence(&shapes, &controls, now).await?;
    let requirements = framework
        .requirements
        .iter()
        .map(|(identifier, title)| {
            let mut controls = met.get(identifier).cloned().unwrap_or_default();
            for control in &mut controls {
                let found = evidence.get(&control.id).map(Vec::as_slice).unwrap_or_default();
                control.evidence = found.len();
                control.newest = found.iter().map(|(at, _)| *at).max();
                control.fresh = found.iter().any(|(_, fresh)| *fresh);
            }
            covered(identifier, title, controls)
        })
        .collect();
    Ok(Coverage { requirements, cut: cut || cut_too })
}

fn covered(identifier: &str, title: &str, controls: Vec<Control>) -> Covered {
    let newest = controls.iter().filter_map(|control| control.newest).max();
    let state = match (controls.is_empty(), newest) {
        (true, _) => State::Open,
        (false, None) => State::Unproven,
        (false, Some(_)) if controls.iter().any(|control| control.fresh) => State::Proven,
        (false, Some(_)) => State::Old,
    };
    Covered { requirement: identifier.to_owned(), title: title.to_owned(), state, controls, newest }
}

/// Looks for records by their tokens.
struct Search<'a> {
    view: &'a TenantDb,
    accounts: &'a Accounts,
    reader: &'a Belonging,
}

impl Search<'_> {
    /// The records that have one of these tokens and are of one of these registers, and whether there are more.
    async fn rows(
        &self,
        tokens: Vec<i64>,
        registers: &[&str],
    ) -> Result<(Vec<(record::Model, Content)>, bool), Refusal> {
        let mut ids = BTreeSet::new();
        let mut cut = false;
        for tokens in tokens.chunks(AT_ONCE) {
            let some = record_token::Entity::find()
                .filter(record_token::Column::Token.is_in(tokens.iter().copied()))
                .order_by_desc(record_token::Column::RecordId)
                .limit(MOST);
            let found = self.view.all(some).await?;
            cut |= found.len() as u64 == MOST;
            ids.extend(found.into_iter().map(|row| row.record_id));
        }
        let ring = self.accounts.vault.within(self.view).await?;
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut rows = Vec::new();
        for ids in ids.chunks(AT_ONCE) {
            let some = record::Entity::find()
                .filter(record::Column::Id.is_in(ids.iter().copied()))
                .filter(record::Column::Register.is_in(registers.iter().copied()))
                .filter(record::Column::RemovedAtMs.is_null())
                .filter(reached::condition(self.reader));
            for row in self.view.all(some).await? {
                let content = Content::open(&ring, self.view.tenant(), row.id, &row.content)?;
                rows.push((row, content));
            }
        }
        Ok((rows, cut))
    }

    /// The controls of each requirement.
    async fn controls(
        &self,
        framework: &Framework,
        mapping: &[(Shape<'_>, &Field)],
    ) -> Result<(BTreeMap<String, Vec<Control>>, bool), Refusal> {
        let tokens = self.accounts.vault.within(self.view).await?.tokens()?;
        let whole = |identifier: &str| format!("{}:{identifier}", framework.id);
        let wanted =
            framework.requirements.iter().map(|(identifier, _)| tokens.requirement(&whole(identifier))).collect();
        let registers: Vec<&str> = mapping.iter().map(|(shape, _)| shape.id()).collect();
        let (rows, cut) = self.rows(wanted, &registers).await?;
        let mut met: BTreeMap<String, Vec<Control>> = BTreeMap::new();
        for (row, content) in rows {
            let field = mapping.iter().find(|(shape, _)| shape.id() == row.register).map(|(_, field)| *field);
            let named = field.map(|field| content.all(field.id.get_ref())).unwrap_or_default();
            let name = name_of(&self.accounts.profile, &row.register, &content);
            for identifier in named.iter().filter_map(|value| value.strip_prefix(&whole(""))) {
                let control = Control {
                    register: row.register.clone(),
                    id: row.id,
                    name: name.clone(),
                    evidence: 0,
                    newest: None,
                    fresh: false,
                };
                met.entry(identifier.to_owned()).or_default().push(control);
            }
        }
        Ok((met, cut))
    }

    /// For each control when its evidence was collected, and whether that is fresh.
    async fn evidence(
        &self,
        shapes: &[Shape<'_>],
        controls: &BTreeSet<Uuid>,
        now: OffsetDateTime,
    ) -> Result<(BTreeMap<Uuid, Vec<(OffsetDateTime, bool)>>, bool), Refusal> {
        let has = |shape: &Shape<'_>, kind: FieldKind| shape.fields().any(|field| field.kind == kind);
        let holding: Vec<&Shape<'_>> =
            shapes.iter().filter(|shape| has(shape, FieldKind::File) && has(shape, FieldKind::Link)).collect();
        if holding.is_empty() || controls.is_empty() {
            return Ok((BTreeMap::new(), false));
        }
        let tokens = self.accounts.vault.within(self.view).await?.tokens()?;
        let registers: Vec<&str> = holding.iter().map(|shape| shape.id()).collect();
        let (rows, cut) = self.rows(controls.iter().map(|id| tokens.link(*id)).collect(), &registers).await?;
        let mut evidence: BTreeMap<Uuid, Vec<(OffsetDateTime, bool)>> = BTreeMap::new();
        for (row, content) in rows {
            let Some(shape) = holding.iter().find(|shape| shape.id() == row.register) else { continue };
            let dated = dated(shape, &content, from_ms(row.made_at_ms), now);
            let links = shape.fields().filter(|field| field.kind == FieldKind::Link);
            let to: BTreeSet<Uuid> = links
                .flat_map(|field| content.all(field.id.get_ref()))
                .filter_map(|value| value.parse().ok())
                .collect();
            for control in to.intersection(controls) {
                evidence.entry(*control).or_default().push(dated);
            }
        }
        Ok((evidence, cut))
    }
}

/// When a piece of evidence was collected, and whether it is fresh: by its newest clear date that is not to come and no end; without one, by
/// when it was recorded.
fn dated(shape: &Shape<'_>, content: &Content, made: OffsetDateTime, now: OffsetDateTime) -> (OffsetDateTime, bool) {
    let clear = shape.fields().filter(|field| field.clear);
    let (ends, dates): (Vec<&Field>, Vec<&Field>) = clear.partition(|field| field.ends_proof);
    let at = |field: &&Field| content.first(field.id.get_ref()).and_then(|text| instant(field.kind, text));
    let collected = dates.iter().filter_map(at).filter(|at| *at <= now).max().unwrap_or(made);
    // The day of the end is still within.
    let over = ends.iter().filter_map(at).any(|end| end + Duration::days(1) <= now);
    (collected, !over && now - collected <= Duration::days(FRESH_DAYS))
}

fn instant(kind: FieldKind, text: &str) -> Option<OffsetDateTime> {
    match kind {
        FieldKind::Date => parse_date(text).ok().map(|day| day.midnight().assume_utc()),
        FieldKind::Instant => OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok(),
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Number
        | FieldKind::Choice
        | FieldKind::Choices
        | FieldKind::Person
        | FieldKind::Link
        | FieldKind::File
        | FieldKind::Requirement => None,
    }
}

/// Lets one record meet further requirements. `record` is its id or its name, `requirements` stand in lines of their own.
///
/// # Errors
/// [`Refusal::Field`] on `record` or `requirements`.
pub async fn map(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    record: &str,
    requirements: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let shapes = all(editor, &accounts.profile);
    let mapping = mapping(&shapes);
    let view = editor.read().await?;
    let registers: Vec<&str> = mapping.iter().map(|(shape, _)| shape.id()).collect();
    let row = one(&view, accounts, editor.here(), &registers, record.trim()).await?;
    let ring = accounts.vault.within(&view).await?;
    let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
    drop(view);
    let (shape, field) = mapping.iter().find(|(shape, _)| shape.id() == row.register).ok_or(Refusal::NotFound)?;
    let id = field.id.get_ref();
    let wanted = value::parse(shape.reading(), field, requirements);
    let wanted = wanted.map_err(|said| Refusal::Field("requirements", said))?;
    if wanted.is_empty() {
        return Err(Refusal::Field("requirements", "tick at least one".into()));
    }
    let together: BTreeSet<&String> = content.all(id).iter().chain(&wanted).collect();
    let lines: Vec<&str> = together.into_iter().map(String::as_str).collect();
    let typed: Typed = [(id.clone(), lines.join("\n"))].into();
    edit::edit(editor, accounts, shape.id(), row.id, Some(row.version), &typed, origin, now).await
}

/// The one record that somebody means by an id or a name.
async fn one(
    view: &TenantDb,
    accounts: &Accounts,
    editor: &Belonging,
    registers: &[&str],
    typed: &str,
) -> Result<record::Model, Refusal> {
    let mut named: Vec<Uuid> = typed.parse().into_iter().collect();
    if named.is_empty() {
        for register in registers {
            named.extend(names::by_name(view, accounts, register, typed).await?);
        }
    }
    let rows = record::Entity::find()
        .filter(record::Column::Id.is_in(named))
        .filter(record::Column::Register.is_in(registers.iter().copied()))
        .filter(record::Column::RemovedAtMs.is_null())
        .filter(reached::condition(editor))
        .limit(2);
    let mut rows = view.all(rows).await?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        (None, _) => Err(Refusal::Field("record", "no record of this name is there".into())),
        (Some(_), false) => Err(Refusal::Field(
            "record",
            "several records are called that; write the id of the one that you mean".into(),
        )),
    }
}
