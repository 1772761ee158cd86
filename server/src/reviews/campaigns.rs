//! Reviews as they are listed: where each stands, who decides, and how far it is.

use std::collections::BTreeMap;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::alone;
use super::bench::{Bench, GIVEN, Reviewer};
use super::close::Outcome;
use super::freeze::Found;
use super::mine::Mine;
use super::name_place;
use super::words::{Decision, Effect, Scope, Silence, State, Status, WhenDue};
use crate::clock::{from_ms, to_ms};
use crate::entity::{review, review_count, review_item};
use crate::guard::{Allowed, Right, TenantDb};
use crate::identity::{Accounts, Refusal};
use crate::organisations::names;
use crate::vault::Keyring;

/// How many reviews a list shows.
const MOST: u64 = 100;

/// How far a review is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub items: u64,
    pub pending: u64,
    pub keep: u64,
    pub revoke: u64,
    pub change: u64,
    /// What took effect.
    pub applied: u64,
    pub gone: u64,
    pub changed: u64,
    /// Kept, and ended with the membership on which it hung.
    #[serde(default)]
    pub ended: u64,
    /// Decided to be kept or changed, and ended otherwise, which somebody explained. Counted as gone, too.
    #[serde(default)]
    pub ended_otherwise: u64,
    /// Of what is kept: by silence, as nobody else could decide. Known when it is closed.
    #[serde(default)]
    pub alone: u64,
}

/// One review.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: Uuid,
    pub name: String,
    pub scope: Scope,
    pub status: Status,
    /// Whether it opened itself when it was time.
    pub by_itself: bool,
    pub silence: Silence,
    pub effect: Effect,
    pub made_by: String,
    pub made: OffsetDateTime,
    pub opened: Option<OffsetDateTime>,
    pub due: OffsetDateTime,
    pub closed: Option<OffsetDateTime>,
    pub closed_by: Option<String>,
    pub overdue: bool,
    pub escalated: Option<OffsetDateTime>,
    pub stages: i32,
    pub reviewers: Vec<Reviewer>,
    pub fallback: Option<(Uuid, String)>,
    pub counts: Counts,
    /// How much of it the reader is asked about and has not decided.
    pub mine: u64,
    /// How much of what is undecided nobody may decide on.
    pub undecidable: u64,
    pub when_due: WhenDue,
    pub found: Found,
    pub population_sha256: Option<String>,
}

/// How far a review is, as the database keeps it: a few rows, however many items there are.
pub(crate) async fn groups(view: &TenantDb, review: Uuid) -> Result<Vec<review_count::Model>, Refusal> {
    Ok(view.all(review_count::Entity::find().filter(review_count::Column::ReviewId.eq(review))).await?)
}

impl review_count::Model {
    pub(crate) fn number(&self) -> u64 {
        u64::try_from(self.number).unwrap_or(0)
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.decision.is_empty() && self.state == State::Pending.word()
    }
}

impl Counts {
    pub(crate) fn of(groups: &[review_count::Model]) -> Self {
        let mut counts = Self::default();
        for group in groups {
            counts.add(group);
        }
        counts
    }

    fn add(&mut self, group: &review_count::Model) {
        let number = group.number();
        self.items += number;
        let decision = Some(&group.decision).filter(|word| !word.is_empty());
        match decision.map(|word| Decision::stored(word)) {
            Some(Decision::Keep) => self.keep += number,
            Some(Decision::Revoke) => self.revoke += number,
            Some(Decision::Change) => self.change += number,
            None => {}
        }
        match State::stored(&group.state) {
            State::Pending => self.pending += number,
            State::Decided => {}
            State::Applied => self.applied += number,
            State::Gone => {
                self.gone += number;
                self.ended_otherwise += if decision.is_some() { number } else { 0 };
            }
            State::Changed => self.changed += number,
            State::Ended => self.ended += number,
        }
    }
}

/// The reviews of this organisation: open ones and drafts first, then by the day on which they were closed.
///
/// # Errors
/// When the database does not answer.
pub async fn campaigns<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Vec<Campaign>, Refusal> {
    let view = reader.read().await?;
    let rows = view.all(review::Entity::find().order_by_desc(review::Column::MadeAtMs).limit(MOST)).await?;
    let mut all = Vec::new();
    for row in rows {
        all.push(described(&view, accounts, reader, row, now).await?);
    }
    all.sort_by_key(|campaign| (campaign.closed.is_some(), std::cmp::Reverse(campaign.closed), campaign.due));
    Ok(all)
}

