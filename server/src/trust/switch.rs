//! Switching a tuneable check off and on. A mandatory one has no switch.

use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::controls::Check;
use crate::entity::check_switch;
use crate::guard::Operator;

#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    #[error("{} is mandatory: there is no switch for it", .0.path())]
    Mandatory(Check),
    #[error("say why, with --reason; it is published")]
    NoReason,
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Switches a check off; its claims fail at once, with the reason.
///
/// # Errors
/// See [`SwitchError`].
pub async fn off(operator: &Operator, check: Check, reason: &str, now: OffsetDateTime) -> Result<(), SwitchError> {
    if check.mandatory() {
        return Err(SwitchError::Mandatory(check));
    }
    if reason.trim().is_empty() {
        return Err(SwitchError::NoReason);
    }
    let change = operator.begin().await?;
    change.delete(check_switch::Entity::delete_many().filter(check_switch::Column::CheckPath.eq(check.path()))).await?;
    change
        .insert(check_switch::ActiveModel {
            check_path: ActiveValue::Set(check.path()),
            off_since_ms: ActiveValue::Set(to_ms(now)),
            reason: ActiveValue::Set(reason.trim().to_owned()),
        })
        .await?;
    Ok(change.commit(Event::CheckSwitchedOff { check, reason: reason.trim().to_owned() }, now).await?)
}

/// Switches a check on again.
///
/// # Errors
/// When the database does not answer.
pub async fn on(operator: &Operator, check: Check, now: OffsetDateTime) -> Result<(), SwitchError> {
    let change = operator.begin().await?;
    change.delete(check_switch::Entity::delete_many().filter(check_switch::Column::CheckPath.eq(check.path()))).await?;
    Ok(change.commit(Event::CheckSwitchedOn { check }, now).await?)
}
