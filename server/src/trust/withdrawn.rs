//! Withdrawing evidence that turned out to be wrong. It stays on record, with who withdrew it, when and why; the claim is decided without it
//! from then on.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::entity::{evidence, evidence_withdrawal};
use crate::guard::{AccountId, Operator};
use crate::profile::Profile;

/// Characters that a reason may have.
pub const LONGEST_REASON: usize = 500;

/// Why nothing was withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    #[error("there is no such record; the list of what is on record has the number of each")]
    NoSuchRecord,
    #[error("this record was withdrawn already")]
    Already,
    #[error("say why it is withdrawn; the reason stands in the platform's log")]
    NoReason,
    #[error("a reason has at most {LONGEST_REASON} characters")]
    LongReason,
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Withdraws one record of the running profile. The claim that it was for.
///
/// # Errors
/// See [`WithdrawError`]. Then everything is as it was.
pub async fn withdraw(
    operator: &Operator,
    profile: &Profile,
    record: &str,
    reason: &str,
    by: Option<AccountId>,
    now: OffsetDateTime,
) -> Result<String, WithdrawError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(WithdrawError::NoReason);
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err(WithdrawError::LongReason);
    }
    let record: Uuid = record.trim().parse().map_err(|_| WithdrawError::NoSuchRecord)?;
    let change = operator.begin().await?;
    let found = evidence::Entity::find_by_id(record).filter(evidence::Column::Profile.eq(&profile.id));
    let claim = change.one(found).await?.ok_or(WithdrawError::NoSuchRecord)?.claim;
    let row = evidence_withdrawal::ActiveModel {
        evidence_id: ActiveValue::Set(record),
        at_ms: ActiveValue::Set(to_ms(now)),
        withdrawn_by: ActiveValue::Set(by.map(|person| person.0)),
        reason: ActiveValue::Set(reason.to_owned()),
    };
    // Of two who withdraw it at once, the second is told.
    let once = OnConflict::column(evidence_withdrawal::Column::EvidenceId).do_nothing().to_owned();
    if change.upsert(row, once).await? == 0 {
        return Err(WithdrawError::Already);
    }
    let event = Event::EvidenceWithdrawn {
        claim: claim.clone(),
        evidence: record,
        by: by.map(|person| person.0),
        reason: reason.to_owned(),
    };
    change.commit(event, now).await?;
    Ok(claim)
}
