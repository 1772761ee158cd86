//! Deciding about many grants at once: the same rules as for one, in a few statements, with an entry for each.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{self, Asked, Bench};
use super::decide::{Verdict, onward};
use super::items::{Narrowing, narrowed};
use super::rules::{Barred, Subject, mailbox};
use super::taking::Beyond;
use super::together::Together;
use super::words::{Decision, Effect, Kind, State, Status};
use super::{effect, freeze, hanging, no_item, no_review, notes, open};
use crate::audit::log::{Action, Event};
use crate::entity::{account, review, review_item, review_vote};
use crate::guard::{Allowed, Change, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::{invitations, names, roles};

/// Items of one act.
pub const MOST: u64 = 20_000;

#[derive(Clone, Debug, Default)]
pub struct ManyForm<'a> {
    pub review: &'a str,
    /// Which items; none: those that the narrowing leaves.
    pub items: &'a [&'a str],
    pub narrowing: Narrowing,
    pub decision: &'a str,
    pub role: Option<&'a str>,
    pub note: Option<&'a str>,
    /// The number that was shown: it has to be the number that it would be.
    pub sure: Option<u64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Many {
    pub act: Uuid,
    pub decided: u64,
    /// What was left out, and why.
    pub left_out: Vec<(Barred, u64)>,
    pub sessions: u64,
}

/// As much of an item as the rules ask for.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Light {
    id: Uuid,
    pub(crate) kind: String,
    pub(crate) account_id: Option<Uuid>,
    target_id: Option<Uuid>,
    address: Option<Vec<u8>>,
    role: Option<String>,
    privileged: i32,
    pub(crate) stage: i32,
    reviewer_id: Option<Uuid>,
}

/// Decides about many undecided grants at once. What somebody may not decide on is left out and counted.
///
/// # Errors
/// [`Refusal::Unconfirmed`] when the number is not the one that was shown, with the right one and what goes along; [`Refusal::Field`] with what is missing.
pub async fn decide_many(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    form: &ManyForm<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Many, Refusal> {
    let verdict = Verdict::parse(form.decision, form.role, form.note)?;
    let id: Uuid = form.review.parse().map_err(|_| no_review())?;
    let change = reviewer.begin(accounts, origin).await?;
    let review = open::held(&change, id).await?;
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen.into());
    }
    if let Some(role) = &verdict.role {
        roles::within_reach(&change, &accounts.profile, reviewer.here(), role).await?;
        verdict.explains_more(&freeze::privileged(&change, accounts).await?)?;
    }
    let bench = Bench::of(&change, accounts, &review).await?;
    let by = reviewer.account.0;
    let which = which(&change, accounts, &bench, &review, form, by).await?;
    let beyond = match verdict.decision {
        Decision::Keep => None,
        Decision::Revoke | Decision::Change => Some(Beyond::of(&change, accounts, reviewer.here()).await?),
    };
    let sorted = sort(&change, accounts, (&review, &bench), by, (&verdict, beyond), which.clone()).await?;
    sorted.explained(&verdict)?;
    let number = sorted.in_.len() as u64;
    if form.sure != Some(number) {
        let along = Together::of(&change, accounts, &review, verdict.decision, &sorted.in_).await?;
        // Records may lie in the organisation's own database.
        drop(change);
        let along = along.with_records(&reviewer.read().await?, accounts).await?;
        return Err(Refusal::Unconfirmed(number, along.said()));
    }
    let act = Uuid::now_v7();
    let note = notes::reason(&change, &review, None, by, verdict.note.as_deref(), now).await?;
    let set = verdict.onto(review_item::Entity::update_many(), by, note.map(|note| note.id), Some(act), now);
    let written = change.update(set.filter(which).filter(sorted.others())).await?;
    if written != number {
        return Err(Refusal::Conflict("Something was decided meanwhile. Nothing was done; look again.".into()));
    }
    let done = follow(&change, accounts, &review, act, now).await?;
    let entries = sorted.in_.iter().map(|row| told(row, &verdict, (id, act)).over(notes::digest_of(note)));
    let mut entries: Vec<Event> = entries.chain(done.events).collect();
    let many = Many { act, decided: number, left_out: sorted.left_out(), sessions: done.sessions };
    if entries.is_empty() {
        return Ok(many);
    }
    let first = entries.remove(0).with("sessions", many.sessions.to_string());
    change.commit_all(first, entries, now).await?;
    accounts.bell.notify_one();
    Ok(many)
}

