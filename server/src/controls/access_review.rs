//! Access reviews: a decision is the removal, nobody decides on themselves, and nothing is overdue.

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::mfa::LookError;
use super::walk::Walk;
use super::{Instance, Seen, cast};
use crate::clock::rfc3339;
use crate::entity::{membership, review, review_item};
use crate::guard::{Allowed, Asks, Changes, TenantId};
use crate::identity::stand_in::{As, Someone, StandIn};
use crate::identity::{Origin, Refusal};
use crate::reviews::{self, DecideForm, Form, ManyForm, cadence, seats};

/// The role that may open a review and decide in it, and of those the one that may most.
fn reviewer(instance: &Instance) -> Option<&str> {
    let both = [Permission::ReviewsManage, Permission::ReviewsDecide];
    let roles = instance.profile.roles.iter().filter(|(_, role)| both.iter().all(|may| role.grants.contains(may)));
    roles.max_by_key(|(_, role)| role.grants.len()).map(|(name, _)| name.as_str())
}

/// A right of one of the stand-ins, as a request of theirs would have it.
async fn may<R: Changes>(instance: &Instance, house: &StandIn, who: &Someone) -> Result<Allowed<R>, LookError> {
    let (hash, now) = (who.session.hash(), instance.clock.now());
    let caller = instance.operator.visitor().caller(&instance.profile, &hash, now).await?.ok_or(Refusal::SignedOut)?;
    let allowed = caller.may::<R>(house.slug(), Asks::ToDo);
    Ok(allowed.map_err(|barred| Refusal::Conflict(format!("{barred:?}")))?)
}

async fn opened(instance: &Instance, house: &StandIn) -> Result<Uuid, LookError> {
    let now = instance.clock.now();
    let due = (now + Duration::days(14)).date().to_string();
    let manager = may(instance, house, house).await?;
    let form = Form { name: "Probe", due: &due, ..Form::default() };
    Ok(reviews::open(&manager, &instance.accounts, &form, &Origin::of_program(), now).await?)
}

async fn item_of(instance: &Instance, house: &StandIn, review: Uuid, who: Uuid) -> Result<Uuid, LookError> {
    let rows = review_item::Entity::find()
        .filter(review_item::Column::ReviewId.eq(review))
        .filter(review_item::Column::AccountId.eq(who));
    let row = instance.operator.view(house.tenant()).await?.one(rows).await?;
    Ok(row.ok_or_else(|| Refusal::Conflict("a grant became no item".into()))?.id)
}

