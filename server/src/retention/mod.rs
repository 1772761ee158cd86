//! How long things are kept, and that they are gone afterwards: closing an organisation, legal holds, the purge and its certificate, and the end
//! of an account.

pub mod accounts;
pub mod certificate;
pub mod closing;
pub mod expiry;
pub mod holds;
pub mod keeping;
mod places;
pub mod purge;
pub mod reduce;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::guard::Operator;
use crate::identity::{Accounts, Refusal};

/// What one round of the retention job came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    pub purged: usize,
    /// Of which only the records are left that legal holds keep.
    pub reduced: usize,
    pub erased: usize,
    pub expired: u64,
    /// Organisations and people that are due and kept by a legal hold.
    pub held: usize,
    /// What broke; the log says why.
    pub broken: usize,
}

/// Does what is due by the clock: goes on with what was begun, purges, erases, and lets records go. What breaks is told and stops nothing else.
///
/// # Errors
/// When the database does not answer.
pub async fn due(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<Round, Refusal> {
    let mut round = Round::default();
    purge::due(operator, accounts, now, &mut round).await?;
    accounts::due(operator, accounts, now, &mut round).await?;
    if round.purged + round.reduced + round.erased > 0 {
        operator.tidy(night(accounts, now), true).await?;
    }
    Ok(round)
}

/// What need not be done to the second: records past their time, and what SQLite's file still has to give back.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<Round, Refusal> {
    let mut round = Round::default();
    expiry::due(operator, accounts, now, &mut round).await?;
    operator.tidy(night(accounts, now), round.expired > 0).await?;
    Ok(round)
}

/// Between two and four in the morning where the profile's office is: a file may be written anew while few are waiting.
fn night(accounts: &Accounts, now: OffsetDateTime) -> bool {
    let zone = jiff::tz::TimeZone::get(&accounts.profile.policy.calendar.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let here = jiff::Timestamp::from_second(now.unix_timestamp()).map(|at| at.to_zoned(zone));
    here.is_ok_and(|here| (2..4).contains(&here.hour()))
}

/// An id that nobody can guess, unlike one that begins with the time.
pub(crate) fn unguessable() -> Result<Uuid, Refusal> {
    Ok(uuid::Builder::from_random_bytes(crate::crypto::random()?).into_uuid())
}
