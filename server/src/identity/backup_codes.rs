//! Backup codes: shown once, kept as SHA-256 only, one use each.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::record::{Action, Entry};
use super::{Accounts, Origin, Refusal, limits, second_factor};
use crate::crypto::secret::BackupCode;
use crate::entity::backup_code;
use crate::guard::{AccountChange, AccountId, SignedIn};
use crate::mail::{Letter, queue};
use contract::access::Needs;

/// The owner is told by mail when so many are left.
const FEW: u64 = 3;

/// How many are left.
///
/// # Errors
/// When the database does not answer.
pub async fn left(reader: &SignedIn) -> Result<usize, Refusal> {
    let own = backup_code::Entity::find().filter(backup_code::Column::AccountId.eq(reader.account.0));
    Ok(reader.all(own).await?.len())
}

/// Makes new ones; the old ones are gone. Needs a code of the app, whenever the last one was given.
///
/// # Errors
/// [`Refusal::NotProven`] when the code is wrong or was used before.
pub async fn regenerate(
    owner: &SignedIn,
    accounts: &Accounts,
    code: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Vec<BackupCode>, Refusal> {
    if !owner.enrolled {
        return Err(Refusal::Conflict("Backup codes belong to a second factor. Set one up first.".into()));
    }
    let buckets = second_factor::count(owner, accounts, origin, now).await?;
    let change = owner.begin().await?;
    if !second_factor::use_code(&change, accounts, owner.account, code, now).await? {
        drop(change);
        let change = owner.begin().await?;
        let entry = Entry::of(accounts, Some(owner.account), Action::CodeRefused, origin, now)?;
        change.commit(&entry.happened()).await?;
        let said = "this code is not right, or it was used before; wait for the next one in your app".into();
        return Err(Refusal::NotProven { needs: Needs::StepUp, field: "code", said });
    }
    let codes = replace(&change, accounts, owner.account).await?;
    limits::forget(&change, &buckets).await?;
    let address = super::profile::open_address(accounts, owner)?;
    queue::put(&change, accounts, &address, &Letter::BackupCodesMade, now).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::BackupCodesMade, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(codes)
}

/// New codes in place of all old ones.
pub(crate) async fn replace(
    change: &AccountChange,
    accounts: &Accounts,
    account: AccountId,
) -> Result<Vec<BackupCode>, Refusal> {
    remove(change, account).await?;
    let number = accounts.profile.policy.mfa.backup_codes.get();
    let codes = (0..number).map(|_| BackupCode::random()).collect::<Result<Vec<_>, _>>()?;
    let row = |code: &BackupCode| backup_code::ActiveModel {
        account_id: ActiveValue::Set(account.0),
        code_hash: ActiveValue::Set(code.hash()),
    };
    change.insert_many(codes.iter().map(row).collect()).await?;
    Ok(codes)
}

pub(super) async fn remove(change: &AccountChange, account: AccountId) -> Result<(), Refusal> {
    change.delete(backup_code::Entity::delete_many().filter(backup_code::Column::AccountId.eq(account.0))).await?;
    Ok(())
}

/// Whoever deletes the row has used the code, and nobody else.
pub(crate) async fn spend(change: &AccountChange, account: AccountId, typed: &str) -> Result<bool, Refusal> {
    let Some(code) = BackupCode::parse(typed) else { return Ok(false) };
    let row = backup_code::Entity::delete_many()
        .filter(backup_code::Column::AccountId.eq(account.0))
        .filter(backup_code::Column::CodeHash.eq(code.hash()));
    Ok(change.delete(row).await? == 1)
}

pub(super) async fn warn_when_few(
    change: &AccountChange,
    accounts: &Accounts,
    account: AccountId,
    address: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let left = change.count(backup_code::Entity::find().filter(backup_code::Column::AccountId.eq(account.0))).await?;
    if left == FEW {
        let letter = Letter::FewBackupCodes { left, page: accounts.link("/account/backup-codes") };
        queue::put(change, accounts, address, &letter, now).await?;
    }
    Ok(())
}
