//! Many records at once: bulk edits, imports, and how they are undone.

use std::fmt::Write;

use sea_orm::ConnectionTrait;
use server::organisations::upkeep;
use server::registers::{act, bulk, imports};
use server::testing::profile;
use time::Duration;

use super::*;

/// What each record of a register says, without when it changed.
async fn contents(world: &World, who: &Somebody, register: &str) -> Vec<(Uuid, server::registers::content::Content)> {
    let mut query = Query::default();
    let mut all = Vec::new();
    loop {
        let page = try_listed(world, who, register, &query).await.expect("a list");
        all.extend(page.lines.into_iter().map(|line| (line.id, line.content)));
        let Some(next) = page.next else { return all };
        query.after = Some(next);
    }
}

pub async fn last(world: &World, who: &Somebody, register: &str) -> Option<act::Shown> {
    let reader = may::<rights::RecordsRead>(world, who).await;
    let shape = Shape::of(&reader, world.accounts(), register).expect("a register");
    act::last(&reader, world.accounts(), &shape).await.expect("an act")
}

async fn undo(world: &World, who: &Somebody, register: &str) -> Result<u64, Refusal> {
    let id = last(world, who, register).await.expect("an act").id;
    let editor = may::<rights::RecordsWrite>(world, who).await;
    act::undo(&editor, world.accounts(), register, id, &here(), world.now).await
}

async fn import(world: &World, who: &Somebody, register: &str, csv: &str) -> Result<imports::Report, Refusal> {
    let editor = may::<rights::RecordsWrite>(world, who).await;
    imports::import(editor, world.accounts(), register, csv.as_bytes(), &here(), world.now, std::time::Duration::MAX)
        .await
}

pub fn aircraft(rows: std::ops::Range<u32>) -> String {
    let mut csv = "Registration,Model,Hobbs meter,status\r\n".to_owned();
    for at in rows {
        let _ = writeln!(csv, "N{at:05},\"Cessna, 172\",{}.5,Available\r", at % 5000);
    }
    csv
}

#[tokio::test]
async fn an_edit_of_many_is_one_act_and_undone_as_one() {
    for (mode, register, fields) in &SIMPLE[..2] {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let mut made = Vec::new();
        for at in 0..60 {
            let name = format!("Thing {at}");
            let mut all = vec![(fields[0].0, name.as_str())];
            all.extend(fields[1..].iter().copied());
            made.push(make(&world, &ada, register, &all).await);
        }
        let before = contents(&world, &ada, register).await;
        let choice = if *mode == "aertous" { ("status", "Retired") } else { ("status", "In maintenance") };

        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        let all = typed(&[choice]);
        let done = bulk::edit(&editor, world.accounts(), register, &made, &all, &here(), world.now).await;
        assert_eq!(done.expect("an edit"), 60, "{mode}");
        let query = Query { with: vec![(choice.0.into(), choice.1.into())], ..Query::default() };
        assert_eq!(ids(&world, &ada, register, &query).await.len(), 60, "{mode}");
        // Whoever changed one since keeps the change.
        change(&world, &ada, register, made[7], &[(fields[0].0, "Changed since")]).await.expect("a change");

        assert_eq!(undo(&world, &ada, register).await.expect("undone"), 59, "{mode}");
        let differing: Vec<Uuid> = before
            .iter()
            .zip(contents(&world, &ada, register).await)
            .filter(|(before, after)| **before != *after)
            .map(|(before, _)| before.0)
            .collect();
        assert_eq!(differing, [made[7]], "{mode}");
        let again = undo(&world, &ada, register).await;
        assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    }
}

#[tokio::test]
async fn whoever_may_not_change_a_field_does_not_change_it_back() {
    let guarded = [("id = \"hobbs\"\n", "id = \"hobbs\"\nwrite = \"records_delete\"\n")];
    let world = World::with(profile("stratuslog", &guarded)).await;
    let ada = ada(&world).await;
    let one = make(&world, &ada, "aircraft", SIMPLE[1].2).await;
    let grace = joins(&world, &ada, GRACE, "Front desk").await;
    for (field, value, permitted) in [("hobbs", "1200", false), ("model", "Piper PA-28", true)] {
        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        let all = typed(&[(field, value)]);
        bulk::edit(&editor, world.accounts(), "aircraft", &[one], &all, &here(), world.now).await.expect("an edit");
        let before = contents(&world, &ada, "aircraft").await;
        let undone = undo(&world, &grace, "aircraft").await;
        if permitted {
            assert_eq!(undone.expect("undone"), 1);
        } else {
            assert!(matches!(undone, Err(Refusal::Forbidden)), "{undone:?}");
            assert_eq!(contents(&world, &ada, "aircraft").await, before);
            assert_eq!(last(&world, &ada, "aircraft").await.expect("an act").state, act::State::Done);
        }
    }
}

