//! The one place where a claim's state is decided, from what is on record and the time.

use std::num::NonZeroU32;

use contract::claim::State;
use time::{Date, Duration, OffsetDateTime, Time};

use super::facts::{Facts, Finding, Record};
use crate::clock::rfc3339;
use crate::controls::{Check, FRESH_INTERVALS, Seen};
use crate::profile::figures::{count, every_days};
use crate::profile::{Binding, Claim};

/// What may be said, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: State,
    pub finding: String,
    pub checked_at: Option<OffsetDateTime>,
    pub due_at: Option<OffsetDateTime>,
    /// When the state began, where the record itself tells.
    pub began: Option<OffsetDateTime>,
}

impl Verdict {
    fn of(state: State, finding: impl Into<String>) -> Self {
        Self { state, finding: finding.into(), checked_at: None, due_at: None, began: None }
    }

    fn checked(self, at: Option<OffsetDateTime>) -> Self {
        Self { checked_at: at, ..self }
    }

    fn due(self, date: Date) -> Self {
        Self { due_at: Some(end_of(date)), ..self }
    }

    /// It was due on `date` and has been missing since.
    fn overdue(self, date: Date) -> Self {
        Self { began: Some(end_of(date)), ..self.due(date) }
    }
}

/// Decides one claim at `now`.
pub fn decide(claim: &Claim, facts: &Facts, now: OffsetDateTime) -> Verdict {
    if let Some((date, reason)) = &claim.withdrawn {
        return Verdict::of(State::Withdrawn, format!("Withdrawn on {date}: {reason}"));
    }
    // A record of a day that has not come proves nothing, whoever's clock was wrong.
    let records: Vec<Record> = facts
        .records
        .get(&claim.id)
        .into_iter()
        .flatten()
        .filter(|record| record.dated <= now.date())
        .cloned()
        .collect();
    let records = records.as_slice();
    match &claim.binding {
        Binding::Checks { checks, .. } => of_checks(checks, facts, now),
        Binding::Coming { why, .. } => Verdict::of(State::Unproven, *why),
        Binding::Evidence { owner, cadence_days, record, recorded, requires: _ } => {
            of_evidence(owner, *cadence_days, record, *recorded, records, now)
        }
        Binding::Milestone { owner, date, record } => of_milestone(owner, *date, record, records, now),
        Binding::Published { confirmed } => Verdict::of(State::Stated, format!("Last confirmed on {confirmed}."))
            .checked(Some(confirmed.with_time(Time::MIDNIGHT).assume_utc())),
    }
}

/// All checks must hold; the worst one speaks.
fn of_checks(checks: &[Check], facts: &Facts, now: OffsetDateTime) -> Verdict {
    let verdicts: Vec<Verdict> = checks.iter().map(|check| of_check(*check, facts, now)).collect();
    let oldest = verdicts.iter().map(|verdict| verdict.checked_at).min().flatten();
    let Some(worst) = verdicts.iter().map(|verdict| verdict.state).min_by_key(|state| gravity(*state)) else {
        return Verdict::of(State::Unproven, "Nothing is checked.");
    };
    let mut said: Vec<&str> =
        verdicts.iter().filter(|verdict| verdict.state == worst).map(|verdict| verdict.finding.as_str()).collect();
    said.dedup();
    Verdict::of(worst, said.join(" ")).checked(oldest)
}

/// Which of several states speaks for all of them: lower is graver.
const fn gravity(state: State) -> u8 {
    match state {
        State::Failing => 0,
        State::Unavailable => 1,
        State::Unproven => 2,
        State::Ageing => 3,
        State::Proven | State::Stated | State::Withdrawn => 4,
    }
}

