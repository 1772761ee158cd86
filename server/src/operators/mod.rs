//! The vendor's staff: few seats, always a second factor, and metadata only. What an organisation keeps is nowhere in here.

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::log::{Action, Event};
use crate::clock::from_ms;
use crate::entity::{account, organisation, session, token};
use crate::guard::{Actor, OPERATOR_KIND, Operator, PlatformChange, Staff, TenantId};
use crate::identity::address::Address;
use crate::identity::links::{Purpose, new_link};
use crate::identity::{Accounts, Origin, Refusal, sign_up};
use crate::organisations::name_place;

/// How long an enrolment link holds.
const LINK_LASTS: Duration = Duration::hours(24);

/// Seats that are taken, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    pub taken: u64,
    pub most: Option<u64>,
}

/// # Errors
/// When the database does not answer.
pub async fn seats(operator: &Operator, accounts: &Accounts) -> Result<Seats, Refusal> {
    let taken = operator.all(holders()).await?.len() as u64;
    Ok(Seats { taken, most: most(accounts) })
}

fn most(accounts: &Accounts) -> Option<u64> {
    accounts.profile.policy.operators.as_ref().map(|operators| operators.seats.get().into())
}

pub(crate) fn holders() -> sea_orm::Select<account::Entity> {
    account::Entity::find()
        .filter(account::Column::Kind.eq(OPERATOR_KIND))
        .filter(account::Column::DisabledAtMs.is_null())
}

/// Makes an operator and returns the one-time link with which they choose a password; the second factor is set up at the first sign-in.
///
/// # Errors
/// [`Refusal::Field`] when the address is no address or is taken; [`Refusal::Conflict`] when all seats are taken.
pub async fn add(
    operator: &Operator,
    accounts: &Accounts,
    email: &str,
    now: OffsetDateTime,
) -> Result<String, Refusal> {
    let change = operator.begin().await?;
    let (id, link) = take_seat(&change, accounts, email, now).await?;
    change.commit(crate::audit::Event::OperatorAdded { operator: id }, now).await?;
    Ok(link)
}

/// The same before it is committed.
async fn take_seat(
    change: &PlatformChange,
    accounts: &Accounts,
    email: &str,
    now: OffsetDateTime,
) -> Result<(Uuid, String), Refusal> {
    let address = Address::parse(email).map_err(|said| Refusal::Field("email", said.into()))?;
    let index = address.index(accounts.vault.hashes());
    let taken = change.count(holders()).await?;
    if let Some(most) = most(accounts).filter(|most| taken >= *most) {
        return Err(Refusal::Conflict(format!(
            "All {most} seats are taken. The profile publishes that number; take a seat away first, or change the profile."
        )));
    }
    if change.one(account::Entity::find().filter(account::Column::AddressIndex.eq(&index))).await?.is_some() {
        return Err(Refusal::Field(
            "email",
            "this address has an account already; an operator needs one of their own".into(),
        ));
    }
    let name = address.as_str().split('@').next().unwrap_or("operator");
    let nobody = accounts.hasher.nobody().to_owned();
    let row = sign_up::person(accounts, OPERATOR_KIND, (address.as_str(), &index), name, nobody, now)?;
    let id = row.id;
    change.insert(row.into_active_model().reset_all()).await?;
    let person = Some(crate::guard::AccountId(id));
    let (link, _) = new_link(change, accounts, Purpose::Reset, person, &index, b"", now, LINK_LASTS).await?;
    Ok((id, link))
}

/// Fills every seat and tries to take one more, in a change that is dropped: whether that one was refused. `None`: seats are not numbered.
pub(crate) async fn one_too_many_is_refused(
    operator: &Operator,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Option<bool>, Refusal> {
    let Some(most) = most(accounts) else { return Ok(None) };
    let change = operator.begin().await?;
    for _ in change.count(holders()).await?..most {
        take_seat(&change, accounts, &nobodys_address(), now).await?;
    }
    match take_seat(&change, accounts, &nobodys_address(), now).await {
        Err(Refusal::Conflict(_)) => Ok(Some(true)),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(false)),
    }
}

fn nobodys_address() -> String {
    format!("probe-{}{}", Uuid::now_v7(), crate::identity::stand_in::NO_MAILBOX)
}

