//! The end of a subscription: hidden at once, restored complete, destroyed when the window is over.

use contract::standing::Standing;
use server::guard::{Asks, Barred, rights};
use server::identity::Refusal;
use server::organisations::{standing, units};
use server::retention::{self, closing};
use server::testing::{START, World};
use time::{Duration, OffsetDateTime};

use crate::common::*;
use crate::entries::Log;

/// Days from cancelling to destroying, of the profile of each mode.
pub const WINDOWS: &[(&str, i64)] = &[("aertous", 90), ("stratuslog", 30), ("stack-aero", 120)];

pub async fn cancel(world: &World, who: &Somebody) -> Result<(), Refusal> {
    let owner = may::<rights::BillingManage>(world, who).await;
    closing::cancel(&owner, world.accounts(), &here(), world.now).await
}

pub async fn restore(world: &World, who: &Somebody) -> Result<(), Refusal> {
    let owner = may::<rights::BillingManage>(world, who).await;
    closing::restore(&owner, world.accounts(), &here(), world.now).await
}

/// Goes to an instant and does what the retention job does.
pub async fn due_at(world: &mut World, at: OffsetDateTime) -> retention::Round {
    world.now = at;
    let round = retention::due(&world.operator(), world.accounts(), at).await.expect("a round");
    assert_eq!(round.broken, 0);
    round
}

async fn unit_names(world: &World, who: &Somebody) -> Vec<String> {
    let manager = may::<rights::UnitsManage>(world, who).await;
    let all = units::list(&manager, world.accounts()).await.expect("units");
    all.into_iter().map(|unit| unit.name).collect()
}

#[tokio::test]
async fn what_is_cancelled_is_gone_for_every_member_from_the_next_request_on() {
    for (mode, days) in WINDOWS {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let plain = MODES.iter().find(|(known, _)| known == mode).expect("a mode").1;
        let grace = joins(&world, &ada, GRACE, plain).await;
        cancel(&world, &ada).await.expect("cancel");
        let until = Some(world.now + Duration::days(*days));
        let gone = Barred::Gone { slug: ada.slug.clone(), until, reduced: None };
        for who in [&ada, &grace] {
            let caller = caller(&world, who).await;
            for asks in [Asks::ToSee, Asks::ToDo] {
                let barred = caller.may::<rights::OrganisationRead>(&ada.slug, asks).err();
                assert_eq!(barred, Some(gone.clone()), "{mode}");
            }
        }
        may::<rights::BillingManage>(&world, &ada).await;
    }
}

#[tokio::test]
async fn what_is_restored_is_as_it_was_with_its_standing_and_the_time_that_was_left() {
    for (mode, days) in WINDOWS {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        unit(&world, &ada, "North").await;
        let before = caller(&world, &ada).await.person().belongs[0].clone();
        cancel(&world, &ada).await.expect("cancel");
        world.now = START + Duration::days(*days) - Duration::seconds(1);
        due_at(&mut world, START + Duration::days(*days) - Duration::seconds(1)).await;
        let ada = ada.again(&world).await;
        restore(&world, &ada).await.expect("restore");
        let ada = ada.again(&world).await;
        let after = caller(&world, &ada).await.person().belongs[0].clone();
        assert_eq!((after.standing_until, after.closed), (before.standing_until, None), "{mode}");
        if before.standing_until.is_none() {
            assert_eq!(unit_names(&world, &ada).await, ["North"], "{mode}");
        }
        let log = Log::read(&world, ada.tenant).await;
        for action in ["subscription-cancelled", "organisation-restored"] {
            assert_eq!(log.actions().iter().filter(|known| **known == action).count(), 1, "{mode}: {action}");
        }
    }
}

#[tokio::test]
async fn a_second_after_the_window_nothing_can_be_restored() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    cancel(&world, &ada).await.expect("cancel");
    world.now = START + Duration::days(90);
    let ada = ada.again(&world).await;
    let refused = restore(&world, &ada).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_cancelled_is_not_restored_and_what_is_cancelled_not_cancelled_again() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    assert!(matches!(restore(&world, &ada).await, Err(Refusal::Conflict(_))));
    cancel(&world, &ada).await.expect("cancel");
    assert!(matches!(cancel(&world, &ada).await, Err(Refusal::Conflict(_))));
}

#[tokio::test]
async fn a_subscription_that_the_vendor_ends_is_closed_too_and_comes_back_lapsed() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let end = standing::set(&world.operator(), world.accounts(), &ada.slug, Standing::Cancelled, world.now).await;
    end.expect("cancelled");
    let closed = caller(&world, &ada).await.person().belongs[0].closed.expect("closed");
    assert_eq!(closed.purge_at, Some(world.now + Duration::days(90)));
    restore(&world, &ada).await.expect("restore");
    assert_eq!(caller(&world, &ada).await.person().belongs[0].standing, Standing::Lapsed);
}

#[tokio::test]
async fn a_payment_brings_back_what_was_cancelled() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    cancel(&world, &ada).await.expect("cancel");
    standing::set(&world.operator(), world.accounts(), &ada.slug, Standing::Active, world.now).await.expect("active");
    let here = caller(&world, &ada).await.person().belongs[0].clone();
    assert_eq!((here.standing, here.closed), (Standing::Active, None));
}

#[tokio::test]
async fn whoever_manages_the_subscription_is_written_to_with_the_day_and_where_the_proof_will_be() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.letters().await;
    cancel(&world, &ada).await.expect("cancel");
    let letters = world.letters().await;
    let letter = &letters.iter().find(|(to, _)| to == ADA).expect("a letter").1;
    assert!(letter.contains("/certificates/") && letter.contains("19 February 2027"), "{letter}");
}
