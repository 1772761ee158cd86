//! Sessions, recovery, and the record of an account.

use contract::access::{Needs, Stage};
use server::crypto::secret::Ticket;
use server::guard::{Arrived, Caller, Fresh};
use server::identity::second_factor::Factor;
use server::identity::{
    Origin, Refusal, backup_codes, housekeeping, record, recovery, second_factor, sessions, sign_in, sign_up,
};
use server::testing::{World, link_token, profile};
use time::Duration;

use crate::common::*;

#[tokio::test]
async fn an_old_session_id_is_refused_after_every_step() {
    let mut world = World::new().await;
    let (complete, secret, _) = enrolled(&world).await;
    world.now += Duration::minutes(2);
    let (first, waiting) = half(&world).await;
    let second = give(&world, &holder(&waiting), Factor::Code(&code(&world, &secret))).await.expect("code");
    assert!(caller(&world, first).await.is_none(), "after the code");

    world.now += Duration::minutes(2);
    let again = holder(&caller(&world, second).await.expect("caller"));
    let third = give(&world, &again, Factor::Code(&code(&world, &secret))).await.expect("step up");
    assert!(caller(&world, second).await.is_none(), "after the step up");

    let owner = signed_in(&world, third).await;
    let fourth = recovery::change_password(
        &owner,
        &world.visitor(),
        world.accounts(),
        PASSWORD,
        "crimson badgers mend old clocks",
        &here(),
        world.now,
    )
    .await;
    assert!(caller(&world, third).await.is_none(), "after a new password");
    assert!(caller(&world, fourth.expect("changed")).await.is_some());
    assert!(caller(&world, complete).await.is_none(), "every other session ends with the old password");
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_last_in_any_case() {
    let mut world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    world.now += Duration::minutes(29);
    assert!(caller(&world, id).await.is_some());
    world.now += Duration::minutes(2);
    assert!(caller(&world, id).await.is_none(), "idle");
    assert_eq!(housekeeping::clear(&world.operator(), world.now).await.expect("clear").sessions, 1);

    let mut world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    for _ in 0..(12 * 60 / 20 - 1) {
        world.now += Duration::minutes(20);
        let used = caller(&world, id).await.expect("in use");
        sessions::touch(&world.visitor(), world.accounts(), used.person(), world.now).await.expect("touch");
    }
    world.now += Duration::minutes(20);
    assert!(caller(&world, id).await.is_none(), "after twelve hours of use");
}

#[tokio::test]
async fn saving_a_session_never_brings_back_one_that_was_ended() {
    use tower_sessions::SessionStore;
    let world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    let store = world.visitor().sessions();
    let record = store.load(&id.text().parse().expect("id")).await.expect("load").expect("record");
    let leaver = caller(&world, id).await.expect("caller").prove::<server::guard::rule::AnySession>().expect("arrived");
    sign_out(&world, &leaver).await;
    store.save(&record).await.expect("save");
    assert!(caller(&world, id).await.is_none());
    assert!(store.load(&record.id).await.expect("load").is_none());
}

async fn sign_out(world: &World, leaver: &Arrived) {
    sessions::sign_out(leaver, world.accounts(), None, &here(), world.now).await.expect("sign out");
}

#[tokio::test]
async fn a_role_gained_later_demands_enrolment_at_the_next_request() {
    let world = World::with(profile("stratuslog", &[("first_role = \"Owner\"", "first_role = \"Front desk\"")])).await;
    member(&world, MAIL).await;
    let (id, before) = half(&world).await;
    assert_eq!(before.person().stage, Stage::SteppedUp);
    world.tamper("update membership set role = 'Owner'").await;
    assert_eq!(caller(&world, id).await.expect("caller").person().stage, Stage::Enrolling);
}

#[tokio::test]
async fn a_disabled_account_is_out_at_the_next_request() {
    let world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    world.tamper("update account set disabled_at_ms = 1").await;
    assert!(caller(&world, id).await.is_none());
    assert!(matches!(try_password(&world, MAIL, PASSWORD, &here()).await, Err(Refusal::NotProven { .. })));
}

#[tokio::test]
async fn an_enrolled_half_session_cannot_replace_the_second_factor() {
    let world = World::new().await;
    enrolled(&world).await;
    let (_, waiting) = half(&world).await;
    assert_eq!(waiting.prove::<server::guard::rule::Enroller>().err(), Some(Needs::SecondFactor));
    assert_eq!(waiting.prove::<server::guard::rule::SignedIn>().err(), Some(Needs::SecondFactor));
}

#[tokio::test]
async fn a_step_up_lasts_as_long_as_the_profile_says() {
    let mut world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    let fresh = |caller: &Caller| caller.prove::<server::guard::rule::Fresh>().map(|_: Fresh| ());
    assert_eq!(fresh(&caller(&world, id).await.expect("caller")), Ok(()));
    world.now += Duration::minutes(15);
    assert_eq!(fresh(&caller(&world, id).await.expect("caller")), Err(Needs::StepUp));
}

#[tokio::test]
async fn a_password_link_sets_a_password_once_and_ends_every_session() {
    let mut world = World::new().await;
    let (id, secret, _) = enrolled(&world).await;
    world.letters().await;
    recovery::request(&world.visitor(), world.accounts(), MAIL, &here(), world.now).await.expect("request");
    let token = link_token(&world.letters().await[0].1);
    let (new, visitor, origin) = ("crimson badgers mend old clocks", world.visitor(), here());
    let weak = recovery::reset(&visitor, world.accounts(), &token, "password1234", &origin, world.now).await;
    assert!(matches!(weak, Err(Refusal::Field("password", _))), "a refused password does not cost the link: {weak:?}");
    let tries = (0..6).map(|_| recovery::reset(&visitor, world.accounts(), &token, new, &origin, world.now));
    let done = futures::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|tried| tried.is_ok()).count(), 1, "{done:?}");
    assert!(caller(&world, id).await.is_none(), "sessions end");
    assert!(try_password(&world, MAIL, PASSWORD, &here()).await.is_err(), "the old password is gone");

    world.now += Duration::minutes(2);
    let id = try_password(&world, MAIL, new, &here()).await.expect("the new password");
    let waiting = caller(&world, id).await.expect("caller");
    assert_eq!(waiting.person().stage, Stage::PasswordGiven, "the second factor is still asked for");
    give(&world, &holder(&waiting), Factor::Code(&code(&world, &secret))).await.expect("code");
}

