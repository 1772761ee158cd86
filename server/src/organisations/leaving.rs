//! The end of somebody's access: one act removes all of it, hands on what they owned, and leaves a receipt. It can be set for a date.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{members, names, roles, unknown};
use crate::audit::log::{Action, Event};
use crate::business::{self, Due};
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, calendar_key, departure, help_grant, invitation, membership, reach, session, token};
use crate::guard::{Actor, Allowed, Change, Operator, Right, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::mail::{Letter, queue};
use crate::registers::handover;
use contract::permission::Permission;

#[derive(Debug)]
pub struct Form<'a> {
    pub member: &'a str,
    pub successor: Option<&'a str>,
    /// The day on which access ends, at its beginning in the profile's time zone. Nothing: now.
    pub at: Option<&'a str>,
}

/// What was found and removed. What is left is counted after the removal, in the same transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub role: String,
    pub memberships: u64,
    pub sessions: u64,
    pub links: u64,
    pub grants: u64,
    pub invitations: u64,
    pub help_ended: u64,
    /// Records that named the person; nothing where nobody counted them before.
    #[serde(default)]
    pub records: Option<u64>,
    pub left: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Now(Uuid),
    Planned(Uuid),
}

/// Ends somebody's access, or plans the end.
///
/// # Errors
/// [`Refusal::Field`] when there is no such member or successor, or a date is no date; [`Refusal::Conflict`] for the last administrator.
pub async fn offboard(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Ended, Refusal> {
    let at = form.at.map(|text| day(accounts, text)).transpose()?;
    // A day that is over is a slip, and what it ended at once nobody could take back.
    if at.is_some_and(|at| at + Duration::days(1) <= now) {
        return Err(Refusal::Field("at", "this day has passed; leave it empty to end access now".into()));
    }
    let at = at.filter(|at| *at > now);
    let named = handover::count(&manager.read().await?, accounts, super::id("member", form.member)?).await?;
    let change = manager.begin(accounts, origin).await?;
    let row = members::named(&change, "member", form.member).await?;
    roles::within_reach_of(&change, &accounts.profile, manager.here(), &row.role).await?;
    may_go(&change, accounts, &row).await?;
    let successor = match form.successor {
        None => None,
        Some(text) => Some(members::named(&change, "successor", text).await?.account_id),
    };
    if successor == Some(row.account_id) {
        return Err(Refusal::Field("successor", "somebody else has to take over".into()));
    }
    let planned = departure::Entity::find()
        .filter(departure::Column::AccountId.eq(row.account_id))
        .filter(departure::Column::DoneAtMs.is_null());
    if let Some(planned) = change.one(planned).await? {
        if at.is_some() {
            return Err(Refusal::Conflict(
                "The end of this person's access is planned already. Call that off first.".into(),
            ));
        }
        change.delete(departure::Entity::delete_many().filter(departure::Column::Id.eq(planned.id))).await?;
    }
    let id = write(&change, accounts, &row, (manager.account.0, successor), now, at.unwrap_or(now)).await?;
    if let Some(at) = at {
        let event = Event::of(Action::OffboardingPlanned, row.account_id).with("at", crate::clock::rfc3339(at));
        change.commit(&event, now).await?;
        return Ok(Ended::Planned(id));
    }
    remove(change, accounts, &row, id, named, now).await?;
    accounts.bell.notify_one();
    if let Some(successor) = successor {
        let actor = manager.actor();
        let sealer = accounts.sealer_of(manager.here().tenant, manager, origin).await?;
        let tenant = manager.here().tenant;
        handover::all(&manager.schedule(), accounts, tenant, (actor, sealer), (row.account_id, successor), now).await?;
    }
    Ok(Ended::Now(id))
}

/// The beginning of a day in the profile's time zone.
fn day(accounts: &Accounts, text: &str) -> Result<OffsetDateTime, Refusal> {
    let wrong = || Refusal::Field("at", "write the day as 2026-04-30".into());
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let zone = jiff::tz::TimeZone::get(&accounts.profile.policy.calendar.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let begins = date.to_zoned(zone).map_err(|_| wrong())?;
    OffsetDateTime::from_unix_timestamp(begins.timestamp().as_second()).map_err(|_| wrong())
}

/// Nobody's going leaves an organisation without an administrator.
async fn may_go(change: &Change, accounts: &Accounts, row: &membership::Model) -> Result<(), Refusal> {
    let managing = roles::with(change, &accounts.profile, Permission::MembersManage).await?;
    if row.kind == "member" && managing.contains(&row.role) {
        roles::keeps_an_administrator(change, &accounts.profile, row.account_id).await?;
    }
    Ok(())
}

async fn write(
    change: &Change,
    accounts: &Accounts,
    row: &membership::Model,
    (asked_by, successor): (Uuid, Option<Uuid>),
    now: OffsetDateTime,
    at: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let id = Uuid::now_v7();
    let person = change.unscoped("the leaver's name").one(account::Entity::find_by_id(row.account_id)).await?;
    let name = person.map(|row| names::open(accounts, &row).name).unwrap_or_default();
    let told = Told { account: row.account_id, name: &name, asked_by, successor };
    change.insert(planned(change, id, &told, promised(accounts, at), (now, at))?).await?;
    Ok(id)
}

/// When everything has to be done for whoever goes then.
pub(crate) fn promised(accounts: &Accounts, at: OffsetDateTime) -> Option<Due> {
    let policy = &accounts.profile.policy;
    business::offboarding_due(&policy.clocks, &policy.calendar, at)
}

/// Whose access ends, by whose word, and who takes over.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) account: Uuid,
    pub(crate) name: &'a str,
    pub(crate) asked_by: Uuid,
    pub(crate) successor: Option<Uuid>,
}

/// An end that is asked for now and comes then.
fn planned(
    change: &Change,
    id: Uuid,
    told: &Told<'_>,
    due: Option<Due>,
    (now, at): (OffsetDateTime, OffsetDateTime),
) -> Result<departure::ActiveModel, Refusal> {
    Ok(departure::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        account_id: ActiveValue::Set(told.account),
        name: ActiveValue::Set(change.seal(&place(change.tenant(), id, "name"), told.name.as_bytes())?),
        successor_id: ActiveValue::Set(told.successor),
        asked_by: ActiveValue::Set(told.asked_by),
        asked_at_ms: ActiveValue::Set(to_ms(now)),
        at_ms: ActiveValue::Set(to_ms(at)),
        due_at_ms: ActiveValue::Set(due.as_ref().map(|due| to_ms(due.at))),
        due_rule: ActiveValue::Set(due.map(|due| due.rule)),
        done_at_ms: ActiveValue::Set(None),
        receipt: ActiveValue::Set(None),
    })
}

