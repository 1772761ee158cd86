//! The end of somebody's access: now, or on a day.

use server::guard::rights;
use server::identity::{Refusal, recovery, sign_in};
use server::organisations::leaving::{self, Ended, Form, Receipt, Shown};
use server::organisations::{invitations, members, upkeep};
use server::testing::{START, World};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::common::*;

async fn offboard(world: &World, by: &Somebody, form: &Form<'_>) -> Result<Ended, Refusal> {
    let manager = may::<rights::MembersManage>(world, by).await;
    leaving::offboard(&manager, world.accounts(), form, &here(), world.now).await
}

/// Ends it now, with nobody to take over.
async fn now(world: &World, by: &Somebody, member: &Somebody) -> Result<Ended, Refusal> {
    offboard(world, by, &Form { member: &member.id(), successor: None, at: None }).await
}

async fn on(world: &World, by: &Somebody, member: &Somebody, day: &str) -> Result<Ended, Refusal> {
    offboard(world, by, &Form { member: &member.id(), successor: None, at: Some(day) }).await
}

async fn departures(world: &World, by: &Somebody) -> Vec<Shown> {
    let reader = may::<rights::MembersRead>(world, by).await;
    leaving::list(&reader, world.accounts(), 50).await.expect("departures")
}

async fn upkeep_at(world: &mut World, at: OffsetDateTime) -> upkeep::Round {
    world.now = at;
    let round = upkeep::all(&world.operator(), world.accounts(), at).await.expect("upkeep");
    assert_eq!(round.broken, 0);
    round
}

async fn is_in(world: &World, who: &Somebody) -> bool {
    of_session(world, who.session).await.is_some()
}

#[tokio::test]
async fn a_day_that_is_over_ends_nothing() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let refused = on(&world, &ada, &grace, "2020-01-01").await;
        assert!(matches!(refused, Err(Refusal::Field("at", _))), "{mode}: {refused:?}");
        assert!(is_in(&world, &grace).await && departures(&world, &ada).await.is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn the_receipt_counts_what_was_found_and_that_nothing_is_left() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let units = may::<rights::UnitsManage>(&world, &ada).await;
        for name in ["North", "South"] {
            let id = unit(&world, &ada, name).await;
            let target = (Some(id.as_str()), None);
            members::grant_reach(&units, world.accounts(), &grace.id(), target, &here(), world.now)
                .await
                .expect("reach");
        }
        let form = sign_in::Form { email: GRACE, password: PASSWORD, next: None };
        let (visitor, accounts) = (world.visitor(), world.accounts());
        sign_in::with_password(&visitor, accounts, &form, None, &here(), world.now).await.expect("another session");
        recovery::request(&visitor, accounts, GRACE, &here(), world.now).await.expect("a link on its way");
        now(&world, &ada, &grace).await.expect("offboard");

        let shown = departures(&world, &ada).await;
        assert_eq!(shown.len(), 1, "{mode}");
        let receipt = shown[0].receipt.clone().expect("a receipt");
        let wanted = Receipt {
            role: (*plain).to_owned(),
            memberships: 1,
            sessions: 2,
            links: 1,
            grants: 2,
            invitations: 0,
            help_ended: 0,
            records: Some(0),
            left: 0,
        };
        assert_eq!(receipt, wanted, "{mode}");
        assert_eq!((shown[0].name.as_str(), shown[0].done), ("Grace Hopper", Some(world.now)), "{mode}");
    }
}

#[tokio::test]
async fn whoever_was_let_go_is_out_at_once() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        assert!(is_in(&world, &grace).await, "{mode}");
        now(&world, &ada, &grace).await.expect("offboard");
        assert!(!is_in(&world, &grace).await, "{mode}");
        let gone = now(&world, &ada, &grace).await;
        assert!(matches!(gone, Err(Refusal::Field("member", _))), "{mode}: {gone:?}");
    }
}

#[tokio::test]
async fn whoever_leaves_one_organisation_stays_in_the_other() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
        invite(&world, &ada, EVE, plain).await.expect("invite");
        let token = token_to(&world, EVE).await;
        answer(&world, Some(&caller(&world, &eve).await), &token, "Eve").await.expect("accept");
        now(&world, &ada, &eve).await.expect("offboard");

        world.now += Duration::minutes(2);
        let eve = eve.again(&world).await;
        let caller = caller(&world, &eve).await;
        let slugs: Vec<_> = caller.person().belongs.iter().map(|belonging| belonging.slug.as_str()).collect();
        assert_eq!(slugs, ["rival-engines"], "{mode}");
        may::<rights::MembersManage>(&world, &eve).await;
    }
}

