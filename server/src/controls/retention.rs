//! How long things are kept: what is active is never touched, what is cancelled is hidden at once and destroyed in time, and what the law holds stays.

use std::collections::BTreeMap;

use contract::permission::{Effect, Permission};
use contract::standing::Standing;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::mfa::LookError;
use super::walk::{Came, Place, Walk, steps};
use super::{Instance, Seen, cast};
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, certificate, organisation, purge, record, session};
use crate::guard::{PERSON_KIND, PROBE_KIND, TenantId};
use crate::identity::Refusal;
use crate::identity::stand_in::{As, StandIn};
use crate::registers::content::Content;
use crate::retention::accounts as erasing;
use crate::retention::certificate::{Kind, verify_all};
use crate::retention::holds::{self, Form};
use crate::retention::purge::{self as purging, Step};
use crate::retention::reduce;
use crate::vault::Keyring;

/// How long something may have been due before a look calls it late.
const LATE_AFTER: Duration = Duration::minutes(5);

/// Longer than any window: what is not closed must not even then be touched.
const FAR: Duration = Duration::days(3650);

async fn house(instance: &Instance, permission: Permission) -> Result<Result<StandIn, Seen>, LookError> {
    let Some(role) = cast::with(&instance.profile, permission) else {
        return Ok(Err(cast::nobody(permission, true)));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    house.settle().await?;
    Ok(Ok(house))
}

async fn row_of(instance: &Instance, tenant: TenantId) -> Result<organisation::Model, LookError> {
    let row = instance.operator.all(organisation::Entity::find_by_id(tenant.0)).await?.into_iter().next();
    Ok(row.ok_or_else(|| Refusal::Conflict("the look's own organisation is gone".into()))?)
}

pub async fn active_kept(instance: &Instance) -> Result<Seen, LookError> {
    let house = match house(instance, Permission::BillingManage).await? {
        Ok(house) => house,
        Err(seen) => return Ok(seen),
    };
    let seen = untouched(instance, &house).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn untouched(instance: &Instance, house: &StandIn) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    for standing in [Standing::Trialing, Standing::Active, Standing::PastDue, Standing::Lapsed] {
        house.set_standing(standing).await?;
        let row = row_of(instance, house.tenant()).await?;
        if let Ok(true) = purging::condemn(&instance.operator, &instance.accounts, &row, now + FAR).await {
            return Ok(Seen::Failing(format!("The purge of an organisation that is {} began.", standing.word())));
        }
    }
    let kept = organisation::Entity::find().filter(organisation::Column::ClosedAtMs.is_null());
    let touched = organisation::Column::PurgeAtMs.is_not_null().or(organisation::Column::PurgeBeganAtMs.is_not_null());
    let wrong = instance.operator.all(kept.clone().filter(touched)).await?.len();
    let kept = instance.operator.all(kept.filter(organisation::Column::Slug.not_like(".%"))).await?.len();
    Ok(if wrong == 0 {
        Seen::Upheld(format!(
            "The purge of an organisation that is on trial, active, behind with a payment or lapsed was refused, ten years ahead too; none of {kept} organisations that run has a date of purge."
        ))
    } else {
        Seen::Failing(format!("{wrong} organisations have a date of purge without being closed."))
    })
}

pub async fn hidden(instance: &Instance) -> Result<Seen, LookError> {
    let house = match house(instance, Permission::BillingManage).await? {
        Ok(house) => house,
        Err(seen) => return Ok(seen),
    };
    let seen = cancelled(instance, &house).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn cancelled(instance: &Instance, house: &StandIn) -> Result<Seen, LookError> {
    let place = Place::furnish(instance, house, "Probe").await?;
    let mut walk = Walk::begin(instance).await?;
    let form = walk.form(house.session).await?;
    let act = |name: &str| format!("/api/o/{}/{name}", house.slug());
    let done = walk.send(&form, &act("cancel-subscription"), &[]).await?.status.as_u16();
    if done != 200 {
        return Ok(Seen::Failing(format!("Cancelling a subscription was answered {done}.")));
    }
    let role =
        cast::with(&instance.profile, Permission::BillingManage).and_then(|role| instance.profile.roles.get(role));
    let (mut gone, mut settled) = (0, 0);
    for step in steps(&instance.profile) {
        let settles = step.permission.effect() == Effect::Settle;
        let granted = role.is_some_and(|role| role.grants.contains(&step.permission));
        let wanted = match (settles, granted) {
            (false, _) => Came::Gone,
            (true, true) => Came::In,
            (true, false) => Came::Forbidden,
        };
        let address = place.fill(step.path);
        let came = step.came(&walk.ask(house.session, step.method, &address).await?);
        if came != wanted {
            let (method, path) = (step.method, step.path);
            return Ok(Seen::Failing(format!("In a cancelled organisation {method} {path} came out as {came:?}.")));
        }
        gone += usize::from(!settles);
        settled += usize::from(came == Came::In);
    }
    let restored = walk.send(&form, &act("restore-organisation"), &[]).await?.status.as_u16();
    let dashboard = walk.get(house.session, &format!("/o/{}", house.slug())).await?.status.as_u16();
    Ok(if (restored, dashboard) == (200, 200) {
        Seen::Upheld(format!(
            "From the moment of cancelling {gone} pages and endpoints were answered 410 and {settled} that settle the end let through; restoring brought the dashboard back."
        ))
    } else {
        Seen::Failing(format!("Restoring was answered {restored}, and the dashboard after it {dashboard}."))
    })
}

pub async fn purged(instance: &Instance) -> Result<Seen, LookError> {
    let house = match house(instance, Permission::BillingManage).await? {
        Ok(house) => house,
        Err(seen) => return Ok(seen),
    };
    let destroyed = with_its_people(instance, &house).await;
    house.remove(&instance.operator).await?;
    match destroyed? {
        Ok(rows) => in_time(instance, rows).await,
        Err(wrong) => Ok(Seen::Failing(wrong)),
    }
}

/// A purge of the look's own organisation, of whose two members one belongs to another as well.
async fn with_its_people(instance: &Instance, house: &StandIn) -> Result<Result<u64, String>, LookError> {
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    let Some(role) = cast::with(&instance.profile, Permission::BillingManage) else {
        return Ok(Err("No role of this profile could be cast.".into()));
    };
    let other = StandIn::make(operator, accounts, role, As::SteppedUp, now).await?;
    let people = (house.account.0, other.account.0);
    let seen = async {
        house.admit(&other, role, now).await?;
        match destroyed(instance, house).await? {
            Ok(rows) => Ok(went_with_it(instance, people).await?.map(|()| rows)),
            Err(wrong) => Ok(Err(wrong)),
        }
    };
    let seen = seen.await;
    other.remove(operator).await?;
    seen
}

/// Whoever belonged nowhere else is due to be erased, and erasing leaves nothing; whoever belongs elsewhere is not touched.
async fn went_with_it(instance: &Instance, (alone, elsewhere): (Uuid, Uuid)) -> Result<Result<(), String>, LookError> {
    let (operator, now) = (&instance.operator, instance.clock.now());
    let due = operator.all(erasing::over(PROBE_KIND, now)).await?;
    let Some(row) = due.iter().find(|row| row.id == alone && row.disabled_at_ms.is_some()) else {
        return Ok(Err("After a purge the account of somebody who belonged nowhere else was kept.".into()));
    };
    let stays = operator.all(account::Entity::find_by_id(elsewhere)).await?;
    if !stays.iter().any(|row| row.disabled_at_ms.is_none() && row.delete_at_ms.is_none()) {
        return Ok(Err("A purge took the account of somebody who belongs elsewhere too.".into()));
    }
    // Tried and dropped: what is certified is about people, and nobody is to be told of this one.
    let change = operator.begin().await.map_err(Refusal::from)?;
    erasing::uproot(&change, row, &mut BTreeMap::new()).await?;
    let left = change.count(account::Entity::find_by_id(alone)).await.map_err(Refusal::from)?;
    let sessions = session::Entity::find().filter(session::Column::AccountId.eq(alone));
    let left = left + change.count(sessions).await.map_err(Refusal::from)?;
    Ok(if left == 0 { Ok(()) } else { Err(format!("Erasing an account left {left} rows of it.")) })
}

/// Goes through a purge of the look's own organisation, up to the certificate. How many rows went.
async fn destroyed(instance: &Instance, house: &StandIn) -> Result<Result<u64, String>, LookError> {
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    house.unit("Probe", now).await?;
    let ring = accounts.vault.tenant(house.tenant()).await.map_err(Refusal::from)?;
    let sealed = ring.seal("probe", b"probe").map_err(Refusal::from)?;
    let before: u64 = operator.rows_of(house.tenant()).await?.iter().map(|(_, rows)| rows).sum();
    let mark = purge::Model {
        id: house.tenant().0,
        certificate_id: Uuid::nil(),
        slug_sha256: String::new(),
        closed_at_ms: to_ms(now),
        due_at_ms: to_ms(now),
        began_at_ms: to_ms(now),
        found: String::new(),
        keeps: None,
    };
    purging::go_on(operator, accounts, &mark, Step::Heads, now).await?;
    let left: u64 = operator.rows_of(house.tenant()).await?.iter().map(|(_, rows)| rows).sum();
    let keys = operator.all(purging::keys_of(house.tenant())).await?.len();
    let opens = accounts.vault.tenant(house.tenant()).await.is_ok_and(|ring| ring.open("probe", &sealed).is_ok());
    Ok(match (before, left, keys, opens) {
        (1.., 0, 0, false) => Ok(before),
        _ => Err(format!(
            "After a purge {left} of {before} rows and {keys} keys were left, and what was sealed {} open.",
            if opens { "did" } else { "did not" }
        )),
    })
}

async fn in_time(instance: &Instance, rows: u64) -> Result<Seen, LookError> {
    let (operator, now) = (&instance.operator, instance.clock.now());
    let late = late(instance, now).await?;
    let begun = purge::Entity::find().filter(purge::Column::BeganAtMs.lt(to_ms(now - Duration::hours(1))));
    let stuck = operator.all(begun).await?.len();
    let certificates = match verify_all(operator, &instance.vault).await? {
        Ok(number) => number,
        Err(number) => return Ok(Seen::Failing(format!("Certificate number {number} does not hold."))),
    };
    let certified = certificate::Entity::find().filter(certificate::Column::Kind.eq(Kind::Organisation.word()));
    let subjects: Vec<Uuid> = operator.all(certified).await?.into_iter().map(|row| row.subject).collect();
    let mut there = 0;
    for some in subjects.chunks(1000) {
        // Of one there may be a certificate and what is held.
        let those =
            organisation::Column::Id.is_in(some.iter().copied()).and(organisation::Column::ReducedAtMs.is_null());
        there += operator.all(organisation::Entity::find().filter(those)).await?.len();
    }
    let days = instance.profile.policy.retention.purge_days.map_or(0, std::num::NonZeroU32::get);
    Ok(if late + stuck + there == 0 {
        Seen::Upheld(format!(
            "A purge of the look's own organisation left 0 of {rows} rows and no key, and what it had sealed opens no more; of its two people, the one who belonged nowhere else went with it and the other stays; no cancelled organisation is past its {days} days, and {certificates} certificates hold in one chain."
        ))
    } else {
        Seen::Failing(format!(
            "{late} organisations are past their time, {stuck} purges have been under way for more than an hour, and {there} that are certified destroyed are still there."
        ))
    })
}

/// Organisations that should be gone and that no legal hold keeps.
async fn late(instance: &Instance, now: OffsetDateTime) -> Result<usize, LookError> {
    let over = organisation::Entity::find()
        .filter(organisation::Column::Slug.not_like(".%"))
        .filter(organisation::Column::PurgeBeganAtMs.is_null())
        .filter(organisation::Column::PurgeAtMs.lt(to_ms(now - LATE_AFTER)));
    let mut late = 0;
    for row in instance.operator.all(over).await? {
        late += usize::from(!holds::keep_all(&instance.operator, &row, now).await?);
    }
    Ok(late)
}

pub async fn held(instance: &Instance) -> Result<Seen, LookError> {
    let house = match house(instance, Permission::BillingManage).await? {
        Ok(house) => house,
        Err(seen) => return Ok(seen),
    };
    // Boxed, as is what it calls: one inside the other they are more than a thread's stack in a build that is not optimised.
    let seen = Box::pin(kept(instance, &house)).await;
    house.remove(&instance.operator).await?;
    if let Some(wrong) = seen? {
        return Ok(Seen::Failing(wrong));
    }
    let house = match self::house(instance, Permission::ExportCreate).await? {
        Ok(house) => house,
        Err(seen) => return Ok(seen),
    };
    let seen = Box::pin(record_kept(instance, &house)).await;
    house.remove(&instance.operator).await?;
    if let Some(wrong) = seen? {
        return Ok(Seen::Failing(wrong));
    }
    let (mut all, mut nameless) = (0, 0);
    for row in instance.operator.organisations().await? {
        let view = instance.operator.view(TenantId(row.id)).await?;
        for hold in holds::shown(&view, &instance.accounts).await? {
            all += 1;
            nameless += usize::from(hold.basis.is_empty() || hold.scope.is_empty() || hold.ends <= hold.placed);
        }
    }
    Ok(if nameless == 0 {
        Seen::Upheld(format!(
            "A hold without a basis, a scope or an end was refused; one with all three kept an organisation that was due, and its owner was shown it. One on a record kept that record and let everything else go, with the key that had opened both. All of {all} holds say on which basis, what, and until when."
        ))
    } else {
        Seen::Failing(format!("{nameless} of {all} holds do not say on which basis, what, or until when."))
    })
}

/// Tries holds that lack something, then one that does not, on an organisation that is due. What was wrong.
async fn kept(instance: &Instance, house: &StandIn) -> Result<Option<String>, LookError> {
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    let until = (now + Duration::days(2)).date().to_string();
    let whole = Form { kind: "organisation", subject: None, basis: "probe", scope: "probe", until: &until };
    for lacking in [Form { basis: "", ..whole }, Form { scope: " ", ..whole }, Form { until: "", ..whole }] {
        if holds::place_by_operator(operator, accounts, house.slug(), &lacking, now).await.is_ok() {
            return Ok(Some("A hold that lacks its basis, its scope or its end was placed.".into()));
        }
    }
    house.close(now - Duration::days(2), now - Duration::days(1)).await?;
    holds::place_by_operator(operator, accounts, house.slug(), &whole, now).await?;
    let row = row_of(instance, house.tenant()).await?;
    if purging::condemn(operator, accounts, &row, now).await? {
        return Ok(Some("The purge of an organisation began that a hold keeps.".into()));
    }
    let mut walk = Walk::begin(instance).await?;
    let page = walk.get(house.session, &format!("/o/{}/billing", house.slug())).await?;
    let shown = String::from_utf8_lossy(&page.body).contains("data-hold=");
    Ok((!shown).then(|| "The hold is not on the page on which its owner would ask for deletion.".into()))
}

/// What a record says that is held.
const HELD: &str = "Kept by law";

/// Places a hold on one of two records of an organisation that is due. What was wrong with what is left.
async fn record_kept(instance: &Instance, house: &StandIn) -> Result<Option<String>, LookError> {
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    let Some(register) = instance.profile.registers.first() else { return Ok(None) };
    let (tenant, held) = (house.tenant(), house.record(register, HELD, now).await?);
    house.record(register, "Not kept", now).await?;
    house.close(now - Duration::days(2), now - Duration::days(1)).await?;
    let before = accounts.vault.tenant(tenant).await.map_err(Refusal::from)?;
    let (until, subject) = ((now + Duration::days(2)).date().to_string(), held.to_string());
    let form = Form { kind: "record", subject: Some(&subject), basis: "probe", scope: "probe", until: &until };
    holds::place_by_operator(operator, accounts, house.slug(), &form, now).await?;
    if !Box::pin(reduced(instance, house)).await? {
        return Ok(Some("A hold on one record kept all of an organisation that was due.".into()));
    }
    let rows = operator.view(tenant).await?.all(record::Entity::find()).await?;
    let ring = accounts.vault.tenant(tenant).await.map_err(Refusal::from)?;
    let says = |row: &record::Model, ring: &Keyring| {
        let content = Content::open(ring, tenant, row.id, &row.content);
        content.is_ok_and(|content| content.0.values().flatten().any(|value| value == HELD))
    };
    let kept = rows.iter().any(|row| row.id == held && says(row, &ring));
    let keys: Vec<Uuid> = operator.all(purging::keys_of(tenant)).await?.into_iter().map(|row| row.id).collect();
    let old = keys.contains(&before.active()) || rows.iter().any(|row| says(row, &before));
    Ok((!kept || old || rows.len() != 1 || keys.len() != 1).then(|| {
        format!(
            "After a purge but for one held record there were {} records and {} keys; the held one {} open, and the key from before {} gone.",
            rows.len(),
            keys.len(),
            if kept { "did" } else { "did not" },
            if old { "was not" } else { "was" },
        )
    }))
}

/// Purges all but what is held of the look's own organisation, up to the certificate. Whether anything of it is to go at all.
async fn reduced(instance: &Instance, house: &StandIn) -> Result<bool, LookError> {
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    let row = row_of(instance, house.tenant()).await?;
    let held = operator.view(house.tenant()).await?.all(holds::now_in_force(house.tenant(), now)).await?;
    let Some((keeps, key)) = reduce::planned(operator, accounts, &row, &held, now).await? else { return Ok(false) };
    let change = operator.begin_account().await.map_err(Refusal::from)?;
    change.insert(key.row).await.map_err(Refusal::from)?;
    change.commit_housekeeping().await.map_err(Refusal::from)?;
    let mark = purge::Model {
        id: house.tenant().0,
        certificate_id: Uuid::nil(),
        slug_sha256: String::new(),
        closed_at_ms: to_ms(now),
        due_at_ms: to_ms(now),
        began_at_ms: to_ms(now),
        found: String::new(),
        keeps: Some(keeps.text()),
    };
    reduce::go_on(operator, accounts, &mark, &keeps, reduce::Step::Files, now).await?;
    Ok(true)
}

pub async fn accounts(instance: &Instance) -> Result<Seen, LookError> {
    let (operator, now) = (&instance.operator, instance.clock.now());
    let asked = account::Entity::find()
        .filter(account::Column::Kind.eq(PERSON_KIND))
        .filter(account::Column::DeleteAtMs.is_not_null());
    let (mut waiting, mut late, mut open) = (0, 0, 0);
    for row in operator.all(asked).await? {
        waiting += 1;
        open += usize::from(row.disabled_at_ms.is_none());
        let over = row.delete_at_ms.is_some_and(|at| from_ms(at) < now - LATE_AFTER);
        late += usize::from(over && !crate::retention::accounts::is_held(operator, &row, now).await?);
    }
    let certified = certificate::Entity::find().filter(certificate::Column::Kind.eq(Kind::Account.word()));
    let subjects: Vec<Uuid> = operator.all(certified).await?.into_iter().map(|row| row.subject).collect();
    let mut there = 0;
    for some in subjects.chunks(1000) {
        let those = account::Column::Id.is_in(some.iter().copied());
        there += operator.all(account::Entity::find().filter(those)).await?.len();
    }
    let Some(days) = instance.profile.policy.retention.account_days else {
        return Ok(Seen::Unavailable(format!("This profile promises no time; {late} of {waiting} accounts are late.")));
    };
    Ok(if late + open + there == 0 {
        Seen::Upheld(format!(
            "Of {waiting} accounts whose end was asked for all are closed and none is past its {days} days; of {} that are certified erased none is there.",
            subjects.len()
        ))
    } else {
        Seen::Failing(format!(
            "{late} of {waiting} accounts are past their {days} days, {open} can still be used, and {there} that are certified erased are still there."
        ))
    })
}
