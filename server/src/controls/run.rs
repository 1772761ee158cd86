//! Runs checks so that one that panics or hangs fails alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sea_orm::{ActiveValue, ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    CHECK_LIMIT, Check, Instance, Seen, access_review, audit_chain, backups, billing, claim_engine, data_shape,
    environments, forgeries, identity, isolation, mfa, mfa_reset, non_production, offboarding, operator_seats,
    passwords, rbac, recovery, retention, row_level, sealed_storage, tenant_export, transport, web_hygiene,
};
use crate::clock::{Clock, to_ms};
use crate::entity::finding;
use crate::profile::policy::Isolation;

/// How many findings of each check are kept.
const KEPT: u64 = 50;

/// How often a look is begun while the clock leaps.
const MOST_TURNS: u32 = 5;

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
    steadily(check, &instance.clock, || {
        let looking = instance.clone();
        Box::pin(async move { dispatch(check, &looking).await })
    })
    .await
}

/// Looks anew where the clock was set meanwhile, or the machine slept: the people whom a look makes for itself are then signed out in the
/// middle of it, as anybody would be, and what it saw says nothing of the control.
pub async fn steadily<F>(check: Check, clock: &Clock, work: impl Fn() -> F) -> Ran
where
    F: Future<Output = Result<Seen, String>> + Send + 'static,
{
    let mut turns = 1;
    loop {
        let (at, started) = (clock.now(), Instant::now());
        let seen = attempted(work()).await;
        let took = started.elapsed();
        let leapt = clock.leapt(at, took);
        if leapt && turns < MOST_TURNS {
            turns += 1;
            continue;
        }
        let seen = match seen {
            Ok(seen) => seen,
            Err(cause) if leapt => {
                tracing::warn!(check = %check.path(), %cause, "the clock was set in every turn of a look");
                Seen::Unavailable("The clock of this machine is being set again and again.".into())
            }
            Err(cause) => broken(check, &cause),
        };
        return Ran { check, seen, at, took_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX) };
    }
}

/// Whether the server is on its way out: what a look does not reach then says nothing of the server.
static LEAVING: AtomicBool = AtomicBool::new(false);

/// From now on a look that fails is not told.
pub fn leave() {
    LEAVING.store(true, Ordering::Relaxed);
}

/// A panic, an overrun and an error are all a failing with a reference; the cause is in the log.
async fn attempted<F>(work: F) -> Result<Seen, String>
where
    F: Future<Output = Result<Seen, String>> + Send + 'static,
{
    let task = tokio::spawn(work);
    let stop = task.abort_handle();
    match tokio::time::timeout(CHECK_LIMIT, task).await {
        Ok(Ok(looked)) => looked,
        Ok(Err(broken)) => Err(broken.to_string()),
        Err(_) => {
            stop.abort();
            Err(format!("it took longer than {} seconds", CHECK_LIMIT.as_secs()))
        }
    }
}

fn broken(check: Check, cause: &str) -> Seen {
    let reference = Uuid::now_v7().simple().to_string();
    if LEAVING.load(Ordering::Relaxed) {
        return Seen::Unavailable("The server was told to stop.".into());
    }
    tracing::error!(check = check.path(), reference, cause, "check {} could not look", check.path());
    Seen::Failing(format!("The check could not be completed; its cause is in the log under {reference}."))
}

