//! The vendor's own seats are reviewed the same way.

use server::controls::{Check, Seen, run};
use server::guard::Staff;
use server::identity::Refusal;
use server::operators;
use server::organisations::upkeep;
use server::reviews::seats::{self, SeatForm, SeatItem};
use server::reviews::{Barred, How, State, Status};
use server::testing::World;
use time::Duration;

use super::*;

pub const OLGA: &str = "olga@vendor.example";
pub const OTTO: &str = "otto@vendor.example";
pub const PETRA: &str = "petra@vendor.example";

pub async fn seat(world: &World, email: &str) -> Somebody {
    crate::operators::operator(world, email).await
}

pub async fn staff(world: &World, who: &Somebody) -> Staff {
    caller(world, who).await.staff().expect("staff")
}

pub async fn opened(world: &World, by: &Somebody) -> uuid::Uuid {
    let form = SeatForm { name: "Quarterly", due: DUE, silence: "" };
    seats::open(&staff(world, by).await, world.accounts(), &form, world.now).await.expect("open")
}

#[tokio::test]
async fn a_seat_that_is_revoked_is_gone_with_its_sessions_and_nobody_decides_on_their_own() {
    let world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    let (_, items) = seats::campaign(&by, world.accounts(), id, world.now).await.expect("database").expect("a review");
    let of = |who: &Somebody| items.iter().find(|item| item.account == who.account.0).expect("a seat").clone();
    assert_eq!(of(&olga).may_decide, Err(Barred::Own));
    let own = of(&olga).id.to_string();
    let refused = seats::decide(&by, world.accounts(), (&own, "keep"), Some("Of course"), world.now).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let other = of(&otto).id.to_string();
    let unexplained = seats::decide(&by, world.accounts(), (&other, "revoke"), None, world.now).await;
    assert!(matches!(unexplained, Err(Refusal::Field("note", _))), "{unexplained:?}");
    seats::decide(&by, world.accounts(), (&other, "revoke"), Some("Left the team"), world.now).await.expect("revoke");
    assert!(of_session(&world, otto.session).await.is_none());
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    let (review, items) = seats::campaign(&by, world.accounts(), id, world.now).await.expect("database").expect("it");
    assert_eq!(review.status, Status::Closed);
    let states: Vec<_> = items.iter().map(|item| (item.account == otto.account.0, item.state)).collect();
    assert!(states.contains(&(true, State::Applied)) && states.contains(&(false, State::Decided)), "{states:?}");
}

#[tokio::test]
async fn two_of_the_staff_do_not_decide_about_each_other_under_second_accounts_where_the_profile_forbids_it() {
    let strict =
        server::testing::profile("stratuslog", &[("operator_days = 90", "mutual = false\noperator_days = 90")]);
    let world = World::with(strict).await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let other_otto = seat(&world, "otto+second@vendor.example").await;
    let id = opened(&world, &olga).await;
    let (by_olga, by_otto) = (staff(&world, &olga).await, staff(&world, &otto).await);
    keep(&world, &by_olga, &of(&world, &by_olga, id, &other_otto).await).await.expect("keep");
    let item = of(&world, &by_otto, id, &olga).await;
    assert_eq!(item.may_decide, Err(Barred::Mutual));
    let refused = keep(&world, &by_otto, &item).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("decides on your access")), "{refused:?}");
    assert_eq!(of(&world, &by_otto, id, &other_otto).await.may_decide, Err(Barred::Own));
}

/// The item of somebody's seat, as one of the staff sees it.
pub async fn of(world: &World, by: &Staff, review: uuid::Uuid, who: &Somebody) -> SeatItem {
    let found = seats::campaign(by, world.accounts(), review, world.now).await.expect("database");
    let (_, items) = found.expect("a review");
    items.into_iter().find(|item| item.account == who.account.0).expect("a seat")
}

pub async fn keep(world: &World, by: &Staff, item: &SeatItem) -> Result<(), Refusal> {
    let id = item.id.to_string();
    seats::decide(by, world.accounts(), (&id, "keep"), Some("Needed"), world.now).await
}

