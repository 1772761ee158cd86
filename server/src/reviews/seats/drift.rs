//! Who holds a seat, compared with what was decided about it.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::SeatItem;
use super::decide::{around, named};
use super::noted::{Noted, Of};
use crate::audit::{self, Event};
use crate::clock::to_ms;
use crate::entity::seat_review_item;
use crate::guard::{PlatformChange, Staff};
use crate::identity::{Accounts, Refusal};
use crate::operators;
use crate::organisations::members;
use crate::reviews::drift::{How, no_drift, not_again};
use crate::reviews::no_item;
use crate::reviews::rules::{Barred, Subject, mailbox};
use crate::reviews::words::{Decision, State, Status};

/// One seat that is not what was decided.
#[derive(Clone, Debug)]
pub struct SeatDrift {
    pub how: How,
    pub item: SeatItem,
}

pub(super) async fn held(change: &PlatformChange) -> Result<BTreeSet<Uuid>, Refusal> {
    Ok(change.all(operators::holders()).await?.into_iter().map(|row| row.id).collect())
}

/// How a seat differs from what was decided about it, if it does.
pub(super) fn how(item: &seat_review_item::Model, held: &BTreeSet<Uuid>) -> Option<How> {
    let decision = item.decision.as_deref().map(Decision::stored)?;
    match (decision, State::stored(&item.state), held.contains(&item.account_id)) {
        (Decision::Keep, State::Decided, false) => Some(How::Gone),
        (Decision::Revoke, State::Applied, true) => Some(How::Back),
        (Decision::Keep | Decision::Revoke | Decision::Change, _, _) => None,
    }
}

/// Settles what differs: what is, is accepted with a reason; or the seat is taken away again.
///
/// # Errors
/// [`Refusal::Conflict`] when nothing differs, or the rules do not let this person decide about it; [`Refusal::Field`] without a reason.
pub async fn resolve(
    staff: &Staff,
    accounts: &Accounts,
    (item, again): (&str, bool),
    note: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    let note = members::short("note", note)?;
    let change = staff.begin_platform().await?;
    let (review, row) = named(&change, id).await?;
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen.into());
    }
    let how = how(&row, &held(&change).await?).ok_or_else(no_drift)?;
    let (people, decider) = around(&change, accounts, staff, &row).await?;
    let address = people.get(&row.account_id).map(|named| mailbox(&named.address));
    decider.stands_apart(&Subject { account: Some(row.account_id), mailbox: address.as_deref() })?;
    let state = match (how, again) {
        (How::Back, true) => State::Applied,
        (How::Gone, false) => State::Gone,
        (How::Back | How::OtherRole | How::NoSuchRole, false) => State::Changed,
        (How::Gone | How::OtherRole | How::NoSuchRole, true) => return Err(not_again()),
    };
    // The decision and its own reason stay what they were.
    let reason = Noted::of(accounts, id, Of::Difference, &note)?;
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
        .col_expr(seat_review_item::Column::SettledBy, Expr::value(Some(staff.account.0)))
        .col_expr(seat_review_item::Column::SettledAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::SettledNote, Expr::value(Some(reason.sealed)))
        .col_expr(seat_review_item::Column::SettledSalt, Expr::value(Some(reason.salt)))
        .filter(seat_review_item::Column::Id.eq(id));
    change.update(set).await?;
    let settled = Event::SeatDriftSettled { item: id, operator: staff.account.0, again, note_sha256: reason.sha256 };
    if !again {
        return Ok(change.commit(settled, now).await?);
    }
    audit::append(&change, staff.operator().name(), &settled, now).await?;
    operators::take_away(&change, row.account_id, now).await?;
    Ok(change.commit(Event::OperatorRemoved { operator: row.account_id }, now).await?)
}
