//! The password: the same work and the same answer for an address that nobody has.

use contract::access::Needs;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::address::{Address, index_of};
use super::limits::{self, Tried};
use super::record::{Action, Entry};
use super::{Accounts, Origin, Refusal, sessions, sign_up};
use crate::clock::to_ms;
use crate::crypto::password::Verified;
use crate::entity::{account, known_device, session, totp};
use crate::guard::{AccountChange, AccountId, Person, SessionId, SignedIn, Visitor};
use crate::mail::{Letter, queue};
use crate::retention::keeping;

/// After so many wrong tries in a row from one place the owner is told.
pub(super) const TELL_AFTER: u32 = 5;

#[derive(Debug)]
pub struct Form<'a> {
    pub email: &'a str,
    pub password: &'a str,
    pub next: Option<&'a str>,
}

/// Begins a session for whoever knows the password. `old` is the hash of the session that this browser had: it ends.
///
/// # Errors
/// See [`Refusal`]; what was wrong, address or password, is not said. [`Refusal::Leaving`] for whoever asked for the end of their account.
pub async fn with_password(
    visitor: &Visitor,
    accounts: &Accounts,
    form: &Form<'_>,
    old: Option<&str>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    let place = accounts.hasher.reserve()?;
    let password = sign_up::typed("password", form.password)?;
    let index = match Address::parse(form.email) {
        Ok(address) => address.index(accounts.vault.hashes()),
        // Nobody has it, and it costs what somebody's costs.
        Err(_) => index_of(accounts.vault.hashes(), form.email.trim()),
    };
    // All of it on the writer's connection: whoever reads a page does not wait behind those at the door.
    let change = visitor.begin().await?;
    let found = change.one(sign_up::of_index(&index)).await?;
    let known = known_device(&change, found.as_ref().map(|row| AccountId(row.id)), origin).await?;
    let buckets = limits::of_try(accounts, Tried::Password, &index, known.as_deref(), origin);
    let used = limits::take(&change, &buckets, now).await?;
    change.commit_housekeeping().await?;

    let verified = place.verify(password, found.as_ref().map(|row| row.password_hash.as_str())).await?;
    if let (true, Some(row)) = (verified.right, found.as_ref())
        && let Some(leaving) = keeping::offer(visitor, accounts, row, &buckets, origin, now).await?
    {
        return Err(leaving);
    }
    let right = verified.right && found.as_ref().is_some_and(|row| row.disabled_at_ms.is_none());
    let (true, Some(row)) = (right, found.as_ref()) else {
        return Err(refuse(visitor, accounts, found.as_ref(), used.first().copied(), origin, now).await?);
    };
    let person = AccountId(row.id);
    let rehashed = match verified {
        Verified { outdated: true, .. } => Some(place.hash(sign_up::typed("password", form.password)?).await?),
        Verified { outdated: false, .. } => None,
    };
    let change = visitor.begin().await?;
    // The account is as it was when the password was looked at, or the password was looked at in vain.
    let same = account::Entity::update_many()
        .col_expr(account::Column::PasswordHash, Expr::value(rehashed.unwrap_or_else(|| row.password_hash.clone())))
        .col_expr(account::Column::SeenAtMs, Expr::value(Some(to_ms(now))))
        .filter(account::Column::Id.eq(person.0))
        .filter(account::Column::PasswordHash.eq(&row.password_hash))
        .filter(account::Column::AddressIndex.eq(&index))
        .filter(account::Column::DisabledAtMs.is_null());
    if change.update(same).await? != 1 {
        drop(change);
        return Err(refuse(visitor, accounts, found.as_ref(), None, origin, now).await?);
    }
    limits::forget(&change, &buckets).await?;
    if let Some(old) = old {
        change.delete(session::Entity::delete_many().filter(session::Column::IdHash.eq(old))).await?;
    }
    let id = sessions::begin(&change, accounts, person, form.next, origin, now).await?;
    let all_the_way = change.one(totp::Entity::find_by_id(person.0)).await?.is_none();
    if all_the_way && remember_device(&change, person, origin, now).await? {
        let address = accounts.vault.open_sealed(&sign_up::address_place(person), &row.address)?;
        let letter = Letter::NewDevice { place: origin.place.clone(), sessions: accounts.link("/account/sessions") };
        queue::put_limited(&change, accounts, &String::from_utf8_lossy(&address), &index, &letter, now).await?;
        accounts.bell.notify_one();
    }
    let entry = Entry::of(accounts, Some(person), Action::PasswordAccepted, origin, now)?;
    change.commit(&entry.happened()).await?;
    Ok(id)
}

