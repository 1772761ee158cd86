//! Writes an import part by part: others get their turn between two, and rows are sealed on one core while the database writes on the other.
//! What the records are found by comes after them, in the order in which it lies.

use std::sync::Arc;
use std::time::Instant;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, Select};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::super::act::{State, What, set_state, unmake};
use super::super::filed::{New, Ready, Rows, Sealing};
use super::super::keys::Keys;
use super::super::shape::find;
use super::super::tokens::Tokens;
use super::Good;
use crate::audit::log::{Action, Event, Sealer};
use crate::clock::to_ms;
use crate::entity::act;
use crate::guard::{AccountId, Actor, Allowed, Bulk, Change, Operator, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::Profile;
use crate::vault::Keyring;

/// Rows of one transaction: about a sixth of a second on two cores.
const AT_ONCE: usize = 4_000;

/// Keys of one transaction: about as long.
const KEYS_AT_ONCE: usize = 60_000;

/// Keys that wait in memory, at most: about a hundred megabytes.
const KEYS_WAITING: usize = 4_000_000;

/// An import that has not moved for this long is not going on any more: whoever did it is gone.
pub(crate) const SILENT: Duration = Duration::minutes(2);

/// What it takes to make rows on another thread.
struct Maker {
    profile: Arc<Profile>,
    register: String,
    ring: Arc<Keyring>,
    tokens: Tokens,
    tenant: TenantId,
    by: AccountId,
    act: Uuid,
    at_ms: i64,
    /// For every part a new one like this.
    bulk: Bulk,
}

impl Maker {
    fn make(&self, part: Vec<(Uuid, Good)>) -> Result<(Ready, Keys), Refusal> {
        let register = find(&self.profile, &self.register).ok_or(Refusal::NotFound)?;
        let sealing = Sealing { tenant: self.tenant, ring: &self.ring, tokens: &self.tokens };
        let mut rows = Rows::default();
        for (id, Good { content, unit }) in part {
            let new = New {
                id,
                content,
                unit,
                made_by: self.by,
                made_at_ms: self.at_ms,
                changed_at_ms: self.at_ms,
                version: 1,
                act: Some(self.act),
            };
            rows.add(&sealing, register, &new)?;
        }
        rows.ready(self.bulk.clone())
    }
}

/// An import that has been judged, on its way into the database.
pub(super) struct Going<'a> {
    pub editor: &'a Allowed<rights::RecordsWrite>,
    pub accounts: &'a Accounts,
    pub origin: &'a Origin,
    pub register: &'a str,
    pub id: Uuid,
    pub total: usize,
    pub began: (OffsetDateTime, Instant),
}

/// How far it is.
#[derive(Clone, Copy)]
struct Step {
    records: usize,
    so_far: usize,
    last: bool,
}

