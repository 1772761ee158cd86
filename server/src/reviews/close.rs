//! The end of a review: silence is heard, what was decided is done, and what is has to equal what was decided. One transaction: what is killed
//! in the middle has not begun.

use sea_orm::sea_query::{CaseStatement, Expr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::campaigns::Counts;
use super::drift::{self, Since};
use super::items::of_review;
use super::rules::of_silence;
use super::taking::Beyond;
use super::words::{Advice, Decision, Kind, Silence, State, Status};
use super::{alone, effect, hanging, mine, no_review, open};
use crate::audit::heads;
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{account, membership, review, review_item};
use crate::guard::{Actor, Allowed, Change, Operator, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::{names, roles};

/// What came of a review, kept with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub counts: Counts,
    /// Decided by nobody.
    pub silent: u64,
    /// Kept although silence said otherwise, because nobody would have been left who can manage the members.
    pub spared: u64,
    /// Decided after the last day.
    pub late: u64,
    /// Privileged grants when it began, and how many of them stayed.
    pub privileged: u64,
    pub privileged_kept: u64,
    pub since: Since,
    pub sessions: u64,
    /// From the beginning until half of what people decided was decided.
    pub median_decide_ms: Option<i64>,
}

impl Outcome {
    pub(crate) fn of(row: &review::Model) -> Option<Self> {
        row.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }
}

/// Closes a review.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not open, or something differs from what was decided: then what, and of whom. Nothing is done.
pub async fn close(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    review: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Outcome, Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let before = {
        let view = manager.read().await?;
        let row = view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await?.ok_or_else(no_review)?;
        drift::counted(&view, &row).await?
    };
    let change = manager.begin(accounts, origin).await?;
    let beyond = Beyond::of(&change, accounts, manager.here()).await?;
    let outcome = closed(change, accounts, (id, before), (manager.actor(), Some(beyond)), now).await?;
    accounts.bell.notify_one();
    // So that what is taken along can be verified at once.
    heads::sign_now(&manager.schedule(), &accounts.vault, manager.here().tenant, now).await?;
    Ok(outcome)
}

/// The same by the clock, of a review that is to close by itself.
///
/// # Errors
/// As when somebody closes it.
pub(crate) async fn by_itself(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Outcome, Refusal> {
    let before = {
        let view = operator.view(tenant).await?;
        let row = view.one(review::Entity::find().filter(review::Column::Id.eq(id))).await?.ok_or_else(no_review)?;
        let differing = drift::of(&view, accounts, &row).await?;
        if !differing.is_empty() {
            // Nothing is begun over what is known to differ: it is looked at again and again until that is settled.
            let named = differing.iter().map(|one| drift::in_words(&one.item.who, one.item.kind, one.how));
            return Err(drift::differs(named));
        }
        drift::counted(&view, &row).await?
    };
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let outcome = closed(change, accounts, (id, before), (Actor::System, None), now).await?;
    heads::sign_now(operator, &accounts.vault, tenant, now).await?;
    Ok(outcome)
}

async fn closed(
    change: Change,
    accounts: &Accounts,
    (id, since): (Uuid, Since),
    (by, beyond): (Actor, Option<Beyond>),
    now: OffsetDateTime,
) -> Result<Outcome, Refusal> {
    let row = open::held(&change, id).await?;
    if row.state != Status::Open.word() {
        return Err(Refusal::Conflict("This review is not open, so it cannot be closed.".into()));
    }
    let closing = Closing { change: &change, accounts, row: &row, now };
    let mut outcome = Outcome { since, ..Outcome::default() };
    closing.vanished().await?;
    (outcome.silent, outcome.spared) = closing.silence().await?;
    if let Some(beyond) = beyond {
        beyond.silent(&change, id).await?;
    }
    hanging::ended(&change, id, Condition::all()).await?;
    closing.equals().await?;
    let done = effect::apply(&change, accounts, of_review(id), now).await?;
    closing.equals().await?;
    closing.count(&mut outcome).await?;
    outcome.sessions = done.sessions;
    closing.seal(&outcome, by).await?;
    let event = told(&row, &outcome);
    change.commit_all(event, done.events, now).await?;
    Ok(outcome)
}

fn told(row: &review::Model, outcome: &Outcome) -> Event {
    let Counts { items, keep, revoke, change, gone, changed, ended, .. } = outcome.counts;
    Event::of(Action::ReviewClosed, row.id)
        .with("items", items.to_string())
        .with("keep", keep.to_string())
        .with("revoke", revoke.to_string())
        .with("change", change.to_string())
        .with("gone", gone.to_string())
        .with("changed", changed.to_string())
        .with("ended", ended.to_string())
        .with("silent", outcome.silent.to_string())
        .with("alone", outcome.counts.alone.to_string())
        .with("late", outcome.late.to_string())
        .with("population-sha256", row.population_sha256.clone().unwrap_or_default())
}

struct Closing<'a> {
    change: &'a Change,
    accounts: &'a Accounts,
    row: &'a review::Model,
    now: OffsetDateTime,
}

impl Closing<'_> {
    fn pending(&self) -> Condition {
        mine::pending(self.row.id)
    }

    /// What nobody decided on because nobody could: the report says so of each.
    async fn alone(&self) -> Result<(), Refusal> {
        let bench = Bench::of(self.change, self.accounts, self.row).await?;
        let alone = alone::alone(self.change, self.accounts, &bench, self.row).await?;
        if alone.is_empty() {
            return Ok(());
        }
        let set = review_item::Entity::update_many()
            .col_expr(review_item::Column::Alone, Expr::value(1_i32))
            .filter(self.pending())
            .filter(alone);
        self.change.update(set).await?;
        Ok(())
    }

    /// What nobody decided on and is gone: there is nothing to decide any more, and nothing contradicts it.
    async fn vanished(&self) -> Result<(), Refusal> {
        let set = review_item::Entity::update_many()
            .col_expr(review_item::Column::State, Expr::value(State::Gone.word()))
            .filter(self.pending())
            .filter(drift::there().not());
        self.change.update(set).await?;
        Ok(())
    }

    /// What nobody decided on is decided by what was agreed. How much that was, and what was spared.
    async fn silence(&self) -> Result<(u64, u64), Refusal> {
        self.alone().await?;
        let silence = Silence::stored(&self.row.silence);
        let advised = |advice: Advice| Expr::value(of_silence(silence, advice).word());
        let word = CaseStatement::new()
            .case(review_item::Column::Advice.eq(Advice::Revoke.word()), advised(Advice::Revoke))
            .finally(advised(Advice::Keep));
        let set = review_item::Entity::update_many()
            .col_expr(review_item::Column::Decision, word.into())
            .col_expr(review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(self.now))))
            .col_expr(review_item::Column::Silent, Expr::value(1_i32))
            .col_expr(review_item::Column::State, Expr::value(State::Decided.word()))
            .filter(self.pending());
        let silent = self.change.update(set).await?;
        let spared = self.spare().await?;
        self.follow().await?;
        Ok((silent, spared))
    }

    /// What nobody decided on and hangs on a membership that goes, goes with it: silence never contradicts a decision.
    async fn follow(&self) -> Result<(), Refusal> {
        let goes = review_item::Entity::find()
            .filter(review_item::Column::TenantId.eq(self.row.tenant_id))
            .filter(of_review(self.row.id))
            .filter(review_item::Column::Kind.is_in([Kind::Membership.word(), Kind::Help.word()]))
            .filter(review_item::Column::Decision.eq(Decision::Revoke.word()))
            .filter(review_item::Column::State.eq(State::Decided.word()))
            .select_only()
            .column(review_item::Column::AccountId)
            .into_query();
        let set = review_item::Entity::update_many()
            .col_expr(review_item::Column::Decision, Expr::value(Some(Decision::Revoke.word())))
            .filter(of_review(self.row.id))
            .filter(review_item::Column::Kind.is_in([Kind::Reach.word(), Kind::Token.word()]))
            .filter(review_item::Column::Silent.eq(1))
            .filter(review_item::Column::AccountId.in_subquery(goes));
        self.change.update(set).await?;
        Ok(())
    }

    /// Silence takes nobody away whom an organisation cannot do without.
    async fn spare(&self) -> Result<u64, Refusal> {
        let managing =
            roles::with(self.change, &self.accounts.profile, contract::permission::Permission::MembersManage).await?;
        let goes = of_review(self.row.id)
            .add(review_item::Column::Kind.eq(Kind::Membership.word()))
            .add(review_item::Column::Decision.eq(Decision::Revoke.word()))
            .add(review_item::Column::State.eq(State::Decided.word()));
        let going = review_item::Entity::find().filter(goes.clone());
        let going: Vec<Uuid> = self.change.all(going).await?.into_iter().filter_map(|row| row.account_id).collect();
        if going.is_empty() {
            return Ok(0);
        }
        let administrators = membership::Entity::find()
            .filter(membership::Column::Kind.eq("member"))
            .filter(membership::Column::Role.is_in(managing));
        let stay = self.change.all(administrators.clone()).await?;
        if stay.is_empty() || stay.iter().any(|row| !going.contains(&row.account_id)) {
            return Ok(0);
        }
        let set = review_item::Entity::update_many()
            .col_expr(review_item::Column::Decision, Expr::value(Some(Decision::Keep.word())))
            .filter(goes)
            .filter(review_item::Column::Silent.eq(1))
            .filter(review_item::Column::AccountId.is_in(stay.iter().map(|row| row.account_id)));
        Ok(self.change.update(set).await?)
    }

    /// What is equals what was decided, or a refusal that names what differs.
    async fn equals(&self) -> Result<(), Refusal> {
        let found = drift::found(self.change, self.accounts, self.row.id).await?;
        if found.is_empty() {
            return Ok(());
        }
        let people = found.iter().filter_map(|(_, row)| row.account_id);
        let people = account::Entity::find().filter(account::Column::Id.is_in(people));
        let rows = self.change.unscoped("the names of those whose access differs from what was decided");
        let named = rows.all(people).await?;
        let named = named.iter().map(|row| (row.id, names::open(self.accounts, row))).collect();
        Err(drift::differs(found.iter().map(|(how, row)| {
            let kind = Kind::stored(&row.kind);
            let who = row.account_id.map_or_else(|| kind.said().to_owned(), |id| names::called(&named, id));
            drift::in_words(&who, kind, *how)
        })))
    }

    async fn count(&self, outcome: &mut Outcome) -> Result<(), Refusal> {
        let of = |which: Condition| review_item::Entity::find().filter(of_review(self.row.id)).filter(which);
        let decision = |decision: Decision| Condition::all().add(review_item::Column::Decision.eq(decision.word()));
        let state = |state: State| Condition::all().add(review_item::Column::State.eq(state.word()));
        let change = self.change;
        outcome.counts = Counts {
            items: change.count(of(Condition::all())).await?,
            pending: 0,
            keep: change.count(of(decision(Decision::Keep))).await?,
            revoke: change.count(of(decision(Decision::Revoke))).await?,
            change: change.count(of(decision(Decision::Change))).await?,
            applied: change.count(of(state(State::Applied))).await?,
            gone: change.count(of(state(State::Gone))).await?,
            changed: change.count(of(state(State::Changed))).await?,
            ended: change.count(of(state(State::Ended))).await?,
            ended_otherwise: change
                .count(of(state(State::Gone).add(review_item::Column::Decision.is_not_null())))
                .await?,
            alone: change.count(of(decision(Decision::Keep).add(review_item::Column::Alone.eq(1)))).await?,
        };
        let late = Condition::all()
            .add(review_item::Column::DecidedAtMs.gt(self.row.due_at_ms))
            .add(review_item::Column::Silent.eq(0));
        outcome.late = change.count(of(late)).await?;
        let privileged = || Condition::all().add(review_item::Column::Privileged.eq(1));
        outcome.privileged = change.count(of(privileged())).await?;
        outcome.privileged_kept = change.count(of(privileged().add(drift::there()))).await?;
        outcome.median_decide_ms = self.median().await?;
        Ok(())
    }

    /// How long it took until half of what people decided was decided.
    async fn median(&self) -> Result<Option<i64>, Refusal> {
        let decided = review_item::Entity::find()
            .filter(of_review(self.row.id))
            .filter(review_item::Column::DecidedBy.is_not_null());
        let number = self.change.count(decided.clone()).await?;
        let middle = decided.order_by_asc(review_item::Column::DecidedAtMs).offset(number / 2).limit(1);
        let at = self.change.one(middle).await?.and_then(|row| row.decided_at_ms);
        Ok(at.zip(self.row.opened_at_ms).map(|(at, began)| at - began))
    }

    async fn seal(&self, outcome: &Outcome, by: Actor) -> Result<(), Refusal> {
        let person = match by {
            Actor::Person(account) | Actor::Operator(account) => Some(account.0),
            Actor::System => None,
        };
        let set = review::Entity::update_many()
            .col_expr(review::Column::State, Expr::value(Status::Closed.word()))
            .col_expr(review::Column::ClosedAtMs, Expr::value(Some(to_ms(self.now))))
            .col_expr(review::Column::ClosedBy, Expr::value(person))
            .col_expr(review::Column::Outcome, Expr::value(serde_json::to_string(outcome).ok()))
            .filter(review::Column::Id.eq(self.row.id))
            .filter(review::Column::State.eq(Status::Open.word()));
        self.change.update(set).await?;
        Ok(())
    }
}
