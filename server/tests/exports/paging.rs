//! What is read page by page, and by different ways: nothing is passed over, nothing comes twice, and the order is one.

use sea_orm::{ConnectionTrait, Value};
use serde_json::Value as Json;
use server::exports::asking::Kind;
use server::guard::rights;
use server::registers::edit;
use uuid::Uuid;

use crate::common::*;
use crate::download::record;
use crate::reading::*;

/// The one register that has records.
fn filled(found: &Json) -> (&str, &[Json]) {
    let sections = found["sections"].as_object().expect("sections");
    let registers = sections.iter().filter_map(|(name, rows)| Some((name.strip_prefix("records/")?, rows.as_array()?)));
    let mut filled = registers.filter(|(_, rows)| !rows.is_empty());
    let (name, rows) = filled.next().expect("a register with records");
    assert!(filled.next().is_none());
    (name, rows)
}

#[tokio::test]
async fn what_lies_in_the_bin_leaves_in_its_place_among_the_others() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let mut made = Vec::new();
        for number in 0..3 {
            made.push(record(&world, &ada, &format!("Record {number}"), &format!("p{number}@school.example")).await);
        }
        let register = filled(&read(&world, &archive(&world, &ada, Kind::Whole).await)).0.to_owned();
        let remover = may::<rights::RecordsDelete>(&world, &ada).await;
        // Some of them first, then all of them.
        for removed in [&[1][..], &[0, 2]] {
            for at in removed {
                let id = made[*at].parse().expect("an id");
                edit::remove(&remover, world.accounts(), &register, id, &here(), world.now).await.expect("removed");
            }
            let found = read(&world, &archive(&world, &ada, Kind::Whole).await);
            let (_, rows) = filled(&found);
            assert_eq!(rows.iter().map(|row| row["id"].as_str()).collect::<Option<Vec<_>>>().expect("ids"), made);
            let in_the_bin = rows.iter().filter(|row| !row["removed_at"].is_null()).count() as u64;
            let expected = counted(&world, &ada, "record", "and removed_at_ms is not null").await;
            assert_eq!(in_the_bin, expected, "{mode}");
        }
    }
}

#[tokio::test]
async fn the_history_of_one_record_goes_on_over_the_end_of_a_page() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let database = world.behind_log(ada.tenant).await;
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        for (id, versions) in [(first, 1_300), (second, 1_200)] {
            let sql = format!(
                "insert into record_change (tenant_id, record_id, version, kind, at_ms, changed_by) \
                 with recursive versions (version) as \
                 (select 1 union all select version + 1 from versions where version < {versions}) \
                 select $1, $2, version, 'changed', 0, $3 from versions"
            );
            let values = [ada.tenant.0, id, ada.account.0].map(|id| Value::Uuid(Some(id)));
            database.execute_raw(statement(&database, &sql, values.into())).await.expect("changes");
        }

        let found = read(&world, &archive(&world, &ada, Kind::Whole).await);
        let history = found["sections"]["history"].as_array().expect("a history");
        let told: Vec<_> = history.iter().map(|row| (row["record_id"].as_str(), row["version"].as_u64())).collect();
        let (first, second) = (first.to_string(), second.to_string());
        let of = |id, versions| (1..=versions).map(move |version| (Some(id), Some(version)));
        assert!(
            told == of(first.as_str(), 1_300).chain(of(&second, 1_200)).collect::<Vec<_>>(),
            "{mode}: {}",
            told.len()
        );
    }
}
