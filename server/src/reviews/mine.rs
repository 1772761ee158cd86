//! What somebody may still decide in a review: the same rules as when they decide, asked of however many items.

use std::collections::BTreeSet;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::bench::{self, Asked, Bench, GIVEN};
use super::drift::there;
use super::items::{invited_address, of_review};
use super::mailboxes::{Mailboxes, Those};
use super::rules::{Decider, Subject, mailbox};
use super::words::State;
use crate::entity::{review, review_count, review_item, review_vote};
use crate::guard::{Reads, TenantDb};
use crate::identity::{Accounts, Refusal};

/// Of a review of more, what is gone meanwhile is not looked for each time that it is counted: the database would walk through all of it.
const WALKED: u64 = 20_000;

/// What is undecided in a review.
pub(crate) fn pending(review: Uuid) -> Condition {
    of_review(review)
        .add(review_item::Column::Decision.is_null())
        .add(review_item::Column::State.eq(State::Pending.word()))
}

/// What somebody may still decide: of most people whatever they are asked about; of those who decide themselves, what the rules allow.
pub(crate) struct Mine {
    asked: Condition,
    /// Whether that is every item.
    whole: bool,
    /// Whoever decides in this review, in whatever way, and every other account of theirs.
    near: Those,
    /// The items about these on which this person may decide.
    allowed: Vec<Uuid>,
    review: Uuid,
}

impl Mine {
    pub(crate) async fn of(
        rows: &impl Reads,
        accounts: &Accounts,
        bench: &Bench,
        review: &review::Model,
        account: Uuid,
    ) -> Result<Self, Refusal> {
        let near = near(rows, accounts, bench, review, account).await?;
        let found = undecided(rows, review.id, &near).await?;
        let still = review_item::Column::Id.is_in(found.iter().map(|row| row.id));
        let found = rows.rows(review_item::Entity::find().filter(still).filter(there())).await?;
        let subjects = boxes(rows, accounts, &found).await?;
        let towards = subjects.iter().map(|(account, mailbox)| subject(*account, mailbox.as_deref())).collect();
        let decider = bench::decider(rows, accounts, bench, review, account, &towards).await?;
        let voted = voted(rows, review, &decider, &found).await?;
        let allowed = found.iter().zip(&subjects).filter(|(row, (account, mailbox))| {
            let subject = subject(*account, mailbox.as_deref());
            decider.stands_apart(&subject).is_ok()
                && !voted.contains(&row.id)
                && bench.asks(decider.account, Asked::of(row, subject))
        });
        let allowed = allowed.map(|(row, _)| row.id).collect();
        let (asked, whole) = asked(bench, review, account);
        let asked = if review.stages > 1 { asked.add(unvoted(review, &decider)) } else { asked };
        Ok(Self { asked, whole, near, allowed, review: review.id })
    }

    /// Those items, as a condition.
    pub(crate) fn which(&self) -> Condition {
        let others = self.asked.clone().add(self.near.others());
        let any = Condition::any().add(others).add(review_item::Column::Id.is_in(self.allowed.iter().copied()));
        pending(self.review).add(any).add(there())
    }

    /// How many those are.
    pub(crate) async fn count(&self, view: &TenantDb, groups: &[review_count::Model]) -> Result<u64, Refusal> {
        let left: u64 = groups.iter().filter(|group| group.is_pending()).map(review_count::Model::number).sum();
        if left == 0 {
            return Ok(0);
        }
        let items = |which: Condition| review_item::Entity::find().filter(pending(self.review)).filter(which);
        let others = if self.whole {
            let near = undecided(view, self.review, &self.near).await?.len() as u64;
            let gone = Condition::all().add(self.near.others()).add(there().not());
            let gone = if left > WALKED { 0 } else { view.count(items(gone)).await? };
            left.saturating_sub(near).saturating_sub(gone)
        } else {
            let which = self.asked.clone().add(self.near.others());
            view.count(items(if left > WALKED { which } else { which.add(there()) })).await?
        };
        Ok(others + self.allowed.len() as u64)
    }
}

