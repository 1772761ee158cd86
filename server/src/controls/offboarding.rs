//! The end of somebody's access: whole, at once, and in time.

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime, Time, Weekday};

use super::mfa::LookError;
use super::walk::Walk;
use super::{Instance, Seen, cast};
use crate::business;
use crate::clock::to_ms;
use crate::entity::{departure, membership, reach, session, token};
use crate::guard::TenantId;
use crate::identity::stand_in::{As, Someone, StandIn};
use crate::organisations::leaving::LATE_AFTER;

pub async fn removes(instance: &Instance) -> Result<Seen, LookError> {
    let Some(manager) = cast::with(&instance.profile, Permission::MembersManage) else {
        return Ok(cast::nobody(Permission::MembersManage, true));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, manager, As::SteppedUp, now).await?;
    let seen = offboarded(instance, &mut house, manager).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn offboarded(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let leaver = house.join(role, As::SteppedUp, now).await?;
    let unit = house.unit("Probe", now).await?;
    house.narrow(leaver.account, unit).await?;
    let found = rows_of(instance, house, &leaver).await?;
    let mut walk = Walk::begin(instance).await?;
    let before = walk.get(leaver.session, "/account").await?.status.as_u16();
    let form = walk.form(house.session).await?;
    let member = leaver.account.0.to_string();
    let path = format!("/api/o/{}/offboard-member", house.slug());
    let done = walk.send(&form, &path, &[("member", &member)]).await?.status.as_u16();
    let after = walk.get(leaver.session, "/account").await?.status.as_u16();
    let left = rows_of(instance, house, &leaver).await?;
    Ok(match (before, done, after, left) {
        (200, 200, 401, 0) => Seen::Upheld(format!(
            "A member's session opened a page; after one act of a manager it was answered 401 at its next request, and of {found} rows of membership, reach, sessions and links 0 were left."
        )),
        _ => Seen::Failing(format!(
            "A member's session was answered {before}; ending the access was answered {done}; the next request was answered {after}, and {left} of {found} rows were left."
        )),
    })
}

/// Everything that lets somebody in.
async fn rows_of(instance: &Instance, house: &StandIn, person: &Someone) -> Result<u64, LookError> {
    let (account, operator) = (person.account.0, &instance.operator);
    let view = operator.view(house.tenant()).await?;
    let here = view.count(membership::Entity::find().filter(membership::Column::AccountId.eq(account))).await?
        + view.count(reach::Entity::find().filter(reach::Column::AccountId.eq(account))).await?;
    let sessions = operator.all(session::Entity::find().filter(session::Column::AccountId.eq(account))).await?.len();
    let links = operator.all(token::Entity::find().filter(token::Column::AccountId.eq(account))).await?.len();
    Ok(here + (sessions + links) as u64)
}

pub async fn on_time(instance: &Instance) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    let (mut planned, mut late) = (0, 0);
    let organisations = instance.operator.organisations().await?;
    for row in &organisations {
        let waiting = departure::Entity::find().filter(departure::Column::DoneAtMs.is_null());
        let overdue = waiting.clone().filter(departure::Column::AtMs.lt(to_ms(now - LATE_AFTER)));
        let view = instance.operator.view(TenantId(row.id)).await?;
        planned += view.count(waiting).await?;
        late += view.count(overdue).await?;
    }
    if late > 0 {
        return Ok(Seen::Failing(format!(
            "{late} of {planned} planned ends of access have been due for more than {} minutes.",
            LATE_AFTER.whole_minutes()
        )));
    }
    let policy = &instance.profile.policy;
    if policy.clocks.offboarding_hours.is_none() && policy.clocks.offboarding_business_hours.is_none() {
        return Ok(Seen::Unavailable(format!("This profile promises no time; 0 of {planned} planned ends are late.")));
    }
    Ok(friday(instance, now).map_or_else(
        || Seen::Failing("When somebody who leaves on a Friday evening has to be out is later than promised.".into()),
        |rule| {
            Seen::Upheld(format!(
                "In {} organisations 0 of {planned} planned ends of access are late; for somebody who leaves on a Friday evening the time is {rule}.",
                organisations.len()
            ))
        },
    ))
}

/// The rule that counts from a Friday evening, if it is no later than any that is promised.
fn friday(instance: &Instance, now: OffsetDateTime) -> Option<String> {
    let policy = &instance.profile.policy;
    let evening = evening(&policy.calendar.time_zone, now)?;
    let due = business::offboarding_due(&policy.clocks, &policy.calendar, evening)?;
    let plain = policy.clocks.offboarding_hours.map(|hours| evening + Duration::hours(hours.get().into()));
    let business = policy
        .clocks
        .offboarding_business_hours
        .map(|hours| business::after_business_hours(&policy.calendar, evening, hours.get()));
    let strictest = plain.into_iter().chain(business).min();
    (strictest == Some(due.at)).then_some(due.rule)
}

/// Eight in the evening of the next Friday, where the profile's office is.
fn evening(zone: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let zone = jiff::tz::TimeZone::get(zone).ok()?;
    let day = now.replace_time(Time::MIDNIGHT).date().next_occurrence(Weekday::Friday);
    let date = jiff::civil::Date::new(
        i16::try_from(day.year()).ok()?,
        i8::try_from(u8::from(day.month())).ok()?,
        i8::try_from(day.day()).ok()?,
    );
    let evening = date.ok()?.at(20, 0, 0, 0).to_zoned(zone).ok()?;
    OffsetDateTime::from_unix_timestamp(evening.timestamp().as_second()).ok()
}
