//! Resetting a member's second factor.

use contract::access::{Needs, Stage};
use contract::standing::Standing;
use server::guard::{Barred, rights, rule};
use server::identity::{Refusal, sign_in};
use server::organisations::{reset, standing};
use server::testing::World;
use time::Duration;

use crate::common::*;

async fn reset(world: &World, by: &Somebody, member: &str) -> Result<(), Refusal> {
    let actor = may::<rights::MfaReset>(world, by).await;
    reset::member_mfa(&actor, world.accounts(), member, "Lost the telephone", &here(), world.now).await
}

/// A member without a role that demands a second factor, who has set one up nevertheless.
async fn instructor_with_a_factor(world: &World, owner: &Somebody) -> Somebody {
    let mut grace = joins(world, owner, GRACE, "Instructor").await;
    assert!(grace.secret.is_none(), "the role demands none");
    let arrived = caller(world, &grace).await;
    let (session, secret) = enrols(world, &arrived).await;
    (grace.session, grace.secret) = (session, Some(secret));
    grace
}

#[tokio::test]
async fn a_reset_needs_the_right_a_living_subscription_and_a_fresh_factor_in_this_order() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    assert_eq!(try_may::<rights::MfaReset>(&world, &grace).await.err(), Some(Barred::Forbidden));
    assert!(try_may::<rights::MfaReset>(&world, &ada).await.is_ok());

    world.now += Duration::minutes(16);
    assert_eq!(caller(&world, &ada).await.person().stage, Stage::Complete);
    assert_eq!(try_may::<rights::MfaReset>(&world, &ada).await.err(), Some(Barred::Needs(Needs::StepUp)));

    let (operator, accounts) = (world.operator(), world.accounts());
    standing::set(&operator, accounts, &ada.slug, Standing::Lapsed, world.now).await.expect("set");
    assert_eq!(try_may::<rights::MfaReset>(&world, &ada).await.err(), Some(Barred::Lapsed(ada.slug.clone())));
    assert_eq!(try_may::<rights::MfaReset>(&world, &grace).await.err(), Some(Barred::Forbidden));
}

#[tokio::test]
async fn whose_factor_was_reset_is_out_and_must_set_up_another_whatever_the_role_says() {
    let mut world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = instructor_with_a_factor(&world, &ada).await;
    reset(&world, &ada, &grace.id()).await.expect("reset");
    assert!(of_session(&world, grace.session).await.is_none(), "signed out");

    world.now += Duration::minutes(2);
    let form = sign_in::Form { email: GRACE, password: PASSWORD, next: None };
    let id = sign_in::with_password(&world.visitor(), world.accounts(), &form, None, &here(), world.now).await;
    let arrived = of_session(&world, id.expect("password")).await.expect("caller");
    assert_eq!(arrived.person().stage, Stage::Enrolling);
    assert_eq!(arrived.prove::<rule::SignedIn>().err(), Some(Needs::Enrol));
    let (id, _) = enrols(&world, &arrived).await;
    assert_eq!(of_session(&world, id).await.expect("caller").person().stage, Stage::SteppedUp);
}

#[tokio::test]
async fn whose_factor_was_reset_is_told_by_letter() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = instructor_with_a_factor(&world, &ada).await;
    world.letters().await;
    reset(&world, &ada, &grace.id()).await.expect("reset");
    let letters = world.letters().await;
    assert!(letters.len() == 1 && letters[0].0 == GRACE && letters[0].1.contains("Analytical Engines"), "{letters:?}");
}

#[tokio::test]
async fn nobody_resets_their_own_factor_or_that_of_somebody_who_may_more() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let manager = joins(&world, &ada, GRACE, "Manager").await;
    let own = reset(&world, &manager, &manager.id()).await;
    assert!(matches!(own, Err(Refusal::Conflict(_))), "{own:?}");
    let above = reset(&world, &manager, &ada.id()).await;
    assert!(matches!(above, Err(Refusal::Field("role", _))), "{above:?}");
    assert!(of_session(&world, ada.session).await.is_some());
}

#[tokio::test]
async fn a_reset_has_a_reason_and_something_to_reset() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    let nothing = reset(&world, &ada, &grace.id()).await;
    assert!(matches!(nothing, Err(Refusal::Conflict(_))), "{nothing:?}");
    let actor = may::<rights::MfaReset>(&world, &ada).await;
    let silent = reset::member_mfa(&actor, world.accounts(), &grace.id(), " ", &here(), world.now).await;
    assert!(matches!(silent, Err(Refusal::Field("reason", _))), "{silent:?}");
}
