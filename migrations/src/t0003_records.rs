//! An organisation's own records. In dedicated mode these tables lie in the organisation's own database.
//!
//! What a record says is sealed in one piece. What the database must find it by stands beside that: the few values that the profile declares
//! clear, as numbers in slots, and keyed tokens of everything else, which tell whether something is the same and nothing more.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, integer, string_len, string_len_null, uuid, uuid_null,
};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::t0002_owner;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "t0003_records"
    }
}

const TABLES: &[&str] = &["record", "record_token", "record_unique", "record_change", "record_count", "act"];

fn record() -> TableCreateStatement {
    Table::create()
        .table("record")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(string_len("register", 40))
        .col(uuid_null("unit_id"))
        .col(binary("content"))
        .col(big_integer_null("k1"))
        .col(big_integer_null("k2"))
        .col(big_integer_null("k3"))
        .col(big_integer_null("k4"))
        .col(big_integer_null("k5"))
        .col(integer("version"))
        .col(big_integer("made_at_ms"))
        .col(uuid("made_by"))
        .col(big_integer("changed_at_ms"))
        .col(uuid_null("act_id"))
        .col(big_integer_null("removed_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .to_owned()
}

fn others() -> Vec<TableCreateStatement> {
    // Whatever must be the only one of its kind in a register.
    let unique = Table::create()
        .table("record_unique")
        .col(uuid("tenant_id"))
        .col(binary("token"))
        .col(uuid("record_id"))
        .primary_key(Index::create().col("tenant_id").col("token"))
        .to_owned();
    // What a record said before a change, and whose change it was.
    let change = Table::create()
        .table("record_change")
        .col(uuid("tenant_id"))
        .col(uuid("record_id"))
        .col(integer("version"))
        .col(string_len("kind", 12))
        .col(big_integer("at_ms"))
        .col(uuid("changed_by"))
        .col(uuid_null("act_id"))
        .col(binary_null("content"))
        .primary_key(Index::create().col("tenant_id").col("record_id").col("version"))
        .to_owned();
    // How many there are, by value and by month, so that a picture costs the same for a million.
    let count = Table::create()
        .table("record_count")
        .col(uuid("tenant_id"))
        .col(string_len("register", 40))
        .col(string_len("what", 40))
        .col(big_integer("value"))
        .col(big_integer("count"))
        .primary_key(Index::create().col("tenant_id").col("register").col("what").col("value"))
        .to_owned();
    // What was done to many records at once, and can be undone.
    let act = Table::create()
        .table("act")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(string_len("kind", 12))
        .col(string_len("register", 40))
        .col(string_len("state", 12))
        .col(big_integer("made_at_ms"))
        .col(uuid("made_by"))
        .col(big_integer("rows"))
        .col(big_integer("done_rows"))
        .col(uuid_null("first_id"))
        .col(uuid_null("last_id"))
        .col(big_integer("touched_at_ms"))
        .col(string_len_null("trouble", 200))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .to_owned();
    vec![unique, change, count, act]
}

/// The tokens take most of the room, so on SQLite the key is the table.
fn tokens(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "create table record_token (tenant_id uuid not null, token bigint not null, record_id uuid not null, \
             primary key (tenant_id, token, record_id))"
        }
        DbBackend::Sqlite | DbBackend::MySql | _ => {
            "create table record_token (tenant_id blob not null, token integer not null, record_id blob not null, \
             primary key (tenant_id, token, record_id)) without rowid"
        }
    }
}

/// Only of what is there: what lies in the bin is in no list.
const INDEXES: &[&str] = &[
    "create index record_by_register on record (tenant_id, register, id) where removed_at_ms is null",
    "create index record_by_k1 on record (tenant_id, register, k1, id) where k1 is not null and removed_at_ms is null",
    "create index record_by_k2 on record (tenant_id, register, k2, id) where k2 is not null and removed_at_ms is null",
    "create index record_by_k3 on record (tenant_id, register, k3, id) where k3 is not null and removed_at_ms is null",
    "create index record_by_k4 on record (tenant_id, register, k4, id) where k4 is not null and removed_at_ms is null",
    "create index record_by_k5 on record (tenant_id, register, k5, id) where k5 is not null and removed_at_ms is null",
    "create index record_in_the_bin on record (tenant_id, removed_at_ms) where removed_at_ms is not null",
    "create index record_change_by_act on record_change (tenant_id, act_id) where act_id is not null",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        schema.create_table(record()).await?;
        for table in others() {
            schema.create_table(table).await?;
        }
        let connection = schema.get_connection();
        let backend = connection.get_database_backend();
        for statement in std::iter::once(tokens(backend)).chain(INDEXES.iter().copied()) {
            connection.execute_unprepared(statement).await?;
        }
        t0002_owner::guard_all(schema, TABLES).await
    }
}
