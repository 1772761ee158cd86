//! Attached files. What lies in the store is found by the id; what it is called and what it is, is sealed. In dedicated mode this table lies in
//! the organisation's own database.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, string_len_null, uuid, uuid_null};

use crate::t0002_owner;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "t0004_file"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let file = Table::create()
            .table("file")
            .col(uuid("tenant_id"))
            .col(uuid("id"))
            .col(uuid_null("record_id"))
            .col(string_len_null("field", 40))
            .col(binary("facts"))
            .col(big_integer("bytes"))
            .col(big_integer("made_at_ms"))
            .col(uuid("made_by"))
            .col(big_integer_null("removed_at_ms"))
            .primary_key(Index::create().col("tenant_id").col("id"))
            .to_owned();
        schema.create_table(file).await?;
        let by_record =
            Index::create().name("file_by_record").table("file").col("tenant_id").col("record_id").col("id").to_owned();
        schema.create_index(by_record).await?;
        t0002_owner::guard_all(schema, &["file"]).await
    }
}
