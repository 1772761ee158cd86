//! What of the copying is due by the clock, and doing it: the keyring, the backup, the drill.

use time::{Duration, OffsetDateTime};

use super::{BackupError, drill, keyring, pruning, receipts, take};
use crate::controls::Instance;
use crate::guard::ReadError;
use crate::jobs::Line;

/// After a failure it is tried again this soon.
const AGAIN_AFTER: Duration = Duration::minutes(10);

/// Whether a backup is due: when none succeeded within the profile's interval, and none was tried a moment ago.
///
/// # Errors
/// When the database does not answer.
pub async fn backup_due(instance: &Instance, now: OffsetDateTime) -> Result<bool, ReadError> {
    if instance.backups.destinations.is_empty() {
        return Ok(false);
    }
    let visitor = instance.operator.visitor();
    let every = Duration::hours(instance.profile.policy.backups.every_hours.get().into());
    let good = receipts::last_good(&visitor, now).await?;
    if good.is_some_and(|good| now - good.started < every) {
        return Ok(false);
    }
    let last = receipts::backups(&visitor, 1).await?.into_iter().next();
    Ok(last.is_none_or(|last| last.done || now < last.started || now - last.started >= AGAIN_AFTER))
}

/// Whether a drill is due: when none was made within the profile's interval since the last, and there is a copy to try.
///
/// # Errors
/// When the database does not answer.
pub async fn drill_due(instance: &Instance, now: OffsetDateTime) -> Result<bool, ReadError> {
    let Some(days) = instance.profile.policy.backups.drill_days else { return Ok(false) };
    let visitor = instance.operator.visitor();
    if receipts::last_good(&visitor, now).await?.is_none() {
        return Ok(false);
    }
    let last = receipts::drills(&visitor, 1).await?.into_iter().next();
    Ok(last.is_none_or(|last| {
        let wait = if last.done { Duration::days(days.get().into()) } else { Duration::hours(1) };
        now < last.at || now - last.at >= wait
    }))
}

/// Everything of it that is due, one line each. What fails is told in its line and stands on a receipt.
///
/// # Errors
/// When the database does not answer.
pub async fn round(instance: &Instance) -> Result<Vec<Line>, ReadError> {
    let mut lines = Vec::new();
    let backups = &instance.backups;
    match keyring::keys_changed(&instance.operator, backups, instance.clock.now()).await {
        Ok(told) if told.written.is_empty() && told.unreached.is_empty() => {}
        Ok(told) if told.unreached.is_empty() => {
            lines.push(line("keyring", "done", format!("written anew at {}", told.written.join(", "))));
        }
        Ok(told) => {
            let unreached: Vec<&str> = told.unreached.iter().map(|(label, _)| label.as_str()).collect();
            lines.push(line("keyring", "failing", format!("not reached: {}", unreached.join(", "))));
        }
        Err(error) => lines.push(line("keyring", "failing", error.to_string())),
    }
    let mut fresh = false;
    if backup_due(instance, instance.clock.now()).await? {
        let profile = &instance.profile.id;
        let taken = take::take(&instance.operator, backups, profile, &backups.destinations, &instance.clock).await;
        fresh = taken.as_ref().is_ok_and(|taken| taken.failed.is_empty());
        lines.extend(told(
            "backup",
            taken.map(|taken| match taken.failed.first() {
                None => ("done", format!("{} ({} bytes)", taken.object, taken.sealed.bytes)),
                Some((label, why)) => ("failing", format!("{}; not at {label}: {why}", taken.object)),
            }),
        ));
    }
    if fresh {
        lines.extend(pruned(instance).await);
    }
    if drill_due(instance, instance.clock.now()).await? {
        let drilled = drill::drill(&instance.operator, backups, &instance.vault, &instance.clock).await;
        lines.extend(told("drill", drilled.map(|drilled| ("done", drilled.told()))));
    }
    Ok(lines)
}

/// Where everything has a copy of now, what is past its time goes.
async fn pruned(instance: &Instance) -> Option<Line> {
    let (policy, now) = (&instance.profile.policy.backups, instance.clock.now());
    match pruning::prune(&instance.operator, policy, &instance.backups.destinations, now).await {
        Ok(pruned) if pruned.is_empty() => None,
        Ok(pruned) => {
            let names: Vec<&str> = pruned.iter().map(|pruned| pruned.object.as_str()).collect();
            Some(line("pruning", "done", format!("let go of {}", names.join(", "))))
        }
        Err(error) => Some(line("pruning", "failing", error.to_string())),
    }
}

fn line(job: &str, outcome: &'static str, detail: String) -> Line {
    Line { job: job.to_owned(), outcome, detail, took_ms: 0 }
}

fn told(job: &str, came: Result<(&'static str, String), BackupError>) -> Option<Line> {
    match came {
        Ok((outcome, detail)) => Some(line(job, outcome, detail)),
        // Another instance is at it.
        Err(BackupError::UnderWay) => None,
        Err(error) => {
            tracing::error!(%error, job, "the scheduled {job} failed");
            Some(line(job, "failing", error.to_string()))
        }
    }
}
