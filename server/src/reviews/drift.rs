//! What is, compared with what was found and with what was decided. A difference that contradicts a decision is a drift: it has a name, and a
//! review is not closed over it.

use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{self, Bench};
use super::decide::{handed_over, named};
use super::items::{Item, described, mailbox_of, of_review};
use super::rules::{Barred, Subject};
use super::words::{Decision, Kind, State, Status};
use super::{effect, ended, no_item, notes};
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{calendar_key, custom_role, invitation, membership, reach, review, review_item};
use crate::guard::{Allowed, Change, Reads, Right, TenantDb, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// Drifts that are named.
const MOST: u64 = 100;

/// How what is differs from what was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was to stay, and is gone.
    Gone,
    /// It was to stay as it was, and has another role.
    OtherRole,
    /// It was taken away, and somebody gave it again.
    Back,
    /// It was to have a role that there is no more.
    NoSuchRole,
}

impl How {
    pub const fn said(self) -> &'static str {
        match self {
            Self::Gone => "was to be kept, and is gone",
            Self::OtherRole => "has another role than was decided",
            Self::Back => "was taken away, and was given again",
            Self::NoSuchRole => "was to have a role that is gone",
        }
    }
}

/// One drift.
#[derive(Clone, Debug)]
pub struct Drift {
    pub how: How,
    pub item: Item,
}

/// Drifts that a refusal names.
const NAMED: usize = 5;

/// One drift in words.
pub(crate) fn in_words(who: &str, kind: Kind, how: How) -> String {
    format!("{who} ({}) {}", kind.said().to_lowercase(), how.said())
}

/// A review is not closed over what differs: the first of it by name, and how much more there is.
pub(crate) fn differs(each: impl ExactSizeIterator<Item = String>) -> Refusal {
    let more = each.len().saturating_sub(NAMED);
    let said = each.take(NAMED).collect::<Vec<_>>().join("; ");
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Refusal::Conflict(format!("What is differs from what was decided: {said}{more}. Settle that first."))
}

/// What cannot be done again.
pub(crate) fn not_again() -> Refusal {
    Refusal::Conflict("This cannot be done again. Accept it with a reason, or decide anew.".into())
}

/// Nothing is to be settled.
pub(crate) fn no_drift() -> Refusal {
    Refusal::Conflict("Nothing differs here from what was decided.".into())
}

fn sql(text: &str) -> SimpleExpr {
    Expr::cust(text.to_owned())
}

/// Whether the grant of an item is there.
pub(crate) fn there() -> Condition {
    let here = "x.tenant_id = review_item.tenant_id";
    let person = "x.account_id = review_item.account_id";
    let exists = |kind: Kind, table: &str, by: &str| {
        let row = sql(&format!("exists (select 1 from {table} x where {here} and {by})"));
        Condition::all().add(review_item::Column::Kind.eq(kind.word())).add(row)
    };
    let target = "x.account_id = review_item.account_id and x.kind = review_item.target_kind and x.target = review_item.target_id";
    Condition::any()
        .add(exists(Kind::Membership, "membership", &format!("{person} and x.kind = 'member'")))
        .add(exists(Kind::Help, "membership", &format!("{person} and x.kind = 'help'")))
        .add(exists(Kind::Reach, "reach", target))
        .add(exists(Kind::Invitation, "invitation", "x.id = review_item.target_id"))
        .add(exists(Kind::Token, "calendar_key", person))
}

/// Whether it has the role of this column.
fn has_role(column: &str) -> Condition {
    let same = |kind: Kind, table: &str, by: &str| {
        let row = sql(&format!(
            "exists (select 1 from {table} x where x.tenant_id = review_item.tenant_id and {by} and x.role = review_item.{column})"
        ));
        Condition::all().add(review_item::Column::Kind.eq(kind.word())).add(row)
    };
    Condition::any()
        .add(same(Kind::Membership, "membership", "x.account_id = review_item.account_id"))
        .add(same(Kind::Help, "membership", "x.account_id = review_item.account_id"))
        .add(same(Kind::Invitation, "invitation", "x.id = review_item.target_id"))
        .add(review_item::Column::Kind.is_in([Kind::Reach.word(), Kind::Token.word()]))
}

fn decided(decision: Decision) -> Condition {
    Condition::all().add(review_item::Column::Decision.eq(decision.word()))
}

