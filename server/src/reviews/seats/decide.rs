//! Deciding about a seat, and the end of a review of the seats.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{People, decider, may, note_place};
use crate::audit::{self, Event};
use crate::clock::to_ms;
use crate::entity::{account, seat_review, seat_review_item};
use crate::guard::{PlatformChange, Staff};
use crate::identity::{Accounts, Refusal};
use crate::operators;
use crate::organisations::names;
use crate::reviews::decide::Verdict;
use crate::reviews::rules::of_silence;
use crate::reviews::words::{Advice, Decision, Kind, Silence, State, Status};
use crate::reviews::{no_item, no_review};

/// Decides about one seat. A revoke takes it away with this: the account is disabled, and its sessions are over.
///
/// # Errors
/// [`Refusal::Conflict`] when the rules do not let this person decide, or somebody else has decided meanwhile; [`Refusal::Field`] without a
/// reason, which every seat needs.
pub async fn decide(
    staff: &Staff,
    accounts: &Accounts,
    (item, decision): (&str, &str),
    note: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let verdict = Verdict::parse(decision, None, note)?;
    verdict.fits(Kind::Seat)?;
    verdict.explains(true)?;
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    // A change of the platform is alone: nobody else is at it.
    let change = staff.begin_platform().await?;
    let row = change.one(seat_review_item::Entity::find_by_id(id)).await?.ok_or_else(no_item)?;
    let review = change.one(seat_review::Entity::find_by_id(row.review_id)).await?.ok_or_else(no_review)?;
    let all = seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(review.id));
    let all = change.all(all).await?;
    let ids = [row.account_id, staff.account.0].into_iter().chain(row.decided_by);
    let people = change.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    let people: People = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let address = people.get(&row.account_id).map(|named| named.address.clone()).unwrap_or_default();
    let own = staff.account.0;
    if let Some(other) = row.decided_by.filter(|other| *other != own) {
        let said = row.decision.as_deref().map(Decision::stored).map_or("", Decision::said);
        let who = names::called(&people, other);
        return Err(Refusal::Conflict(format!(
            "{who} decided this: {}. Nothing was changed by you.",
            said.to_lowercase()
        )));
    }
    may(&decider(accounts, staff, &people, &all), &review, &row, &address)?;
    let sealed =
        verdict.note.as_deref().map(|note| accounts.vault.seal(&note_place(id), note.as_bytes())).transpose()?;
    let revoked = verdict.decision == Decision::Revoke;
    let state = if revoked { State::Applied } else { State::Decided };
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(Some(verdict.decision.word())))
        .col_expr(seat_review_item::Column::DecidedBy, Expr::value(Some(own)))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::Note, Expr::value(sealed))
        .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
        .filter(seat_review_item::Column::Id.eq(id));
    change.update(set).await?;
    let decided = Event::SeatDecided { item: id, operator: own, decision: verdict.decision.word() };
    if revoked {
        audit::append(&change, staff.operator().name(), &decided, now).await?;
        operators::take_away(&change, row.account_id, now).await?;
        change.commit(Event::OperatorRemoved { operator: row.account_id }, now).await?;
    } else {
        change.commit(decided, now).await?;
    }
    Ok(())
}

/// Closes a review of the seats: silence is heard, and what is has to equal what was decided.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not open, or a seat that was taken away is held again.
pub async fn close(staff: &Staff, review: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let change = staff.begin_platform().await?;
    let row = change.one(seat_review::Entity::find_by_id(id)).await?.ok_or_else(no_review)?;
    if row.state != Status::Open.word() {
        return Err(Refusal::Conflict("This review is not open, so it cannot be closed.".into()));
    }
    let held: Vec<Uuid> = change.all(operators::holders()).await?.into_iter().map(|row| row.id).collect();
    let items = change.all(seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(id))).await?;
    let name = staff.operator();
    for item in items {
        let there = held.contains(&item.account_id);
        let state = match State::stored(&item.state) {
            State::Applied if there => {
                return Err(Refusal::Conflict(
                    "A seat that was taken away is held again. Take it away, then close.".into(),
                ));
            }
            State::Pending | State::Decided if !there => State::Gone,
            State::Pending => silence(&change, name.name(), (&row, &item), staff.account.0, now).await?,
            other @ (State::Decided | State::Applied | State::Gone | State::Changed) => other,
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
    Ok(change.commit(Event::SeatReviewClosed { review: id }, now).await?)
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