/// Records the refusal, tells the owner when it is the fifth in a row, and gives the answer that everybody gets.
async fn refuse(
    visitor: &Visitor,
    accounts: &Accounts,
    found: Option<&account::Model>,
    in_a_row: Option<u32>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Refusal, Refusal> {
    let person = found.map(|row| AccountId(row.id));
    let change = visitor.begin().await?;
    if let (Some(row), Some(TELL_AFTER)) = (found, in_a_row) {
        let address = accounts.vault.open_sealed(&sign_up::address_place(AccountId(row.id)), &row.address)?;
        let letter = Letter::RepeatedFailures { place: origin.place.clone(), reset: accounts.link("/sign-in/forgot") };
        queue::put_limited(&change, accounts, &String::from_utf8_lossy(&address), &row.address_index, &letter, now)
            .await?;
        accounts.bell.notify_one();
    }
    let entry = Entry::of(accounts, person, Action::PasswordRefused, origin, now)?;
    change.commit(&entry.happened()).await?;
    Ok(Refusal::NotProven {
        needs: Needs::SignIn,
        field: "password",
        said: "the address or the password is not right; try again, or set a new password by mail".into(),
    })
}

/// The mark of this browser, if the account knows it.
pub(super) async fn known_device(
    change: &AccountChange,
    account: Option<AccountId>,
    origin: &Origin,
) -> Result<Option<String>, Refusal> {
    let hash = origin.device_hash().unwrap_or_default();
    let row = known_device::Entity::find()
        .filter(known_device::Column::AccountId.eq(account.map(|id| id.0).unwrap_or_default()))
        .filter(known_device::Column::DeviceHash.eq(&hash));
    Ok(change.one(row).await?.map(|row| row.device_hash))
}

/// Asks a signed-in person for the password again: before it is changed, and as a step up where there is no second factor.
///
/// # Errors
/// [`Refusal::NotProven`] when it is wrong.
pub(crate) async fn same_person(
    person: &Person,
    accounts: &Accounts,
    field: &'static str,
    typed: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let place = accounts.hasher.reserve()?;
    let password = sign_up::typed(field, typed)?;
    let buckets = limits::of_try(accounts, Tried::Password, &person.address_index, Some("signed-in"), origin);
    let change = person.begin().await?;
    limits::take(&change, &buckets, now).await?;
    let row = change.one(account::Entity::find_by_id(person.account.0)).await?.ok_or(Refusal::SignedOut)?;
    change.commit_housekeeping().await?;
    let right = place.verify(password, Some(&row.password_hash)).await?.right;
    let change = person.begin().await?;
    if right {
        limits::forget(&change, &buckets).await?;
        return Ok(change.commit_housekeeping().await?);
    }
    let entry = Entry::of(accounts, Some(person.account), Action::PasswordRefused, origin, now)?;
    change.commit(&entry.happened()).await?;
    Err(Refusal::NotProven { needs: Needs::StepUp, field, said: "this is not your password".into() })
}

/// The step up of somebody without a second factor.
///
/// # Errors
/// [`Refusal::Conflict`] for whoever has one: then it is the code that counts.
pub async fn confirm_password(
    person: &SignedIn,
    accounts: &Accounts,
    typed: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    if person.enrolled {
        return Err(Refusal::Conflict("Your account has a second factor: confirm with its code.".into()));
    }
    same_person(person, accounts, "password", typed, origin, now).await?;
    let change = person.begin().await?;
    let id = sessions::step(&change, person, sessions::Step::Password, None, now).await?;
    let entry = Entry::of(accounts, Some(person.account), Action::PasswordConfirmed, origin, now)?;
    change.commit(&entry.happened()).await?;
    Ok(id)
}

/// Remembers this browser for the account: `true` when it is new and not the first.
pub(super) async fn remember_device(
    change: &AccountChange,
    account: AccountId,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(hash) = origin.device_hash() else { return Ok(false) };
    let of_account = known_device::Entity::find().filter(known_device::Column::AccountId.eq(account.0));
    let first = change.one(of_account.clone()).await?.is_none();
    let known = change.one(of_account.filter(known_device::Column::DeviceHash.eq(&hash))).await?.is_some();
    let row = known_device::ActiveModel {
        account_id: sea_orm::ActiveValue::Set(account.0),
        device_hash: sea_orm::ActiveValue::Set(hash),
        seen_at_ms: sea_orm::ActiveValue::Set(to_ms(now)),
    };
    let seen =
        sea_orm::sea_query::OnConflict::columns([known_device::Column::AccountId, known_device::Column::DeviceHash])
            .update_column(known_device::Column::SeenAtMs)
            .to_owned();
    change.upsert(row, seen).await?;
    Ok(!first && !known)
}
