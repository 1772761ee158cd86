//! Deciding about one grant.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{self, Asked, Bench};
use super::items::mailbox_of;
use super::rules::{Barred, Subject, needs_note};
use super::taking::Beyond;
use super::words::{Decision, Effect, Kind, State, Status};
use super::{drift, effect, freeze, hanging, no_item, notes, open};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, review, review_item, review_vote};
use crate::guard::{Allowed, Change, Changes, rights};
use crate::identity::{Accounts, Origin, Refusal, moment};
use crate::organisations::{leaving, names, roles};

/// The longest reason.
const NOTE_CHARACTERS: usize = 1000;

#[derive(Clone, Copy, Debug, Default)]
pub struct DecideForm<'a> {
    pub item: &'a str,
    /// `keep`, `revoke` or `change`.
    pub decision: &'a str,
    /// The other role, for `change`.
    pub role: Option<&'a str>,
    pub note: Option<&'a str>,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    pub(crate) role: Option<String>,
    pub(crate) note: Option<String>,
}

impl Verdict {
    pub(crate) fn parse(decision: &str, role: Option<&str>, note: Option<&str>) -> Result<Self, Refusal> {
        let decision = Decision::parse(decision)
            .ok_or_else(|| Refusal::Field("decision", "choose to keep, to revoke or to change the role".into()))?;
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (role, note) = (given(role).filter(|_| decision == Decision::Change), given(note));
        if decision == Decision::Change && role.is_none() {
            return Err(Refusal::Field("role", "choose the other role".into()));
        }
        if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARACTERS) {
            return Err(Refusal::Field("note", format!("a note has at most {NOTE_CHARACTERS} characters")));
        }
        Ok(Self { decision, role, note })
    }

    /// Whether it says why, where it has to.
    pub(crate) fn explains(&self, privileged: bool) -> Result<(), Refusal> {
        if self.note.is_none() && needs_note(self.decision, privileged) {
            return Err(Refusal::Field("note", "say why".into()));
        }
        Ok(())
    }

    /// The same of a role that permits much, which this gives.
    pub(crate) fn explains_more(&self, privileged: &[String]) -> Result<(), Refusal> {
        if self.note.is_none() && self.role.as_ref().is_some_and(|role| privileged.contains(role)) {
            return Err(Refusal::Field("note", "say why they are to have a role that permits much".into()));
        }
        Ok(())
    }

    /// Whether this can be said of such a thing.
    pub(crate) fn fits(&self, kind: Kind) -> Result<(), Refusal> {
        match (self.decision, kind) {
            (Decision::Keep | Decision::Revoke, _) | (Decision::Change, Kind::Membership | Kind::Invitation) => Ok(()),
            (Decision::Change, Kind::Reach | Kind::Help | Kind::Token | Kind::Seat) => {
                Err(Refusal::Field("decision", "this has no role that could be changed".into()))
            }
        }
    }
}

/// Decides about one grant. In the last stage of a review that does it at once, it is done with this: the grant is gone, or the role is
/// another, and the sessions that hang on it are over.
///
/// A decision can be changed by whoever made it until it has been done or the review is closed.
///
/// # Errors
/// [`Refusal::Conflict`] when the rules do not let this person decide, or somebody else has decided meanwhile, and then what;
/// [`Refusal::Field`] with what is missing.
pub async fn decide(
    reviewer: &Allowed<rights::ReviewsDecide>,
    accounts: &Accounts,
    form: &DecideForm<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let verdict = Verdict::parse(form.decision, form.role, form.note)?;
    let id: Uuid = form.item.parse().map_err(|_| no_item())?;
    let change = reviewer.begin(accounts, origin).await?;
    let (review, row) = named(&change, id).await?;
    may(&change, accounts, reviewer.account.0, &review, &row).await?;
    verdict.fits(Kind::stored(&row.kind))?;
    verdict.explains(row.privileged != 0)?;
    if verdict.decision != Decision::Keep {
        Beyond::of(&change, accounts, reviewer.here()).await?.refuse(&row)?;
    }
    if let Some(role) = &verdict.role {
        roles::within_reach(&change, &accounts.profile, reviewer.here(), role).await?;
        if row.role.as_deref() == Some(role) {
            return Err(Refusal::Field("role", "this is the role already".into()));
        }
        verdict.explains_more(&freeze::privileged(&change, accounts).await?)?;
    }
    if verdict.decision != Decision::Revoke {
        still_there(&change, &row).await?;
    }
    let note = notes::reason(&change, &review, Some(id), reviewer.account.0, verdict.note.as_deref(), now).await?;
    record(&change, accounts, reviewer.account.0, &row, &verdict, note.map(|note| note.id), now).await?;
    let event = Event::of(Action::ItemDecided, id)
        .with("decision", verdict.decision.word())
        .with("stage", row.stage.to_string())
        .with("review", review.id.to_string())
        .with("person", row.account_id.unwrap_or_default().to_string())
        .over(notes::digest_of(note));
    follow(change, accounts, (&review, &row), event, now).await?;
    if verdict.decision != Decision::Revoke {
        return Ok(());
    }
    handed_over(reviewer, accounts, &row, now).await
}

