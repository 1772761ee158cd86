//! What runs out by itself: sessions, links, full buckets.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::{Refusal, limits};
use crate::clock::to_ms;
use crate::entity::{known_device, letter, token};
use crate::guard::{Operator, expired_sessions};

/// How long operators can see that a letter was sent.
const LETTERS_KEPT: Duration = Duration::days(30);

/// As long as browsers keep the mark (RFC 6265bis section 5.5).
const DEVICES_KEPT: Duration = Duration::days(400);

/// How much went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    pub sessions: u64,
    pub links: u64,
}

/// Lets go of what has run out.
///
/// # Errors
/// When the database does not answer.
pub async fn clear(operator: &Operator, now: OffsetDateTime) -> Result<Gone, Refusal> {
    let change = operator.begin_account().await?;
    let sessions = change.delete(expired_sessions(to_ms(now))).await?;
    let links = change.delete(token::Entity::delete_many().filter(token::Column::EndsAtMs.lte(to_ms(now)))).await?;
    let left_long_ago = letter::Entity::delete_many().filter(letter::Column::DoneAtMs.lt(to_ms(now - LETTERS_KEPT)));
    change.delete(left_long_ago).await?;
    let forgotten =
        known_device::Entity::delete_many().filter(known_device::Column::SeenAtMs.lt(to_ms(now - DEVICES_KEPT)));
    change.delete(forgotten).await?;
    limits::forget_full(&change, now).await?;
    change.commit_housekeeping().await?;
    Ok(Gone { sessions, links })
}
