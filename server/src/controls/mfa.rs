//! The second factor: demanded where the profile says so, offered to everybody, each code good once.

use contract::access::{ENDPOINTS, PAGES, Who};
use futures::future::join_all;
use sea_orm::EntityTrait;

use super::probe::{Probe, ProbeError, session_cookie};
use super::{Instance, Seen};
use crate::crypto::secret::{BACKUP_CODE_BITS, BACKUP_CODE_DIGEST};
use crate::entity::backup_code;
use crate::identity::stand_in::{As, StandIn};
use crate::identity::{Refusal, backup_codes as codes_of, second_factor};
use crate::profile::policy::MfaRule;

#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Account(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
    #[error("an archive: {0}")]
    Export(String),
}

/// All that may be open, beside what is open to everybody.
const WHILE_ENROLLING: &[&str] = &["/account/mfa/enrol", "/api/confirm-totp", "/api/sign-out"];
const WHILE_HALF_WAY: &[&str] = &["/sign-in/code", "/api/enter-code", "/api/enter-backup-code", "/api/sign-out"];

pub async fn demanded(instance: &Instance) -> Result<Seen, LookError> {
    let profile = &instance.profile;
    let mut demanding = 0;
    for (name, role) in &profile.roles {
        let wanted = match profile.mfa {
            MfaRule::Everyone => true,
            MfaRule::Privileged => role.privileged || role.mfa,
            MfaRule::Offered => role.mfa,
        };
        if role.privileged && !wanted {
            return Ok(Seen::Failing(format!("The privileged role {name} gets in without a second factor.")));
        }
        demanding += usize::from(wanted);
        let expected = if wanted { WHILE_ENROLLING } else { &["/account"] };
        let (how, whole) = (As::Unenrolled, wanted);
        if let Some(wrong) = with(instance, name, how, |probe, cookie| reach(probe, cookie, expected, whole)).await? {
            return Ok(Seen::Failing(format!("Somebody in the role {name} who has no second factor: {wrong}.")));
        }
    }
    let Some(role) = profile.roles.keys().next() else { return Ok(Seen::Failing("There are no roles.".into())) };
    let half = with(instance, role, As::HalfWay, |probe, cookie| reach(probe, cookie, WHILE_HALF_WAY, true)).await?;
    if let Some(wrong) = half {
        return Ok(Seen::Failing(format!("Somebody whose code is still missing: {wrong}.")));
    }
    Ok(Seen::Upheld(format!(
        "{demanding} of {} roles demand a second factor; without one, none of {} pages and endpoints opens but enrolment, the code, sign-out and help.",
        profile.roles.len(),
        PAGES.len() + ENDPOINTS.len()
    )))
}

/// Makes a stand-in, looks, and takes it away again whatever was seen.
async fn with<F, Out>(instance: &Instance, role: &str, how: As, look: F) -> Result<Out, LookError>
where
    F: AsyncFnOnce(Probe, String) -> Result<Out, ProbeError>,
{
    let now = instance.clock.now();
    let person = StandIn::make(&instance.operator, &instance.accounts, role, how, now).await?;
    let cookie = session_cookie(&person.session.text());
    let probe = Probe::connect(&instance.serving).await;
    let seen = match probe {
        Ok(probe) => look(probe, cookie).await,
        Err(error) => Err(error),
    };
    person.remove(&instance.operator).await?;
    Ok(seen?)
}

/// Asks for every row that is not for everybody: those in `open` must let in, and with `whole` all others must not.
async fn reach(mut probe: Probe, cookie: String, open: &[&str], whole: bool) -> Result<Option<String>, ProbeError> {
    let pages = PAGES.iter().filter(|row| row.who != Who::Everyone).map(|row| ("GET", row.path));
    let changes = ENDPOINTS.iter().filter(|row| row.who != Who::Everyone).map(|row| ("POST", row.path));
    for (method, path) in pages.chain(changes) {
        let should = open.contains(&path);
        if !should && !whole {
            continue;
        }
        let headers =
            [("cookie", cookie.as_str()), ("accept", "application/json"), ("content-type", "application/json")];
        let answer = probe.send(method, path, &headers, b"{}".to_vec()).await?;
        // A change without its token is refused after the access table has let it pass.
        let let_in = matches!((method, answer.status.as_u16()), ("GET", 200) | ("POST", 403));
        let kept_out = answer.status.as_u16() == 401;
        if (should && !let_in) || (!should && !kept_out) {
            return Ok(Some(format!("{method} {path} is answered {}", answer.status.as_u16())));
        }
    }
    Ok(None)
}

