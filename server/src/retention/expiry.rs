//! Records past their time: those that lie in the bin for longer than their register keeps them there, and those of a register that keeps
//! nothing longer than so many days; with all that they said before, and their files.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Round, holds};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{file, legal_hold, record, record_change};
use crate::guard::{Actor, Operator, Question, Rounds, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::format::Register;
use crate::registers::Shelf;

/// Records of one transaction: others wait for at most that.
const AT_ONCE: u64 = 500;

/// Goes through the organisations and lets go of what is past its time.
pub(crate) async fn due(
    operator: &Operator,
    accounts: &Accounts,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), Refusal> {
    for row in operator.organisations().await? {
        let tenant = TenantId(row.id);
        if !operator.is_awake(Rounds::Expiry, tenant, now) {
            continue;
        }
        let gone = async {
            let next = next(operator, accounts, tenant).await?;
            operator.lets_rest(Rounds::Expiry, tenant, now, next, None);
            if next.is_none_or(|next| next > now) {
                return Ok(0);
            }
            let binned = one(operator, accounts, tenant, now).await?;
            Ok::<_, Refusal>(binned + unchanged(operator, accounts, tenant, now).await?)
        };
        match gone.await {
            Ok(gone) => round.expired += gone,
            Err(cause) => {
                round.broken += 1;
                tracing::error!(organisation = %row.id, %cause, "records past their time could not be let go");
            }
        }
    }
    Ok(())
}

/// From when on, at the earliest, something may be past its time.
async fn next(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Option<OffsetDateTime>, Refusal> {
    let registers = &accounts.profile.registers;
    let bin = registers.iter().filter_map(|register| bin_days(accounts, register.id.get_ref())).min();
    let binned = record::Entity::find().filter(record::Column::RemovedAtMs.is_not_null());
    let (mut questions, mut days) = (Vec::new(), Vec::new());
    if let Some(bin) = bin {
        questions.push(Question::first(tenant, binned, record::Column::RemovedAtMs));
        days.push(bin);
    }
    for (register, keep) in registers.iter().filter_map(|register| register.keep_days.map(|days| (register, days))) {
        questions.push(Question::first(tenant, kept_in(register), record::Column::ChangedAtMs));
        days.push(i64::from(keep.get()));
    }
    let answers = operator.view(tenant).await?.answers(questions).await?;
    let due = answers.iter().zip(days).filter_map(|(at, days)| Some(from_ms((*at)?) + Duration::days(days)));
    Ok(due.min())
}

fn kept_in(register: &Register) -> Select<record::Entity> {
    record::Entity::find()
        .filter(record::Column::Register.eq(register.id.get_ref()))
        .filter(record::Column::RemovedAtMs.is_null())
}

/// Days in the bin: those of the register, else as long as an organisation that was cancelled.
fn bin_days(accounts: &Accounts, register: &str) -> Option<i64> {
    let known = accounts.profile.registers.iter().find(|known| known.id.get_ref() == register);
    let days = known.and_then(|known| known.bin_days).or(accounts.profile.policy.retention.purge_days);
    days.map(|days| i64::from(days.get()))
}

async fn one(operator: &Operator, accounts: &Accounts, tenant: TenantId, now: OffsetDateTime) -> Result<u64, Refusal> {
    let mut gone = 0;
    let mut after: Option<(i64, Uuid)> = None;
    loop {
        let view = operator.view(tenant).await?;
        let removed = record::Column::RemovedAtMs;
        let mut oldest = record::Entity::find()
            .filter(removed.is_not_null())
            .filter(removed.lte(to_ms(now)))
            .order_by_asc(removed)
            .order_by_asc(record::Column::Id)
            .limit(AT_ONCE);
        if let Some((at, _)) = after {
            oldest = oldest.filter(removed.gte(at));
        }
        let rows = view.all(oldest).await?;
        let held = held(&view, tenant, now).await?;
        drop(view);
        let Some(last) = rows.last().map(|row| (row.removed_at_ms.unwrap_or_default(), row.id)) else { break };
        let over = |row: &&record::Model| {
            let days = bin_days(accounts, &row.register);
            days.is_some_and(|days| from_ms(row.removed_at_ms.unwrap_or_default()) + Duration::days(days) <= now)
        };
        let ids: Vec<Uuid> = rows
            .iter()
            .filter(over)
            .map(|row| row.id)
            .filter(|id| !held.contains(id) && !held.contains(&tenant.0))
            .collect();
        gone += destroy(operator, accounts, tenant, &ids, now).await?;
        if after == Some(last) || (rows.len() as u64) < AT_ONCE {
            break;
        }
        after = Some(last);
    }
    Ok(gone)
}

/// What a hold keeps: records, or with the organisation's own id everything.
async fn held(view: &crate::guard::TenantDb, tenant: TenantId, now: OffsetDateTime) -> Result<BTreeSet<Uuid>, Refusal> {
    let rows: Vec<legal_hold::Model> = view.all(holds::now_in_force(tenant, now)).await?;
    Ok(rows.into_iter().map(|row| row.subject).collect())
}

async fn destroy(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    ids: &[Uuid],
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    if ids.is_empty() {
        return Ok(0);
    }
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_kept(tenant, Actor::System, sealer).await?;
    let those = record::Column::Id.is_in(ids.iter().copied());
    let still = record::Entity::delete_many().filter(those).filter(record::Column::RemovedAtMs.is_not_null());
    let gone = change.delete(still).await?;
    // One that was brought back a moment ago keeps what it said before.
    let back = change.all(record::Entity::find().filter(record::Column::Id.is_in(ids.iter().copied()))).await?;
    let back: BTreeSet<Uuid> = back.into_iter().map(|row| row.id).collect();
    let earlier = record_change::Column::RecordId.is_in(ids.iter().copied().filter(|id| !back.contains(id)));
    change.delete(record_change::Entity::delete_many().filter(earlier)).await?;
    // What a file held is swept away when no row leads to it.
    let attached = file::Column::RecordId.is_in(ids.iter().copied().filter(|id| !back.contains(id)));
    change.delete(file::Entity::delete_many().filter(attached)).await?;
    let event = Event::of(Action::RecordsExpired, tenant.0).with("records", gone.to_string()).with("why", "bin");
    change.commit(&event, now).await?;
    Ok(gone)
}

/// Of each register that keeps nothing longer than so many days: what has not been changed for as long.
async fn unchanged(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let mut gone = 0;
    for register in &accounts.profile.registers {
        let Some(days) = register.keep_days else { continue };
        let before = to_ms(now - Duration::days(days.get().into()));
        loop {
            let destroyed = some_unchanged(operator, accounts, tenant, register, before, now).await?;
            gone += destroyed;
            if destroyed < AT_ONCE {
                break;
            }
        }
    }
    Ok(gone)
}

async fn some_unchanged(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    register: &Register,
    before: i64,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let view = operator.view(tenant).await?;
    let held = held(&view, tenant, now).await?;
    let over = kept_in(register)
        .filter(record::Column::ChangedAtMs.lte(before))
        .filter(record::Column::Id.is_not_in(held.iter().copied()))
        .limit(AT_ONCE);
    let ids: Vec<Uuid> = view.all(over.clone()).await?.into_iter().map(|row| row.id).collect();
    drop(view);
    if ids.is_empty() || held.contains(&tenant.0) {
        return Ok(0);
    }
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_kept(tenant, Actor::System, sealer).await?;
    // What counts is what stands now: somebody may have changed one meanwhile.
    let rows = change.all(over.filter(record::Column::Id.is_in(ids))).await?;
    let mut shelf = Shelf::of(&change, register)?;
    for row in &rows {
        let content = shelf.open(row)?;
        shelf.destroy(row, &content).await?;
    }
    shelf.count().await?;
    let those: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let earlier = record_change::Column::RecordId.is_in(those.iter().copied());
    change.delete(record_change::Entity::delete_many().filter(earlier)).await?;
    change.delete(file::Entity::delete_many().filter(file::Column::RecordId.is_in(those))).await?;
    let gone = rows.len() as u64;
    let event = Event::of(Action::RecordsExpired, tenant.0).with("records", gone.to_string()).with("why", "kept-days");
    change.commit(&event, now).await?;
    Ok(gone)
}
