//! Who decides, changed while a review goes on: another reviewer, a stand-in, a decision taken back; and remarks.

use contract::permission::Permission;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{Bench, GIVEN};
use super::decide::{blank, named};
use super::items::of_review;
use super::notes::{self, Note};
use super::rules::Barred;
use super::words::{State, Status};
use super::{form, no_item, no_review, open, tell};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{review, review_item, review_note, review_reviewer, review_vote};
use crate::guard::{Allowed, Change, Right, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::ReviewNews;
use crate::organisations::{members, names, roles};

/// Takes one's own decision back, as long as it has not been done.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not one's own, or was done already.
pub async fn undo(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    item: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    let change = reviewer.begin(accounts, origin).await?;
    let (review, row) = named(&change, id).await?;
    still_open(&review)?;
    let own = reviewer.account.0;
    let item = Condition::all().add(review_item::Column::Id.eq(id));
    match State::stored(&row.state) {
        State::Decided if row.decided_by == Some(own) => {
            take_back(&change, item.add(review_item::Column::DecidedBy.eq(own))).await?;
        }
        State::Pending if row.stage > 1 => back(&change, &row, own).await?,
        State::Applied => return Err(done_already()),
        State::Pending | State::Decided | State::Gone | State::Changed | State::Ended => {
            return Err(nothing_of_yours());
        }
    }
    let event = Event::of(Action::ItemReopened, id)
        .with("review", review.id.to_string())
        .with("was", row.decision.unwrap_or_default());
    Ok(change.commit(&event, now).await?)
}

pub(crate) fn done_already() -> Refusal {
    Refusal::Conflict("This was done already. Access that is needed after all has to be given anew.".into())
}

pub(crate) fn nothing_of_yours() -> Refusal {
    Refusal::Conflict("There is no decision of yours here that could be taken back.".into())
}

fn still_open(review: &review::Model) -> Result<(), Refusal> {
    if review.state == Status::Open.word() { Ok(()) } else { Err(Barred::NotOpen.into()) }
}

async fn take_back(change: &Change, which: Condition) -> Result<u64, Refusal> {
    let decided = review_item::Column::State.eq(State::Decided.word());
    Ok(change.update(blank(review_item::Entity::update_many()).filter(which).filter(decided)).await?)
}

/// One's own vote of the stage before, while nobody has decided in the next.
async fn back(change: &Change, row: &review_item::Model, own: Uuid) -> Result<(), Refusal> {
    let vote = review_vote::Entity::delete_many()
        .filter(review_vote::Column::ItemId.eq(row.id))
        .filter(review_vote::Column::Stage.eq(row.stage - 1))
        .filter(review_vote::Column::DecidedBy.eq(own));
    if change.delete(vote).await? == 0 {
        return Err(nothing_of_yours());
    }
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::Stage, Expr::value(row.stage - 1))
        .filter(review_item::Column::Id.eq(row.id))
        .filter(review_item::Column::Stage.eq(row.stage))
        .filter(review_item::Column::Decision.is_null());
    change.update(set).await?;
    Ok(())
}

/// Takes back everything of one act that has not been done. How many decisions that were.
///
/// # Errors
/// [`Refusal::Conflict`] when nothing of it can be taken back.
pub async fn undo_act(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    review: &str,
    act: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let act: Uuid = act.parse().map_err(|_| Refusal::Field("act", "there is no such act here".into()))?;
    let change = reviewer.begin(accounts, origin).await?;
    still_open(&open::held(&change, id).await?)?;
    let which = of_review(id)
        .add(review_item::Column::ActId.eq(act))
        .add(review_item::Column::DecidedBy.eq(reviewer.account.0));
    let number = take_back(&change, which).await?;
    if number == 0 {
        return Err(Refusal::Conflict("Nothing of this can be taken back.".into()));
    }
    let event = Event::of(Action::ItemReopened, id).with("act", act.to_string()).with("items", number.to_string());
    change.commit(&event, now).await?;
    Ok(number)
}

