//! Evidence that turned out to be wrong: it stays on record, and this says since when it counts no longer, and why. Rows are only ever added.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len, uuid, uuid_null};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0030_withdrawn"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let withdrawal = Table::create()
            .table("evidence_withdrawal")
            .col(uuid("evidence_id").primary_key())
            .col(big_integer("at_ms"))
            .col(uuid_null("withdrawn_by"))
            .col(string_len("reason", 500))
            .foreign_key(ForeignKey::create().from("evidence_withdrawal", "evidence_id").to("evidence", "id"))
            .to_owned();
        schema.create_table(withdrawal).await
    }
}