async fn dispatch(check: Check, instance: &Instance) -> Result<Seen, String> {
    match check {
        Check::BoundClaims => Ok(claim_engine::bound(instance)),
        Check::CertificationsComputed => told(claim_engine::certifications(instance).await),
        Check::FrameworksComputed => told(claim_engine::frameworks(instance).await),
        Check::Tuneable => told(claim_engine::tuneable(instance).await),
        Check::History => told(claim_engine::unbroken_history(instance).await),
        Check::Tls => told(transport::tls(instance).await),
        Check::Redirect => told(transport::redirect(instance).await),
        Check::Hsts => told(transport::hsts(instance).await),
        Check::AtRest => told(sealed_storage::at_rest(instance).await),
        Check::References => Ok(sealed_storage::references(instance)),
        Check::Headers => told(web_hygiene::headers(instance).await),
        Check::Cookies => told(web_hygiene::cookies(instance).await),
        Check::RateLimits => told(web_hygiene::rate_limits(instance).await),
        Check::BodyLimits => told(web_hygiene::body_limits(instance).await),
        Check::TotpSecrets => told(sealed_storage::totp_secrets(instance).await),
        Check::Csrf => told(forgeries::csrf(instance).await),
        Check::FormThrottle => told(web_hygiene::form_throttle(instance).await),
        Check::HashScheme => told(passwords::scheme(instance).await),
        Check::HashSalts => told(passwords::salts(instance).await),
        Check::PasswordUnseen => told(passwords::unseen(instance).await),
        Check::FactorDemanded => told(mfa::demanded(instance).await),
        Check::FactorOffered => told(mfa::offered(instance).await),
        Check::CodeOnce => told(mfa::codes(instance).await),
        Check::BackupCodes => told(mfa::backup_codes(instance).await),
        Check::UniqueAddress => told(identity::unique(instance).await),
        Check::WorkAddresses => told(identity::work_addresses(instance).await),
        Check::Cryptoperiods => told(sealed_storage::cryptoperiods(instance).await),
        Check::Invitations => told(identity::invitations(instance).await),
        Check::RoleMatrix => told(rbac::matrix(instance).await),
        Check::Demotion => told(rbac::demotion(instance).await),
        Check::NoWildcard => told(rbac::no_wildcard(instance).await),
        Check::Reach => told(rbac::reach(instance).await),
        Check::ScopedSweep => told(isolation::sweep(instance, Isolation::Scoped).await),
        Check::ScopedOperators => told(isolation::operators(instance).await),
        Check::RowLevelSweep => told(isolation::sweep(instance, Isolation::RowLevel).await),
        Check::RowSecurityInForce => told(row_level::in_force(instance).await),
        Check::DedicatedSweep => told(isolation::sweep(instance, Isolation::Dedicated).await),
        Check::Environments => told(environments::two(instance).await),
        Check::FactorReset => told(mfa_reset::rules(instance).await),
        Check::OffboardingRemoves => told(offboarding::removes(instance).await),
        Check::OffboardingOnTime => told(offboarding::on_time(instance).await),
        Check::ReviewRemoves => told(access_review::removes(instance).await),
        Check::SelfReview => told(access_review::self_review(instance).await),
        Check::ReviewsOnTime => told(access_review::on_time(instance).await),
        Check::OperatorsReviewed => told(access_review::operators(instance).await),
        Check::LogChains => told(audit_chain::chains(instance).await),
        Check::LogRecorded => told(audit_chain::recorded(instance).await),
        Check::LogRetention => told(audit_chain::retention(instance).await),
        Check::OperatorCap => told(operator_seats::cap(instance).await),
        Check::OperatorAudited => told(operator_seats::audited(instance).await),
        Check::ReadOnlyLapse => told(billing::read_only(instance).await),
        Check::ExportEveryStanding => told(tenant_export::every_standing(instance).await),
        Check::ExportEqualsDatabase => told(tenant_export::equals_database(instance).await),
        Check::TestRefuses => Ok(non_production::refused(instance)),
        Check::TestMasked => told(non_production::masked(instance).await),
        Check::TestUnclassified => Ok(non_production::unclassified(instance)),
        Check::ActiveKept => told(retention::active_kept(instance).await),
        Check::HiddenAtOnce => told(retention::hidden(instance).await),
        Check::PurgedInTime => told(retention::purged(instance).await),
        Check::HoldsNamed => told(retention::held(instance).await),
        Check::AccountsErased => told(retention::accounts(instance).await),
        Check::BackupsDaily => told(backups::daily(instance).await),
        Check::BackupsEncrypted => told(backups::encrypted(instance).await),
        Check::ObjectivesSet => told(recovery::set(instance).await),
        Check::ObjectivesMeasured => told(recovery::measured(instance).await),
        Check::HealthFields => Ok(data_shape::health_fields(instance)),
    }
}

/// The cause as text, for the log.
fn told<E: std::fmt::Display>(looked: Result<Seen, E>) -> Result<Seen, String> {
    looked.map_err(|error| error.to_string())
}

/// Stores what was seen and lets go of what is older than the newest of each check.
///
/// # Errors
/// When the database does not answer; then nothing is stored.
pub async fn store(instance: &Instance, ran: &[Ran]) -> Result<(), DbErr> {
    // What a listener answered that was opened just for the look proves nothing about the server.
    let ran: Vec<&Ran> = ran.iter().filter(|run| !(instance.serving.temporary && run.check.asks())).collect();
    if ran.is_empty() || LEAVING.load(Ordering::Relaxed) {
        return Ok(());
    }
    let profile = &instance.profile.id;
    let change = instance.operator.begin().await?;
    for run in &ran {
        let of_check = Condition::all()
            .add(finding::Column::Profile.eq(profile))
            .add(finding::Column::CheckPath.eq(run.check.path()));
        // A finding from the future was made while the clock was wrong; it would stand before every later one.
        let future = finding::Column::CheckedAtMs.gt(to_ms(run.at));
        change.delete(finding::Entity::delete_many().filter(of_check.clone()).filter(future)).await?;
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