/// Gives undecided items to one reviewer. How many that were.
///
/// # Errors
/// [`Refusal::Field`] on `reviewer` when they are no member who may decide, or on `item`.
pub async fn reassign(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    (review, items): (&str, &[&str]),
    to: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let ids: Result<Vec<Uuid>, _> = items.iter().map(|text| text.parse().map_err(|_| no_item())).collect();
    let change = manager.begin(accounts, origin).await?;
    still_open(&open::held(&change, id).await?)?;
    let able = roles::with(&change, &accounts.profile, Permission::ReviewsDecide).await?;
    let to = form::reviewer(&change, accounts, "reviewer", to, &able).await?;
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::ReviewerId, Expr::value(Some(to)))
        .filter(of_review(id))
        .filter(review_item::Column::Id.is_in(ids?))
        .filter(review_item::Column::Decision.is_null());
    let number = change.update(set).await?;
    if number == 0 {
        return Err(no_item());
    }
    let row = review_reviewer::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        review_id: ActiveValue::Set(id),
        stage: ActiveValue::Set(GIVEN),
        account_id: ActiveValue::Set(to),
        delegate_id: ActiveValue::Set(None),
        since_ms: ActiveValue::Set(to_ms(now)),
    };
    let keys = [
        review_reviewer::Column::TenantId,
        review_reviewer::Column::ReviewId,
        review_reviewer::Column::Stage,
        review_reviewer::Column::AccountId,
    ];
    change.upsert(row, OnConflict::columns(keys).do_nothing().to_owned()).await?;
    let event = Event::of(Action::ItemReassigned, id).with("to", to.to_string()).with("items", number.to_string());
    change.commit(&event, now).await?;
    Ok(number)
}

/// Names somebody who decides in one's place, or with nobody takes that back.
///
/// # Errors
/// [`Refusal::Conflict`] for somebody who is no reviewer here; [`Refusal::Field`] on `delegate` for oneself or somebody who may not decide.
pub async fn delegate(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    review: &str,
    to: Option<&str>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let own = reviewer.account.0;
    let change = reviewer.begin(accounts, origin).await?;
    let row = open::held(&change, id).await?;
    still_open(&row)?;
    let to = match to.filter(|text| !text.trim().is_empty()) {
        None => None,
        Some(text) => {
            let able = roles::with(&change, &accounts.profile, Permission::ReviewsDecide).await?;
            Some(form::reviewer(&change, accounts, "delegate", text, &able).await?)
        }
    };
    if to == Some(own) {
        return Err(Refusal::Field("delegate", "choose somebody else".into()));
    }
    let set = review_reviewer::Entity::update_many()
        .col_expr(review_reviewer::Column::DelegateId, Expr::value(to))
        .filter(review_reviewer::Column::ReviewId.eq(id))
        .filter(review_reviewer::Column::AccountId.eq(own));
    if change.update(set).await? == 0 {
        return Err(Refusal::Conflict("You are no reviewer of this review, so there is nothing to hand on.".into()));
    }
    if let Some(to) = to {
        tell::write(&change, accounts, &row, [to].into(), ReviewNews::Delegated, now).await?;
    }
    let event = Event::of(Action::ReviewDelegated, id).with("to", to.unwrap_or_default().to_string());
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Leaves a remark at an item.
///
/// # Errors
/// [`Refusal::Field`] on `text` when it does not fit.
pub async fn comment(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    item: &str,
    text: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    let text = members::short("text", text)?;
    let change = reviewer.begin(accounts, origin).await?;
    let (review, _) = named(&change, id).await?;
    still_open(&review)?;
    notes::remark(&change, review.id, id, reviewer.account.0, &text, now).await?;
    Ok(change.commit(&Event::of(Action::ReviewNoted, id).with("review", review.id.to_string()), now).await?)
}

/// A remark.
#[derive(Clone, Debug)]
pub struct Remark {
    pub who: String,
    pub at: OffsetDateTime,
    pub text: String,
}

/// The remarks at an item, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn remarks<R: Right>(reader: &Allowed<R>, accounts: &Accounts, item: Uuid) -> Result<Vec<Remark>, Refusal> {
    let view = reader.read().await?;
    let rows = review_note::Entity::find()
        .filter(review_note::Column::ItemId.eq(item))
        .filter(review_note::Column::Kind.eq("comment"))
        .order_by_asc(review_note::Column::AtMs);
    let rows = view.all(rows).await?;
    let people = names::of(&view, accounts, rows.iter().map(|row| row.by_id)).await?;
    let ring = accounts.vault.within(&view).await?;
    let remark = |row: &review_note::Model| Remark {
        who: names::called(&people, row.by_id),
        at: from_ms(row.at_ms),
        text: Note::open(&ring, row).text,
    };
    Ok(rows.iter().map(remark).collect())
}

/// Whoever is asked about anything of a review in this stage, for letters.
pub(crate) async fn asked_now(
    change: &Change,
    accounts: &Accounts,
    row: &review::Model,
) -> Result<std::collections::BTreeSet<Uuid>, Refusal> {
    let bench = Bench::of(change, accounts, row).await?;
    let asked: std::collections::BTreeSet<Uuid> = (1..=row.stages).flat_map(|stage| bench.everybody(stage)).collect();
    if asked.is_empty() {
        return tell::holding(change, accounts, Permission::ReviewsDecide).await;
    }
    Ok(asked)
}
