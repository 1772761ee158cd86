//! Whoever loses a membership in a review leaves as whoever is offboarded does: with a receipt, and with somebody who takes over the records that
//! name them. An end that was planned for later comes with this, and keeps the successor that was chosen for it.

use std::collections::BTreeMap;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Decision, Kind, Those};
use crate::entity::{departure, membership, reach, review_item, session, token};
use crate::identity::{Accounts, Refusal};
use crate::organisations::leaving::{self, Receipt};
use crate::organisations::{names, roles};

#[derive(Debug, FromQueryResult)]
struct Count {
    account_id: Uuid,
    number: i64,
}

type Counts = BTreeMap<Uuid, u64>;

fn by_person(all: Vec<Count>) -> Counts {
    all.into_iter().map(|count| (count.account_id, u64::try_from(count.number).unwrap_or(0))).collect()
}

fn counted<E: EntityTrait, C: ColumnTrait>(of: Select<E>, account: C) -> Select<E> {
    of.select_only().column(account).column_as(account.count(), "number").group_by(account)
}

/// The receipts of everybody whose membership goes, written before it does. `people` are their accounts, `items` all that is revoked.
pub(super) async fn receipts(
    those: &Those<'_>,
    accounts: &Accounts,
    (people, items): (&[names::Light], &[review_item::Model]),
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = those.change;
    let leaving = || those.people(Decision::Revoke, &[Kind::Membership]);
    let here = membership::Entity::find().filter(membership::Column::AccountId.in_subquery(leaving()));
    let here = change.all(here).await?;
    let items = items.iter().filter(|item| item.kind == Kind::Membership.word());
    let asked: BTreeMap<Uuid, Uuid> =
        items.filter_map(|item| Some((item.account_id?, item.decided_by.unwrap_or_default()))).collect();
    let found = Found::of(those).await?;
    let successor = successor(those, accounts).await?;
    let (planned, due) = (planned(those).await?, leaving::promised(accounts, now));
    let names: BTreeMap<Uuid, String> = people.iter().map(|person| (person.id, person.name(accounts))).collect();
    let mut rows = Vec::new();
    for member in here {
        let id = member.account_id;
        let chosen = planned.get(&id).copied().flatten().filter(|chosen| !asked.contains_key(chosen));
        let told = leaving::Told {
            account: id,
            name: names.get(&id).map(String::as_str).unwrap_or_default(),
            asked_by: asked.get(&id).copied().unwrap_or_default(),
            successor: chosen.or(successor),
        };
        rows.push(leaving::done(change, &told, due.clone(), &found.receipt(&member), now)?);
    }
    Ok(change.insert_many(rows).await?)
}

/// What hangs on the memberships that go, counted by person.
struct Found {
    sessions: Counts,
    links: Counts,
    grants: Counts,
}

impl Found {
    async fn of(those: &Those<'_>) -> Result<Self, Refusal> {
        let leaving = || those.people(Decision::Revoke, &[Kind::Membership]);
        let rows = those.change.unscoped("what hangs on the memberships that go");
        let sessions = session::Entity::find().filter(session::Column::AccountId.in_subquery(leaving()));
        let links = token::Entity::find().filter(token::Column::AccountId.in_subquery(leaving()));
        let grants = reach::Entity::find().filter(reach::Column::AccountId.in_subquery(leaving()));
        Ok(Self {
            sessions: by_person(rows.all_as(counted(sessions, session::Column::AccountId)).await?),
            links: by_person(rows.all_as(counted(links, token::Column::AccountId)).await?),
            grants: by_person(those.change.all_as(counted(grants, reach::Column::AccountId)).await?),
        })
    }

    /// What is removed in the same change; so nothing is left of it.
    fn receipt(&self, member: &membership::Model) -> Receipt {
        let number = |counts: &Counts| counts.get(&member.account_id).copied().unwrap_or(0);
        Receipt {
            role: member.role.clone(),
            memberships: 1,
            sessions: number(&self.sessions),
            links: number(&self.links),
            grants: number(&self.grants),
            ..Receipt::default()
        }
    }
}

/// Whoever has managed the members longest of those who stay: somebody who can hand it on.
async fn successor(those: &Those<'_>, accounts: &Accounts) -> Result<Option<Uuid>, Refusal> {
    let managing = roles::with(those.change, &accounts.profile, Permission::MembersManage).await?;
    let going = those.people(Decision::Revoke, &[Kind::Membership]);
    let longest = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(managing))
        .filter(membership::Column::AccountId.not_in_subquery(going))
        .order_by_asc(membership::Column::SinceMs)
        .order_by_asc(membership::Column::AccountId)
        .limit(1);
    Ok(those.change.one(longest).await?.map(|row| row.account_id))
}

/// Ends that were planned for later, with the successor of each: they come now, so the plans go.
async fn planned(those: &Those<'_>) -> Result<BTreeMap<Uuid, Option<Uuid>>, Refusal> {
    let leaving = || those.people(Decision::Revoke, &[Kind::Membership]);
    let (person, done) = (departure::Column::AccountId, departure::Column::DoneAtMs);
    let plans = departure::Entity::find().filter(person.in_subquery(leaving())).filter(done.is_null());
    let plans = those.change.all(plans).await?;
    if !plans.is_empty() {
        let gone = departure::Entity::delete_many().filter(person.in_subquery(leaving())).filter(done.is_null());
        those.change.delete(gone).await?;
    }
    Ok(plans.into_iter().map(|plan| (plan.account_id, plan.successor_id)).collect())
}