pub async fn removes(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = reviewer(instance) else { return Ok(cast::nobody(Permission::ReviewsDecide, true)) };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = revoked(instance, &mut house, role).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn revoked(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let leaver = house.join(role, As::SteppedUp, now).await?;
    let mut walk = Walk::begin(instance).await?;
    let before = walk.get(leaver.session, "/account").await?.status.as_u16();
    let review = opened(instance, house).await?;
    let item = item_of(instance, house, review, leaver.account.0).await?.to_string();
    let form = DecideForm { item: &item, decision: "revoke", role: None, note: Some("Probe") };
    let decider = may(instance, house, house).await?;
    reviews::decide(&decider, &instance.accounts, &form, &Origin::of_program(), now).await?;
    let after = walk.get(leaver.session, "/account").await?.status.as_u16();
    let left = membership::Entity::find().filter(membership::Column::AccountId.eq(leaver.account.0));
    let left = instance.operator.view(house.tenant()).await?.count(left).await?;
    Ok(match (before, after, left) {
        (200, 401, 0) => Seen::Upheld(
            "A member's session opened a page; after one decision in an access review it was answered 401 at its next request, and the membership was gone.".into(),
        ),
        _ => Seen::Failing(format!(
            "A member's session was answered {before}; after a revoke in an access review the next request was answered {after}, and {left} memberships were left."
        )),
    })
}

pub async fn self_review(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = reviewer(instance) else { return Ok(cast::nobody(Permission::ReviewsDecide, true)) };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = refused(instance, &mut house, role).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn refused(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let (now, origin) = (instance.clock.now(), Origin::of_program());
    let other = house.join(role, As::SteppedUp, now).await?;
    let review = opened(instance, house).await?;
    let own = item_of(instance, house, review, house.account.0).await?.to_string();
    let form = DecideForm { item: &own, decision: "keep", role: None, note: Some("Probe") };
    let decider = may(instance, house, house).await?;
    let alone = reviews::decide(&decider, &instance.accounts, &form, &origin, now).await;
    let review = review.to_string();
    let many =
        ManyForm { review: &review, decision: "keep", note: Some("Probe"), sure: Some(2), ..ManyForm::default() };
    let together = reviews::decide_many(&decider, &instance.accounts, &many, &origin, now).await;
    let somebody = may(instance, house, &other).await?;
    let others = reviews::decide(&somebody, &instance.accounts, &form, &origin, now).await;
    Ok(match (alone, together, others) {
        // Of the two that were said, one's own is left out.
        (Err(Refusal::Conflict(_)), Err(Refusal::Unconfirmed(1, _)), Ok(())) => Seen::Upheld(
            "A reviewer's decision about their own access was refused, alone and among others; somebody else's was taken.".into(),
        ),
        (alone, together, others) => Seen::Failing(format!(
            "A reviewer's decision about their own access was {}, among others {}, and somebody else's {}.",
            said(alone.is_ok()),
            said(together.is_ok()),
            said(others.is_ok())
        )),
    })
}

fn said(taken: bool) -> &'static str {
    if taken { "taken" } else { "refused" }
}

pub async fn on_time(instance: &Instance) -> Result<Seen, LookError> {
    let Some(days) = instance.profile.policy.reviews.access_days else {
        return Ok(Seen::Unavailable(
            "This profile promises no time between two access reviews of an organisation.".into(),
        ));
    };
    let now = instance.clock.now();
    let (mut looked, mut overdue, mut open): (usize, Vec<OffsetDateTime>, usize) = (0, Vec::new(), 0);
    for row in instance.operator.organisations().await?.iter().filter(|row| cadence::runs(row, now)) {
        looked += 1;
        let all = review::Entity::find().order_by_asc(review::Column::MadeAtMs);
        let all = instance.operator.view(TenantId(row.id)).await?.all(all).await?;
        open += usize::from(all.iter().any(|review| review.state == "open"));
        let due = cadence::due_by(row.created_at_ms, &all, days);
        if due < now {
            overdue.push(due);
        }
    }
    Ok(match overdue.iter().min() {
        None => Seen::Upheld(format!(
            "Of {looked} organisations, 0 have gone for more than {days} days without a finished access review; {open} reviews are open."
        )),
        Some(first) => Seen::Failing(format!(
            "The access reviews of {} of {looked} organisations are overdue, the first since {}.",
            overdue.len(),
            rfc3339(*first)
        )),
    })
}

pub async fn operators(instance: &Instance) -> Result<Seen, LookError> {
    let Some(days) = instance.profile.policy.reviews.operator_days else {
        return Ok(Seen::Unavailable("This profile promises no time between two reviews of its operators.".into()));
    };
    let now = instance.clock.now();
    Ok(match seats::due_by(&instance.operator, &instance.accounts).await? {
        None => {
            Seen::Upheld(format!("Nobody of the vendor holds a seat; whoever did would be reviewed every {days} days."))
        }
        Some(due) if due < now => {
            Seen::Failing(format!("The review of the vendor's seats is overdue since {}.", rfc3339(due)))
        }
        Some(due) => Seen::Upheld(format!(
            "The vendor's seats are reviewed every {days} days; the next review has to be finished by {}.",
            rfc3339(due)
        )),
    })
}
