//! When an old backup was let go: the receipt of it stays.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_pruning"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let pruned = Table::alter().table("backup_receipt").add_column(big_integer_null("pruned_at_ms")).to_owned();
        schema.alter_table(pruned).await
    }
}
