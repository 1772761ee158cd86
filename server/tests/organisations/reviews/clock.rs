//! What happens by the clock.

use server::organisations::upkeep;
use server::reviews::{self, Narrowing, Status};
use server::testing::World;
use time::{Duration, OffsetDateTime};

use super::*;

async fn at(world: &mut World, at: OffsetDateTime) -> upkeep::Round {
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
