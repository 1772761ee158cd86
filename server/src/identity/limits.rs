//! How often may be tried, exactly and together with every other instance: buckets in the database, each one row that says when it
//! is full again (GCRA). A bucket is found by a keyed hash, so that no address of anybody is stored.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::{Accounts, Origin, Refusal};
use crate::clock::to_ms;
use crate::entity::allowance;
use crate::guard::{AccountChange, Rows, Visitor};

/// Wrong tries on one account from devices that it has never seen, all networks together (NIST SP 800-63B section 5.2.2).
const STRANGERS: u32 = 100;

/// A full bucket of strangers' tries gives one back every ten minutes.
const STRANGER_BACK: Duration = Duration::minutes(10);

/// A try on an account from one place comes back every minute.
const TRY_BACK: Duration = Duration::minutes(1);

/// Letters of one kind to one address: five at once, then one every quarter of an hour.
const LETTERS: u32 = 5;
const LETTER_BACK: Duration = Duration::minutes(15);

/// One thing that is counted.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    key: String,
    /// Whether being right fills it again.
    of_person: bool,
    burst: u32,
    /// How long one token takes to come back.
    back: Duration,
}

/// What is tried: the two are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Password,
    Code,
}

impl Tried {
    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Code => "code",
        }
    }
}

fn bucket(accounts: &Accounts, parts: &[&str], burst: u32, back: Duration) -> Bucket {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    Bucket { key: accounts.vault.hashes().mac_hex("bucket/1", &parts), of_person: false, burst, back }
}

fn per_minute(accounts: &Accounts, parts: &[&str], number: u32) -> Bucket {
    bucket(accounts, parts, number, Duration::minutes(1) / number)
}

/// Everything that one try counts against. Whoever tries from elsewhere fills other buckets, so nobody can lock the owner out; a
/// device that the account knows is counted by itself, wherever it is and whoever else is there.
pub(super) fn of_try(
    accounts: &Accounts,
    tried: Tried,
    address_index: &str,
    known_device: Option<&str>,
    origin: &Origin,
) -> Vec<Bucket> {
    let policy = &accounts.profile.policy;
    let attempts = policy.passwords.attempts.get();
    let of_person = |parts: &[&str]| Bucket { of_person: true, ..bucket(accounts, parts, attempts, TRY_BACK) };
    if let Some(device) = known_device {
        return vec![of_person(&["device", tried.word(), address_index, device])];
    }
    vec![
        of_person(&["account", tried.word(), address_index, &origin.counted]),
        per_minute(accounts, &["network", tried.word(), &origin.counted], policy.limits.sign_ins_per_minute.get()),
        strangers(accounts, tried, address_index),
    ]
}

fn strangers(accounts: &Accounts, tried: Tried, address_index: &str) -> Bucket {
    bucket(accounts, &["strangers", tried.word(), address_index], STRANGERS, STRANGER_BACK)
}

pub(super) fn letters(accounts: &Accounts, kind: &str, address_index: &str) -> Bucket {
    bucket(accounts, &["letters", kind, address_index], LETTERS, LETTER_BACK)
}

/// Takes one token from each, or none: how many each has given since it was last full.
///
/// # Errors
/// [`Refusal::TooMany`] with the whole seconds until it is worth trying again.
pub(super) async fn take(change: &Rows, buckets: &[Bucket], now: OffsetDateTime) -> Result<Vec<u32>, Refusal> {
    let mut used = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        used.push(take_one(change, bucket, now).await?);
    }
    Ok(used)
}

async fn take_one(change: &Rows, bucket: &Bucket, now: OffsetDateTime) -> Result<u32, Refusal> {
    let (now, back) = (to_ms(now), i64::try_from(bucket.back.whole_milliseconds()).unwrap_or(i64::MAX));
    let whole = back * i64::from(bucket.burst);
    let full = || Expr::col((allowance::Entity, allowance::Column::FullAtMs));
    // Fuller than full can only be what a clock wrote that ran ahead.
    let nonsense = || full().gt(now + 2 * whole);
    let from = Expr::case(full().lt(now).or(nonsense()), now).finally(full());
    let taken = OnConflict::column(allowance::Column::Bucket)
        .value(allowance::Column::FullAtMs, Expr::expr(from).add(back))
        .action_and_where(full().lte(now + whole - back).or(nonsense()))
        .to_owned();
    let row = allowance::ActiveModel {
        bucket: ActiveValue::Set(bucket.key.clone()),
        full_at_ms: ActiveValue::Set(now + back),
    };
    if let Some(row) = change.upsert_returning(row, taken).await? {
        return Ok(u32::try_from((row.full_at_ms - now + back - 1) / back).unwrap_or(u32::MAX));
    }
    let full_at = change.one(allowance::Entity::find_by_id(bucket.key.clone())).await?;
    let full_at = full_at.map_or(now, |row| row.full_at_ms);
    let wait_ms = Ord::max(full_at + back - whole - now, 1);
    Err(Refusal::TooMany(wait_ms.unsigned_abs().div_ceil(1000)))
}

/// Fills the buckets that are the person's own again: who was right starts anew. The network's and the strangers' get back what this
/// try took and no more: one right password must not pay for a hundred wrong ones. One by one, in the order in which they were taken.
pub(crate) async fn forget(change: &AccountChange, buckets: &[Bucket]) -> Result<(), Refusal> {
    for bucket in buckets {
        let own = allowance::Column::Bucket.eq(&bucket.key);
        if bucket.of_person {
            change.delete(allowance::Entity::delete_many().filter(own)).await?;
            continue;
        }
        let back = i64::try_from(bucket.back.whole_milliseconds()).unwrap_or(0);
        let given_back = allowance::Entity::update_many()
            .col_expr(allowance::Column::FullAtMs, Expr::col(allowance::Column::FullAtMs).sub(back))
            .filter(own);
        change.update(given_back).await?;
    }
    Ok(())
}

/// Counts one submission of a form that needs no account.
///
/// # Errors
/// [`Refusal::TooMany`] above the published limit.
pub async fn public_form(
    visitor: &Visitor,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let bucket =
        per_minute(accounts, &["form", &origin.counted], accounts.profile.policy.limits.forms_per_minute.get());
    let change = visitor.begin().await?;
    take(&change, &[bucket], now).await?;
    Ok(change.commit_housekeeping().await?)
}

/// Lets go of buckets that are full again.
pub(super) async fn forget_full(change: &AccountChange, now: OffsetDateTime) -> Result<u64, Refusal> {
    Ok(change.delete(allowance::Entity::delete_many().filter(allowance::Column::FullAtMs.lt(to_ms(now)))).await?)
}

/// Counts a letter that a stranger causes.
pub(crate) async fn may_write(
    change: &Rows,
    accounts: &Accounts,
    kind: &str,
    address_index: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    take(change, &[letters(accounts, kind, address_index)], now).await.map(|_| ())
}