#[tokio::test]
async fn whoever_kept_a_seat_takes_that_back_and_nobody_else_does() {
    let world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let petra = seat(&world, PETRA).await;
    let id = opened(&world, &olga).await;
    let (by, other) = (staff(&world, &olga).await, staff(&world, &petra).await);
    let item = of(&world, &by, id, &otto).await;
    let text = item.id.to_string();
    let nothing = seats::undo(&by, &text, world.now).await;
    assert!(matches!(nothing, Err(Refusal::Conflict(_))), "{nothing:?}");
    keep(&world, &by, &item).await.expect("keep");
    let second = keep(&world, &other, &item).await;
    assert!(matches!(&second, Err(Refusal::Conflict(said)) if said.contains("olga")), "{second:?}");
    let foreign = seats::undo(&other, &text, world.now).await;
    assert!(matches!(foreign, Err(Refusal::Conflict(_))), "{foreign:?}");
    seats::undo(&by, &text, world.now).await.expect("undo");
    let item = of(&world, &by, id, &otto).await;
    assert_eq!((item.decision, item.decided_by, item.note, item.state), (None, None, None, State::Pending));
    seats::decide(&other, world.accounts(), (&text, "revoke"), Some("Left"), world.now).await.expect("revoke");
    let late = seats::undo(&other, &text, world.now).await;
    assert!(matches!(&late, Err(Refusal::Conflict(said)) if said.contains("done already")), "{late:?}");
}

#[tokio::test]
async fn a_kept_seat_that_was_taken_away_besides_is_named_and_has_to_be_settled() {
    let world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    let item = of(&world, &by, id, &otto).await;
    keep(&world, &by, &item).await.expect("keep");
    let settle =
        async |again| seats::resolve(&by, world.accounts(), (&item.id.to_string(), again), "He left", world.now).await;
    assert!(matches!(settle(false).await, Err(Refusal::Conflict(_))));
    operators::remove(&world.operator(), world.accounts(), OTTO, world.now).await.expect("removed");
    let refused = seats::close(&by, world.accounts(), &id.to_string(), world.now).await;
    assert!(
        matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("otto (seat of the vendor's staff) was to be kept, and is gone")),
        "{refused:?}"
    );
    let report = seats::report(&by, world.accounts(), id, world.now).await.expect("database").expect("it");
    assert_eq!(report.drift.iter().map(|one| (one.how, one.item.id)).collect::<Vec<_>>(), [(How::Gone, item.id)]);
    assert!(matches!(settle(true).await, Err(Refusal::Conflict(_))), "what is gone is not given again by this");
    settle(false).await.expect("settled");
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    assert_eq!(of(&world, &by, id, &otto).await.state, State::Gone);
}

#[tokio::test]
async fn a_revoked_seat_that_is_held_again_is_named_and_can_be_taken_again() {
    let world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    let item = of(&world, &by, id, &otto).await.id.to_string();
    seats::decide(&by, world.accounts(), (&item, "revoke"), Some("Left"), world.now).await.expect("revoke");
    world.tamper("update account set disabled_at_ms = null").await;
    let refused = seats::close(&by, world.accounts(), &id.to_string(), world.now).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("given again")), "{refused:?}");
    seats::resolve(&by, world.accounts(), (&item, true), "Not again", world.now).await.expect("settled");
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    assert_eq!(operators::seats(&world.operator(), world.accounts()).await.expect("seats").taken, 1);
}

#[tokio::test]
async fn the_report_of_the_seats_gives_the_facts_of_each_reviewer() {
    let mut world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    world.now += Duration::minutes(3);
    seat(&world, PETRA).await;
    keep(&world, &by, &of(&world, &by, id, &otto).await).await.expect("keep");
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    let report = seats::report(&by, world.accounts(), id, world.now).await.expect("database").expect("it");
    let facts: Vec<_> = report.reviewers.iter().map(|one| (one.who.as_str(), one.decided, one.keep)).collect();
    assert_eq!(facts, [("olga", 1, 1)]);
    assert_eq!((report.silent, report.late, report.since.added, report.found.items()), (1, 0, 1, 2));
    assert_eq!((report.median_decide_ms, report.closed_by.as_deref()), (Some(180_000), Some("olga")));
}

