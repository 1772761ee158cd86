//! Records of a register that keeps nothing longer than so many days after the last change.

use sea_orm::ConnectionTrait;
use server::files::{self, Onto};
use server::guard::rights;
use server::registers::edit;
use server::retention::{self, holds};
use server::testing::{START, World, profile};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::common::*;
use crate::holding::WHOLE;
use crate::records::{change, make, remove, search, seen};

/// Days that the tests' bookings are kept.
const DAYS: i64 = 40;

/// A school that keeps its aircraft for so many days: shipped profiles keep everything until it is removed.
async fn keeps_for_days() -> World {
    let added = format!("id = \"aircraft\"\nkeep_days = {DAYS}\n");
    World::with(profile("stratuslog", &[("id = \"aircraft\"\n", &added)])).await
}

async fn aircraft(world: &World, who: &Somebody, registration: &str) -> Uuid {
    let fields = [("registration", registration), ("model", "Cessna 172"), ("status", "Available")];
    make(world, who, "aircraft", &fields).await
}

async fn swept_at(world: &mut World, at: OffsetDateTime) -> u64 {
    world.now = at;
    let round = retention::sweep(&world.operator(), world.accounts(), at).await.expect("a round");
    assert_eq!(round.broken, 0);
    round.expired
}

/// Rows of a table that say something of a record.
async fn rows_about(world: &World, who: &Somebody, table: &str, column: &str, id: Uuid) -> i64 {
    let database = world.behind_log(who.tenant).await;
    let ask = statement(&database, &format!("select count(*) from {table} where {column} = $1"), vec![id.into()]);
    let row = database.query_one_raw(ask).await.expect("a query").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

#[tokio::test]
async fn what_nobody_changed_for_its_days_is_gone_to_the_second_with_its_history_and_files() {
    let mut world = keeps_for_days().await;
    let ada = ada(&world).await;
    let old = aircraft(&world, &ada, "N100AB").await;
    change(&world, &ada, "aircraft", old, &[("model", "Piper PA-28")]).await.expect("changed");
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let accepted = files::accept(64, "note.txt", "text/plain", b"kept for a while".to_vec().into()).expect("a text");
    let onto = Onto { record: old, field: None };
    files::attach(&editor, world.accounts(), onto, &accepted, &here(), world.now).await.expect("attached");
    // A record of another register has no end.
    let fields = [("name", "Amelia"), ("course", "Private pilot"), ("status", "Active")];
    let other = make(&world, &ada, "students", &fields).await;

    let end = START + Duration::days(DAYS);
    assert_eq!(swept_at(&mut world, end - Duration::seconds(1)).await, 0);
    let later = ada.again(&world).await;
    assert!(seen(&world, &later, "aircraft", old).await.is_some());
    assert_eq!(swept_at(&mut world, end).await, 1);
    let later = ada.again(&world).await;
    assert!(seen(&world, &later, "aircraft", old).await.is_none());
    assert!(search(&world, &later, "aircraft", "N100AB").await.is_empty());
    for (table, column) in [
        ("record", "id"),
        ("record_change", "record_id"),
        ("record_token", "record_id"),
        ("record_unique", "record_id"),
        ("file", "record_id"),
    ] {
        assert_eq!(rows_about(&world, &ada, table, column, old).await, 0, "{table}");
    }
    assert!(seen(&world, &later, "students", other).await.is_some());
    // What had to be unique is free again, and the log says that something went.
    aircraft(&world, &later, "N100AB").await;
    let log = crate::entries::Log::read(&world, ada.tenant).await;
    assert_eq!(log.actions().iter().filter(|action| **action == "records-expired").count(), 1);
}

#[tokio::test]
async fn a_change_begins_the_days_anew_and_a_hold_stops_them() {
    let mut world = keeps_for_days().await;
    let ada = ada(&world).await;
    let (old, held) = (aircraft(&world, &ada, "N100AB").await, aircraft(&world, &ada, "N200AB").await);
    let form = holds::Form { kind: "record", subject: Some(&held.to_string()), ..WHOLE };
    holds::place_by_operator(&world.operator(), world.accounts(), &ada.slug, &form, world.now).await.expect("a hold");
    world.now = START + Duration::days(DAYS) - Duration::seconds(1);
    let later = ada.again(&world).await;
    change(&world, &later, "aircraft", old, &[("model", "Piper PA-28")]).await.expect("changed");

    assert_eq!(swept_at(&mut world, START + Duration::days(DAYS)).await, 0);
    let end = START + Duration::days(2 * DAYS) - Duration::seconds(1);
    assert_eq!(swept_at(&mut world, end - Duration::seconds(1)).await, 0);
    assert_eq!(swept_at(&mut world, end).await, 1, "the changed one");
    let later = ada.again(&world).await;
    assert!(seen(&world, &later, "aircraft", held).await.is_some());
    assert_eq!(swept_at(&mut world, time::macros::datetime!(2028-01-01 00:00 UTC)).await, 1, "the hold has ended");
}

#[tokio::test]
async fn what_lies_in_the_bin_goes_by_the_days_of_the_bin() {
    let mut world = keeps_for_days().await;
    let ada = ada(&world).await;
    let binned = aircraft(&world, &ada, "N100AB").await;
    world.now += Duration::days(20);
    let later = ada.again(&world).await;
    remove(&world, &later, "aircraft", binned).await.expect("removed");
    let bin_days = i64::from(world.profile.policy.retention.purge_days.expect("days").get());
    // Longer after its last change than it would have been kept, and still to be brought back.
    let end = world.now + Duration::days(bin_days);
    assert!(end > START + Duration::days(DAYS));
    assert_eq!(swept_at(&mut world, end - Duration::seconds(1)).await, 0);
    let later = ada.again(&world).await;
    edit::restore(
        &may::<rights::RecordsDelete>(&world, &later).await,
        world.accounts(),
        "aircraft",
        binned,
        &here(),
        world.now,
    )
    .await
    .expect("back");
}
