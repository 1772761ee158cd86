//! Who of the vendor's staff put evidence on record; nothing where it was the command line, or an earlier release.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::uuid_null;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0024_recorder"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let recorder = Table::alter().table("evidence").add_column(uuid_null("recorded_by")).to_owned();
        schema.alter_table(recorder).await
    }
}
