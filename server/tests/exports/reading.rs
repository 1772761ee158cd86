//! An archive as others read it: with Python's own library, which shares no code with the writer.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use futures::TryStreamExt;
use sea_orm::{ConnectionTrait, Value};
use serde_json::Value as Json;
use server::exports::asking::{self, Kind};
use server::exports::{offered, work};
use server::guard::rights;
use server::testing::World;

use crate::common::*;

/// Asks for an archive, has it made, and takes it along.
pub async fn archive(world: &World, who: &Somebody, kind: Kind) -> Vec<u8> {
    let id = made(world, who, kind).await;
    taken(world, who, &id).await
}

/// Takes an archive along.
pub async fn taken(world: &World, who: &Somebody, id: &str) -> Vec<u8> {
    let taker = may::<rights::ExportCreate>(world, who).await;
    let offered = offered::download(&taker, world.accounts(), id, 0, &here(), world.now).await.expect("an archive");
    let pieces: Vec<_> = offered.part(0..offered.bytes()).expect("range").try_collect().await.expect("bytes");
    pieces.concat()
}

/// Asks for an archive and has it made; its id.
pub async fn made(world: &World, who: &Somebody, kind: Kind) -> String {
    let requester = may::<rights::ExportCreate>(world, who).await;
    let id = asking::request(&requester, world.accounts(), kind, &here(), world.now).await.expect("request");
    let made = work::all_of(&world.operator(), world.accounts(), who.tenant, world.now).await.expect("work");
    let listed = asking::list(&requester, world.accounts()).await.expect("list");
    assert_eq!(made, 1, "{:?}", listed.first().map(|shown| &shown.stands));
    id.to_string()
}

pub fn file(world: &World, name: &str, bytes: &[u8]) -> PathBuf {
    let path = world.folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// What Python finds in it.
pub fn read(world: &World, bytes: &[u8]) -> Json {
    let path = file(world, &format!("{}.zip", uuid::Uuid::now_v7()), bytes);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports/read_archive.py");
    let ran = Command::new("python3").arg(script).arg(&path).output().expect("python3");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).expect("JSON")
}

/// What the other verifier says of the log in an archive.
pub fn log_verified(world: &World, read: &Json) -> String {
    let text = |name: &str| read["texts"][name].as_str().expect(name).to_owned();
    let entries = file(world, "entries.jsonl", text("log/entries.jsonl").as_bytes());
    let heads = file(world, "heads.jsonl", text("log/heads.jsonl").as_bytes());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/verify_log.py");
    let key = text("log/public-key.txt");
    let mut run = Command::new("python3");
    let ran = run.arg(script).arg(entries).arg(heads).arg(key.trim()).stdout(Stdio::piped()).output().expect("python3");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// How many rows of a table an organisation has, by SQL.
pub async fn counted(world: &World, who: &Somebody, table: &str, condition: &str) -> u64 {
    let kept = ["record", "record_change", "act", "entry"];
    let database = if kept.contains(&table) { world.behind_log(who.tenant).await } else { world.behind().await };
    let sql = format!("select count(*) from {table} where tenant_id = $1 {condition}");
    let row = database.query_one_raw(statement(&database, &sql, vec![Value::Uuid(Some(who.tenant.0))])).await;
    let count: i64 = row.expect("rows").expect("a row").try_get_by_index(0).expect("a number");
    u64::try_from(count).expect("a count")
}

/// Says something on standard output even when the test is quiet.
#[expect(dead_code, reason = "for looking at an archive by hand")]
pub fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
