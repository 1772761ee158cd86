//! Who gave a membership or a reach, and when: what was there before keeps nothing there, as nobody wrote it down.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, uuid_null};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0021_granted"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in ["membership", "reach"] {
            // SQLite adds one column at a time.
            let by = Table::alter().table(table).add_column(uuid_null("granted_by")).to_owned();
            schema.alter_table(by).await?;
            let at = Table::alter().table(table).add_column(big_integer_null("granted_at_ms")).to_owned();
            schema.alter_table(at).await?;
        }
        Ok(())
    }
}
