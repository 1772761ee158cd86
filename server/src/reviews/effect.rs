//! What a decision does: the grant goes, or the role is another, and the sessions that hang on it end. The same few statements for one item and
//! for ten thousand, inside the transaction of the decision.

mod leavers;

use std::collections::BTreeSet;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use time::OffsetDateTime;
use uuid::Uuid;

use super::hanging;
use super::words::{Decision, Kind, State};
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{account, calendar_key, help_grant, invitation, membership, reach, review_item, session, token};
use crate::guard::Change;
use crate::identity::{Accounts, Refusal};
use crate::mail::{Letter, queue};
use crate::organisations::{members, names, roles};

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) items: u64,
    pub(crate) sessions: u64,
    pub(crate) events: Vec<Event>,
}

/// Some decided items of one change.
struct Those<'a> {
    change: &'a Change,
    which: Condition,
}

impl Those<'_> {
    fn of(&self, decision: Decision, kinds: &[Kind]) -> sea_orm::Select<review_item::Entity> {
        review_item::Entity::find()
            .filter(review_item::Column::TenantId.eq(self.change.tenant().0))
            .filter(self.which.clone())
            .filter(review_item::Column::State.eq(State::Decided.word()))
            .filter(review_item::Column::Decision.eq(decision.word()))
            .filter(review_item::Column::Kind.is_in(kinds.iter().map(|kind| kind.word())))
    }

    fn column(&self, decision: Decision, kinds: &[Kind], column: review_item::Column) -> SelectStatement {
        self.of(decision, kinds).filter(column.is_not_null()).select_only().column(column).into_query()
    }

    fn people(&self, decision: Decision, kinds: &[Kind]) -> SelectStatement {
        self.column(decision, kinds, review_item::Column::AccountId)
    }
}

/// Does what was decided about these items, as far as it is not done yet.
///
/// # Errors
/// [`Refusal::Conflict`] when nobody would be left who can manage the members.
pub(crate) async fn apply(
    change: &Change,
    accounts: &Accounts,
    which: Condition,
    now: OffsetDateTime,
) -> Result<Done, Refusal> {
    let those = Those { change, which };
    let revoked = change.all(those.of(Decision::Revoke, Kind::ALL)).await?;
    let changed = change.all(those.of(Decision::Change, &[Kind::Membership, Kind::Invitation])).await?;
    let mut done = Done { items: (revoked.len() + changed.len()) as u64, ..Done::default() };
    if done.items == 0 {
        return Ok(done);
    }
    let members = revoked.iter().chain(&changed).any(|row| row.kind == Kind::Membership.word());
    let before = if members { roles::administrators(change, &accounts.profile).await? } else { 0 };
    if !revoked.is_empty() {
        done.sessions += revoke(&those, accounts, &revoked, now).await?;
    }
    if !changed.is_empty() {
        done.sessions += change_roles(&those, &changed, now).await?;
    }
    if before > 0 && roles::administrators(change, &accounts.profile).await? == 0 {
        return Err(Refusal::Conflict(
            "Nobody would be left who can manage the members. Give somebody else such a role first.".into(),
        ));
    }
    settle(&those, now).await?;
    hanging::of_these(change, &revoked).await?;
    done.events.extend(revoked.iter().map(|row| told(row, Decision::Revoke)));
    done.events.extend(changed.iter().map(|row| told(row, Decision::Change)));
    Ok(done)
}

/// The items say that it is done.
async fn settle(those: &Those<'_>, now: OffsetDateTime) -> Result<(), Refusal> {
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::State, Expr::value(State::Applied.word()))
        .col_expr(review_item::Column::AppliedAtMs, Expr::value(Some(to_ms(now))))
        .filter(those.which.clone())
        .filter(review_item::Column::State.eq(State::Decided.word()))
        .filter(review_item::Column::Decision.is_in([Decision::Revoke.word(), Decision::Change.word()]));
    those.change.update(set).await?;
    Ok(())
}

async fn revoke(
    those: &Those<'_>,
    accounts: &Accounts,
    revoked: &[review_item::Model],
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let change = those.change;
    let kinds: BTreeSet<Kind> = revoked.iter().map(|row| Kind::stored(&row.kind)).collect();
    let mut sessions = 0;
    if kinds.contains(&Kind::Membership) {
        leave(those, accounts, revoked, now).await?;
    }
    // Sessions hang on a person and not on an organisation: whoever has others signs in again.
    let through = [Kind::Membership, Kind::Help, Kind::Reach];
    if through.iter().any(|kind| kinds.contains(kind)) {
        let rows = change.unscoped("the sessions that hang on the grants that go");
        let ended = session::Column::AccountId.in_subquery(those.people(Decision::Revoke, &through));
        sessions = rows.delete(session::Entity::delete_many().filter(ended)).await?;
    }
    if kinds.contains(&Kind::Reach) {
        reaches(those).await?;
    }
    if kinds.contains(&Kind::Invitation) {
        invitations(those).await?;
    }
    if kinds.contains(&Kind::Token) {
        let gone = calendar_key::Column::AccountId.in_subquery(those.people(Decision::Revoke, &[Kind::Token]));
        change.delete(calendar_key::Entity::delete_many().filter(gone)).await?;
    }
    if kinds.contains(&Kind::Help) || kinds.contains(&Kind::Membership) {
        memberships(those, now).await?;
    }
    Ok(sessions)
}

