//! A log that somebody with the database's password has changed: both verifiers find it, and name the same entry.

use sea_orm::ConnectionTrait;
use server::audit::heads::Walked;
use server::guard::TenantId;
use server::testing::World;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::common::*;
use crate::entries::{COLUMNS, Log, Row, put, second_opinion, sign, walk};

/// The public formula, a third time: of an entry after the hash before it.
fn link(previous: &[u8], row: &Row) -> Vec<u8> {
    let fields: [&[u8]; 10] = [
        b"avouch-entry/1",
        row.tenant.as_bytes(),
        &row.seq.to_be_bytes(),
        &row.at_ms.to_be_bytes(),
        row.actor_kind.as_bytes(),
        row.actor.as_bytes(),
        row.action.as_bytes(),
        row.subject.as_bytes(),
        row.outcome.as_bytes(),
        &row.detail,
    ];
    let mut leaf = vec![0];
    for field in fields {
        leaf.extend(u32::try_from(field.len()).expect("short").to_be_bytes());
        leaf.extend(field);
    }
    let leaf = Sha256::digest(&leaf);
    Sha256::digest([&[2], previous, leaf.as_slice()].concat()).to_vec()
}

/// Makes the chain right again from its first entry on.
fn rehash(rows: &mut [Row]) {
    let Some(first) = rows.first() else { return };
    let mut previous = Sha256::digest([b"avouch-log/1".as_slice(), first.tenant.as_bytes()].concat()).to_vec();
    for row in rows {
        row.hash = link(&previous, row);
        previous.clone_from(&row.hash);
    }
}

/// Puts the row that says where the log ends where the entries say it.
async fn move_head(world: &World, tenant: TenantId, rows: &[Row]) {
    let last = rows.last().expect("an entry");
    let database = world.behind_log(tenant).await;
    let values = vec![last.seq.into(), last.hash.clone().into(), tenant.0.into()];
    let sql = "update log_head set seq = $1, hash = $2 where tenant_id = $3";
    database.execute_raw(statement(&database, sql, values)).await.expect("move");
    database.close().await.expect("close");
}

/// A log of which entry 4 and the last one were signed.
async fn signed_log(mode: &str) -> (World, Somebody, Log) {
    let world = world(mode).await;
    let ada = ada(&world).await;
    while Log::read(&world, ada.tenant).await.rows.len() < 4 {
        unit(&world, &ada, &format!("Early {}", Uuid::now_v7())).await;
    }
    assert_eq!(Log::read(&world, ada.tenant).await.rows.len(), 4);
    sign(&world).await;
    for name in ["North", "South", "East", "West"] {
        unit(&world, &ada, name).await;
    }
    sign(&world).await;
    let log = Log::read(&world, ada.tenant).await;
    assert_eq!(log.rows.len(), 8);
    (world, ada, log)
}