/// The undecided items that are meant and that this person is asked about.
async fn which(
    change: &Change,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
    form: &ManyForm<'_>,
    account: Uuid,
) -> Result<Condition, Refusal> {
    let narrowing = Narrowing { undecided: true, ..form.narrowing.clone() };
    let which = narrowed(change, accounts, bench, review, &narrowing, account).await?;
    if form.items.is_empty() {
        return Ok(which);
    }
    if form.items.len() as u64 > MOST {
        return Err(Refusal::Conflict(format!("At most {MOST} at once.")));
    }
    let ids: Result<Vec<Uuid>, _> = form.items.iter().map(|text| text.parse().map_err(|_| no_item())).collect();
    Ok(which.add(review_item::Column::Id.is_in(ids?)))
}

/// What may be decided on, and what is left out.
#[derive(Debug, Default)]
struct Sorted {
    in_: Vec<Light>,
    out: Vec<(Uuid, Barred)>,
    /// What the decision says already.
    same: Vec<Uuid>,
}

impl Sorted {
    fn others(&self) -> Condition {
        let out = self.out.iter().map(|(id, _)| *id).chain(self.same.iter().copied());
        Condition::all().add(review_item::Column::Id.is_not_in(out))
    }

    fn left_out(&self) -> Vec<(Barred, u64)> {
        let mut counts: Vec<(Barred, u64)> = Vec::new();
        for (_, why) in &self.out {
            match counts.iter_mut().find(|(known, _)| known == why) {
                Some((_, number)) => *number += 1,
                None => counts.push((*why, 1)),
            }
        }
        counts
    }

    fn explained(&self, verdict: &Verdict) -> Result<(), Refusal> {
        for row in &self.in_ {
            verdict.fits(Kind::stored(&row.kind))?;
        }
        verdict.explains(self.in_.iter().any(|row| row.privileged != 0))
    }
}

async fn sort(
    change: &Change,
    accounts: &Accounts,
    (review, bench): (&review::Model, &Bench),
    by: Uuid,
    (verdict, beyond): (&Verdict, Option<Beyond>),
    which: Condition,
) -> Result<Sorted, Refusal> {
    let rows = review_item::Entity::find().filter(which.clone()).limit(MOST + 1);
    let light = rows.select_only().columns([
        review_item::Column::Id,
        review_item::Column::Kind,
        review_item::Column::AccountId,
        review_item::Column::TargetId,
        review_item::Column::Address,
        review_item::Column::Role,
        review_item::Column::Privileged,
        review_item::Column::Stage,
        review_item::Column::ReviewerId,
    ]);
    let rows: Vec<Light> = change.all_as(light).await?;
    if rows.len() as u64 > MOST {
        return Err(Refusal::Conflict(format!("At most {MOST} at once: narrow the list.")));
    }
    let boxes = mailboxes(change, accounts, which).await?;
    let invited: BTreeMap<Uuid, String> = rows.iter().filter_map(|row| Some((row.id, invited(change, row)?))).collect();
    let subject = |row: &Light| {
        let known = row.account_id.and_then(|id| boxes.get(&id));
        Subject { account: row.account_id, mailbox: invited.get(&row.id).or(known).map(String::as_str) }
    };
    let towards = rows.iter().map(subject).collect();
    let decider = bench::decider(change, accounts, bench, review, by, &towards).await?;
    let voted = voted(change, decider.own.accounts(), &rows).await?;
    let mut sorted = Sorted::default();
    for row in rows {
        let subject = subject(&row);
        let asked = Asked { stage: row.stage, reviewer: row.reviewer_id, subject };
        if let Err(why) = decider.stands_apart(&subject) {
            sorted.out.push((row.id, why));
        } else if voted.contains(&row.id) {
            sorted.out.push((row.id, Barred::EarlierStage));
        } else if !bench.asks(decider.account, asked) {
            sorted.out.push((row.id, Barred::NotAsked));
        } else if beyond.as_ref().is_some_and(|beyond| beyond.has(&row.kind, row.account_id)) {
            sorted.out.push((row.id, Barred::Beyond));
        } else if verdict.decision == Decision::Change && row.role == verdict.role {
            sorted.same.push(row.id);
        } else {
            sorted.in_.push(row);
        }
    }
    Ok(sorted)
}