/// Each gets a receipt and is told, and no link leads back to their account.
async fn leave(
    those: &Those<'_>,
    accounts: &Accounts,
    revoked: &[review_item::Model],
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let rows =
        those.change.unscoped("the addresses of those whose access ends, and the links that lead to their accounts");
    let people = || those.people(Decision::Revoke, &[Kind::Membership]);
    let leaving = account::Entity::find().filter(account::Column::Id.in_subquery(people()));
    let found: Arc<[names::Light]> = rows.all_as(names::Light::of(leaving)).await?.into();
    // Ten thousand letters are sealed while the database counts what goes.
    let (to, known) = (Arc::clone(&found), accounts.clone());
    let to = move || to.iter().map(|person| person.address(&known)).collect();
    let letters = queue::Sealing::begin(accounts, to, Letter::AccessEnded, now);
    leavers::receipts(those, accounts, (&found, revoked), now).await?;
    letters.put(rows).await?;
    rows.delete(token::Entity::delete_many().filter(token::Column::AccountId.in_subquery(people()))).await?;
    Ok(())
}

/// The rows themselves, by their whole key.
async fn reaches(those: &Those<'_>) -> Result<(), Refusal> {
    let pair = "(reach.account_id, reach.kind, reach.target)";
    let items = those.of(Decision::Revoke, &[Kind::Reach]).select_only().columns([
        review_item::Column::AccountId,
        review_item::Column::TargetKind,
        review_item::Column::TargetId,
    ]);
    let gone = Expr::cust(pair).in_subquery(items.into_query());
    those.change.delete(reach::Entity::delete_many().filter(gone)).await?;
    Ok(())
}

async fn invitations(those: &Those<'_>) -> Result<(), Refusal> {
    let change = those.change;
    let ids = || those.column(Decision::Revoke, &[Kind::Invitation], review_item::Column::TargetId);
    let links = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::TokenHash)
        .filter(invitation::Column::TenantId.eq(change.tenant().0))
        .filter(invitation::Column::Id.in_subquery(ids()));
    let rows = change.unscoped("the links of the invitations that go");
    let dead = token::Column::TokenHash.in_subquery(links.into_query());
    rows.delete(token::Entity::delete_many().filter(dead)).await?;
    change.delete(invitation::Entity::delete_many().filter(invitation::Column::Id.in_subquery(ids()))).await?;
    Ok(())
}

/// With a membership goes what hangs on it: reach, help, and the secret address of a calendar.
async fn memberships(those: &Those<'_>, now: OffsetDateTime) -> Result<(), Refusal> {
    let change = those.change;
    let people = || those.people(Decision::Revoke, &[Kind::Membership, Kind::Help]);
    change.delete(reach::Entity::delete_many().filter(reach::Column::AccountId.in_subquery(people()))).await?;
    let keys = calendar_key::Column::AccountId.in_subquery(people());
    change.delete(calendar_key::Entity::delete_many().filter(keys)).await?;
    let ended = help_grant::Entity::update_many()
        .col_expr(help_grant::Column::EndedAtMs, Expr::value(Some(to_ms(now))))
        .filter(help_grant::Column::AccountId.in_subquery(people()))
        .filter(help_grant::Column::EndedAtMs.is_null());
    change.update(ended).await?;
    let gone = membership::Column::AccountId.in_subquery(people());
    change.delete(membership::Entity::delete_many().filter(gone)).await?;
    Ok(())
}

/// One statement for each new role and whoever gave it.
async fn change_roles(those: &Those<'_>, changed: &[review_item::Model], now: OffsetDateTime) -> Result<u64, Refusal> {
    let change = those.change;
    let new: BTreeSet<(&str, Uuid)> =
        changed.iter().filter_map(|row| Some((row.new_role.as_deref()?, row.decided_by?))).collect();
    for (role, by) in new {
        let to = |kind: Kind, column| {
            let items = those
                .of(Decision::Change, &[kind])
                .filter(review_item::Column::NewRole.eq(role))
                .filter(review_item::Column::DecidedBy.eq(by));
            items.select_only().column(column).into_query()
        };
        let members = members::with_role(membership::Entity::update_many(), role, (by, now))
            .filter(membership::Column::Kind.eq("member"))
            .filter(membership::Column::AccountId.in_subquery(to(Kind::Membership, review_item::Column::AccountId)));
        change.update(members).await?;
        let invited = invitation::Entity::update_many()
            .col_expr(invitation::Column::Role, Expr::value(role))
            .filter(invitation::Column::Id.in_subquery(to(Kind::Invitation, review_item::Column::TargetId)));
        change.update(invited).await?;
    }
    let rows = change.unscoped("the sessions that hang on the roles that change");
    let people = those.people(Decision::Change, &[Kind::Membership]);
    let ended = session::Column::AccountId.in_subquery(people);
    Ok(rows.delete(session::Entity::delete_many().filter(ended)).await?)
}

/// What stands in the log beside the decision.
fn told(row: &review_item::Model, decision: Decision) -> Event {
    let person = row.account_id.unwrap_or_default();
    let thing = row.target_id.unwrap_or_default();
    let role = row.role.clone().unwrap_or_default();
    let event = match (decision, Kind::stored(&row.kind)) {
        (Decision::Change, Kind::Invitation) => Event::of(Action::RoleChanged, thing)
            .with("from", role)
            .with("to", row.new_role.clone().unwrap_or_default()),
        (Decision::Change, _) => Event::of(Action::RoleChanged, person)
            .with("from", role)
            .with("to", row.new_role.clone().unwrap_or_default()),
        (_, Kind::Membership | Kind::Seat) => Event::of(Action::MemberOffboarded, person).with("role", role),
        (_, Kind::Help) => Event::of(Action::HelpEnded, person).with("role", role),
        (_, Kind::Reach) => Event::of(Action::ReachWithdrawn, person).with("target", thing.to_string()),
        (_, Kind::Invitation) => Event::of(Action::InvitationWithdrawn, thing).with("role", role),
        (_, Kind::Token) => Event::of(Action::CalendarClosed, person),
    };
    event.with("review", row.review_id.to_string()).with("item", row.id.to_string())
}