/// Everybody on whom a rule looks twice: whoever looks, whoever is asked, and where two may not decide about each other whoever decided.
async fn near(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
    account: Uuid,
) -> Result<Those, Refusal> {
    let mut ids = bench.named_all();
    ids.insert(account);
    if !bench.mutual {
        ids.extend(bench::deciders(rows, review).await?);
    }
    let people = bench::boxes(rows, accounts, "the addresses of whoever decides in a review", ids.into_iter()).await?;
    Ok(Mailboxes::of(rows, accounts, review).await?.of_people(&bench::subjects(&people).collect()))
}

/// What is undecided about some people. Asked for by person and by invitation alone: with anything else in it the database walks through all that
/// is undecided for these few.
async fn undecided(rows: &impl Reads, review: Uuid, those: &Those) -> Result<Vec<review_item::Model>, Refusal> {
    let theirs = review_item::Entity::find()
        .filter(review_item::Column::AccountId.is_in(those.accounts.iter().copied()))
        .filter(review_item::Column::ReviewId.eq(review));
    let mut found = rows.rows(theirs).await?;
    if !those.items.is_empty() {
        let invited = review_item::Column::Id.is_in(those.items.iter().copied());
        found.extend(rows.rows(review_item::Entity::find().filter(invited)).await?);
    }
    found.retain(|row| row.decision.is_none() && row.state == State::Pending.word());
    Ok(found)
}

fn subject(account: Option<Uuid>, mailbox: Option<&str>) -> Subject<'_> {
    Subject { account, mailbox }
}

/// Account and mailbox of whoever's access each of these items is.
async fn boxes(
    rows: &impl Reads,
    accounts: &Accounts,
    items: &[review_item::Model],
) -> Result<Vec<(Option<Uuid>, Option<String>)>, Refusal> {
    let ids = items.iter().filter_map(|row| row.account_id);
    let known = bench::boxes(rows, accounts, "the addresses of those whose access it is", ids).await?;
    let ring = rows.keys(accounts).await?;
    let of = |row: &review_item::Model| {
        let invited = invited_address(&ring, row).map(|address| mailbox(&address));
        invited.or_else(|| known.get(&row.account_id?).cloned())
    };
    Ok(items.iter().map(|row| (row.account_id, of(row))).collect())
}

/// The votes of somebody in stages that are over.
fn votes(review: &review::Model, decider: &Decider) -> sea_orm::Select<review_vote::Entity> {
    review_vote::Entity::find()
        .filter(review_vote::Column::TenantId.eq(review.tenant_id))
        .filter(review_vote::Column::ReviewId.eq(review.id))
        .filter(review_vote::Column::DecidedBy.is_in(decider.own.accounts().iter().copied()))
}

fn unvoted(review: &review::Model, decider: &Decider) -> Condition {
    let votes = votes(review, decider).select_only().column(review_vote::Column::ItemId).into_query();
    Condition::all().add(review_item::Column::Id.in_subquery(votes).not())
}

async fn voted(
    rows: &impl Reads,
    review: &review::Model,
    decider: &Decider,
    items: &[review_item::Model],
) -> Result<BTreeSet<Uuid>, Refusal> {
    if review.stages == 1 || items.is_empty() {
        return Ok(BTreeSet::new());
    }
    let votes = votes(review, decider).filter(review_vote::Column::ItemId.is_in(items.iter().map(|row| row.id)));
    Ok(rows.rows(votes).await?.into_iter().map(|vote| vote.item_id).collect())
}

/// What somebody is asked about, of those who do not decide themselves; and whether that is every item.
fn asked(bench: &Bench, review: &review::Model, account: Uuid) -> (Condition, bool) {
    let nobody = Subject::default();
    let given: BTreeSet<Uuid> = bench.rows.iter().filter(|row| row.stage == GIVEN).map(|row| row.account_id).collect();
    let mut any = Condition::any();
    let mut whole = true;
    for stage in 1..=review.stages {
        let at = || Condition::all().add(review_item::Column::Stage.eq(stage));
        for reviewer in given.iter().copied().map(Some).chain([None]) {
            if !bench.asks(account, Asked { stage, reviewer, subject: nobody }) {
                whole = false;
                continue;
            }
            let column = review_item::Column::ReviewerId;
            any = any.add(at().add(reviewer.map_or_else(|| column.is_null(), |reviewer| column.eq(reviewer))));
        }
    }
    if whole {
        return (Condition::all(), true);
    }
    if any.is_empty() {
        any = any.add(review_item::Column::Id.is_null());
    }
    (Condition::all().add(any), false)
}