impl Going<'_> {
    /// By the clock that was right when it began: another setting of it does not make an import older.
    fn now(&self) -> OffsetDateTime {
        self.began.0 + self.began.1.elapsed()
    }

    pub(super) async fn all(&self, good: Vec<Good>) -> Result<(), Refusal> {
        let good: Vec<(Uuid, Good)> = good.into_iter().map(|row| (Uuid::now_v7(), row)).collect();
        // Made one after the other, they are in order.
        let ends = (good.first().map(|(id, _)| *id), good.last().map(|(id, _)| *id));
        let change = self.editor.begin_kept(self.accounts, self.origin).await?;
        let maker = self.maker(&change)?;
        write_act(&change, self.id, self.register, self.editor.account, self.total, ends, self.began.0).await?;
        let mut first = Some(change);
        let (mut so_far, mut keys) = (0_usize, Keys::default());
        let mut good = good.into_iter();
        let mut next = begin(&maker, &mut good);
        while let Some(making) = next.take() {
            let (records, rows, found_by) = making.await.map_err(|_| Refusal::Busy(1))??;
            next = begin(&maker, &mut good);
            keys.append(found_by);
            so_far += records;
            let change = match first.take() {
                Some(change) => change,
                None => self.editor.begin_kept(self.accounts, self.origin).await?,
            };
            rows.write(&change).await?;
            let last = next.is_none() && keys.len() <= KEYS_AT_ONCE;
            if last {
                std::mem::take(&mut keys).write(&change).await?;
            }
            self.moved_on(change, Step { records, so_far, last }).await?;
            if !last && (next.is_none() || keys.len() > KEYS_WAITING) {
                self.write_keys(std::mem::take(&mut keys), so_far, next.is_none()).await?;
            }
        }
        Ok(())
    }

    fn maker(&self, change: &Change) -> Result<Arc<Maker>, Refusal> {
        Ok(Arc::new(Maker {
            profile: Arc::clone(&self.accounts.profile),
            register: self.register.to_owned(),
            ring: Arc::clone(change.ring()),
            tokens: change.ring().tokens()?,
            tenant: change.tenant(),
            by: self.editor.account,
            act: self.id,
            at_ms: to_ms(self.began.0),
            bulk: change.bulk(),
        }))
    }

    /// What the records that are there already are found by.
    async fn write_keys(&self, keys: Keys, so_far: usize, ends: bool) -> Result<(), Refusal> {
        let pieces = tokio::task::spawn_blocking(move || keys.pieces(KEYS_AT_ONCE));
        let mut pieces = pieces.await.map_err(|_| Refusal::Busy(1))?.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let change = self.editor.begin_kept(self.accounts, self.origin).await?;
            piece.write(&change).await?;
            let last = ends && pieces.peek().is_none();
            self.moved_on(change, Step { records: 0, so_far, last }).await?;
        }
        Ok(())
    }

    async fn moved_on(&self, change: Change, Step { records, so_far, last }: Step) -> Result<(), Refusal> {
        let state = if last { State::Done } else { State::Running };
        let now = self.now();
        let set = act::Entity::update_many()
            .col_expr(act::Column::DoneRows, Expr::value(i64::try_from(so_far).unwrap_or(i64::MAX)))
            .col_expr(act::Column::TouchedAtMs, Expr::value(to_ms(now)))
            .col_expr(act::Column::State, Expr::value(state.word()))
            .filter(act::Column::Id.eq(self.id))
            .filter(act::Column::State.eq(State::Running.word()));
        // Whoever was thought gone and goes on nevertheless finds the import taken back.
        if change.update(set).await? == 0 {
            return Err(Refusal::Conflict("The import was taken back meanwhile.".into()));
        }
        let event = Event::of(Action::RecordsImported, self.id)
            .with("register", self.register)
            .with("records", records.to_string())
            .with("so_far", so_far.to_string());
        Ok(change.commit(&event, now).await?)
    }

    /// It came to no end: what there is of it is taken back by the next round.
    pub(super) async fn broke(&self) -> Result<(), Refusal> {
        let change = self.editor.begin_kept(self.accounts, self.origin).await?;
        let set = act::Entity::update_many()
            .col_expr(act::Column::State, Expr::value(State::Broken.word()))
            .filter(act::Column::Id.eq(self.id))
            .filter(act::Column::State.eq(State::Running.word()));
        // Taken back already, or never begun: there is nothing to say.
        if change.update(set).await? == 0 {
            return Ok(());
        }
        let event = Event::of(Action::RecordsImported, self.id)
            .with("register", self.register)
            .with("records", "0")
            .with("broken", "it did not come to its end");
        Ok(change.commit(&event, self.now()).await?)
    }
}

type Making = tokio::task::JoinHandle<Result<(usize, Ready, Keys), Refusal>>;

/// The next rows, if there are any left.
fn begin(maker: &Arc<Maker>, good: &mut std::vec::IntoIter<(Uuid, Good)>) -> Option<Making> {
    let part: Vec<_> = good.by_ref().take(AT_ONCE).collect();
    if part.is_empty() {
        return None;
    }
    let maker = Arc::clone(maker);
    Some(tokio::task::spawn_blocking(move || {
        let count = part.len();
        let (rows, keys) = maker.make(part)?;
        Ok((count, rows, keys))
    }))
}

async fn write_act(
    change: &Change,
    id: Uuid,
    register: &str,
    by: AccountId,
    rows: usize,
    (first, last): (Option<Uuid>, Option<Uuid>),
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let row = act::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        kind: ActiveValue::Set(What::Import.word().to_owned()),
        register: ActiveValue::Set(register.to_owned()),
        state: ActiveValue::Set(State::Running.word().to_owned()),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        made_by: ActiveValue::Set(by.0),
        rows: ActiveValue::Set(i64::try_from(rows).unwrap_or(i64::MAX)),
        done_rows: ActiveValue::Set(0),
        first_id: ActiveValue::Set(first),
        last_id: ActiveValue::Set(last),
        touched_at_ms: ActiveValue::Set(to_ms(now)),
        trouble: ActiveValue::Set(None),
    };
    Ok(change.insert(row).await?)
}

/// Imports that go on, or that broke on the way.
pub(crate) fn unfinished() -> Select<act::Entity> {
    act::Entity::find().filter(act::Column::State.is_in([State::Running.word(), State::Broken.word()]))
}

/// Takes back what was begun and not finished: an import is there whole, or not at all.
pub(crate) async fn take_back(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let silent = unfinished().filter(act::Column::TouchedAtMs.lt(to_ms(now - SILENT)));
    let acts = operator.view(tenant).await?.all(silent).await?;
    let mut taken = 0;
    for row in acts {
        let Some(register) = find(&accounts.profile, &row.register) else { continue };
        loop {
            let sealer: Sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
            let change = operator.begin_kept(tenant, Actor::System, sealer).await?;
            set_state(&change, row.id, State::Broken).await?;
            let (some, last) = unmake(&change, register, row.id).await?;
            taken += some;
            if last {
                set_state(&change, row.id, State::Undone).await?;
            }
            let event = Event::of(Action::ActUndone, row.id)
                .with("register", &row.register)
                .with("records", some.to_string())
                .with("why", "the import did not come to its end");
            change.commit(&event, now).await?;
            if last {
                break;
            }
        }
    }
    Ok(taken)
}
