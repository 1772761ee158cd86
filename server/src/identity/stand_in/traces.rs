//! That nothing of the self-test stays.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::SLUG;
use crate::audit::heads;
use crate::clock::to_ms;
use crate::entity::{account, data_key, organisation};
use crate::guard::{AccountChange, Actor, Operator, PROBE_KIND, PROBE_STAFF_KIND, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::policy::Isolation;
use crate::registers;
use crate::vault::owner_of;

/// Longer than any look lasts, of whatever instance.
const LEFT_BEHIND: Duration = Duration::minutes(1);

/// Of a look of this process that was cut short it is known: only what a server goes on making by itself, a database, has to have come to its end.
const CUT_SHORT: Duration = Duration::seconds(15);

/// What looks of this process hold. However the clock is set meanwhile, it is not left behind.
static HELD: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());

/// Organisations of looks of this process that did not come to their end.
static LEFT: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());

/// One clears at a time: looks begin together, and each of them would drop the same databases while its time runs.
static CLEARING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// As long as this lives, what has the id is kept.
#[derive(Debug)]
pub(super) struct Held {
    id: Uuid,
    /// What is left when this goes without having been told that nothing is.
    leaves: bool,
}

impl Held {
    pub(super) fn person(id: Uuid) -> Self {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        Self { id, leaves: false }
    }

    pub(super) fn organisation(id: Uuid) -> Self {
        let mut held = Self::person(id);
        held.leaves = true;
        held
    }

    /// It is gone.
    pub(super) fn let_go(&mut self) {
        self.leaves = false;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if self.leaves {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id);
        }
    }
}

fn held() -> BTreeSet<Uuid> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Records and the log are no part of what goes with the organisation's row: they go with its database, or one by one, the log through a
/// signed head.
pub(super) async fn erase_kept(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    accounts.blobs.remove_below(&tenant.0.to_string()).await?;
    match operator.store().mode() {
        Isolation::Dedicated => Ok(operator.remove_own(tenant).await?),
        Isolation::Scoped | Isolation::RowLevel => {
            let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
            let change = operator.begin_kept(tenant, Actor::System, sealer).await?;
            registers::erase(&change).await?;
            change.commit_housekeeping().await?;
            heads::erase(operator, &accounts.vault, tenant, now).await
        }
    }
}

pub(super) async fn erase_rows(change: &AccountChange, tenant: TenantId) -> Result<(), Refusal> {
    let key = data_key::Column::Owner.eq(owner_of(tenant));
    change.delete(data_key::Entity::delete_many().filter(key)).await?;
    change.delete(organisation::Entity::delete_many().filter(organisation::Column::Id.eq(tenant.0))).await?;
    Ok(())
}

/// What a look left behind that was cut short. One from the future was made while the clock was wrong.
pub(crate) async fn clear_organisations(
    operator: &Operator,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Ok(_alone) = CLEARING.try_lock() else { return Ok(()) };
    let cut_short = LEFT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let cut_short =
        organisation::Column::Id.is_in(cut_short).and(organisation::Column::CreatedAtMs.lt(to_ms(now - CUT_SHORT)));
    let (before, after) = (to_ms(now - LEFT_BEHIND), to_ms(now + LEFT_BEHIND));
    let left = organisation::Entity::find()
        .filter(organisation::Column::Slug.starts_with(SLUG))
        .filter(
            organisation::Column::CreatedAtMs.lt(before).or(organisation::Column::CreatedAtMs.gt(after)).or(cut_short),
        )
        .filter(organisation::Column::Id.is_not_in(held()));
    for row in operator.all(left).await? {
        // One that cannot be cleared is told and does not stop the looks.
        if let Err(cause) = clear(operator, accounts, TenantId(row.id), now).await {
            tracing::warn!(organisation = %row.id, %cause, "what an earlier look left behind could not be cleared");
        } else {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).remove(&row.id);
        }
    }
    Ok(())
}

/// Takes away what there is of an organisation.
pub(crate) async fn clear(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    erase_kept(operator, accounts, tenant, now).await?;
    let change = operator.begin_account().await?;
    erase_rows(&change, tenant).await?;
    Ok(change.commit_housekeeping().await?)
}

pub(super) async fn clear_people(change: &AccountChange, now: OffsetDateTime) -> Result<(), Refusal> {
    let (before, after) = (to_ms(now - LEFT_BEHIND), to_ms(now + LEFT_BEHIND));
    let left = account::Entity::delete_many()
        .filter(account::Column::Kind.is_in([PROBE_KIND, PROBE_STAFF_KIND]))
        .filter(account::Column::CreatedAtMs.lt(before).or(account::Column::CreatedAtMs.gt(after)))
        .filter(account::Column::Id.is_not_in(held()));
    change.delete(left).await?;
    Ok(())
}
