//! What happens at the door stands in the log of every organisation that the person belongs to: their administrators answer for them.

use time::OffsetDateTime;

use crate::audit::log::{Action, Event};
use crate::guard::{Actor, Caller, Person, Visitor};
use crate::identity::{Accounts, Origin, Refusal};

/// Somebody got all the way in, gave a wrong code, or changed their second factor.
///
/// # Errors
/// When the database does not answer.
pub async fn organisations(
    visitor: &Visitor,
    accounts: &Accounts,
    person: &Person,
    action: Action,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if person.is_probe {
        return Ok(());
    }
    let subject = person.account.0;
    let refused = matches!(action, Action::FactorRefused | Action::AccessDenied);
    let event = if refused { Event::refused(action, subject) } else { Event::of(action, subject) };
    for belonging in &person.belongs {
        let actor = if person.is_operator { Actor::Operator(person.account) } else { Actor::Person(person.account) };
        let sealer = accounts.sealer_of(belonging.tenant, person, origin).await?;
        visitor.note(visitor.entering(belonging.tenant, actor, sealer), &event, now).await?;
    }
    Ok(())
}

/// Something that a member's role does not permit was asked for, and refused.
///
/// # Errors
/// When the database does not answer.
pub async fn denied(
    visitor: &Visitor,
    accounts: &Accounts,
    caller: &Caller,
    slug: &str,
    what: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let person = caller.person();
    let Some(belonging) = person.belongs.iter().find(|belonging| belonging.slug == slug && !person.is_probe) else {
        return Ok(());
    };
    let sealer = accounts.sealer_of(belonging.tenant, person, origin).await?;
    let event = Event::refused(Action::AccessDenied, person.account.0).with("what", what);
    let actor = if person.is_operator { Actor::Operator(person.account) } else { Actor::Person(person.account) };
    Ok(visitor.note(visitor.entering(belonging.tenant, actor, sealer), &event, now).await?)
}

/// One of the vendor's staff asked for an organisation that has not let them in: there is nothing there for them, and it is told.
///
/// # Errors
/// When the database does not answer.
pub async fn operator_refused(
    visitor: &Visitor,
    accounts: &Accounts,
    caller: &Caller,
    slug: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let person = caller.person();
    if !person.is_operator {
        return Ok(());
    }
    let Some(tenant) = visitor.tenant_of(slug).await? else { return Ok(()) };
    let sealer = accounts.sealer_of(tenant, person, origin).await?;
    let event = Event::refused(Action::OperatorRefused, person.account.0);
    Ok(visitor.note(visitor.entering(tenant, Actor::Operator(person.account), sealer), &event, now).await?)
}
