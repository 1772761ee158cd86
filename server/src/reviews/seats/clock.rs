//! The seats by the clock: a review opens itself when it is time, and everybody who holds one is reminded.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{begin, letter};
use crate::clock::from_ms;
use crate::entity::{seat_review, seat_review_item};
use crate::guard::Operator;
use crate::identity::{Accounts, Refusal};
use crate::mail::{ReviewNews, queue};
use crate::operators;
use crate::organisations::names;
use crate::reviews::cadence::{REMINDERS, lead};
use crate::reviews::words::{Silence, Status};

/// By when the seats have to have been reviewed again. `None`: nothing is promised, or nobody holds one.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn due_by(operator: &Operator, accounts: &Accounts) -> Result<Option<OffsetDateTime>, Refusal> {
    let Some(days) = accounts.profile.policy.reviews.operator_days else { return Ok(None) };
    let held = operator.all(operators::holders()).await?;
    let Some(first) = held.iter().map(|row| row.created_at_ms).min() else { return Ok(None) };
    let closed =
        operator.all(seat_review::Entity::find().filter(seat_review::Column::ClosedAtMs.is_not_null())).await?;
    let last = closed.iter().filter_map(|row| row.closed_at_ms).max().unwrap_or(first);
    Ok(Some(from_ms(last) + Duration::days(days.get().into())))
}

/// What happens by the clock: a review opens itself when it is time, and everybody is reminded. How many letters' worth of news that was.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn round(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<usize, Refusal> {
    let Some(days) = accounts.profile.policy.reviews.operator_days else { return Ok(0) };
    let open =
        operator.all(seat_review::Entity::find().filter(seat_review::Column::State.eq(Status::Open.word()))).await?;
    if let Some(row) = open.first() {
        return Ok(usize::from(remind(operator, accounts, row, now).await?));
    }
    let Some(due) = due_by(operator, accounts).await?.filter(|due| now >= *due - lead(days)) else { return Ok(0) };
    let due = if due > now + Duration::DAY { due } else { now + lead(days).max(Duration::DAY) };
    let name = format!("Seats of {} {}", due.month(), due.year());
    match begin(operator, accounts, (&name, Silence::Keep, due), (Uuid::nil(), "cadence"), now).await {
        Ok(_) => Ok(1),
        // Another instance was quicker.
        Err(Refusal::Conflict(_)) => Ok(0),
        Err(other) => Err(other),
    }
}

async fn remind(
    operator: &Operator,
    accounts: &Accounts,
    row: &seat_review::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let left = from_ms(row.due_at_ms) - now;
    let due = REMINDERS.iter().filter(|days| left <= Duration::days(**days)).count() + usize::from(left.is_negative());
    let due = i32::try_from(due).unwrap_or(0);
    if due <= row.reminded {
        return Ok(false);
    }
    let change = operator.begin_account().await?;
    let set = seat_review::Entity::update_many()
        .col_expr(seat_review::Column::Reminded, Expr::value(due))
        .filter(seat_review::Column::Id.eq(row.id))
        .filter(seat_review::Column::Reminded.eq(row.reminded));
    if change.update(set).await? != 1 {
        return Ok(false);
    }
    let pending = seat_review_item::Entity::find()
        .filter(seat_review_item::Column::ReviewId.eq(row.id))
        .filter(seat_review_item::Column::Decision.is_null());
    let pending = change.count(pending).await?;
    let news = if left.is_negative() { ReviewNews::Overdue } else { ReviewNews::Reminder { left: pending } };
    for person in change.all(operators::holders()).await? {
        queue::put(
            &change,
            accounts,
            &names::open(accounts, &person).address,
            &letter(accounts, row, news.clone()),
            now,
        )
        .await?;
    }
    change.commit_housekeeping().await?;
    accounts.bell.notify_one();
    Ok(true)
}
