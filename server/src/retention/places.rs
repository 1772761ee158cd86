//! In which organisations somebody is known, and who is known in one only. With row security there is no looking across organisations, so it is
//! asked of each.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::to_ms;
use crate::entity::{account, departure, help_grant, invitation, legal_hold, membership, organisation, review_item};
use crate::guard::{AccountChange, Operator, PERSON_KIND, PROBE_KIND, TenantId};
use crate::identity::Refusal;
use crate::identity::stand_in::SLUG;

/// A statement takes at most 32,766 values (SQLite).
const AT_ONCE: usize = 1000;

/// Those that are not being destroyed: of the others nothing can be read any more.
async fn organisations(operator: &Operator) -> Result<BTreeSet<Uuid>, Refusal> {
    let all = organisation::Entity::find().filter(organisation::Column::PurgeBeganAtMs.is_null());
    Ok(operator.all(all).await?.into_iter().map(|row| row.id).collect())
}

/// Every organisation that may know of somebody.
pub(super) async fn of(operator: &Operator, row: &account::Model) -> Result<Vec<TenantId>, Refusal> {
    let all = organisations(operator).await?;
    if operator.store().rows_are_secured() {
        return Ok(all.into_iter().map(TenantId).collect());
    }
    let id = row.id;
    let mut places = BTreeSet::new();
    let here = membership::Entity::find().filter(membership::Column::AccountId.eq(id));
    places.extend(operator.all(here).await?.into_iter().map(|row| row.tenant_id));
    let left = departure::Entity::find().filter(departure::Column::AccountId.eq(id));
    places.extend(operator.all(left).await?.into_iter().map(|row| row.tenant_id));
    let asked = invitation::Entity::find().filter(invitation::Column::AddressIndex.eq(&row.address_index));
    places.extend(operator.all(asked).await?.into_iter().map(|row| row.tenant_id));
    let held = legal_hold::Entity::find().filter(legal_hold::Column::Subject.eq(id));
    places.extend(operator.all(held).await?.into_iter().map(|row| row.tenant_id));
    let helped = help_grant::Entity::find().filter(help_grant::Column::AccountId.eq(id));
    places.extend(operator.all(helped).await?.into_iter().map(|row| row.tenant_id));
    let reviewed = review_item::Entity::find().filter(review_item::Column::AccountId.eq(id));
    places.extend(operator.all(reviewed).await?.into_iter().map(|row| row.tenant_id));
    Ok(places.intersection(&all).copied().map(TenantId).collect())
}

/// The organisations in which its people may belong besides. Those of the self-test belong to its own only, and nobody else to those.
async fn others(operator: &Operator, tenant: TenantId) -> Result<Vec<TenantId>, Refusal> {
    let running = organisation::Entity::find().filter(organisation::Column::PurgeBeganAtMs.is_null());
    let rows = operator.all(organisation::Entity::find_by_id(tenant.0)).await?;
    let tried = rows.first().is_some_and(|row| row.slug.starts_with(SLUG));
    let rows = operator.all(running.filter(organisation::Column::Id.ne(tenant.0))).await?;
    Ok(rows.into_iter().filter(|row| row.slug.starts_with(SLUG) == tried).map(|row| TenantId(row.id)).collect())
}

/// The members of an organisation who belong to no other, and are asked to join none. The self-test's own people are among them: it goes
/// through a purge, to see that they are.
pub(super) async fn only_in(operator: &Operator, tenant: TenantId) -> Result<Vec<Uuid>, Refusal> {
    let members = operator.view(tenant).await?.all(membership::Entity::find()).await?;
    let members: Vec<Uuid> = members.into_iter().map(|row| row.account_id).collect();
    let mut alone: BTreeMap<Uuid, String> = BTreeMap::new();
    for some in members.chunks(AT_ONCE) {
        let people = account::Entity::find()
            .filter(account::Column::Kind.is_in([PERSON_KIND, PROBE_KIND]))
            .filter(account::Column::Id.is_in(some.iter().copied()));
        alone.extend(operator.all(people).await?.into_iter().map(|row| (row.id, row.address_index)));
    }
    let others: Vec<Option<TenantId>> = if operator.store().rows_are_secured() {
        others(operator, tenant).await?.into_iter().map(Some).collect()
    } else {
        vec![None]
    };
    for other in others {
        let (ids, addresses): (Vec<Uuid>, Vec<String>) = alone.clone().into_iter().unzip();
        for (ids, addresses) in ids.chunks(AT_ONCE).zip(addresses.chunks(AT_ONCE)) {
            let belong = membership::Entity::find()
                .filter(membership::Column::TenantId.ne(tenant.0))
                .filter(membership::Column::AccountId.is_in(ids.iter().copied()));
            let asked = invitation::Entity::find()
                .filter(invitation::Column::TenantId.ne(tenant.0))
                .filter(invitation::Column::AddressIndex.is_in(addresses.iter().cloned()));
            let (belong, asked) = elsewhere(operator, other, belong, asked).await?;
            alone.retain(|id, index| !belong.contains(id) && !asked.contains(index));
        }
    }
    Ok(alone.into_keys().collect())
}

/// Who of them belongs somewhere, and which of the addresses is asked: in one organisation, or in all where one may look at all.
async fn elsewhere(
    operator: &Operator,
    other: Option<TenantId>,
    belong: Select<membership::Entity>,
    asked: Select<invitation::Entity>,
) -> Result<(BTreeSet<Uuid>, BTreeSet<String>), Refusal> {
    let (belong, asked) = match other {
        None => (operator.all(belong).await?, operator.all(asked).await?),
        Some(other) => {
            let view = operator.view(other).await?;
            (view.all(belong).await?, view.all(asked).await?)
        }
    };
    let belong = belong.into_iter().map(|row| row.account_id).collect();
    Ok((belong, asked.into_iter().map(|row| row.address_index).collect()))
}

/// Closes the accounts of people who belonged to nothing but what is being destroyed; the same round erases them. What is promised is about all
/// the data of a customer, and its people are some of it.
pub(super) async fn go_with(
    change: &AccountChange,
    alone: &[Uuid],
    closed_at_ms: i64,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    for some in alone.chunks(AT_ONCE) {
        let later =
            Condition::any().add(account::Column::DeleteAtMs.is_null()).add(account::Column::DeleteAtMs.gt(to_ms(now)));
        let set = account::Entity::update_many()
            .col_expr(account::Column::DisabledAtMs, Expr::value(Some(to_ms(now))))
            .col_expr(account::Column::DeleteAskedAtMs, Expr::value(Some(closed_at_ms)))
            .col_expr(account::Column::DeleteAtMs, Expr::value(Some(to_ms(now))))
            .filter(account::Column::Id.is_in(some.iter().copied()))
            .filter(later);
        change.update(set).await?;
    }
    Ok(())
}
