//! Writes an import part by part: others get their turn between two, and rows are sealed on one core while the database writes on the other.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::super::act::{State, What, set_state, unmake};
use super::super::filed::{New, Ready, Rows, Sealing};
use super::super::shape::{Shape, find};
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

/// An import that has not moved for this long is not going on any more: whoever did it is gone.
const SILENT: Duration = Duration::minutes(2);

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
    fn make(&self, part: Vec<(Uuid, Good)>) -> Result<Ready, Refusal> {
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

pub(super) async fn all(
    editor: &Allowed<rights::RecordsWrite>,
    accounts: &Accounts,
    shape: &Shape<'_>,
    good: Vec<Good>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let (id, total) = (Uuid::now_v7(), good.len());
    let mut good: Vec<(Uuid, Good)> = good.into_iter().map(|row| (Uuid::now_v7(), row)).collect();
    // Made one after the other, they are in order.
    let ends = (good.first().map(|(id, _)| *id), good.last().map(|(id, _)| *id));
    let change = editor.begin_kept(accounts, origin).await?;
    let maker = Arc::new(Maker {
        profile: Arc::clone(&accounts.profile),
        register: shape.id().to_owned(),
        ring: Arc::clone(change.ring()),
        tokens: change.ring().tokens()?,
        tenant: change.tenant(),
        by: editor.account,
        act: id,
        at_ms: to_ms(now),
        bulk: change.bulk(),
    });
    write_act(&change, id, shape.id(), editor.account, total, ends, now).await?;
    let mut first = Some(change);
    let (mut done, mut next) = (0_usize, Some(begin(&maker, &mut good)));
    while let Some(making) = next.take() {
        let (count, rows) = making.await.map_err(|_| Refusal::Busy(1))??;
        if !good.is_empty() {
            next = Some(begin(&maker, &mut good));
        }
        let change = match first.take() {
            Some(change) => change,
            None => editor.begin_kept(accounts, origin).await?,
        };
        rows.write(&change).await?;
        done += count;
        moved_on(&change, id, done, total, now).await?;
        let event = Event::of(Action::RecordsImported, id)
            .with("register", shape.id())
            .with("records", count.to_string())
            .with("so_far", done.to_string());
        change.commit(&event, now).await?;
    }
    Ok(id)
}

type Making = tokio::task::JoinHandle<Result<(usize, Ready), Refusal>>;

fn begin(maker: &Arc<Maker>, good: &mut Vec<(Uuid, Good)>) -> Making {
    let rest = good.split_off(AT_ONCE.min(good.len()));
    let part = std::mem::replace(good, rest);
    let maker = Arc::clone(maker);
    tokio::task::spawn_blocking(move || Ok((part.len(), maker.make(part)?)))
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

async fn moved_on(change: &Change, id: Uuid, done: usize, total: usize, now: OffsetDateTime) -> Result<(), Refusal> {
    let state = if done == total { State::Done } else { State::Running };
    let set = act::Entity::update_many()
        .col_expr(act::Column::DoneRows, Expr::value(i64::try_from(done).unwrap_or(i64::MAX)))
        .col_expr(act::Column::TouchedAtMs, Expr::value(to_ms(now)))
        .col_expr(act::Column::State, Expr::value(state.word()))
        .filter(act::Column::Id.eq(id))
        .filter(act::Column::State.eq(State::Running.word()));
    // Whoever was thought gone and goes on nevertheless finds the import taken back.
    if change.update(set).await? == 0 {
        Err(Refusal::Conflict("The import was taken back meanwhile.".into()))
    } else {
        Ok(())
    }
}

/// Takes back what was begun and not finished: an import is there whole, or not at all.
pub(crate) async fn take_back(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let silent = act::Entity::find()
        .filter(act::Column::State.is_in([State::Running.word(), State::Broken.word()]))
        .filter(act::Column::TouchedAtMs.lt(to_ms(now - SILENT)));
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
