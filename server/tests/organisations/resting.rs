//! Organisations in which nothing is due are not asked in every round; what is due comes to the second all the same.

use server::guard::rights;
use server::organisations::leaving::{self, Form};
use server::organisations::{help, upkeep};
use server::testing::World;
use time::{Duration, OffsetDateTime};

use crate::common::*;
use crate::operators::{OP, operator};

async fn round(world: &World, at: OffsetDateTime) -> upkeep::Round {
    let round = upkeep::all(&world.operator(), world.accounts(), at).await.expect("upkeep");
    assert_eq!(round.broken, 0);
    round
}

/// Rounds of every minute until everybody rests.
async fn rested(world: &mut World) {
    let mut looked = usize::MAX;
    for _ in 0..30 {
        world.now += Duration::MINUTE;
        looked = round(world, world.now).await.looked;
        if looked == 0 {
            break;
        }
    }
    assert_eq!(looked, 0, "somebody never rests");
}

/// Rests just before `due`, and finds nothing one millisecond before. The round at the instant itself.
async fn at(world: &mut World, due: OffsetDateTime) -> upkeep::Round {
    world.now = due - Duration::minutes(4);
    round(world, world.now).await;
    let before = round(world, due - Duration::MILLISECOND).await;
    assert_eq!(before.looked, 0, "asleep a moment before");
    world.now = due;
    round(world, due).await
}

#[tokio::test]
async fn what_is_due_at_an_instant_is_done_at_that_instant_by_whoever_rested_until_then() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let (ada, _) = (ada(&world).await, operator(&world, OP).await);
        let grace = joins(&world, &ada, GRACE, plain).await;
        let giver = may::<rights::HelpGrant>(&world, &ada).await;
        let form = help::Form { operator: OP, role: plain, hours: "2", reason: "Help" };
        help::open(&giver, world.accounts(), &form, &here(), world.now).await.expect("open");
        let ends = world.now + Duration::hours(2);
        assert_eq!(at(&mut world, ends).await.help_ended, 1, "{mode}: help");

        let ada = ada.again(&world).await;
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let day = (world.now + Duration::days(3)).date();
        let (member, day_text) = (grace.id(), day.to_string());
        let planned = Form { member: &member, successor: None, at: Some(&day_text) };
        leaving::offboard(&manager, world.accounts(), &planned, &here(), world.now).await.expect("planned");
        let leaves = leaving::list(&manager, world.accounts(), 1).await.expect("departures")[0].at;
        assert_eq!(at(&mut world, leaves).await.departures, 1, "{mode}: a departure");
    }
}

#[tokio::test]
async fn nobody_is_asked_who_rests_and_a_change_wakes() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        rested(&mut world).await;
        let ada = ada.again(&world).await;
        invite(&world, &ada, GRACE, plain).await.expect("invite");
        let woken = round(&world, world.now).await;
        assert!(woken.looked >= 1, "{mode}: {woken:?}");
        rested(&mut world).await;
        // Another instance may have changed something and be gone.
        let later = round(&world, world.now + Duration::minutes(11)).await;
        assert_eq!(later.looked, later.organisations, "{mode}: {later:?}");
    }
}

#[tokio::test]
async fn entries_of_one_who_rests_are_signed_when_their_quarter_of_an_hour_is_over() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        round(&world, world.now).await;
        let signed = world.now;
        world.now += Duration::MINUTE;
        invite(&world, &ada, GRACE, plain).await.expect("invite");
        assert_eq!(round(&world, world.now).await.heads, 0, "{mode}: signed a minute ago");
        assert_eq!(at(&mut world, signed + Duration::minutes(15)).await.heads, 1, "{mode}");
    }
}

#[tokio::test]
async fn a_review_opens_itself_in_an_organisation_that_rests() {
    let mut world = world("stack-aero").await;
    ada(&world).await;
    let opens = world.now + Duration::days(365 - 30);
    assert_eq!(at(&mut world, opens).await.reviews, 1);
}
