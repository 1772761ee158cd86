//! Asking somebody to join: through the same gate as signing up, by a link to their mailbox, until a date.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::offer::{Door, closed};
pub use super::offer::{Offer, offer};
use super::{founding, names, roles, units, unknown};
use crate::audit::log::{Action, Event, Sealer};
use crate::clock::{from_ms, to_ms};
use crate::crypto::secret::Ticket;
use crate::entity::{invitation, membership, organisation, token, unit};
use crate::guard::{AccountId, Actor, Allowed, Caller, Change, Right, TenantId, Visitor, rights};
use crate::identity::address::{Address, gate};
use crate::identity::limits;
use crate::identity::record::{self, Entry};
use crate::identity::sign_up::{self, Purpose};
use crate::identity::trace;
use crate::identity::{Accounts, Origin, Refusal, password_rules};
use crate::mail::{Letter, queue};
use crate::profile::Profile;
use contract::access::Stage;
use contract::permission::Permission;

/// What the link stands for.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    pub(super) tenant: Uuid,
    pub(super) invitation: Uuid,
}

/// Most invitations that may wait at once.
const MOST: u64 = 500;

#[derive(Debug)]
pub struct Form<'a> {
    pub email: &'a str,
    pub role: &'a str,
    pub unit: Option<&'a str>,
}

/// Invites an address.
///
/// # Errors
/// [`Refusal::Field`] when the address is refused by the gate, or the role may more than whoever invites; [`Refusal::Conflict`] when they are
/// a member or invited already.
pub async fn invite(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let address = Address::parse(form.email).map_err(|said| Refusal::Field("email", said.into()))?;
    gate(&accounts.profile, &address)?;
    let index = address.index(accounts.vault.hashes());
    super::reach::reaches_everything(manager.here())?;
    let change = manager.begin(accounts, origin).await?;
    roles::within_reach(&change, &accounts.profile, manager.here(), form.role).await?;
    let unit = match form.unit {
        None => None,
        Some(text) => {
            let id = super::id("unit", text)?;
            let there = change.one(unit::Entity::find().filter(unit::Column::Id.eq(id))).await?;
            Some(there.ok_or_else(|| unknown("unit"))?.id)
        }
    };
    is_new(&change, &index).await?;
    let id = Uuid::now_v7();
    let ends = now + Duration::days(accounts.profile.policy.sign_up.invitation_days.get().into());
    let hash = send(&change, accounts, manager, (id, address.as_str(), &index, form.role), now, ends).await?;
    let row = invitation::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        address: ActiveValue::Set(change.seal(&address_place(change.tenant(), id), address.as_str().as_bytes())?),
        address_index: ActiveValue::Set(index),
        role: ActiveValue::Set(form.role.to_owned()),
        unit_id: ActiveValue::Set(unit),
        invited_by: ActiveValue::Set(manager.account.0),
        token_hash: ActiveValue::Set(hash),
        made_at_ms: ActiveValue::Set(to_ms(now)),
        ends_at_ms: ActiveValue::Set(to_ms(ends)),
    };
    change.insert(row).await?;
    let event = Event::of(Action::MemberInvited, id).with("role", form.role);
    change.commit(&event, now).await?;
    accounts.bell.notify_one();
    Ok(())
}

async fn is_new(change: &Change, index: &str) -> Result<(), Refusal> {
    let pending = invitation::Entity::find().filter(invitation::Column::AddressIndex.eq(index));
    if change.one(pending).await?.is_some() {
        return Err(Refusal::Conflict(
            "This address is invited already. Send that invitation again, or withdraw it.".into(),
        ));
    }
    let people = change.unscoped("whether the address is a member's");
    if let Some(person) = people.one(sign_up::of_index(index)).await? {
        let member = membership::Entity::find().filter(membership::Column::AccountId.eq(person.id));
        if change.one(member).await?.is_some() {
            return Err(Refusal::Conflict("This person is a member already.".into()));
        }
    }
    if change.count(invitation::Entity::find()).await? >= MOST {
        return Err(Refusal::Conflict(format!(
            "At most {MOST} invitations wait at once. Withdraw some that are not answered."
        )));
    }
    Ok(())
}

