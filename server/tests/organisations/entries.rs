//! The entries of a log behind everybody's back, and the two who verify them.

use std::path::Path;
use std::process::Command;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use server::audit::heads::{self, Walked};
use server::audit::view::{self, Form, Query};
use server::guard::{TenantId, rights};
use server::testing::World;
use uuid::Uuid;

use crate::common::*;

/// One entry as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub tenant: Uuid,
    pub seq: i64,
    pub at_ms: i64,
    pub actor_kind: String,
    pub actor: Uuid,
    pub action: String,
    pub subject: Uuid,
    pub outcome: String,
    pub detail: Vec<u8>,
    pub hash: Vec<u8>,
}

pub const COLUMNS: &str = "tenant_id, seq, at_ms, actor_kind, actor, action, subject, outcome, detail, hash";

/// The entries behind everybody's back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub rows: Vec<Row>,
}

impl Log {
    /// Every entry in the database where the log of this organisation lies.
    pub async fn read(world: &World, tenant: TenantId) -> Self {
        let database = world.behind_log(tenant).await;
        let all = statement(&database, &format!("select {COLUMNS} from entry order by seq"), Vec::new());
        let rows = database.query_all_raw(all).await.expect("entries").iter().map(row).collect();
        database.close().await.expect("close");
        Self { rows }
    }

    pub fn actions(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.action.as_str()).collect()
    }
}

fn row(found: &QueryResult) -> Row {
    let text = |column: &str| found.try_get::<String>("", column).expect("a text");
    let id = |column: &str| found.try_get::<Uuid>("", column).expect("an id");
    let number = |column: &str| found.try_get::<i64>("", column).expect("a number");
    let bytes = |column: &str| found.try_get::<Vec<u8>>("", column).expect("bytes");
    Row {
        tenant: id("tenant_id"),
        seq: number("seq"),
        at_ms: number("at_ms"),
        actor_kind: text("actor_kind"),
        actor: id("actor"),
        action: text("action"),
        subject: id("subject"),
        outcome: text("outcome"),
        detail: bytes("detail"),
        hash: bytes("hash"),
    }
}

pub async fn walk(world: &World, tenant: TenantId) -> Walked {
    heads::verify(&world.operator(), world.accounts(), tenant).await.expect("database")
}

pub async fn sign(world: &World) {
    heads::sign_all(&world.operator(), &world.vault, world.now).await.expect("sign");
}

/// Takes log and heads along and has them looked at by the verifier that shares no code with ours: its exit code and its line.
pub async fn second_opinion(world: &World, reader: &Somebody) -> (Option<i32>, String) {
    let reader = may::<rights::AuditRead>(world, reader).await;
    let (mut export, mut after) = (String::new(), 0);
    while let Some((piece, last)) =
        view::piece(&reader, world.accounts(), (Form::JsonLines, &Query::default()), (after, i64::MAX))
            .await
            .expect("piece")
    {
        export.push_str(&piece);
        after = last;
    }
    let heads = view::heads(&reader).await.expect("heads");
    let files = world.folder.join("taken-along");
    std::fs::create_dir_all(&files).expect("folder");
    let (log, signed) = (files.join("log.jsonl"), files.join("heads.jsonl"));
    std::fs::write(&log, export).expect("log");
    std::fs::write(&signed, heads).expect("heads");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py");
    let key = world.vault.signing().public_hex();
    let done = Command::new("python3").arg(program).args([&log, &signed]).arg(key).output().expect("python3");
    (done.status.code(), String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// Writes entries as they are given, whatever the database's triggers would say.
pub async fn put(world: &World, tenant: TenantId, rows: &[Row]) {
    let database = world.behind_log(tenant).await;
    let on = if on_postgres(&database) { " on entry" } else { "" };
    for trigger in ["entry_is_final", "entry_is_kept", "entry_is_ours"] {
        let drop = format!("drop trigger if exists {trigger}{on}");
        database.execute_raw(statement(&database, &drop, Vec::new())).await.expect("drop");
    }
    database.execute_raw(statement(&database, "delete from entry", Vec::new())).await.expect("delete");
    let insert = format!("insert into entry ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    for row in rows {
        let Row { tenant, seq, at_ms, actor_kind, actor, action, subject, outcome, detail, hash } = row.clone();
        let values: Vec<Value> = vec![
            tenant.into(),
            seq.into(),
            at_ms.into(),
            actor_kind.into(),
            actor.into(),
            action.into(),
            subject.into(),
            outcome.into(),
            detail.into(),
            hash.into(),
        ];
        database.execute_raw(statement(&database, &insert, values)).await.expect("insert");
    }
    database.close().await.expect("close");
}
