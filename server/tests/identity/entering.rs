//! Signing up, the second factor, and how often may be tried.

use contract::access::Stage;
use server::crypto::secret::Ticket;
use server::identity::second_factor::Factor;
use server::identity::{Refusal, enrolment, limits, sign_up};
use server::testing::{World, link_token, profile};
use time::Duration;

use crate::common::*;

#[tokio::test]
async fn somebody_signs_up_enrols_and_signs_in_with_a_code() {
    let mut world = World::new().await;
    let (_, secret, codes) = enrolled(&world).await;
    assert_eq!(codes.len(), 10);

    world.now += Duration::minutes(2);
    let (_, waiting) = half(&world).await;
    assert_eq!(waiting.person().stage, Stage::PasswordGiven);
    let id = give(&world, &holder(&waiting), Factor::Code(&code(&world, &secret))).await.expect("code");
    assert_eq!(caller(&world, id).await.expect("caller").person().stage, Stage::SteppedUp);
}

#[tokio::test]
async fn nothing_exists_until_the_mailbox_has_answered() {
    let world = World::new().await;
    ask(&world, MAIL).await.expect("sign up");
    assert!(matches!(try_password(&world, MAIL, PASSWORD, &here()).await, Err(Refusal::NotProven { .. })));
}

#[tokio::test]
async fn a_second_sign_up_in_another_case_makes_no_second_account() {
    let world = World::new().await;
    member(&world, MAIL).await;
    ask(&world, "ADA@Acme.Example").await.expect("the same answer");
    let letters = world.letters().await;
    assert!(letters.len() == 1 && letters[0].1.contains("You have an account already"), "{letters:?}");
}

#[tokio::test]
async fn a_personal_address_is_refused_before_anything_is_written() {
    let world = World::new().await;
    for email in ["ada@gmail.com", "ada+work@GMail.com", "ada@mail.yahoo.com", "ada@proton.me.", "ada@outlook.com"] {
        assert!(matches!(ask(&world, email).await, Err(Refusal::Field("email", _))), "{email}");
    }
    let open = World::with(profile("stratuslog", &[])).await;
    ask(&open, "ada@gmail.com").await.expect("this profile takes personal addresses");
}

#[tokio::test]
async fn a_link_works_once_also_when_pressed_fifty_times_at_once() {
    let world = World::new().await;
    ask(&world, MAIL).await.expect("sign up");
    let token = link_token(&world.letters().await[0].1);
    let (visitor, origin) = (world.visitor(), here());
    let presses = (0..50).map(|_| sign_up::confirm(&visitor, world.accounts(), &token, &origin, world.now));
    let done = futures::future::join_all(presses).await;
    assert_eq!(done.iter().filter(|pressed| pressed.is_ok()).count(), 1, "{done:?}");
}

#[tokio::test]
async fn a_link_ends_with_its_time() {
    let mut world = World::new().await;
    ask(&world, MAIL).await.expect("sign up");
    let token = link_token(&world.letters().await[0].1);
    world.now += Duration::hours(24);
    let late = sign_up::confirm(&world.visitor(), world.accounts(), &token, &here(), world.now).await;
    assert!(matches!(late, Err(Refusal::Field("token", _))), "{late:?}");
}

