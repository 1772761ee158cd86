//! Who is to decide: the reviewers of each stage, who stands in for them, and who decides when none of them can.

use std::collections::{BTreeMap, BTreeSet};

use contract::permission::Permission;
use sea_orm::sea_query::SelectStatement;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::items::{ids_of, invited_address, of_review};
use super::rules::{Decider, People, Subject, mailbox};
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
    /// The mailboxes of these.
    boxes: BTreeMap<Uuid, String>,
    pub(crate) fallback: Option<Uuid>,
    escalated: bool,
    stages: i32,
    tenant: Uuid,
    pub(crate) mutual: bool,
}

/// As much of an item as it takes to say who is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) stage: i32,
    pub(crate) reviewer: Option<Uuid>,
    pub(crate) subject: Subject<'a>,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(row: &review_item::Model, subject: Subject<'a>) -> Self {
        Self { stage: row.stage, reviewer: row.reviewer_id, subject }
    }
}

impl Bench {
    pub(crate) async fn of(rows: &impl Reads, accounts: &Accounts, review: &review::Model) -> Result<Self, Refusal> {
        let reviewers = review_reviewer::Entity::find().filter(review_reviewer::Column::ReviewId.eq(review.id));
        let reviewers = rows.rows(reviewers).await?;
        let named = reviewers.iter().flat_map(|row| [Some(row.account_id), row.delegate_id]);
        let named: BTreeSet<Uuid> = named.chain([review.fallback_id]).flatten().collect();
        let able = able(rows, accounts, named).await?;
        Ok(Self {
            boxes: boxes(rows, accounts, "the addresses of whoever is asked", able.iter().copied()).await?,
            able,
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

    /// Who is asked about an item. Empty: whoever may decide at all. Nobody is asked about themselves, under whatever account.
    pub(crate) fn asked(&self, item: Asked<'_>) -> BTreeSet<Uuid> {
        let others = |mut asked: BTreeSet<Uuid>| {
            asked.retain(|account| !self.named(*account).has(&item.subject));
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

    fn named(&self, account: Uuid) -> People {
        let mailbox = self.boxes.get(&account).map(String::as_str);
        [Subject { account: Some(account), mailbox }].into_iter().collect()
    }

    pub(crate) fn asks(&self, account: Uuid, item: Asked<'_>) -> bool {
        let asked = self.asked(item);
        asked.is_empty() || asked.contains(&account)
    }

    /// Everybody who is named anywhere: reviewers, who stands in for one, and who decides when none of them can.
    pub(crate) fn named_all(&self) -> BTreeSet<Uuid> {
        let named = self.rows.iter().flat_map(|row| [Some(row.account_id), row.delegate_id]);
        named.chain([self.fallback]).flatten().collect()
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
    roles_with(rows, accounts, Permission::ReviewsDecide).await
}

/// The names of the roles that have a permission.
pub(crate) async fn roles_with(
    rows: &impl Reads,
    accounts: &Accounts,
    permission: Permission,
) -> Result<Vec<String>, Refusal> {
    let own = rows.rows(custom_role::Entity::find()).await?;
    let all = roles::all(&accounts.profile, own);
    Ok(all.into_iter().filter(|role| role.permissions.contains(&permission)).map(|role| role.name).collect())
}

/// The mailboxes of these people, as far as they still exist.
pub(crate) async fn boxes(
    rows: &impl Reads,
    accounts: &Accounts,
    why: &'static str,
    ids: impl Iterator<Item = Uuid> + Send,
) -> Result<BTreeMap<Uuid, String>, Refusal> {
    let ids: BTreeSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let people = rows.people(why, account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    Ok(people.into_iter().map(|row| (row.id, mailbox(&names::open(accounts, &row).address))).collect())
}

pub(crate) fn subjects(boxes: &BTreeMap<Uuid, String>) -> impl Iterator<Item = Subject<'_>> {
    boxes.iter().map(|(account, mailbox)| Subject { account: Some(*account), mailbox: Some(mailbox) })
}

/// Somebody as the rules see them in one review, towards these whose access it is.
pub(crate) async fn decider(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
    account: Uuid,
    towards: &People,
) -> Result<Decider, Refusal> {
    let delegators = bench.delegators(account);
    let asked = delegators.iter().copied().chain([account]);
    let mut which = Condition::any().add(account::Column::Id.is_in(asked));
    if bench.stages > 1 {
        which = which.add(account::Column::Id.in_subquery(earlier(bench.tenant, review.id)));
    }
    let why = "the addresses of whoever decides, of those they stand in for, and of those who decided before";
    let people = rows.people(why, account::Entity::find().filter(which)).await?;
    let boxes = people.into_iter().map(|row| (row.id, mailbox(&names::open(accounts, &row).address)));
    let boxes: BTreeMap<Uuid, String> = boxes.collect();
    let mailbox = boxes.get(&account).map(String::as_str);
    let mut own: People = [Subject { account: Some(account), mailbox }].into_iter().collect();
    let selves: Vec<_> = subjects(&boxes).filter(|other| own.has(other)).collect();
    for other in &selves {
        own.add(other);
    }
    let told = |other: &Uuid| Subject { account: Some(*other), mailbox: boxes.get(other).map(String::as_str) };
    Ok(Decider {
        account,
        delegators: delegators.iter().map(told).collect(),
        judges: if bench.mutual { People::default() } else { judges(rows, accounts, review, (&own, towards)).await? },
        own,
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

/// Somebody who decided on an item, in whatever stage.
#[derive(Debug, FromQueryResult)]
struct Judge {
    decided_by: Option<Uuid>,
}

/// Everybody who decided anything in a review, in whatever stage.
pub(crate) async fn deciders(rows: &impl Reads, review: &review::Model) -> Result<BTreeSet<Uuid>, Refusal> {
    let mut all = BTreeSet::new();
    let mut last = Uuid::nil();
    // Few decide on many: from one to the next in the index, and not through the items.
    loop {
        let next = review_item::Entity::find()
            .select_only()
            .column(review_item::Column::DecidedBy)
            .filter(review_item::Column::ReviewId.eq(review.id))
            .filter(review_item::Column::DecidedBy.gt(last))
            .order_by_asc(review_item::Column::DecidedBy)
            .limit(1);
        let next = rows.rows_as::<_, Judge>(next).await?.into_iter().find_map(|judge| judge.decided_by);
        let Some(next) = next else { break };
        all.insert(next);
        last = next;
    }
    if review.stages == 1 {
        return Ok(all);
    }
    let votes = review_vote::Entity::find().filter(review_vote::Column::ReviewId.eq(review.id)).select_only();
    let votes = rows.rows_as::<_, Judge>(votes.column(review_vote::Column::DecidedBy).distinct()).await?;
    all.extend(votes.into_iter().filter_map(|judge| judge.decided_by));
    Ok(all)
}

/// Those of `towards` who decided on somebody's access, in whatever stage and under whatever accounts of the two. Only what those decided is looked
/// at: most whose access it is decide on nothing, and then there is no more to this than the list of the deciders.
async fn judges(
    rows: &impl Reads,
    accounts: &Accounts,
    review: &review::Model,
    (own, towards): (&People, &People),
) -> Result<People, Refusal> {
    if towards.is_empty() {
        return Ok(People::default());
    }
    let ours = || review_item::Entity::find().filter(of_review(review.id));
    let votes = || review_vote::Entity::find().filter(review_vote::Column::ReviewId.eq(review.id));
    let all = deciders(rows, review).await?;
    let near = boxes(rows, accounts, "the addresses of whoever decided in this review", all.into_iter()).await?;
    let near: Vec<Subject<'_>> = subjects(&near).filter(|judge| towards.has(judge)).collect();
    let mut judges = People::default();
    for judge in near {
        let by = judge.account.unwrap_or_default();
        let voted = votes().filter(review_vote::Column::DecidedBy.eq(by)).select_only();
        let voted =
            voted.column(review_vote::Column::ItemId).filter(review_vote::Column::TenantId.eq(review.tenant_id));
        let theirs = Condition::any()
            .add(review_item::Column::DecidedBy.eq(by))
            .add(review_item::Column::Id.in_subquery(voted.into_query()));
        if concerned(rows, accounts, own, rows.rows(ours().filter(theirs)).await?).await? {
            judges.add(&judge);
        }
    }
    Ok(judges)
}

/// Whether one of these items is about somebody.
async fn concerned(
    rows: &impl Reads,
    accounts: &Accounts,
    own: &People,
    items: Vec<review_item::Model>,
) -> Result<bool, Refusal> {
    if items.iter().any(|row| own.has(&Subject { account: row.account_id, mailbox: None })) {
        return Ok(true);
    }
    let ring = rows.keys(accounts).await?;
    let mut invited = items.iter().filter_map(|row| invited_address(&ring, row)).map(|address| mailbox(&address));
    if invited.any(|mailbox| own.has(&Subject { account: None, mailbox: Some(&mailbox) })) {
        return Ok(true);
    }
    let people = items.iter().filter_map(|row| row.account_id);
    let people = boxes(rows, accounts, "the addresses of those on whose access was decided", people).await?;
    Ok(subjects(&people).any(|subject| own.has(&subject)))
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
            boxes: able.iter().map(|number| (person(*number), format!("{number}@acme.example"))).collect(),
            fallback: fallback.map(person),
            escalated: false,
            stages: 1,
            tenant: Uuid::nil(),
            mutual: true,
        }
    }

    fn item(subject: u128) -> Asked<'static> {
        Asked { stage: 1, reviewer: None, subject: Subject { account: Some(person(subject)), mailbox: None } }
    }

    #[test]
    fn the_fallback_is_asked_when_it_is_about_a_second_account_of_the_reviewer() {
        let bench = bench(&[(1, None)], &[1, 3], Some(3));
        let second = Subject { account: Some(person(9)), mailbox: Some("1@acme.example") };
        assert_eq!(bench.asked(Asked { subject: second, ..item(9) }), BTreeSet::from([person(3)]));
        let invited = Subject { account: None, mailbox: Some("1@acme.example") };
        assert_eq!(bench.asked(Asked { subject: invited, ..item(9) }), BTreeSet::from([person(3)]));
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
