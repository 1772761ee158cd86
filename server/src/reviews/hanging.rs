//! What hangs on a membership and goes with it, whatever was decided about it alone: said before anybody decides, and written down afterwards.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait, Select};
use uuid::Uuid;

use super::drift::there;
use super::items::of_review;
use super::words::{Decision, Kind, State, Status};
use crate::entity::{calendar_key, reach, review, review_item};
use crate::guard::{Change, TenantDb, TenantId};
use crate::identity::Refusal;

/// What something hangs on.
const HOLDS: [Kind; 2] = [Kind::Membership, Kind::Help];

/// What hangs on it.
const HANGS: [Kind; 2] = [Kind::Reach, Kind::Token];

fn of_kinds(kinds: [Kind; 2]) -> Condition {
    Condition::all().add(review_item::Column::Kind.is_in(kinds.map(Kind::word)))
}

/// What hung on a membership that this review took away.
pub(crate) fn went_along(tenant: TenantId, review: Uuid) -> Condition {
    let went = review_item::Entity::find()
        .select_only()
        .column(review_item::Column::AccountId)
        .filter(review_item::Column::TenantId.eq(tenant.0))
        .filter(of_review(review))
        .filter(of_kinds(HOLDS))
        .filter(review_item::Column::Decision.eq(Decision::Revoke.word()))
        .filter(review_item::Column::State.eq(State::Applied.word()))
        .filter(review_item::Column::AccountId.is_not_null());
    of_kinds(HANGS).add(review_item::Column::AccountId.in_subquery(went.into_query()))
}

/// What was to be kept and is gone with a membership that this review took away: the decision stays, and this is what became of it. How many.
pub(crate) async fn ended(change: &Change, review: Uuid, which: Condition) -> Result<u64, Refusal> {
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::State, Expr::value(State::Ended.word()))
        .filter(of_review(review))
        .filter(which)
        .filter(went_along(change.tenant(), review))
        .filter(review_item::Column::Decision.eq(Decision::Keep.word()))
        .filter(review_item::Column::State.eq(State::Decided.word()))
        .filter(there().not());
    Ok(change.update(set).await?)
}

/// Revoked memberships by whose people the database looks for what hung on them; of more it looks at the whole review.
const BY_PERSON: usize = 500;

/// The same of what hung on any of these items, which are of one review and were revoked just now.
pub(crate) async fn of_these(change: &Change, revoked: &[review_item::Model]) -> Result<(), Refusal> {
    let went = revoked.iter().filter(|row| HOLDS.contains(&Kind::stored(&row.kind)));
    let people: Vec<Uuid> = went.filter_map(|row| row.account_id).collect();
    let Some(row) = revoked.first().filter(|_| !people.is_empty()) else { return Ok(()) };
    let theirs = (people.len() <= BY_PERSON).then(|| review_item::Column::AccountId.is_in(people));
    ended(change, row.review_id, Condition::all().add_option(theirs)).await?;
    Ok(())
}

/// What one item and others have to do with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Along {
    /// Units, records and secret addresses that end with this membership, if it is revoked.
    pub goes: u64,
    /// How many of them were decided to be kept.
    pub kept: u64,
    /// Whether it hangs on a membership that was decided to be revoked in the same review.
    pub ends: bool,
}

#[derive(Debug, FromQueryResult)]
struct Count {
    account_id: Uuid,
    number: i64,
}

/// The same for a page of items.
#[derive(Debug, Default)]
pub(crate) struct Hanging {
    goes: BTreeMap<Uuid, u64>,
    kept: BTreeMap<Uuid, u64>,
    ends: BTreeSet<Uuid>,
}

impl Hanging {
    pub(crate) async fn of(
        view: &TenantDb,
        review: &review::Model,
        rows: &[review_item::Model],
    ) -> Result<Self, Refusal> {
        let people = |kinds: [Kind; 2]| -> BTreeSet<Uuid> {
            let rows = rows.iter().filter(|row| kinds.contains(&Kind::stored(&row.kind)));
            rows.filter_map(|row| row.account_id).collect()
        };
        let (holders, hangers) = (people(HOLDS), people(HANGS));
        let mut hanging = Self::default();
        if review.state != Status::Open.word() {
            return Ok(hanging);
        }
        if !holders.is_empty() {
            let theirs = reach::Entity::find().filter(reach::Column::AccountId.is_in(holders.iter().copied()));
            add(&mut hanging.goes, view.all_as(counted(theirs, reach::Column::AccountId)).await?);
            let keys = calendar_key::Column::AccountId.is_in(holders.iter().copied());
            let keys = calendar_key::Entity::find().filter(keys);
            add(&mut hanging.goes, view.all_as(counted(keys, calendar_key::Column::AccountId)).await?);
            for one in stand(view, review, HANGS, holders).await? {
                if one.is(Decision::Keep) && one.state == State::Decided.word() {
                    *hanging.kept.entry(one.account_id).or_default() += 1;
                }
            }
        }
        if !hangers.is_empty() {
            let held = stand(view, review, HOLDS, hangers).await?.into_iter();
            hanging.ends = held.filter(|one| one.is(Decision::Revoke)).map(|one| one.account_id).collect();
        }
        Ok(hanging)
    }

    pub(crate) fn along(&self, row: &review_item::Model) -> Along {
        let kind = Kind::stored(&row.kind);
        let Some(account) = row.account_id else { return Along::default() };
        let number = |counts: &BTreeMap<Uuid, u64>| counts.get(&account).copied().filter(|_| HOLDS.contains(&kind));
        Along {
            goes: number(&self.goes).unwrap_or(0),
            kept: number(&self.kept).unwrap_or(0),
            ends: HANGS.contains(&kind) && self.ends.contains(&account),
        }
    }
}

/// How an item of somebody stands.
#[derive(Debug, FromQueryResult)]
struct Stands {
    account_id: Uuid,
    decision: Option<String>,
    state: String,
}

impl Stands {
    fn is(&self, decision: Decision) -> bool {
        self.decision.as_deref() == Some(decision.word())
    }
}

/// Items of these people. Asked for by person alone: with a decision or a range of ids in it SQLite walks through the review.
async fn stand(
    view: &TenantDb,
    review: &review::Model,
    kinds: [Kind; 2],
    people: BTreeSet<Uuid>,
) -> Result<Vec<Stands>, Refusal> {
    let items = review_item::Entity::find()
        .select_only()
        .columns([review_item::Column::AccountId, review_item::Column::Decision, review_item::Column::State])
        .filter(review_item::Column::ReviewId.eq(review.id))
        .filter(of_kinds(kinds))
        .filter(review_item::Column::AccountId.is_in(people));
    Ok(view.all_as::<review_item::Entity, Stands>(items).await?)
}

fn counted<E: EntityTrait, C: ColumnTrait>(of: Select<E>, account: C) -> Select<E> {
    of.select_only().column(account).column_as(account.count(), "number").group_by(account)
}

fn add(counts: &mut BTreeMap<Uuid, u64>, found: Vec<Count>) {
    for Count { account_id, number } in found {
        *counts.entry(account_id).or_default() += u64::try_from(number).unwrap_or(0);
    }
}
