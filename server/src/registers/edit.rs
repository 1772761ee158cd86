//! One record made, changed, removed, brought back.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::Content;
use super::filed::{New, Shelf, changed_meanwhile};
use super::names::{Behind, Finder};
use super::reached;
use super::record::Kind;
use super::shape::Shape;
use super::{span, value};
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{record, record_change, unit};
use crate::guard::{AccountId, Allowed, Belonging, Change, Right, TenantDb, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations;
use crate::profile::format::{Field, FieldKind};

/// What a form sends: the fields by their ids, and the unit. Nothing of what it does not name is touched.
pub type Typed = BTreeMap<String, String>;

/// The names that a form uses beside the fields.
pub const UNIT: &str = "unit";

/// Makes a record.
///
/// # Errors
/// [`Refusal::Fields`] names every field that does not fit.
pub async fn create(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    typed: &Typed,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let shape = Shape::of(editor, accounts, register)?;
    shape.demand_writing()?;
    let view = editor.read().await?;
    let mut finder = Finder::new(&view, accounts, editor.here());
    let content = read(&shape, &mut finder, typed, Content::default(), true).await?;
    refuse_order(&shape, &Content::default(), &content)?;
    let unit = unit_of(&view, editor.here(), typed, None).await?;
    drop(finder);
    drop(view);
    let id = Uuid::now_v7();
    let change = editor.begin_kept(accounts, origin).await?;
    let mut shelf = Shelf::of(&change, shape.register)?;
    refuse_taken(&shelf, &content, None).await?;
    let at = to_ms(now);
    let new =
        New { id, content, unit, made_by: editor.account, made_at_ms: at, changed_at_ms: at, version: 1, act: None };
    shelf.put(&new).await?;
    shelf.count().await?;
    change.commit(&Event::of(Action::RecordMade, id).with("register", register), now).await?;
    Ok(id)
}

/// Changes what the form names. `version` is the one that was opened: whoever comes second is told.
///
/// # Errors
/// [`Refusal::Fields`] names every field that does not fit; [`Refusal::Conflict`] when somebody was quicker.
#[expect(clippy::too_many_arguments, reason = "who, where, which record as it was opened, what, from where and when")]
pub async fn edit(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    id: Uuid,
    version: Option<i32>,
    typed: &Typed,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let shape = Shape::of(editor, accounts, register)?;
    shape.demand_writing()?;
    let view = editor.read().await?;
    let row = super::record::row(editor, &view, register, id).await?.ok_or(Refusal::NotFound)?;
    there(&row)?;
    if version.is_some_and(|opened| opened != row.version) {
        return Err(changed_meanwhile());
    }
    let ring = accounts.vault.within(&view).await?;
    let before = Content::open(&ring, view.tenant(), id, &row.content)?;
    let typed = &without_the_same(&view, accounts, editor, &shape, &before, typed).await?;
    let mut finder = Finder::new(&view, accounts, editor.here());
    let after = read(&shape, &mut finder, typed, before.clone(), false).await?;
    refuse_order(&shape, &before, &after)?;
    let unit = unit_of(&view, editor.here(), typed, row.unit_id).await?;
    drop(finder);
    drop(view);
    if after == before && unit == row.unit_id {
        return Ok(());
    }
    let change = editor.begin_kept(accounts, origin).await?;
    let mut shelf = Shelf::of(&change, shape.register)?;
    refuse_taken(&shelf, &after, Some(id)).await?;
    remember(&change, &row, Some(&before), Kind::Changed, editor.account, None, now).await?;
    shelf.replace(&row, &before, &after, unit, now).await?;
    shelf.count().await?;
    let event = Event::of(Action::RecordChanged, id).with("register", register);
    Ok(change.commit(&event.with("fields", differing(&before, &after)), now).await?)
}

/// The ids of the fields that differ: what they say is nobody's business but the record's.
pub(crate) fn differing(before: &Content, after: &Content) -> String {
    let ids: std::collections::BTreeSet<&String> = before.0.keys().chain(after.0.keys()).collect();
    ids.into_iter().filter(|id| before.all(id) != after.all(id)).cloned().collect::<Vec<_>>().join(" ")
}

/// Takes a record into the bin, or brings it back from there.
async fn turn(
    remover: &Allowed<rights::RecordsDelete>,
    accounts: &Accounts,
    register: &str,
    id: Uuid,
    remove: bool,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let shape = Shape::of(remover, accounts, register)?;
    shape.demand_deleting()?;
    let view = remover.read().await?;
    let row = super::record::row(remover, &view, register, id).await?.ok_or(Refusal::NotFound)?;
    drop(view);
    if row.removed_at_ms.is_some() == remove {
        let said = if remove {
            "This record was removed already."
        } else {
            "This record is there: nothing has to be brought back."
        };
        return Err(Refusal::Conflict(said.into()));
    }
    let change = remover.begin_kept(accounts, origin).await?;
    let mut shelf = Shelf::of(&change, shape.register)?;
    let content = shelf.open(&row)?;
    let (kind, action) =
        if remove { (Kind::Removed, Action::RecordRemoved) } else { (Kind::Restored, Action::RecordRestored) };
    if !remove {
        refuse_taken(&shelf, &content, Some(id)).await?;
    }
    remember(&change, &row, None, kind, remover.account, None, now).await?;
    if remove {
        shelf.remove(&row, &content, now).await?;
    } else {
        shelf.bring_back(&row, &content, now).await?;
    }
    shelf.count().await?;
    Ok(change.commit(&Event::of(action, id).with("register", register), now).await?)
}

/// Takes a record into the bin.
///
/// # Errors
/// [`Refusal::NotFound`] when it is not there or out of reach.
pub async fn remove(
    remover: &Allowed<rights::RecordsDelete>,
    accounts: &Accounts,
    register: &str,
    id: Uuid,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    turn(remover, accounts, register, id, true, origin, now).await
}

/// Brings a record back from the bin.
///
/// # Errors
/// [`Refusal::Fields`] when another record has meanwhile what must be unique.
pub async fn restore(
    remover: &Allowed<rights::RecordsDelete>,
    accounts: &Accounts,
    register: &str,
    id: Uuid,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    turn(remover, accounts, register, id, false, origin, now).await
}

pub(crate) fn there(row: &record::Model) -> Result<(), Refusal> {
    if row.removed_at_ms.is_none() {
        return Ok(());
    }
    Err(Refusal::Conflict("This record was removed. Bring it back first.".into()))
}

/// What was typed into the fields, on top of what was there. All that does not fit is said at once.
pub(crate) async fn read(
    shape: &Shape<'_>,
    finder: &mut Finder<'_>,
    typed: &Typed,
    mut content: Content,
    whole: bool,
) -> Result<Content, Refusal> {
    let mut wrong = Vec::new();
    for name in typed.keys().filter(|name| *name != UNIT) {
        match shape.field(name) {
            None => wrong.push((name.clone(), "there is no such field here".to_owned())),
            Some(field) if field.kind == FieldKind::File => {
                wrong.push((name.clone(), "attach a file on the record's own page".to_owned()));
            }
            Some(field) if !shape.writes(field) => {
                wrong.push((name.clone(), "your role does not permit changing this".to_owned()));
            }
            Some(_) => {}
        }
    }
    let asked = |field: &&Field| shape.writes(field) && field.kind != FieldKind::File;
    for field in shape.fields().filter(asked) {
        let id = field.id.get_ref();
        let Some(text) = typed.get(id).map(String::as_str).or(whole.then_some("")) else { continue };
        match value::parse(shape.reading(), field, text) {
            Ok(values) => match finder.find(field, values).await? {
                Ok(values) => content.set(id, values),
                Err(said) => wrong.push((id.clone(), said)),
            },
            Err(said) => wrong.push((id.clone(), said)),
        }
    }
    if wrong.is_empty() { Ok(content) } else { Err(Refusal::Fields(wrong)) }
}

/// What was typed, without the people, records and instants that a form only sends back as it showed them: who has left stays named, of two
/// records with one name the one that was meant stays meant, and so does the hour that a clock that was set back says twice.
async fn without_the_same<R: Right>(
    view: &TenantDb,
    accounts: &Accounts,
    editor: &Allowed<R>,
    shape: &Shape<'_>,
    before: &Content,
    typed: &Typed,
) -> Result<Typed, Refusal> {
    let fields: Vec<&Field> = shape.fields().collect();
    let behind = Behind::of(view, accounts, (editor, editor.here()), &fields, std::iter::once(before)).await?;
    let mut rest = typed.clone();
    for field in
        fields.iter().filter(|field| matches!(field.kind, FieldKind::Person | FieldKind::Link | FieldKind::Instant))
    {
        let id = field.id.get_ref();
        let shown = before.first(id).map(|value| behind.typed(field, value));
        if shown.is_some() && shape.writes(field) && rest.get(id).map(|text| text.trim()) == shown.as_deref() {
            rest.remove(id);
        }
    }
    Ok(rest)
}

/// The unit that the form names, if there is such a one in reach; without a word of it, the one it has.
pub(crate) async fn unit_of(
    view: &TenantDb,
    editor: &Belonging,
    typed: &Typed,
    now: Option<Uuid>,
) -> Result<Option<Uuid>, Refusal> {
    let unit = match typed.get(UNIT).map(|text| text.trim()) {
        None => now,
        Some("") => None,
        Some(text) => {
            let id = organisations::id(UNIT, text)?;
            let row = view.one(unit::Entity::find().filter(unit::Column::Id.eq(id))).await?;
            Some(row.ok_or_else(|| organisations::unknown(UNIT))?.id)
        }
    };
    if unit == now && now.is_some() || reached::takes(editor, unit) {
        return Ok(unit);
    }
    Err(Refusal::Field(UNIT, "choose one that you reach".into()))
}

fn refuse_order(shape: &Shape<'_>, before: &Content, after: &Content) -> Result<(), Refusal> {
    span::refusal(shape, before, after).map_or(Ok(()), |blamed| Err(Refusal::Fields(vec![blamed])))
}

async fn refuse_taken(shelf: &Shelf<'_>, content: &Content, own: Option<Uuid>) -> Result<(), Refusal> {
    let taken = shelf.taken(content, own).await?;
    if taken.is_empty() {
        return Ok(());
    }
    let said = "another record has this already; it has to be the only one";
    Err(Refusal::Fields(taken.into_iter().map(|field| (field, said.to_owned())).collect()))
}

/// Writes down what a record said before, and whose change it is.
pub(crate) async fn remember(
    change: &Change,
    row: &record::Model,
    before: Option<&Content>,
    kind: Kind,
    by: AccountId,
    act: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let version = row.version + 1;
    let sealed =
        before.map(|content| content.seal_earlier(change.ring(), change.tenant(), row.id, version)).transpose()?;
    let row = record_change::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        record_id: ActiveValue::Set(row.id),
        version: ActiveValue::Set(version),
        kind: ActiveValue::Set(kind.word().to_owned()),
        at_ms: ActiveValue::Set(to_ms(now)),
        changed_by: ActiveValue::Set(by.0),
        act_id: ActiveValue::Set(act),
        content: ActiveValue::Set(sealed),
    };
    Ok(change.insert(row).await?)
}

/// The rows of these ids that are of this register and in reach, or a word about the first that is not.
pub(crate) async fn rows_of<R: Right>(
    editor: &Allowed<R>,
    view: &TenantDb,
    register: &str,
    ids: &[Uuid],
) -> Result<Vec<record::Model>, Refusal> {
    let mut rows = Vec::new();
    // A statement takes only so many values.
    for ids in ids.chunks(1000) {
        let some = record::Entity::find()
            .filter(record::Column::Id.is_in(ids.iter().copied()))
            .filter(record::Column::Register.eq(register))
            .filter(record::Column::RemovedAtMs.is_null())
            .filter(reached::condition(editor.here()));
        rows.extend(view.all(some).await?);
    }
    if rows.len() == ids.len() {
        return Ok(rows);
    }
    Err(Refusal::Field("records", "one of them is not there any more; load the list again".into()))
}
