//! What a review of the seats came to, as facts.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Found, SeatDrift, SeatItem, SeatReview, drift, shown};
use crate::entity::{account, seat_review, seat_review_item};
use crate::guard::{OPERATOR_KIND, Staff};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;
use crate::reviews::drift::Since;
use crate::reviews::report::{Quality, median_pause};
use crate::reviews::words::{Decision, Kind, State, Status};
use crate::reviews::{freeze, freeze::Source};

/// The report of one review of the seats.
#[derive(Clone, Debug)]
pub struct SeatReport {
    pub review: SeatReview,
    pub items: Vec<SeatItem>,
    pub made_by: String,
    pub closed_by: Option<String>,
    pub found: freeze::Found,
    pub since: Since,
    pub drift: Vec<SeatDrift>,
    pub reviewers: Vec<Quality>,
    /// Decided after the last day, so far or in the end.
    pub late: u64,
    pub silent: u64,
    /// From the beginning until half of what people decided was decided.
    pub median_decide_ms: Option<i64>,
}

/// What a review of the seats came to so far, or in the end.
///
/// # Errors
/// When the database does not answer. `None`: there is no such review.
pub async fn report(
    staff: &Staff,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<SeatReport>, Refusal> {
    let Some(found) = Found::read(staff, accounts, id).await? else { return Ok(None) };
    Ok(Some(of(staff, accounts, &found, now).await?))
}

pub(super) async fn of(
    staff: &Staff,
    accounts: &Accounts,
    found: &Found,
    now: OffsetDateTime,
) -> Result<SeatReport, Refusal> {
    let Found { row, items, people } = found;
    // Whoever holds a seat, and whoever ever did.
    let ever = staff.all(account::Entity::find().filter(account::Column::Kind.eq(OPERATOR_KIND))).await?;
    let held = ever.iter().filter(|row| row.disabled_at_ms.is_none()).map(|row| row.id).collect();
    let review = shown(accounts, row, items, now);
    let described = found.described(staff, accounts);
    let open = review.status == Status::Open;
    let differs = items.iter().zip(&described).filter_map(|(item, shown)| {
        let how = drift::how(item, &held).filter(|_| open)?;
        Some(SeatDrift { how, item: shown.clone() })
    });
    let by_people = items.iter().filter(|item| item.decided_by.is_some());
    let mut moments: Vec<i64> = by_people.filter_map(|item| item.decided_at_ms).collect();
    moments.sort_unstable();
    let (grants, number) = (u64::try_from(row.items).unwrap_or(0), items.len() as u64);
    Ok(SeatReport {
        made_by: names::called(people, row.made_by),
        closed_by: row.closed_by.map(|id| names::called(people, id)),
        found: freeze::Found {
            sources: vec![Source { kind: Kind::Seat.word().to_owned(), grants, items: number }],
            roles: BTreeMap::new(),
        },
        since: since(row, items, &ever, &held),
        drift: differs.collect(),
        reviewers: qualities(items, people),
        late: moments.iter().filter(|at| **at > row.due_at_ms).count() as u64,
        silent: items.iter().filter(|item| item.silent != 0).count() as u64,
        median_decide_ms: moments.get(moments.len() / 2).map(|at| at - row.opened_at_ms),
        items: described,
        review,
    })
}

/// What changed from the beginning until now, or until it was closed. A seat has no role that could be another.
fn since(
    row: &seat_review::Model,
    items: &[seat_review_item::Model],
    ever: &[account::Model],
    held: &BTreeSet<Uuid>,
) -> Since {
    let until = row.closed_at_ms.unwrap_or(i64::MAX);
    let added = ever.iter().filter(|seat| (row.opened_at_ms + 1..=until).contains(&seat.created_at_ms)).count();
    let gone = items.iter().filter(|item| match State::stored(&item.state) {
        State::Gone => true,
        State::Pending | State::Decided => row.closed_at_ms.is_none() && !held.contains(&item.account_id),
        State::Applied | State::Changed | State::Ended => false,
    });
    Since { added: added as u64, gone: gone.count() as u64, changed: 0 }
}

/// Each reviewer's decisions. Seats are decided on one by one.
fn qualities(items: &[seat_review_item::Model], people: &super::People) -> Vec<Quality> {
    let mut all: BTreeMap<Uuid, (Quality, Vec<i64>)> = BTreeMap::new();
    for item in items {
        let (Some(by), Some(at), Some(decision)) = (item.decided_by, item.decided_at_ms, item.decision.as_deref())
        else {
            continue;
        };
        let (one, moments) = all.entry(by).or_default();
        one.decided += 1;
        moments.push(at);
        match Decision::stored(decision) {
            Decision::Keep => one.keep += 1,
            Decision::Revoke => one.revoke += 1,
            Decision::Change => one.change += 1,
        }
    }
    let quality = |(account, (one, mut moments)): (Uuid, (Quality, Vec<i64>))| {
        moments.sort_unstable();
        Quality { account, who: names::called(people, account), median_seconds: median_pause(&moments), ..one }
    };
    let mut all: Vec<Quality> = all.into_iter().map(quality).collect();
    all.sort_by(|a, b| b.decided.cmp(&a.decided).then_with(|| a.who.cmp(&b.who)));
    all
}
