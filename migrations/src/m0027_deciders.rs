//! Who decided in a review is found without walking through its items: few decide on many.

use sea_orm_migration::prelude::*;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0027_deciders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let index = "create index review_item_by_decider on review_item (tenant_id, review_id, decided_by) where decided_by is not null";
        schema.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
