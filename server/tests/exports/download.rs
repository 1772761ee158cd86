//! What is in an archive, who may take it along, and for how long.

use std::collections::BTreeMap;

use contract::standing::Standing;
use futures::TryStreamExt;
use server::exports::asking::{self, Kind, Stands};
use server::exports::{offered, work};
use server::guard::{Barred, rights};
use server::identity::Refusal;
use server::organisations::{members, upkeep};
use server::registers::edit::{self, Typed};
use server::testing::World;
use time::Duration;

use crate::common::*;
use crate::reading::*;

/// One record of each profile, with this name and free words where there are some.
pub async fn record(world: &World, who: &Somebody, name: &str, words: &str) -> String {
    let (register, fields): (&str, &[(&str, &str)]) = match world.profile.id.as_str() {
        "aertous" => {
            ("vendors", &[("name", name), ("contact", words), ("criticality", "Low"), ("owner", who.email.as_str())])
        }
        "stratuslog" => (
            "students",
            &[
                ("name", name),
                ("email", words),
                ("course", "Private pilot"),
                ("status", "Active"),
                ("enrolled", "2026-05-17"),
            ],
        ),
        _ => ("clients", &[("name", name), ("contact", words), ("category", "Broker")]),
    };
    let typed: Typed = fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
    let editor = may::<rights::RecordsWrite>(world, who).await;
    let made = edit::create(&editor, world.accounts(), register, &typed, &here(), world.now).await;
    made.expect("a record").to_string()
}

async fn standing(world: &World, who: &Somebody, to: Standing) {
    server::organisations::standing::set(&world.operator(), world.accounts(), &who.slug, to, world.now)
        .await
        .expect("standing");
}

#[tokio::test]
async fn an_archive_has_every_row_of_the_organisation_and_none_of_another() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let eve = founder(&world, EVE, "Rivals").await;
        joins(&world, &ada, GRACE, plain).await;
        unit(&world, &ada, "North").await;
        for number in 0..3 {
            record(&world, &ada, &format!("Record {number}"), &format!("words{number}")).await;
        }
        record(&world, &eve, "marker-of-theirs", "marker-too").await;
        unit(&world, &eve, "marker-unit").await;

        let bytes = archive(&world, &ada, Kind::Whole).await;
        let found = read(&world, &bytes);
        let rows = |name: &str| found["sections"][name].as_array().map_or(0, Vec::len) as u64;
        for (section, table, condition) in [
            ("members", "membership", "and kind = 'member'"),
            ("roles", "custom_role", ""),
            ("units", "unit", ""),
            ("reach", "reach", ""),
            ("invitations", "invitation", ""),
            ("departures", "departure", ""),
            ("help", "help_grant", ""),
            ("days", "tally", ""),
            ("history", "record_change", ""),
            ("acts", "act", ""),
        ] {
            assert_eq!(rows(section), counted(&world, &ada, table, condition).await, "{mode}: {section}");
        }
        let of_registers: u64 =
            world.profile.registers.iter().map(|one| rows(&format!("records/{}", one.id.get_ref()))).sum();
        assert_eq!((of_registers, counted(&world, &ada, "record", "").await), (3, 3), "{mode}");
        let log = found["texts"]["log/entries.jsonl"].as_str().expect("entries").lines().count();
        // It was asked for before that instant, made and taken along after it.
        assert_eq!(log as u64 + 2, counted(&world, &ada, "entry", "").await, "{mode}");
        let text = found.to_string();
        assert!(text.contains(GRACE) && text.contains("Record 2") && text.contains("North"), "{mode}");
        assert!(!text.contains("marker") && !text.contains(EVE), "{mode}");
        for secret in ["password", "token_hash", "address_index", "$argon2"] {
            assert!(!found["sections"].to_string().contains(secret), "{mode}: {secret}");
        }
    }
}

#[tokio::test]
async fn the_log_in_an_archive_is_verified_by_the_other_verifier() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        unit(&world, &ada, "North").await;
        server::audit::heads::sign_all(&world.operator(), &world.vault, world.now).await.expect("sign");
        let found = read(&world, &archive(&world, &ada, Kind::Whole).await);
        let said = log_verified(&world, &found);
        assert!(said.starts_with("holds: "), "{mode}: {said}");
        assert!(found["texts"]["log/log.csv"].as_str().expect("a table").contains("unit-made"), "{mode}");
    }
}

#[tokio::test]
async fn what_a_spreadsheet_would_compute_is_text_in_the_table_and_as_it_was_in_the_lines() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let hostile = ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "'=1", "a,\"b\"", "plain"];
    for (number, name) in hostile.iter().enumerate() {
        record(&world, &ada, name, &format!("p{number}@school.example")).await;
    }
    let found = read(&world, &archive(&world, &ada, Kind::Whole).await);
    let names: Vec<&str> = found["sections"]["records/students"]
        .as_array()
        .expect("students")
        .iter()
        .filter_map(|row| row["fields"]["name"][0].as_str())
        .collect();
    assert_eq!(names, hostile);
}

