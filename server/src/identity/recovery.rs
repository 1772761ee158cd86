//! A forgotten password: a link by mail. The second factor is still asked for afterwards.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::address::{Address, index_of};
use super::record::{Action, Entry};
use super::sessions::{Step, step};
use super::sign_up::{Purpose, find, new_link, spend, typed};
use super::{Accounts, Origin, Refusal, password_rules, sessions, sign_in};
use crate::clock::to_ms;
use crate::crypto::password::Place;
use crate::crypto::secret::Ticket;
use crate::entity::{account, known_device, token};
use crate::guard::{AccountChange, AccountId, SessionId, SignedIn, Visitor};
use crate::mail::{Letter, queue};

/// A link to set a password is more than one to prove an address (OWASP Forgot Password Cheat Sheet: short).
const LINK_LASTS: Duration = Duration::hours(1);

/// Sends a link if somebody has this address. The answer does not tell.
///
/// # Errors
/// See [`Refusal`].
pub async fn request(
    visitor: &Visitor,
    accounts: &Accounts,
    email: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let index = match Address::parse(email) {
        Ok(address) => address.index(accounts.vault.hashes()),
        Err(_) => index_of(accounts.vault.hashes(), email.trim()),
    };
    let found = find(visitor, &index).await?;
    let person = found.as_ref().map(|row| AccountId(row.id));
    let change = visitor.begin().await?;
    // For nobody a link and a letter are written as well, which lead nowhere: both cost the same.
    let (link, _) = new_link(&change, accounts, Purpose::Reset, person, &index, b"", now, LINK_LASTS).await?;
    let (address, letter) = match &found {
        Some(row) => {
            let plain = accounts.vault.open_sealed(&super::sign_up::address_place(AccountId(row.id)), &row.address)?;
            let letter = Letter::ResetPassword { link, place: origin.place.clone() };
            (String::from_utf8_lossy(&plain).into_owned(), letter)
        }
        None => (email.trim().to_owned(), Letter::Nobody),
    };
    queue::put_limited(&change, accounts, &address, &index, &letter, now).await?;
    let entry = Entry::of(accounts, person, Action::ResetAsked, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Sets a new password through a link. Every session ends, and this browser is remembered as the owner's.
///
/// # Errors
/// [`Refusal::Field`] on `token` when the link was used or is too old, on `password` when it is not taken.
pub async fn reset(
    visitor: &Visitor,
    accounts: &Accounts,
    token_text: &str,
    new: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let place = accounts.hasher.reserve()?;
    let spent = || Refusal::Field("token", "this link has been used or is too old; ask for a new one".into());
    let ticket = Ticket::parse(token_text).ok_or_else(spent)?;
    // Looked at first, so that a made-up link costs no hash; used up last, so that a refused password does not cost the link.
    let row = visitor.all(token::Entity::find_by_id(ticket.hash())).await?;
    let person = row.into_iter().find(|row| row.purpose == Purpose::Reset.word() && to_ms(now) < row.ends_at_ms);
    let person = AccountId(person.and_then(|row| row.account_id).ok_or_else(spent)?);
    let hash = new_hash(visitor, accounts, &place, person, new).await?;

    let change = visitor.begin().await?;
    change.hold(person).await?;
    let row = spend(&change, &ticket, Purpose::Reset, now).await?.ok_or_else(spent)?;
    // A link that went to an address of before is none for the account of now.
    let same = account::Entity::find_by_id(person.0).filter(account::Column::AddressIndex.eq(&row.address_index));
    if change.one(same).await?.is_none() {
        return Err(spent());
    }
    let address = set_password(&change, accounts, person, hash, now).await?;
    sessions::end_all(&change, person).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(person.0))).await?;
    // Whoever knew the old password may have been remembered.
    change.delete(known_device::Entity::delete_many().filter(known_device::Column::AccountId.eq(person.0))).await?;
    if let Some(device) = origin.device_hash() {
        let row = known_device::ActiveModel {
            account_id: ActiveValue::Set(person.0),
            device_hash: ActiveValue::Set(device),
            seen_at_ms: ActiveValue::Set(to_ms(now)),
        };
        let keys = [known_device::Column::AccountId, known_device::Column::DeviceHash];
        change.upsert(row, OnConflict::columns(keys).update_column(known_device::Column::SeenAtMs).to_owned()).await?;
    }
    queue::put(&change, accounts, &address, &Letter::PasswordChanged, now).await?;
    let entry = Entry::of(accounts, Some(person), Action::PasswordReset, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Changes one's own password. Every other session ends, this one gets a new id.
///
/// # Errors
/// [`Refusal::NotProven`] when the present password is wrong, [`Refusal::Field`] when the new one is not taken.
pub async fn change_password(
    owner: &SignedIn,
    visitor: &Visitor,
    accounts: &Accounts,
    current: &str,
    new: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    sign_in::same_person(owner, accounts, "current_password", current, origin, now).await?;
    let place = accounts.hasher.reserve()?;
    let hash = new_hash(visitor, accounts, &place, owner.account, new).await?;
    let change = owner.begin().await?;
    let id = step(&change, owner, Step::Renewed, None, now).await?;
    let address = set_password(&change, accounts, owner.account, hash, now).await?;
    sessions::end_others(&change, owner).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(owner.account.0))).await?;
    queue::put(&change, accounts, &address, &Letter::PasswordChanged, now).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::PasswordChanged, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(id)
}

async fn new_hash(
    visitor: &Visitor,
    accounts: &Accounts,
    place: &Place,
    person: AccountId,
    new: &str,
) -> Result<String, Refusal> {
    let password = typed("password", new)?;
    let rows = visitor.all(account::Entity::find_by_id(person.0)).await?;
    let row = rows.into_iter().next().ok_or(Refusal::SignedOut)?;
    let open = |place: String, sealed: &[u8]| accounts.vault.open_sealed(&place, sealed);
    let address = open(super::sign_up::address_place(person), &row.address)?;
    let name = open(super::sign_up::name_place(person), &row.name)?;
    let texts = [String::from_utf8_lossy(&address), String::from_utf8_lossy(&name)];
    let own = password_rules::own_words(&accounts.profile.name, &[&texts[0], &texts[1]]);
    password_rules::check(&accounts.profile.policy.passwords, &accounts.breached, "password", &password, own).await?;
    Ok(place.hash(password).await?)
}

async fn set_password(
    change: &AccountChange,
    accounts: &Accounts,
    person: AccountId,
    hash: String,
    now: OffsetDateTime,
) -> Result<String, Refusal> {
    let set = account::Entity::update_many()
        .col_expr(account::Column::PasswordHash, Expr::value(hash))
        .col_expr(account::Column::PasswordSetAtMs, Expr::value(to_ms(now)))
        .filter(account::Column::Id.eq(person.0));
    change.update(set).await?;
    let row = change.one(account::Entity::find_by_id(person.0)).await?.ok_or(Refusal::SignedOut)?;
    let address = accounts.vault.open_sealed(&super::sign_up::address_place(person), &row.address)?;
    Ok(String::from_utf8_lossy(&address).into_owned())
}
