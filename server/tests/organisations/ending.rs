//! The end of an account by a person's word.

use server::audit::heads::{self, Walked};
use server::audit::view;
use server::exports::personal;
use server::guard::{Caller, rights, rule};
use server::identity::{Refusal, sign_in};
use server::organisations::{leaving, members};
use server::retention::accounts::{self, Form, Outlook};
use server::retention::{holds, keeping};
use server::testing::{START, World};
use time::{Duration, OffsetDateTime};

use crate::closing::due_at;
use crate::common::*;
use crate::entries;
use crate::holding::WHOLE;

const MODES_HERE: &[(&str, &str, i64)] =
    &[("aertous", "Employee", 30), ("stratuslog", "Instructor", 30), ("stack-aero", "Read only", 0)];

async fn own(world: &World, who: &Somebody) -> Caller {
    caller(world, who).await
}

async fn ask(world: &World, who: &Somebody) -> Result<(), Refusal> {
    let caller = own(world, who).await;
    let owner = caller.prove::<rule::SignedIn>().expect("signed in");
    let code = who.secret.as_ref().map(|secret| code(world, secret));
    let form = Form { password: PASSWORD, code: code.as_deref() };
    accounts::ask(&owner, &world.visitor(), world.accounts(), form, &here(), world.now).await
}

async fn outlook(world: &World, who: &Somebody) -> Outlook {
    let owner = own(world, who).await.prove::<rule::SignedIn>().expect("signed in");
    accounts::outlook(&owner, &world.visitor(), world.accounts(), world.now).await.expect("an outlook")
}

/// A code is good once: later, with the next one.
async fn later(world: &mut World, who: &Somebody) -> Somebody {
    world.now += Duration::minutes(2);
    who.again(world).await
}

#[tokio::test]
async fn an_account_is_closed_at_once_and_gone_to_the_second_after_its_days() {
    for (mode, plain, days) in MODES_HERE {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let grace = later(&mut world, &grace).await;
        world.now += Duration::minutes(1);
        let asked = world.now;
        ask(&world, &grace).await.expect("asked");
        assert!(of_session(&world, grace.session).await.is_none(), "{mode}");
        let end = asked + Duration::days(*days);
        if *days > 0 {
            assert_eq!(due_at(&mut world, end - Duration::seconds(1)).await.erased, 0, "{mode}");
            assert_eq!(number(&world, "select count(*) from account where id = $1", &grace).await, 1, "{mode}");
        }
        assert_eq!(due_at(&mut world, end).await.erased, 1, "{mode}");
        for table in [
            "account where id",
            "account_entry where account_id",
            "account_chain where account_id",
            "totp where account_id",
            "session where account_id",
            "membership where account_id",
            "known_device where account_id",
        ] {
            let ask = format!("select count(*) from {table} = $1");
            assert_eq!(number(&world, &ask, &grace).await, 0, "{mode}: {table}");
        }
        assert_eq!(due_at(&mut world, end + Duration::days(1)).await.erased, 0, "{mode}: once");
    }
}

