//! Where each organisation has a database of its own: what is whose, and what happens when one is gone.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use server::audit::heads::{self, Walked};
use server::audit::view;
use server::files;
use server::guard::{Asks, Store, TenantId, Visitor, Where, rights};
use server::identity::Refusal;
use server::profile::policy::Isolation;
use server::testing::World;

use crate::common::*;
use crate::entries::{COLUMNS, Log, sign};

async fn two() -> (World, Somebody, Somebody) {
    let world = world("stack-aero").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    (world, ada, eve)
}

#[tokio::test]
async fn the_entries_of_an_organisation_are_in_its_own_database_and_nowhere_else() {
    let (world, ada, eve) = two().await;
    sign(&world).await;
    for somebody in [&ada, &eve] {
        let log = Log::read(&world, somebody.tenant).await;
        assert!(!log.rows.is_empty() && log.rows.iter().all(|row| row.tenant == somebody.tenant.0), "{log:?}");
    }
    let platform = world.behind().await;
    for table in ["entry", "signed_head", "log_head", "delivered", "outbox"] {
        let count = statement(&platform, &format!("select count(*) from {table}"), Vec::new());
        let count = platform.query_one_raw(count).await.expect("count").expect("a row");
        assert_eq!(count.try_get_by_index::<i64>(0).expect("a number"), 0, "{table}");
    }
    if let Where::Embedded(_) = world.place {
        assert!(world.own_file(ada.tenant).exists() && world.own_file(eve.tenant).exists());
    }
}

#[tokio::test]
async fn a_start_without_the_owner_who_made_the_databases_is_refused_with_what_to_set() {
    let (world, ada, eve) = two().await;
    let Where::Postgres { url, admin_url } = world.place.clone() else { return };
    let start = async |admin_url: &str| {
        let place = Where::Postgres { url: url.clone(), admin_url: admin_url.to_owned() };
        Store::open_as(&place, false, Isolation::Dedicated).await.expect("the platform opens").reaches_its_own().await
    };
    start(&admin_url).await.expect("as they were made");
    let platform = world.behind().await;
    let weak = format!("weak_{}", eve.tenant.0.simple());
    platform.execute_unprepared(&format!("create role {weak} login")).await.expect("role");
    let as_login = |name: &str| {
        let (_, place) = admin_url.split_once('@').expect("a login");
        format!("postgres://{name}@{place}")
    };
    let refused = start(&as_login("nobody_of_that_name")).await.expect_err("nobody").to_string();
    assert!(refused.contains("not let in") && refused.contains("AVOUCH_ADMIN_DATABASE_URL"), "{refused}");
    let refused = start(&as_login(&weak)).await.expect_err("too little").to_string();
    assert!(refused.contains(&format!("alter role {weak} createdb")), "{refused}");
    // Both were made at the same instant: either may be the newest.
    for tenant in [ada.tenant, eve.tenant] {
        let shut = format!("alter role \"avouch_o_{}\" nologin", tenant.0.simple());
        platform.execute_unprepared(&shut).await.expect("shut");
    }
    let refused = start(&admin_url).await.expect_err("shut").to_string();
    assert!(refused.contains("cannot be opened") && !refused.contains("://"), "{refused}");
    platform.execute_unprepared(&format!("drop role {weak}")).await.expect("gone");
}

