//! How far a member gets: to everything, or to some units and some named records only.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{members, roles, unknown};
use crate::audit::log::{Action, Event};
use crate::entity::{membership, reach, record, unit};
use crate::guard::{Allowed, Belonging, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// Nobody who reaches only some gives reach, to others or to themselves.
pub(crate) fn reaches_everything(giver: &Belonging) -> Result<(), Refusal> {
    if giver.reaches_all {
        return Ok(());
    }
    Err(Refusal::Conflict(
        "You reach only some records yourself. Somebody who reaches everything has to do this.".into(),
    ))
}

/// Lets a member to one unit or one record only, or with neither to everything again.
///
/// # Errors
/// [`Refusal::Field`] on what does not exist here.
pub async fn grant_reach(
    manager: &Allowed<rights::UnitsManage>,
    accounts: &Accounts,
    member: &str,
    target: (Option<&str>, Option<&str>),
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let record = match target.1 {
        Some(text) => Some(there(manager, text).await?),
        None => None,
    };
    let change = manager.begin(accounts, origin).await?;
    let row = members::named(&change, "member", member).await?;
    reaches_everything(manager.here())?;
    roles::within_reach_of(&change, &accounts.profile, manager.here(), &row.role).await?;
    let (kind, target) = match (target.0, record) {
        (Some(unit), None) => {
            let id = super::id("unit", unit)?;
            let there = change.one(unit::Entity::find().filter(unit::Column::Id.eq(id))).await?;
            ("unit", there.ok_or_else(|| unknown("unit"))?.id)
        }
        (None, Some(record)) => ("record", record),
        (None, None) => ("all", Uuid::nil()),
        (Some(_), Some(_)) => return Err(Refusal::Field("record", "name a unit or a record, not both".into())),
    };
    let scope = if kind == "all" { "all" } else { "some" };
    let set = membership::Entity::update_many()
        .col_expr(membership::Column::Scope, Expr::value(scope))
        .filter(membership::Column::AccountId.eq(row.account_id));
    change.update(set).await?;
    if kind == "all" {
        change.delete(reach::Entity::delete_many().filter(reach::Column::AccountId.eq(row.account_id))).await?;
    } else {
        let keys = [reach::Column::TenantId, reach::Column::AccountId, reach::Column::Kind, reach::Column::Target];
        let nothing = OnConflict::columns(keys).do_nothing().to_owned();
        change.upsert(super::units::reaches(row.account_id, (kind, target), manager.account.0, now), nothing).await?;
    }
    let event = Event::of(Action::ReachGranted, row.account_id).with("to", kind).with("target", target.to_string());
    Ok(change.commit(&event, now).await?)
}

/// A record of this organisation, which may lie in a database of its own.
async fn there(manager: &Allowed<rights::UnitsManage>, text: &str) -> Result<Uuid, Refusal> {
    let row = record::Entity::find().filter(record::Column::Id.eq(super::id("record", text)?));
    Ok(manager.read().await?.one(row).await?.ok_or_else(|| unknown("record"))?.id)
}

/// Takes a unit or a record out of a member's reach.
///
/// # Errors
/// [`Refusal::Field`] when it was not in it.
pub async fn withdraw_reach(
    manager: &Allowed<rights::UnitsManage>,
    accounts: &Accounts,
    member: &str,
    target: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = manager.begin(accounts, origin).await?;
    let row = members::named(&change, "member", member).await?;
    reaches_everything(manager.here())?;
    roles::within_reach_of(&change, &accounts.profile, manager.here(), &row.role).await?;
    let target = super::id("target", target)?;
    let rows = reach::Entity::delete_many()
        .filter(reach::Column::AccountId.eq(row.account_id))
        .filter(reach::Column::Target.eq(target));
    if change.delete(rows).await? == 0 {
        return Err(unknown("target"));
    }
    let event = Event::of(Action::ReachWithdrawn, row.account_id).with("target", target.to_string());
    Ok(change.commit(&event, now).await?)
}
