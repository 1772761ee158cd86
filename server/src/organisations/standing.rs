//! Where a subscription stands: set by hand until a payment provider is connected, and by the clock when a trial or the days of grace run out.
//! Administrators are written to before each step.

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::{names, roles};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, membership, organisation};
use crate::guard::{Actor, Change, Operator, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::{Letter, queue};
use crate::retention::closing::{self, Before};

/// Days before the end of a trial or of the grace on which administrators are written to.
pub const REMINDERS: &[i64] = &[7, 3, 1];

/// Sets the standing of the organisation with this slug.
///
/// # Errors
/// [`Refusal::Field`] on `organisation` when there is none.
pub async fn set(
    operator: &Operator,
    accounts: &Accounts,
    slug: &str,
    to: Standing,
    now: OffsetDateTime,
) -> Result<Standing, Refusal> {
    let rows = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug));
    let row = operator.all(rows).await?.into_iter().next();
    let row = row.ok_or_else(|| Refusal::Field("organisation", format!("there is no organisation \"{slug}\"")))?;
    let before = Standing::parse(&row.standing).unwrap_or(Standing::Lapsed);
    change_to(operator, accounts, &row, to, "set by the vendor", now).await?;
    Ok(before)
}

async fn change_to(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    to: Standing,
    why: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let policy = &accounts.profile.policy.billing;
    let days = match to {
        Standing::Trialing => policy.trial_days,
        Standing::PastDue => policy.grace_days,
        Standing::Active | Standing::Lapsed | Standing::Cancelled => None,
    };
    let until = days.map(|days| to_ms(now + Duration::days(days.get().into())));
    let tenant = TenantId(row.id);
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let event =
        Event::of(Action::StandingChanged, row.id).with("from", &row.standing).with("to", to.word()).with("why", why);
    if let Some(letter) = closing_or_reopening(&change, accounts, row, to, until, now).await? {
        write_to_administrators(&change, accounts, &letter, now).await?;
        change.commit(&event, now).await?;
        accounts.bell.notify_one();
        return Ok(());
    }
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::Standing, Expr::value(to.word()))
        .col_expr(organisation::Column::StandingSinceMs, Expr::value(to_ms(now)))
        .col_expr(organisation::Column::StandingUntilMs, Expr::value(until))
        .col_expr(organisation::Column::Reminded, Expr::value(0))
        .filter(organisation::Column::Id.eq(row.id))
        .filter(organisation::Column::Standing.eq(&row.standing))
        .filter(organisation::Column::StandingSinceMs.eq(row.standing_since_ms));
    if change.unscoped("the organisation's own row").update(set).await? != 1 {
        return Err(Refusal::Conflict("The standing was changed meanwhile. Look again.".into()));
    }
    if !to.permits(contract::permission::Effect::Change) {
        let letter = Letter::Lapsed { organisation: name(accounts, row), page: billing_page(accounts, row) };
        write_to_administrators(&change, accounts, &letter, now).await?;
    }
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// A subscription that ends hides everything and starts the clock of the purge; any other standing stops it. `None`: it is about neither.
async fn closing_or_reopening(
    change: &Change,
    accounts: &Accounts,
    row: &organisation::Model,
    to: Standing,
    until_ms: Option<i64>,
    now: OffsetDateTime,
) -> Result<Option<Letter>, Refusal> {
    match (to, row.closed_at_ms) {
        (Standing::Cancelled, None) => {
            // The vendor ended it: whoever restores it can read and take along, and pays before going on.
            let before = Before { standing: Standing::Lapsed.word().to_owned(), until_ms: None };
            let closing = closing::close(change, accounts, row, before, now).await?;
            change.also(&closing.event(row.id), now).await?;
            Ok(Some(closing.letter(accounts, row)))
        }
        (Standing::Cancelled, Some(_)) => Err(Refusal::Conflict("It is cancelled already, and its clock runs.".into())),
        (Standing::Trialing | Standing::Active | Standing::PastDue | Standing::Lapsed, Some(_)) => {
            let to = Before { standing: to.word().to_owned(), until_ms };
            closing::reopen(change, row, &to, now).await?;
            let restored = Event::of(Action::OrganisationRestored, row.id).with("standing", to.standing);
            change.also(&restored, now).await?;
            let page = accounts.link(&format!("/o/{}", row.slug));
            Ok(Some(Letter::Reopened { organisation: name(accounts, row), page }))
        }
        (Standing::Trialing | Standing::Active | Standing::PastDue | Standing::Lapsed, None) => Ok(None),
    }
}

pub(crate) fn name(accounts: &Accounts, row: &organisation::Model) -> String {
    let place = super::name_place(TenantId(row.id));
    accounts
        .vault
        .open_sealed(&place, &row.name)
        .map_or_else(|_| row.slug.clone(), |plain| String::from_utf8_lossy(&plain).into_owned())
}

pub(crate) fn billing_page(accounts: &Accounts, row: &organisation::Model) -> String {
    accounts.link(&format!("/o/{}/billing", row.slug))
}

pub(crate) async fn write_to_administrators(
    change: &Change,
    accounts: &Accounts,
    letter: &Letter,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let paying = roles::with(change, &accounts.profile, Permission::BillingManage).await?;
    let members = membership::Entity::find()
        .filter(membership::Column::Role.is_in(paying))
        .filter(membership::Column::Kind.eq("member"));
    let ids: Vec<_> = change.all(members).await?.into_iter().map(|row| row.account_id).collect();
    let rows = change.unscoped("letters to the organisation's administrators");
    for person in rows.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await? {
        queue::put(rows, accounts, &names::open(accounts, &person).address, letter, now).await?;
    }
    Ok(())
}

/// What the clock does to one organisation: reminds, and lets a trial or a grace that is over lapse. Whether it did anything.
pub(crate) async fn by_the_clock(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let standing = Standing::parse(&row.standing).unwrap_or(Standing::Lapsed);
    let Some(until) = row.standing_until_ms.map(from_ms).filter(|_| standing.runs_out()) else { return Ok(false) };
    if until <= now {
        change_to(operator, accounts, row, Standing::Lapsed, "its time was over", now).await?;
        return Ok(true);
    }
    let due = REMINDERS.iter().filter(|days| until - now <= Duration::days(**days)).count();
    let due = i32::try_from(due).unwrap_or(0);
    if due <= row.reminded {
        return Ok(false);
    }
    let tenant = TenantId(row.id);
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let set = organisation::Entity::update_many()
        .col_expr(organisation::Column::Reminded, Expr::value(due))
        .filter(organisation::Column::Id.eq(row.id))
        .filter(organisation::Column::Reminded.eq(row.reminded));
    // Of two instances, one writes.
    if change.unscoped("the organisation's own row").update(set).await? == 1 {
        let letter = Letter::RunsOut {
            organisation: name(accounts, row),
            trial: standing == Standing::Trialing,
            until,
            page: billing_page(accounts, row),
        };
        write_to_administrators(&change, accounts, &letter, now).await?;
        change.commit_housekeeping().await?;
        accounts.bell.notify_one();
    }
    Ok(true)
}
