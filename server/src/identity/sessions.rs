//! Sessions: they begin with a password, change their id with every step further in, and end when they are told to.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::origin::Place;
use super::record::{Action, Entry};
use super::{Accounts, Origin, Refusal};
use crate::clock::{from_ms, to_ms};
use crate::entity::{session, token};
use crate::guard::{AccountChange, AccountId, Arrived, Person, SessionId, SignedIn, Visitor};

/// How rarely the use of a session is written down.
const TOUCH_EVERY: Duration = Duration::minutes(1);

/// Where somebody was going, in the session's data.
const NEXT: &str = "next";

/// One of one's own sessions.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: Uuid,
    pub place: Place,
    pub began: OffsetDateTime,
    pub seen: OffsetDateTime,
    pub ends: OffsetDateTime,
    pub half_way: bool,
    pub this: bool,
}

/// Begins a session for somebody whose password was right.
pub(crate) async fn begin(
    change: &AccountChange,
    accounts: &Accounts,
    account: AccountId,
    next: Option<&str>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    let (id, limits) = (SessionId::random(), &accounts.profile.policy.sessions);
    let ends = now + Duration::hours(limits.absolute_hours.get().into());
    let row = session::Model {
        id_hash: id.hash(),
        public_id: Uuid::now_v7(),
        account_id: account.0,
        factor_at_ms: None,
        password_at_ms: to_ms(now),
        created_at_ms: to_ms(now),
        seen_at_ms: to_ms(now),
        idle_until_ms: to_ms(ends.min(idle_until(accounts, now))),
        ends_at_ms: to_ms(ends),
        origin: origin.sealed(accounts, Some(account))?,
        data: with_next("{}", next),
    };
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(id)
}

fn idle_until(accounts: &Accounts, now: OffsetDateTime) -> OffsetDateTime {
    now + Duration::minutes(accounts.profile.policy.sessions.idle_minutes.get().into())
}

/// Which assurance a step gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Factor,
    Password,
    /// The same assurance under a new id, after a change that ends the others.
    Renewed,
}

/// Gives the session a new id with the assurance it has now. A session that was ended meanwhile stays ended.
pub(super) async fn step(
    change: &AccountChange,
    person: &Person,
    step: Step,
    next: Option<&str>,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    let id = SessionId::random();
    let mut rows = session::Entity::update_many()
        .col_expr(session::Column::IdHash, Expr::value(id.hash()))
        .col_expr(session::Column::Data, Expr::value(with_next(&person.data, next)))
        .filter(session::Column::IdHash.eq(&person.session_hash));
    rows = match step {
        Step::Factor => rows.col_expr(session::Column::FactorAtMs, Expr::value(Some(to_ms(now)))),
        Step::Password => rows.col_expr(session::Column::PasswordAtMs, Expr::value(to_ms(now))),
        Step::Renewed => rows,
    };
    if change.update(rows).await? == 1 { Ok(id) } else { Err(Refusal::SignedOut) }
}

/// The data with another place to go on to, or with none.
fn with_next(data: &str, next: Option<&str>) -> String {
    let mut data: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    match next.and_then(contract::text::local_path) {
        Some(next) => data.insert(NEXT.to_owned(), Value::String(next.to_owned())),
        None => data.remove(NEXT),
    };
    Value::Object(data).to_string()
}

impl Person {
    /// Where this person was going before they were asked for more.
    pub fn next(&self) -> Option<String> {
        let data: Map<String, Value> = serde_json::from_str(&self.data).ok()?;
        contract::text::local_path(data.get(NEXT)?.as_str()?).map(str::to_owned)
    }
}

/// Writes down that a session was used, at most once a minute.
///
/// # Errors
/// When the database does not answer.
pub async fn touch(
    visitor: &Visitor,
    accounts: &Accounts,
    person: &Person,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if now - person.seen_at < TOUCH_EVERY {
        return Ok(());
    }
    let idle = idle_until(accounts, now).min(from_ms(person.ends_at_ms));
    Ok(visitor.sessions().touch(&person.session_hash, now, idle).await?)
}

/// One's own sessions that still hold, this one first, then by last use.
///
/// # Errors
/// When the database does not answer.
pub async fn list(reader: &SignedIn, accounts: &Accounts, now: OffsetDateTime) -> Result<Vec<Listed>, Refusal> {
    let rows = session::Entity::find()
        .filter(session::Column::AccountId.eq(reader.account.0))
        .filter(session::Column::IdleUntilMs.gt(to_ms(now)))
        .filter(session::Column::EndsAtMs.gt(to_ms(now)))
        .order_by_desc(session::Column::SeenAtMs);
    let mut listed: Vec<Listed> = reader
        .all(rows)
        .await?
        .into_iter()
        .map(|row| Listed {
            id: row.public_id,
            place: Place::open(accounts, reader.account, &row.origin),
            began: from_ms(row.created_at_ms),
            seen: from_ms(row.seen_at_ms),
            ends: from_ms(row.ends_at_ms),
            half_way: reader.enrolled && row.factor_at_ms.is_none(),
            this: row.public_id == reader.session,
        })
        .collect();
    listed.sort_by_key(|listed| !listed.this);
    Ok(listed)
}

/// Ends one of one's own sessions. Another person's is unknown here.
///
/// # Errors
/// [`Refusal::Field`] when there is no such session.
pub async fn revoke(
    owner: &SignedIn,
    accounts: &Accounts,
    session: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let unknown = || Refusal::Field("session", "there is no such session; it may have ended already".into());
    let id: Uuid = session.parse().map_err(|_| unknown())?;
    let change = owner.begin().await?;
    let rows = session::Entity::delete_many()
        .filter(session::Column::AccountId.eq(owner.account.0))
        .filter(session::Column::PublicId.eq(id));
    if change.delete(rows).await? == 0 {
        return Err(unknown());
    }
    let entry = Entry::of(accounts, Some(owner.account), Action::SessionRevoked, origin, now)?;
    Ok(change.commit(&entry.happened()).await?)
}

/// Ends all of one's own sessions but this one.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke_others(
    owner: &SignedIn,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = owner.begin().await?;
    end_others(&change, owner).await?;
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(owner.account.0))).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::OthersRevoked, origin, now)?;
    Ok(change.commit(&entry.happened()).await?)
}

pub(super) async fn end_others(change: &AccountChange, owner: &Person) -> Result<u64, Refusal> {
    let rows = session::Entity::delete_many()
        .filter(session::Column::AccountId.eq(owner.account.0))
        .filter(session::Column::PublicId.ne(owner.session));
    Ok(change.delete(rows).await?)
}

pub(super) async fn end_all(change: &AccountChange, account: AccountId) -> Result<u64, Refusal> {
    Ok(change.delete(session::Entity::delete_many().filter(session::Column::AccountId.eq(account.0))).await?)
}

/// Ends this session. Whoever names one names this one.
///
/// # Errors
/// [`Refusal::Field`] when another one is named.
pub async fn sign_out(
    leaver: &Arrived,
    accounts: &Accounts,
    session: Option<&str>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if session.is_some_and(|named| named != leaver.session.to_string()) {
        return Err(Refusal::Field(
            "session",
            "this is not the session that you are in; end it on the page of your sessions".into(),
        ));
    }
    let change = leaver.begin().await?;
    change.delete(session::Entity::delete_many().filter(session::Column::PublicId.eq(leaver.session))).await?;
    let entry = Entry::of(accounts, Some(leaver.account), Action::SignedOut, origin, now)?;
    Ok(change.commit(&entry.happened()).await?)
}
