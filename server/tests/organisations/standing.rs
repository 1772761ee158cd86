//! Where a subscription stands, what that permits, and how it runs out.

use std::sync::Arc;

use contract::permission::{Effect, Permission};
use contract::standing::Standing;
use server::guard::{Asks, Barred, rights};
use server::organisations::{standing, upkeep};
use server::profile::Profile;
use server::testing::{START, World, profile};
use time::{Duration, OffsetDateTime};

use crate::common::*;
use crate::entries::Log;

fn with_a_trial(mode: &str) -> Arc<Profile> {
    profile(mode, &[("[transport]", "[billing]\ntrial_days = 14\ngrace_days = 7\n\n[transport]")])
}

async fn set(world: &World, slug: &str, to: Standing) {
    standing::set(&world.operator(), world.accounts(), slug, to, world.now).await.expect("set");
}

async fn stands(world: &World, who: &Somebody) -> Standing {
    caller(world, who).await.person().belongs[0].standing
}

/// Goes to an instant and does what the clock asks for; how many letters that caused.
async fn letters_of_upkeep_at(world: &mut World, at: OffsetDateTime) -> usize {
    world.letters().await;
    world.now = at;
    let round = upkeep::all(&world.operator(), world.accounts(), at).await.expect("upkeep");
    assert_eq!(round.broken, 0);
    world.letters().await.iter().filter(|(to, _)| to == ADA).count()
}

#[tokio::test]
async fn every_standing_permits_exactly_what_its_rule_says() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    for standing in Standing::ALL {
        set(&world, &ada.slug, *standing).await;
        let caller = caller(&world, &ada).await;
        for permission in Permission::ALL {
            let seen = caller.enters(&ada.slug, *permission, Asks::ToSee).map(|_| ());
            if *standing == Standing::Cancelled && permission.effect() != Effect::Settle {
                let until = Some(world.now + Duration::days(90));
                assert_eq!(seen, Err(Barred::Gone { slug: ada.slug.clone(), until, reduced: None }), "{permission:?}");
                continue;
            }
            assert_eq!(seen, Ok(()), "to see {permission:?} in {standing:?}");
            let done = caller.enters(&ada.slug, *permission, Asks::ToDo).map(|_| ());
            let wanted =
                if standing.permits(permission.effect()) { Ok(()) } else { Err(Barred::Lapsed(ada.slug.clone())) };
            assert_eq!(done, wanted, "to do {permission:?} in {standing:?}");
        }
    }
}

#[tokio::test]
async fn a_trial_is_over_with_its_last_second_also_when_no_upkeep_has_been_by() {
    for (mode, _) in MODES {
        let mut world = World::with(with_a_trial(mode)).await;
        let ada = ada(&world).await;
        world.now = START + Duration::days(14) - Duration::seconds(1);
        let ada = ada.again(&world).await;
        assert_eq!(stands(&world, &ada).await, Standing::Trialing, "{mode}");
        world.now += Duration::seconds(1);
        assert_eq!(stands(&world, &ada).await, Standing::Lapsed, "{mode}");
        let barred = try_may::<rights::MembersManage>(&world, &ada).await.err();
        assert_eq!(barred, Some(Barred::Lapsed(ada.slug.clone())), "{mode}");
    }
}

#[tokio::test]
async fn before_a_trial_ends_administrators_are_written_to_three_times() {
    let mut world = World::with(with_a_trial("aertous")).await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    let day = |left: i64| START + Duration::days(14 - left);
    for (at, letters) in [
        (day(8), 0),
        (day(7) - Duration::seconds(1), 0),
        (day(7), 1),
        (day(7) + Duration::hours(1), 0),
        (day(4), 0),
        (day(3), 1),
        (day(3) + Duration::minutes(1), 0),
        (day(1), 1),
        (day(1) + Duration::hours(23), 0),
        (day(0), 1),
        (day(0) + Duration::hours(1), 0),
    ] {
        assert_eq!(letters_of_upkeep_at(&mut world, at).await, letters, "at {at}");
    }
}

#[tokio::test]
async fn a_missed_payment_has_its_days_of_grace() {
    let mut world = World::with(with_a_trial("aertous")).await;
    let ada = ada(&world).await;
    set(&world, &ada.slug, Standing::PastDue).await;
    world.now = START + Duration::days(7) - Duration::seconds(1);
    let ada = ada.again(&world).await;
    may::<rights::MembersManage>(&world, &ada).await;
    world.now += Duration::seconds(1);
    assert_eq!(stands(&world, &ada).await, Standing::Lapsed);
}

#[tokio::test]
async fn a_lapse_stands_in_the_log_once_and_ends_with_a_payment() {
    for (mode, _) in MODES {
        let mut world = World::with(with_a_trial(mode)).await;
        let ada = ada(&world).await;
        letters_of_upkeep_at(&mut world, START + Duration::days(14)).await;
        letters_of_upkeep_at(&mut world, START + Duration::days(15)).await;
        let changes = |log: &Log| log.rows.iter().filter(|row| row.action == "standing-changed").count();
        assert_eq!(changes(&Log::read(&world, ada.tenant).await), 1, "{mode}");

        set(&world, &ada.slug, Standing::Active).await;
        let ada = ada.again(&world).await;
        may::<rights::MembersManage>(&world, &ada).await;
        assert_eq!(changes(&Log::read(&world, ada.tenant).await), 2, "{mode}");
        world.now += Duration::days(365);
        upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
        assert_eq!(stands(&world, &ada.again(&world).await).await, Standing::Active, "{mode}");
    }
}

#[tokio::test]
async fn the_standing_of_an_organisation_that_is_not_there_is_not_set() {
    let world = world("aertous").await;
    let refused = standing::set(&world.operator(), world.accounts(), "nobody", Standing::Active, world.now).await;
    assert!(matches!(refused, Err(server::identity::Refusal::Field("organisation", _))), "{refused:?}");
}