#[tokio::test]
async fn an_archive_can_be_had_whatever_the_subscription() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        record(&world, &ada, "Kept", "words").await;
        for to in Standing::ALL {
            standing(&world, &ada, *to).await;
            let found = read(&world, &archive(&world, &ada, Kind::Whole).await);
            assert_eq!(found["sections"]["organisation"][0]["standing"], to.word(), "{mode}");
            assert!(found.to_string().contains("Kept"), "{mode}: {}", to.word());
        }
    }
}

#[tokio::test]
async fn a_part_of_an_archive_is_that_part_of_the_whole() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let id = made(&world, &ada, Kind::Whole).await;
    let taker = may::<rights::ExportCreate>(&world, &ada).await;
    let offered = offered::download(&taker, world.accounts(), &id, 0, &here(), world.now).await.expect("archive");
    let part = async |range: std::ops::Range<u64>| {
        let pieces: Vec<_> = offered.part(range).expect("range").try_collect().await.expect("bytes");
        pieces.concat()
    };
    let bytes = offered.bytes();
    let whole = part(0..bytes).await;
    assert_eq!(server::crypto::sha256_hex(&whole), offered.sha256);
    let middle = bytes / 3;
    assert_eq!([part(0..middle).await, part(middle..bytes).await].concat(), whole);
    assert!(offered.part(0..bytes + 1).is_err());
}

#[tokio::test]
async fn an_archive_is_gone_after_its_time_and_so_is_what_lay_in_the_store() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let id = made(&world, &ada, Kind::Whole).await;
    let hours = i64::from(world.profile.policy.retention.export_hours.get());
    let below = format!("{}/exports", ada.tenant.0);
    assert_eq!(world.accounts().blobs.below(&below).await.expect("store").len(), 1);

    world.now += Duration::hours(hours) - Duration::seconds(1);
    let later = ada.again(&world).await;
    let taker = may::<rights::ExportCreate>(&world, &later).await;
    offered::download(&taker, world.accounts(), &id, 0, &here(), world.now).await.expect("a second before");
    world.now += Duration::seconds(1);
    let gone = offered::download(&taker, world.accounts(), &id, 0, &here(), world.now).await.expect_err("over");
    assert!(matches!(gone, Refusal::NotKept(_)), "{gone}");

    upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
    assert!(world.accounts().blobs.below(&below).await.expect("store").is_empty());
    let gone = offered::download(&taker, world.accounts(), &id, 0, &here(), world.now).await.expect_err("expired");
    assert!(matches!(gone, Refusal::NotKept(_)), "{gone}");
    assert_eq!(asking::list(&taker, world.accounts()).await.expect("list")[0].stands, Stands::Expired);
}

#[tokio::test]
async fn an_archive_that_is_taken_away_while_somebody_opens_it_is_gone_like_one_whose_time_is_over() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let id = made(&world, &ada, Kind::Whole).await;
    let taker = may::<rights::ExportCreate>(&world, &ada).await;
    let blobs = &world.accounts().blobs;
    for found in blobs.below(&format!("{}/exports", ada.tenant.0)).await.expect("store") {
        blobs.remove(&found.at).await.expect("removed");
    }
    let gone = offered::download(&taker, world.accounts(), &id, 0, &here(), world.now).await.expect_err("gone");
    assert!(matches!(gone, Refusal::NotKept(_)), "{gone:?}");
}

#[tokio::test]
async fn an_archive_of_others_is_none_and_asking_needs_a_fresh_factor() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let eve = founder(&world, EVE, "Rivals").await;
    let id = made(&world, &ada, Kind::Whole).await;
    let stranger = may::<rights::ExportCreate>(&world, &eve).await;
    for asked in [id.as_str(), "nonsense", "018f0000-0000-7000-8000-000000000000"] {
        let answer = offered::download(&stranger, world.accounts(), asked, 0, &here(), world.now).await;
        assert!(matches!(answer, Err(Refusal::NotFound)), "{asked}");
    }
    world.now += Duration::minutes(i64::from(world.profile.policy.sessions.step_up_minutes.get()));
    let stale = try_may::<rights::ExportCreate>(&world, &ada).await.map(|_| ()).expect_err("too long ago");
    assert_eq!(stale, Barred::Needs(contract::access::Needs::StepUp));
}

