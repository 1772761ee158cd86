//! What nobody may decide on: said before a review begins, while it goes on, and in its report.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
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

/// Whose access nobody may decide on: of those who may decide, each is they themselves, stands in for them, or was decided on by them where the
/// profile forbids that two decide about each other.
pub(crate) async fn alone(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
) -> Result<Those, Refusal> {
    let may = holders(rows, accounts).await?;
    let ids = may.iter().copied().chain(bench.named_all());
    let people = bench::boxes(rows, accounts, "the addresses of whoever may decide", ids).await?;
    let judged = if bench.mutual { Vec::new() } else { judged(rows, review, &people).await? };
    let told = |account: Uuid| Subject { account: Some(account), mailbox: people.get(&account).map(String::as_str) };
    let same = |one: Subject<'_>, other: Subject<'_>| [one].into_iter().collect::<People>().has(&other);
    let mut stuck = People::default();
    for subject in bench::subjects(&people) {
        let asked = bench.asked(Asked { stage: 1, reviewer: None, subject });
        let able = if asked.is_empty() { &may } else { &asked };
        let could = |one: &Uuid| {
            let stands_in = bench.delegators(*one).into_iter().any(|whose| same(told(whose), subject));
            let was_judged =
                |(judge, whom): &(Uuid, Uuid)| same(told(*judge), subject) && same(told(*whom), told(*one));
            !same(subject, told(*one)) && !stands_in && !judged.iter().any(was_judged)
        };
        if !able.iter().any(could) {
            stuck.add(&subject);
        }
    }
    if stuck.is_empty() {
        return Ok(Those::default());
    }
    Ok(Mailboxes::of(rows, accounts, review).await?.of_people(&stuck))
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
