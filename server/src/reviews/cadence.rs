//! What happens by the clock: a review opens itself when it is time, reviewers are reminded, and what was not done in time is told to those who
//! answer for it.

use std::num::NonZeroU32;

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::asking::asked_now;
use super::form::Wanted;
use super::words::{Effect, Scope, Silence, State, Status, WhenDue};
use super::{open, tell};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{organisation, review, review_item};
use crate::guard::{Actor, Change, Operator, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::ReviewNews;

/// Days before the last one on which reviewers are reminded.
pub const REMINDERS: &[i64] = &[7, 3, 1];

/// A review opens itself so many days before it has to be closed: a month, or a quarter of a shorter cadence.
const LEAD_DAYS: u32 = 30;

/// What one round came to in one organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub opened: usize,
    pub reminded: usize,
    pub escalated: usize,
    /// Closed by themselves on their last day.
    pub closed: usize,
    /// That were to, and differ: told to those in charge.
    pub held_back: usize,
}

pub(crate) fn lead(days: NonZeroU32) -> Duration {
    Duration::days(LEAD_DAYS.min(days.get() / 4).into())
}

/// By when everything has to have been reviewed again: so many days after that was last done, or after the organisation was made.
pub(crate) fn due_by(made_at_ms: i64, reviews: &[review::Model], days: NonZeroU32) -> OffsetDateTime {
    let whole = reviews.iter().filter(|row| row.scope == Scope::All.word());
    due_after(made_at_ms, whole.filter_map(|row| row.closed_at_ms).max(), days)
}

fn due_after(made_at_ms: i64, last_closed_ms: Option<i64>, days: NonZeroU32) -> OffsetDateTime {
    from_ms(last_closed_ms.unwrap_or(made_at_ms).max(made_at_ms)) + Duration::days(days.get().into())
}

/// The reviews that count for the promise.
pub(crate) fn of_all() -> Select<review::Entity> {
    review::Entity::find().filter(review::Column::Scope.eq(Scope::All.word()))
}

/// From when on there is something to do where the last such review was closed then. As long as one is open, there may be at any time.
pub(crate) fn next(
    accounts: &Accounts,
    row: &organisation::Model,
    open: bool,
    last_closed_ms: Option<i64>,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    if !runs(row, now) {
        return None;
    }
    let opens = |days| due_after(row.created_at_ms, last_closed_ms, days) - lead(days);
    if open { Some(now) } else { accounts.profile.policy.reviews.access_days.map(opens) }
}

/// Whether somebody can review anything there: not where nothing can be changed.
pub(crate) fn runs(row: &organisation::Model, now: OffsetDateTime) -> bool {
    let standing = Standing::parse(&row.standing).unwrap_or(Standing::Lapsed);
    let ran_out = standing.runs_out() && row.standing_until_ms.is_some_and(|at| at <= to_ms(now));
    row.closed_at_ms.is_none() && !ran_out && standing.permits(Permission::ReviewsDecide.effect())
}

/// One round in one organisation.
pub(crate) async fn round(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    now: OffsetDateTime,
) -> Result<Round, Refusal> {
    let mut round = Round::default();
    if !runs(row, now) {
        return Ok(round);
    }
    let tenant = TenantId(row.id);
    let all = operator.view(tenant).await?.all(review::Entity::find().order_by_asc(review::Column::MadeAtMs)).await?;
    if let Some(days) = accounts.profile.policy.reviews.access_days
        && is_time(row, &all, days, now)
        && by_itself(operator, accounts, row, days, now).await?
    {
        round.opened += 1;
    }
    for review in all.iter().filter(|review| review.state == Status::Open.word()) {
        if WhenDue::stored(&review.when_due) == WhenDue::Close && review.due_at_ms <= to_ms(now) {
            match super::close::by_itself(operator, accounts, tenant, review.id, now).await {
                Ok(_) => {
                    round.closed += 1;
                    continue;
                }
                Err(Refusal::Conflict(why)) => {
                    round.held_back += usize::from(hold_back(operator, accounts, tenant, review, why, now).await?);
                }
                Err(other) => return Err(other),
            }
        }
        round.reminded += usize::from(remind(operator, accounts, tenant, review, now).await?);
        round.escalated += usize::from(escalate(operator, accounts, tenant, review, now).await?);
    }
    Ok(round)
}

/// Nothing that is about everything is under way, and it is not long until it has to be done.
fn is_time(row: &organisation::Model, all: &[review::Model], days: NonZeroU32, now: OffsetDateTime) -> bool {
    let under_way = all.iter().any(|review| review.state == Status::Open.word() && review.scope == Scope::All.word());
    !under_way && now >= due_by(row.created_at_ms, all, days) - lead(days)
}

