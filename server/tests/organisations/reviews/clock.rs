//! What happens by the clock.

use contract::claim::State;
use server::controls::run::{self, Ran};
use server::controls::{Check, Seen};
use server::guard::rights;
use server::organisations::upkeep;
use server::reviews::{self, Narrowing, Status};
use server::testing::World;
use time::{Duration, OffsetDateTime};

use super::*;

pub async fn at(world: &mut World, at: OffsetDateTime) -> upkeep::Round {
    world.now = at;
    let round = upkeep::all(&world.operator(), world.accounts(), at).await.expect("upkeep");
    assert_eq!(round.broken, 0);
    round
}

#[tokio::test]
async fn past_the_cadence_a_review_has_opened_itself_and_those_in_charge_were_written_to() {
    let mut world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = world.now;
    assert_eq!(at(&mut world, made + Duration::days(334)).await.reviews, 0);
    assert_eq!(at(&mut world, made + Duration::days(336)).await.reviews, 1);
    assert_eq!(at(&mut world, made + Duration::days(337)).await.reviews, 0);
    let letters = world.letters().await;
    assert!(letters.iter().any(|(to, text)| to == ADA && text.contains("has begun")), "{letters:?}");
    let ada = ada.again(&world).await;
    let reader = may::<server::guard::rights::ReviewsRead>(&world, &ada).await;
    let all = reviews::campaigns(&reader, world.accounts(), world.now).await.expect("reviews");
    assert_eq!(all.len(), 1);
    assert!(all[0].by_itself && all[0].status == Status::Open);
    assert_eq!(all[0].due, made + Duration::days(365));
    let page = reviews::items(&reader, world.accounts(), all[0].id, &Narrowing::default(), None, world.now).await;
    assert_eq!(page.expect("database").expect("the review").items.len(), 1);
}

#[tokio::test]
async fn reviewers_are_reminded_and_an_overdue_review_is_told_to_those_in_charge() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let id = review(&world, &ada).await;
    let due = campaign(&world, &ada, id).await.due;
    assert_eq!(at(&mut world, due - Duration::days(8)).await.review_letters, 0);
    assert_eq!(at(&mut world, due - Duration::days(7)).await.review_letters, 1);
    assert_eq!(at(&mut world, due - Duration::days(6)).await.review_letters, 0);
    assert_eq!(at(&mut world, due + Duration::SECOND).await.review_letters, 1);
    assert_eq!(at(&mut world, due + Duration::DAY).await.review_letters, 0);
    let letters = world.letters().await;
    assert!(letters.iter().any(|(to, text)| to == ADA && text.contains("is not closed")), "{letters:?}");
}

/// What the trust page says of the claim that access is reviewed, once its checks have looked.
async fn claimed(world: &World) -> (State, String) {
    let instance = world.instance();
    let mut ran = Vec::new();
    for check in [Check::SelfReview, Check::ReviewsOnTime] {
        ran.push(run::look(check, &instance).await);
    }
    // That a revoke removes is looked at through the front door, which this world does not have.
    let seen = Seen::Upheld("A session ended.".into());
    ran.push(Ran { check: Check::ReviewRemoves, seen, at: world.now, took_ms: 1 });
    run::store(&instance, &ran).await.expect("store");
    let board = world.board().await;
    let told = board.claim("P025").expect("the claim");
    (told.state, told.finding.clone())
}

#[tokio::test]
async fn past_the_cadence_the_claim_falls_with_its_date_and_a_closed_review_lifts_it() {
    let mut world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = world.now;
    assert_eq!(claimed(&world).await.0, State::Proven);
    world.observe().await;

    let round = at(&mut world, made + Duration::days(366)).await;
    assert_eq!(round.reviews, 1);
    let letters = world.letters().await;
    assert!(letters.iter().any(|(to, text)| to == ADA && text.contains("has begun")), "{letters:?}");
    let (state, finding) = claimed(&world).await;
    assert_eq!(state, State::Failing, "{finding}");
    assert!(finding.contains("2027-11-21"), "{finding}");
    assert_eq!(world.observe().await, 1);

    let ada = ada.again(&world).await;
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    let all = reviews::campaigns(&reader, world.accounts(), world.now).await.expect("reviews");
    assert_eq!(all.iter().map(|one| (one.by_itself, one.status)).collect::<Vec<_>>(), [(true, Status::Open)]);
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &all[0].id.to_string(), &here(), world.now).await.expect("close");
    world.now += Duration::minutes(5);
    let (state, finding) = claimed(&world).await;
    assert_eq!(state, State::Proven, "{finding}");
}
