//! Many records changed at once: one act, one entry, and one undo.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::act::{self, What};
use super::edit::{self, Typed, read, remember, rows_of};
use super::filed::Shelf;
use super::names::Finder;
use super::record::Kind;
use super::shape::Shape;
use super::span;
use crate::audit::log::{Action, Event};
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// Records of one act: what one form can name, within its body's limit.
pub const MOST: usize = 5_000;

/// The ids that a form names, separated by lines, commas or spaces.
///
/// # Errors
/// [`Refusal::Field`] on `records`.
pub fn ids(text: &str) -> Result<Vec<Uuid>, Refusal> {
    let parts = text.split([' ', ',', '\n', '\r']).filter(|part| !part.is_empty());
    let ids: BTreeSet<Uuid> = parts.map(|part| crate::organisations::id("records", part)).collect::<Result<_, _>>()?;
    match ids.len() {
        0 => Err(Refusal::Field("records", "choose at least one".into())),
        count if count > MOST => Err(Refusal::Field("records", format!("at most {MOST} at once"))),
        _ => Ok(ids.into_iter().collect()),
    }
}

/// Sets fields of all these records to the same values.
///
/// # Errors
/// [`Refusal::Fields`] when a value does not fit; then nothing is changed.
pub async fn edit(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    ids: &[Uuid],
    typed: &Typed,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let shape = Shape::of(editor, accounts, register)?;
    shape.demand_writing()?;
    if typed.is_empty() {
        return Err(Refusal::Field("field", "choose one".into()));
    }
    if typed.keys().any(|name| shape.field(name).is_some_and(|field| field.unique)) {
        return Err(Refusal::Field("field", "what has to be unique cannot be the same for many".into()));
    }
    let view = editor.read().await?;
    let rows = rows_of(editor, &view, register, ids).await?;
    let mut finder = Finder::new(&view, accounts, editor.here());
    // Read once: the same values for all.
    let said = read(&shape, &mut finder, typed, super::content::Content::default(), false).await?;
    drop(finder);
    drop(view);
    let act = Uuid::now_v7();
    let change = editor.begin_kept(accounts, origin).await?;
    let mut shelf = Shelf::of(&change, shape.register)?;
    let mut changed = 0;
    for row in &rows {
        let before = shelf.open(row)?;
        let mut after = before.clone();
        for name in typed.keys() {
            after.set(name, said.all(name).to_vec());
        }
        // One that does not fit stops all: the transaction ends here, and nothing of it is kept.
        let wrong = typed.keys().find_map(|name| Some((name, span::refusal_of(&shape, name, &before, &after)?)));
        if let Some((name, said)) = wrong {
            return Err(Refusal::Fields(vec![(name.clone(), said)]));
        }
        if after != before {
            remember(&change, row, Some(&before), Kind::Changed, editor.account, Some(act), now).await?;
            shelf.replace(row, &before, &after, row.unit_id, now).await?;
            changed += 1;
        }
    }
    shelf.count().await?;
    let fields: Vec<&str> = typed.keys().map(String::as_str).collect();
    act::write(&change, act, What::Edit, register, editor.account, changed, now).await?;
    let event = Event::of(Action::RecordsChanged, act)
        .with("register", register)
        .with("records", changed.to_string())
        .with("fields", fields.join(" "));
    change.commit(&event, now).await?;
    Ok(changed)
}

/// Takes all these records into the bin.
///
/// # Errors
/// [`Refusal::Field`] on `records` when one is not there; then nothing is removed.
pub async fn remove(
    remover: &Allowed<rights::RecordsDelete>,
    accounts: &Accounts,
    register: &str,
    ids: &[Uuid],
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let shape = Shape::of(remover, accounts, register)?;
    shape.demand_deleting()?;
    let view = remover.read().await?;
    let rows = rows_of(remover, &view, register, ids).await?;
    drop(view);
    let act = Uuid::now_v7();
    let change = remover.begin_kept(accounts, origin).await?;
    let mut shelf = Shelf::of(&change, shape.register)?;
    for row in &rows {
        let content = shelf.open(row)?;
        edit::remember(&change, row, None, Kind::Removed, remover.account, Some(act), now).await?;
        shelf.remove(row, &content, now).await?;
    }
    shelf.count().await?;
    act::write(&change, act, What::Remove, register, remover.account, rows.len(), now).await?;
    let event =
        Event::of(Action::RecordsRemoved, act).with("register", register).with("records", rows.len().to_string());
    change.commit(&event, now).await?;
    Ok(rows.len())
}