#[tokio::test]
async fn what_was_cut_short_is_begun_anew_and_half_an_archive_never_appears() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    record(&world, &ada, "Kept", "words").await;
    let requester = may::<rights::ExportCreate>(&world, &ada).await;
    let id = asking::request(&requester, world.accounts(), Kind::Whole, &here(), world.now).await.expect("request");
    let again = asking::request(&requester, world.accounts(), Kind::Whole, &here(), world.now).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))));
    // Dropped at every one of its steps, as by a kill.
    let (operator, accounts) = (world.operator(), world.accounts().clone());
    let mut states = BTreeMap::new();
    for polls in [1, 2, 3, 5, 8, 13, 21, 34] {
        let mut work = Box::pin(work::all_of(&operator, &accounts, ada.tenant, world.now));
        for _ in 0..polls {
            if futures::poll!(&mut work).is_ready() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_micros(500)).await;
        }
        drop(work);
        let stands = asking::list(&requester, &accounts).await.expect("list")[0].stands.clone();
        if let Stands::Ready { .. } = stands {
            break;
        }
        let early = offered::download(&requester, &accounts, &id.to_string(), 0, &here(), world.now).await;
        assert!(matches!(early, Err(Refusal::Conflict(_))), "half an archive is offered");
        *states.entry(format!("{stands:?}")).or_insert(0) += 1;
        // Whoever was at it has been silent for long enough.
        world.now += Duration::minutes(1);
    }
    assert!(!states.is_empty());
    work::all_of(&operator, &accounts, ada.tenant, world.now).await.expect("work");
    let ada = ada.again(&world).await;
    let taker = may::<rights::ExportCreate>(&world, &ada).await;
    let offered = offered::download(&taker, &accounts, &id.to_string(), 0, &here(), world.now).await.expect("archive");
    let pieces: Vec<_> = offered.part(0..offered.bytes()).expect("range").try_collect().await.expect("bytes");
    assert!(read(&world, &pieces.concat()).to_string().contains("Kept"));
    let lies = accounts.blobs.below(&format!("{}/exports", ada.tenant.0)).await.expect("store");
    assert_eq!(lies.len(), 1, "what the tries before it left: {lies:?}");
}

#[tokio::test]
async fn an_archive_made_while_others_write_is_of_one_instant() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let requester = may::<rights::ExportCreate>(&world, &ada).await;
    let (accounts, now) = (world.accounts(), world.now);
    for _ in 0..3 {
        asking::request(&requester, accounts, Kind::Whole, &here(), now).await.expect("request");
        let operator = world.operator();
        // A unit is made before each record; an archive of one instant has as many of one as of the other, or one unit more.
        let writing = async {
            for number in 0..12 {
                let name = format!("Unit {}", uuid::Uuid::now_v7());
                server::organisations::units::create(&manager, accounts, &name, &here(), now).await.expect("unit");
                let typed: Typed = [
                    ("name", format!("Vendor {number} {}", uuid::Uuid::now_v7())),
                    ("criticality", "Low".into()),
                    ("owner", ada.email.clone()),
                ]
                .map(|(field, value)| (field.to_owned(), value))
                .into();
                edit::create(&editor, accounts, "vendors", &typed, &here(), now).await.expect("record");
            }
        };
        let ((), made) = tokio::join!(writing, work::all_of(&operator, accounts, ada.tenant, now));
        assert_eq!(made.expect("work"), 1);
        let id = asking::list(&requester, accounts).await.expect("list")[0].id.to_string();
        let offered = offered::download(&requester, accounts, &id, 0, &here(), now).await.expect("archive");
        let pieces: Vec<_> = offered.part(0..offered.bytes()).expect("range").try_collect().await.expect("bytes");
        let found = read(&world, &pieces.concat());
        let rows = |name: &str| found["sections"][name].as_array().expect("rows").len();
        let (units, records) = (rows("units"), rows("records/vendors"));
        assert!(units == records || units == records + 1, "{units} units and {records} records");
        let entries = found["texts"]["log/entries.jsonl"].as_str().expect("entries");
        let told = |word: &str| entries.lines().filter(|line| line.contains(word)).count();
        assert_eq!((told("\"unit-made\""), told("\"record-made\"")), (units, records));
    }
}

#[tokio::test]
async fn whoever_lost_the_role_does_not_get_the_archive() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let role = world.profile.policy.sign_up.first_role.clone();
    let grace = joins(&world, &ada, GRACE, &role).await;
    made(&world, &grace, Kind::Whole).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    members::change_role(&manager, world.accounts(), &grace.id(), "Employee", &here(), world.now).await.expect("role");
    let barred = try_may::<rights::ExportCreate>(&world, &grace).await.map(|_| ()).expect_err("no right");
    assert_eq!(barred, Barred::Forbidden);
}

#[tokio::test]
async fn every_step_of_an_archive_stands_in_the_log() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    archive(&world, &ada, Kind::Whole).await;
    for (word, count) in [("export-requested", 1), ("export-made", 1), ("export-downloaded", 1)] {
        assert_eq!(counted(&world, &ada, "entry", &format!("and action = '{word}'")).await, count, "{word}");
    }
}