#[tokio::test]
async fn the_database_of_an_organisation_takes_no_entry_of_another() {
    let (world, ada, eve) = two().await;
    let database = world.behind_log(ada.tenant).await;
    let copy = |tenant: TenantId| {
        let columns = COLUMNS.replacen("tenant_id, seq", "$1, seq + 1000", 1);
        let sql = format!("insert into entry ({COLUMNS}) select {columns} from entry where seq = 1");
        statement(&database, &sql, vec![tenant.0.into()])
    };
    let foreign = database.execute_raw(copy(eve.tenant)).await;
    assert!(foreign.as_ref().is_err_and(|error| error.to_string().contains("belongs to another")), "{foreign:?}");
    database.execute_raw(copy(ada.tenant)).await.expect("its own goes in");
    for sql in [
        "insert into log_head (tenant_id, seq, hash) select $1, seq, hash from log_head",
        "insert into delivered (tenant_id, id) values ($1, $1)",
    ] {
        let refused = database.execute_raw(statement(&database, sql, vec![eve.tenant.0.into()])).await;
        assert!(refused.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_an_error_and_not_an_empty_one() {
    let (world, ada, eve) = two().await;
    let Where::Embedded(_) = world.place else { return };
    for ending in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(world.own_file(ada.tenant).with_extension(ending));
    }
    // Another instance, which has no file open.
    let store = Store::open_as(&world.place, false, world.profile.isolation).await.expect("a second instance");
    let visitor = Visitor::of(&Arc::new(store));
    let list = async |who: &Somebody| {
        let caller = visitor.caller(&world.profile, &who.session.hash(), world.now).await.expect("database");
        let reader = caller.expect("a session").may::<rights::AuditRead>(&who.slug, Asks::ToSee).expect("permitted");
        view::list(&reader, world.accounts(), &view::Query::default()).await
    };
    let gone = list(&ada).await;
    assert!(matches!(gone, Err(Refusal::Database(_))), "{gone:?}");
    assert!(!world.own_file(ada.tenant).exists(), "nothing was made in its place");
    assert!(!list(&eve).await.expect("the other one is there").lines.is_empty());
}

#[tokio::test]
async fn two_organisations_never_have_one_database() {
    let (world, ada, eve) = two().await;
    let platform = world.behind().await;
    let sql = "update environment set location = (select e.location from environment e where e.tenant_id = $1) where tenant_id = $2";
    let same = platform.execute_raw(statement(&platform, sql, vec![ada.tenant.0.into(), eve.tenant.0.into()])).await;
    assert!(same.is_err(), "{same:?}");
}

#[tokio::test]
async fn an_event_that_a_crash_left_on_its_way_is_delivered_once() {
    let (world, ada, _) = two().await;
    unit(&world, &ada, "North").await;
    let before = Log::read(&world, ada.tenant).await;
    // What was delivered and not yet taken off the list comes again.
    let platform = world.behind().await;
    let own = world.behind_log(ada.tenant).await;
    let seen =
        own.query_all_raw(statement(&own, "select id from delivered order by id", Vec::new())).await.expect("ids");
    let id: uuid::Uuid = seen.last().expect("a delivery").try_get("", "id").expect("an id");
    let waiting = "insert into outbox (tenant_id, id, event) values ($1, $2, $3)";
    let event = br#"{"at_ms":1,"actor_kind":"person","actor":"00000000-0000-0000-0000-000000000000","action":"unit-made","subject":"00000000-0000-0000-0000-000000000000","outcome":"done","detail":[]}"#;
    let values = |id: uuid::Uuid| vec![ada.tenant.0.into(), id.into(), event.to_vec().into()];
    platform.execute_raw(statement(&platform, waiting, values(id))).await.expect("again");
    sign(&world).await;
    assert_eq!(Log::read(&world, ada.tenant).await, before);

    // What was committed and never delivered comes with the next round.
    platform.execute_raw(statement(&platform, waiting, values(uuid::Uuid::now_v7()))).await.expect("late");
    sign(&world).await;
    assert_eq!(Log::read(&world, ada.tenant).await.rows.len(), before.rows.len() + 1);
    let walked = heads::verify(&world.operator(), world.accounts(), ada.tenant).await.expect("database");
    assert!(matches!(walked, Walked::Holds { .. }), "{walked:?}");
}

/// Events that wait, numbered by their time in milliseconds.
async fn wait_for_delivery(platform: &DatabaseConnection, tenant: TenantId, numbers: std::ops::Range<u32>) {
    let event = |number: u32| {
        let nobody = uuid::Uuid::nil();
        let who =
            format!(r#""actor_kind":"person","actor":"{nobody}","subject":"{nobody}","outcome":"done","detail":[]"#);
        format!(r#"{{"at_ms":{number},"action":"unit-made",{who}}}"#).into_bytes()
    };
    for some in numbers.collect::<Vec<_>>().chunks(1000) {
        let places = (0..some.len()).map(|at| format!("(${}, ${}, ${})", at * 3 + 1, at * 3 + 2, at * 3 + 3));
        let sql = format!("insert into outbox (tenant_id, id, event) values {}", places.collect::<Vec<_>>().join(", "));
        let id = |number: u32| uuid::Uuid::from_u128(u128::from(number));
        let values = some.iter().flat_map(|number| [tenant.0.into(), id(*number).into(), event(*number).into()]);
        platform.execute_raw(statement(platform, &sql, values.collect())).await.expect("waiting");
    }
}

#[tokio::test]
async fn what_one_large_act_leaves_on_its_way_is_delivered_in_its_order_and_once() {
    // More than one statement of either database takes, and many batches.
    const MANY: u32 = 33_000;
    let (world, ada, _) = two().await;
    sign(&world).await;
    let before = Log::read(&world, ada.tenant).await.rows.len();
    let platform = world.behind().await;
    wait_for_delivery(&platform, ada.tenant, 1..MANY).await;
    sign(&world).await;
    let told = async || {
        let log = Log::read(&world, ada.tenant).await;
        assert!(matches!(crate::entries::walk(&world, ada.tenant).await, Walked::Holds { .. }));
        log.rows[before..].iter().map(|row| row.at_ms).collect::<Vec<_>>()
    };
    let wanted: Vec<i64> = (1..i64::from(MANY)).collect();
    assert_eq!(told().await, wanted);
    // As after a crash between the two databases, in the middle of a batch that goes on with what is new.
    wait_for_delivery(&platform, ada.tenant, MANY - 2000..MANY + 1500).await;
    // Two changes bring it there at once, and each its own entry.
    tokio::join!(unit(&world, &ada, "North"), unit(&world, &ada, "South"));
    let last = i64::try_from(world.now.unix_timestamp_nanos() / 1_000_000).expect("in this age");
    let wanted: Vec<i64> = (1..i64::from(MANY) + 1500).chain([last, last]).collect();
    assert_eq!(told().await, wanted);
}

#[tokio::test]
async fn the_database_of_an_organisation_of_an_earlier_release_is_brought_up_when_it_is_opened() {
    let (world, ada, _) = two().await;
    let (_, record) = world.stage_record(ada.tenant, ada.account.0, "Kept").await;
    // As it was before files could be attached.
    let own = world.behind_log(ada.tenant).await;
    for sql in ["drop table file", "delete from seaql_migrations where version = 't0004_file'"] {
        own.execute_raw(statement(&own, sql, Vec::new())).await.expect(sql);
    }
    own.close().await.expect("close");
    // Two instances of the new release, which have nothing open, at once.
    let list = async || {
        let store = Store::open_as(&world.place, false, world.profile.isolation).await.expect("an instance");
        let visitor = Visitor::of(&Arc::new(store));
        let caller = visitor.caller(&world.profile, &ada.session.hash(), world.now).await.expect("database");
        let caller = caller.expect("a session");
        let reader = caller.may::<rights::RecordsRead>(&ada.slug, Asks::ToSee).expect("permitted");
        files::list(&reader, world.accounts(), record).await.expect("the record is there").len()
    };
    if let Where::Embedded(_) = world.place {
        assert_eq!(list().await, 0);
    } else {
        assert_eq!(tokio::join!(list(), list()), (0, 0));
    }
    // The login of the organisation may use what is new.
    world.stage_file(ada.tenant, ada.account.0, record).await;
    assert_eq!(list().await, 1);
}
