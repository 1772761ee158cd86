//! Receipts of backups and drills, where copies of the keyring lie, and the components whose recovery has objectives.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, integer_null, string_len, string_len_null, text, uuid,
};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_backups"
    }
}

fn receipts() -> Vec<TableCreateStatement> {
    // One row for each destination of a backup.
    let backup = Table::create()
        .table("backup_receipt")
        .col(uuid("id").primary_key())
        .col(uuid("backup_id"))
        .col(string_len("destination", 255))
        .col(string_len("object", 128))
        .col(big_integer("started_at_ms"))
        .col(big_integer_null("finished_at_ms"))
        .col(big_integer_null("bytes"))
        .col(string_len_null("sha256", 64))
        .col(string_len("outcome", 8))
        .col(text("said"))
        .to_owned();
    let drill = Table::create()
        .table("drill_receipt")
        .col(uuid("id").primary_key())
        .col(big_integer("at_ms"))
        .col(string_len("destination", 255))
        .col(string_len("object", 128))
        .col(big_integer_null("rto_ms"))
        .col(big_integer_null("rpo_ms"))
        .col(big_integer("bytes"))
        .col(big_integer("rows_compared"))
        .col(string_len("outcome", 8))
        .col(text("said"))
        .to_owned();
    // Which keyring each destination was last given.
    let keyring = Table::create()
        .table("keyring_copy")
        .col(string_len("destination", 255).primary_key())
        .col(string_len("digest", 64))
        .col(big_integer("written_at_ms"))
        .to_owned();
    vec![backup, drill, keyring]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in receipts() {
            schema.create_table(table).await?;
        }
        // The database itself refuses a critical component without its two objectives.
        let component = Table::create()
            .table("component")
            .col(string_len("id", 63).primary_key())
            .col(string_len("name", 120))
            .col(integer("critical"))
            .col(integer_null("rto_hours"))
            .col(integer_null("rpo_hours"))
            .col(big_integer("changed_at_ms"))
            .check(Expr::cust("critical = 0 or (rto_hours is not null and rpo_hours is not null)"))
            .to_owned();
        schema.create_table(component).await?;
        let newest = |table: &'static str, column: &'static str| {
            Index::create().name(format!("{table}_newest")).table(table).col(column).to_owned()
        };
        schema.create_index(newest("backup_receipt", "started_at_ms")).await?;
        schema.create_index(newest("drill_receipt", "at_ms")).await
    }
}
