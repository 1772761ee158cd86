//! A week of a register as a timetable: what takes its place when, row by row, and what takes the same place at the same time. Asked for by the
//! columns of the two instants, so that a million records elsewhere in time cost nothing.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::content::Content;
use super::list::{Line, column, held};
use super::names::Behind;
use super::reached;
use super::shape::{Shape, slot};
use super::value::choice_key;
use super::week::Days;
use crate::clock::{from_ms, to_ms};
use crate::entity::record;
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Refusal};
use crate::profile::format::{Field, Without};

/// How many records a week or a day shows. The list has them all.
pub const MOST: usize = 200;

/// How long before a week something may have begun that goes on until after it: whatever takes longer is found in its first weeks and in its last.
pub const LOOK_BACK_DAYS: i64 = 31;

/// The fields that make the timetable, as far as one reader may see them.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    pub from: &'a Field,
    pub to: &'a Field,
    /// What makes the rows.
    pub by: Option<&'a Field>,
    /// Whether the profile declares no rows: then everything shares one place.
    one_place: bool,
    without: Option<(&'a Field, &'a Without)>,
}

impl<'a> Plan<'a> {
    /// `None` where the register has no timetable, or this person may not read what it goes by.
    pub fn of(shape: &Shape<'a>) -> Option<Self> {
        let schedule = shape.register.schedule.as_ref()?;
        let field = |id: &toml::Spanned<String>| shape.field(id.get_ref());
        Some(Self {
            from: field(&schedule.from)?,
            to: field(&schedule.to)?,
            by: schedule.by.as_ref().and_then(field),
            one_place: schedule.by.is_none(),
            without: schedule.without.as_ref().and_then(|without| Some((field(&without.field)?, without))),
        })
    }

    /// The choices whose records take no place.
    pub fn left_out(&self) -> Vec<&'a str> {
        let choices = self.without.map(|(_, without)| without.choices.as_slice()).unwrap_or_default();
        choices.iter().map(|choice| choice.get_ref().as_str()).collect()
    }

    fn takes_a_place(&self) -> Condition {
        let Some((at, without)) = self.without.and_then(|(field, without)| Some((slot(field)?, without))) else {
            return Condition::all();
        };
        let keys = without.choices.iter().map(|choice| choice_key(choice.get_ref()));
        Condition::any().add(column(at).is_null()).add(column(at).is_not_in(keys))
    }
}

/// A record in its row.
#[derive(Clone, Debug)]
pub struct Taken {
    pub line: Line,
    pub from: OffsetDateTime,
    /// `None`: nothing is said of its end.
    pub to: Option<OffsetDateTime>,
    /// How far below the first it is drawn, so that nothing hides another.
    pub lane: usize,
    /// What takes the same place at the same time.
    pub overlaps: Vec<Uuid>,
}

/// One place that can be taken, and by what.
#[derive(Clone, Debug)]
pub struct Row {
    pub value: Option<String>,
    pub taken: Vec<Taken>,
}

#[derive(Clone, Debug)]
pub struct Planned {
    pub rows: Vec<Row>,
    pub behind: Behind,
    /// How many there are: what is shown are the first of them.
    pub all: u64,
}

