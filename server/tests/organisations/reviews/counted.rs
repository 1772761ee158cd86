//! The numbers of a review, which the database keeps: they are what counting would find, and a page reads them and does not count.

use migrations::Platform;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use server::guard::rights;
use server::reviews::{self, Form};
use server::testing::{START, World};
use time::Duration;

use super::closing::{accept, close, offboard};
use super::many::many;
use super::*;
use crate::closing::{WINDOWS, cancel, due_at};

async fn number(database: &DatabaseConnection, sql: &str) -> i64 {
    let row = database.query_one_raw(statement(database, sql, Vec::new())).await.expect("rows").expect("one");
    row.try_get_by_index(0).expect("a number")
}

/// What is kept equals what is counted, of every review of every organisation.
pub async fn exact(world: &World) {
    let kept = "select tenant_id, review_id, decision, state, number from review_count where number <> 0";
    let counted =
        "select tenant_id, review_id, coalesce(decision, ''), state, count(*) from review_item group by 1, 2, 3, 4";
    let database = world.behind().await;
    for (one, other) in [(kept, counted), (counted, kept)] {
        let differing = format!("select count(*) from ({one} except {other}) as differing");
        assert_eq!(number(&database, &differing).await, 0, "{one}");
    }
    database.close().await.expect("close");
}

/// How many rows hold what is kept.
async fn kept(world: &World) -> i64 {
    let database = world.behind().await;
    let rows = number(&database, "select count(*) from review_count").await;
    database.close().await.expect("close");
    rows
}

#[tokio::test]
async fn what_is_kept_is_what_there_is_after_everything_that_writes_items() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        world.crowd(ada.tenant, 8, &[plain]).await;
        let form = Form { name: "Counted", due: DUE, effect: "at_close", ..Form::default() };
        let id = open(&world, &ada, &form).await.expect("open");
        assert_eq!(campaign(&world, &ada, id).await.counts.pending, 10, "{mode}");

        let item = item_of(&world, &ada, id, &grace).await.id;
        decide(&world, &ada, item, "keep", None, Some("Needed")).await.expect("keep");
        assert_eq!(campaign(&world, &ada, id).await.counts.keep, 1, "{mode}");
        let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
        reviews::undo(&reviewer, world.accounts(), &item.to_string(), &here(), world.now).await.expect("undo");
        assert_eq!(campaign(&world, &ada, id).await.counts.pending, 10, "{mode}");

        let done = many(&world, &ada, id, "revoke", Some(9)).await.expect("revoke");
        assert_eq!(campaign(&world, &ada, id).await.counts.revoke, 9, "{mode}");
        let (review, act) = (id.to_string(), done.act.to_string());
        reviews::undo_act(&reviewer, world.accounts(), &review, &act, &here(), world.now).await.expect("undo");
        assert_eq!(campaign(&world, &ada, id).await.counts.pending, 10, "{mode}");

        decide(&world, &ada, item, "keep", None, Some("Needed")).await.expect("keep");
        offboard(&world, &ada, &grace).await;
        accept(&world, &ada, item).await.expect("accept");
        assert_eq!(campaign(&world, &ada, id).await.counts.ended_otherwise, 1, "{mode}");
        many(&world, &ada, id, "revoke", Some(8)).await.expect("revoke");
        let outcome = close(&world, &ada, id).await.expect("close");
        let found = campaign(&world, &ada, id).await.counts;
        assert_eq!((found, found.applied, found.pending), (outcome.counts, 8, 0), "{mode}");

        assert!(kept(&world).await > 0, "{mode}");
        cancel(&world, &ada).await.expect("cancel");
        let days = WINDOWS.iter().find(|(known, _)| known == mode).expect("a mode").1;
        assert_eq!(due_at(&mut world, START + Duration::days(days + 1)).await.purged, 1, "{mode}");
        assert_eq!((kept(&world).await, world.rows_left(ada.tenant).await), (0, 0), "{mode}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_items_that_went_with_their_review_or_without_it() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.crowd(ada.tenant, 5, &["Employee"]).await;
    let (id, other) = (review(&world, &ada).await, review(&world, &ada).await);
    world.tamper("delete from review_item where account_id in (select account_id from review_item limit 1)").await;
    assert_eq!(campaign(&world, &ada, id).await.counts.items, 5);
    world.tamper("delete from review").await;
    assert_eq!((kept(&world).await, id == other), (0, false));
    exact(&world).await;
}

#[tokio::test]
async fn a_page_reads_what_is_kept_and_does_not_count() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let id = review(&world, &ada).await;
        world.tamper("update review_count set number = 41").await;
        let reader = may::<rights::ReviewsRead>(&world, &ada).await;
        let found = reviews::campaign(&reader, world.accounts(), id, world.now).await.expect("database");
        let counts = found.expect("the review").counts;
        assert_eq!((counts.items, counts.pending), (41, 41), "{mode}");
    }
}

#[tokio::test]
async fn what_was_there_before_it_was_kept_is_counted_once() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let id = review(&world, &ada).await;
        let database = world.behind().await;
        for what in ["review_item_added", "review_item_moved", "review_item_removed"] {
            let before = if on_postgres(&database) {
                format!("drop function {what} cascade")
            } else {
                format!("drop trigger {what}")
            };
            database.execute_unprepared(&before).await.expect(&before);
        }
        database.execute_unprepared("drop table review_count").await.expect("drop");
        database
            .execute_unprepared("delete from seaql_migrations where version = 'm0031_counted'")
            .await
            .expect("as before");
        Platform::up(&database, None).await.expect("up");
        exact(&world).await;
        assert!(kept(&world).await > 0, "{mode}: {id}");
    }
}
