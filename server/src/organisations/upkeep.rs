//! What has to be done in every organisation by the clock, one after the other: what waits for its log, planned departures, help that is over,
//! standings, tallies, and the signing and pruning of logs.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::due::Due;
use super::{help, leaving, members, standing};
use crate::audit::heads;
use crate::clock::to_ms;
use crate::entity::{entry, organisation, tally};
use crate::exports::{personal, work};
use crate::files;
use crate::guard::{Actor, Operator, Rounds, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::registers::imports;
use crate::reviews::{cadence, seats};

/// What one round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub organisations: usize,
    /// Those that did not rest.
    pub looked: usize,
    pub delivered: usize,
    pub departures: usize,
    /// Records of imports that did not come to their end.
    pub taken_back: u64,
    pub help_ended: usize,
    pub standings: usize,
    pub heads: usize,
    pub pruned: u64,
    /// Archives whose time was over.
    pub exports: usize,
    /// Access reviews that opened themselves, and those about which somebody was written to.
    pub reviews: usize,
    pub review_letters: usize,
    /// Contents of files that nothing led to any more.
    pub contents: usize,
    /// Organisations whose round broke; the log says why.
    pub broken: usize,
}

/// One round through all organisations. What breaks in one is told and does not stop the others.
///
/// # Errors
/// When the list of organisations cannot be read.
pub async fn all(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<Round, Refusal> {
    let mut round = Round::default();
    let sweeps = accounts.blobs.due_for_sweep(now);
    if sweeps {
        match accounts.blobs.sweep_halves() {
            Ok(gone) => round.contents += gone,
            Err(cause) => tracing::error!(%cause, "half files could not be looked for"),
        }
    }
    let organisations = operator.organisations().await?;
    let known: BTreeSet<Uuid> = organisations.iter().map(|row| row.id).collect();
    operator.forgets_all_but(|tenant| known.contains(tenant));
    for row in organisations {
        round.organisations += 1;
        if let Err(cause) = one(operator, accounts, &row, sweeps, now, &mut round).await {
            round.broken += 1;
            tracing::error!(organisation = %row.id, %cause, "the upkeep of an organisation broke");
        }
    }
    personal::round(operator, accounts, now).await?;
    round.review_letters += seats::round(operator, accounts, now).await?;
    round.heads += usize::from(heads::sign_platform(operator, &accounts.vault, now).await?);
    Ok(round)
}

/// What was done at the first look is counted and signed at the second.
const LOOKS: usize = 2;

async fn one(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    sweeps: bool,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    // Its row tells that, and another program may have changed it.
    round.standings += usize::from(standing::by_the_clock(operator, accounts, row, now).await?);
    if sweeps {
        round.contents += files::sweep(operator, accounts, tenant, now).await?;
    }
    for look in 0..LOOKS {
        if !operator.is_awake(Rounds::Upkeep, tenant, now) {
            break;
        }
        round.looked += usize::from(look == 0);
        let (due, counted) = Due::look(operator, accounts, row, now).await?;
        work_off(operator, accounts, row, &due, now, round).await?;
        operator.lets_rest(Rounds::Upkeep, tenant, now, due.next_after(now), Some(counted));
    }
    Ok(())
}

/// Each step looks again for itself what it finds: another instance may have been at it.
async fn work_off(
    operator: &Operator,
    accounts: &Accounts,
    row: &organisation::Model,
    due: &Due,
    now: OffsetDateTime,
    round: &mut Round,
) -> Result<(), Refusal> {
    let tenant = TenantId(row.id);
    let is_due = |at: Option<OffsetDateTime>| at.is_some_and(|at| at <= now);
    if is_due(due.delivery) {
        round.delivered += operator.deliver(tenant).await?;
    }
    if is_due(due.departures) {
        round.departures += leaving::due(operator, accounts, tenant, now).await?;
    }
    if is_due(due.imports) {
        round.taken_back += imports::take_back(operator, accounts, tenant, now).await?;
    }
    if is_due(due.help) {
        round.help_ended += help::run_out(operator, accounts, tenant, now).await?;
    }
    if is_due(due.reviews) {
        let reviewed = cadence::round(operator, accounts, row, now).await?;
        round.reviews += reviewed.opened;
        round.review_letters += reviewed.reminded + reviewed.escalated + reviewed.held_back;
    }
    if is_due(due.tallies) {
        count(operator, accounts, tenant, now).await?;
    }
    if is_due(due.pruning) {
        round.pruned += heads::prune(operator, accounts, tenant, now).await?;
    }
    if is_due(due.exports) {
        round.exports += work::round(operator, accounts, tenant, now).await?;
    }
    if is_due(due.signing) {
        round.heads += usize::from(heads::sign(operator, &accounts.vault, tenant, now).await?);
    }
    Ok(())
}

#[derive(Debug, FromQueryResult)]
struct Group {
    action: String,
    entries: i64,
}

/// The day as a number: days since 1970 in UTC.
pub(crate) fn day_of(at: OffsetDateTime) -> i32 {
    i32::try_from(at.unix_timestamp().div_euclid(86_400)).unwrap_or(0)
}

/// Counts today and, until it has been counted whole, yesterday.
pub(crate) async fn count(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let view = operator.view(tenant).await?;
    let counts = members::counts(&view, accounts).await?;
    let mut tallies: Vec<(i32, String, u64)> = Vec::new();
    let today = day_of(now);
    tallies.push((today, "members".to_owned(), counts.members));
    tallies.push((today, "enrolled".to_owned(), counts.enrolled));
    for day in [today - 1, today] {
        for (action, number) in on_day(&view, day).await? {
            tallies.push((day, action, number));
        }
    }
    let old = view.all(tally::Entity::find().filter(tally::Column::Day.gte(today - 1))).await?;
    drop(view);
    let known: BTreeMap<(i32, &str), i64> = old.iter().map(|row| ((row.day, row.what.as_str()), row.count)).collect();
    let moved: Vec<_> = tallies
        .into_iter()
        .map(|(day, what, number)| (day, what, i64::try_from(number).unwrap_or(i64::MAX)))
        .filter(|(day, what, number)| known.get(&(*day, what.as_str())) != Some(number))
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    for (day, what, number) in moved {
        let row = tally::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            day: ActiveValue::Set(day),
            what: ActiveValue::Set(what),
            count: ActiveValue::Set(number),
        };
        let keys = [tally::Column::TenantId, tally::Column::Day, tally::Column::What];
        change.upsert(row, OnConflict::columns(keys).update_column(tally::Column::Count).to_owned()).await?;
    }
    Ok(change.commit_housekeeping().await?)
}

/// How many entries of each action a day has.
pub(crate) async fn on_day(view: &crate::guard::TenantDb, day: i32) -> Result<Vec<(String, u64)>, Refusal> {
    let begins = OffsetDateTime::UNIX_EPOCH + Duration::days(day.into());
    let groups = entry::Entity::find()
        .select_only()
        .column(entry::Column::Action)
        .column_as(entry::Column::Seq.count(), "entries")
        .filter(entry::Column::AtMs.gte(to_ms(begins)))
        .filter(entry::Column::AtMs.lt(to_ms(begins + Duration::days(1))))
        .group_by(entry::Column::Action);
    let groups: Vec<Group> = view.all_as(groups).await?;
    Ok(groups.into_iter().map(|group| (group.action, u64::try_from(group.entries).unwrap_or(0))).collect())
}