/// The records of whoever lost their membership go to their successor, as with whoever is offboarded. What is not done now, or is of many, is done
/// by the clock.
pub(crate) async fn handed_over<R: Changes>(
    by: &Allowed<R>,
    accounts: &Accounts,
    row: &review_item::Model,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let Some(person) = row.account_id.filter(|_| row.kind == Kind::Membership.word()) else { return Ok(()) };
    leaving::hand_over(&by.schedule(), accounts, by.here().tenant, Some(person), now).await
}

/// What is gone otherwise can neither be kept nor changed; the report says that it was gone. Of what went with a membership that was revoked here it
/// can still be said that it was to be kept.
async fn still_there(change: &Change, row: &review_item::Model) -> Result<(), Refusal> {
    let went = hanging::went_along(change.tenant(), row.review_id);
    let here = review_item::Entity::find()
        .filter(review_item::Column::Id.eq(row.id))
        .filter(Condition::any().add(drift::there()).add(went));
    if change.count(here).await? == 0 {
        return Err(Refusal::Conflict("This is gone already, so there is nothing left to decide about it.".into()));
    }
    Ok(())
}

/// An item and its review, the latter held until the change ends.
pub(crate) async fn named(change: &Change, id: Uuid) -> Result<(review::Model, review_item::Model), Refusal> {
    let one = || review_item::Entity::find().filter(review_item::Column::Id.eq(id));
    let row = change.one(one()).await?.ok_or_else(no_item)?;
    let review = open::held(change, row.review_id).await?;
    // What was decided while the review was waited for counts.
    let row = change.one(one()).await?.ok_or_else(no_item)?;
    Ok((review, row))
}

/// Every rule about who decides on what, in the order in which one would ask.
async fn may(
    change: &Change,
    accounts: &Accounts,
    account: Uuid,
    review: &review::Model,
    row: &review_item::Model,
) -> Result<(), Refusal> {
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen.into());
    }
    let bench = Bench::of(change, accounts, review).await?;
    let mailbox = mailbox_of(change, change.ring(), accounts, row).await?;
    let subject = Subject { account: row.account_id, mailbox: mailbox.as_deref() };
    let decider = bench::decider(change, accounts, &bench, review, account, &[subject].into_iter().collect()).await?;
    decider.stands_apart(&subject)?;
    let votes = review_vote::Entity::find()
        .filter(review_vote::Column::ItemId.eq(row.id))
        .filter(review_vote::Column::DecidedBy.is_in(decider.own.accounts().iter().copied()));
    if change.count(votes).await? > 0 {
        return Err(Barred::EarlierStage.into());
    }
    if !bench.asks(account, Asked::of(row, subject)) {
        return Err(Barred::NotAsked.into());
    }
    match State::stored(&row.state) {
        State::Pending => Ok(()),
        State::Decided if row.decided_by == Some(account) || row.decision.is_none() => Ok(()),
        State::Decided | State::Applied => Err(decided_already(change, accounts, account, row).await?),
        State::Gone | State::Changed | State::Ended => Err(Barred::Done.into()),
    }
}

/// Somebody was quicker: what they decided, and when by the clock of whoever reads it.
pub(crate) async fn decided_already(
    change: &Change,
    accounts: &Accounts,
    reader: Uuid,
    row: &review_item::Model,
) -> Result<Refusal, Refusal> {
    let by = row.decided_by.unwrap_or_default();
    let both = account::Entity::find().filter(account::Column::Id.is_in([by, reader]));
    let people = change.unscoped("the name of whoever decided before, and the reader's clock").all(both).await?;
    let named = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let said = row.decision.as_deref().map(Decision::stored).map_or("decided", |decision| match decision {
        Decision::Keep => "decided to keep",
        Decision::Revoke => "decided to revoke",
        Decision::Change => "decided to change",
    });
    let clock = people.iter().find(|row| row.id == reader);
    let (style, zone) = clock.map_or(("iso", "UTC"), |row| (row.date_style.as_str(), row.time_zone.as_str()));
    let at = row.decided_at_ms.map(from_ms);
    let at = at.map_or_else(String::new, |at| format!(" at {}", moment::moment(at, style, zone)));
    Ok(Refusal::Conflict(format!("{} {said} this{at}. Nothing was changed by you.", names::called(&named, by))))
}