#[tokio::test]
async fn asking_for_a_link_for_nobody_succeeds_and_writes_to_nobody() {
    let world = World::new().await;
    recovery::request(&world.visitor(), world.accounts(), "nobody@acme.example", &here(), world.now)
        .await
        .expect("same");
    assert!(world.letters().await.is_empty());
}

#[tokio::test]
async fn a_raised_cost_rehashes_at_the_next_sign_in() {
    let world = World::new().await;
    member(&world, MAIL).await;
    assert!(world.holds(b"$argon2id$v=19$m=19456,t=2,p=1$").await && !world.holds(b"t=3,p=1$").await);
    let mut policy = world.profile.policy.passwords.clone();
    policy.argon2_passes = std::num::NonZeroU32::new(3).expect("three");
    let raised = server::identity::Accounts {
        hasher: server::crypto::password::Hasher::start(&policy).expect("hasher"),
        ..world.accounts().clone()
    };
    let form = sign_in::Form { email: MAIL, password: PASSWORD, next: None };
    for _ in 0..2 {
        sign_in::with_password(&world.visitor(), &raised, &form, None, &here(), world.now).await.expect("in");
    }
    assert!(world.holds(b"$argon2id$v=19$m=19456,t=3,p=1$").await);
}

#[tokio::test]
async fn new_backup_codes_replace_the_old_ones_and_the_third_last_is_told() {
    let mut world = World::new().await;
    let (id, secret, old) = enrolled(&world).await;
    world.now += Duration::minutes(2);
    let owner = signed_in(&world, id).await;
    let new = backup_codes::regenerate(&owner, world.accounts(), &code(&world, &secret), &here(), world.now)
        .await
        .expect("new");
    let refused = give(&world, &holder(&half(&world).await.1), Factor::BackupCode(&old[0].shown())).await;
    assert!(matches!(refused, Err(Refusal::NotProven { .. })), "{refused:?}");
    world.letters().await;
    for used in &new[..7] {
        give(&world, &holder(&half(&world).await.1), Factor::BackupCode(&used.shown())).await.expect("used");
    }
    let letters = world.letters().await;
    assert_eq!(letters.iter().filter(|(_, text)| text.contains("Few backup codes")).count(), 1);
}

