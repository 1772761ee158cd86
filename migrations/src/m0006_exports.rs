//! Archives that are asked for and made, the copies that people take of what is theirs, the log that came with an imported organisation, and
//! who approved that a masked archive goes into a test.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string_len, string_len_null, uuid};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_exports"
    }
}

fn of_tenant(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "tenant_id")
        .to("organisation", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn tables() -> Vec<TableCreateStatement> {
    let export = Table::create()
        .table("export")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        // `whole`, or `masked` for testing.
        .col(string_len("kind", 8))
        .col(string_len("state", 8))
        .col(uuid("requested_by"))
        .col(big_integer("requested_at_ms"))
        // When whoever makes it last said so: a process that was killed says nothing more.
        .col(big_integer_null("beat_at_ms"))
        .col(big_integer("done_rows"))
        .col(big_integer("total_rows"))
        .col(big_integer("bytes"))
        .col(string_len_null("sha256", 64))
        .col(string_len_null("content_sha256", 64))
        .col(big_integer_null("ready_at_ms"))
        .col(big_integer_null("expires_at_ms"))
        .col(string_len_null("trouble", 200))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("export"))
        .to_owned();
    // The log of an organisation's time elsewhere, part by part, as it came.
    let former_log = Table::create()
        .table("former_log")
        .col(uuid("tenant_id"))
        .col(string_len("name", 200))
        .col(uuid("blob"))
        .col(big_integer("bytes"))
        .col(string_len("sha256", 64))
        .primary_key(Index::create().col("tenant_id").col("name"))
        .foreign_key(&mut of_tenant("former_log"))
        .to_owned();
    let personal_copy = Table::create()
        .table("personal_copy")
        .col(uuid("account_id"))
        .col(uuid("id"))
        .col(big_integer("made_at_ms"))
        .col(big_integer("expires_at_ms"))
        .col(big_integer("bytes"))
        .col(string_len("sha256", 64))
        .primary_key(Index::create().col("account_id").col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("personal_copy", "account_id")
                .to("account", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    // Two different people of the staff for one archive.
    let export_approval = Table::create()
        .table("export_approval")
        .col(string_len("archive_sha256", 64))
        .col(uuid("operator_id"))
        .col(binary("purpose"))
        .col(big_integer("at_ms"))
        .col(big_integer("expires_at_ms"))
        .primary_key(Index::create().col("archive_sha256").col("operator_id"))
        .to_owned();
    vec![export, former_log, personal_copy, export_approval]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            schema.create_table(table).await?;
        }
        Ok(())
    }
}
