//! The vendor's staff: few seats, and every look in both logs.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::mfa::LookError;
use super::{Instance, Seen, cast};
use crate::audit;
use crate::audit::log::Action;
use crate::clock::from_ms;
use crate::entity::{entry, organisation, platform_entry};
use crate::guard::{Barred, Staff, TenantId};
use crate::identity::stand_in::{As, Someone, StandIn};
use crate::identity::{Origin, Refusal};
use crate::operators::{self, note_here, note_there};

pub async fn cap(instance: &Instance) -> Result<Seen, LookError> {
    let seats = operators::seats(&instance.operator, &instance.accounts).await?;
    let Some(most) = seats.most else {
        return Ok(Seen::Unavailable(format!("This profile does not number its seats; {} are taken.", seats.taken)));
    };
    if seats.taken > most {
        return Ok(Seen::Failing(format!("{} people of the vendor hold access; the cap is {most}.", seats.taken)));
    }
    let refused = operators::one_too_many_is_refused(&instance.operator, &instance.accounts, instance.clock.now());
    Ok(match refused.await? {
        Some(true) => Seen::Upheld(format!(
            "{} of {most} seats are taken; with all of them taken, in a change that was dropped, one more was refused.",
            seats.taken
        )),
        Some(false) | None => Seen::Failing(format!("More than {most} seats can be taken.")),
    })
}

/// How many of the newest looks are looked up in the logs of the organisations that they were at.
const LOOKED_UP: u64 = 100;

pub async fn audited(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let person = match Someone::of_staff(&instance.operator, &instance.accounts, now).await {
        Ok(person) => person,
        Err(refusal) => {
            house.remove(&instance.operator).await?;
            return Err(refusal.into());
        }
    };
    let seen = looked(instance, &mut house, &person, now).await;
    person.remove(&instance.operator).await?;
    house.remove(&instance.operator).await?;
    seen
}

async fn looked(
    instance: &Instance,
    house: &mut StandIn,
    person: &Someone,
    now: OffsetDateTime,
) -> Result<Seen, LookError> {
    house.settle().await?;
    let hash = person.session.hash();
    let caller = instance.operator.visitor().caller(&instance.profile, &hash, now).await?.ok_or(Refusal::SignedOut)?;
    let staff = caller.staff().map_err(|barred: Barred| Refusal::Conflict(format!("{barred:?}")))?;
    note_there(&staff, &instance.accounts, house.tenant(), &Origin::of_program(), now).await?;
    if !stands(instance, house.tenant(), person.account.0, None).await? {
        return Ok(Seen::Failing("A look of the vendor's staff is not in the organisation's log.".into()));
    }
    if !is_written_here(&staff, house.tenant(), now).await? {
        return Ok(Seen::Failing("A look of the vendor's staff is not in the platform's log.".into()));
    }
    let (found, missing) = newest(instance, now).await?;
    Ok(if missing == 0 {
        Seen::Upheld(format!(
            "A look at an organisation was written into its log and into the platform's; the newest {found} looks of the staff stand in both."
        ))
    } else {
        Seen::Failing(format!(
            "{missing} looks of the staff stand in the platform's log and not in the organisation's."
        ))
    })
}

async fn stands(instance: &Instance, tenant: TenantId, operator: Uuid, at_ms: Option<i64>) -> Result<bool, LookError> {
    let mut rows = entry::Entity::find()
        .filter(entry::Column::Action.eq(Action::OperatorLooked.word()))
        .filter(entry::Column::ActorKind.eq("operator"))
        .filter(entry::Column::Actor.eq(operator));
    if let Some(at_ms) = at_ms {
        rows = rows.filter(entry::Column::AtMs.eq(at_ms));
    }
    Ok(instance.operator.view(tenant).await?.count(rows).await? > 0)
}

/// In a change that is dropped: what is once in the platform's log stays there.
async fn is_written_here(staff: &Staff, tenant: TenantId, now: OffsetDateTime) -> Result<bool, LookError> {
    let (change, event) = (staff.begin_platform().await?, note_here(staff, tenant));
    audit::append(&change, staff.operator().name(), &event, now).await?;
    let newest = change.one(platform_entry::Entity::find().order_by_desc(platform_entry::Column::Seq)).await?;
    Ok(newest.is_some_and(|row| {
        row.action == event.action() && row.subject == tenant.0.to_string() && row.detail == staff.account.0.to_string()
    }))
}

/// The newest looks at organisations that are still there, as long as their logs keep entries: how many, and how many of them those lack.
async fn newest(instance: &Instance, now: OffsetDateTime) -> Result<(usize, usize), LookError> {
    let rows = platform_entry::Entity::find()
        .filter(platform_entry::Column::Action.eq("organisation-looked-at"))
        .order_by_desc(platform_entry::Column::Seq)
        .limit(LOOKED_UP);
    let kept = time::Duration::days(instance.profile.policy.retention.audit_days.get().into());
    let (mut found, mut missing) = (0, 0);
    for row in instance.operator.all(rows).await? {
        let (Ok(at), Ok(who)) = (row.subject.parse::<Uuid>(), row.detail.parse::<Uuid>()) else {
            missing += 1;
            continue;
        };
        let there = instance.operator.all(organisation::Entity::find_by_id(at)).await?;
        if there.is_empty() || from_ms(row.at_ms) < now - kept {
            continue;
        }
        found += 1;
        missing += usize::from(!stands(instance, TenantId(at), who, Some(row.at_ms)).await?);
    }
    Ok((found, missing))
}
