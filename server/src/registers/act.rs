//! Acts on many records: which there were, and how the last one is undone.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::Content;
use super::edit::remember;
use super::filed::Shelf;
use super::record::Kind;
use super::shape::Shape;
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{act, record, record_change};
use crate::guard::{AccountId, Allowed, Change, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::names;
use crate::profile::format::Register;

/// Records undone in one transaction; others get their turn between two.
const AT_ONCE: u64 = 2_000;

macro_rules! words {
    ($type:ident { $($name:ident $word:literal),* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($name),* }

        impl $type {
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

words! { What { Import "import", Edit "edit", Remove "remove" } }
words! { State { Running "running", Done "done", Undoing "undoing", Undone "undone", Broken "broken" } }

/// One act as a page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: Uuid,
    pub what: What,
    pub state: State,
    pub at: OffsetDateTime,
    pub by: String,
    pub rows: u64,
    pub done_rows: u64,
    pub trouble: Option<String>,
}

pub(crate) async fn write(
    change: &Change,
    id: Uuid,
    what: What,
    register: &str,
    by: AccountId,
    rows: usize,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let row = act::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        kind: ActiveValue::Set(what.word().to_owned()),
        register: ActiveValue::Set(register.to_owned()),
        state: ActiveValue::Set(State::Done.word().to_owned()),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        made_by: ActiveValue::Set(by.0),
        rows: ActiveValue::Set(rows),
        done_rows: ActiveValue::Set(rows),
        first_id: ActiveValue::Set(None),
        last_id: ActiveValue::Set(None),
        touched_at_ms: ActiveValue::Set(to_ms(now)),
        trouble: ActiveValue::Set(None),
    };
    Ok(change.insert(row).await?)
}

/// The newest act of a register.
///
/// # Errors
/// When the database does not answer.
pub async fn last(
    reader: &Allowed<rights::RecordsRead>,
    accounts: &Accounts,
    shape: &Shape<'_>,
) -> Result<Option<Shown>, Refusal> {
    if !reader.here().reaches_all {
        return Ok(None);
    }
    let view = reader.read().await?;
    let rows = act::Entity::find().filter(act::Column::Register.eq(shape.id())).order_by_desc(act::Column::Id).limit(1);
    let Some(row) = view.one(rows).await? else { return Ok(None) };
    let people = names::of(&view, accounts, [row.made_by]).await?;
    let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let (Some(what), Some(state)) = (What::parse(&row.kind), State::parse(&row.state)) else { return Ok(None) };
    Ok(Some(Shown {
        id: row.id,
        what,
        state,
        at: from_ms(row.made_at_ms),
        by: names::called(&people, row.made_by),
        rows: count(row.rows),
        done_rows: count(row.done_rows),
        trouble: row.trouble,
    }))
}

pub(crate) async fn set_state(change: &Change, id: Uuid, state: State) -> Result<(), Refusal> {
    let set = act::Entity::update_many()
        .col_expr(act::Column::State, Expr::value(state.word()))
        .filter(act::Column::Id.eq(id));
    change.update(set).await?;
    Ok(())
}

/// Undoes the newest act of a register, part by part. Records that were changed since keep their change. How many were taken back.
///
/// # Errors
/// [`Refusal::Conflict`] when the newest act is another one, or was undone; [`Refusal::Forbidden`] when it changed a field that this person
/// may not change.
pub async fn undo(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    register: &str,
    id: Uuid,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let shape = Shape::of(editor, accounts, register)?;
    shape.demand_writing()?;
    if !editor.here().reaches_all {
        return Err(Refusal::Forbidden);
    }
    let mut undone = 0;
    loop {
        let change = editor.begin_kept(accounts, origin).await?;
        let (what, state) = newest(&change, register, id).await?;
        if what != What::Edit {
            shape.demand_deleting()?;
        }
        if state == State::Done {
            set_state(&change, id, State::Undoing).await?;
        }
        let (some, last) = match what {
            What::Import => unmake(&change, shape.register, id).await?,
            // Of one form's records at most: no second round.
            What::Edit | What::Remove => (put_back(&change, &shape, id, editor.account, now).await?, true),
        };
        undone += some;
        if last {
            set_state(&change, id, State::Undone).await?;
        }
        let event = Event::of(Action::ActUndone, id).with("register", register).with("records", some.to_string());
        change.commit(&event, now).await?;
        if last {
            return Ok(undone);
        }
    }
}

async fn newest(change: &Change, register: &str, id: Uuid) -> Result<(What, State), Refusal> {
    let rows = act::Entity::find().filter(act::Column::Register.eq(register)).order_by_desc(act::Column::Id).limit(1);
    let row = change.one(rows).await?.filter(|row| row.id == id);
    let not = |said: &str| Refusal::Conflict(said.to_owned());
    let row = row.ok_or_else(|| not("Only the newest act of a register can be undone, and this is not it."))?;
    match (What::parse(&row.kind), State::parse(&row.state)) {
        (Some(what), Some(state @ (State::Done | State::Undoing | State::Broken))) => Ok((what, state)),
        (_, Some(State::Running)) => Err(not("It is still going on. Wait until it is done.")),
        (_, Some(State::Undone) | None) | (None, _) => Err(not("It was undone already.")),
    }
}

/// Destroys imported records that nobody has changed since, as many as one transaction takes, and whether these were the last. Their ids lie
/// between the import's first and last.
pub(super) async fn unmake(change: &Change, register: &Register, id: Uuid) -> Result<(u64, bool), Refusal> {
    let of = act::Entity::find().filter(act::Column::Id.eq(id));
    let Some(act::Model { first_id: Some(first), last_id: Some(last), .. }) = change.one(of).await? else {
        return Ok((0, true));
    };
    let rows = record::Entity::find()
        .filter(record::Column::Id.between(first, last))
        .filter(record::Column::ActId.eq(id))
        .filter(record::Column::Version.eq(1))
        .limit(AT_ONCE);
    let mut shelf = Shelf::of(change, register)?;
    let rows = change.all(rows).await?;
    for row in &rows {
        let content = shelf.open(row)?;
        shelf.destroy(row, &content).await?;
    }
    shelf.count().await?;
    let count = rows.len() as u64;
    Ok((count, count < AT_ONCE))
}

fn may_differ(shape: &Shape<'_>, now: &Content, was: &Content) -> bool {
    let changed = |id: &&String| now.all(id) != was.all(id);
    let mut ids = now.0.keys().chain(was.0.keys()).filter(changed);
    ids.all(|id| shape.field(id).is_some_and(|field| shape.writes(field)))
}

/// Gives records back what they said before the act, where the act's change is still the last one.
async fn put_back(
    change: &Change,
    shape: &Shape<'_>,
    id: Uuid,
    by: AccountId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let mut shelf = Shelf::of(change, shape.register)?;
    let before =
        record_change::Entity::find().filter(record_change::Column::ActId.eq(id)).limit(super::bulk::MOST as u64);
    let mut back = 0;
    for earlier in change.all(before).await? {
        let same = record::Entity::find()
            .filter(record::Column::Id.eq(earlier.record_id))
            .filter(record::Column::Version.eq(earlier.version));
        let Some(row) = change.one(same).await? else { continue };
        let content = shelf.open(&row)?;
        let before = earlier
            .content
            .as_ref()
            .map(|sealed| Content::open_earlier(change.ring(), change.tenant(), row.id, earlier.version, sealed));
        // Another record may have meanwhile what must be unique: then this one stays in the bin.
        let again = before.transpose()?;
        if !shelf.taken(again.as_ref().unwrap_or(&content), Some(row.id)).await?.is_empty() {
            continue;
        }
        // Whoever may not change a field does not change it back either.
        if again.as_ref().is_some_and(|was| !may_differ(shape, &content, was)) {
            return Err(Refusal::Forbidden);
        }
        remember(change, &row, again.is_some().then_some(&content), Kind::Undone, by, None, now).await?;
        match again {
            Some(was) => shelf.replace(&row, &content, &was, row.unit_id, now).await?,
            None => shelf.bring_back(&row, &content, now).await?,
        }
        back += 1;
    }
    shelf.count().await?;
    Ok(back)
}
