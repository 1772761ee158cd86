//! What each scheduled job last came to: one row for each.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len, text};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let job = Table::create()
            .table("job")
            .col(string_len("name", 32).primary_key())
            .col(big_integer("at_ms"))
            .col(string_len("outcome", 8))
            .col(text("said"))
            .to_owned();
        schema.create_table(job).await
    }
}
