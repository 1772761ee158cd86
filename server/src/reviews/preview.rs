//! What a review would be, before it is one: it is made in a change that is dropped.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::form::{Form, Wanted};
use super::freeze::{self, Found};
use super::items::of_review;
use super::rules::of_silence;
use super::words::{Advice, Decision};
use super::{alone, open, tell};
use crate::entity::{review, review_item};
use crate::guard::{Allowed, Change, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::reach;

/// What would be reviewed, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub people: u64,
    pub found: Found,
    pub reviewers: u64,
    /// Items about which nobody could decide: of somebody who is the only one who may.
    pub undecidable: u64,
    pub privileged: u64,
    /// What silence would keep and revoke, if nobody decided anything.
    pub silence_keeps: u64,
    pub silence_revokes: u64,
}

/// Looks at what a review would be.
///
/// # Errors
/// As when it is opened.
pub async fn preview(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Preview, Refusal> {
    reach::reaches_everything(manager.here())?;
    let change = manager.begin(accounts, origin).await?;
    let wanted = Wanted::read(&change, accounts, form, now).await?;
    let id = Uuid::now_v7();
    open::write(&change, id, &wanted, manager.actor(), "hand", now).await?;
    let (found, _) = freeze::population(&change, accounts, id, &wanted.scope, now).await?;
    let row = open::held(&change, id).await?;
    let bench = Bench::of(&change, accounts, &row).await?;
    let counted = |which: Condition| review_item::Entity::find().filter(of_review(id)).filter(which);
    let mut preview = Preview {
        people: people(&change, id).await?,
        privileged: change.count(counted(Condition::all().add(review_item::Column::Privileged.eq(1)))).await?,
        found,
        ..Preview::default()
    };
    for advice in Advice::ALL {
        let items = counted(Condition::all().add(review_item::Column::Advice.eq(advice.word())));
        match of_silence(wanted.silence, *advice) {
            Decision::Keep => preview.silence_keeps += change.count(items).await?,
            Decision::Revoke | Decision::Change => preview.silence_revokes += change.count(items).await?,
        }
    }
    (preview.reviewers, preview.undecidable) = deciding(&change, accounts, &bench, &row).await?;
    Ok(preview)
}

/// How many different people it is about.
async fn people(change: &Change, review: Uuid) -> Result<u64, Refusal> {
    let people = review_item::Entity::find()
        .filter(of_review(review))
        .filter(review_item::Column::AccountId.is_not_null())
        .select_only()
        .column(review_item::Column::AccountId)
        .distinct();
    Ok(change.count(people).await?)
}

/// How many decide, and about how many items nobody can.
async fn deciding(
    change: &Change,
    accounts: &Accounts,
    bench: &Bench,
    row: &review::Model,
) -> Result<(u64, u64), Refusal> {
    let named = bench.everybody(1);
    let reviewers = if named.is_empty() {
        tell::holding(change, accounts, contract::permission::Permission::ReviewsDecide).await?.len()
    } else {
        named.len()
    };
    let alone = alone::alone(change, accounts, bench, row).await?;
    if alone.is_empty() {
        return Ok((reviewers as u64, 0));
    }
    let items = review_item::Entity::find().filter(of_review(row.id)).filter(alone);
    Ok((reviewers as u64, change.count(items).await?))
}