#[tokio::test]
async fn whoever_left_can_be_invited_again() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    now(&world, &ada, &grace).await.expect("offboard");
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let manager = may::<rights::MembersRead>(&world, &ada).await;
    assert_eq!(invitations::list(&manager, world.accounts()).await.expect("invitations").len(), 1);
}

#[tokio::test]
async fn a_planned_end_comes_with_its_day_and_not_before() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        assert!(matches!(on(&world, &ada, &grace, "2026-12-01").await, Ok(Ended::Planned(_))), "{mode}");
        let twice = on(&world, &ada, &grace, "2026-12-02").await;
        assert!(matches!(twice, Err(Refusal::Conflict(_))), "{mode}: {twice:?}");
        // The day begins in the time zone of the profile.
        let begins = departures(&world, &ada).await[0].at;
        let in_utc = match *mode {
            "aertous" => datetime!(2026-11-30 23:00 UTC),
            "stratuslog" => datetime!(2026-12-01 05:00 UTC),
            _ => datetime!(2026-12-01 00:00 UTC),
        };
        assert_eq!(begins, in_utc, "{mode}");

        let before = upkeep_at(&mut world, begins - Duration::seconds(1)).await;
        assert_eq!(before.departures, 0, "{mode}");
        let grace = grace.again(&world).await;
        let round = upkeep_at(&mut world, begins).await;
        assert_eq!(round.departures, 1, "{mode}");
        assert!(!is_in(&world, &grace).await, "{mode}");
        let shown = departures(&world, &ada.again(&world).await).await;
        assert_eq!(shown[0].receipt.as_ref().map(|receipt| receipt.left), Some(0), "{mode}: {shown:?}");
        assert_eq!(upkeep_at(&mut world, begins).await.departures, 0, "{mode}: it is done once");
    }
}

#[tokio::test]
async fn a_planned_end_that_was_called_off_does_not_come() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        on(&world, &ada, &grace, "2026-12-01").await.expect("plan");
        let id = departures(&world, &ada).await[0].id.to_string();
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        leaving::cancel(&manager, world.accounts(), &id, &here(), world.now).await.expect("cancel");
        let again = leaving::cancel(&manager, world.accounts(), &id, &here(), world.now).await;
        assert!(matches!(again, Err(Refusal::Field("departure", _))), "{mode}: {again:?}");
        assert_eq!(upkeep_at(&mut world, START + Duration::days(30)).await.departures, 0, "{mode}");
        grace.again(&world).await;
    }
}

#[tokio::test]
async fn an_end_at_once_takes_the_place_of_a_planned_one() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    on(&world, &ada, &grace, "2026-12-01").await.expect("plan");
    now(&world, &ada, &grace).await.expect("now");
    let shown = departures(&world, &ada).await;
    assert!(shown.len() == 1 && shown[0].done.is_some(), "{shown:?}");
    assert_eq!(upkeep_at(&mut world, START + Duration::days(30)).await.departures, 0);
}

#[tokio::test]
async fn what_is_asked_on_friday_evening_is_due_by_the_stricter_of_two_promises() {
    let mut world = world("stack-aero").await;
    world.now = datetime!(2026-11-27 18:00 UTC);
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Read only").await;
    now(&world, &ada, &grace).await.expect("offboard");
    let (at, rule) = departures(&world, &ada).await.remove(0).due.expect("a promise");
    assert_eq!((at, rule.as_str()), (datetime!(2026-11-28 18:00 UTC), "24 hours, stricter than 24 business hours"));
}

#[tokio::test]
async fn a_profile_that_promises_no_time_shows_none() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    now(&world, &ada, &grace).await.expect("offboard");
    assert_eq!(departures(&world, &ada).await[0].due, None);
}

