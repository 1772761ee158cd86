//! The key under which the logs of organisations keep from where somebody acted: it goes with the account.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::binary_null;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0023_trace"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let trace = Table::alter().table("account").add_column(binary_null("trace")).to_owned();
        schema.alter_table(trace).await
    }
}
