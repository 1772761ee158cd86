//! What somebody who leaves is named in goes to a successor.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::edit::remember;
use super::filed::Shelf;
use super::record::Kind;
use super::shape::find;
use crate::audit::log::{Action, Event, Sealer};
use crate::entity::{record, record_token};
use crate::guard::{AccountId, Actor, Change, Operator, TenantId};
use crate::identity::{Accounts, Refusal};
use crate::profile::format::FieldKind;

/// Records handed over in one transaction.
const AT_ONCE: u64 = 1_000;

/// People who are asked for in one statement.
const ASKED_AT_ONCE: usize = 1_000;

/// Puts `to` wherever a record names `from`, in as many records as one transaction takes. How many that were.
pub(crate) async fn some(
    change: &Change,
    accounts: &Accounts,
    (from, to): (Uuid, Uuid),
    by: AccountId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let token = change.ring().tokens()?.person(from);
    let named = record_token::Entity::find().filter(record_token::Column::Token.eq(token)).limit(AT_ONCE);
    let ids: Vec<Uuid> = change.all(named).await?.into_iter().map(|row| row.record_id).collect();
    let rows = change.all(record::Entity::find().filter(record::Column::Id.is_in(ids))).await?;
    let mut handed = 0;
    for row in rows {
        let Some(register) = find(&accounts.profile, &row.register) else { continue };
        let mut shelf = Shelf::of(change, register)?;
        let before = shelf.open(&row)?;
        let mut after = before.clone();
        for field in register.fields.iter().filter(|field| field.kind == FieldKind::Person) {
            let id = field.id.get_ref();
            if before.all(id).contains(&from.to_string()) {
                after.set(id, vec![to.to_string()]);
            }
        }
        remember(change, &row, Some(&before), Kind::Changed, by, None, now).await?;
        shelf.put_in_place(&row, &before, &after, row.unit_id, now).await?;
        shelf.count().await?;
        handed += 1;
    }
    Ok(handed)
}

/// How many records name somebody.
pub(crate) async fn count(view: &crate::guard::TenantDb, accounts: &Accounts, person: Uuid) -> Result<u64, Refusal> {
    let token = accounts.vault.within(view).await?.tokens()?.person(person);
    Ok(view.count(record_token::Entity::find().filter(record_token::Column::Token.eq(token))).await?)
}

#[derive(Debug, FromQueryResult)]
struct Token {
    token: i64,
}

/// Which of these people any record names.
pub(crate) async fn named(
    view: &crate::guard::TenantDb,
    accounts: &Accounts,
    people: impl Iterator<Item = Uuid>,
) -> Result<BTreeSet<Uuid>, Refusal> {
    let ring = accounts.vault.within(view).await?;
    let tokens = ring.tokens()?;
    let by_token: BTreeMap<i64, Uuid> = people.map(|person| (tokens.person(person), person)).collect();
    let all: Vec<i64> = by_token.keys().copied().collect();
    let mut named = BTreeSet::new();
    for some in all.chunks(ASKED_AT_ONCE) {
        let found = record_token::Entity::find()
            .select_only()
            .column(record_token::Column::Token)
            .distinct()
            .filter(record_token::Column::Token.is_in(some.iter().copied()));
        let found = view.all_as::<record_token::Entity, Token>(found).await?;
        named.extend(found.into_iter().filter_map(|row| by_token.get(&row.token)));
    }
    Ok(named)
}

/// How many records name any of these people.
pub(crate) async fn total(
    view: &crate::guard::TenantDb,
    accounts: &Accounts,
    people: impl Iterator<Item = Uuid>,
) -> Result<u64, Refusal> {
    let ring = accounts.vault.within(view).await?;
    let tokens = ring.tokens()?;
    let all: Vec<i64> = people.map(|person| tokens.person(person)).collect();
    let mut total = 0;
    for some in all.chunks(ASKED_AT_ONCE) {
        let some = record_token::Column::Token.is_in(some.iter().copied());
        total += view.count(record_token::Entity::find().filter(some)).await?;
    }
    Ok(total)
}

/// The same to the end, part by part, each with its entry.
pub(crate) async fn all(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    (actor, sealer): (Actor, Sealer),
    (from, to): (Uuid, Uuid),
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let mut handed = 0;
    loop {
        let change = operator.begin_kept(tenant, actor, sealer.clone()).await?;
        let some = some(&change, accounts, (from, to), AccountId(actor.id()), now).await?;
        if some == 0 {
            return Ok(handed);
        }
        handed += some;
        let event =
            Event::of(Action::RecordsHandedOver, from).with("records", some.to_string()).with("to", to.to_string());
        change.commit(&event, now).await?;
    }
}