/// Takes a seat away: the account is disabled and signed out, and help ends.
///
/// # Errors
/// [`Refusal::Field`] when nobody of the staff has this address.
pub async fn remove(operator: &Operator, accounts: &Accounts, email: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let address = Address::parse(email).map_err(|said| Refusal::Field("email", said.into()))?;
    let index = address.index(accounts.vault.hashes());
    let change = operator.begin().await?;
    let row = change.one(holders().filter(account::Column::AddressIndex.eq(index))).await?;
    let row = row.ok_or_else(|| Refusal::Field("email", "nobody of the staff has this address".into()))?;
    take_away(&change, row.id, now).await?;
    Ok(change.commit(crate::audit::Event::OperatorRemoved { operator: row.id }, now).await?)
}

/// The account is disabled, and nobody is signed in to it any more, nor can a link lead back.
pub(crate) async fn take_away(change: &PlatformChange, account: Uuid, now: OffsetDateTime) -> Result<(), Refusal> {
    let set = account::Entity::update_many()
        .col_expr(account::Column::DisabledAtMs, Expr::value(Some(crate::clock::to_ms(now))))
        .filter(account::Column::Id.eq(account));
    change.update(set).await?;
    change.delete(session::Entity::delete_many().filter(session::Column::AccountId.eq(account))).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(account))).await?;
    Ok(())
}

/// What the vendor sees of an organisation: nothing that it keeps.
#[derive(Clone, Debug)]
pub struct Customer {
    pub slug: String,
    pub name: String,
    pub made: OffsetDateTime,
    pub standing: Standing,
    pub standing_until: Option<OffsetDateTime>,
}

fn customer(accounts: &Accounts, row: &organisation::Model) -> Customer {
    let plain = accounts.vault.open_sealed(&name_place(TenantId(row.id)), &row.name);
    Customer {
        slug: row.slug.clone(),
        name: plain.map_or_else(|_| row.slug.clone(), |plain| String::from_utf8_lossy(&plain).into_owned()),
        made: from_ms(row.created_at_ms),
        standing: Standing::parse(&row.standing).unwrap_or(Standing::Lapsed),
        standing_until: row.standing_until_ms.map(from_ms),
    }
}

/// How many organisations a page shows.
pub const PAGE: u64 = 50;

/// The organisations by slug, a page at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn customers(
    staff: &Staff,
    accounts: &Accounts,
    after: &str,
) -> Result<(Vec<Customer>, Option<String>), Refusal> {
    let rows = organisation::Entity::find()
        .filter(organisation::Column::Slug.gt(after))
        .filter(organisation::Column::Slug.not_like(".%"))
        .order_by_asc(organisation::Column::Slug)
        .limit(PAGE + 1);
    let rows = staff.all(rows).await?;
    let more = rows.len() as u64 > PAGE;
    let shown: Vec<Customer> =
        rows.iter().take(usize::try_from(PAGE).unwrap_or(usize::MAX)).map(|row| customer(accounts, row)).collect();
    let next = shown.last().filter(|_| more).map(|last| last.slug.clone());
    Ok((shown, next))
}

/// One organisation's metadata. That it was looked at stands in its own log and in the platform's.
///
/// # Errors
/// When the database does not answer. `None`: there is no such organisation.
pub async fn look_at(
    staff: &Staff,
    accounts: &Accounts,
    slug: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Option<Customer>, Refusal> {
    let rows = organisation::Entity::find()
        .filter(organisation::Column::Slug.eq(slug))
        .filter(organisation::Column::Slug.not_like(".%"));
    let Some(row) = staff.all(rows).await?.into_iter().next() else { return Ok(None) };
    note_there(staff, accounts, TenantId(row.id), origin, now).await?;
    staff.begin_platform().await?.commit(note_here(staff, TenantId(row.id)), now).await?;
    Ok(Some(customer(accounts, &row)))
}

/// That one of the staff looked, in the organisation's own log.
pub(crate) async fn note_there(
    staff: &Staff,
    accounts: &Accounts,
    tenant: TenantId,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let sealer = accounts.sealer_of(tenant, staff, origin).await?;
    let change = staff.begin_in(tenant, Actor::Operator(staff.account), sealer).await?;
    Ok(change.commit(&Event::of(Action::OperatorLooked, staff.account.0), now).await?)
}

/// The same for the platform's log.
pub(crate) fn note_here(staff: &Staff, tenant: TenantId) -> crate::audit::Event {
    crate::audit::Event::OrganisationLookedAt { operator: staff.account.0, organisation: tenant.0 }
}
