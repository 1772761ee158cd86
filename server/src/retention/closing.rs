//! The end of a subscription: everything is hidden at once, and destroyed when the profile's window is over, unless it is restored before.

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::unguessable;
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, rfc3339, to_ms};
use crate::entity::organisation;
use crate::guard::{Allowed, Change, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::Letter;
use crate::organisations::standing;

/// What a restore goes back to.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    pub(crate) standing: String,
    pub(crate) until_ms: Option<i64>,
}

/// When it is destroyed, and where the proof will be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) purge_at: Option<OffsetDateTime>,
    pub(crate) certificate: Uuid,
}

impl Closing {
    /// `None` where the profile promises no time.
    pub(crate) fn letter(self, accounts: &Accounts, row: &organisation::Model) -> Letter {
        Letter::Closed {
            organisation: standing::name(accounts, row),
            until: self.purge_at,
            page: standing::billing_page(accounts, row),
            proof: accounts.link(&format!("/certificates/{}", self.certificate)),
        }
    }

    pub(crate) fn event(self, id: Uuid) -> Event {
        let event = Event::of(Action::SubscriptionCancelled, id).with("certificate", self.certificate.to_string());
        match self.purge_at {
            Some(at) => event.with("destroyed-at", rfc3339(at)),
            None => event,
        }
    }
}

/// Hides the organisation and starts its clock, inside the change that ends its subscription.
pub(crate) async fn close(
    change: &Change,
    accounts: &Accounts,
    row: &organisation::Model,
    before: Before,
    now: OffsetDateTime,
) -> Result<Closing, Refusal> {
    let days = accounts.profile.policy.retention.purge_days;
    let purge_at = days.map(|days| now + Duration::days(days.get().into()));
    let certificate = unguessable()?;
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::Standing, Expr::value(Standing::Cancelled.word()))
        .col_expr(organisation::Column::StandingSinceMs, Expr::value(to_ms(now)))
        .col_expr(organisation::Column::StandingUntilMs, Expr::value(None::<i64>))
        .col_expr(organisation::Column::ClosedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(organisation::Column::PurgeAtMs, Expr::value(purge_at.map(to_ms)))
        .col_expr(organisation::Column::CertificateId, Expr::value(Some(certificate)))
        .col_expr(organisation::Column::StandingBefore, Expr::value(Some(before.standing)))
        .col_expr(organisation::Column::StandingBeforeUntilMs, Expr::value(before.until_ms))
        .filter(organisation::Column::Id.eq(row.id))
        .filter(organisation::Column::ClosedAtMs.is_null());
    if change.unscoped("the organisation's own row").update(set).await? != 1 {
        return Err(Refusal::Conflict("The subscription is cancelled already.".into()));
    }
    Ok(Closing { purge_at, certificate })
}

/// Brings it back as it was, inside a change of its standing.
pub(crate) async fn reopen(
    change: &Change,
    row: &organisation::Model,
    to: &Before,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::Standing, Expr::value(to.standing.as_str()))
        .col_expr(organisation::Column::StandingSinceMs, Expr::value(to_ms(now)))
        .col_expr(organisation::Column::StandingUntilMs, Expr::value(to.until_ms))
        .col_expr(organisation::Column::ClosedAtMs, Expr::value(None::<i64>))
        .col_expr(organisation::Column::PurgeAtMs, Expr::value(None::<i64>))
        .col_expr(organisation::Column::CertificateId, Expr::value(None::<Uuid>))
        .col_expr(organisation::Column::StandingBefore, Expr::value(None::<String>))
        .col_expr(organisation::Column::StandingBeforeUntilMs, Expr::value(None::<i64>))
        .filter(organisation::Column::Id.eq(row.id))
        .filter(organisation::Column::ClosedAtMs.is_not_null())
        .filter(organisation::Column::ReducedAtMs.is_null())
        .filter(organisation::Column::PurgeBeganAtMs.is_null());
    refuse_reduced(row)?;
    if change.unscoped("the organisation's own row").update(set).await? != 1 {
        return Err(Refusal::Conflict("It is too late: what was kept here is being destroyed.".into()));
    }
    Ok(())
}

fn refuse_reduced(row: &organisation::Model) -> Result<(), Refusal> {
    let Some(at) = row.reduced_at_ms else { return Ok(()) };
    let day = from_ms(at).date();
    Err(Refusal::Conflict(format!(
        "It is too late: on {day} everything was destroyed but the records that a legal hold keeps."
    )))
}

async fn held(change: &Change) -> Result<organisation::Model, Refusal> {
    let own = organisation::Entity::find_by_id(change.tenant().0);
    let row = change.unscoped("the organisation's own row, held").one_held(own).await?;
    row.ok_or_else(|| Refusal::Conflict("There is no such organisation any more.".into()))
}

/// Cancels the subscription: from the next request on nobody sees anything, and the clock of the profile runs.
///
/// # Errors
/// [`Refusal::Conflict`] when it is cancelled already, or whoever asks is only here to help.
pub async fn cancel(
    owner: &Allowed<rights::BillingManage>,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if owner.here().is_help {
        return Err(Refusal::Conflict("Whoever helps does not cancel a subscription.".into()));
    }
    let change = owner.begin(accounts, origin).await?;
    let row = held(&change).await?;
    let before = Before { standing: row.standing.clone(), until_ms: row.standing_until_ms };
    let closing = close(&change, accounts, &row, before, now).await?;
    standing::write_to_administrators(&change, accounts, &closing.letter(accounts, &row), now).await?;
    change.commit(&closing.event(row.id), now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Brings a cancelled organisation back, complete: where it stood when a member cancelled it; lapsed, when the vendor did.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not cancelled, or its time is over.
pub async fn restore(
    owner: &Allowed<rights::BillingManage>,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = owner.begin(accounts, origin).await?;
    let row = held(&change).await?;
    if row.closed_at_ms.is_none() {
        return Err(Refusal::Conflict("The subscription is not cancelled, so there is nothing to restore.".into()));
    }
    refuse_reduced(&row)?;
    if row.purge_at_ms.is_some_and(|at| from_ms(at) <= now) {
        return Err(Refusal::Conflict("It is too late: the time in which it could be restored is over.".into()));
    }
    let standing = row.standing_before.clone().unwrap_or_else(|| Standing::Lapsed.word().to_owned());
    let to = Before { standing, until_ms: row.standing_before_until_ms };
    reopen(&change, &row, &to, now).await?;
    let letter = Letter::Reopened {
        organisation: standing::name(accounts, &row),
        page: accounts.link(&format!("/o/{}", row.slug)),
    };
    standing::write_to_administrators(&change, accounts, &letter, now).await?;
    let event = Event::of(Action::OrganisationRestored, row.id).with("standing", to.standing);
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}
