//! Long imports: they go on by themselves, are there whole or not at all, and nobody comes between.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use server::organisations::{leaving, upkeep};
use server::registers::act::{Shown, State};
use server::registers::{bulk, imports};
use time::Duration as Span;

use super::acts::{aircraft, last};
use super::apart::count;
use super::*;

/// As much as a machine that does ten other things needs.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sends a file and does not wait.
async fn sent(world: &World, who: &Somebody, register: &str, csv: &str) -> imports::Report {
    let editor = may::<rights::RecordsWrite>(world, who).await;
    let bytes = csv.as_bytes();
    imports::import(editor, world.accounts(), register, bytes, &here(), world.now, Duration::ZERO)
        .await
        .expect("a report")
}

async fn ended(world: &World, who: &Somebody, register: &str) -> Shown {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(act) = last(world, who, register).await.filter(|act| act.state != State::Running) {
            return act;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    unreachable!("the import of {register} goes on and on");
}

async fn execute(database: &DatabaseConnection, sql: &str) {
    database.execute_raw(statement(database, sql, Vec::new())).await.expect("done");
}

/// More keys than one transaction takes, so that they come after the records.
#[tokio::test]
async fn a_long_import_goes_on_without_whoever_sent_it() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;

    let report = sent(&world, &ada, "aircraft", &aircraft(0..13_000)).await;

    assert!(report.goes_on && report.act.is_some() && report.wrong_count == 0, "{report:?}");
    let act = ended(&world, &ada, "aircraft").await;
    assert_eq!((act.state, act.done_rows, Some(act.id)), (State::Done, 13_000, report.act));
    for at in [0, 4_321, 12_999] {
        assert_eq!(search(&world, &ada, "aircraft", &format!("n{at:05} cessna")).await.len(), 1, "{at}");
    }
    let database = world.behind_log(ada.tenant).await;
    for (keys, number) in [("distinct record_id) from record_token", 13_000), ("*) from record_unique", 13_000)] {
        assert_eq!(count(&database, &format!("select count({keys}")).await, number, "{keys}");
    }
    let again =
        try_make(&world, &ada, "aircraft", &[("registration", "n07000"), ("model", "C172"), ("status", "Available")])
            .await;
    assert!(blamed(&again).contains(&"registration".to_owned()), "{again:?}");
}

#[tokio::test]
async fn of_five_imports_at_once_each_gets_its_turn_and_is_judged_by_those_before() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let (same, other) = (aircraft(0..40), aircraft(40..80));
    let files = [&same, &same, &other, &same, &other];
    let all = files.map(async |csv| {
        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        imports::import(editor, world.accounts(), "aircraft", csv.as_bytes(), &here(), world.now, PATIENCE).await
    });
    let reports = futures::future::join_all(all).await;
    let (mut whole, mut refused) = (0, 0);
    for report in reports {
        let report = report.expect("a report, and no failure");
        if report.wrong_count == 0 { whole += 1 } else { refused += 1 }
    }
    assert_eq!((whole, refused), (2, 3));
    assert_eq!(search(&world, &ada, "aircraft", "cessna").await.len(), 80);
}

#[tokio::test]
async fn an_import_that_gets_no_turn_is_told_when_to_come_again() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let going = sent(&world, &ada, "aircraft", &aircraft(0..13_000)).await;
    assert!(going.goes_on, "{going:?}");
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let csv = aircraft(20_000..20_001);
    let (accounts, bytes, origin) = (world.accounts(), csv.as_bytes(), here());
    let told = imports::import(editor, accounts, "aircraft", bytes, &origin, world.now, Duration::ZERO).await;
    assert!(matches!(told, Err(Refusal::TooMany(1..))));
    ended(&world, &ada, "aircraft").await;
}

