//! Signing up: nothing exists until the mailbox has answered, and the answer to the browser is the same whether the address is known.

use contract::text::ShortText;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Select};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::address::{Address, gate};
use super::links;
pub(crate) use super::links::{Purpose, new_link, payload, spend};
use super::record::{Action, Entry};
use super::trace::{self, Trace};
use super::{Accounts, Origin, Refusal, password_rules, sessions};
use crate::clock::to_ms;
use crate::crypto::password::Password;
use crate::crypto::secret::Ticket;
use crate::entity::{account, token};
use crate::guard::{AccountChange, AccountId, Fresh, OPERATOR_KIND, PERSON_KIND, Visitor};
use crate::mail::{Letter, queue};
use crate::organisations::founding::{Founder, Founding};

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
    // Looked at first: what an organisation needs has to be there before the transaction begins. Used up in the transaction.
    let row = visitor.all(token::Entity::find_by_id(ticket.hash())).await?.into_iter().next();
    let row =
        row.filter(|row| row.purpose == Purpose::Verify.word() && to_ms(now) < row.ends_at_ms).ok_or_else(spent)?;
    let pending: Pending = links::payload(accounts, &row)?;
    // A link for an address that has an account by now founds nothing.
    if find(visitor, &row.address_index).await?.is_some() {
        return Err(spent());
    }
    let founding = match &pending {
        Pending::Account { .. } => Some(Founding::prepare(visitor, accounts, now).await?),
        Pending::Address { .. } => None,
    };
    let change = visitor.begin().await?;
    let row = spend(&change, &ticket, Purpose::Verify, now).await?.ok_or_else(spent)?;
    // Whoever is there first has the address; the unique index is the last word.
    let same = account::Entity::find().filter(account::Column::AddressIndex.eq(&row.address_index));
    if change.one(same).await?.is_some() {
        return Err(spent());
    }
    let others = token::Entity::delete_many()
        .filter(token::Column::AddressIndex.eq(&row.address_index))
        .filter(token::Column::Purpose.eq(Purpose::Verify.word()));
    change.delete(others).await?;
    let confirmed = match (pending, founding) {
        (Pending::Account { address, name, organisation, password_hash, device }, Some(founding)) => {
            // Somebody else may have typed this address, and a password of their own: it counts only in the browser that chose it.
            let same_browser = device.is_some() && device == origin.device_hash();
            let password_hash = if same_browser { password_hash } else { accounts.hasher.nobody().to_owned() };
            let index = row.address_index.as_str();
            let (account, trace) =
                insert_person(&change, accounts, (&address, index), &name, password_hash, now).await?;
            let confirmed = if same_browser {
                Confirmed::Done
            } else {
                let made = new_link(&change, accounts, Purpose::Reset, Some(account), index, b"", now, CHOOSE_LASTS);
                Confirmed::ChoosePassword(made.await?.0)
            };
            let entry = Entry::of(accounts, Some(account), Action::SignedUp, origin, now)?;
            let by = Founder { account, organisation: &organisation, origin, trace };
            founding.commit(visitor, accounts, change, &by, &entry.happened(), now).await?;
            confirmed
        }
        (Pending::Address { address }, _) => {
            let owner = row.account_id.map(AccountId).ok_or_else(spent)?;
            move_to(&change, accounts, owner, &address, &row.address_index, now).await?;
            let entry = Entry::of(accounts, Some(owner), Action::AddressChanged, origin, now)?;
            change.commit(&entry.happened()).await?;
            Confirmed::Done
        }
        (Pending::Account { .. }, None) => return Err(spent()),
    };
    accounts.bell.notify_one();
    Ok(confirmed)
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

/// Writes a person down; what they may is for memberships to say. With them the key to from where they act.
pub(crate) async fn insert_person(
    change: &AccountChange,
    accounts: &Accounts,
    (address, index): (&str, &str),
    name: &str,
    password_hash: String,
    now: OffsetDateTime,
) -> Result<(AccountId, Option<Trace>), Refusal> {
    let row = person(accounts, PERSON_KIND, (address, index), name, password_hash, now)?;
    let made = (AccountId(row.id), trace::open(accounts, row.id, row.trace.as_deref()));
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(made)
}

/// The row of somebody new.
pub(crate) fn person(
    accounts: &Accounts,
    kind: &str,
    (address, index): (&str, &str),
    name: &str,
    password_hash: String,
    now: OffsetDateTime,
) -> Result<account::Model, Refusal> {
    let id = Uuid::now_v7();
    let seal = |place: String, text: &str| accounts.vault.seal(&place, text.as_bytes());
    Ok(account::Model {
        id,
        kind: kind.to_owned(),
        address_index: index.to_owned(),
        address: seal(address_place(AccountId(id)), address)?,
        name: seal(name_place(AccountId(id)), name)?,
        password_hash,
        password_set_at_ms: to_ms(now),
        created_at_ms: to_ms(now),
        disabled_at_ms: None,
        factor_changed_at_ms: 0,
        date_style: "en-GB".to_owned(),
        time_zone: accounts.profile.policy.calendar.time_zone.clone(),
        seen_at_ms: None,
        must_enrol: 0,
        delete_asked_at_ms: None,
        delete_at_ms: None,
        certificate_id: None,
        trace: Some(trace::fresh(accounts, id)?),
    })
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

pub(crate) fn address_place(account: AccountId) -> String {
    format!("account/{}/address", account.0)
}

pub(crate) fn name_place(account: AccountId) -> String {
    format!("account/{}/name", account.0)
}

pub(super) fn short(field: &'static str, text: &str) -> Result<ShortText, Refusal> {
    ShortText::parse(text).map_err(|said| Refusal::Field(field, said.into()))
}

pub(crate) fn typed(field: &'static str, text: &str) -> Result<Password, Refusal> {
    Password::typed(text).ok_or_else(|| Refusal::Field(field, "that is longer than any password may be".into()))
}

/// The account of an address, if there is one.
pub(crate) async fn find(visitor: &Visitor, index: &str) -> Result<Option<account::Model>, Refusal> {
    Ok(visitor.all(of_index(index)).await?.into_iter().next())
}

pub(crate) fn of_index(index: &str) -> Select<account::Entity> {
    account::Entity::find()
        .filter(account::Column::AddressIndex.eq(index))
        .filter(account::Column::Kind.is_in([PERSON_KIND, OPERATOR_KIND]))
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
    Ok(new_link(change, accounts, Purpose::Verify, account, index, &plain, now, lasts).await?.0)
}
