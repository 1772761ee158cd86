//! Two who act at the same moment, and a last day that passes meanwhile: each ends in a state that the report explains.

use server::guard::rights;
use server::identity::Refusal;
use server::organisations::{leaving, roles, upkeep};
use server::reviews::{self, Form, How, ManyForm, Outcome, Report, State, Status};
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use super::deciding::{REVIEWER, REVIEWS};
use super::*;
use crate::entries::Log;

async fn close(world: &World, by: &Somebody, review: Uuid) -> Result<Outcome, Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::close(&manager, world.accounts(), &review.to_string(), &here(), world.now).await
}

async fn report(world: &World, by: &Somebody, review: Uuid) -> Report {
    let reader = may::<rights::ReviewsRead>(world, by).await;
    reviews::report(&reader, world.accounts(), review, world.now).await.expect("database").expect("the review")
}

async fn offboard(world: &World, by: &Somebody, member: &Somebody) -> Result<(), Refusal> {
    let manager = may::<rights::MembersManage>(world, by).await;
    let form = leaving::Form { member: &member.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.map(|_| ())
}

async fn members(world: &World) -> Vec<Uuid> {
    use sea_orm::ConnectionTrait;
    let database = world.behind().await;
    let rows = database.query_all_raw(statement(&database, "select account_id from membership", Vec::new())).await;
    let rows = rows.expect("members").iter().map(|row| row.try_get_by_index(0).expect("an id")).collect();
    database.close().await.expect("close");
    rows
}

#[tokio::test]
async fn a_last_day_that_passes_while_a_decision_is_saved_leaves_a_decision_and_an_escalation() {
    for (mode, plain) in MODES {
        // Asked for in the last moment, and asked for when the day was over; at the same time the clock's round finds it overdue.
        for (after, late) in [(Duration::ZERO, 0), (Duration::milliseconds(1), 1)] {
            let mut world = world(mode).await;
            let ada = ada(&world).await;
            let grace = joins(&world, &ada, GRACE, plain).await;
            let id = review(&world, &ada).await;
            let due = campaign(&world, &ada, id).await.due;
            world.now = due + after;
            let ada = ada.again(&world).await;
            let item = item_of(&world, &ada, id, &grace).await.id;
            let operator = world.operator();
            let (saved, round) = tokio::join!(
                decide(&world, &ada, item, "revoke", None, Some("Not needed any more")),
                upkeep::all(&operator, world.accounts(), due + Duration::SECOND)
            );
            saved.expect("saved");
            assert_eq!(round.expect("round").broken, 0, "{mode}");
            world.now = due + Duration::SECOND;
            let told = report(&world, &ada, id).await;
            assert_eq!((told.late, told.campaign.overdue), (late, true), "{mode}");
            assert_eq!(told.campaign.escalated, Some(due + Duration::SECOND), "{mode}");
            let item = item_of(&world, &ada, id, &grace).await;
            assert_eq!((item.state, item.decided_at), (State::Applied, Some(due + after)), "{mode}");
            close(&world, &ada, id).await.expect("close");
            let told = report(&world, &ada, id).await;
            assert_eq!((told.late, told.silent, told.campaign.counts.applied), (late, 1, 1), "{mode}");
        }
    }
}

#[tokio::test]
async fn a_decision_that_meets_the_closing_is_done_and_counted_or_refused() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let id = review(&world, &ada).await;
        let item = item_of(&world, &ada, id, &grace).await.id;
        let (decided, closed) = tokio::join!(revoke(&world, &ada, item), close(&world, &ada, id));
        let outcome = closed.expect("close");
        let there = members(&world).await.contains(&grace.account.0);
        match decided {
            Ok(()) => assert_eq!((there, outcome.counts.applied, outcome.silent), (false, 1, 1), "{mode}"),
            Err(Refusal::Conflict(said)) => {
                assert!(said.contains("not open"), "{mode}: {said}");
                assert_eq!((there, outcome.counts.applied, outcome.silent), (true, 0, 2), "{mode}");
            }
            Err(other) => unreachable!("{mode}: {other:?}"),
        }
        assert_eq!(report(&world, &ada, id).await.campaign.counts, outcome.counts, "{mode}");
    }
}

#[tokio::test]
async fn of_two_who_close_one_does_and_the_log_has_one_end() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        let id = review(&world, &ada).await;
        let (one, other) = tokio::join!(close(&world, &ada, id), close(&world, &ada, id));
        let refused = match (one, other) {
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
            both => unreachable!("{mode}: {both:?}"),
        };
        assert!(matches!(refused, Refusal::Conflict(_)), "{mode}: {refused:?}");
        let log = Log::read(&world, ada.tenant).await;
        assert_eq!(log.actions().iter().filter(|action| **action == "review-closed").count(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_person_removed_in_the_same_moment_is_kept_by_nobody() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let id = review(&world, &ada).await;
        let item = item_of(&world, &ada, id, &grace).await.id;
        let keep = decide(&world, &ada, item, "keep", None, Some("Needed"));
        let (kept, removed) = tokio::join!(keep, offboard(&world, &ada, &grace));
        removed.expect("removed");
        match kept {
            // Whoever was removed first is not there to be kept any more, and that is said.
            Err(Refusal::Conflict(said)) => {
                assert!(said.contains("gone already"), "{mode}: {said}");
                continue;
            }
            kept => kept.expect("kept"),
        }
        let told = report(&world, &ada, id).await;
        let drift: Vec<_> = told.drift.iter().map(|one| (one.how, one.item.id)).collect();
        assert_eq!((drift, told.since.gone), (vec![(How::Gone, item)], 1), "{mode}");
        let refused = close(&world, &ada, id).await;
        assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("Grace")), "{mode}: {refused:?}");
        assert_eq!(campaign(&world, &ada, id).await.status, Status::Open, "{mode}");
    }
}

