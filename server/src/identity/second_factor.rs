//! The second factor of whoever has one: a code of the authenticator app, or a backup code. Each is good once, whoever asks at the
//! same time and on whichever instance.

use contract::access::Needs;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::limits::{self, Tried};
use super::record::{Action, Entry};
use super::sessions::{Step, step};
use super::{Accounts, Origin, Refusal, backup_codes, sign_in};
use crate::crypto::totp::TotpSecret;
use crate::entity::totp;
use crate::guard::{AccountChange, AccountId, CodeHolder, Person, SessionId};
use crate::mail::{Letter, queue};
use contract::access::Stage;

/// What somebody gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor<'a> {
    Code(&'a str),
    BackupCode(&'a str),
}

/// Takes a factor: finishes a sign-in, or steps up.
///
/// # Errors
/// [`Refusal::NotProven`] when it is wrong or was used before.
pub async fn give(
    holder: &CodeHolder,
    accounts: &Accounts,
    factor: Factor<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    if !holder.enrolled {
        return Err(Refusal::Conflict("Your account has no second factor yet. Set one up first.".into()));
    }
    let buckets = count(holder, accounts, origin, now).await?;
    let change = holder.begin().await?;
    let taken = match factor {
        Factor::Code(code) => use_code(&change, accounts, holder.account, code, now).await?,
        Factor::BackupCode(code) => backup_codes::spend(&change, holder.account, code).await?,
    };
    if !taken {
        drop(change);
        return Err(refuse(holder, accounts, factor, origin, now).await?);
    }
    let id = step(&change, holder, Step::Factor, None, now).await?;
    limits::forget(&change, &buckets).await?;
    let address = super::profile::open_address(accounts, holder)?;
    if let Factor::BackupCode(_) = factor {
        backup_codes::warn_when_few(&change, accounts, holder.account, &address, now).await?;
    }
    let first_time = holder.stage == Stage::PasswordGiven;
    if first_time && sign_in::remember_device(&change, holder.account, origin, now).await? {
        let letter = Letter::NewDevice { place: origin.place.clone(), sessions: accounts.link("/account/sessions") };
        queue::put_limited(&change, accounts, &address, &holder.address_index, &letter, now).await?;
    }
    let action = match (first_time, factor) {
        (true, Factor::Code(_)) => Action::CodeAccepted,
        (_, Factor::BackupCode(_)) => Action::BackupCodeUsed,
        (false, Factor::Code(_)) => Action::Confirmed,
    };
    let entry = Entry::of(accounts, Some(holder.account), action, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(id)
}

/// Counts the try before it is looked at, so that fifty at once count as fifty.
pub(super) async fn count(
    person: &Person,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Vec<limits::Bucket>, Refusal> {
    let change = person.begin().await?;
    let known = sign_in::known_device(&change, Some(person.account), origin).await?;
    let buckets = limits::of_try(accounts, Tried::Code, &person.address_index, known.as_deref(), origin);
    let used = limits::take(&change, &buckets, now).await?;
    if used.first() == Some(&sign_in::TELL_AFTER) {
        let address = super::profile::open_address(accounts, person)?;
        let letter = Letter::RepeatedCodes { place: origin.place.clone(), reset: accounts.link("/sign-in/forgot") };
        queue::put_limited(&change, accounts, &address, &person.address_index, &letter, now).await?;
        accounts.bell.notify_one();
    }
    change.commit_housekeeping().await?;
    Ok(buckets)
}

/// Takes a code, and begins no new step: for what ends everything anyway.
///
/// # Errors
/// [`Refusal::NotProven`] when it is wrong or was used before.
pub(crate) async fn prove(
    person: &Person,
    accounts: &Accounts,
    code: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let buckets = count(person, accounts, origin, now).await?;
    let change = person.begin().await?;
    if !use_code(&change, accounts, person.account, code, now).await? {
        drop(change);
        return Err(refuse(person, accounts, Factor::Code(code), origin, now).await?);
    }
    limits::forget(&change, &buckets).await?;
    Ok(change.commit_housekeeping().await?)
}

async fn refuse(
    person: &Person,
    accounts: &Accounts,
    factor: Factor<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Refusal, Refusal> {
    let change = person.begin().await?;
    let entry = Entry::of(accounts, Some(person.account), Action::CodeRefused, origin, now)?;
    change.commit(&entry.happened()).await?;
    let needs = match person.stage {
        Stage::PasswordGiven => Needs::SecondFactor,
        Stage::SignedOut | Stage::Enrolling | Stage::Complete | Stage::SteppedUp => Needs::StepUp,
    };
    let said = match factor {
        Factor::Code(_) => "this code is not right, or it was used before; wait for the next one in your app",
        Factor::BackupCode(_) => "this is not one of your unused backup codes; each works once",
    };
    Ok(Refusal::NotProven { needs, field: "code", said: said.into() })
}

/// Uses a code: right, and its step later than every one before. The database decides, so two at once cannot both be first.
pub(crate) async fn use_code(
    change: &AccountChange,
    accounts: &Accounts,
    account: AccountId,
    code: &str,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(row) = change.one(totp::Entity::find_by_id(account.0)).await? else { return Ok(false) };
    let plain = accounts.vault.open_sealed(&secret_place(account), &row.secret)?;
    let Some(step) = TotpSecret::from_slice(&plain)
        .and_then(|secret| secret.step_of(&plain_code(code), &accounts.profile.policy.mfa, seconds(now)))
    else {
        return Ok(false);
    };
    let later = totp::Entity::update_many()
        .col_expr(totp::Column::LastStep, Expr::value(step.0))
        .filter(totp::Column::AccountId.eq(account.0))
        .filter(totp::Column::LastStep.lt(step.0));
    Ok(change.update(later).await? == 1)
}

pub(crate) fn secret_place(account: AccountId) -> String {
    format!("account/{}/totp", account.0)
}

/// As apps show it, with a space in the middle.
pub(super) fn plain_code(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace()).take(16).collect()
}

pub(crate) fn seconds(now: OffsetDateTime) -> u64 {
    u64::try_from(now.unix_timestamp()).unwrap_or(0)
}
