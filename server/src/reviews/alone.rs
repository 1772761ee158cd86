//! What nobody may decide on: said before a review begins, while it goes on, and in its report.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::bench::{self, Asked, Bench};
use super::mailboxes::{Mailboxes, Those};
use super::rules::{People, Subject};
use crate::entity::{membership, review, review_item, review_vote};
use crate::guard::Reads;
use crate::identity::{Accounts, Refusal};

/// People who may decide of whom it is asked whether they are one and the same. More than these are never one.
const ASKED: u64 = 50;

#[derive(Debug, FromQueryResult)]
struct Holder {
    account_id: Uuid,
}

#[derive(Debug, FromQueryResult)]
struct Voter {
    stage: i32,
    decided_by: Uuid,
}

/// The items that nobody may decide on, in the stage in which they are or in one that is to come: of those who may decide, each is they themselves,
/// stands in for them, was decided on by them where the profile forbids that two decide about each other, or is needed in another stage, because
/// each stage is for somebody else. An empty condition: there are none.
pub(crate) async fn alone(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
) -> Result<Condition, Refusal> {
    let around = Around::of(rows, accounts, bench, review).await?;
    let mut all = Condition::any();
    // Whom it is about, unless it may be about anybody.
    let mut about = Some(Those::default());
    for stage in 1..=review.stages {
        let at = || Condition::all().add(review_item::Column::Stage.eq(stage));
        // Somebody of whom nothing is known is anybody who decides on nothing.
        if around.stuck(stage, Subject::default()) {
            all = all.add(at());
            about = None;
            continue;
        }
        if let Some(voted) = around.voted(stage, Subject::default()) {
            all = all.add(at().add(voted));
            about = None;
        }
        let mut stuck = People::default();
        for subject in bench::subjects(&around.people) {
            if around.stuck(stage, subject) {
                stuck.add(&subject);
            } else if let Some(voted) = around.voted(stage, subject) {
                let theirs = Mailboxes::of(rows, accounts, review).await?.of_people(&[subject].into_iter().collect());
                all = all.add(at().add(theirs.theirs()).add(voted));
                about = about.map(|about| about.and(theirs));
            }
        }
        if !stuck.is_empty() {
            let theirs = Mailboxes::of(rows, accounts, review).await?.of_people(&stuck);
            all = all.add(at().add(theirs.theirs()));
            about = about.map(|about| about.and(theirs));
        }
    }
    if all.is_empty() {
        return Ok(all);
    }
    // By person first: by the rest of it the database would walk through all that is undecided.
    let few = about.map(|about| review_item::Column::Id.in_subquery(about.ids(review)));
    Ok(Condition::all().add_option(few).add(all))
}

/// Everybody on whom it depends, and what they decided so far.
struct Around<'a> {
    bench: &'a Bench,
    review: &'a review::Model,
    may: BTreeSet<Uuid>,
    people: BTreeMap<Uuid, String>,
    judged: Vec<(Uuid, Uuid)>,
    voters: Vec<Voter>,
}

impl<'a> Around<'a> {
    async fn of(
        rows: &impl Reads,
        accounts: &Accounts,
        bench: &'a Bench,
        review: &'a review::Model,
    ) -> Result<Self, Refusal> {
        let (may, voters) = (holders(rows, accounts).await?, voters(rows, review).await?);
        let ids = may.iter().copied().chain(bench.named_all()).chain(voters.iter().map(|voter| voter.decided_by));
        let people = bench::boxes(rows, accounts, "the addresses of whoever may decide", ids).await?;
        let judged = if bench.mutual { Vec::new() } else { judged(rows, review, &people).await? };
        Ok(Self { bench, review, may, people, judged, voters })
    }

