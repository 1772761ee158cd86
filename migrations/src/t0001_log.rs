//! An organisation's audit log. In dedicated mode these tables lie in the organisation's own database.
//!
//! Entries are written once: triggers refuse a change, and refuse to delete what is not covered by a signed head of what was pruned.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string_len, uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "t0001_log"
    }
}

fn tables() -> Vec<TableCreateStatement> {
    let entry = Table::create()
        .table("entry")
        .col(uuid("tenant_id"))
        .col(big_integer("seq"))
        .col(big_integer("at_ms"))
        .col(string_len("actor_kind", 8))
        .col(uuid("actor"))
        .col(string_len("action", 40))
        .col(uuid("subject"))
        .col(string_len("outcome", 8))
        .col(binary("detail"))
        .col(binary("hash"))
        .primary_key(Index::create().col("tenant_id").col("seq"))
        .to_owned();
    // Signed numbers and hashes: of the newest entry at some instant, or of the last that was pruned.
    let signed_head = Table::create()
        .table("signed_head")
        .col(uuid("tenant_id"))
        .col(string_len("kind", 8))
        .col(big_integer("seq"))
        .col(binary("hash"))
        .col(big_integer("at_ms"))
        .col(big_integer_null("before_ms"))
        .col(string_len("public_key", 64))
        .col(string_len("signature", 128))
        .primary_key(Index::create().col("tenant_id").col("kind").col("seq"))
        .to_owned();
    // Where the log stands: the row that writers wait for.
    let log_head = Table::create()
        .table("log_head")
        .col(uuid("tenant_id").primary_key())
        .col(big_integer("seq"))
        .col(binary("hash"))
        .to_owned();
    // Events that came from outside of this database, so that none comes twice.
    let delivered = Table::create()
        .table("delivered")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .to_owned();
    vec![entry, signed_head, log_head, delivered]
}

const SQLITE: &[&str] = &[
    "create trigger entry_is_final before update on entry begin select raise(abort, 'entries are final'); end",
    "create trigger entry_is_kept before delete on entry \
     when not exists (select 1 from signed_head h where h.tenant_id = old.tenant_id and h.kind = 'pruned' and h.seq >= old.seq) \
     begin select raise(abort, 'entries are kept'); end",
];

const POSTGRES: &[&str] = &[
    "create function entry_is_final() returns trigger language plpgsql as $$ begin raise exception 'entries are final'; end $$",
    "create trigger entry_is_final before update on entry for each row execute function entry_is_final()",
    "create function entry_is_kept() returns trigger language plpgsql as $$ begin \
       if not exists (select 1 from signed_head h where h.tenant_id = old.tenant_id and h.kind = 'pruned' and h.seq >= old.seq) \
       then raise exception 'entries are kept'; end if; return old; end $$",
    "create trigger entry_is_kept before delete on entry for each row execute function entry_is_kept()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            schema.create_table(table).await?;
        }
        let index = |name: &str, column: &'static str| {
            Index::create().name(name).table("entry").col("tenant_id").col(column).col("seq").to_owned()
        };
        for index in
            [index("entry_by_action", "action"), index("entry_by_actor", "actor"), index("entry_by_time", "at_ms")]
        {
            schema.create_index(index).await?;
        }
        let connection = schema.get_connection();
        let triggers = match connection.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            DbBackend::Sqlite | DbBackend::MySql | _ => SQLITE,
        };
        for trigger in triggers {
            connection.execute_unprepared(trigger).await?;
        }
        Ok(())
    }
}