/// Writes the decision, where nobody else's stands: one conditional statement, so that of two the second finds out.
async fn record(
    change: &Change,
    accounts: &Accounts,
    by: Uuid,
    row: &review_item::Model,
    verdict: &Verdict,
    note: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let free = Condition::any().add(review_item::Column::Decision.is_null()).add(review_item::Column::DecidedBy.eq(by));
    let set = verdict
        .onto(review_item::Entity::update_many(), by, note, None, now)
        .filter(review_item::Column::Id.eq(row.id))
        .filter(review_item::Column::Stage.eq(row.stage))
        .filter(review_item::Column::State.is_in([State::Pending.word(), State::Decided.word()]))
        .filter(free);
    if change.update(set).await? == 1 {
        return Ok(());
    }
    let now = change.one(review_item::Entity::find().filter(review_item::Column::Id.eq(row.id))).await?;
    Err(decided_already(change, accounts, by, &now.ok_or_else(no_item)?).await?)
}

impl Verdict {
    /// The columns that a decision sets.
    pub(crate) fn onto(
        &self,
        rows: sea_orm::UpdateMany<review_item::Entity>,
        by: Uuid,
        note: Option<Uuid>,
        act: Option<Uuid>,
        now: OffsetDateTime,
    ) -> sea_orm::UpdateMany<review_item::Entity> {
        rows.col_expr(review_item::Column::Decision, Expr::value(Some(self.decision.word())))
            .col_expr(review_item::Column::NewRole, Expr::value(self.role.clone()))
            .col_expr(review_item::Column::DecidedBy, Expr::value(Some(by)))
            .col_expr(review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
            .col_expr(review_item::Column::NoteId, Expr::value(note))
            .col_expr(review_item::Column::ActId, Expr::value(act))
            .col_expr(review_item::Column::State, Expr::value(State::Decided.word()))
    }
}

/// What comes after a decision: the next stage, the effect, or nothing until the review is closed.
async fn follow(
    change: Change,
    accounts: &Accounts,
    (review, row): (&review::Model, &review_item::Model),
    event: Event,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let which = Condition::all().add(review_item::Column::Id.eq(row.id));
    let mut done = Vec::new();
    if row.stage < review.stages {
        onward(&change, which).await?;
    } else if Effect::stored(&review.effect) == Effect::AtOnce {
        hanging::ended(&change, review.id, which.clone()).await?;
        let applied = effect::apply(&change, accounts, which, now).await?;
        let sessions = applied.sessions.to_string();
        done.extend(applied.events.into_iter().map(|event| event.with("sessions", sessions.as_str())));
    }
    change.commit_all(event, done, now).await?;
    accounts.bell.notify_one();
    Ok(())
}

/// What these items were decided goes to the votes, and they wait for the next stage.
pub(crate) async fn onward(change: &Change, which: Condition) -> Result<(), Refusal> {
    use sea_orm::QuerySelect;
    let (item, vote) = (review_item::Column::Id, review_vote::Column::ItemId);
    let rows = review_item::Entity::find().filter(which.clone()).select_only().column(item).columns([
        review_item::Column::Stage,
        review_item::Column::ReviewId,
        review_item::Column::Decision,
        review_item::Column::NewRole,
        review_item::Column::DecidedBy,
        review_item::Column::DecidedAtMs,
        review_item::Column::NoteId,
        review_item::Column::ActId,
    ]);
    let columns = [
        vote,
        review_vote::Column::Stage,
        review_vote::Column::ReviewId,
        review_vote::Column::Decision,
        review_vote::Column::NewRole,
        review_vote::Column::DecidedBy,
        review_vote::Column::DecidedAtMs,
        review_vote::Column::NoteId,
        review_vote::Column::ActId,
    ];
    change.fill::<review_item::Entity, review_vote::Entity>(columns, rows).await?;
    let next = Expr::col(review_item::Column::Stage);
    let set = blank(review_item::Entity::update_many())
        .col_expr(review_item::Column::Stage, sea_orm::ExprTrait::add(next, 1))
        .col_expr(review_item::Column::ReviewerId, Expr::value(None::<Uuid>))
        .filter(which);
    change.update(set).await?;
    Ok(())
}

/// As if nothing had been decided.
pub(crate) fn blank(rows: sea_orm::UpdateMany<review_item::Entity>) -> sea_orm::UpdateMany<review_item::Entity> {
    rows.col_expr(review_item::Column::Decision, Expr::value(None::<String>))
        .col_expr(review_item::Column::NewRole, Expr::value(None::<String>))
        .col_expr(review_item::Column::DecidedBy, Expr::value(None::<Uuid>))
        .col_expr(review_item::Column::DecidedAtMs, Expr::value(None::<i64>))
        .col_expr(review_item::Column::NoteId, Expr::value(None::<Uuid>))
        .col_expr(review_item::Column::ActId, Expr::value(None::<Uuid>))
        .col_expr(review_item::Column::State, Expr::value(State::Pending.word()))
}