/// One review.
///
/// # Errors
/// When the database does not answer. `None`: there is no such review here.
pub async fn campaign<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Campaign>, Refusal> {
    let view = reader.read().await?;
    match view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await? {
        None => Ok(None),
        Some(row) => Ok(Some(described(&view, accounts, reader, row, now).await?)),
    }
}

pub(crate) async fn described<R: Right>(
    view: &TenantDb,
    accounts: &Accounts,
    reader: &Allowed<R>,
    row: review::Model,
    now: OffsetDateTime,
) -> Result<Campaign, Refusal> {
    let bench = Bench::of(view, accounts, &row).await?;
    let status = Status::stored(&row.state);
    let groups = if status == Status::Draft { Vec::new() } else { groups(view, row.id).await? };
    let counts = Counts::of(&groups);
    let may = reader.here().permissions.contains(&Permission::ReviewsDecide);
    let mine = if may && status == Status::Open {
        mine(view, accounts, &bench, &row, reader.account.0, &groups).await?
    } else {
        0
    };
    let alone = match status {
        Status::Open => undecidable(view, accounts, &bench, &row).await?,
        Status::Draft | Status::Closed => 0,
    };
    let ids = bench.rows.iter().flat_map(|row| [Some(row.account_id), row.delegate_id]).flatten();
    let ids: Vec<Uuid> = ids.chain([row.made_by]).chain(row.closed_by).chain(row.fallback_id).collect();
    let people = names::of(view, accounts, ids).await?;
    let ring = accounts.vault.within(view).await?;
    Ok(shown(&ring, &people, &bench, row, (counts, mine, alone), now))
}

fn shown(
    ring: &Keyring,
    people: &BTreeMap<Uuid, names::Named>,
    bench: &Bench,
    row: review::Model,
    (mut counts, mine, undecidable): (Counts, u64, u64),
    now: OffsetDateTime,
) -> Campaign {
    let called = |id: Uuid| names::called(people, id);
    let status = Status::stored(&row.state);
    counts.alone = Outcome::of(&row).map_or(0, |outcome| outcome.counts.alone);
    let reviewers = bench.rows.iter().filter(|one| one.stage != GIVEN).map(|one| Reviewer {
        stage: one.stage,
        account: one.account_id,
        who: called(one.account_id),
        delegate: one.delegate_id.map(|id| (id, called(id))),
        present: bench.able.contains(&one.account_id),
    });
    Campaign {
        id: row.id,
        name: opened_name(ring, &row),
        scope: Scope::stored(&row.scope, row.scope_of.as_deref()),
        status,
        by_itself: row.origin == "cadence",
        silence: Silence::stored(&row.silence),
        effect: Effect::stored(&row.effect),
        made_by: called(row.made_by),
        made: from_ms(row.made_at_ms),
        opened: row.opened_at_ms.map(from_ms),
        due: from_ms(row.due_at_ms),
        closed: row.closed_at_ms.map(from_ms),
        closed_by: row.closed_by.map(called),
        overdue: status == Status::Open && row.due_at_ms < to_ms(now),
        escalated: row.escalated_at_ms.map(from_ms),
        stages: row.stages,
        reviewers: reviewers.collect(),
        fallback: row.fallback_id.map(|id| (id, called(id))),
        counts,
        mine,
        undecidable,
        when_due: WhenDue::stored(&row.when_due),
        found: row.found.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        population_sha256: row.population_sha256,
    }
}

/// What a review is called.
pub(crate) fn opened_name(ring: &Keyring, row: &review::Model) -> String {
    let plain = ring.open(&name_place(crate::guard::TenantId(row.tenant_id), row.id), &row.name);
    plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default()
}

/// How much somebody may still decide.
pub(crate) async fn mine(
    view: &TenantDb,
    accounts: &Accounts,
    bench: &Bench,
    row: &review::Model,
    account: Uuid,
    groups: &[review_count::Model],
) -> Result<u64, Refusal> {
    Mine::of(view, accounts, bench, row, account).await?.count(view, groups).await
}

/// How much of what is undecided nobody may decide on.
async fn undecidable(view: &TenantDb, accounts: &Accounts, bench: &Bench, row: &review::Model) -> Result<u64, Refusal> {
    let alone = alone::alone(view, accounts, bench, row).await?;
    if alone.is_empty() {
        return Ok(0);
    }
    // Without the range of ids, which SQLite would walk through.
    let pending = review_item::Entity::find()
        .filter(review_item::Column::ReviewId.eq(row.id))
        .filter(review_item::Column::Decision.is_null())
        .filter(review_item::Column::State.eq(State::Pending.word()));
    Ok(view.count(pending.filter(alone)).await?)
}