#[tokio::test]
async fn a_marker_password_code_and_token_are_nowhere_in_the_stored_bytes() {
    let world = World::new().await;
    let (_, secret, codes) = enrolled(&world).await;
    recovery::request(&world.visitor(), world.accounts(), MAIL, &here(), world.now).await.expect("request");
    assert!(world.holds(b"$argon2id$").await, "what is stored is looked at");
    for (what, needle) in [
        ("password", PASSWORD.as_bytes().to_vec()),
        ("address", MAIL.as_bytes().to_vec()),
        ("name", b"Lovelace".to_vec()),
        ("secret", secret.bytes().to_vec()),
        ("secret in base32", secret.base32().into_bytes()),
        ("backup code", codes[0].shown().into_bytes()),
        ("backup code, plain", codes[0].shown().replace('-', "").into_bytes()),
    ] {
        assert!(!world.holds(&needle).await, "{what}");
    }
    let letters = world.letters().await;
    let token = link_token(&letters.iter().find(|(_, text)| text.contains("token=")).expect("a link").1);
    assert!(token.len() == 64 && !world.holds(token.as_bytes()).await, "token");
}

#[tokio::test]
async fn one_persons_sessions_are_unknown_to_another() {
    let world = World::with(profile("stratuslog", &[("first_role = \"Owner\"", "first_role = \"Front desk\"")])).await;
    member(&world, MAIL).await;
    member(&world, "eve@evil.example").await;
    let (theirs, _) = half(&world).await;
    let id = try_password(&world, "eve@evil.example", PASSWORD, &here()).await.expect("eve");
    let eve = signed_in(&world, id).await;
    let named = caller(&world, theirs).await.expect("caller").person().session.to_string();

    let refused = sessions::revoke(&eve, world.accounts(), &named, &here(), world.now).await;
    assert!(matches!(refused, Err(Refusal::Field("session", _))), "{refused:?}");
    sessions::revoke_others(&eve, world.accounts(), &here(), world.now).await.expect("one's own others");
    assert!(caller(&world, theirs).await.is_some());
}

#[tokio::test]
async fn a_slow_request_does_not_bring_back_a_session_that_was_ended_meanwhile() {
    let world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    // Found before the session was ended, used after it.
    let slow = signed_in(&world, id).await;
    let leaver = caller(&world, id).await.expect("caller").prove::<server::guard::rule::AnySession>().expect("arrived");
    sign_out(&world, &leaver).await;
    let new = "crimson badgers mend old clocks";
    let late =
        recovery::change_password(&slow, &world.visitor(), world.accounts(), PASSWORD, new, &here(), world.now).await;
    assert!(matches!(late, Err(Refusal::SignedOut)), "{late:?}");
    assert!(try_password(&world, MAIL, new, &here()).await.is_err(), "and nothing else of it happened");
}

#[tokio::test]
async fn the_use_of_a_session_is_written_down_at_most_once_a_minute() {
    let mut world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    let began = world.now;
    for (seconds, written) in [(59, began), (60, began + Duration::seconds(60))] {
        world.now = began + Duration::seconds(seconds);
        let used = caller(&world, id).await.expect("caller");
        sessions::touch(&world.visitor(), world.accounts(), used.person(), world.now).await.expect("touch");
        assert_eq!(caller(&world, id).await.expect("caller").person().seen_at, written, "after {seconds} s");
    }
}

#[tokio::test]
async fn the_record_of_an_account_cannot_be_changed_unnoticed() {
    let world = World::new().await;
    enrolled(&world).await;
    let walked = record::verify_all(&world.operator()).await.expect("database").expect("unbroken");
    assert!(walked >= 4, "{walked}");
    world.tamper("update account_entry set action = 'signed-out' where seq = 2").await;
    assert!(record::verify_all(&world.operator()).await.expect("database").is_err());
}