async fn number(world: &World, ask: &str, who: &Somebody) -> i64 {
    use sea_orm::ConnectionTrait;
    let database = world.behind().await;
    let row = database.query_one_raw(statement(&database, ask, vec![who.account.0.into()])).await.expect("a query");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

/// What whoever signs in to a closed account is offered: the day, and the way back.
async fn offered(world: &World, email: &str) -> Result<(OffsetDateTime, String), Refusal> {
    let form = sign_in::Form { email, password: PASSWORD, next: None };
    match sign_in::with_password(&world.visitor(), world.accounts(), &form, None, &here(), world.now).await {
        Err(Refusal::Leaving { until, keep, .. }) => {
            Ok((until, keep.split("token=").nth(1).expect("a token").to_owned()))
        }
        Err(other) => Err(other),
        Ok(_) => unreachable!("a closed account was opened"),
    }
}

#[tokio::test]
async fn whoever_thinks_better_of_it_in_time_keeps_the_account_as_it_was() {
    for (mode, plain, _) in &MODES_HERE[..2] {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let grace = later(&mut world, &grace).await;
        world.now += Duration::minutes(1);
        let end = world.now + Duration::days(30);
        ask(&world, &grace).await.expect("asked");
        let wrong = sign_in::Form { email: GRACE, password: "something else entirely", next: None };
        let refused =
            sign_in::with_password(&world.visitor(), world.accounts(), &wrong, None, &here(), world.now).await;
        assert!(matches!(refused, Err(Refusal::NotProven { .. })), "{mode}: a wrong password is told nothing");

        world.now = end - Duration::minutes(5);
        let (until, token) = offered(&world, GRACE).await.expect("a way back");
        assert_eq!(until, end, "{mode}");
        let (visitor, accounts) = (world.visitor(), world.accounts());
        assert_eq!(keeping::until(&visitor, &token, world.now).await.expect("a look"), Some(end), "{mode}");
        keeping::keep(&visitor, accounts, &token, &here(), world.now).await.expect("kept");
        let again = keeping::keep(&visitor, accounts, &token, &here(), world.now).await;
        assert!(matches!(again, Err(Refusal::Field("token", _))), "{mode}: once");
        assert!(world.letters().await.iter().any(|(to, text)| to == GRACE && text.contains("called off")), "{mode}");
        assert_eq!(due_at(&mut world, end + Duration::days(1)).await.erased, 0, "{mode}");
        let grace = grace.again(&world).await;
        may::<rights::OrganisationRead>(&world, &grace).await;
    }
}

#[tokio::test]
async fn from_the_second_on_at_which_an_account_is_erased_there_is_no_way_back() {
    let mut world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    let grace = later(&mut world, &grace).await;
    world.now += Duration::minutes(1);
    let end = world.now + Duration::days(30);
    ask(&world, &grace).await.expect("asked");
    world.now = end - Duration::seconds(1);
    let (_, token) = offered(&world, GRACE).await.expect("a way back");
    world.now = end;
    assert_eq!(keeping::until(&world.visitor(), &token, world.now).await.expect("a look"), None);
    let late = keeping::keep(&world.visitor(), world.accounts(), &token, &here(), world.now).await;
    assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
    assert!(matches!(offered(&world, GRACE).await, Err(Refusal::NotProven { .. })));
    assert_eq!(due_at(&mut world, end).await.erased, 1);
}

#[tokio::test]
async fn an_account_goes_with_the_only_organisation_that_it_belonged_to() {
    for (mode, plain, _) in MODES_HERE {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let eve = founder(&world, EVE, "Rivals").await;
        let (grace, both) =
            (joins(&world, &ada, GRACE, plain).await, joins(&world, &ada, "both@acme.example", plain).await);
        // One belongs elsewhere too, and one is asked to join elsewhere.
        invite(&world, &eve, &both.email, plain).await.expect("invite");
        let token = token_to(&world, &both.email).await;
        answer(&world, Some(&own(&world, &both).await), &token, "Both").await.expect("joined");
        let asked = joins(&world, &ada, "asked@acme.example", plain).await;
        invite(&world, &eve, &asked.email, plain).await.expect("invite");

        crate::closing::cancel(&world, &ada).await.expect("cancel");
        let days = crate::closing::WINDOWS.iter().find(|(known, _)| known == mode).expect("a window").1;
        let end = world.now + Duration::days(days);
        let round = due_at(&mut world, end - Duration::seconds(1)).await;
        assert_eq!((round.purged, round.erased), (0, 0), "{mode}");
        let round = due_at(&mut world, end).await;
        assert_eq!((round.purged, round.erased), (1, 2), "{mode}: Ada and Grace");
        let there = async |who: &Somebody| number(&world, "select count(*) from account where id = $1", who).await;
        assert_eq!((there(&ada).await, there(&grace).await), (0, 0), "{mode}");
        assert_eq!((there(&eve).await, there(&both).await, there(&asked).await), (1, 1, 1), "{mode}");
    }
}

#[tokio::test]
async fn copies_of_ones_own_are_gone_from_the_store_with_the_account() {
    for (mode, plain, days) in MODES_HERE {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        for who in [&ada, &grace] {
            let caller = own(&world, who).await;
            let owner = caller.prove::<rule::Fresh>().expect("fresh");
            personal::make(&owner, &caller, world.accounts(), &here(), world.now).await.expect("a copy");
        }
        // A copy whose row was never written, as when the power goes between the two.
        let theirs = format!("accounts/{}/copies", grace.account.0);
        let stray = world.folder.join("files").join(theirs).join(uuid::Uuid::now_v7().to_string());
        std::fs::write(stray, b"sealed").expect("a file");
        let grace = later(&mut world, &grace).await;
        world.now += Duration::minutes(1);
        ask(&world, &grace).await.expect("asked");
        let end = world.now + Duration::days(*days);
        assert_eq!(due_at(&mut world, end).await.erased, 1, "{mode}");
        let blobs = &world.accounts().blobs;
        let left =
            async |who: &Somebody| blobs.below(&format!("accounts/{}", who.account.0)).await.expect("list").len();
        assert_eq!((left(&grace).await, left(&ada).await), (0, 1), "{mode}");
    }
}

#[tokio::test]
async fn a_wrong_password_or_code_ends_nothing() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let grace = later(&mut world, &grace).await;
    world.now += Duration::minutes(1);
    let owner = own(&world, &grace).await.prove::<rule::SignedIn>().expect("signed in");
    let code = code(&world, grace.secret.as_ref().expect("a factor"));
    for form in [
        Form { password: "something else entirely", code: Some(&code) },
        Form { password: PASSWORD, code: Some("000000") },
        Form { password: PASSWORD, code: None },
    ] {
        let refused = accounts::ask(&owner, &world.visitor(), world.accounts(), form, &here(), world.now).await;
        assert!(matches!(refused, Err(Refusal::NotProven { .. })), "{refused:?}");
    }
    assert!(of_session(&world, grace.session).await.is_some());
}