/// An end that came in the same change, with its receipt.
pub(crate) fn done(
    change: &Change,
    told: &Told<'_>,
    due: Option<Due>,
    receipt: &Receipt,
    now: OffsetDateTime,
) -> Result<departure::ActiveModel, Refusal> {
    let id = Uuid::now_v7();
    Ok(departure::ActiveModel {
        done_at_ms: ActiveValue::Set(Some(to_ms(now))),
        receipt: ActiveValue::Set(Some(sealed(change, id, receipt)?)),
        ..planned(change, id, told, due, (now, now))?
    })
}

fn sealed(change: &Change, id: Uuid, receipt: &Receipt) -> Result<Vec<u8>, Refusal> {
    let text = serde_json::to_vec(receipt).unwrap_or_default();
    Ok(change.seal(&place(change.tenant(), id, "receipt"), &text)?)
}

/// Where the name on a receipt is sealed.
pub(crate) fn name_place(tenant: TenantId, id: Uuid) -> String {
    place(tenant, id, "name")
}

pub(crate) fn place(tenant: TenantId, id: Uuid, what: &str) -> String {
    format!("departure/{}/{id}/{what}", tenant.0)
}

/// Takes everything away, counts what is left, and commits with the receipt.
async fn remove(
    change: Change,
    accounts: &Accounts,
    row: &membership::Model,
    id: Uuid,
    records: u64,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let person = row.account_id;
    let rows = change.unscoped("what hangs on the membership of the person who leaves");
    let address = rows.one(account::Entity::find_by_id(person)).await?.map(|row| names::open(accounts, &row).address);
    let grants = change.delete(reach::Entity::delete_many().filter(reach::Column::AccountId.eq(person))).await?;
    let keys = calendar_key::Entity::delete_many().filter(calendar_key::Column::AccountId.eq(person));
    change.delete(keys).await?;
    let memberships =
        change.delete(membership::Entity::delete_many().filter(membership::Column::AccountId.eq(person))).await?;
    let sessions = rows.delete(session::Entity::delete_many().filter(session::Column::AccountId.eq(person))).await?;
    let links = rows.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(person))).await?;
    let index = rows.one(account::Entity::find_by_id(person)).await?.map(|row| row.address_index).unwrap_or_default();
    let made = change.all(invitation::Entity::find().filter(invitation::Column::InvitedBy.eq(person))).await?;
    let dead = token::Column::TokenHash.is_in(made.iter().map(|row| row.token_hash.clone()));
    rows.delete(token::Entity::delete_many().filter(dead)).await?;
    change.delete(invitation::Entity::delete_many().filter(invitation::Column::InvitedBy.eq(person))).await?;
    let invitations = made.len() as u64
        + change.delete(invitation::Entity::delete_many().filter(invitation::Column::AddressIndex.eq(index))).await?;
    let ended = help_grant::Entity::update_many()
        .col_expr(help_grant::Column::EndedAtMs, Expr::value(Some(to_ms(now))))
        .filter(help_grant::Column::AccountId.eq(person))
        .filter(help_grant::Column::EndedAtMs.is_null());
    let help_ended = change.update(ended).await?;
    let left = change.count(membership::Entity::find().filter(membership::Column::AccountId.eq(person))).await?
        + change.count(reach::Entity::find().filter(reach::Column::AccountId.eq(person))).await?
        + rows.count(session::Entity::find().filter(session::Column::AccountId.eq(person))).await?
        + rows.count(token::Entity::find().filter(token::Column::AccountId.eq(person))).await?;
    let receipt = Receipt {
        role: row.role.clone(),
        memberships,
        sessions,
        links,
        grants,
        invitations,
        help_ended,
        records: Some(records),
        left,
    };
    let set = departure::Entity::update_many()
        .col_expr(departure::Column::DoneAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(departure::Column::Receipt, Expr::value(Some(sealed(&change, id, &receipt)?)))
        .filter(departure::Column::Id.eq(id));
    change.update(set).await?;
    if let Some(address) = address {
        queue::put(rows, accounts, &address, &Letter::AccessEnded, now).await?;
    }
    let event = Event::of(Action::MemberOffboarded, person)
        .with("role", &row.role)
        .with("sessions", sessions.to_string())
        .with("grants", grants.to_string());
    Ok(change.commit(&event, now).await?)
}

