//! Which of those who began an archive is at it: each writes to a place of its own, so that none touches what another finished.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_attempts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let attempt = Table::alter().table("export").add_column(big_integer("attempt").default(0)).to_owned();
        schema.alter_table(attempt).await
    }
}
