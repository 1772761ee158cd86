//! Who is to decide: the reviewers of each stage, who stands in for them, and who decides when none of them can.

use std::collections::{BTreeMap, BTreeSet};

use contract::permission::Permission;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::items::ids_of;
use super::rules::{Decider, mailbox};
use crate::entity::{account, custom_role, membership, review, review_item, review_reviewer, review_vote};
use crate::guard::Reads;
use crate::identity::{Accounts, Refusal};
use crate::organisations::{names, roles};

/// One reviewer as the page shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewer {
    pub stage: i32,
    pub account: Uuid,
    pub who: String,
    /// Who decides in their place.
    pub delegate: Option<(Uuid, String)>,
    /// Whether they are still here and may still decide.
    pub present: bool,
}

/// The stage of those who were given single items: none, they belong to their items.
pub(crate) const GIVEN: i32 = 0;

/// Everybody who may be asked in one review.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    pub(crate) rows: Vec<review_reviewer::Model>,
    /// Those of them who are here and may decide.
    pub(crate) able: BTreeSet<Uuid>,
    pub(crate) fallback: Option<Uuid>,
    escalated: bool,
    stages: i32,
    tenant: Uuid,
    pub(crate) mutual: bool,
}

/// As much of an item as it takes to say who is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) stage: i32,
    pub(crate) reviewer: Option<Uuid>,
    pub(crate) subject: Option<Uuid>,
}

impl From<&review_item::Model> for Asked {
    fn from(row: &review_item::Model) -> Self {
        Self { stage: row.stage, reviewer: row.reviewer_id, subject: row.account_id }
    }
}

impl Bench {
    pub(crate) async fn of(rows: &impl Reads, accounts: &Accounts, review: &review::Model) -> Result<Self, Refusal> {
        let reviewers = review_reviewer::Entity::find().filter(review_reviewer::Column::ReviewId.eq(review.id));
        let reviewers = rows.rows(reviewers).await?;
        let named = reviewers.iter().flat_map(|row| [Some(row.account_id), row.delegate_id]);
        let named: BTreeSet<Uuid> = named.chain([review.fallback_id]).flatten().collect();
        Ok(Self {
            able: able(rows, accounts, named).await?,
            rows: reviewers,
            fallback: review.fallback_id,
            escalated: review.escalated_at_ms.is_some(),
            stages: review.stages,
            tenant: review.tenant_id,
            mutual: accounts.profile.policy.reviews.mutual,
        })
    }

    /// The reviewers of a stage, and whoever stands in for one.
    fn of_stage(&self, stage: i32, only: Option<Uuid>) -> BTreeSet<Uuid> {
        let rows = self.rows.iter().filter(|row| only.map_or(row.stage == stage, |only| only == row.account_id));
        let named = rows.flat_map(|row| [Some(row.account_id), row.delegate_id]).flatten().chain(only);
        named.filter(|account| self.able.contains(account)).collect()
    }

    /// Who is asked about an item. Empty: whoever may decide at all.
    pub(crate) fn asked(&self, item: Asked) -> BTreeSet<Uuid> {
        let others = |mut asked: BTreeSet<Uuid>| {
            asked.retain(|account| Some(*account) != item.subject);
            asked
        };
        let mut asked = BTreeSet::new();
        if let Some(only) = item.reviewer {
            asked = others(self.of_stage(item.stage, Some(only)));
        }
        if asked.is_empty() {
            if !self.rows.iter().any(|row| row.stage == item.stage) {
                return asked;
            }
            asked = others(self.of_stage(item.stage, None));
        }
        let fallback = self.fallback.filter(|account| self.able.contains(account));
        if asked.is_empty() || self.escalated {
            asked.extend(fallback);
        }
        others(asked)
    }

    pub(crate) fn asks(&self, account: Uuid, item: Asked) -> bool {
        let asked = self.asked(item);
        asked.is_empty() || asked.contains(&account)
    }

    /// For whom somebody stands in.
    pub(crate) fn delegators(&self, account: Uuid) -> BTreeSet<Uuid> {
        self.rows.iter().filter(|row| row.delegate_id == Some(account)).map(|row| row.account_id).collect()
    }

    /// Everybody who is asked about anything now: for letters.
    pub(crate) fn everybody(&self, stage: i32) -> BTreeSet<Uuid> {
        let mut asked = self.of_stage(stage, None);
        if asked.is_empty() || self.escalated {
            asked.extend(self.fallback.filter(|account| self.able.contains(account)));
        }
        asked
    }
}

/// Those of these people who are members and may decide.
async fn able(rows: &impl Reads, accounts: &Accounts, named: BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>, Refusal> {
    if named.is_empty() {
        return Ok(named);
    }
    let may = deciding(rows, accounts).await?;
    let members = membership::Entity::find()
        .filter(membership::Column::AccountId.is_in(named))
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(may));
    Ok(rows.rows(members).await?.into_iter().map(|row| row.account_id).collect())
}

