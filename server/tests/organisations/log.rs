//! The log of an organisation: what is written down, that nobody can take it back, and what goes by its age.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use server::audit::heads::Walked;
use server::audit::view::{self, Form, Query};
use server::guard::{Asks, Store, TenantId, Visitor, rights};
use server::organisations::{members, units, upkeep};
use server::testing::{START, World};
use time::Duration;
use uuid::Uuid;

use crate::common::*;
use crate::entries::{COLUMNS, Log, second_opinion, sign, walk};

async fn upkeep(world: &World) -> upkeep::Round {
    let round = upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
    assert_eq!(round.broken, 0);
    round
}

#[tokio::test]
async fn every_act_is_in_the_log_with_who_did_it_and_to_whom() {
    use server::organisations::{invitations, leaving, ownership, reset, roles};
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (accounts, origin, now) = (world.accounts(), here(), world.now);
        let ada = ada(&world).await;
        let own = may::<rights::OrganisationManage>(&world, &ada).await;
        ownership::rename(&own, accounts, "Difference Engines", &origin, now).await.expect("rename");
        let grace = joins(&world, &ada, GRACE, plain).await;
        let north: Uuid = unit(&world, &ada, "North").await.parse().expect("id");
        let (north_text, id) = (north.to_string(), grace.id());
        role(&world, &ada, "Guest", "organisation_read").await;
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        members::change_role(&manager, accounts, &id, "Guest", &origin, now).await.expect("role");
        members::change_role(&manager, accounts, &id, plain, &origin, now).await.expect("role");
        let owner = may::<rights::RolesManage>(&world, &ada).await;
        roles::delete(&owner, accounts, "Guest", &origin, now).await.expect("no role");
        let units_of = may::<rights::UnitsManage>(&world, &ada).await;
        let target = (Some(north_text.as_str()), None);
        members::grant_reach(&units_of, accounts, &id, target, &origin, now).await.expect("reach");
        members::withdraw_reach(&units_of, accounts, &id, &north_text, &origin, now).await.expect("no reach");
        units::delete(&units_of, accounts, &north_text, &origin, now).await.expect("no unit");
        invite(&world, &ada, "eve@acme.example", plain).await.expect("invite");
        let waiting = invitations::list(&manager, accounts).await.expect("invitations")[0].id;
        invitations::withdraw(&manager, accounts, &waiting.to_string(), &origin, now).await.expect("withdraw");
        if *mode == "aertous" {
            let actor = may::<rights::MfaReset>(&world, &ada).await;
            reset::member_mfa(&actor, accounts, &id, "Lost it", &origin, now).await.expect("reset");
        }
        let planned = leaving::Form { member: &id, successor: None, at: Some("2026-12-01") };
        leaving::offboard(&manager, accounts, &planned, &origin, now).await.expect("plan");
        let departure = leaving::list(&manager, accounts, 1).await.expect("departures")[0].id.to_string();
        leaving::cancel(&manager, accounts, &departure, &origin, now).await.expect("cancel");
        let at_once = leaving::Form { at: None, ..planned };
        leaving::offboard(&manager, accounts, &at_once, &origin, now).await.expect("offboard");

        let tenant = ada.tenant.0;
        let (ada, grace) = (ada.account.0, grace.account.0);
        let log = Log::read(&world, TenantId(tenant)).await;
        assert!(log.rows.iter().all(|row| row.actor_kind == "person" && row.outcome == "done"), "{mode}: {log:?}");
        let invited: Vec<Uuid> =
            log.rows.iter().filter(|row| row.action == "member-invited").map(|row| row.subject).collect();
        let mut wanted = vec![
            ("organisation-made", ada, tenant),
            ("organisation-renamed", ada, tenant),
            ("member-invited", ada, invited[0]),
            ("member-joined", grace, grace),
            ("unit-made", ada, north),
            ("role-made", ada, Uuid::nil()),
            ("role-changed", ada, grace),
            ("role-changed", ada, grace),
            ("role-removed", ada, Uuid::nil()),
            ("reach-granted", ada, grace),
            ("reach-withdrawn", ada, grace),
            ("unit-removed", ada, north),
            ("member-invited", ada, waiting),
            ("invitation-withdrawn", ada, waiting),
            ("mfa-reset", ada, grace),
            ("offboarding-planned", ada, grace),
            ("offboarding-cancelled", ada, grace),
            ("member-offboarded", ada, grace),
        ];
        wanted.retain(|(action, ..)| *mode == "aertous" || *action != "mfa-reset");
        let found: Vec<_> = log.rows.iter().map(|row| (row.action.as_str(), row.actor, row.subject)).collect();
        assert_eq!(found, wanted, "{mode}");
    }
}

