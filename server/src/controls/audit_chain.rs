//! The audit log: unbroken, signed, complete, and kept.

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::{EntityTrait, QueryOrder};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::mfa::LookError;
use super::{Instance, Seen, cast};
use crate::audit::log::{Action, Event};
use crate::audit::walk::{Walked, verify, verify_newest};
use crate::audit::{heads, verify_platform, view};
use crate::entity::{entry, log_head, signed_head, unit};
use crate::guard::{Allowed, Asks, Caller, Right, TenantId, rights};
use crate::identity::stand_in::{As, Someone, StandIn};
use crate::identity::{Origin, Refusal};
use crate::organisations::{members, reset, standing, units};

/// Entries that one look walks: more would take longer than a look may.
const MOST_WALKED: i64 = 500_000;

/// Verifying a signature takes as long as walking so many entries.
const SIGNATURE_COSTS: i64 = 20;

/// How long an entry may stand without a signed head: hourly is what is promised.
const UNSIGNED: Duration = Duration::hours(1);

pub async fn chains(instance: &Instance) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    let platform = match verify_platform(&instance.operator).await? {
        Ok(entries) => entries,
        Err(at) => return Ok(Seen::Failing(format!("The platform's log is broken at its entry {at}."))),
    };
    let open = match heads::platform_unsigned_since(&instance.operator, &instance.vault).await? {
        Ok(open) => open,
        Err(at) => {
            return Ok(Seen::Failing(format!("Entry {at} of the platform's log is not the one that was signed.")));
        }
    };
    if open.is_some_and(|since| now - since > UNSIGNED) {
        return Ok(Seen::Failing("The platform's log has had entries without a signed head for over an hour.".into()));
    }
    let logs: Vec<TenantId> =
        instance.operator.organisations().await?.into_iter().map(|row| TenantId(row.id)).collect();
    let share = share(instance, &logs).await?;
    let (mut entries, mut signed) = (0, 0);
    for (number, tenant) in logs.iter().enumerate() {
        let walked = match share {
            None => verify(&instance.operator, &instance.accounts, *tenant).await?,
            Some(newest) => verify_newest(&instance.operator, &instance.accounts, *tenant, newest).await?,
        };
        match walked {
            Walked::Holds { entries: more, heads } => (entries, signed) = (entries + more, signed + heads),
            Walked::Broken { at, why } => {
                tracing::error!(organisation = %tenant.0, at, why, "the log of an organisation is broken");
                let log = number + 1;
                return Ok(Seen::Failing(format!("Log {log} of {} is broken at entry {at}: {why}.", logs.len())));
            }
        }
        if heads::unsigned_since(&instance.operator, *tenant).await?.is_some_and(|since| now - since > UNSIGNED) {
            return Ok(Seen::Failing("A log has had entries without a signed head for over an hour.".into()));
        }
    }
    let which = share.map(|newest| format!(" (of each the newest {newest} at least, from a signed head on)"));
    Ok(Seen::Upheld(format!(
        "The logs of {} organisations are unbroken: {entries} entries{}, {signed} signed heads; so are the platform's {platform} entries; none has been without a signed head for over an hour.",
        logs.len(),
        which.unwrap_or_default()
    )))
}

/// How many of the newest entries of each log are walked. `None`: all of all.
async fn share(instance: &Instance, logs: &[TenantId]) -> Result<Option<i64>, LookError> {
    let mut cost = 0;
    for tenant in logs {
        let view = instance.operator.view(*tenant).await?;
        let heads = i64::try_from(view.count(signed_head::Entity::find()).await?).unwrap_or(i64::MAX);
        // A head stands in the database and in the file.
        cost += view.one(log_head::Entity::find()).await?.map_or(0, |head| head.seq)
            + heads.saturating_mul(2 * SIGNATURE_COSTS);
    }
    let among = i64::try_from(logs.len()).unwrap_or(i64::MAX).saturating_mul(2 * SIGNATURE_COSTS).max(1);
    Ok((cost > MOST_WALKED).then(|| (MOST_WALKED / among).max(1)))
}

/// What is done, in this order; each must stand in the log.
const ACTS: &[Action] =
    &[Action::RoleChanged, Action::UnitMade, Action::MfaReset, Action::LogExported, Action::StandingChanged];

