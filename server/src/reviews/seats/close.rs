//! The end of a review of the seats: silence is heard, and what is has to equal what was decided. One transaction.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{People, drift, of_review};
use crate::audit::{self, Event, heads};
use crate::clock::to_ms;
use crate::entity::{account, seat_review, seat_review_item};
use crate::guard::{PlatformChange, Staff};
use crate::identity::{Accounts, Refusal};
use crate::operators;
use crate::organisations::names;
use crate::reviews::drift::{differs, in_words};
use crate::reviews::no_review;
use crate::reviews::rules::of_silence;
use crate::reviews::words::{Advice, Decision, Kind, Silence, State, Status};

/// Closes a review of the seats: silence is heard, and what is has to equal what was decided.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not open, or what is differs from what was decided: then how, and whose seat. Nothing
/// is done.
pub async fn close(staff: &Staff, accounts: &Accounts, review: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let change = staff.begin_platform().await?;
    let row = change.one(seat_review::Entity::find_by_id(id)).await?.ok_or_else(no_review)?;
    if row.state != Status::Open.word() {
        return Err(Refusal::Conflict("This review is not open, so it cannot be closed.".into()));
    }
    let held = drift::held(&change).await?;
    let items = change.all(of_review(id)).await?;
    equals(&change, accounts, &items, &held).await?;
    let name = staff.operator();
    for item in items {
        let state = match State::stored(&item.state) {
            State::Pending if !held.contains(&item.account_id) => State::Gone,
            State::Pending => silence(&change, name.name(), (&row, &item), staff.account.0, now).await?,
            other @ (State::Decided | State::Applied | State::Gone | State::Changed | State::Ended) => other,
        };
        let set = seat_review_item::Entity::update_many()
            .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
            .filter(seat_review_item::Column::Id.eq(item.id));
        change.update(set).await?;
    }
    let set = seat_review::Entity::update_many()
        .col_expr(seat_review::Column::State, Expr::value(Status::Closed.word()))
        .col_expr(seat_review::Column::ClosedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review::Column::ClosedBy, Expr::value(Some(staff.account.0)))
        .filter(seat_review::Column::Id.eq(id));
    change.update(set).await?;
    change.commit(Event::SeatReviewClosed { review: id }, now).await?;
    // So that what is taken along can be verified at once.
    heads::sign_platform_now(&staff.operator(), &accounts.vault, now).await?;
    Ok(())
}

/// What is equals what was decided, or a refusal that names what differs.
async fn equals(
    change: &PlatformChange,
    accounts: &Accounts,
    items: &[seat_review_item::Model],
    held: &BTreeSet<Uuid>,
) -> Result<(), Refusal> {
    let found: Vec<_> = items.iter().filter_map(|item| Some((drift::how(item, held)?, item.account_id))).collect();
    if found.is_empty() {
        return Ok(());
    }
    let people = account::Entity::find().filter(account::Column::Id.is_in(found.iter().map(|(_, id)| *id)));
    let people = change.all(people).await?;
    let people: People = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let named = found.iter().map(|(how, id)| in_words(&names::called(&people, *id), Kind::Seat, *how));
    Err(differs(named))
}

/// What silence says of one seat, done. It never takes the seat of whoever closes.
async fn silence(
    change: &PlatformChange,
    actor: &str,
    (review, item): (&seat_review::Model, &seat_review_item::Model),
    closer: Uuid,
    now: OffsetDateTime,
) -> Result<State, Refusal> {
    let said = of_silence(Silence::stored(&review.silence), Advice::stored(&item.advice));
    let decision = if item.account_id == closer { Decision::Keep } else { said };
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(Some(decision.word())))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::Silent, Expr::value(1_i32))
        .filter(seat_review_item::Column::Id.eq(item.id));
    change.update(set).await?;
    if decision != Decision::Revoke {
        return Ok(State::Decided);
    }
    operators::take_away(change, item.account_id, now).await?;
    audit::append(change, actor, &Event::OperatorRemoved { operator: item.account_id }, now).await?;
    Ok(State::Applied)
}