/// Queues the letter with a link of its own; returns the hash of the link.
async fn send(
    change: &Change,
    accounts: &Accounts,
    manager: &Allowed<rights::MembersManage>,
    (id, address, index, role): (Uuid, &str, &str, &str),
    now: OffsetDateTime,
    ends: OffsetDateTime,
) -> Result<String, Refusal> {
    let rows = change.unscoped("a link in a letter belongs to a mailbox");
    // A mailbox is not written to without end, whoever asks.
    limits::may_write(rows, accounts, "invitation", index, now).await?;
    let payload = serde_json::to_vec(&Payload { tenant: change.tenant().0, invitation: id }).unwrap_or_default();
    let (link, hash) =
        sign_up::new_link(rows, accounts, Purpose::Invite, None, index, &payload, now, ends - now).await?;
    let letter = Letter::Invitation {
        link,
        organisation: names::of_organisation(accounts, manager.here()),
        role: role.to_owned(),
        until: ends,
    };
    queue::put(rows, accounts, address, &letter, now).await?;
    Ok(hash)
}

pub(crate) fn address_place(tenant: TenantId, id: Uuid) -> String {
    format!("invitation/{}/{id}/address", tenant.0)
}

async fn named(change: &Change, text: &str) -> Result<invitation::Model, Refusal> {
    let id = super::id("invitation", text)?;
    let row = change.one(invitation::Entity::find().filter(invitation::Column::Id.eq(id))).await?;
    row.ok_or_else(|| unknown("invitation"))
}

/// Sends an invitation again: a new link, the old one is dead, and its time begins anew.
///
/// # Errors
/// [`Refusal::Field`] when there is none, [`Refusal::TooMany`] when this mailbox was written to too often.
pub async fn resend(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    invitation: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = manager.begin(accounts, origin).await?;
    let row = named(&change, invitation).await?;
    roles::within_reach(&change, &accounts.profile, manager.here(), &row.role).await?;
    let rows = change.unscoped("the link of before");
    rows.delete(token::Entity::delete_many().filter(token::Column::TokenHash.eq(&row.token_hash))).await?;
    let plain = change.open(&address_place(change.tenant(), row.id), &row.address)?;
    let address = String::from_utf8_lossy(&plain).into_owned();
    let ends = now + Duration::days(accounts.profile.policy.sign_up.invitation_days.get().into());
    let what = (row.id, address.as_str(), row.address_index.as_str(), row.role.as_str());
    let hash = send(&change, accounts, manager, what, now, ends).await?;
    let set = invitation::Entity::update_many()
        .col_expr(invitation::Column::TokenHash, sea_orm::sea_query::Expr::value(hash))
        .col_expr(invitation::Column::MadeAtMs, sea_orm::sea_query::Expr::value(to_ms(now)))
        .col_expr(invitation::Column::EndsAtMs, sea_orm::sea_query::Expr::value(to_ms(ends)))
        .filter(invitation::Column::Id.eq(row.id));
    change.update(set).await?;
    change.commit(&Event::of(Action::InvitationResent, row.id), now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// Withdraws an invitation: its link is dead.
///
/// # Errors
/// [`Refusal::Field`] when there is none.
pub async fn withdraw(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    invitation: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = manager.begin(accounts, origin).await?;
    let row = named(&change, invitation).await?;
    remove(&change, &row).await?;
    Ok(change.commit(&Event::of(Action::InvitationWithdrawn, row.id), now).await?)
}

async fn remove(change: &Change, row: &invitation::Model) -> Result<(), Refusal> {
    let links = token::Entity::delete_many().filter(token::Column::TokenHash.eq(&row.token_hash));
    change.unscoped("the link of this invitation").delete(links).await?;
    change.delete(invitation::Entity::delete_many().filter(invitation::Column::Id.eq(row.id))).await?;
    Ok(())
}

/// One that waits for an answer.
#[derive(Clone, Debug)]
pub struct Pending {
    pub id: Uuid,
    pub address: String,
    pub role: String,
    pub unit: Option<String>,
    pub invited_by: String,
    pub made: OffsetDateTime,
    pub ends: OffsetDateTime,
}

/// The invitations that wait, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts) -> Result<Vec<Pending>, Refusal> {
    let view = reader.read().await?;
    let rows = view.all(invitation::Entity::find().order_by_desc(invitation::Column::MadeAtMs)).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.invited_by).collect();
    let people = names::of(&view, accounts, ids).await?;
    let units: BTreeMap<Uuid, String> =
        units::of(&view, accounts, reader.here()).await?.into_iter().map(|unit| (unit.id, unit.name)).collect();
    let ring = accounts.vault.within(&view).await?;
    let mut pending = Vec::new();
    for row in rows {
        let plain = ring.open(&address_place(view.tenant(), row.id), &row.address)?;
        pending.push(Pending {
            id: row.id,
            address: String::from_utf8_lossy(&plain).into_owned(),
            unit: row.unit_id.and_then(|id| units.get(&id).cloned()),
            invited_by: names::called(&people, row.invited_by),
            role: row.role,
            made: from_ms(row.made_at_ms),
            ends: from_ms(row.ends_at_ms),
        });
    }
    Ok(pending)
}