pub async fn recorded(instance: &Instance) -> Result<Seen, LookError> {
    let profile = &instance.profile;
    let Some(role) = cast::most(profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let needed = [Permission::MembersManage, Permission::UnitsManage, Permission::MfaReset, Permission::AuditRead];
    let grants = profile.roles.get(role).map(|role| &role.grants);
    if let Some(lacking) = needed.iter().find(|needed| !grants.is_some_and(|grants| grants.contains(needed))) {
        return Ok(Seen::Unavailable(format!("No role does all of it: {role} lacks {}.", lacking.word())));
    }
    let Some(other) = cast::without(profile, Permission::MembersManage) else {
        return Ok(cast::nobody(Permission::MembersManage, false));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = acted(instance, &mut house, role, other).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn acted(instance: &Instance, house: &mut StandIn, role: &str, other: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let colleague = house.join(role, As::HalfWay, now).await?;
    act(instance, house, &colleague, other, now).await?;
    let there = stand(instance, house).await?;
    if there.iter().map(String::as_str).ne(ACTS.iter().map(|action| action.word())) {
        return Ok(Seen::Failing(format!("Of {} acts, the log has: {}.", ACTS.len(), there.join(", "))));
    }
    if let Walked::Broken { at, why } = verify(&instance.operator, &instance.accounts, house.tenant()).await? {
        return Ok(Seen::Failing(format!("The log of an organisation just made is broken at entry {at}: {why}.")));
    }
    let (units, entries) = dropped(instance, house, now).await?;
    Ok(if (units, entries) == (1, ACTS.len()) {
        Seen::Upheld(format!(
            "{} acts left {} entries in an unbroken chain: {}; a change that was dropped left neither itself nor an entry.",
            ACTS.len(),
            there.len(),
            there.join(", ")
        ))
    } else {
        Seen::Failing(format!(
            "After a change that was dropped there are {units} units instead of 1 and {entries} entries instead of {}.",
            ACTS.len()
        ))
    })
}

/// Does all of it through the same use cases as a person.
async fn act(
    instance: &Instance,
    house: &StandIn,
    colleague: &Someone,
    other: &str,
    now: OffsetDateTime,
) -> Result<(), LookError> {
    let (accounts, origin) = (&instance.accounts, Origin::of_program());
    let hash = house.session.hash();
    let caller = instance.operator.visitor().caller(&instance.profile, &hash, now).await?;
    let caller = caller.ok_or(Refusal::SignedOut)?;
    let (slug, member) = (house.slug(), colleague.account.0.to_string());
    members::change_role(&allowed(&caller, slug)?, accounts, &member, other, &origin, now).await?;
    units::create(&allowed(&caller, slug)?, accounts, "Probe", &origin, now).await?;
    reset::member_mfa(&allowed(&caller, slug)?, accounts, &member, "probe", &origin, now).await?;
    let reader = allowed::<rights::AuditRead>(&caller, slug)?;
    view::begin_export(&reader, accounts, (view::Form::JsonLines, &view::Query::default()), &origin, now).await?;
    standing::set(&instance.operator, accounts, slug, Standing::Active, now).await?;
    Ok(())
}

fn allowed<R: Right>(caller: &Caller, slug: &str) -> Result<Allowed<R>, Refusal> {
    caller.may::<R>(slug, Asks::ToDo).map_err(|barred| Refusal::Conflict(format!("{barred:?}")))
}

/// The actions of the log, in its order.
async fn stand(instance: &Instance, house: &StandIn) -> Result<Vec<String>, LookError> {
    let rows = entry::Entity::find().order_by_asc(entry::Column::Seq);
    let rows = instance.operator.view(house.tenant()).await?.all(rows).await?;
    Ok(rows.into_iter().map(|row| row.action).collect())
}

/// Makes a unit with its entry in a change that is dropped: how many units and entries there are then.
async fn dropped(instance: &Instance, house: &StandIn, now: OffsetDateTime) -> Result<(u64, usize), LookError> {
    let (change, id) = (house.change().await?, Uuid::now_v7());
    change.insert(units::row(&change, &instance.accounts, id, "Probe dropped", now)?).await?;
    change.also(&Event::of(Action::UnitMade, id), now).await?;
    drop(change);
    instance.operator.deliver(house.tenant()).await?;
    let units = instance.operator.view(house.tenant()).await?.count(unit::Entity::find()).await?;
    Ok((units, stand(instance, house).await?.len()))
}

pub async fn retention(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = kept(instance, &mut house, now).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn kept(instance: &Instance, house: &mut StandIn, now: OffsetDateTime) -> Result<Seen, LookError> {
    house.settle().await?;
    let event = Event::of(Action::OrganisationMade, house.tenant().0);
    house.change().await?.commit(&event, now).await?;
    let days = instance.profile.policy.retention.audit_days;
    let (cut, changed) = (
        instance.operator.refuses_to_cut_log(house.tenant()).await?,
        instance.operator.refuses_to_change_log(house.tenant()).await?,
    );
    Ok(match (cut, changed) {
        (true, true) => Seen::Upheld(format!(
            "A fresh entry was neither deleted nor changed by plain SQL: the database refused both. The profile keeps entries for {days} days."
        )),
        (false, _) => Seen::Failing("Plain SQL deletes a fresh entry of a log.".into()),
        (true, false) => Seen::Failing("Plain SQL changes an entry of a log.".into()),
    })
}