/// What takes place in a week or on a day, as the wall of whoever reads it says. Its instants are told in their zone.
///
/// # Errors
/// [`Refusal::NotFound`] when the register has no timetable for this person.
pub async fn planned(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    shape: &Shape<'_>,
    days: Days,
) -> Result<Planned, Refusal> {
    let plan = Plan::of(shape).ok_or(Refusal::NotFound)?;
    // The profile's check has refused fields without a slot.
    let (from, to) = slot(plan.from).zip(slot(plan.to)).ok_or(Refusal::NotFound)?;
    let view = reader.read().await?;
    let ring = accounts.vault.within(&view).await?;
    let mut rows: Vec<record::Model> = Vec::new();
    let zone = shape.zone();
    let (begins, ends) = (zone.begins(days.first()), zone.begins(days.last().next_day().unwrap_or(days.last())));
    let mut all = 0;
    for (within, by) in touching(from, to, (begins, ends)) {
        let select = record::Entity::find()
            .filter(record::Column::Register.eq(shape.id()))
            .filter(record::Column::RemovedAtMs.is_null())
            .filter(within)
            .filter(plan.takes_a_place())
            .filter(reached::condition(reader.here()));
        let room = (MOST - rows.len()) as u64;
        let some = select.clone().order_by_asc(by).order_by_asc(record::Column::Id).limit(room + 1);
        let found = view.all(some).await?;
        all += if found.len() as u64 > room { view.count(select).await? } else { found.len() as u64 };
        rows.extend(found.into_iter().take(MOST - rows.len()));
    }
    let mut taken = Vec::new();
    for row in rows {
        let (Some(from), to) = (held(&row, from), held(&row, to)) else { continue };
        let content = Content::open(&ring, view.tenant(), row.id, &row.content)?;
        taken.push(Taken {
            line: Line::of(&row, content),
            from: zone.local(from_ms(from)),
            to: to.map(|to| zone.local(from_ms(to))),
            lane: 0,
            overlaps: Vec::new(),
        });
    }
    let fields: Vec<&Field> = plan.by.into_iter().collect();
    let contents = taken.iter().map(|taken| &taken.line.content);
    let behind = Behind::of(&view, accounts, (reader, reader.here()), &fields, contents).await?;
    Ok(Planned { rows: in_rows(&plan, taken), behind, all })
}

/// Whatever touches a week or a day, in pieces of which each is a range of one index, and what that has in its order: what began before it and goes on
/// after it, what ends in it, what begins in it. No record is in two of them.
fn touching(
    from: usize,
    to: usize,
    (first, last): (OffsetDateTime, OffsetDateTime),
) -> [(Condition, record::Column); 3] {
    let (from, to) = (column(from), column(to));
    let (begins, ends) = (to_ms(first), to_ms(last));
    let long_before = to_ms(first - Duration::days(LOOK_BACK_DAYS));
    // A sum, so that no index of it is taken: it would lead through everything that ever was.
    let began_before = Expr::col((record::Entity, from)).add(0).lt(begins);
    [
        (Condition::all().add(from.gte(long_before)).add(from.lt(begins)).add(to.gt(ends)), from),
        (Condition::all().add(to.gt(begins)).add(to.lte(ends)).add(began_before), to),
        (Condition::all().add(from.gte(begins)).add(from.lt(ends)), from),
    ]
}

/// Row by row in the order of their values; those without one last.
fn in_rows(plan: &Plan<'_>, taken: Vec<Taken>) -> Vec<Row> {
    let mut rows: BTreeMap<(bool, Option<String>), Vec<Taken>> = BTreeMap::new();
    for taken in taken {
        let value = plan.by.and_then(|by| taken.line.content.first(by.id.get_ref())).map(str::to_owned);
        rows.entry((value.is_none(), value)).or_default().push(taken);
    }
    let row = |((_, value), mut taken): ((bool, Option<String>), Vec<Taken>)| {
        taken.sort_by_key(|taken| (taken.from, taken.line.id));
        if value.is_some() || plan.one_place {
            meet(&mut taken);
        }
        lay(&mut taken);
        Row { value, taken }
    };
    rows.into_iter().map(row).collect()
}

/// Notes which of a row are there at the same time. One that ends when the next begins is not.
fn meet(taken: &mut [Taken]) {
    let spans: Vec<_> = taken.iter().map(|taken| (taken.line.id, taken.from, taken.to.unwrap_or(taken.from))).collect();
    for (one, (id, from, to)) in taken.iter_mut().zip(&spans) {
        let at_once = spans.iter().filter(|(other, begins, ends)| other != id && begins < to && from < ends);
        one.overlaps = at_once.map(|(other, ..)| *other).collect();
    }
}

/// Gives each of a row the first lane that is free when it begins.
fn lay(taken: &mut [Taken]) {
    let mut free_at: Vec<OffsetDateTime> = Vec::new();
    for one in taken {
        let until = one.to.map_or(one.from, |to| Ord::max(to, one.from));
        one.lane = free_at.iter().position(|at| *at <= one.from).unwrap_or(free_at.len());
        if one.lane == free_at.len() {
            free_at.push(until);
        } else {
            free_at[one.lane] = until;
        }
    }
}
