//! Signing up: nothing exists until the mailbox has answered, and the answer to the browser is the same whether the address is known.

use contract::text::ShortText;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Select};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::address::{Address, gate};
use super::record::{Action, Entry};
use super::{Accounts, Origin, Refusal, password_rules, sessions};
use crate::clock::to_ms;
use crate::crypto::password::Password;
use crate::crypto::secret::Ticket;
use crate::entity::{account, membership, organisation, token};
use crate::guard::{AccountChange, AccountId, Fresh, PERSON_KIND, Visitor};
use crate::mail::{Letter, queue};

/// What somebody typed.
#[derive(Debug)]
pub struct Form<'a> {
    pub email: &'a str,
    pub name: &'a str,
    pub organisation: &'a str,
    pub password: &'a str,
}

/// What the link stands for until it is used; stored sealed.
#[derive(Serialize, Deserialize)]
enum Pending {
    Account {
        address: String,
        name: String,
        organisation: String,
        password_hash: String,
        /// The mark of the browser that chose the password.
        device: Option<String>,
    },
    Address {
        address: String,
    },
}

/// Takes the form and sends a letter: a link to whoever is new, a hint to whoever is not.
///
/// # Errors
/// See [`Refusal`].
pub async fn request(
    visitor: &Visitor,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let place = accounts.hasher.reserve()?;
    let address = Address::parse(form.email).map_err(|said| Refusal::Field("email", said.into()))?;
    gate(&accounts.profile, &address)?;
    let name = short("name", form.name)?;
    let organisation = short("organisation", form.organisation)?;
    let password = typed("password", form.password)?;
    let own =
        password_rules::own_words(&accounts.profile.name, &[address.as_str(), name.as_str(), organisation.as_str()]);
    password_rules::check(&accounts.profile.policy.passwords, &accounts.breached, "password", &password, own).await?;
    let password_hash = place.hash(password).await?;

    let index = address.index(accounts.vault.hashes());
    let known = find(visitor, &index).await?.map(|row| AccountId(row.id));
    let change = visitor.begin().await?;
    let pending = Pending::Account {
        address: address.as_str().to_owned(),
        name: name.as_str().to_owned(),
        organisation: organisation.as_str().to_owned(),
        password_hash,
        device: origin.device_hash(),
    };
    let link = promise(&change, accounts, None, &index, &pending, now).await?;
    let letter = match known {
        Some(_) => {
            Letter::AlreadyRegistered { sign_in: accounts.link("/sign-in"), reset: accounts.link("/sign-in/forgot") }
        }
        None => Letter::ConfirmAddress { link, organisation: organisation.as_str().to_owned() },
    };
    queue::put_limited(&change, accounts, address.as_str(), &index, &letter, now).await?;
    let entry = Entry::of(accounts, known, Action::SignUpAsked, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Asks the new mailbox before an address is changed, and tells the old one.
///
/// # Errors
/// See [`Refusal`].
pub async fn change_address(
    owner: &Fresh,
    accounts: &Accounts,
    email: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let address = Address::parse(email).map_err(|said| Refusal::Field("email", said.into()))?;
    gate(&accounts.profile, &address)?;
    let index = address.index(accounts.vault.hashes());
    if index == owner.address_index {
        return Err(Refusal::Field("email", "this is your address already".into()));
    }
    let change = owner.begin().await?;
    let taken = change.one(account::Entity::find().filter(account::Column::AddressIndex.eq(&index))).await?.is_some();
    let pending = Pending::Address { address: address.as_str().to_owned() };
    let link = promise(&change, accounts, Some(owner.account), &index, &pending, now).await?;
    let letter = if taken {
        Letter::AlreadyRegistered { sign_in: accounts.link("/sign-in"), reset: accounts.link("/sign-in/forgot") }
    } else {
        Letter::ConfirmNewAddress { link }
    };
    queue::put_limited(&change, accounts, address.as_str(), &index, &letter, now).await?;
    let old = super::profile::open_address(accounts, owner)?;
    queue::put(&change, accounts, &old, &Letter::AddressChangeAsked, now).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::AddressAsked, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Uses a link: makes the account and its organisation, or changes the address. Once.
///
/// # Errors
/// [`Refusal::Field`] on `token` when the link was used, is too old, or never was.
pub async fn confirm(
    visitor: &Visitor,
    accounts: &Accounts,
    token_text: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Confirmed, Refusal> {
    let spent = || Refusal::Field("token", "this link has been used or is too old; ask for a new one".into());
    let ticket = Ticket::parse(token_text).ok_or_else(spent)?;
    let change = visitor.begin().await?;
    let row = spend(&change, &ticket, Purpose::Verify, now).await?.ok_or_else(spent)?;
    let plain = accounts.vault.open_sealed(&payload_place(&ticket.hash()), &row.payload)?;
    let pending = serde_json::from_slice(&plain).map_err(|error| Refusal::Hashing(error.to_string()))?;
    // Whoever is there first has the address; the unique index is the last word.
    let same = account::Entity::find().filter(account::Column::AddressIndex.eq(&row.address_index));
    if change.one(same).await?.is_some() {
        return Err(spent());
    }
    let others = token::Entity::delete_many()
        .filter(token::Column::AddressIndex.eq(&row.address_index))
        .filter(token::Column::Purpose.eq(Purpose::Verify.word()));
    change.delete(others).await?;
    let mut choose = None;
    let (account, action) = match pending {
        Pending::Account { address, name, organisation, password_hash, device } => {
            // Somebody else may have typed this address, and a password of their own: it counts only in the browser that chose it.
            let same_browser = device.is_some() && device == origin.device_hash();
            let password_hash = if same_browser { password_hash } else { accounts.hasher.nobody().to_owned() };
            let new = New {
                address: &address,
                index: &row.address_index,
                name: &name,
                organisation: &organisation,
                password_hash,
            };
            let account = make(&change, accounts, new, now).await?;
            if !same_browser {
                let index = &row.address_index;
                choose = Some(
                    new_token(&change, accounts, Purpose::Reset, Some(account), index, b"", now, CHOOSE_LASTS).await?,
                );
            }
            (account, Action::SignedUp)
        }
        Pending::Address { address } => {
            let owner = row.account_id.map(AccountId).ok_or_else(spent)?;
            move_to(&change, accounts, owner, &address, &row.address_index, now).await?;
            (owner, Action::AddressChanged)
        }
    };
    let entry = Entry::of(accounts, Some(account), action, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(choose.map_or(Confirmed::Done, Confirmed::ChoosePassword))
}

/// What came of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    Done,
    /// The link was used in another browser than the one that signed up: the password is chosen anew, at this address.
    ChoosePassword(String),
}

/// How long somebody has to choose.
const CHOOSE_LASTS: Duration = Duration::hours(1);

struct New<'a> {
    address: &'a str,
    index: &'a str,
    name: &'a str,
    organisation: &'a str,
    password_hash: String,
}

async fn make(
    change: &AccountChange,
    accounts: &Accounts,
    new: New<'_>,
    now: OffsetDateTime,
) -> Result<AccountId, Refusal> {
    let (id, organisation_id) = (Uuid::now_v7(), Uuid::now_v7());
    let seal = |place: String, text: &str| accounts.vault.seal(&place, text.as_bytes());
    let person = account::Model {
        id,
        kind: PERSON_KIND.to_owned(),
        address_index: new.index.to_owned(),
        address: seal(address_place(AccountId(id)), new.address)?,
        name: seal(name_place(AccountId(id)), new.name)?,
        password_hash: new.password_hash,
        password_set_at_ms: to_ms(now),
        created_at_ms: to_ms(now),
        disabled_at_ms: None,
        factor_changed_at_ms: 0,
        date_style: "en-GB".to_owned(),
        time_zone: accounts.profile.policy.calendar.time_zone.clone(),
    };
    change.insert(person.into_active_model().reset_all()).await?;
    change
        .insert(organisation::ActiveModel {
            id: ActiveValue::Set(organisation_id),
            slug: ActiveValue::Set(free_slug(change, new.organisation, organisation_id).await?),
            name: ActiveValue::Set(seal(format!("organisation/{organisation_id}/name"), new.organisation)?),
            created_at_ms: ActiveValue::Set(to_ms(now)),
        })
        .await?;
    change
        .insert(membership::ActiveModel {
            organisation_id: ActiveValue::Set(organisation_id),
            account_id: ActiveValue::Set(id),
            role: ActiveValue::Set(accounts.profile.policy.sign_up.first_role.clone()),
            since_ms: ActiveValue::Set(to_ms(now)),
        })
        .await?;
    Ok(AccountId(id))
}

/// The name as it can stand in an address; with a few letters of the id when another organisation has it.
async fn free_slug(change: &AccountChange, name: &str, id: Uuid) -> Result<String, Refusal> {
    let letters: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = letters.split('-').filter(|part| !part.is_empty()).collect();
    let plain: String = parts.join("-").chars().take(48).collect();
    let plain = plain.trim_end_matches('-');
    let plain = if plain.is_empty() { "organisation" } else { plain };
    let taken = change.one(organisation::Entity::find().filter(organisation::Column::Slug.eq(plain))).await?.is_some();
    let tail = id.simple().to_string().split_off(24);
    Ok(if taken { format!("{plain}-{tail}") } else { plain.to_owned() })
}

async fn move_to(
    change: &AccountChange,
    accounts: &Accounts,
    owner: AccountId,
    address: &str,
    index: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let row = change.one(account::Entity::find_by_id(owner.0)).await?.ok_or(Refusal::SignedOut)?;
    let old = accounts.vault.open_sealed(&address_place(owner), &row.address)?;
    let mut row = row.into_active_model();
    row.address_index = ActiveValue::Set(index.to_owned());
    row.address = ActiveValue::Set(accounts.vault.seal(&address_place(owner), address.as_bytes())?);
    let set = account::Entity::update_many().set(row).filter(account::Column::Id.eq(owner.0));
    change.update(set).await?;
    sessions::end_all(change, owner).await?;
    // A link to set a new password was sent to the old mailbox.
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(owner.0))).await?;
    queue::put(change, accounts, &String::from_utf8_lossy(&old), &Letter::AddressChanged, now).await
}

pub(super) fn address_place(account: AccountId) -> String {
    format!("account/{}/address", account.0)
}

pub(super) fn name_place(account: AccountId) -> String {
    format!("account/{}/name", account.0)
}

pub(super) fn short(field: &'static str, text: &str) -> Result<ShortText, Refusal> {
    ShortText::parse(text).map_err(|said| Refusal::Field(field, said.into()))
}

pub(super) fn typed(field: &'static str, text: &str) -> Result<Password, Refusal> {
    Password::typed(text).ok_or_else(|| Refusal::Field(field, "that is longer than any password may be".into()))
}

/// The account of an address, if there is one.
pub(super) async fn find(visitor: &Visitor, index: &str) -> Result<Option<account::Model>, Refusal> {
    Ok(visitor.all(of_index(index)).await?.into_iter().next())
}

pub(super) fn of_index(index: &str) -> Select<account::Entity> {
    account::Entity::find()
        .filter(account::Column::AddressIndex.eq(index))
        .filter(account::Column::Kind.eq(PERSON_KIND))
}

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Verify,
    Reset,
}

