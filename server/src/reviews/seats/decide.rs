//! Deciding about a seat, and taking that back.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::noted::{Noted, Of};
use super::{People, decider, may, of_review};
use crate::audit::{self, Event};
use crate::clock::to_ms;
use crate::entity::{account, seat_review, seat_review_item};
use crate::guard::{PlatformChange, Staff};
use crate::identity::{Accounts, Refusal};
use crate::operators;
use crate::organisations::names;
use crate::reviews::asking::{done_already, nothing_of_yours};
use crate::reviews::decide::Verdict;
use crate::reviews::rules::{Barred, Decider};
use crate::reviews::words::{Decision, Kind, State, Status};
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
    let (review, row) = named(&change, id).await?;
    let (people, decider) = around(&change, accounts, staff, &row).await?;
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
    may(&decider, &review, &row, &address)?;
    let reason = Noted::of(accounts, id, Of::Decision, verdict.note.as_deref().unwrap_or_default())?;
    let revoked = verdict.decision == Decision::Revoke;
    let state = if revoked { State::Applied } else { State::Decided };
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(Some(verdict.decision.word())))
        .col_expr(seat_review_item::Column::DecidedBy, Expr::value(Some(own)))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::Note, Expr::value(Some(reason.sealed)))
        .col_expr(seat_review_item::Column::NoteSalt, Expr::value(Some(reason.salt)))
        .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
        .filter(seat_review_item::Column::Id.eq(id));
    change.update(set).await?;
    let (decision, note_sha256) = (verdict.decision.word(), reason.sha256);
    let decided = Event::SeatDecided { item: id, operator: own, decision, note_sha256 };
    if revoked {
        audit::append(&change, staff.operator().name(), &decided, now).await?;
        operators::take_away(&change, row.account_id, now).await?;
        change.commit(Event::OperatorRemoved { operator: row.account_id }, now).await?;
    } else {
        change.commit(decided, now).await?;
    }
    Ok(())
}

/// Takes one's own decision back, as long as the seat is still held.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not one's own, or was done already.
pub async fn undo(staff: &Staff, item: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    let change = staff.begin_platform().await?;
    let (review, row) = named(&change, id).await?;
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen.into());
    }
    let own = staff.account.0;
    match State::stored(&row.state) {
        State::Decided if row.decided_by == Some(own) => {}
        State::Applied => return Err(done_already()),
        State::Pending | State::Decided | State::Gone | State::Changed | State::Ended => {
            return Err(nothing_of_yours());
        }
    }
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(None::<String>))
        .col_expr(seat_review_item::Column::DecidedBy, Expr::value(None::<Uuid>))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(None::<i64>))
        .col_expr(seat_review_item::Column::Note, Expr::value(None::<Vec<u8>>))
        .col_expr(seat_review_item::Column::NoteSalt, Expr::value(None::<Vec<u8>>))
        .col_expr(seat_review_item::Column::State, Expr::value(State::Pending.word()))
        .filter(seat_review_item::Column::Id.eq(id));
    change.update(set).await?;
    Ok(change.commit(Event::SeatReopened { item: id, operator: own }, now).await?)
}

/// A seat and its review. A change of the platform is alone: what is read stays as it is until the change ends.
pub(super) async fn named(
    change: &PlatformChange,
    id: Uuid,
) -> Result<(seat_review::Model, seat_review_item::Model), Refusal> {
    let row = change.one(seat_review_item::Entity::find_by_id(id)).await?.ok_or_else(no_item)?;
    let review = change.one(seat_review::Entity::find_by_id(row.review_id)).await?.ok_or_else(no_review)?;
    Ok((review, row))
}

/// Everybody whom a seat names, and who decides.
pub(super) async fn around(
    change: &PlatformChange,
    accounts: &Accounts,
    staff: &Staff,
    row: &seat_review_item::Model,
) -> Result<(People, Decider), Refusal> {
    let all = change.all(of_review(row.review_id)).await?;
    let ids = all.iter().flat_map(|item| [Some(item.account_id), item.decided_by]).flatten().chain([staff.account.0]);
    let people = change.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    let people: People = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let decider = decider(accounts, staff, &people, &all);
    Ok((people, decider))
}
