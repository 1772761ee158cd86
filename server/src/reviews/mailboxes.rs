//! Whose access a review is about, by mailbox: so that a second account, and an invitation, of somebody are found among however many.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::sea_query::{SelectStatement, UnionType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::items::{invited_address, of_review};
use super::rules::{People, mailbox};
use super::words::Kind;
use crate::entity::{account, review, review_item};
use crate::guard::Reads;
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;

/// Addresses that are opened at once.
const PAGE: usize = 500;

/// A review of so many is looked at anew each time: that takes a few milliseconds.
const ANEW: usize = 300;

/// Reviews of more that are remembered, at 24 bytes for each person.
const REMEMBERED: usize = 8;

/// A mailbox, shortened: it tells whether two are the same, and nothing else.
type Mark = u64;

/// The people and the invitations of one review.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    people: Vec<(Mark, Uuid)>,
    invited: Vec<(Mark, Uuid)>,
}

/// Whose access a review is about does not change while it goes on, so this does not either. Somebody who changes their address meanwhile is
/// counted under the old one until the program begins anew; whether they may decide is asked of the database each time.
static KNOWN: Mutex<VecDeque<(Uuid, Arc<Mailboxes>)>> = Mutex::new(VecDeque::new());

fn mark(mailbox: &str) -> Mark {
    Sha256::digest(mailbox).iter().take(size_of::<Mark>()).fold(0, |mark, byte| (mark << 8) | Mark::from(*byte))
}

#[derive(Debug, FromQueryResult)]
struct Person {
    account_id: Option<Uuid>,
}

/// Some accounts and some invitations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Those {
    pub(crate) accounts: BTreeSet<Uuid>,
    /// The items of invitations.
    pub(crate) items: BTreeSet<Uuid>,
}

impl Those {
    /// The items that are about one of them.
    pub(crate) fn theirs(&self) -> Condition {
        Condition::any()
            .add(review_item::Column::AccountId.is_in(self.accounts.iter().copied()))
            .add(review_item::Column::Id.is_in(self.items.iter().copied()))
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.accounts.extend(other.accounts);
        self.items.extend(other.items);
        self
    }

    /// The ids of the items that are about one of them: by person and by invitation, each of which has an index.
    pub(crate) fn ids(&self, review: &review::Model) -> SelectStatement {
        let of = |column: review_item::Column, values: &BTreeSet<Uuid>| {
            let ids = review_item::Entity::find().select_only().column(review_item::Column::Id);
            let here = ids
                .filter(review_item::Column::TenantId.eq(review.tenant_id))
                .filter(review_item::Column::ReviewId.eq(review.id));
            here.filter(column.is_in(values.iter().copied())).into_query()
        };
        let mut ids = of(review_item::Column::AccountId, &self.accounts);
        if !self.items.is_empty() {
            ids.union(UnionType::All, of(review_item::Column::Id, &self.items));
        }
        ids
    }

    /// The items that are about none of them.
    pub(crate) fn others(&self) -> Condition {
        let somebody = Condition::any()
            .add(review_item::Column::AccountId.is_null())
            .add(review_item::Column::AccountId.is_not_in(self.accounts.iter().copied()));
        let all = Condition::all().add(somebody);
        if self.items.is_empty() {
            return all;
        }
        all.add(review_item::Column::Id.is_not_in(self.items.iter().copied()))
    }
}

impl Mailboxes {
    pub(crate) async fn of(
        rows: &impl Reads,
        accounts: &Accounts,
        review: &review::Model,
    ) -> Result<Arc<Self>, Refusal> {
        let known = |all: &VecDeque<(Uuid, Arc<Self>)>| {
            all.iter().find(|(id, _)| *id == review.id).map(|(_, found)| Arc::clone(found))
        };
        if let Some(found) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(found);
        }
        let found = Arc::new(Self::read(rows, accounts, review).await?);
        if found.people.len() > ANEW && review.opened_at_ms.is_some() {
            let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_front((review.id, Arc::clone(&found)));
            all.truncate(REMEMBERED);
        }
        Ok(found)
    }

    async fn read(rows: &impl Reads, accounts: &Accounts, review: &review::Model) -> Result<Self, Refusal> {
        let people = review_item::Entity::find()
            .select_only()
            .column(review_item::Column::AccountId)
            .distinct()
            .filter(of_review(review.id))
            .filter(review_item::Column::AccountId.is_not_null());
        let people: Vec<Person> = rows.rows_as(people).await?;
        let ids: Vec<Uuid> = people.into_iter().filter_map(|person| person.account_id).collect();
        let mut all = Self::default();
        for some in ids.chunks(PAGE) {
            let some = account::Entity::find().filter(account::Column::Id.is_in(some.iter().copied()));
            let some = rows.people("the addresses of those whose access is reviewed", some).await?;
            all.people.extend(some.iter().map(|row| (mark(&mailbox(&names::address(accounts, row))), row.id)));
        }
        let invited = review_item::Entity::find()
            .filter(of_review(review.id))
            .filter(review_item::Column::Kind.eq(Kind::Invitation.word()));
        let (invited, ring) = (rows.rows(invited).await?, rows.keys(accounts).await?);
        let invited = invited.iter().filter_map(|row| Some((mark(&mailbox(&invited_address(&ring, row)?)), row.id)));
        all.invited.extend(invited);
        all.people.sort_unstable();
        all.invited.sort_unstable();
        Ok(all)
    }

    /// Everything of these people that the review knows: their accounts and the invitations to them.
    pub(crate) fn of_people(&self, people: &People) -> Those {
        let mut those = Those { accounts: people.accounts().clone(), items: BTreeSet::new() };
        for wanted in people.boxes().map(mark) {
            those.accounts.extend(same(&self.people, wanted));
            those.items.extend(same(&self.invited, wanted));
        }
        those
    }
}

fn same(sorted: &[(Mark, Uuid)], wanted: Mark) -> impl Iterator<Item = Uuid> {
    let from = sorted.partition_point(|(mark, _)| *mark < wanted);
    sorted[from..].iter().take_while(move |(mark, _)| *mark == wanted).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reviews::rules::Subject;

    #[test]
    fn somebody_is_found_with_every_account_of_the_same_mailbox() {
        let person = Uuid::from_u128;
        let at = |address: &str, number| (mark(&mailbox(address)), person(number));
        let mut known = Mailboxes {
            people: vec![at("ada@acme.example", 1), at("ada+two@acme.example", 2), at("eve@acme.example", 3)],
            invited: vec![at("Ada+three@acme.example", 4)],
        };
        known.people.sort_unstable();
        let ada = Subject { account: Some(person(1)), mailbox: Some("ada@acme.example") };
        let found = known.of_people(&[ada].into_iter().collect());
        assert_eq!(found.accounts, BTreeSet::from([person(1), person(2)]));
        assert_eq!(found.items, BTreeSet::from([person(4)]));
    }
}