#[tokio::test]
async fn the_last_administrator_hands_over_first() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let ada = later(&mut world, &ada).await;
    world.now += Duration::minutes(1);
    assert_eq!(outlook(&world, &ada).await.alone_in, ["Analytical Engines"]);
    let refused = ask(&world, &ada).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("Analytical Engines")), "{refused:?}");
}

#[tokio::test]
async fn whoever_is_held_is_shown_the_hold_and_goes_when_it_ends() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let subject = grace.id();
    let form = holds::Form { kind: "person", subject: Some(&subject), ..WHOLE };
    holds::place_by_operator(&world.operator(), world.accounts(), &ada.slug, &form, world.now).await.expect("a hold");
    let grace = later(&mut world, &grace).await;
    world.now += Duration::minutes(1);
    let held = outlook(&world, &grace).await.holds;
    assert_eq!((held.len(), held[0].1.basis.as_str()), (1, WHOLE.basis));
    ask(&world, &grace).await.expect("asked");
    let round = due_at(&mut world, START + Duration::days(31)).await;
    assert_eq!((round.erased, round.held), (0, 1));
    assert_eq!(due_at(&mut world, time::macros::datetime!(2028-01-01 00:00 UTC)).await.erased, 1);
}

/// Grace's name and address, as nobody else's.
const MARKED: &str = "Quellwasser Mirabella";
const MARKED_AT: &str = "quellwasser@acme.example";