/// Whoever answers.
#[derive(Debug)]
pub struct Answer<'a> {
    pub token: &'a str,
    /// For an address without an account.
    pub name: Option<&'a str>,
    pub password: Option<&'a str>,
}

/// Joins. Who has an account of this address must be signed in with it; who has none makes one here: the link has proven the mailbox.
///
/// # Errors
/// [`Refusal::Field`] on `token` when the link is dead; [`Refusal::NotKept`] when the organisation is closed; [`Refusal::NotProven`] when
/// somebody has to sign in first.
pub async fn accept(
    visitor: &Visitor,
    accounts: &Accounts,
    caller: Option<&Caller>,
    answer: &Answer<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let spent = || {
        Refusal::Field("token", "this invitation was answered or withdrawn, or is too old; ask for a new one".into())
    };
    let offer = offer(visitor, accounts, caller, answer.token, now).await?.ok_or_else(spent)?;
    offer.is_open()?;
    if offer.door == Door::Lapsed {
        return Err(Refusal::Lapsed);
    }
    let signed_in = caller.filter(|caller| matches!(caller.person().stage, Stage::Complete | Stage::SteppedUp));
    if signed_in.is_some_and(|caller| caller.person().is_operator) {
        return Err(Refusal::Conflict(
            "An operator's account belongs to no organisation. Help is opened, not joined.".into(),
        ));
    }
    let new = match (offer.known, signed_in) {
        (true, Some(_)) if offer.is_caller => None,
        (true, Some(_)) => {
            return Err(Refusal::Conflict(
                "This invitation is for another address than the one you are signed in with. Sign out first.".into(),
            ));
        }
        (true, None) => return Err(Refusal::SignedOut),
        (false, Some(_)) => {
            return Err(Refusal::Conflict(
                "This invitation is for another address. Sign out, then open the link again.".into(),
            ));
        }
        (false, None) => Some(newcomer(accounts, answer).await?),
    };
    let sealer = accounts.sealer(offer.tenant, origin).await?;
    let change = visitor.begin().await?;
    let ticket = Ticket::parse(answer.token).ok_or_else(spent)?;
    let row = sign_up::spend(&change, &ticket, Purpose::Invite, now).await?.ok_or_else(spent)?;
    let payload: Payload = sign_up::payload(accounts, &row)?;
    let (account, trace) = match (&new, signed_in) {
        (Some((name, hash)), _) => {
            change.enter(offer.tenant).await?;
            let pending = invitation::Entity::find()
                .filter(invitation::Column::TenantId.eq(offer.tenant.0))
                .filter(invitation::Column::Id.eq(payload.invitation));
            let pending = change.one(pending).await?.ok_or_else(spent)?;
            let plain = sealer.key.open(&address_place(offer.tenant, pending.id), &pending.address)?;
            let address = String::from_utf8_lossy(&plain).into_owned();
            // What somebody asked for with this address before is over.
            let asked = token::Entity::delete_many()
                .filter(token::Column::AddressIndex.eq(&offer.index))
                .filter(token::Column::Purpose.eq(Purpose::Verify.word()));
            change.delete(asked).await?;
            sign_up::insert_person(&change, accounts, (&address, &offer.index), name, hash.clone(), now).await?
        }
        (None, Some(caller)) => {
            let person = caller.person();
            (person.account, trace::open(accounts, person.account.0, person.sealed_trace.as_deref()))
        }
        (None, None) => return Err(Refusal::SignedOut),
    };
    let entry = Entry::of(accounts, Some(account), record::Action::Joined, origin, now)?;
    let entering = visitor.entering(offer.tenant, Actor::Person(account), Sealer { trace, ..sealer });
    let change = change.into_organisation(entering, &entry.happened()).await?;
    // Held: it may be closed at this moment, by somebody else.
    let own = organisation::Entity::find_by_id(offer.tenant.0);
    let own = change.unscoped("the organisation's own row, held").one_held(own).await?.ok_or_else(spent)?;
    if own.closed_at_ms.is_some() {
        return Err(closed(&offer.organisation));
    }
    join(change, &accounts.profile, payload.invitation, account, now).await?.ok_or_else(spent)?;
    Ok(())
}

