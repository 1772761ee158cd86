//! Resetting a member's second factor: needs the right, a living subscription, and the actor's own factor, given lately. The member is told
//! and has to set one up again.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::{members, names, roles};
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{account, backup_code, session, token, totp};
use crate::guard::{AccountId, Allowed, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::{Letter, queue};

/// Takes a member's second factor away; they are signed out and must set up another at the next sign-in.
///
/// # Errors
/// [`Refusal::Field`] when there is no such member, their role may more than the actor's, or no reason is given; [`Refusal::Conflict`] when
/// they have no second factor, or are the actor.
pub async fn member_mfa(
    actor: &Allowed<rights::MfaReset>,
    accounts: &Accounts,
    member: &str,
    reason: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let reason = members::short("reason", reason)?;
    let change = actor.begin(accounts, origin).await?;
    let row = members::named(&change, "member", member).await?;
    let person = AccountId(row.account_id);
    if person == actor.account {
        return Err(Refusal::Conflict("Your own second factor you replace on the page of your account.".into()));
    }
    roles::within_reach_of(&change, &accounts.profile, actor.here(), &row.role).await?;
    let rows = change.unscoped("the factor and sessions of a member, which are the person's");
    if rows.delete(totp::Entity::delete_many().filter(totp::Column::AccountId.eq(person.0))).await? == 0 {
        return Err(Refusal::Conflict("This member has no second factor to reset.".into()));
    }
    rows.delete(backup_code::Entity::delete_many().filter(backup_code::Column::AccountId.eq(person.0))).await?;
    let ended = rows.delete(session::Entity::delete_many().filter(session::Column::AccountId.eq(person.0))).await?;
    rows.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(person.0))).await?;
    let set = account::Entity::update_many()
        .col_expr(account::Column::FactorChangedAtMs, Expr::value(to_ms(now)))
        .col_expr(account::Column::MustEnrol, Expr::value(1))
        .filter(account::Column::Id.eq(person.0));
    rows.update(set).await?;
    let target = rows.one(account::Entity::find_by_id(person.0)).await?;
    if let Some(target) = target {
        let letter = Letter::FactorReset { organisation: names::of_organisation(accounts, actor.here()) };
        queue::put(rows, accounts, &names::open(accounts, &target).address, &letter, now).await?;
    }
    let event = Event::of(Action::MfaReset, person.0).with("reason", reason).with("sessions", ended.to_string());
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}
