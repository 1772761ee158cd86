//! A review begins: by hand, from a draft, or by itself when it is time.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::form::{self, Form, Wanted};
use super::words::{Scope, Status};
use super::{freeze, name_place, no_review};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{review, review_item, review_reviewer};
use crate::guard::{Actor, Allowed, Change, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::reach;

/// Opens a review, or keeps it as a draft. Its id.
///
/// # Errors
/// [`Refusal::Field`] with the first that does not fit; [`Refusal::Conflict`] for somebody who reaches only some records.
pub async fn open(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    reach::reaches_everything(manager.here())?;
    let change = manager.begin(accounts, origin).await?;
    let wanted = Wanted::read(&change, accounts, form, now).await?;
    let id = Uuid::now_v7();
    write(&change, id, &wanted, manager.actor(), "hand", now).await?;
    if form.draft {
        change.commit(&Event::of(Action::ReviewDrafted, id), now).await?;
        return Ok(id);
    }
    begin(change, accounts, id, now).await?;
    Ok(id)
}

/// A draft, with whoever is to decide.
pub(crate) async fn write(
    change: &Change,
    id: Uuid,
    wanted: &Wanted,
    by: Actor,
    origin: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let row = review::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        name: ActiveValue::Set(change.seal(&name_place(change.tenant(), id), wanted.name.as_bytes())?),
        scope: ActiveValue::Set(wanted.scope.word().to_owned()),
        scope_of: ActiveValue::Set(wanted.scope.of()),
        silence: ActiveValue::Set(wanted.silence.word().to_owned()),
        effect: ActiveValue::Set(wanted.effect.word().to_owned()),
        state: ActiveValue::Set(Status::Draft.word().to_owned()),
        origin: ActiveValue::Set(origin.to_owned()),
        stages: ActiveValue::Set(wanted.stage_count()),
        fallback_id: ActiveValue::Set(wanted.fallback),
        made_by: ActiveValue::Set(by.id()),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        opened_at_ms: ActiveValue::Set(None),
        due_at_ms: ActiveValue::Set(to_ms(wanted.due)),
        closed_at_ms: ActiveValue::Set(None),
        closed_by: ActiveValue::Set(None),
        items: ActiveValue::Set(0),
        population_sha256: ActiveValue::Set(None),
        found: ActiveValue::Set(None),
        outcome: ActiveValue::Set(None),
        reminded: ActiveValue::Set(0),
        escalated_at_ms: ActiveValue::Set(None),
        when_due: ActiveValue::Set(wanted.when_due.word().to_owned()),
        held_back_at_ms: ActiveValue::Set(None),
    };
    change.insert(row).await?;
    let mut reviewers = Vec::new();
    for (stage, people) in (1_i32..).zip(&wanted.stages) {
        reviewers.extend(people.iter().map(|account| review_reviewer::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            review_id: ActiveValue::Set(id),
            stage: ActiveValue::Set(stage),
            account_id: ActiveValue::Set(*account),
            delegate_id: ActiveValue::Set(None),
            since_ms: ActiveValue::Set(to_ms(now)),
        }));
    }
    Ok(change.insert_many(reviewers).await?)
}

/// The review of this id, held until the change ends.
pub(crate) async fn held(change: &Change, id: Uuid) -> Result<review::Model, Refusal> {
    let row =
        review::Entity::find().filter(review::Column::TenantId.eq(change.tenant().0)).filter(review::Column::Id.eq(id));
    let row = change.unscoped("the review's own row, held under the organisation's own filter").one_held(row).await?;
    row.ok_or_else(no_review)
}

/// So many new items change what the table is like.
const MANY: i64 = 1000;

/// Takes the population down and lets the reviewers know.
pub(crate) async fn begin(change: Change, accounts: &Accounts, id: Uuid, now: OffsetDateTime) -> Result<(), Refusal> {
    let row = held(&change, id).await?;
    if row.state != Status::Draft.word() {
        return Err(Refusal::Conflict("This review has begun already.".into()));
    }
    if from_ms(row.due_at_ms) <= now {
        return Err(Refusal::Field("due", "choose a day that is still to come".into()));
    }
    let scope = Scope::stored(&row.scope, row.scope_of.as_deref());
    let (found, digest) = freeze::population(&change, accounts, id, &scope, now).await?;
    let items = i64::try_from(found.items()).unwrap_or(i64::MAX);
    let set = review::Entity::update_many()
        .col_expr(review::Column::State, Expr::value(Status::Open.word()))
        .col_expr(review::Column::OpenedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(review::Column::Items, Expr::value(items))
        .col_expr(review::Column::PopulationSha256, Expr::value(Some(digest.clone())))
        .col_expr(review::Column::Found, Expr::value(serde_json::to_string(&found).ok()))
        .filter(review::Column::Id.eq(id));
    change.update(set).await?;
    if items > MANY {
        change.learn::<review_item::Entity>().await?;
    }
    let row = review::Model { opened_at_ms: Some(to_ms(now)), items, ..row };
    let bench = Bench::of(&change, accounts, &row).await?;
    super::tell::opened(&change, accounts, &row, &bench, now).await?;
    let event = Event::of(Action::ReviewOpened, id)
        .with("scope", scope.word())
        .with("items", items.to_string())
        .with("grants", found.grants().to_string())
        .with("population-sha256", digest);
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Begins what was drafted, with another last day if one is given.
///
/// # Errors
/// [`Refusal::Conflict`] when it has begun; [`Refusal::Field`] when its last day is over.
pub async fn start(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    (review, due): (&str, Option<&str>),
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    reach::reaches_everything(manager.here())?;
    let id = review.parse().map_err(|_| no_review())?;
    let change = manager.begin(accounts, origin).await?;
    if let Some(due) = due {
        let set = review::Entity::update_many()
            .col_expr(review::Column::DueAtMs, Expr::value(to_ms(form::due(accounts, due, now)?)))
            .filter(review::Column::Id.eq(id))
            .filter(review::Column::State.eq(Status::Draft.word()));
        change.update(set).await?;
    }
    begin(change, accounts, id, now).await
}

/// Throws a draft away.
///
/// # Errors
/// [`Refusal::Conflict`] when it has begun: what began is closed, and stays.
pub async fn discard(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    review: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let change = manager.begin(accounts, origin).await?;
    let row = held(&change, id).await?;
    if row.state != Status::Draft.word() {
        return Err(Refusal::Conflict("This review has begun. It can be closed, and stays.".into()));
    }
    change.delete(review::Entity::delete_many().filter(review::Column::Id.eq(id))).await?;
    Ok(change.commit(&Event::of(Action::ReviewDiscarded, id), now).await?)
}
