//! What the trust page rests on: findings, evidence, the public history, switches, keys and the platform's own log.
//!
//! Instants are milliseconds since the Unix epoch, so that both databases and the hash chains see the same integer.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, string, string_len, string_len_null, text, uuid,
};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_trust"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite migrations are not transactional unless one asks.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let finding = Table::create()
            .table("finding")
            .col(uuid("id").primary_key())
            .col(string_len("check_path", 64))
            .col(string_len("profile", 63))
            .col(string_len("outcome", 16))
            .col(text("said"))
            .col(big_integer("checked_at_ms"))
            .col(big_integer("took_ms"))
            .to_owned();
        // The note, the fields and the file's name are sealed with the data key that `key_id` names.
        let evidence = Table::create()
            .table("evidence")
            .col(uuid("id").primary_key())
            .col(string_len("profile", 63))
            .col(string_len("claim", 32))
            .col(string_len("dated", 10))
            .col(big_integer("recorded_at_ms"))
            .col(string_len_null("certifies", 120))
            .col(string_len_null("expires", 10))
            .col(uuid("key_id"))
            .col(binary_null("note"))
            .col(binary_null("fields"))
            .col(binary_null("file_name"))
            .col(string_len_null("file_sha256", 64))
            .col(big_integer_null("file_bytes"))
            .to_owned();
        // Sequence numbers are per profile and have no gap: the primary key refuses two entries for one place.
        let change = Table::create()
            .table("trust_change")
            .col(string_len("profile", 63))
            .col(big_integer("seq"))
            .col(string_len("claim", 32))
            .col(string_len("kind", 16))
            .col(string_len_null("from_state", 16))
            .col(string_len("to_state", 16))
            .col(text("sentence"))
            .col(text("reason"))
            .col(big_integer("at_ms"))
            .col(big_integer("since_ms"))
            .col(string_len("previous_hash", 64))
            .col(string_len("hash", 64))
            .primary_key(Index::create().col("profile").col("seq"))
            .to_owned();
        let switch = Table::create()
            .table("check_switch")
            .col(string_len("check_path", 64).primary_key())
            .col(big_integer("off_since_ms"))
            .col(text("reason"))
            .to_owned();
        let entry = Table::create()
            .table("platform_entry")
            .col(big_integer("seq").primary_key())
            .col(big_integer("at_ms"))
            .col(string_len("actor", 64))
            .col(string_len("action", 32))
            .col(string("subject"))
            .col(text("detail"))
            .col(string_len("previous_hash", 64))
            .col(string_len("hash", 64))
            .to_owned();
        let key = Table::create()
            .table("data_key")
            .col(uuid("id").primary_key())
            .col(string_len("owner", 64).unique_key())
            .col(string_len("environment", 16))
            .col(binary("wrapped"))
            .col(big_integer("made_at_ms"))
            .to_owned();
        let revision = Table::create()
            .table("revision")
            .col(big_integer("id").primary_key())
            .col(big_integer("number"))
            .to_owned();
        for table in [finding, evidence, change, switch, entry, key, revision] {
            schema.create_table(table).await?;
        }
        let by_check = Index::create()
            .name("finding_by_check")
            .table("finding")
            .col("profile")
            .col("check_path")
            .col("checked_at_ms")
            .to_owned();
        let by_claim =
            Index::create().name("evidence_by_claim").table("evidence").col("profile").col("claim").to_owned();
        schema.create_index(by_check).await?;
        schema.create_index(by_claim).await?;
        let first = Query::insert()
            .into_table("revision")
            .columns(["id", "number"])
            .values_panic([1.into(), 0.into()])
            .to_owned();
        schema.execute(first).await
    }
}