fn of_check(check: Check, facts: &Facts, now: OffsetDateTime) -> Verdict {
    let findings = facts.findings.get(&check).map(Vec::as_slice).unwrap_or_default();
    // Of a moment that has not come, only the failing is believed.
    let past = findings.iter().find(|finding| finding.at <= now);
    let newest: Option<&Finding> = past.or_else(|| findings.first());
    if let Some((since, reason)) = facts.switched_off.get(&check) {
        return Verdict::of(State::Failing, format!("Switched off by an operator since {}: {reason}", rfc3339(*since)))
            .checked(newest.map(|finding| finding.at));
    }
    let Some(Finding { seen, at, .. }) = newest else {
        return Verdict::of(State::Unproven, "Not checked yet.");
    };
    let limit = check.about().every * FRESH_INTERVALS;
    let age = now - *at;
    let stale = age > limit || age.is_negative();
    let verdict = match seen {
        Seen::Failing(said) => Verdict::of(State::Failing, said),
        Seen::Unavailable(said) => Verdict::of(State::Unavailable, said),
        Seen::Upheld(_) if stale => Verdict::of(
            State::Ageing,
            format!(
                "Last upheld at {}; no check has run for longer than its limit of {}.",
                rfc3339(*at),
                count(limit.as_secs() / 60, "minute")
            ),
        ),
        Seen::Upheld(said) => Verdict::of(State::Proven, said),
    };
    verdict.checked(Some(*at))
}

fn of_evidence(
    owner: &str,
    cadence_days: NonZeroU32,
    wanted: &str,
    recorded: Option<Date>,
    records: &[Record],
    now: OffsetDateTime,
) -> Verdict {
    let today = now.date();
    let newest = records.iter().map(|record| record.dated).chain(recorded).max();
    let Some(dated) = newest else {
        return Verdict::of(State::Unproven, format!("Nothing is on record yet. {owner} owes: {wanted}"));
    };
    let checked = Some(dated.with_time(Time::MIDNIGHT).assume_utc());
    if let Some((name, expired)) = expired(records, today) {
        return Verdict::of(
            State::Failing,
            format!("The certificate \"{name}\" expired on {expired}: overdue since then. {owner} owes: {wanted}"),
        )
        .checked(checked)
        .overdue(expired);
    }
    let due = dated.saturating_add(Duration::days(i64::from(cadence_days.get())));
    let cadence = every_days(cadence_days.get().into());
    let age = age(dated, today);
    if today > due {
        return Verdict::of(State::Failing, format!("Overdue since {due}: the newest record is of {dated}, {age} old, and one is due {cadence}. {owner} owes: {wanted}")).checked(checked).overdue(due);
    }
    Verdict::of(State::Proven, format!("The newest record is of {dated}, {age} old; the next is due by {due}."))
        .checked(checked)
        .due(due)
}

/// Once a claim rests on certificates, one of them must still be valid: the last to run out, when it has.
fn expired(records: &[Record], today: Date) -> Option<(String, Date)> {
    let certificates = records.iter().filter_map(|record| record.certifies.clone());
    let last = certificates.filter_map(|(name, expires)| Some((name, expires?))).max_by_key(|(_, expires)| *expires);
    last.filter(|(_, expires)| *expires < today)
}

fn of_milestone(owner: &str, date: Date, wanted: &str, records: &[Record], now: OffsetDateTime) -> Verdict {
    let reached = records.iter().map(|record| record.dated).min();
    if let Some((name, expired)) = expired(records, now.date()) {
        return Verdict::of(
            State::Failing,
            format!("The certificate \"{name}\" expired on {expired}: overdue since then. {owner} owes: {wanted}"),
        )
        .overdue(expired);
    }
    match reached {
        Some(reached) => Verdict::of(State::Proven, format!("Reached: on record since {reached}."))
            .checked(Some(reached.with_time(Time::MIDNIGHT).assume_utc())),
        None if now.date() > date => {
            Verdict::of(State::Failing, format!("Overdue since {date}: nothing is on record. {owner} owes: {wanted}"))
                .overdue(date)
        }
        None => Verdict::of(
            State::Unproven,
            format!("Planned for {date}; nothing is on record yet. {owner} owes: {wanted}"),
        )
        .due(date),
    }
}

fn end_of(date: Date) -> OffsetDateTime {
    date.with_time(Time::MIDNIGHT).assume_utc().saturating_add(Duration::days(1) - Duration::SECOND)
}

/// `3 days`, `7 months`: whole days below two months, else months of 30.44 days, rounded.
fn age(dated: Date, today: Date) -> String {
    let days = (today - dated).whole_days().max(0).unsigned_abs();
    if days < 61 { count(days, "day") } else { count((days * 100 + 1522) / 3044, "month") }
}