pub async fn offered(instance: &Instance) -> Result<Seen, LookError> {
    for name in instance.profile.roles.keys() {
        let page = with(instance, name, As::Unenrolled, async |mut probe: Probe, cookie: String| {
            probe.send("GET", "/account/mfa/enrol", &[("cookie", cookie.as_str())], Vec::new()).await
        });
        let answer = page.await?;
        let has_key = answer.body.windows(16).any(|window| window == b"data-totp-secret");
        if answer.status.as_u16() != 200 || !has_key {
            return Ok(Seen::Failing(format!("Somebody in the role {name} is not offered a second factor.")));
        }
    }
    Ok(Seen::Upheld(format!("Enrolment opens for all {} roles.", instance.profile.roles.len())))
}

/// How often one code is sent at once.
const AT_ONCE: usize = 5;

pub async fn codes(instance: &Instance) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    let Some(role) = instance.profile.roles.keys().next() else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let person = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = code_once(instance, &person).await;
    person.remove(&instance.operator).await?;
    seen
}

async fn code_once(instance: &Instance, person: &StandIn) -> Result<Seen, LookError> {
    let (policy, now) = (&instance.profile.policy.mfa, instance.clock.now());
    let seconds = second_factor::seconds(now);
    let code = person.secret.code_at(policy, seconds).unwrap_or_default();
    let far = u64::from(policy.code_seconds.get()) * (u64::from(policy.code_skew_steps) + 2);
    let old = person.secret.code_at(policy, seconds.saturating_sub(far)).unwrap_or_default();
    let send = async |code: &str| {
        let change = instance.operator.begin_account().await?;
        let taken = second_factor::use_code(&change, &instance.accounts, person.account, code, now).await?;
        change.commit_housekeeping().await?;
        Ok::<bool, LookError>(taken)
    };
    if old != code && send(&old).await? {
        return Ok(Seen::Failing("A code from outside the published window was taken.".into()));
    }
    let taken = join_all((0..AT_ONCE).map(|_| send(&code))).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let taken = taken.into_iter().filter(|taken| *taken).count();
    Ok(if taken == 1 {
        Seen::Upheld(format!("One code sent {AT_ONCE} times at once was taken once; an old one was refused."))
    } else {
        Seen::Failing(format!("One code sent {AT_ONCE} times at once was taken {taken} times."))
    })
}

pub async fn backup_codes(instance: &Instance) -> Result<Seen, LookError> {
    let stored = instance.operator.all(backup_code::Entity::find()).await?;
    let digest = |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(wrong) = stored.iter().position(|row| !digest(&row.code_hash)) {
        return Ok(Seen::Failing(format!(
            "Stored backup code {} of {} is no {BACKUP_CODE_DIGEST}.",
            wrong + 1,
            stored.len()
        )));
    }
    let now = instance.clock.now();
    let Some(role) = instance.profile.roles.keys().next() else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let person = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = backup_code_once(instance, &person, stored.len()).await;
    person.remove(&instance.operator).await?;
    seen
}

async fn backup_code_once(instance: &Instance, person: &StandIn, stored: usize) -> Result<Seen, LookError> {
    let change = instance.operator.begin_account().await?;
    let codes = codes_of::replace(&change, &instance.accounts, person.account).await?;
    change.commit_housekeeping().await?;
    let Some(shown) = codes.first().map(crate::crypto::secret::BackupCode::shown) else {
        return Ok(Seen::Failing("No backup codes are made.".into()));
    };
    let send = async || {
        let change = instance.operator.begin_account().await?;
        let taken = codes_of::spend(&change, person.account, &shown).await?;
        change.commit_housekeeping().await?;
        Ok::<bool, LookError>(taken)
    };
    let taken = join_all((0..AT_ONCE).map(|_| send())).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let taken = taken.into_iter().filter(|taken| *taken).count();
    Ok(if taken == 1 {
        Seen::Upheld(format!(
            "All {stored} stored backup codes are {BACKUP_CODE_DIGEST} of {BACKUP_CODE_BITS} random bits; one sent {AT_ONCE} times at once was taken once."
        ))
    } else {
        Seen::Failing(format!("One backup code sent {AT_ONCE} times at once was taken {taken} times."))
    })
}