#[tokio::test]
async fn an_untouched_log_holds_for_both_verifiers() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        sign(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        sign(&world).await;
        let entries = i64::try_from(Log::read(&world, ada.tenant).await.rows.len()).expect("a number");
        let walked = walk(&world, ada.tenant).await;
        assert!(matches!(walked, Walked::Holds { entries: found, .. } if found == entries), "{mode}: {walked:?}");
        assert_eq!(second_opinion(&world, &ada).await, (Some(0), format!("holds: {entries} entries")), "{mode}");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_delete_an_entry() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let before = Log::read(&world, ada.tenant).await;
        let database = world.behind_log(ada.tenant).await;
        let columns: Vec<_> =
            COLUMNS.split(", ").map(|column| format!("update entry set {column} = {column}")).collect();
        for sql in columns.iter().map(String::as_str).chain(["delete from entry", "delete from entry where seq = 1"]) {
            let refused = database.execute_raw(statement(&database, sql, Vec::new())).await;
            assert!(refused.is_err(), "{mode}: {sql}");
        }
        assert_eq!(Log::read(&world, ada.tenant).await, before, "{mode}");
    }
}

#[tokio::test]
async fn a_change_whose_record_cannot_be_written_leaves_nothing() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let database = world.behind().await;
        let table = if *mode == "stack-aero" { "outbox" } else { "entry" };
        let refuse = if on_postgres(&database) {
            world
                .tamper(
                    "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
                )
                .await;
            format!("create trigger no before insert on {table} for each row execute function no()")
        } else {
            format!("create trigger no before insert on {table} begin select raise(abort, 'no'); end")
        };
        world.tamper(&refuse).await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let refused = units::create(&manager, world.accounts(), "North", &here(), world.now).await;
        assert!(refused.is_err(), "{mode}");
        assert!(units::list(&manager, world.accounts()).await.expect("units").is_empty(), "{mode}");
        let on = if on_postgres(&database) { format!(" on {table}") } else { String::new() };
        world.tamper(&format!("drop trigger no{on}")).await;
        units::create(&manager, world.accounts(), "North", &here(), world.now).await.expect("a unit");
        assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { .. }), "{mode}");
    }
}

#[tokio::test]
async fn a_change_that_is_dropped_half_way_leaves_both_row_and_entry_or_neither() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let origin = here();
        for polls in 0..40 {
            let name = format!("Unit {polls}");
            let mut act = Box::pin(units::create(&manager, world.accounts(), &name, &origin, world.now));
            for _ in 0..polls {
                if futures::poll!(&mut act).is_ready() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_micros(300)).await;
            }
            drop(act);
        }
        // Whoever waits for the writer sees what the last one that was dropped came to.
        unit(&world, &ada, "The last one").await;
        // What was committed and not yet delivered is delivered now.
        sign(&world).await;
        let there = units::list(&manager, world.accounts()).await.expect("units").len();
        let log = Log::read(&world, ada.tenant).await;
        assert_eq!(log.actions().iter().filter(|action| **action == "unit-made").count(), there, "{mode}");
        assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { .. }), "{mode}");
    }
}

#[tokio::test]
async fn entries_go_when_they_are_older_than_promised_and_not_a_second_earlier() {
    for (mode, _) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let old = Log::read(&world, ada.tenant).await.rows.len() as u64;
        world.now = START + Duration::seconds(1);
        unit(&world, &ada, "North").await;

        world.now = START + Duration::days(400);
        assert_eq!(upkeep(&world).await.pruned, 0, "{mode}: as old as promised");
        world.now += Duration::seconds(1);
        assert_eq!(upkeep(&world).await.pruned, old, "{mode}");
        let log = Log::read(&world, ada.tenant).await;
        assert_eq!(log.actions()[0], "unit-made", "{mode}: one second younger");
        assert_eq!(log.actions().last(), Some(&"log-pruned"), "{mode}");
        assert_eq!(upkeep(&world).await.pruned, 0, "{mode}: nothing more");
        assert_eq!(Log::read(&world, ada.tenant).await, log, "{mode}");

        let ada = ada.again(&world).await;
        sign(&world).await;
        let reader = may::<rights::AuditRead>(&world, &ada).await;
        let heads = view::heads(&reader).await.expect("heads");
        let of_pruned = heads.lines().filter(|line| line.contains("\"kind\":\"pruned\"")).count();
        assert_eq!(of_pruned, 1, "{mode}: {heads}");
        assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { .. }), "{mode}");
        assert_eq!(second_opinion(&world, &ada).await.0, Some(0), "{mode}");
    }
}

