//! Handing an organisation over, and its name.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::{members, name_place, roles};
use crate::audit::log::{Action, Event};
use crate::entity::organisation;
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// Gives somebody one's own role and takes another oneself.
///
/// # Errors
/// [`Refusal::Field`] when there is no such member or role, or the member may more than whoever hands over.
pub async fn transfer(
    owner: &Allowed<rights::OrganisationManage>,
    accounts: &Accounts,
    member: &str,
    own_role: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = owner.begin(accounts, origin).await?;
    let row = members::named(&change, "member", member).await?;
    if row.account_id == owner.account.0 || row.kind == "help" || owner.here().is_help {
        return Err(Refusal::Field("member", "choose another member to hand it over to".into()));
    }
    roles::within_reach_of(&change, &accounts.profile, owner.here(), &row.role).await?;
    roles::within_reach(&change, &accounts.profile, owner.here(), own_role).await?;
    members::set_role(&change, row.account_id, &owner.here().role, (owner.account.0, now)).await?;
    members::set_role(&change, owner.account.0, own_role, (owner.account.0, now)).await?;
    let event = Event::of(Action::OwnershipTransferred, row.account_id)
        .with("role", &owner.here().role)
        .with("own-role", own_role);
    Ok(change.commit(&event, now).await?)
}

/// Renames the organisation; its address stays.
///
/// # Errors
/// [`Refusal::Field`] on `name` when it does not fit.
pub async fn rename(
    owner: &Allowed<rights::OrganisationManage>,
    accounts: &Accounts,
    name: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let name = members::short("name", name)?;
    let tenant = owner.here().tenant;
    let sealed = accounts.vault.seal(&name_place(tenant), name.as_bytes())?;
    let change = owner.begin(accounts, origin).await?;
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::Name, Expr::value(sealed))
        .filter(organisation::Column::Id.eq(tenant.0));
    change.unscoped("the organisation's own row").update(set).await?;
    Ok(change.commit(&Event::of(Action::OrganisationRenamed, tenant.0).with("name", name), now).await?)
}