/// Every way to differ, with the items that do. `known` are the roles that there are.
pub(crate) fn kinds(known: &[String]) -> [(How, Condition); 6] {
    let state = |state: State| review_item::Column::State.eq(state.word());
    let keep = || decided(Decision::Keep).add(state(State::Decided));
    let to_change = || decided(Decision::Change).add(state(State::Decided));
    let change = || decided(Decision::Change).add(state(State::Applied));
    let gone_role = review_item::Column::NewRole.is_not_in(known.iter().map(String::as_str));
    [
        (How::Gone, keep().add(there().not())),
        (How::OtherRole, keep().add(there()).add(has_role("role").not())),
        (How::Back, decided(Decision::Revoke).add(state(State::Applied)).add(there())),
        (How::Gone, Condition::all().add(Condition::any().add(change()).add(to_change())).add(there().not())),
        (How::OtherRole, change().add(there()).add(has_role("new_role").not())),
        (How::NoSuchRole, to_change().add(there()).add(gone_role)),
    ]
}

/// The names of all roles.
pub(crate) async fn known_roles(rows: &impl Reads, accounts: &Accounts) -> Result<Vec<String>, Refusal> {
    let own = rows.rows(custom_role::Entity::find()).await?.into_iter().map(|row| row.name);
    Ok(accounts.profile.roles.keys().cloned().chain(own).collect())
}

/// The drifts of a review, by item.
pub(crate) async fn found(
    rows: &impl Reads,
    accounts: &Accounts,
    review: Uuid,
) -> Result<Vec<(How, review_item::Model)>, Refusal> {
    let known = known_roles(rows, accounts).await?;
    let mut all = Vec::new();
    for (how, which) in kinds(&known) {
        let items = review_item::Entity::find()
            .filter(of_review(review))
            .filter(which)
            .order_by_asc(review_item::Column::Id)
            .limit(MOST);
        all.extend(rows.rows(items).await?.into_iter().map(|row| (how, row)));
    }
    Ok(all)
}

/// The drifts of a review as people read them; at most a hundred of each kind.
///
/// # Errors
/// When the database does not answer.
pub async fn drift<R: Right>(reader: &Allowed<R>, accounts: &Accounts, review: Uuid) -> Result<Vec<Drift>, Refusal> {
    let view = reader.read().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(review))).await? else {
        return Ok(Vec::new());
    };
    of(&view, accounts, &row).await
}

pub(crate) async fn of(view: &TenantDb, accounts: &Accounts, row: &review::Model) -> Result<Vec<Drift>, Refusal> {
    let bench = Bench::of(view, accounts, row).await?;
    let (how, items): (Vec<How>, Vec<_>) = found(view, accounts, row.id).await?.into_iter().unzip();
    let items = described(view, accounts, &bench, row, items, None).await?;
    Ok(how.into_iter().zip(items).map(|(how, item)| Drift { how, item }).collect())
}

/// Settles one drift: what is, is accepted with a reason; or what was decided is done again.
///
/// # Errors
/// [`Refusal::Conflict`] when nothing differs, or the rules do not let this person decide about it; [`Refusal::Field`] without a reason.
pub async fn resolve(
    manager: &Allowed<rights::ReviewsManage>,
    accounts: &Accounts,
    (item, again): (&str, bool),
    note: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    let note = crate::organisations::members::short("note", note)?;
    let ended = ended::at(&manager.read().await?, accounts, id).await?;
    let change = manager.begin(accounts, origin).await?;
    let (review, row) = named(&change, id).await?;
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen.into());
    }
    let how = how(&change, accounts, &row).await?;
    let how = how.ok_or_else(no_drift)?;
    apart(&change, accounts, &review, &row, manager.account.0).await?;
    let written = notes::reason(&change, &review, Some(id), manager.account.0, Some(&note), now).await?;
    let done = if again { repeat(&change, accounts, &row, how, now).await? } else { Vec::new() };
    let state = match (again, how) {
        (true, _) => State::Applied,
        (false, How::Gone) => State::Gone,
        (false, How::OtherRole | How::Back | How::NoSuchRole) => State::Changed,
    };
    // The decision and its own reason stay what they were: this says why what is may differ from it.
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::State, Expr::value(state.word()))
        .col_expr(review_item::Column::SettledBy, Expr::value(Some(manager.account.0)))
        .col_expr(review_item::Column::SettledAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(review_item::Column::SettledNoteId, Expr::value(written.map(|note| note.id)))
        .col_expr(review_item::Column::EndedAtMs, Expr::value(ended.filter(|_| how == How::Gone)))
        .filter(review_item::Column::Id.eq(id));
    change.update(set).await?;
    let event = Event::of(Action::DriftResolved, id)
        .with("review", review.id.to_string())
        .with("how", how.said())
        .with("again", if again { "yes" } else { "no" })
        .over(notes::digest_of(written));
    change.commit_all(event, done, now).await?;
    handed_over(manager, accounts, &row, now).await
}