#[tokio::test]
async fn a_log_of_which_all_is_too_old_keeps_an_end_and_comes_to_rest() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    world.now = START + Duration::days(500);
    upkeep(&world).await;
    upkeep(&world).await;
    let at_rest = Log::read(&world, ada.tenant).await;
    assert_eq!(upkeep(&world).await.pruned, 0);
    assert_eq!(Log::read(&world, ada.tenant).await, at_rest);
    assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { .. }));
}

#[tokio::test]
async fn taking_the_log_along_is_itself_in_what_is_taken() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let reader = may::<rights::AuditRead>(&world, &ada).await;
    view::begin_export(&reader, world.accounts(), (Form::JsonLines, &Query::default()), &here(), world.now)
        .await
        .expect("begin");
    let piece = view::piece(&reader, world.accounts(), (Form::JsonLines, &Query::default()), (0, i64::MAX))
        .await
        .expect("piece")
        .expect("entries")
        .0;
    assert!(piece.contains("log-exported"), "{piece}");
}

#[tokio::test]
async fn the_log_is_read_page_by_page_without_gaps_or_doubles() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let reader = may::<rights::AuditRead>(&world, &ada).await;
    for _ in 0..120 {
        view::begin_export(&reader, world.accounts(), (Form::Csv, &Query::default()), &here(), world.now)
            .await
            .expect("an entry");
    }
    let mut query = view::Query { action: Some("log-exported".into()), ..view::Query::default() };
    let mut numbers = Vec::new();
    loop {
        let listed = view::list(&reader, world.accounts(), &query).await.expect("a page");
        assert!(listed.lines.len() <= 50);
        numbers.extend(listed.lines.iter().map(|line| line.seq));
        let Some(next) = listed.next else { break };
        query.before = Some(next);
    }
    assert_eq!(numbers.len(), 120);
    assert!(numbers.windows(2).all(|two| two[0] == two[1] + 1), "{numbers:?}");
    query.before = Some("nowhere".into());
    let refused = view::list(&reader, world.accounts(), &query).await;
    assert!(matches!(refused, Err(server::identity::Refusal::Field("after", _))), "{refused:?}");
}

#[tokio::test]
async fn a_day_of_the_log_is_a_day_of_whoever_reads_it() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    world.tamper("update account set time_zone = 'Pacific/Kiritimati'").await;
    let reader = may::<rights::AuditRead>(&world, &ada).await;
    // Noon there is 22:00 of the day before in UTC.
    let noon = world.now.replace_time(time::macros::time!(22:00)) + time::Duration::days(1);
    world.now = noon;
    view::begin_export(&reader, world.accounts(), (Form::Csv, &Query::default()), &here(), noon)
        .await
        .expect("an entry");
    let day = |days: i64| {
        let day = (noon + time::Duration::days(days)).date().to_string();
        view::Query { from: Some(day.clone()), to: Some(day), action: Some("log-exported".into()), ..Query::default() }
    };
    for (query, found) in [(day(0), 0), (day(1), 1), (day(2), 0)] {
        let listed = view::list(&reader, world.accounts(), &query).await.expect("a page");
        assert_eq!(listed.lines.len(), found, "{query:?}");
    }
}

#[tokio::test]
async fn two_instances_that_append_in_turn_and_at_once_keep_one_chain() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let other = Store::open_as(&world.place, false, world.profile.isolation).await.expect("a second instance");
        let other = Visitor::of(&Arc::new(other));
        let elsewhere = other.caller(&world.profile, &ada.session.hash(), world.now).await.expect("database");
        let elsewhere = elsewhere.expect("signed in").may::<rights::UnitsManage>(&ada.slug, Asks::ToDo).expect("may");
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let origin = here();
        let make = async |by, name: String| units::create(by, world.accounts(), &name, &origin, world.now).await;
        // Each has a guess where the log ends, and the other makes it wrong.
        for turn in 0..4 {
            make(&manager, format!("North {turn}")).await.expect("a unit");
            make(&elsewhere, format!("South {turn}")).await.expect("a unit");
        }
        let at_once =
            (0..20).map(|turn| make(if turn % 2 == 0 { &manager } else { &elsewhere }, format!("At once {turn}")));
        for done in futures::future::join_all(at_once).await {
            done.expect("a unit");
        }
        // One that comes to nothing leaves the guess behind.
        make(&manager, "North 0".into()).await.expect_err("there is one");
        make(&manager, "Last".into()).await.expect("a unit");
        let made =
            Log::read(&world, ada.tenant).await.actions().iter().filter(|action| **action == "unit-made").count();
        assert_eq!(made, 29, "{mode}");
        assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { .. }), "{mode}");
    }
}