#[tokio::test]
async fn an_auditor_verifies_the_archive_of_the_seats_without_the_product() {
    let world = world("stratuslog").await;
    let (olga, otto) = (seat(&world, OLGA).await, seat(&world, OTTO).await);
    let id = opened(&world, &olga).await;
    let by = staff(&world, &olga).await;
    let item = of(&world, &by, id, &otto).await.id.to_string();
    seats::decide(&by, world.accounts(), (&item, "revoke"), Some("Left"), world.now).await.expect("revoke");
    let early = seats::archive(&by, world.accounts(), id, world.now).await.expect("made").expect("a review");
    let path = world.folder.join("early.zip");
    std::fs::write(&path, early).expect("written");
    let said = archived::verified(&path);
    assert!(
        !said.status.success() && String::from_utf8_lossy(&said.stderr).contains("not been signed since"),
        "{said:?}"
    );
    // What happens besides stands in the same log.
    seat(&world, PETRA).await;
    seats::close(&by, world.accounts(), &id.to_string(), world.now).await.expect("close");
    let archive = seats::archive(&by, world.accounts(), id, world.now).await.expect("made").expect("a review");
    let said = verified(&world, archive);
    let told = "seat-review-opened seat-decided operator-removed seat-review-closed";
    assert!(said.contains("2 items") && said.contains(told), "{said}");
}

#[tokio::test]
async fn past_the_number_of_days_the_seats_are_overdue_and_a_review_has_opened_itself() {
    let mut world = world("stratuslog").await;
    let olga = seat(&world, OLGA).await;
    let look = |world: &World| {
        let instance = world.instance();
        async move { run::look(Check::OperatorsReviewed, &instance).await.seen }
    };
    assert!(matches!(look(&world).await, Seen::Upheld(_)));
    world.now += Duration::days(91);
    upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
    let seen = look(&world).await;
    assert!(matches!(&seen, Seen::Failing(said) if said.contains("overdue since 2027-02-19")), "{seen:?}");
    let letters = world.letters().await;
    assert!(letters.iter().any(|(to, text)| to == OLGA && text.contains("has begun")), "{letters:?}");
    let olga = olga.again(&world).await;
    let by = staff(&world, &olga).await;
    let all = seats::campaigns(&by, world.accounts(), world.now).await.expect("reviews");
    assert!(all.len() == 1 && all[0].by_itself, "{all:?}");
    seats::close(&by, world.accounts(), &all[0].id.to_string(), world.now).await.expect("close");
    assert!(matches!(look(&world).await, Seen::Upheld(_)));
}

#[tokio::test]
async fn an_organisation_that_was_not_reviewed_in_time_turns_the_claim_and_a_closed_review_turns_it_back() {
    let mut world = world("stack-aero").await;
    let ada = ada(&world).await;
    let look = |world: &World| {
        let instance = world.instance();
        async move { run::look(Check::ReviewsOnTime, &instance).await.seen }
    };
    assert!(matches!(look(&world).await, Seen::Upheld(_)));
    world.now += Duration::days(366);
    let seen = look(&world).await;
    assert!(matches!(&seen, Seen::Failing(said) if said.contains("since 2027-11-21")), "{seen:?}");
    let ada = ada.again(&world).await;
    let due = "2027-12-15";
    let id =
        open(&world, &ada, &server::reviews::Form { name: "Late", due, ..Default::default() }).await.expect("open");
    let manager = may::<server::guard::rights::ReviewsManage>(&world, &ada).await;
    server::reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    assert!(matches!(look(&world).await, Seen::Upheld(_)));
}

#[tokio::test]
async fn the_check_sees_that_nobody_reviews_themselves() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let seen = run::look(Check::SelfReview, &world.instance()).await.seen;
        assert!(matches!(seen, Seen::Upheld(_)), "{mode}: {seen:?}");
    }
}