/// Calls a planned end off.
///
/// # Errors
/// [`Refusal::Field`] when there is none that is still to come.
pub async fn cancel(
    manager: &Allowed<rights::MembersManage>,
    accounts: &Accounts,
    departure: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id = super::id("departure", departure)?;
    let change = manager.begin(accounts, origin).await?;
    let planned =
        departure::Entity::find().filter(departure::Column::Id.eq(id)).filter(departure::Column::DoneAtMs.is_null());
    let row = change.one(planned).await?.ok_or_else(|| unknown("departure"))?;
    change.delete(departure::Entity::delete_many().filter(departure::Column::Id.eq(id))).await?;
    Ok(change.commit(&Event::of(Action::OffboardingCancelled, row.account_id), now).await?)
}

/// Does what was planned and is due. How many that were.
pub(crate) async fn due(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    let planned = departure::Entity::find()
        .filter(departure::Column::DoneAtMs.is_null())
        .filter(departure::Column::AtMs.lte(to_ms(now)));
    let waiting = operator.view(tenant).await?.all(planned).await?;
    let mut done = 0;
    for row in waiting {
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        let change = operator.begin_in(tenant, Actor::System, sealer).await?;
        let member = membership::Entity::find().filter(membership::Column::AccountId.eq(row.account_id));
        let Some(member) = change.one(member).await? else {
            change.delete(departure::Entity::delete_many().filter(departure::Column::Id.eq(row.id))).await?;
            change.commit(&Event::of(Action::OffboardingCancelled, row.account_id).with("why", "gone"), now).await?;
            continue;
        };
        match may_go(&change, accounts, &member).await {
            Ok(()) => {}
            // Called off with a record, not put off for ever: the organisation has to decide anew.
            Err(Refusal::Conflict(_)) => {
                change.delete(departure::Entity::delete_many().filter(departure::Column::Id.eq(row.id))).await?;
                let event =
                    Event::of(Action::OffboardingCancelled, row.account_id).with("why", "the last administrator");
                change.commit(&event, now).await?;
                continue;
            }
            Err(other) => return Err(other),
        }
        let named = handover::count(&operator.view(tenant).await?, accounts, member.account_id).await?;
        remove(change, accounts, &member, row.id, named, now).await?;
        accounts.bell.notify_one();
        done += 1;
    }
    hand_over(operator, accounts, tenant, None, now).await?;
    Ok(done)
}