/// The mailboxes of everybody who is concerned.
async fn mailboxes(change: &Change, accounts: &Accounts, which: Condition) -> Result<BTreeMap<Uuid, String>, Refusal> {
    let ids = review_item::Entity::find()
        .filter(review_item::Column::TenantId.eq(change.tenant().0))
        .filter(which)
        .filter(review_item::Column::AccountId.is_not_null())
        .select_only()
        .column(review_item::Column::AccountId)
        .into_query();
    let people = account::Entity::find().filter(account::Column::Id.in_subquery(ids));
    let rows = change.unscoped("the addresses of those whose access is decided on");
    let people: Vec<names::Light> = rows.all_as(names::Light::of(people)).await?;
    Ok(people.iter().map(|person| (person.id, mailbox(&person.address(accounts)))).collect())
}

fn invited(change: &Change, row: &Light) -> Option<String> {
    let place = invitations::address_place(TenantId(change.tenant().0), row.target_id?);
    let plain = change.open(&place, row.address.as_deref()?).ok()?;
    Some(mailbox(&String::from_utf8_lossy(&plain)))
}

/// What somebody decided on in an earlier stage, with whichever of their accounts.
async fn voted(change: &Change, selves: &BTreeSet<Uuid>, rows: &[Light]) -> Result<BTreeSet<Uuid>, Refusal> {
    if rows.iter().all(|row| row.stage == 1) {
        return Ok(BTreeSet::new());
    }
    let votes = review_vote::Entity::find().filter(review_vote::Column::DecidedBy.is_in(selves.iter().copied()));
    Ok(change.all(votes).await?.into_iter().map(|row| row.item_id).collect())
}

/// What comes after it: the next stage for those that have one, the effect for the others.
async fn follow(
    change: &Change,
    accounts: &Accounts,
    review: &review::Model,
    act: Uuid,
    now: OffsetDateTime,
) -> Result<effect::Done, Refusal> {
    let ours = Condition::all()
        .add(review_item::Column::ActId.eq(act))
        .add(review_item::Column::State.eq(State::Decided.word()));
    if review.stages > 1 {
        onward(change, ours.clone().add(review_item::Column::Stage.lt(review.stages))).await?;
    }
    if Effect::stored(&review.effect) == Effect::AtOnce {
        let which = Condition::all().add(review_item::Column::ActId.eq(act));
        hanging::ended(change, review.id, which.clone()).await?;
        return effect::apply(change, accounts, which, now).await;
    }
    Ok(effect::Done::default())
}

fn told(row: &Light, verdict: &Verdict, (review, act): (Uuid, Uuid)) -> Event {
    Event::of(Action::ItemDecided, row.id)
        .with("decision", verdict.decision.word())
        .with("stage", row.stage.to_string())
        .with("review", review.to_string())
        .with("person", row.account_id.unwrap_or_default().to_string())
        .with("act", act.to_string())
}
