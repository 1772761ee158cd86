//! What a review came to, as facts: what was found and decided, how quickly and how uniformly, and what differs.

use std::collections::BTreeMap;

use contract::permission::Permission;
use sea_orm::sea_query::{CaseStatement, Expr, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::campaigns::{self, Campaign, opened_name};
use super::close::Outcome;
use super::drift::{self, Drift, Since};
use super::items::{Item, described, of_review};
use super::words::Decision;
use crate::clock::from_ms;
use crate::entity::{review, review_item, review_vote};
use crate::guard::{Allowed, Right, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;

/// Single decisions of which the pauses are measured.
const MEASURED: u64 = 20_000;

/// How one reviewer decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    pub account: Uuid,
    pub who: String,
    pub decided: u64,
    pub keep: u64,
    pub revoke: u64,
    pub change: u64,
    /// Of these, decided together with others.
    pub bulk: u64,
    /// Half of the pauses between two single decisions were shorter.
    pub median_seconds: Option<f64>,
}

impl Quality {
    /// Of a hundred decisions, how many were to keep.
    pub fn keep_percent(&self) -> u64 {
        percent(self.keep, self.decided)
    }

    /// Of a hundred decisions, how many were made together with others.
    pub fn bulk_percent(&self) -> u64 {
        percent(self.bulk, self.decided)
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

/// The report of one review.
#[derive(Clone, Debug)]
pub struct Report {
    pub campaign: Campaign,
    pub since: Since,
    pub drift: Vec<Drift>,
    /// What differed from a decision and was explained: the first of it, in its order.
    pub explained: Vec<Item>,
    /// How much that is.
    pub explained_count: u64,
    pub reviewers: Vec<Quality>,
    /// Decided after the last day, so far or in the end.
    pub late: u64,
    pub silent: u64,
    pub spared: u64,
    pub privileged: u64,
    pub privileged_kept: Option<u64>,
    pub median_decide_ms: Option<i64>,
    /// Whether every grant that there was became an item, or the review was about some.
    pub complete: bool,
}

/// What a review came to so far, or in the end.
///
/// # Errors
/// When the database does not answer. `None`: there is no such review here.
pub async fn report(
    reader: &Allowed<rights::ReviewsRead>,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Report>, Refusal> {
    let view = reader.read().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await? else { return Ok(None) };
    Ok(Some(of(&view, reader, accounts, row, now).await?))
}

/// The same of what one view shows.
pub(crate) async fn of(
    view: &TenantDb,
    reader: &Allowed<rights::ReviewsRead>,
    accounts: &Accounts,
    row: review::Model,
    now: OffsetDateTime,
) -> Result<Report, Refusal> {
    let campaign = campaigns::described(view, accounts, reader, row.clone(), now).await?;
    let (id, outcome) = (row.id, Outcome::of(&row));
    let of = |which| view.count(review_item::Entity::find().filter(of_review(id)).filter(which));
    let late = match &outcome {
        Some(outcome) => outcome.late,
        None => of(review_item::Column::DecidedAtMs.gt(row.due_at_ms)).await?,
    };
    let privileged = match &outcome {
        Some(outcome) => outcome.privileged,
        None => of(review_item::Column::Privileged.eq(1)).await?,
    };
    let drift = if outcome.is_none() { drift::of(view, accounts, &row).await? } else { Vec::new() };
    Ok(Report {
        since: drift::counted(view, &row).await?,
        drift,
        explained: explained(view, accounts, &row).await?,
        explained_count: of(review_item::Column::SettledBy.is_not_null()).await?,
        reviewers: qualities(view, accounts, id).await?,
        late,
        silent: outcome.as_ref().map_or(0, |outcome| outcome.silent),
        spared: outcome.as_ref().map_or(0, |outcome| outcome.spared),
        privileged,
        privileged_kept: outcome.as_ref().map(|outcome| outcome.privileged_kept),
        median_decide_ms: outcome.and_then(|outcome| outcome.median_decide_ms),
        complete: campaign.found.grants() == campaign.found.items(),
        campaign,
    })
}

/// Explained differences that a report names.
const NAMED: u64 = 200;

async fn explained(view: &TenantDb, accounts: &Accounts, row: &review::Model) -> Result<Vec<Item>, Refusal> {
    let items = review_item::Entity::find()
        .filter(of_review(row.id))
        .filter(review_item::Column::SettledBy.is_not_null())
        .order_by_asc(review_item::Column::Id)
        .limit(NAMED);
    let (items, bench) = (view.all(items).await?, Bench::of(view, accounts, row).await?);
    described(view, accounts, &bench, row, items, None).await
}

#[derive(Debug, FromQueryResult)]
struct Group {
    decided_by: Uuid,
    decision: String,
    bulk: i64,
    number: i64,
}

#[derive(Debug, FromQueryResult)]
struct Moment {
    decided_by: Uuid,
    decided_at_ms: i64,
}

/// Each reviewer's decisions, of all stages.
async fn qualities(view: &TenantDb, accounts: &Accounts, id: Uuid) -> Result<Vec<Quality>, Refusal> {
    let together = |act: SimpleExpr| -> SimpleExpr {
        CaseStatement::new().case(act, Expr::value(0_i64)).finally(Expr::value(1_i64)).into()
    };
    let items = review_item::Entity::find()
        .select_only()
        .columns([review_item::Column::DecidedBy, review_item::Column::Decision])
        .column_as(together(review_item::Column::ActId.is_null()), "bulk")
        .column_as(review_item::Column::Id.count(), "number")
        .filter(of_review(id))
        .filter(review_item::Column::DecidedBy.is_not_null())
        .filter(review_item::Column::Decision.is_not_null())
        .group_by(review_item::Column::DecidedBy)
        .group_by(review_item::Column::Decision)
        .group_by(Expr::cust("3"));
    let votes = review_vote::Entity::find()
        .select_only()
        .columns([review_vote::Column::DecidedBy, review_vote::Column::Decision])
        .column_as(together(review_vote::Column::ActId.is_null()), "bulk")
        .column_as(review_vote::Column::ItemId.count(), "number")
        .filter(review_vote::Column::ReviewId.eq(id))
        .group_by(review_vote::Column::DecidedBy)
        .group_by(review_vote::Column::Decision)
        .group_by(Expr::cust("3"));
    let mut groups: Vec<Group> = view.all_as(items).await?;
    groups.extend(view.all_as::<review_vote::Entity, Group>(votes).await?);
    let mut all: BTreeMap<Uuid, Quality> = BTreeMap::new();
    for group in groups {
        let one = all.entry(group.decided_by).or_default();
        let number = u64::try_from(group.number).unwrap_or(0);
        one.decided += number;
        one.bulk += if group.bulk == 0 { 0 } else { number };
        match Decision::stored(&group.decision) {
            Decision::Keep => one.keep += number,
            Decision::Revoke => one.revoke += number,
            Decision::Change => one.change += number,
        }
    }
    let people = names::of(view, accounts, all.keys().copied()).await?;
    let pauses = pauses(view, id).await?;
    let mut all: Vec<Quality> = all
        .into_iter()
        .map(|(account, one)| Quality {
            account,
            who: names::called(&people, account),
            median_seconds: pauses.get(&account).copied(),
            ..one
        })
        .collect();
    all.sort_by(|a, b| b.decided.cmp(&a.decided).then_with(|| a.who.cmp(&b.who)));
    Ok(all)
}

/// The median pause between single decisions, in seconds. What was decided together says nothing of how long somebody looked.
async fn pauses(view: &TenantDb, id: Uuid) -> Result<BTreeMap<Uuid, f64>, Refusal> {
    let moments = review_item::Entity::find()
        .select_only()
        .columns([review_item::Column::DecidedBy, review_item::Column::DecidedAtMs])
        .filter(of_review(id))
        .filter(review_item::Column::DecidedBy.is_not_null())
        .filter(review_item::Column::ActId.is_null())
        .order_by_asc(review_item::Column::DecidedAtMs)
        .limit(MEASURED);
    let mut all: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
    for Moment { decided_by, decided_at_ms } in view.all_as::<review_item::Entity, Moment>(moments).await? {
        all.entry(decided_by).or_default().push(decided_at_ms);
    }
    Ok(all.into_iter().filter_map(|(who, moments)| Some((who, median_pause(&moments)?))).collect())
}

pub(crate) fn median_pause(moments: &[i64]) -> Option<f64> {
    let mut pauses: Vec<i64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    pauses.sort_unstable();
    let middle = *pauses.get(pauses.len() / 2)?;
    Some(f64::from(i32::try_from(middle).unwrap_or(i32::MAX)) / 1000.0)
}

/// One review that came to its end, for the picture.
#[derive(Clone, Debug)]
pub struct Past {
    pub id: Uuid,
    pub name: String,
    pub opened: OffsetDateTime,
    pub closed: OffsetDateTime,
    pub due: OffsetDateTime,
    pub outcome: Outcome,
}

/// The reviews that came to their end, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub past: Vec<Past>,
}

/// Reviews of a picture.
const PICTURED: u64 = 24;

/// The reviews that came to their end.
///
/// # Errors
/// When the database does not answer.
pub async fn history<R: Right>(reader: &Allowed<R>, accounts: &Accounts) -> Result<History, Refusal> {
    let view = reader.read().await?;
    let rows = review::Entity::find()
        .filter(review::Column::ClosedAtMs.is_not_null())
        .order_by_desc(review::Column::ClosedAtMs)
        .limit(PICTURED);
    let rows = view.all(rows).await?;
    let ring = accounts.vault.within(&view).await?;
    let past = |row: &review::Model| {
        Some(Past {
            id: row.id,
            name: opened_name(&ring, row),
            opened: from_ms(row.opened_at_ms?),
            closed: from_ms(row.closed_at_ms?),
            due: from_ms(row.due_at_ms),
            outcome: Outcome::of(row).unwrap_or_default(),
        })
    };
    Ok(History { past: rows.iter().rev().filter_map(past).collect() })
}

/// How much a reader is asked about in all open reviews, and the next last day: for the dashboard.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn waiting<R: Right>(
    view: &TenantDb,
    accounts: &Accounts,
    reader: &Allowed<R>,
) -> Result<Option<(u64, OffsetDateTime, Uuid)>, Refusal> {
    if !reader.here().permissions.contains(&Permission::ReviewsDecide) {
        return Ok(None);
    }
    let open = review::Entity::find().filter(review::Column::State.eq("open")).order_by_asc(review::Column::DueAtMs);
    let (mut number, mut next) = (0, None);
    for row in view.all(open).await? {
        let bench = Bench::of(view, accounts, &row).await?;
        let groups = super::campaigns::groups(view, row.id).await?;
        let mine = super::campaigns::mine(view, accounts, &bench, &row, reader.account.0, &groups).await?;
        number += mine;
        if mine > 0 && next.is_none() {
            next = Some((from_ms(row.due_at_ms), row.id));
        }
    }
    Ok(next.map(|(due, id)| (number, due, id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_in_the_middle_is_the_median() {
        assert_eq!(median_pause(&[0, 1000, 3000, 60_000]), Some(2.0));
        assert_eq!(median_pause(&[5]), None);
    }

    #[test]
    fn shares_are_of_a_hundred() {
        let one = Quality { decided: 8, keep: 6, bulk: 2, ..Quality::default() };
        assert_eq!((one.keep_percent(), one.bulk_percent(), Quality::default().keep_percent()), (75, 25, 0));
    }
}
