//! Reviews as they are listed: where each stands, who decides, and how far it is.

use std::collections::BTreeMap;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{Asked, Bench, GIVEN, Reviewer};
use super::freeze::Found;
use super::items::of_review;
use super::name_place;
use super::rules::Subject;
use super::words::{Decision, Effect, Scope, Silence, State, Status};
use crate::clock::{from_ms, to_ms};
use crate::entity::{review, review_item};
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
    pub found: Found,
    pub population_sha256: Option<String>,
}

/// Items that stand alike.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Group {
    decision: Option<String>,
    state: String,
    number: i64,
}

/// How far a review is: one walk through one index, in its order, which is most of what a page of many items costs.
pub(crate) async fn groups(view: &TenantDb, review: Uuid) -> Result<Vec<Group>, Refusal> {
    let groups = review_item::Entity::find()
        .select_only()
        .columns([review_item::Column::Decision, review_item::Column::State])
        .column_as(review_item::Column::Id.count(), "number")
        .filter(review_item::Column::ReviewId.eq(review))
        .group_by(review_item::Column::Decision)
        .group_by(review_item::Column::State);
    Ok(view.all_as::<review_item::Entity, Group>(groups).await?)
}

impl Counts {
    pub(crate) fn of(groups: &[Group]) -> Self {
        let mut counts = Self::default();
        for group in groups {
            counts.add(group);
        }
        counts
    }

    fn add(&mut self, group: &Group) {
        let number = u64::try_from(group.number).unwrap_or(0);
        self.items += number;
        match group.decision.as_deref().map(Decision::stored) {
            Some(Decision::Keep) => self.keep += number,
            Some(Decision::Revoke) => self.revoke += number,
            Some(Decision::Change) => self.change += number,
            None => {}
        }
        match State::stored(&group.state) {
            State::Pending => self.pending += number,
            State::Decided => {}
            State::Applied => self.applied += number,
            State::Gone => self.gone += number,
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
    let mine =
        if may && status == Status::Open { mine(view, &bench, &row, reader.account.0, &groups).await? } else { 0 };
    let ids = bench.rows.iter().flat_map(|row| [Some(row.account_id), row.delegate_id]).flatten();
    let ids: Vec<Uuid> = ids.chain([row.made_by]).chain(row.closed_by).chain(row.fallback_id).collect();
    let people = names::of(view, accounts, ids).await?;
    let ring = accounts.vault.within(view).await?;
    Ok(shown(&ring, &people, &bench, row, (counts, mine), now))
}

fn shown(
    ring: &Keyring,
    people: &BTreeMap<Uuid, names::Named>,
    bench: &Bench,
    row: review::Model,
    (counts, mine): (Counts, u64),
    now: OffsetDateTime,
) -> Campaign {
    let called = |id: Uuid| names::called(people, id);
    let status = Status::stored(&row.state);
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
        found: row.found.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        population_sha256: row.population_sha256,
    }
}

/// What a review is called.
pub(crate) fn opened_name(ring: &Keyring, row: &review::Model) -> String {
    let plain = ring.open(&name_place(crate::guard::TenantId(row.tenant_id), row.id), &row.name);
    plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default()
}

/// How much somebody is asked about and nobody has decided, less what is about themselves.
pub(crate) async fn mine(
    view: &TenantDb,
    bench: &Bench,
    row: &review::Model,
    account: Uuid,
    groups: &[Group],
) -> Result<u64, Refusal> {
    let first = Asked { stage: 1, reviewer: None, subject: Subject::default() };
    let whole = row.stages == 1 && bench.rows.iter().all(|one| one.stage != GIVEN) && bench.asks(account, first);
    let all = if whole {
        let open = groups.iter().filter(|group| group.decision.is_none() && group.state == State::Pending.word());
        open.map(|group| u64::try_from(group.number).unwrap_or(0)).sum()
    } else {
        let open = review_item::Entity::find()
            .filter(asked_of(bench, row, account))
            .filter(review_item::Column::Decision.is_null())
            .filter(review_item::Column::State.eq(State::Pending.word()));
        view.count(open).await?
    };
    // Asked for by person alone: with anything else in it the database walks through all that is undecided for these few.
    let own = review_item::Entity::find()
        .filter(review_item::Column::AccountId.eq(account))
        .filter(review_item::Column::ReviewId.eq(row.id));
    let given = bench.delegators(account);
    let asked = |item: &review_item::Model| match item.reviewer_id {
        Some(reviewer) => reviewer == account || given.contains(&reviewer),
        None => bench.asks(account, Asked { stage: item.stage, ..first }),
    };
    let open = |item: &review_item::Model| item.decision.is_none() && item.state == State::Pending.word();
    let own = view.all(own).await?.iter().filter(|item| open(item) && asked(item)).count() as u64;
    Ok(all - own.min(all))
}

/// Which items somebody is asked about, whoever they are about.
pub(crate) fn asked_of(bench: &Bench, row: &review::Model, account: Uuid) -> Condition {
    let mut any = Condition::any();
    let given: Vec<Uuid> = bench.delegators(account).into_iter().chain([account]).collect();
    any = any.add(review_item::Column::ReviewerId.is_in(given));
    for stage in 1..=row.stages {
        let whoever = Asked { stage, reviewer: None, subject: Subject::default() };
        let at = review_item::Column::Stage.eq(stage);
        if bench.asks(account, whoever) {
            any = any.add(Condition::all().add(at).add(review_item::Column::ReviewerId.is_null()));
            continue;
        }
        // The access of the reviewers themselves may be for others.
        let about = bench.rows.iter().map(|one| one.account_id);
        let asked = |about: &Uuid| {
            let subject = Subject { account: Some(*about), mailbox: None };
            bench.asks(account, Asked { subject, ..whoever })
        };
        let theirs: Vec<Uuid> = about.filter(asked).collect();
        if !theirs.is_empty() {
            any = any.add(Condition::all().add(at).add(review_item::Column::AccountId.is_in(theirs)));
        }
    }
    Condition::all().add(of_review(row.id)).add(any)
}
