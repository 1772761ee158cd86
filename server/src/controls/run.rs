//! Runs checks so that one that panics or hangs fails alone.

use std::time::Instant;

use sea_orm::{ActiveValue, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{CHECK_LIMIT, Check, Instance, Seen, claim_engine, data_shape, sealed_storage, transport, web_hygiene};
use crate::clock::to_ms;
use crate::entity::finding;

/// How many findings of each check are kept.
const KEPT: u64 = 50;

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Ran {
    pub check: Check,
    pub seen: Seen,
    pub at: OffsetDateTime,
    pub took_ms: i64,
}

/// Looks once.
pub async fn look(check: Check, instance: &Instance) -> Ran {
    let at = instance.clock.now();
    let started = Instant::now();
    let looking = instance.clone();
    let seen = contained(check, async move { dispatch(check, &looking).await }).await;
    Ran { check, seen, at, took_ms: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX) }
}

/// A panic, an overrun and an error are all a failing with a reference; the cause is in the log.
pub async fn contained<F>(check: Check, work: F) -> Seen
where
    F: Future<Output = Result<Seen, String>> + Send + 'static,
{
    let task = tokio::spawn(work);
    let stop = task.abort_handle();
    let cause = match tokio::time::timeout(CHECK_LIMIT, task).await {
        Ok(Ok(Ok(seen))) => return seen,
        Ok(Ok(Err(error))) => error,
        Ok(Err(broken)) => broken.to_string(),
        Err(_) => {
            stop.abort();
            format!("it took longer than {} seconds", CHECK_LIMIT.as_secs())
        }
    };
    let reference = Uuid::now_v7().simple().to_string();
    tracing::error!(check = check.path(), reference, cause, "check {} could not look", check.path());
    Seen::Failing(format!("The check could not be completed; its cause is in the log under {reference}."))
}

async fn dispatch(check: Check, instance: &Instance) -> Result<Seen, String> {
    let database = |result: Result<Seen, DbErr>| result.map_err(|error| error.to_string());
    match check {
        Check::BoundClaims => Ok(claim_engine::bound(instance)),
        Check::CertificationsComputed => database(claim_engine::certifications(instance).await),
        Check::FrameworksComputed => Ok(claim_engine::frameworks(instance)),
        Check::Tuneable => database(claim_engine::tuneable(instance).await),
        Check::History => database(claim_engine::unbroken_history(instance).await),
        Check::Tls => transport::tls(instance).await.map_err(|error| error.to_string()),
        Check::Redirect => transport::redirect(instance).await.map_err(|error| error.to_string()),
        Check::Hsts => transport::hsts(instance).await.map_err(|error| error.to_string()),
        Check::AtRest => database(sealed_storage::at_rest(instance).await),
        Check::References => Ok(sealed_storage::references(instance)),
        Check::Headers => web_hygiene::headers(instance).await.map_err(|error| error.to_string()),
        Check::Cookies => web_hygiene::cookies(instance).await.map_err(|error| error.to_string()),
        Check::RateLimits => web_hygiene::rate_limits(instance).await.map_err(|error| error.to_string()),
        Check::BodyLimits => web_hygiene::body_limits(instance).await.map_err(|error| error.to_string()),
        Check::HealthFields => Ok(data_shape::health_fields(instance)),
    }
}

/// Stores what was seen and lets go of what is older than the newest of each check.
///
/// # Errors
/// When the database does not answer; then nothing is stored.
pub async fn store(instance: &Instance, ran: &[Ran]) -> Result<(), DbErr> {
    if ran.is_empty() {
        return Ok(());
    }
    let profile = &instance.profile.id;
    let change = instance.operator.begin().await?;
    for run in ran {
        let of_check = Condition::all()
            .add(finding::Column::Profile.eq(profile))
            .add(finding::Column::CheckPath.eq(run.check.path()));
        let oldest_kept = change
            .one(
                finding::Entity::find()
                    .filter(of_check.clone())
                    .order_by_desc(finding::Column::CheckedAtMs)
                    .offset(KEPT - 2)
                    .limit(1),
            )
            .await?;
        if let Some(oldest) = oldest_kept {
            let older = finding::Column::CheckedAtMs.lt(oldest.checked_at_ms);
            change.delete(finding::Entity::delete_many().filter(of_check).filter(older)).await?;
        }
    }
    change.commit_findings(ran.iter().map(|run| row(profile, run)).collect()).await
}

fn row(profile: &str, run: &Ran) -> finding::ActiveModel {
    let (outcome, said) = match &run.seen {
        Seen::Upheld(said) => ("upheld", said),
        Seen::Failing(said) => ("failing", said),
        Seen::Unavailable(said) => ("unavailable", said),
    };
    finding::ActiveModel {
        id: ActiveValue::Set(Uuid::now_v7()),
        profile: ActiveValue::Set(profile.to_owned()),
        check_path: ActiveValue::Set(run.check.path()),
        outcome: ActiveValue::Set(outcome.to_owned()),
        said: ActiveValue::Set(said.clone()),
        checked_at_ms: ActiveValue::Set(to_ms(run.at)),
        took_ms: ActiveValue::Set(run.took_ms),
    }
}