impl Purpose {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    const fn page(self) -> &'static str {
        match self {
            Self::Verify => "/sign-up/verify",
            Self::Reset => "/sign-in/reset",
        }
    }
}

fn payload_place(hash: &str) -> String {
    format!("token/{hash}/payload")
}

async fn promise(
    change: &AccountChange,
    accounts: &Accounts,
    account: Option<AccountId>,
    index: &str,
    pending: &Pending,
    now: OffsetDateTime,
) -> Result<String, Refusal> {
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(pending).unwrap_or_default());
    let lasts = Duration::hours(accounts.profile.policy.sign_up.verification_hours.get().into());
    new_token(change, accounts, Purpose::Verify, account, index, &plain, now, lasts).await
}

/// Writes a one-time link down by its hash and returns the link.
#[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
pub(super) async fn new_token(
    change: &AccountChange,
    accounts: &Accounts,
    purpose: Purpose,
    account: Option<AccountId>,
    index: &str,
    payload: &[u8],
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<String, Refusal> {
    let ticket = Ticket::random()?;
    let hash = ticket.hash();
    let row = token::Model {
        payload: accounts.vault.seal(&payload_place(&hash), payload)?,
        token_hash: hash,
        purpose: purpose.word().to_owned(),
        account_id: account.map(|id| id.0),
        address_index: index.to_owned(),
        made_at_ms: to_ms(now),
        ends_at_ms: to_ms(now + lasts),
    };
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(accounts.link(&format!("{}?token={}", purpose.page(), ticket.text())))
}

/// Takes a link out of the table: whoever deletes the row has used it, and nobody else.
pub(super) async fn spend(
    change: &AccountChange,
    ticket: &Ticket,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Option<token::Model>, Refusal> {
    let row = change.one(token::Entity::find_by_id(ticket.hash())).await?;
    let Some(row) = row.filter(|row| row.purpose == purpose.word() && to_ms(now) < row.ends_at_ms) else {
        return Ok(None);
    };
    let gone = change.delete(token::Entity::delete_many().filter(token::Column::TokenHash.eq(&row.token_hash))).await?;
    Ok((gone == 1).then_some(row))
}

/// Whether a link can still be used, for the page that asks to press the button.
///
/// # Errors
/// When the database does not answer.
pub async fn is_good(
    visitor: &Visitor,
    purpose: Purpose,
    token_text: &str,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(ticket) = Ticket::parse(token_text) else { return Ok(false) };
    let rows = visitor.all(token::Entity::find().filter(token::Column::TokenHash.eq(ticket.hash()))).await?;
    Ok(rows.iter().any(|row| row.purpose == purpose.word() && to_ms(now) < row.ends_at_ms))
}