/// The names of the roles that may decide.
pub(crate) async fn deciding(rows: &impl Reads, accounts: &Accounts) -> Result<Vec<String>, Refusal> {
    let own = rows.rows(custom_role::Entity::find()).await?;
    let all = roles::all(&accounts.profile, own);
    let may = all.into_iter().filter(|role| role.permissions.contains(&Permission::ReviewsDecide));
    Ok(may.map(|role| role.name).collect())
}

/// Somebody as the rules see them, in one review.
pub(crate) async fn decider(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    review: Uuid,
    account: Uuid,
) -> Result<Decider, Refusal> {
    let delegators = bench.delegators(account);
    let asked = delegators.iter().copied().chain([account]);
    let mut which = Condition::any().add(account::Column::Id.is_in(asked));
    if bench.stages > 1 {
        which = which.add(account::Column::Id.in_subquery(earlier(bench.tenant, review)));
    }
    let why = "the addresses of whoever decides, of those they stand in for, and of those who decided before";
    let people = rows.people(why, account::Entity::find().filter(which)).await?;
    let boxes = people.into_iter().map(|row| (row.id, mailbox(&names::open(accounts, &row).address)));
    let boxes: BTreeMap<Uuid, String> = boxes.collect();
    let judges = if bench.mutual { BTreeSet::new() } else { judges(rows, review, account).await? };
    let own = boxes.get(&account).cloned().unwrap_or_default();
    Ok(Decider {
        account,
        delegator_boxes: delegators.iter().filter_map(|other| boxes.get(other).cloned()).collect(),
        selves: boxes.iter().filter(|(_, other)| **other == own).map(|(id, _)| *id).chain([account]).collect(),
        mailbox: own,
        delegators,
        judges,
        mutual: bench.mutual,
    })
}

/// Who decided in a stage that is over.
fn earlier(tenant: Uuid, review: Uuid) -> SelectStatement {
    let (first, last) = ids_of(review);
    review_vote::Entity::find()
        .filter(review_vote::Column::TenantId.eq(tenant))
        .filter(review_vote::Column::ItemId.between(first, last))
        .select_only()
        .column(review_vote::Column::DecidedBy)
        .into_query()
}

/// Who decided on somebody's access, in whatever stage.
async fn judges(rows: &impl Reads, review: Uuid, account: Uuid) -> Result<BTreeSet<Uuid>, Refusal> {
    let own = review_item::Entity::find()
        .filter(review_item::Column::AccountId.eq(account))
        .filter(review_item::Column::ReviewId.eq(review));
    let own = rows.rows(own).await?;
    let votes = review_vote::Entity::find().filter(review_vote::Column::ItemId.is_in(own.iter().map(|row| row.id)));
    let votes = rows.rows(votes).await?.into_iter().map(|row| row.decided_by);
    Ok(own.iter().filter_map(|row| row.decided_by).chain(votes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn bench(reviewers: &[(u128, Option<u128>)], able: &[u128], fallback: Option<u128>) -> Bench {
        let row = |(account, delegate): &(u128, Option<u128>)| review_reviewer::Model {
            tenant_id: Uuid::nil(),
            review_id: Uuid::nil(),
            stage: 1,
            account_id: person(*account),
            delegate_id: delegate.map(person),
            since_ms: 0,
        };
        Bench {
            rows: reviewers.iter().map(row).collect(),
            able: able.iter().copied().map(person).collect(),
            fallback: fallback.map(person),
            escalated: false,
            stages: 1,
            tenant: Uuid::nil(),
            mutual: true,
        }
    }

    fn item(subject: u128) -> Asked {
        Asked { stage: 1, reviewer: None, subject: Some(person(subject)) }
    }

    #[test]
    fn whoever_stands_in_is_asked_too() {
        let bench = bench(&[(1, Some(2))], &[1, 2], None);
        assert_eq!(bench.asked(item(9)), BTreeSet::from([person(1), person(2)]));
    }

    #[test]
    fn the_fallback_is_asked_when_the_reviewer_is_gone_or_it_is_about_them() {
        let gone = bench(&[(1, None)], &[3], Some(3));
        assert_eq!(gone.asked(item(9)), BTreeSet::from([person(3)]));
        let there = bench(&[(1, None)], &[1, 3], Some(3));
        assert_eq!(there.asked(item(9)), BTreeSet::from([person(1)]));
        assert_eq!(there.asked(item(1)), BTreeSet::from([person(3)]));
    }

    #[test]
    fn without_anybody_who_can_everybody_is_asked_who_may() {
        let nobody = bench(&[(1, None)], &[], None);
        assert!(nobody.asks(person(5), item(9)));
        assert!(bench(&[], &[], None).asks(person(5), item(9)));
    }

    #[test]
    fn one_that_was_given_to_somebody_is_for_them_alone() {
        let bench = bench(&[(1, None), (2, None)], &[1, 2], None);
        let given = Asked { reviewer: Some(person(2)), ..item(9) };
        assert!(bench.asks(person(2), given) && !bench.asks(person(1), given));
    }
}