/// Nobody settles what differs about their own access.
async fn apart(
    change: &Change,
    accounts: &Accounts,
    review: &review::Model,
    row: &review_item::Model,
    account: Uuid,
) -> Result<(), Refusal> {
    let bench = Bench::of(change, accounts, review).await?;
    let mailbox = mailbox_of(change, change.ring(), accounts, row).await?;
    let subject = Subject { account: row.account_id, mailbox: mailbox.as_deref() };
    let decider = bench::decider(change, accounts, &bench, review, account, &[subject].into_iter().collect()).await?;
    Ok(decider.stands_apart(&subject)?)
}

async fn how(change: &Change, accounts: &Accounts, row: &review_item::Model) -> Result<Option<How>, Refusal> {
    let known = known_roles(change, accounts).await?;
    for (how, which) in kinds(&known) {
        let one = review_item::Entity::find().filter(review_item::Column::Id.eq(row.id)).filter(which);
        if change.count(one).await? > 0 {
            return Ok(Some(how));
        }
    }
    Ok(None)
}

/// Does once more what was decided: takes away what was given again, or sets the role that was decided.
async fn repeat(
    change: &Change,
    accounts: &Accounts,
    row: &review_item::Model,
    how: How,
    now: OffsetDateTime,
) -> Result<Vec<Event>, Refusal> {
    match how {
        How::Back => {}
        How::OtherRole if row.decision.as_deref() == Some(Decision::Change.word()) => {}
        How::Gone | How::OtherRole | How::NoSuchRole => return Err(not_again()),
    }
    let one = Condition::all().add(review_item::Column::Id.eq(row.id));
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::State, Expr::value(State::Decided.word()))
        .filter(one.clone());
    change.update(set).await?;
    Ok(effect::apply(change, accounts, one, now).await?.events)
}

/// What changed since the population was taken down.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Since {
    /// Grants that were given since.
    pub added: u64,
    /// Items whose grant is gone, and was not taken away by this review.
    pub gone: u64,
    /// Items whose role is another, and was not changed by this review.
    pub changed: u64,
}

/// What changed since a review began, counted.
///
/// # Errors
/// When the database does not answer.
pub async fn since<R: Right>(reader: &Allowed<R>, review: Uuid) -> Result<Since, Refusal> {
    let view = reader.read().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(review))).await? else {
        return Ok(Since::default());
    };
    counted(&view, &row).await
}

pub(crate) async fn counted(view: &TenantDb, row: &review::Model) -> Result<Since, Refusal> {
    if row.state != Status::Open.word() {
        let outcome = super::close::Outcome::of(row);
        return Ok(outcome.map(|outcome| outcome.since).unwrap_or_default());
    }
    let items = |which: Condition| review_item::Entity::find().filter(of_review(row.id)).filter(which);
    let untouched = Condition::all().add(review_item::Column::State.ne(State::Applied.word()));
    // What hung on a membership that was taken away here went with it, by a decision here.
    let alone = untouched.clone().add(super::hanging::went_along(view.tenant(), row.id).not());
    let began = row.opened_at_ms.unwrap_or_else(|| to_ms(OffsetDateTime::UNIX_EPOCH));
    Ok(Since {
        added: added(view, row, began).await?,
        gone: view.count(items(alone.add(there().not()))).await?,
        changed: view.count(items(untouched.add(there()).add(has_role("role").not()))).await?,
    })
}

/// What was given since it began. Reach has no time of its own: what no item stands for is new, where the review is about everything.
async fn added(view: &TenantDb, row: &review::Model, began: i64) -> Result<u64, Refusal> {
    let review = row.id;
    let members = membership::Entity::find().filter(membership::Column::SinceMs.gt(began));
    let invited = invitation::Entity::find().filter(invitation::Column::MadeAtMs.gt(began));
    let keys = calendar_key::Entity::find().filter(calendar_key::Column::MadeAtMs.gt(began));
    let known = review_item::Entity::find()
        .filter(review_item::Column::TenantId.eq(row.tenant_id))
        .filter(of_review(review))
        .filter(review_item::Column::Kind.eq(Kind::Reach.word()));
    let targets = sea_orm::QueryTrait::into_query(
        known.select_only().columns([review_item::Column::AccountId, review_item::Column::TargetId]),
    );
    let reaches = reach::Entity::find();
    let reaches = if row.scope == "all" {
        reaches.filter(sql("(reach.account_id, reach.target)").in_subquery(targets).not())
    } else {
        reaches.filter(sql("1 = 0"))
    };
    Ok(view.count(members).await? + view.count(invited).await? + view.count(keys).await? + view.count(reaches).await?)
}
