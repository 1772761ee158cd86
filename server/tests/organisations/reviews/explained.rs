//! What was kept and ended otherwise: every part of the report says what was decided, when the access ended, and who explained it how.

use server::organisations::leaving;
use server::reviews::{self, Became, State};
use time::Duration;

use super::tampered::{forged, refused};
use super::*;
use server::guard::rights;

const WHY: &str = "Moved to the sister company";

/// A closed review in which Grace was kept and left meanwhile, which Ada explained.
async fn explained(mode: &str, plain: &str) -> (World, Somebody, Somebody, Uuid) {
    let mut world = world(mode).await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, plain).await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, item, "keep", None, Some("Needed for the audit")).await.expect("keep");
    world.now += Duration::minutes(1);
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
    world.now += Duration::minutes(1);
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::resolve(&manager, world.accounts(), (&item.to_string(), false), WHY, &here(), world.now)
        .await
        .expect("explained");
    world.now += Duration::minutes(1);
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    (world, ada, grace, id)
}

#[tokio::test]
async fn a_kept_person_who_left_is_told_with_the_decision_the_end_and_the_explanation() {
    for (mode, plain) in MODES {
        let (world, ada, grace, id) = explained(mode, plain).await;
        let ended = world.now - Duration::minutes(2);
        let item = item_of(&world, &ada, id, &grace).await;
        assert_eq!((item.state, item.note.as_deref()), (State::Gone, Some("Needed for the audit")), "{mode}");
        let reader = may::<rights::ReviewsRead>(&world, &ada).await;
        let report = reviews::report(&reader, world.accounts(), id, world.now).await.expect("database");
        let report = report.expect("a report");
        let counts = report.campaign.counts;
        assert_eq!((counts.keep, counts.gone, counts.ended_otherwise), (2, 1, 1), "{mode}");
        assert_eq!((report.explained_count, report.explained.len()), (1, 1), "{mode}");
        let (became, settled) = report.explained[0].differed().expect("a difference");
        assert_eq!(became, Became::Ended(Some(ended)), "{mode}");
        assert_eq!((settled.by.as_str(), settled.reason.as_str()), ("Ada Lovelace", WHY), "{mode}");
    }
}

#[tokio::test]
async fn every_part_of_the_archive_says_who_explained_it_and_why() {
    for (mode, plain) in MODES {
        let (world, ada, _, id) = explained(mode, plain).await;
        archived::holds(&archived::archive(&world, &ada, id).await);
        let ended = server::clock::rfc3339(world.now - Duration::minutes(2));
        for name in ["report.json", "report.html", "items.jsonl", "items.csv"] {
            let text = archived::part(&world, &ada, id, name).await;
            for said in [WHY, "Needed for the audit", "Ada Lovelace"] {
                assert!(text.contains(said), "{mode} {name}: {said}: {text}");
            }
        }
        let printed = archived::part(&world, &ada, id, "report.html").await;
        assert!(printed.contains(&format!("Access ended otherwise, {ended}")), "{mode}: {printed}");
        let told: serde_json::Value =
            serde_json::from_str(&archived::part(&world, &ada, id, "report.json").await).expect("json");
        let one = &told["explained"][0];
        assert_eq!((one["decision"].as_str(), one["ended_otherwise_at"].as_str()), (Some("keep"), Some(&*ended)));
    }
}

#[tokio::test]
async fn an_explanation_or_a_reason_that_was_written_anew_does_not_hold_whoever_signed_it() {
    let (world, ada, _, id) = explained("aertous", "Employee").await;
    let path = archived::archive(&world, &ada, id).await;
    archived::holds(&path);
    for (deed, why) in [
        ("items(lambda rows: one(rows, 'keep').update(note='Whatever'))", "another reason"),
        ("items(lambda rows: one(rows, 'keep').update(note='', note_salt=None))", "another reason"),
        ("items(lambda rows: one(rows, 'keep').update(note_salt='00' * 32))", "another reason"),
        ("items(lambda rows: one(rows, 'keep').update(explanation='Whatever'))", "another explanation"),
        ("items(lambda rows: one(rows, 'keep').update(explained_at='2026-11-21T11:00:00.000Z'))", "who explained"),
        (
            "items(lambda rows: one(rows, 'keep').update(explained_by_account='00000000-0000-0000-0000-000000000001'))",
            "who explained",
        ),
        ("items(lambda rows: one(rows, 'keep').update(explained_at=None))", "was explained"),
        ("items(lambda rows: one(rows, 'keep').update(ended_otherwise_at='2026-11-21T11:00:00.000Z'))", "ended then"),
        ("items(lambda rows: one(rows, 'keep').update(nobody_else_could_decide=1))", "so somebody could"),
    ] {
        refused(&forged(&world, &path, deed, true), why, deed);
    }
}

#[tokio::test]
async fn a_reason_that_is_added_where_there_was_none_does_not_hold() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    decide(&world, &ada, item_of(&world, &ada, id, &grace).await.id, "keep", None, None).await.expect("keep");
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    let path = archived::archive(&world, &ada, id).await;
    archived::holds(&path);
    let deed = "items(lambda rows: one(rows, 'keep').update(note='Looked at with care'))";
    refused(&forged(&world, &path, deed, true), "another reason", deed);
}
