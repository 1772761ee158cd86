//! The scheduled work: which of it is due by the clock, and doing it.

pub mod kept;

use std::collections::BTreeSet;

use sea_orm::DbErr;
use serde::Serialize;
use time::OffsetDateTime;

use crate::backups::schedule;
use crate::controls::run::{self, Ran};
use crate::controls::{Check, Instance, Seen};
use crate::exports::work;
use crate::guard::Operator;
use crate::identity::Accounts;
use crate::identity::stand_in::traces::clear_organisations;
use crate::organisations::upkeep;
use crate::retention;
use crate::trust::{Board, Facts, history};

/// One line of what `avouch tick` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub job: String,
    pub outcome: &'static str,
    pub detail: String,
    pub took_ms: i64,
}

impl From<&Ran> for Line {
    fn from(ran: &Ran) -> Self {
        let (outcome, detail) = match &ran.seen {
            Seen::Upheld(said) => ("upheld", said),
            Seen::Failing(said) => ("failing", said),
            Seen::Unavailable(said) => ("unavailable", said),
        };
        Self { job: format!("check {}", ran.check.path()), outcome, detail: detail.clone(), took_ms: ran.took_ms }
    }
}

/// The checks that some claim of this profile rests on.
pub fn wanted(instance: &Instance) -> BTreeSet<Check> {
    instance
        .profile
        .claims
        .iter()
        .filter_map(|claim| match &claim.binding {
            crate::profile::Binding::Checks { checks, .. } => Some(checks),
            crate::profile::Binding::Coming { .. }
            | crate::profile::Binding::Evidence { .. }
            | crate::profile::Binding::Milestone { .. }
            | crate::profile::Binding::Published { .. } => None,
        })
        .flatten()
        .copied()
        .collect()
}

/// Those whose interval has passed since their last run, by this instance or another.
pub fn due(checks: &BTreeSet<Check>, facts: &Facts, now: OffsetDateTime) -> Vec<Check> {
    let due = |check: &Check| {
        // What is switched off would only be found switched off.
        !facts.switched_off.contains_key(check)
            && facts
                .findings
                .get(check)
                .and_then(|findings| findings.iter().find(|finding| finding.at <= now))
                .is_none_or(|finding| now - finding.at >= check.about().every)
    };
    checks.iter().copied().filter(due).collect()
}

/// Runs `checks`, stores what they saw, and writes down every change of state.
///
/// # Errors
/// When the database does not answer.
pub async fn run_checks(instance: &Instance, checks: &[Check]) -> Result<Vec<Ran>, DbErr> {
    // What a round left behind that was cut short goes before the next one, in nobody's time.
    let cleared = clear_organisations(&instance.operator, &instance.accounts, instance.clock.now()).await;
    if let Err(cause) = cleared {
        tracing::warn!(%cause, "what an earlier round left behind could not be looked for");
    }
    // The history is looked at last, when what the others saw has been written down.
    let (history, others): (Vec<Check>, Vec<Check>) = checks.iter().partition(|check| **check == Check::History);
    let mut ran = futures::future::join_all(others.iter().map(|check| run::look(*check, instance))).await;
    run::store(instance, &ran).await?;
    if !history.is_empty() {
        observe(instance).await?;
        let looked = futures::future::join_all(history.iter().map(|check| run::look(*check, instance))).await;
        run::store(instance, &looked).await?;
        ran.extend(looked);
    }
    Ok(ran)
}

/// Writes down whatever has changed. Returns how many entries that took.
///
/// # Errors
/// When the database does not answer.
pub async fn observe(instance: &Instance) -> Result<usize, DbErr> {
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    let board = Board::draw(&instance.profile, &facts, instance.clock.now());
    history::observe(&instance.operator, &board, &facts).await
}

