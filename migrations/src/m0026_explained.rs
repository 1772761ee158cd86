//! What a review keeps besides its decisions: who explained a difference and when the access ended, which items nobody could decide on, whether it
//! closes by itself, and the salt of each reason.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, binary_null, integer, string_len, uuid_null};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0026_explained"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        let columns: [(&'static str, &mut ColumnDef); 9] = [
            // `wait` for somebody, or `close` by itself.
            ("review", &mut string_len("when_due", 8).default("wait").to_owned()),
            // When those in charge heard why it did not close by itself.
            ("review", &mut big_integer_null("held_back_at_ms")),
            // Who explained what differed from the decision, or had it done again, and why.
            ("review_item", &mut uuid_null("settled_by")),
            ("review_item", &mut big_integer_null("settled_at_ms")),
            ("review_item", &mut uuid_null("settled_note_id")),
            // When the access ended that was to be kept, as the log has it.
            ("review_item", &mut big_integer_null("ended_at_ms")),
            // Decided by silence, as there was nobody who could.
            ("review_item", &mut integer("alone").default(0).to_owned()),
            // What stands before a reason when it is hashed; sealed.
            ("review_note", &mut binary_null("salt")),
            ("seat_review_item", &mut binary_null("note_salt")),
        ];
        for (table, column) in columns {
            schema.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