#[tokio::test]
async fn removing_many_can_be_undone() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let mut made = Vec::new();
    for at in 0..5 {
        made.push(make(&world, &ada, "clients", &[("name", &format!("Client {at}")), ("category", "Broker")]).await);
    }
    let before = contents(&world, &ada, "clients").await;
    let remover = may::<rights::RecordsDelete>(&world, &ada).await;
    bulk::remove(&remover, world.accounts(), "clients", &made[1..], &here(), world.now).await.expect("removed");
    assert_eq!(ids(&world, &ada, "clients", &Query::default()).await, [made[0]]);
    let bin = Query { removed: true, ..Query::default() };
    assert_eq!(ids(&world, &ada, "clients", &bin).await.len(), 4);

    assert_eq!(undo(&world, &ada, "clients").await.expect("undone"), 4);
    assert_eq!(contents(&world, &ada, "clients").await, before);
    assert_eq!(search(&world, &ada, "clients", "client").await.len(), 5);
}

#[tokio::test]
async fn a_file_is_imported_whole_and_its_undo_leaves_nothing() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let kept = make(&world, &ada, "aircraft", SIMPLE[1].2).await;
    let report = import(&world, &ada, "aircraft", &aircraft(0..4_321)).await.expect("an import");

    assert_eq!((report.rows, report.wrong_count), (4_321, 0), "{:?}", report.wrong);
    assert_eq!(ids(&world, &ada, "aircraft", &Query::default()).await.len(), 4_322);
    let found = search(&world, &ada, "aircraft", "n04320 cessna").await;
    assert_eq!(found.len(), 1);
    let one = seen(&world, &ada, "aircraft", found[0]).await.expect("it");
    assert_eq!((one.content.first("model"), one.content.first("hobbs")), (Some("Cessna, 172"), Some("4320.5")));

    assert_eq!(undo(&world, &ada, "aircraft").await.expect("undone"), 4_321);
    assert_eq!(ids(&world, &ada, "aircraft", &Query::default()).await, [kept]);
    let database = world.behind_log(ada.tenant).await;
    for (table, left) in [("record", 1), ("record_unique", 1), ("record_change", 0)] {
        let sql = format!("select count(*) from {table}");
        let row = database.query_one_raw(statement(&database, &sql, Vec::new())).await.expect("an answer");
        assert_eq!(row.expect("a row").try_get_by_index::<i64>(0).expect("a number"), left, "{table}");
    }
}

#[tokio::test]
async fn every_bad_row_and_field_is_named_before_anything_is_written() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    make(&world, &ada, "aircraft", SIMPLE[1].2).await;
    let csv = "\u{feff}Registration;Model;hobbs;Status\nN1;C172;abc;Available\nN2;;1;Flying\nN3;C172;1\nN4;C172;1;Available\nn4;C172;1;Available\nn123ab;C172;1;Available\n'=cmd();C172;;Available\n";

    let report = import(&world, &ada, "aircraft", csv).await.expect("a report");

    let wrong: Vec<(u64, &str)> = report.wrong.iter().map(|wrong| (wrong.line, wrong.field.as_str())).collect();
    let expected = [(2, "hobbs"), (3, "model"), (3, "status"), (4, "row"), (6, "registration"), (7, "registration")];
    assert_eq!(wrong, expected, "{:?}", report.wrong);
    assert_eq!((report.rows, report.act), (7, None));
    assert_eq!(ids(&world, &ada, "aircraft", &Query::default()).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_file_of_this_register_is_refused_as_a_whole() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    for bad in [
        "",
        "Registration\n",
        "Nose,Tail\n1,2\n",
        "Registration,registration\nA,B\n",
        "Registration,Model\n\"open,1\n2,3\n",
    ] {
        let refused = import(&world, &ada, "aircraft", bad).await;
        let told = blamed(&refused) == ["file"] || refused.as_ref().is_ok_and(|report| report.wrong_count > 0);
        assert!(told, "{bad:?}: {refused:?}");
    }
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let bytes = [b"Registration\n".as_slice(), &[0xff, 0xfe, 0]].concat();
    let refused = imports::check(&editor, world.accounts(), "aircraft", &bytes).await;
    assert_eq!(blamed(&refused), ["file"]);
}

#[tokio::test]
async fn an_import_that_was_cut_off_is_taken_back() {
    for mode in ["stratuslog", "aertous"] {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let register = if mode == "aertous" { "policies" } else { "aircraft" };
        let csv = if mode == "aertous" {
            (0..50).fold("title,edition,status,next_review\n".to_owned(), |csv, at| {
                format!("{csv}Policy {at},1,draft,2027-01-01\n")
            })
        } else {
            aircraft(0..50)
        };
        import(&world, &ada, register, &csv).await.expect("an import");
        // As if the program had ended in the middle of it.
        let database = world.behind_log(ada.tenant).await;
        let cut = statement(&database, "update act set state = 'running', done_rows = 20", Vec::new());
        database.execute_raw(cut).await.expect("cut off");

        let early = world.now + Duration::seconds(119);
        upkeep::all(&world.operator(), world.accounts(), early).await.expect("upkeep");
        assert_eq!(ids(&world, &ada, register, &Query::default()).await.len(), 50, "it may still be going on");
        let later = world.now + Duration::seconds(121);
        upkeep::all(&world.operator(), world.accounts(), later).await.expect("upkeep");
        assert!(ids(&world, &ada, register, &Query::default()).await.is_empty(), "{mode}");
        assert_eq!(last(&world, &ada, register).await.expect("the act").state, act::State::Undone);
    }
}
