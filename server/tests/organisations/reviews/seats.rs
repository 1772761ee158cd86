//! The vendor's own seats are reviewed the same way.

use server::controls::{Check, Seen, run};
use server::guard::Staff;
use server::identity::Refusal;
use server::organisations::upkeep;
use server::reviews::seats::{self, SeatForm};
use server::reviews::{Barred, State, Status};
use server::testing::World;
use time::Duration;

use super::*;

const OLGA: &str = "olga@vendor.example";
const OTTO: &str = "otto@vendor.example";

async fn seat(world: &World, email: &str) -> Somebody {
    crate::operators::operator(world, email).await
}

async fn staff(world: &World, who: &Somebody) -> Staff {
    caller(world, who).await.staff().expect("staff")
}

async fn opened(world: &World, by: &Somebody) -> uuid::Uuid {
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
    seats::close(&by, &id.to_string(), world.now).await.expect("close");
    let (review, items) = seats::campaign(&by, world.accounts(), id, world.now).await.expect("database").expect("it");
    assert_eq!(review.status, Status::Closed);
    let states: Vec<_> = items.iter().map(|item| (item.account == otto.account.0, item.state)).collect();
    assert!(states.contains(&(true, State::Applied)) && states.contains(&(false, State::Decided)), "{states:?}");
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
    seats::close(&by, &all[0].id.to_string(), world.now).await.expect("close");
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