#[tokio::test]
async fn a_person_removed_while_many_are_revoked_is_gone_once() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    world.crowd(ada.tenant, 20, &["Employee"]).await;
    let id = review(&world, &ada).await;
    let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
    let text = id.to_string();
    let form =
        ManyForm { review: &text, decision: "revoke", note: Some("Yearly"), sure: Some(21), ..ManyForm::default() };
    let origin = here();
    let many = reviews::decide_many(&reviewer, world.accounts(), &form, &origin, world.now);
    let (many, _) = tokio::join!(many, offboard(&world, &ada, &grace));
    assert_eq!(many.expect("revoked").decided, 21);
    assert_eq!(members(&world).await, [ada.account.0]);
    let told = report(&world, &ada, id).await;
    assert!(told.drift.is_empty() && told.campaign.counts.applied == 21, "{:?}", told.drift);
    assert_eq!(close(&world, &ada, id).await.expect("close").counts.applied, 21);
}

#[tokio::test]
async fn a_role_deleted_in_the_same_moment_is_held_by_nobody() {
    for effect in ["at_once", "at_close"] {
        let world = world("aertous").await;
        let ada = ada(&world).await;
        role(&world, &ada, "Visitor", "organisation_read").await;
        let grace = joins(&world, &ada, GRACE, "Employee").await;
        let id = open(&world, &ada, &Form { name: "Roles", due: DUE, effect, ..Form::default() }).await.expect("open");
        let item = item_of(&world, &ada, id, &grace).await.id;
        let remover = may::<rights::RolesManage>(&world, &ada).await;
        let origin = here();
        let (changed, deleted) = tokio::join!(
            decide(&world, &ada, item, "change", Some("Visitor"), None),
            roles::delete(&remover, world.accounts(), "Visitor", &origin, world.now)
        );
        let told = report(&world, &ada, id).await;
        let drift: Vec<_> = told.drift.iter().map(|one| one.how).collect();
        let role = item_of(&world, &ada, id, &grace).await.new_role;
        match (effect, changed, deleted) {
            // Whoever has the role keeps it from being deleted; a role that is gone cannot be given.
            ("at_once", Ok(()), Err(Refusal::Conflict(_))) => assert_eq!(role.as_deref(), Some("Visitor")),
            (_, Err(Refusal::Field("role", _)), Ok(())) => assert_eq!(role, None),
            ("at_close", Ok(()), Ok(())) => assert_eq!(drift, [How::NoSuchRole]),
            other => unreachable!("{other:?}"),
        }
        let closed = close(&world, &ada, id).await;
        assert_eq!(closed.is_ok(), drift.is_empty(), "{effect}: {closed:?}");
    }
}

#[tokio::test]
async fn of_two_bulk_acts_on_the_same_items_one_decides() {
    for mode in ["aertous", "stratuslog"] {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let plain = MODES.iter().find(|(known, _)| *known == mode).expect("a mode").1;
        role(&world, &ada, REVIEWER, REVIEWS).await;
        let grace = joins(&world, &ada, GRACE, REVIEWER).await;
        world.crowd(ada.tenant, 20, &[plain]).await;
        let scope = format!("role:{plain}");
        let form = Form { name: "Crowd", due: DUE, scope: &scope, effect: "at_close", ..Form::default() };
        let id = open(&world, &ada, &form).await.expect("open");
        let text = id.to_string();
        let form = |decision| ManyForm {
            review: &text,
            decision,
            note: Some("Yearly"),
            sure: Some(20),
            ..ManyForm::default()
        };
        let (first, second) = (form("revoke"), form("keep"));
        let (one, other) =
            (may::<rights::ReviewsDecide>(&world, &ada).await, may::<rights::ReviewsDecide>(&world, &grace).await);
        let origin = here();
        let (one, other) = tokio::join!(
            reviews::decide_many(&one, world.accounts(), &first, &origin, world.now),
            reviews::decide_many(&other, world.accounts(), &second, &origin, world.now)
        );
        let (revoked, kept) = (one.is_ok(), other.is_ok());
        assert!(revoked != kept, "{mode}: {one:?} {other:?}");
        let counts = campaign(&world, &ada, id).await.counts;
        let wanted = if revoked { (20, 0) } else { (0, 20) };
        assert_eq!((counts.revoke, counts.keep), wanted, "{mode}");
    }
}