type Tamper = (&'static str, i64, fn(&mut Vec<Row>));

/// What was done, the first entry that is wrong then, and how it was done. Entry 4 and entry 8 were signed.
const TAMPERINGS: &[Tamper] = &[
    ("tenant_id", 3, |rows| rows[2].tenant = Uuid::from_u128(rows[2].tenant.as_u128() ^ 1)),
    ("seq", 3, |rows| rows[2].seq += 1 << 32),
    ("at_ms", 3, |rows| rows[2].at_ms ^= 1),
    ("actor_kind", 3, |rows| rows[2].actor_kind = "qerson".into()),
    ("actor", 3, |rows| rows[2].actor = Uuid::from_u128(rows[2].actor.as_u128() ^ 1)),
    ("action", 3, |rows| rows[2].action.replace_range(..1, "x")),
    ("subject", 3, |rows| rows[2].subject = Uuid::from_u128(rows[2].subject.as_u128() ^ 1)),
    ("outcome", 3, |rows| rows[2].outcome = "eone".into()),
    ("detail", 3, |rows| rows[2].detail[20] ^= 1),
    ("hash", 3, |rows| rows[2].hash[31] ^= 1),
    ("the first deleted", 1, |rows| drop(rows.remove(0))),
    ("one in the middle deleted", 5, |rows| drop(rows.remove(4))),
    ("one in the middle deleted and the others moved up", 5, |rows| {
        rows.remove(4);
        rows[4..].iter_mut().for_each(|row| row.seq -= 1);
    }),
    ("the last deleted", 8, |rows| drop(rows.pop())),
    ("all deleted", 1, Vec::clear),
    ("cut off after the first signed head", 5, |rows| rows.truncate(4)),
    ("cut off between two signed heads", 7, |rows| rows.truncate(6)),
    ("two swapped", 5, |rows| {
        (rows[4].seq, rows[6].seq) = (rows[6].seq, rows[4].seq);
        rows.sort_by_key(|row| row.seq);
    }),
    // One that is hashed rightly: the next one is the first that does not follow.
    ("one inserted", 7, |rows| {
        let mut forged = rows[4].clone();
        forged.seq = 6;
        forged.hash = link(&rows[4].hash, &forged);
        rows[5..].iter_mut().for_each(|row| row.seq += 1);
        rows.insert(5, forged);
    }),
    ("written anew and hashed anew", 4, |rows| {
        rows[1].action = "signed-in".into();
        rehash(rows);
    }),
    ("written anew after the first signed head", 8, |rows| {
        rows[5].outcome = "refused".into();
        rehash(rows);
    }),
];

/// The number that the second verifier names.
fn named(line: &str) -> Option<i64> {
    line.strip_prefix("entry ")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

async fn is_found_out(mode: &str) {
    let (world, ada, log) = signed_log(mode).await;
    for (what, at, tamper) in TAMPERINGS {
        let mut rows = log.rows.clone();
        tamper(&mut rows);
        put(&world, ada.tenant, &rows).await;
        let of_tenant: Vec<Row> = rows.iter().filter(|row| row.tenant == ada.tenant.0).cloned().collect();
        if !of_tenant.is_empty() {
            move_head(&world, ada.tenant, &of_tenant).await;
        }
        let walked = walk(&world, ada.tenant).await;
        assert!(matches!(walked, Walked::Broken { at: found, .. } if found == *at), "{mode}, {what}: {walked:?}");
        let (exit, line) = second_opinion(&world, &ada).await;
        assert_eq!((exit, named(&line)), (Some(3), Some(*at)), "{mode}, {what}: {line}");
    }
    put(&world, ada.tenant, &log.rows).await;
    move_head(&world, ada.tenant, &log.rows).await;
    assert!(matches!(walk(&world, ada.tenant).await, Walked::Holds { entries: 8, .. }), "{mode}");
    assert_eq!(second_opinion(&world, &ada).await.0, Some(0), "{mode}");
}

#[tokio::test]
async fn whatever_is_done_to_a_log_in_shared_tables_is_found_out() {
    is_found_out("aertous").await;
}

#[tokio::test]
async fn whatever_is_done_to_a_log_behind_row_security_is_found_out() {
    is_found_out("stratuslog").await;
}

#[tokio::test]
async fn whatever_is_done_to_a_log_in_a_database_of_its_own_is_found_out() {
    is_found_out("stack-aero").await;
}

#[test]
fn a_byte_of_every_column_is_flipped() {
    let flipped: Vec<&str> = TAMPERINGS.iter().map(|(what, ..)| *what).take(10).collect();
    assert_eq!(flipped.join(", "), COLUMNS);
}

#[tokio::test]
async fn an_end_that_nobody_has_signed_yet_is_held_by_the_head_beside_it() {
    let (world, ada, _) = signed_log("aertous").await;
    unit(&world, &ada, "Late").await;
    let log = Log::read(&world, ada.tenant).await;
    put(&world, ada.tenant, &log.rows[..8]).await;
    let cut = walk(&world, ada.tenant).await;
    assert!(matches!(cut, Walked::Broken { at: 9, .. }), "{cut:?}");

    let mut longer = log.rows.clone();
    longer.push(Row { seq: 10, ..longer[8].clone() });
    rehash(&mut longer);
    put(&world, ada.tenant, &longer).await;
    let appended = walk(&world, ada.tenant).await;
    assert!(matches!(appended, Walked::Broken { at: 10, .. }), "{appended:?}");
}

#[tokio::test]
async fn heads_that_are_taken_out_of_the_database_are_still_in_their_file() {
    let (world, ada, log) = signed_log("aertous").await;
    let mut rows = log.rows.clone();
    rows[1].outcome = "refused".into();
    rehash(&mut rows);
    put(&world, ada.tenant, &rows).await;
    move_head(&world, ada.tenant, &rows).await;
    world.tamper("delete from signed_head").await;
    let walked = walk(&world, ada.tenant).await;
    assert!(matches!(walked, Walked::Broken { at: 4, .. }), "{walked:?}");
}

#[tokio::test]
async fn a_head_that_somebody_else_signed_is_found_out() {
    let (world, ada, _) = signed_log("aertous").await;
    world.tamper("update signed_head set signature = 'ab' where seq = 8").await;
    let walked = walk(&world, ada.tenant).await;
    assert!(matches!(walked, Walked::Broken { at: 8, .. }), "{walked:?}");
    assert_eq!(second_opinion(&world, &ada).await.0, Some(3));
}