async fn begin(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Change, Refusal> {
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    Ok(operator.begin_in(tenant, Actor::System, sealer).await?)
}

/// Opens the review that the profile promises. Of two instances, one does.
async fn by_itself(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    days: NonZeroU32,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let change = begin(operator, accounts, TenantId(row.id)).await?;
    let house = organisation::Entity::find_by_id(row.id);
    change.unscoped("the organisation's own row, held while a review opens itself").one_held(house).await?;
    let all = change.all(review::Entity::find()).await?;
    if !is_time(row, &all, days, now) {
        return Ok(false);
    }
    let due = due_by(row.created_at_ms, &all, days);
    let due = if due > now + Duration::DAY { due } else { now + lead(days).max(Duration::DAY) };
    let wanted = Wanted {
        name: format!("Access review of {} {}", due.month(), due.year()),
        scope: Scope::All,
        stages: Vec::new(),
        fallback: None,
        due,
        silence: Silence::Keep,
        effect: Effect::AtOnce,
        when_due: WhenDue::Wait,
    };
    let id = Uuid::now_v7();
    open::write(&change, id, &wanted, Actor::System, "cadence", now).await?;
    open::begin(change, accounts, id, now).await?;
    Ok(true)
}

/// Letters to those who still have something to decide.
async fn remind(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &review::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let left = from_ms(row.due_at_ms) - now;
    let due = REMINDERS.iter().filter(|days| left <= Duration::days(**days)).count();
    let due = i32::try_from(due).unwrap_or(0);
    if due <= row.reminded || left.is_negative() {
        return Ok(false);
    }
    let change = begin(operator, accounts, tenant).await?;
    let set = review::Entity::update_many()
        .col_expr(review::Column::Reminded, Expr::value(due))
        .filter(review::Column::Id.eq(row.id))
        .filter(review::Column::State.eq(Status::Open.word()))
        .filter(review::Column::Reminded.eq(row.reminded));
    if change.update(set).await? != 1 {
        return Ok(false);
    }
    let pending = review_item::Entity::find()
        .filter(review_item::Column::ReviewId.eq(row.id))
        .filter(review_item::Column::Decision.is_null())
        .filter(review_item::Column::State.eq(State::Pending.word()));
    let left = change.count(pending).await?;
    if left == 0 {
        change.commit_housekeeping().await?;
        return Ok(false);
    }
    let to = asked_now(&change, accounts, row).await?;
    tell::write(&change, accounts, row, to, ReviewNews::Reminder { left }, now).await?;
    change.commit(&Event::of(Action::ReviewReminded, row.id).with("left", left.to_string()), now).await?;
    accounts.bell.notify_one();
    Ok(true)
}

/// It was to close by itself and does not: those who answer for it hear once of what differs.
async fn hold_back(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &review::Model,
    why: String,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    if row.held_back_at_ms.is_some() {
        return Ok(false);
    }
    let change = begin(operator, accounts, tenant).await?;
    let set = review::Entity::update_many()
        .col_expr(review::Column::HeldBackAtMs, Expr::value(Some(to_ms(now))))
        .filter(review::Column::Id.eq(row.id))
        .filter(review::Column::State.eq(Status::Open.word()))
        .filter(review::Column::HeldBackAtMs.is_null());
    if change.update(set).await? != 1 {
        return Ok(false);
    }
    let to = tell::holding(&change, accounts, Permission::ReviewsManage).await?;
    tell::write(&change, accounts, row, to, ReviewNews::HeldBack { why }, now).await?;
    change.commit(&Event::of(Action::ReviewHeldBack, row.id), now).await?;
    accounts.bell.notify_one();
    Ok(true)
}

/// The last day is over: those who answer for it hear of it, and whoever was named as fallback may decide about everything.
async fn escalate(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    row: &review::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    if row.escalated_at_ms.is_some() || row.due_at_ms > to_ms(now) {
        return Ok(false);
    }
    let change = begin(operator, accounts, tenant).await?;
    let set = review::Entity::update_many()
        .col_expr(review::Column::EscalatedAtMs, Expr::value(Some(to_ms(now))))
        .filter(review::Column::Id.eq(row.id))
        .filter(review::Column::State.eq(Status::Open.word()))
        .filter(review::Column::EscalatedAtMs.is_null());
    if change.update(set).await? != 1 {
        return Ok(false);
    }
    let row = review::Model { escalated_at_ms: Some(to_ms(now)), ..row.clone() };
    let mut to = asked_now(&change, accounts, &row).await?;
    to.extend(tell::holding(&change, accounts, Permission::ReviewsManage).await?);
    tell::write(&change, accounts, &row, to, ReviewNews::Overdue, now).await?;
    change.commit(&Event::of(Action::ReviewEscalated, row.id), now).await?;
    accounts.bell.notify_one();
    Ok(true)
}