#[tokio::test]
async fn a_code_given_fifty_times_at_once_on_two_instances_lets_in_once() {
    let mut world = World::with(profile(
        "aertous",
        &[("attempts = 10 ", "attempts = 100 "), ("sign_ins_per_minute = 30 ", "sign_ins_per_minute = 300 ")],
    ))
    .await;
    let (_, secret, _) = enrolled(&world).await;
    world.now += Duration::minutes(2);
    let other =
        server::guard::Store::open_as(&world.place, false, world.profile.isolation).await.expect("a second instance");
    let other = server::guard::Visitor::of(&std::sync::Arc::new(other));
    let mut holders = Vec::new();
    for number in 0..50 {
        let (id, _) = half(&world).await;
        let visitor = if number % 2 == 0 { world.visitor() } else { other.clone() };
        let caller = visitor.caller(&world.profile, &id.hash(), world.now).await.expect("database").expect("caller");
        holders.push(holder(&caller));
    }
    let code = code(&world, &secret);
    let done = futures::future::join_all(holders.iter().map(|holder| give(&world, holder, Factor::Code(&code)))).await;
    assert_eq!(done.iter().filter(|given| given.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_backup_code_given_fifty_times_at_once_lets_in_once() {
    let world = World::with(profile(
        "aertous",
        &[("attempts = 10 ", "attempts = 100 "), ("sign_ins_per_minute = 30 ", "sign_ins_per_minute = 300 ")],
    ))
    .await;
    let (_, _, codes) = enrolled(&world).await;
    let mut holders = Vec::new();
    for _ in 0..50 {
        holders.push(holder(&half(&world).await.1));
    }
    let shown = codes[0].shown();
    let done =
        futures::future::join_all(holders.iter().map(|holder| give(&world, holder, Factor::BackupCode(&shown)))).await;
    assert_eq!(done.iter().filter(|given| given.is_ok()).count(), 1);
}

#[tokio::test]
async fn fifty_wrong_codes_at_once_count_as_fifty() {
    let world = World::new().await;
    enrolled(&world).await;
    let holder = holder(&half(&world).await.1);
    let done = futures::future::join_all((0..50).map(|_| give(&world, &holder, Factor::Code("000000")))).await;
    let looked_at = done.iter().filter(|given| matches!(given, Err(Refusal::NotProven { .. }))).count();
    let turned_away = done.iter().filter(|given| matches!(given, Err(Refusal::TooMany(_)))).count();
    assert_eq!((looked_at, turned_away), (10, 40));
}

#[tokio::test]
async fn wrong_tries_from_one_place_do_not_lock_the_owner_out() {
    let world = World::new().await;
    member(&world, MAIL).await;
    let stranger = from("198.51.100.9");
    for _ in 0..10 {
        assert!(matches!(
            try_password(&world, MAIL, "wrong wrong wrong", &stranger).await,
            Err(Refusal::NotProven { .. })
        ));
    }
    for _ in 0..150 {
        assert!(matches!(try_password(&world, MAIL, "wrong wrong wrong", &stranger).await, Err(Refusal::TooMany(_))));
    }
    try_password(&world, MAIL, PASSWORD, &here()).await.expect("the owner, from elsewhere");
}

#[tokio::test]
async fn a_device_that_the_account_knows_gets_in_however_many_strangers_try() {
    let world = World::new().await;
    let mark = Ticket::random().expect("random");
    member(&world, MAIL).await;
    let mut own = here();
    own.device = Some(mark.clone());
    let (_, enrolling) = half(&world).await;
    let enroller = enrolling.prove::<server::guard::rule::Enroller>().expect("enroller");
    let code = code(&world, &secret_of(&world, &enroller));
    enrolment::confirm(&enroller, world.accounts(), &code, &own, world.now).await.expect("confirm");
    for number in 0..11 {
        let stranger = from(&format!("198.51.100.{number}"));
        for _ in 0..10 {
            let _ = try_password(&world, MAIL, "wrong wrong wrong", &stranger).await;
        }
    }
    assert!(matches!(try_password(&world, MAIL, PASSWORD, &from("203.0.113.1")).await, Err(Refusal::TooMany(_))));
    try_password(&world, MAIL, PASSWORD, &own).await.expect("the owner's own device");
}

#[tokio::test]
async fn the_owner_is_told_of_the_fifth_wrong_password() {
    let world = World::new().await;
    member(&world, MAIL).await;
    for _ in 0..8 {
        let _ = try_password(&world, MAIL, "wrong wrong wrong", &here()).await;
    }
    let letters = world.letters().await;
    assert_eq!(letters.iter().filter(|(_, text)| text.contains("Wrong passwords")).count(), 1);
}

#[tokio::test]
async fn two_instances_together_admit_what_one_would() {
    let world = World::new().await;
    let other =
        server::guard::Store::open_as(&world.place, false, world.profile.isolation).await.expect("a second instance");
    let (one, two) = (world.visitor(), server::guard::Visitor::of(&std::sync::Arc::new(other)));
    let origin = here();
    let tries = (0..40).map(|number| {
        let visitor = if number % 2 == 0 { &one } else { &two };
        limits::public_form(visitor, world.accounts(), &origin, world.now)
    });
    let done = futures::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|tried| tried.is_ok()).count(), 5, "{done:?}");
}
