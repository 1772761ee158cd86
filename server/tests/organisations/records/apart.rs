//! Whose records are whose, and how far somebody sees.

use sea_orm::{ConnectionTrait, DatabaseConnection};
use server::guard::TENANT_TABLES;
use server::organisations::members;
use server::registers::{bulk, counts};

use super::*;

#[tokio::test]
async fn a_record_of_another_organisation_is_as_good_as_none() {
    for (mode, register, fields) in SIMPLE {
        let world = world(mode).await;
        let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
        let id = make(&world, &ada, register, fields).await;
        let nothing = Uuid::now_v7();

        for id in [id, nothing] {
            assert!(seen(&world, &eve, register, id).await.is_none(), "{mode}");
            let changed = change(&world, &eve, register, id, &[(fields[0].0, "mine")]).await;
            assert!(matches!(changed, Err(Refusal::NotFound)), "{mode} {changed:?}");
            let removed = remove(&world, &eve, register, id).await;
            assert!(matches!(removed, Err(Refusal::NotFound)), "{mode} {removed:?}");
            let remover = may::<rights::RecordsDelete>(&world, &eve).await;
            let many = bulk::remove(&remover, world.accounts(), register, &[id], &here(), world.now).await;
            assert_eq!(blamed(&many), ["records"], "{mode}");
        }
        assert!(search(&world, &eve, register, fields[0].1).await.is_empty(), "{mode}");
        // What must be the only one is so within one organisation.
        make(&world, &eve, register, fields).await;
        assert_eq!(seen(&world, &ada, register, id).await.expect("hers").content.first(fields[0].0), Some(fields[0].1));
    }
}

#[tokio::test]
async fn two_organisations_share_no_token() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    for who in [&ada, &eve] {
        make(&world, who, "policies", SIMPLE[0].2).await;
    }
    let database = world.behind().await;
    let all = count(&database, "select count(token) from record_token").await;
    let different = count(&database, "select count(distinct token) from record_token").await;
    assert!(all >= 8, "{all}");
    assert_eq!(all, different);
}

pub async fn count(database: &DatabaseConnection, sql: &str) -> i64 {
    let row = database.query_one_raw(statement(database, sql, Vec::new())).await.expect("an answer");
    row.expect("a row").try_get_by_index(0).expect("a number")
}

#[tokio::test]
async fn in_dedicated_mode_what_an_organisation_keeps_lies_in_its_own_database_only() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    make(&world, &ada, "clients", SIMPLE[2].2).await;
    let (own, platform) = (world.behind_log(ada.tenant).await, world.behind().await);
    for table in ["record", "record_token", "record_count"] {
        let sql = format!("select count(*) from {table}");
        assert!(count(&own, &sql).await > 0, "{table}");
        assert_eq!(count(&platform, &sql).await, 0, "{table}");
    }
    for table in TENANT_TABLES.iter().filter(|table| table.own) {
        let sql = format!("select count(*) from \"{}\"", table.name);
        assert_eq!(count(&platform, &sql).await, 0, "{}", table.name);
    }
}

/// A member whose reach is one unit, and a record in it, one in another, one in none.
async fn narrowed(
    mode: &str,
    register: &str,
    fields: &[(&str, &str)],
) -> (World, Somebody, Somebody, [Uuid; 3], [String; 2]) {
    let world = world(mode).await;
    let ada = ada(&world).await;
    let (north, south) = (unit(&world, &ada, "North").await, unit(&world, &ada, "South").await);
    let writes = "organisation_read records_read records_write records_delete";
    role(&world, &ada, "Clerk", writes).await;
    let grace = joins(&world, &ada, GRACE, "Clerk").await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let target = (Some(north.as_str()), None);
    members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
    let mut made = Vec::new();
    for (at, unit) in [Some(&north), Some(&south), None].into_iter().enumerate() {
        let name = format!("Record {at}");
        let mut all = vec![(fields[0].0, name.as_str())];
        all.extend(fields[1..].iter().copied());
        all.extend(unit.map(|unit| ("unit", unit.as_str())));
        made.push(make(&world, &ada, register, &all).await);
    }
    let made = [made[0], made[1], made[2]];
    (world, ada, grace, made, [north, south])
}

#[tokio::test]
async fn a_member_who_reaches_one_unit_sees_and_changes_its_records_only() {
    for (mode, register, fields) in SIMPLE {
        let (world, _ada, grace, [inside, outside, nowhere], [north, south]) = narrowed(mode, register, fields).await;

        assert_eq!(ids(&world, &grace, register, &Query::default()).await, [inside], "{mode}");
        assert_eq!(search(&world, &grace, register, "record").await, [inside], "{mode}");
        for hidden in [outside, nowhere] {
            assert!(seen(&world, &grace, register, hidden).await.is_none(), "{mode}");
            let changed = change(&world, &grace, register, hidden, &[(fields[0].0, "x")]).await;
            assert!(matches!(changed, Err(Refusal::NotFound)), "{mode} {changed:?}");
            assert!(matches!(remove(&world, &grace, register, hidden).await, Err(Refusal::NotFound)), "{mode}");
        }
        change(&world, &grace, register, inside, &[(fields[0].0, "Hers")]).await.expect("within reach");
        let away = change(&world, &grace, register, inside, &[("unit", &south)]).await;
        assert_eq!(blamed(&away), ["unit"], "{mode}");
        assert_eq!(blamed(&try_make(&world, &grace, register, fields).await), ["unit"], "{mode}");
        let mut here_in = fields.to_vec();
        here_in.push(("unit", &north));
        make(&world, &grace, register, &here_in).await;
        let reader = may::<rights::RecordsRead>(&world, &grace).await;
        let shape = Shape::of(&reader, world.accounts(), register).expect("a register");
        assert!(counts::of(&reader, &shape).await.expect("an answer").is_none(), "{mode}");
    }
}

#[tokio::test]
async fn a_member_can_be_let_to_one_record_by_name() {
    let (world, ada, grace, [inside, outside, _], _) = narrowed("stratuslog", "aircraft", SIMPLE[1].2).await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let record = outside.to_string();
    let target = (None, Some(record.as_str()));
    members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
    let mut reached = ids(&world, &grace, "aircraft", &Query::default()).await;
    reached.sort();
    assert_eq!(reached, [inside, outside]);
}

#[tokio::test]
async fn whoever_may_not_write_or_delete_is_refused() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let desk = joins(&world, &ada, GRACE, "Front desk").await;
    let id = make(&world, &desk, "aircraft", SIMPLE[1].2).await;
    assert!(try_may::<rights::RecordsDelete>(&world, &desk).await.is_err());
    remove(&world, &ada, "aircraft", id).await.expect("the owner may");
    assert!(seen(&world, &desk, "aircraft", id).await.is_none(), "the bin is for whoever may delete");
}