#[tokio::test]
async fn the_last_administrator_does_not_leave() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        for day in [None, Some("2026-12-01")] {
            let refused = offboard(&world, &ada, &Form { member: &ada.id(), successor: None, at: day }).await;
            assert!(matches!(refused, Err(Refusal::Conflict(_))), "{mode}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn two_administrators_who_end_each_others_access_at_once_leave_one() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, &world.profile.policy.sign_up.first_role).await;
        let (of_ada, of_grace) = (may::<rights::MembersManage>(&world, &ada).await, may(&world, &grace).await);
        let (accounts, origin, ids) = (world.accounts(), here(), (ada.id(), grace.id()));
        let grace_leaves = Form { member: &ids.1, successor: None, at: None };
        let ada_leaves = Form { member: &ids.0, successor: None, at: None };
        let (one, two) = tokio::join!(
            leaving::offboard(&of_ada, accounts, &grace_leaves, &origin, world.now),
            leaving::offboard(&of_grace, accounts, &ada_leaves, &origin, world.now)
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{mode}: {one:?} {two:?}");
    }
}

#[tokio::test]
async fn a_planned_end_that_would_take_the_last_administrator_away_is_called_off_with_a_record() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "CISO").await;
    on(&world, &ada, &grace, "2026-12-01").await.expect("plan");
    now(&world, &grace, &ada).await.expect("the other one leaves first");
    assert_eq!(upkeep_at(&mut world, START + Duration::days(30)).await.departures, 0);
    let grace = grace.again(&world).await;
    let reader = may::<rights::MembersRead>(&world, &grace).await;
    let planned = leaving::list(&reader, world.accounts(), 10).await.expect("departures");
    assert!(planned.iter().all(|one| one.done.is_some()), "nothing waits for ever: {planned:?}");
    let log = crate::entries::Log::read(&world, ada.tenant).await.rows;
    assert!(log.iter().any(|row| row.action == "offboarding-cancelled" && row.subject == grace.account.0));
}

#[tokio::test]
async fn nobody_ends_the_access_of_somebody_who_may_more() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, "eve@acme.example", "CISO").await;
    let manager = joins(&world, &ada, GRACE, "Manager").await;
    let refused = now(&world, &manager, &ada).await;
    assert!(matches!(refused, Err(Refusal::Field("role", _))), "{refused:?}");
}

#[tokio::test]
async fn a_successor_is_another_member_of_the_same_organisation() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    for nobody in [grace.id(), eve.id(), uuid::Uuid::now_v7().to_string(), "somebody".into()] {
        let form = Form { member: &grace.id(), successor: Some(&nobody), at: None };
        let refused = offboard(&world, &ada, &form).await;
        assert!(matches!(refused, Err(Refusal::Field("successor", _))), "{nobody}: {refused:?}");
    }
    let form = Form { member: &grace.id(), successor: Some(&ada.id()), at: None };
    offboard(&world, &ada, &form).await.expect("offboard");
    assert_eq!(departures(&world, &ada).await[0].successor.as_deref(), Some("Ada Lovelace"));
}

#[tokio::test]
async fn what_is_no_day_is_refused() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    for day in ["soon", "2026-13-01", "1.12.2026", ""] {
        let refused = on(&world, &ada, &grace, day).await;
        assert!(matches!(refused, Err(Refusal::Field("at", _))), "{day:?}: {refused:?}");
    }
}

#[tokio::test]
async fn what_somebody_who_leaves_is_named_in_goes_to_the_successor_in_each_mode() {
    use server::registers::{edit, record, shape::Shape};
    let records = [
        (
            "aertous",
            "tasks",
            "assignee",
            vec![("title", "Patch"), ("status", "Open"), ("priority", "High"), ("due", "2026-12-01")],
        ),
        ("stack-aero", "clients", "account_manager", vec![("name", "Acme"), ("category", "Broker")]),
    ];
    for (mode, register, field, fields) in records {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let role = MODES.iter().find(|(known, _)| *known == mode).expect("a mode").1;
        let grace = joins(&world, &ada, GRACE, role).await;
        let mut typed: edit::Typed = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        typed.insert(field.into(), GRACE.into());
        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        let id = edit::create(&editor, world.accounts(), register, &typed, &here(), world.now).await.expect("a record");

        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let (leaver, heir) = (grace.id(), ada.id());
        let form = leaving::Form { member: &leaver, successor: Some(&heir), at: None };
        leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("gone");

        let reader = may::<rights::RecordsRead>(&world, &ada).await;
        let shape = Shape::of(&reader, world.accounts(), register).expect("a register");
        let whole = record::whole(&reader, world.accounts(), &shape, id).await.expect("a look").expect("the record");
        assert_eq!(whole.content.first(field), Some(heir.as_str()), "{mode}");
        assert_eq!(whole.history.len(), 1, "{mode}");
    }
}
