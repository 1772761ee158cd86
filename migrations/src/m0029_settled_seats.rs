//! Who explained what differs about a seat, when and why: beside the decision and its own reason, not in their place.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, binary_null, uuid_null};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0029_settled_seats"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time. The reason and what stands before it when it is hashed are sealed.
        let columns: [&mut ColumnDef; 4] = [
            &mut uuid_null("settled_by"),
            &mut big_integer_null("settled_at_ms"),
            &mut binary_null("settled_note"),
            &mut binary_null("settled_salt"),
        ];
        for column in columns {
            schema.alter_table(Table::alter().table("seat_review_item").add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