/// What was asked for and nobody has made yet.
async fn archives_line(instance: &Instance) -> Line {
    let (mut made, mut broken) = (0, 0);
    while let Some(tenant) = work::next() {
        match work::all_of(&instance.operator, &instance.accounts, tenant, instance.clock.now()).await {
            Ok(more) => made += more,
            Err(cause) => {
                tracing::error!(organisation = %tenant.0, %cause, "the archives of an organisation could not be made");
                broken += 1;
            }
        }
    }
    archives_made(made, broken)
}

/// How many archives were made, and in how many organisations it broke, as a line.
pub fn archives_made(made: usize, broken: usize) -> Line {
    let outcome = if broken == 0 { "done" } else { "failing" };
    Line { job: "archives".into(), outcome, detail: format!("archives made: {made}"), took_ms: 0 }
}

/// The round through the organisations as a line.
pub async fn upkeep_line(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Line {
    let began = std::time::Instant::now();
    let done = upkeep::all(operator, accounts, now).await;
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (outcome, detail) = match done {
        Ok(round) if round.broken == 0 => (
            "done",
            format!(
                "{} organisations: {} departures, {} ends of help, {} standings, {} heads signed, {} entries pruned, {} contents without a file removed",
                round.organisations,
                round.departures,
                round.help_ended,
                round.standings,
                round.heads,
                round.pruned,
                round.contents
            ),
        ),
        Ok(round) => {
            ("failing", format!("the round broke in {} of {} organisations", round.broken, round.organisations))
        }
        Err(cause) => {
            tracing::error!(%cause, "the upkeep of organisations broke");
            ("failing", "the organisations could not be read".to_owned())
        }
    };
    Line { job: "organisations".into(), outcome, detail, took_ms }
}

/// What is due to be destroyed, as a line.
pub async fn retention_line(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Line {
    let began = std::time::Instant::now();
    let due = retention::due(operator, accounts, now).await;
    let swept = retention::sweep(operator, accounts, now).await;
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (outcome, detail) = match (due, swept) {
        (Ok(due), Ok(swept)) => (
            if due.broken + swept.broken == 0 { "done" } else { "failing" },
            format!(
                "{} organisations purged, {} but for held records, {} accounts erased, {} records expired, {} kept by a legal hold, {} broken",
                due.purged,
                due.reduced,
                due.erased,
                swept.expired,
                due.held,
                due.broken + swept.broken
            ),
        ),
        (Err(cause), _) | (Ok(_), Err(cause)) => {
            tracing::error!(%cause, "what is due to be destroyed could not be read");
            ("failing", "what is due could not be read".to_owned())
        }
    };
    Line { job: "retention".into(), outcome, detail, took_ms }
}

/// The copies that are due, each with a line that is kept.
///
/// # Errors
/// When the database does not answer.
pub async fn copies_lines(instance: &Instance) -> Result<Vec<Line>, DbErr> {
    let lines = schedule::round(instance).await?;
    kept::keep(&instance.operator, &lines, instance.clock.now()).await?;
    Ok(lines)
}

/// Everything that is due, once: the organisations, what has to be destroyed, the copies, the checks, then the history.
///
/// # Errors
/// When the database does not answer.
pub async fn tick(instance: &Instance) -> Result<Vec<Line>, DbErr> {
    // What is due is done before it is looked whether it was.
    let (operator, accounts, now) = (&instance.operator, &instance.accounts, instance.clock.now());
    let kept_up = [
        upkeep_line(operator, accounts, now).await,
        retention_line(operator, accounts, now).await,
        archives_line(instance).await,
    ];
    kept::keep(operator, &kept_up, now).await?;
    let copied = copies_lines(instance).await?;
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    let due = due(&wanted(instance), &facts, instance.clock.now());
    let ran = run_checks(instance, &due).await?;
    let mut lines: Vec<Line> = kept_up.into_iter().chain(copied).chain(ran.iter().map(Line::from)).collect();
    let changed = observe(instance).await?;
    lines.push(Line {
        job: "history".into(),
        outcome: "done",
        detail: format!("{changed} entries written"),
        took_ms: 0,
    });
    Ok(lines)
}