#[tokio::test]
async fn of_somebody_who_is_erased_neither_name_nor_address_is_left_where_anybody_could_read_it() {
    for (mode, plain, days) in MODES_HERE {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins_as(&world, &ada, MARKED_AT, plain, MARKED).await;
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let form = leaving::Form { member: &grace.id(), successor: None, at: Some("2027-06-01") };
        leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("planned");
        let (units, north) = (may::<rights::UnitsManage>(&world, &ada).await, unit(&world, &ada, "North").await);
        let target = (Some(north.as_str()), None);
        members::grant_reach(&units, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
        let grace = later(&mut world, &grace).await;
        world.now += Duration::minutes(1);
        ask(&world, &grace).await.expect("asked");
        world.letters().await;
        let end = world.now + Duration::days(*days);
        due_at(&mut world, end).await;

        let ada = ada.again(&world).await;
        let reader = may::<rights::MembersRead>(&world, &ada).await;
        let departures = leaving::list(&reader, world.accounts(), 50).await.expect("departures");
        let listed = members::choice(&reader, world.accounts(), 50).await.expect("members");
        let log = may::<rights::AuditRead>(&world, &ada).await;
        let page = view::list(&log, world.accounts(), &view::Query::default()).await.expect("the log");
        for text in [format!("{departures:?}"), format!("{listed:?}"), format!("{page:?}")] {
            assert!(!text.contains("Quellwasser") && !text.contains("quellwasser"), "{mode}: {text}");
        }
        assert!(format!("{departures:?}").contains("Former person"), "{mode}");
        assert!(format!("{page:?}").contains("Former person"), "{mode}");
        let ended = page.lines.iter().find(|line| line.action == "reach-granted").expect("the grant");
        assert!(ended.subject.starts_with("Former person"), "{mode}: {:?}", ended.subject);
        let walked = heads::verify(&world.operator(), world.accounts(), ada.tenant).await.expect("the log");
        assert!(matches!(walked, Walked::Holds { .. }), "{mode}: {walked:?}");
        // The address is free again: nobody has it.
        assert_eq!(number_of(&world, MARKED_AT).await, 0, "{mode}");
    }
}

#[tokio::test]
async fn from_where_somebody_acted_is_not_to_be_read_after_they_are_erased_and_both_verifiers_still_hold() {
    for (mode, plain, days) in MODES_HERE {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let of_grace = |page: view::Listed| {
            let lines = page.lines.into_iter().filter(|line| line.actor == grace.account.0);
            lines.map(|line| line.place.network).collect::<Vec<_>>()
        };
        let log = may::<rights::AuditRead>(&world, &ada).await;
        let before = of_grace(view::list(&log, world.accounts(), &view::Query::default()).await.expect("the log"));
        assert!(!before.is_empty() && before.iter().all(|network| network == "192.0.2.0/24"), "{mode}: {before:?}");
        let grace_again = later(&mut world, &grace).await;
        world.now += Duration::minutes(1);
        ask(&world, &grace_again).await.expect("asked");
        let end = world.now + Duration::days(*days);
        due_at(&mut world, end).await;

        let ada = ada.again(&world).await;
        let log = may::<rights::AuditRead>(&world, &ada).await;
        let after = of_grace(view::list(&log, world.accounts(), &view::Query::default()).await.expect("the log"));
        assert!(after.len() >= before.len() && after.iter().all(String::is_empty), "{mode}: {after:?}");
        // Not even whoever has the organisation's key opens it: it was under a key of hers, which is gone.
        let ring = world.vault.tenant(ada.tenant).await.expect("the organisation's key");
        let rows = entries::Log::read(&world, ada.tenant).await.rows;
        for row in rows.iter().filter(|row| row.actor == grace.account.0) {
            let place = format!("entry/{}/{}/{}/{}/detail", row.tenant, row.at_ms, row.action, row.subject);
            let plain = ring.open(&place, &row.detail).expect("the organisation's part");
            let said = String::from_utf8_lossy(&plain).into_owned();
            assert!(!said.contains("192.0.2") && !said.contains("Firefox"), "{mode}: {said}");
        }
        entries::sign(&world).await;
        assert!(matches!(entries::walk(&world, ada.tenant).await, Walked::Holds { .. }), "{mode}");
        let (code, said) = entries::second_opinion(&world, &ada).await;
        assert_eq!(code, Some(0), "{mode}: {said}");
    }
}

async fn number_of(world: &World, address: &str) -> i64 {
    use sea_orm::ConnectionTrait;
    let index = server::identity::address::Address::parse(address).expect("address").index(world.vault.hashes());
    let database = world.behind().await;
    let mut number = 0;
    for table in ["account", "token", "invitation"] {
        let ask = statement(
            &database,
            &format!("select count(*) from {table} where address_index = $1"),
            vec![index.clone().into()],
        );
        number +=
            database.query_one_raw(ask).await.expect("a query").expect("a row").try_get_by_index::<i64>(0).expect("n");
    }
    number
}