/// Whoever left a while ago to a successor, who may not have got everything yet.
pub(crate) fn lately_left(now: OffsetDateTime) -> Select<departure::Entity> {
    departure::Entity::find()
        .filter(departure::Column::DoneAtMs.gte(to_ms(now - HANDED_OVER_WITHIN)))
        .filter(departure::Column::SuccessorId.is_not_null())
}

/// What a successor takes over and has not got yet: of one person, or of everybody who left by the clock or in a review, and what a crash left
/// undone.
pub(crate) async fn hand_over(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    only: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let lately = match only {
        Some(person) => lately_left(now).filter(departure::Column::AccountId.eq(person)),
        None => lately_left(now),
    };
    let view = operator.view(tenant).await?;
    let gone = view.all(lately).await?;
    let named = handover::named(&view, accounts, gone.iter().map(|row| row.account_id)).await?;
    drop(view);
    for row in gone.into_iter().filter(|row| named.contains(&row.account_id)) {
        let Some(successor) = row.successor_id else { continue };
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
        handover::all(operator, accounts, tenant, (Actor::System, sealer), (row.account_id, successor), now).await?;
    }
    Ok(())
}

/// For how long it is looked whether a successor has got everything.
const HANDED_OVER_WITHIN: Duration = Duration::days(2);

/// One departure as the page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: Uuid,
    pub name: String,
    pub asked_by: String,
    pub successor: Option<String>,
    pub asked: OffsetDateTime,
    pub at: OffsetDateTime,
    pub due: Option<(OffsetDateTime, String)>,
    pub done: Option<OffsetDateTime>,
    pub receipt: Option<Receipt>,
}

/// The newest departures, planned ones first.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts, most: u64) -> Result<Vec<Shown>, Refusal> {
    let view = reader.read().await?;
    let rows = view.all(departure::Entity::find().order_by_desc(departure::Column::AskedAtMs).limit(most)).await?;
    let ids: Vec<Uuid> = rows.iter().flat_map(|row| [Some(row.asked_by), row.successor_id]).flatten().collect();
    let people = names::of(&view, accounts, ids).await?;
    let ring = accounts.vault.within(&view).await?;
    let open = |id: Uuid, what: &str, sealed: &[u8]| ring.open(&place(view.tenant(), id, what), sealed).ok();
    let mut shown: Vec<Shown> = rows
        .into_iter()
        .map(|row| Shown {
            id: row.id,
            name: open(row.id, "name", &row.name)
                .map(|plain| String::from_utf8_lossy(&plain).into_owned())
                .unwrap_or_default(),
            asked_by: names::called(&people, row.asked_by),
            successor: row.successor_id.map(|id| names::called(&people, id)),
            asked: from_ms(row.asked_at_ms),
            at: from_ms(row.at_ms),
            due: row.due_at_ms.map(from_ms).zip(row.due_rule),
            done: row.done_at_ms.map(from_ms),
            receipt: row
                .receipt
                .and_then(|sealed| open(row.id, "receipt", &sealed))
                .and_then(|plain| serde_json::from_slice(&plain).ok()),
        })
        .collect();
    shown.sort_by_key(|shown| shown.done.is_some());
    Ok(shown)
}

/// How long a planned end may have been due without being done before a control calls it late.
pub(crate) const LATE_AFTER: Duration = Duration::minutes(5);
