//! What each job last came to, for the vendor's staff to see.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, DbErr, EntityTrait, QueryOrder};
use time::OffsetDateTime;

use super::Line;
use crate::clock::{from_ms, to_ms};
use crate::entity::job;
use crate::guard::{Operator, ReadError, Staff};

/// The last run of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    pub job: String,
    pub at: OffsetDateTime,
    pub done: bool,
    /// Numbers. What a failure came from stands in the log of the server only.
    pub said: String,
}

/// Keeps what they came to, in the place of what they came to before.
///
/// # Errors
/// When the database does not answer.
pub async fn keep(operator: &Operator, lines: &[Line], now: OffsetDateTime) -> Result<(), DbErr> {
    if lines.is_empty() {
        return Ok(());
    }
    let change = operator.begin_account().await?;
    for line in lines {
        let row = job::ActiveModel {
            name: ActiveValue::Set(line.job.clone()),
            at_ms: ActiveValue::Set(to_ms(now)),
            outcome: ActiveValue::Set(line.outcome.to_owned()),
            said: ActiveValue::Set(line.detail.clone()),
        };
        let newer = [job::Column::AtMs, job::Column::Outcome, job::Column::Said];
        change.upsert(row, OnConflict::column(job::Column::Name).update_columns(newer).to_owned()).await?;
    }
    change.commit_housekeeping().await
}

/// Each job that ever ran, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn last(staff: &Staff) -> Result<Vec<Last>, ReadError> {
    let rows = staff.all(job::Entity::find().order_by_asc(job::Column::Name)).await?;
    Ok(rows
        .into_iter()
        .map(|row| Last { job: row.name, at: from_ms(row.at_ms), done: row.outcome != "failing", said: row.said })
        .collect())
}