#[tokio::test]
async fn the_newest_of_ones_own_record_says_what_happened_and_from_which_network() {
    let world = World::new().await;
    let (id, _, _) = enrolled(&world).await;
    let lines = record::newest(&signed_in(&world, id).await, world.accounts(), 10).await.expect("lines");
    assert_eq!(lines[0].said, "A second factor was set up");
    assert_eq!((lines[0].place.network.as_str(), lines[0].place.device.as_str()), ("192.0.2.0/24", "Firefox on Linux"));
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_a_new_password() {
    let world = World::with(profile("stratuslog", &[("first_role = \"Owner\"", "first_role = \"Front desk\"")])).await;
    member(&world, MAIL).await;
    recovery::request(&world.visitor(), world.accounts(), MAIL, &here(), world.now).await.expect("request");
    let token = link_token(&world.letters().await[0].1);
    let (visitor, origin, elsewhere) = (world.visitor(), here(), from("198.51.100.1"));
    let reset =
        recovery::reset(&visitor, world.accounts(), &token, "crimson badgers mend old clocks", &origin, world.now);
    let tries = futures::future::join_all((0..8).map(|_| try_password(&world, MAIL, PASSWORD, &elsewhere)));
    let (reset, tries) = tokio::join!(reset, tries);
    reset.expect("reset");
    for id in tries.into_iter().flatten() {
        assert!(caller(&world, id).await.is_none(), "a session on the old password");
    }
}

#[tokio::test]
async fn an_organisation_of_any_name_survives_the_self_test() {
    let world = World::new().await;
    let form = sign_up::Form { email: MAIL, name: "Ada", organisation: "iProbe Labs", password: PASSWORD };
    sign_up::request(&world.visitor(), world.accounts(), &form, &here(), world.now).await.expect("sign up");
    let token = link_token(&world.letters().await[0].1);
    sign_up::confirm(&world.visitor(), world.accounts(), &token, &here(), world.now).await.expect("confirm");
    world.tamper("update organisation set created_at_ms = 1").await;
    server::controls::run::look(server::controls::Check::CodeOnce, &world.instance()).await;
    let (_, caller) = half(&world).await;
    assert_eq!(caller.person().belongs.len(), 1);
}

#[tokio::test]
async fn a_password_that_somebody_else_chose_for_ones_address_is_good_for_nothing() {
    let world = World::new().await;
    ask(&world, MAIL).await.expect("sign up, by somebody else");
    let token = link_token(&world.letters().await[0].1);
    let owner = Origin { device: Some(Ticket::random().expect("random")), ..from("203.0.113.5") };
    let confirmed =
        sign_up::confirm(&world.visitor(), world.accounts(), &token, &owner, world.now).await.expect("confirm");
    let sign_up::Confirmed::ChoosePassword(link) = confirmed else { unreachable!("{confirmed:?}") };
    assert!(try_password(&world, MAIL, PASSWORD, &here()).await.is_err());
    let new = "crimson badgers mend old clocks";
    recovery::reset(&world.visitor(), world.accounts(), &link_token(&link), new, &owner, world.now)
        .await
        .expect("chosen");
    try_password(&world, MAIL, new, &owner).await.expect("the owner's own password");
}

#[tokio::test]
async fn whoever_signs_in_is_told_how_often_and_from_which_networks_somebody_tried_in_vain_since_the_time_before() {
    let mut world = World::new().await;
    let (first, secret, _) = enrolled(&world).await;
    let tried = async |world: &World, id| {
        record::tried(&signed_in(world, id).await, world.accounts()).await.expect("the record")
    };
    assert_eq!(tried(&world, first).await, None);
    world.now += Duration::minutes(2);
    for _ in 0..2 {
        try_password(&world, MAIL, "not the one she chose", &from("203.0.113.9")).await.expect_err("a wrong password");
    }
    let (_, waiting) = half(&world).await;
    for _ in 0..7 {
        let stranger = from("198.51.100.9");
        let waiting = holder(&waiting);
        let given = second_factor::give(&waiting, world.accounts(), Factor::Code("0"), &stranger, world.now).await;
        given.expect_err("a wrong code");
    }
    world.now += Duration::minutes(2);
    let (_, waiting) = half(&world).await;
    let second = give(&world, &holder(&waiting), Factor::Code(&code(&world, &secret))).await.expect("the right code");
    let told = tried(&world, second).await.expect("something to tell");
    assert_eq!((told.passwords, told.codes), (2, 7), "{told:?}");
    assert_eq!(told.networks, ["198.51.100.0/24", "203.0.113.0/24"]);
    assert!(told.since.is_some(), "{told:?}");
    world.now += Duration::minutes(2);
    let (_, waiting) = half(&world).await;
    let third = give(&world, &holder(&waiting), Factor::Code(&code(&world, &secret))).await.expect("a code");
    assert_eq!(tried(&world, third).await, None, "it was told, and nothing came since");
}
