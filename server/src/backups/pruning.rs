//! Letting go of copies after their time. Only of those that this instance has a receipt of, only after a new one has been made, and never of the
//! newest good ones: a schedule that stopped destroys nothing.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::receipts;
use super::{BackupError, Destination};
use crate::clock::from_ms;
use crate::guard::Operator;
use crate::profile::policy;

/// A copy that was let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    pub object: String,
    pub destination: String,
}

/// Lets go of what is past its time at these destinations. The object goes before its receipt says so; what a crash leaves between the two is
/// written down by the next round.
///
/// # Errors
/// When the database or a destination does not answer.
pub async fn prune(
    operator: &Operator,
    policy: &policy::Backups,
    destinations: &[Destination],
    now: OffsetDateTime,
) -> Result<Vec<Pruned>, BackupError> {
    let Some(days) = policy.keep_days else { return Ok(Vec::new()) };
    let before = now - Duration::days(days.get().into());
    let least = policy.keep_at_least.map_or(1, |least| usize::try_from(least.get()).unwrap_or(usize::MAX));
    let mut pruned = Vec::new();
    for destination in destinations {
        let there: BTreeSet<String> =
            destination.list("avouch-", ".backup").await?.into_iter().map(|object| object.name).collect();
        let receipts = receipts::kept(&operator.visitor(), &destination.label).await?;
        // What counts as kept is what lies there, and not what a receipt remembers.
        let newest: BTreeSet<&str> = receipts
            .iter()
            .map(|row| row.object.as_str())
            .filter(|object| there.contains(*object))
            .take(least)
            .collect();
        for row in &receipts {
            if from_ms(row.started_at_ms) > before || newest.contains(row.object.as_str()) {
                continue;
            }
            destination.remove(&row.object).await?;
            receipts::pruned(operator, row, now).await?;
            pruned.push(Pruned { object: row.object.clone(), destination: destination.label.clone() });
        }
    }
    Ok(pruned)
}
