//! How many records there are, by value and by month: kept up with every change, so that a picture costs the same for a million.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::filed::{EVERY, MONTH};
use super::shape::{Shape, slot};
use super::value::choice_key;
use crate::entity::record_count;
use crate::guard::{Allowed, rights};
use crate::identity::Refusal;
use crate::profile::format::FieldKind;

/// Choices, and how many records have which.
pub type Each = Vec<(String, u64)>;

/// The numbers of one register.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub total: u64,
    /// Per choice field: its id and label, and how many records have which choice.
    pub by_choice: Vec<(String, String, Each)>,
    /// Year and month as one number (202611), oldest first.
    pub by_month: Vec<(i64, u64)>,
}

/// The numbers of a register. `None` for whoever reaches only some records: the whole is not theirs to know.
///
/// # Errors
/// When the database does not answer.
pub async fn of(reader: &Allowed<rights::RecordsRead>, shape: &Shape<'_>) -> Result<Option<Counts>, Refusal> {
    if !reader.here().reaches_all {
        return Ok(None);
    }
    let view = reader.read().await?;
    let rows = record_count::Entity::find().filter(record_count::Column::Register.eq(shape.id()));
    let held: BTreeMap<(String, i64), u64> = view
        .all(rows)
        .await?
        .into_iter()
        .map(|row| ((row.what, row.value), u64::try_from(row.count).unwrap_or(0)))
        .collect();
    let count = |what: &str, value: i64| held.get(&(what.to_owned(), value)).copied().unwrap_or(0);
    let choices = shape.fields().filter(|field| field.kind == FieldKind::Choice && slot(field).is_some());
    let by_choice = choices
        .map(|field| {
            let id = field.id.get_ref();
            let each = field.choices.iter().map(|choice| (choice.clone(), count(id, choice_key(choice)))).collect();
            (id.clone(), field.label.clone(), each)
        })
        .collect();
    let months = held.iter().filter(|((what, _), count)| what == MONTH && **count > 0);
    let by_month = months.map(|((_, month), count)| (*month, *count)).collect();
    Ok(Some(Counts { total: count(EVERY, 0), by_choice, by_month }))
}