async fn newcomer(accounts: &Accounts, answer: &Answer<'_>) -> Result<(String, String), Refusal> {
    let place = accounts.hasher.reserve()?;
    let name = super::members::short("name", answer.name.unwrap_or_default())?;
    let password = sign_up::typed("password", answer.password.unwrap_or_default())?;
    let own = password_rules::own_words(&accounts.profile.name, &[&name]);
    password_rules::check(&accounts.profile.policy.passwords, &accounts.breached, "password", &password, own).await?;
    Ok((name, place.hash(password).await?))
}

/// Whether whoever invited is still here and may still give that role: an invitation does not outlive the right to make it.
async fn still_given(change: &Change, profile: &Profile, row: &invitation::Model) -> Result<bool, Refusal> {
    let inviter = membership::Entity::find().filter(membership::Column::AccountId.eq(row.invited_by));
    let Some(inviter) = change.one(inviter).await? else { return Ok(false) };
    let has = roles::permissions(change, profile, &inviter.role).await?.unwrap_or_default();
    let gives = roles::permissions(change, profile, &row.role).await?;
    Ok(gives.is_some_and(|gives| gives.is_subset(&has)) && has.contains(&Permission::MembersManage))
}

async fn join(
    change: Change,
    profile: &Profile,
    id: Uuid,
    account: AccountId,
    now: OffsetDateTime,
) -> Result<Option<()>, Refusal> {
    let Some(row) = change.one(invitation::Entity::find().filter(invitation::Column::Id.eq(id))).await? else {
        return Ok(None);
    };
    if !still_given(&change, profile, &row).await? {
        return Ok(None);
    }
    let mut member = founding::first_member(account, &row.role, now);
    member.granted_by = ActiveValue::Set(Some(row.invited_by));
    if row.unit_id.is_some() {
        member.scope = ActiveValue::Set("some".to_owned());
    }
    change.insert(member).await?;
    if let Some(unit) = row.unit_id {
        change.insert(units::reaches(account.0, ("unit", unit), row.invited_by, now)).await?;
    }
    remove(&change, &row).await?;
    let event = Event::of(Action::MemberJoined, account.0).with("role", &row.role).with("invitation", id.to_string());
    change.commit(&event, now).await?;
    Ok(Some(()))
}