#[tokio::test]
async fn what_is_still_being_imported_is_not_changed_meanwhile() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    sent(&world, &ada, "aircraft", &aircraft(0..3)).await;
    ended(&world, &ada, "aircraft").await;
    let all = ids(&world, &ada, "aircraft", &Query::default()).await;
    let database = world.behind_log(ada.tenant).await;
    for (state, refused) in [("running", true), ("done", false)] {
        execute(&database, &format!("update act set state = '{state}'")).await;
        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        let to = typed(&[("model", "Piper")]);
        let many = bulk::edit(&editor, world.accounts(), "aircraft", &all[..1], &to, &here(), world.now).await;
        let one = change(&world, &ada, "aircraft", all[1], &[("model", "Piper")]).await;
        let gone = remove(&world, &ada, "aircraft", all[2]).await;
        for (did, done) in [("many", many.map(|_| ())), ("one", one), ("gone", gone)] {
            assert_eq!(matches!(done, Err(Refusal::Conflict(_))), refused, "{state} {did}: {done:?}");
        }
    }
}

/// A departure is urgent: it takes what it finds, and what comes after is found by the next.
#[tokio::test]
async fn nobodys_departure_waits_for_an_import() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Front desk").await;
    let fields = [("name", "Sam Student"), ("instructor", GRACE), ("course", "Private pilot"), ("status", "Active")];
    let student = make(&world, &ada, "students", &fields).await;
    let act = Uuid::now_v7();
    let database = world.behind_log(ada.tenant).await;
    let bytes = |id: Uuid| {
        if database.get_database_backend() == DbBackend::Postgres {
            format!("'{id}'")
        } else {
            format!("x'{}'", id.simple())
        }
    };
    sent(&world, &ada, "aircraft", &aircraft(0..1)).await;
    ended(&world, &ada, "aircraft").await;
    execute(&database, &format!("update act set state = 'running', id = {}", bytes(act))).await;
    execute(&database, &format!("update record set act_id = {} where id = {}", bytes(act), bytes(student))).await;

    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: Some(&ada.id()), at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("gone");

    let content = seen(&world, &ada, "students", student).await.expect("the student").content;
    assert_eq!(content.first("instructor"), Some(ada.id().as_str()));
}

/// A trigger in the database's own language: what is to be found by something is not taken any more.
const NO_ROOM_SQLITE: &str =
    "create trigger no_room before insert on record_token begin select raise(fail, 'no room'); end";
const NO_ROOM_POSTGRES: [&str; 2] = [
    "create function no_room() returns trigger language plpgsql as $$ begin raise exception 'no room'; end $$",
    "create trigger no_room before insert on record_token for each row execute function no_room()",
];

async fn no_room(database: &DatabaseConnection) {
    if database.get_database_backend() == DbBackend::Postgres {
        for sql in NO_ROOM_POSTGRES {
            execute(database, sql).await;
        }
    } else {
        execute(database, NO_ROOM_SQLITE).await;
    }
}

async fn room_again(database: &DatabaseConnection) {
    if database.get_database_backend() == DbBackend::Postgres {
        execute(database, "drop function no_room() cascade").await;
    } else {
        execute(database, "drop trigger no_room").await;
    }
}

/// Where the database itself refuses what comes after the records.
#[tokio::test]
async fn an_import_that_fails_on_the_way_is_taken_back_and_says_so() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let database = world.behind_log(ada.tenant).await;
    no_room(&database).await;

    sent(&world, &ada, "aircraft", &aircraft(0..13_000)).await;

    let act = ended(&world, &ada, "aircraft").await;
    assert_eq!(act.state, State::Broken);
    room_again(&database).await;
    upkeep::all(&world.operator(), world.accounts(), world.now + Span::minutes(3)).await.expect("upkeep");
    assert_eq!(last(&world, &ada, "aircraft").await.expect("the act").state, State::Undone);
    for table in ["record", "record_token", "record_unique"] {
        assert_eq!(count(&database, &format!("select count(*) from {table}")).await, 0, "{table}");
    }
}