    fn told(&self, account: Uuid) -> Subject<'_> {
        Subject { account: Some(account), mailbox: self.people.get(&account).map(String::as_str) }
    }

    /// Who could decide in a stage; one of the accounts of each.
    fn able(&self, stage: i32, subject: Subject<'_>) -> Vec<Uuid> {
        let asked = self.bench.asked(Asked { stage, reviewer: None, subject });
        let asked = if asked.is_empty() { &self.may } else { &asked };
        self.persons(asked.iter().copied().filter(|one| {
            let stands_in = self.bench.delegators(*one).into_iter().any(|whose| same(self.told(whose), subject));
            let was_judged = |(judge, whom): &(Uuid, Uuid)| {
                same(self.told(*judge), subject) && same(self.told(*whom), self.told(*one))
            };
            !same(subject, self.told(*one)) && !stands_in && !self.judged.iter().any(was_judged)
        }))
    }

    /// The same with one account for each person: of as many as there are stages, one is always left for each.
    fn persons(&self, mut accounts: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
        let enough = usize::try_from(self.review.stages).unwrap_or(1);
        let mut persons: Vec<Uuid> = Vec::new();
        while persons.len() < enough {
            let Some(account) = accounts.next() else { break };
            if !persons.iter().any(|known| self.one(*known, account)) {
                persons.push(account);
            }
        }
        persons
    }

    fn one(&self, account: Uuid, other: Uuid) -> bool {
        account == other || same(self.told(account), self.told(other))
    }

    /// Whether no choice of people, another one for each stage, leads from a stage to the end. In a stage before it was whoever is known to have
    /// decided in it, or might have.
    fn stuck(&self, stage: i32, subject: Subject<'_>) -> bool {
        let stages: Vec<Vec<Uuid>> = (1..=self.review.stages)
            .map(|at| {
                let before = self.voters.iter().filter(|voter| at < stage && voter.stage == at);
                let able = self.able(at, subject).into_iter().chain(before.map(|voter| voter.decided_by));
                self.persons(able)
            })
            .collect();
        !self.apart(&stages, &mut Vec::new())
    }

    fn apart(&self, stages: &[Vec<Uuid>], taken: &mut Vec<Uuid>) -> bool {
        let Some((first, others)) = stages.split_first() else { return true };
        first.iter().any(|person| {
            if taken.iter().any(|known| self.one(*known, *person)) {
                return false;
            }
            taken.push(*person);
            let found = self.apart(others, taken);
            taken.pop();
            found
        })
    }

    /// What everybody decided on before who could decide in this stage: nothing where there are more than there were stages.
    fn voted(&self, stage: i32, subject: Subject<'_>) -> Option<Condition> {
        let able = self.able(stage, subject);
        let decided = |person: &Uuid| {
            let theirs = self.voters.iter().map(|voter| voter.decided_by).filter(|by| self.one(*by, *person));
            let votes = review_vote::Entity::find()
                .filter(review_vote::Column::TenantId.eq(self.review.tenant_id))
                .filter(review_vote::Column::ReviewId.eq(self.review.id))
                .filter(review_vote::Column::DecidedBy.is_in(theirs))
                .select_only()
                .column(review_vote::Column::ItemId);
            review_item::Column::Id.in_subquery(votes.into_query())
        };
        let few = able.len() < usize::try_from(stage).unwrap_or(0);
        let each = |person: &Uuid| self.voters.iter().any(|voter| self.one(voter.decided_by, *person));
        (few && able.iter().all(each)).then(|| able.iter().fold(Condition::all(), |all, one| all.add(decided(one))))
    }
}

fn same(one: Subject<'_>, other: Subject<'_>) -> bool {
    [one].into_iter().collect::<People>().has(&other)
}

/// Who decided in which stage.
async fn voters(rows: &impl Reads, review: &review::Model) -> Result<Vec<Voter>, Refusal> {
    if review.stages == 1 {
        return Ok(Vec::new());
    }
    let votes = review_vote::Entity::find()
        .select_only()
        .columns([review_vote::Column::Stage, review_vote::Column::DecidedBy])
        .distinct()
        .filter(review_vote::Column::ReviewId.eq(review.id));
    Ok(rows.rows_as(votes).await?)
}

/// The members whose role lets them decide, or the first of many.
async fn holders(rows: &impl Reads, accounts: &Accounts) -> Result<BTreeSet<Uuid>, Refusal> {
    let may = bench::deciding(rows, accounts).await?;
    let members = membership::Entity::find()
        .select_only()
        .column(membership::Column::AccountId)
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(may))
        .limit(ASKED);
    let may: Vec<Holder> = rows.rows_as(members).await?;
    Ok(may.into_iter().map(|one| one.account_id).collect())
}

/// Who of these people decided on whose access, in whatever stage.
async fn judged(
    rows: &impl Reads,
    review: &review::Model,
    people: &BTreeMap<Uuid, String>,
) -> Result<Vec<(Uuid, Uuid)>, Refusal> {
    let items = review_item::Entity::find()
        .filter(review_item::Column::AccountId.is_in(people.keys().copied()))
        .filter(review_item::Column::ReviewId.eq(review.id));
    let items = rows.rows(items).await?;
    let of: BTreeMap<Uuid, Uuid> = items.iter().filter_map(|row| Some((row.id, row.account_id?))).collect();
    let mut judged: Vec<_> = items.iter().filter_map(|row| Some((row.decided_by?, row.account_id?))).collect();
    if review.stages > 1 {
        let votes = review_vote::Entity::find().filter(review_vote::Column::ItemId.is_in(of.keys().copied()));
        let votes = rows.rows(votes).await?;
        judged.extend(votes.iter().filter_map(|vote| Some((vote.decided_by, *of.get(&vote.item_id)?))));
    }
    Ok(judged)
}
