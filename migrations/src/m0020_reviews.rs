//! Access reviews: of an organisation's grants, and of the seats of the vendor's staff.
//!
//! An item is what was found when the review began: it points to people and copies no name, so that whoever is erased is gone from here too.
//! Every key of an organisation's tables begins with `tenant_id`. Instants are milliseconds since the Unix epoch.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, integer, string_len, string_len_null, text_null, uuid,
    uuid_null,
};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_reviews"
    }
}

/// A row that goes when its organisation goes.
fn of_tenant(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "tenant_id")
        .to("organisation", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// A row that goes when its review goes.
fn of_review(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, ("tenant_id", "review_id"))
        .to("review", ("tenant_id", "id"))
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn campaigns() -> Vec<TableCreateStatement> {
    let review = Table::create()
        .table("review")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(binary("name"))
        // `all`, `role`, `unit`, `privileged` or `unused`, and which role or unit.
        .col(string_len("scope", 12))
        .col(string_len_null("scope_of", 64))
        .col(string_len("silence", 12))
        .col(string_len("effect", 12))
        .col(string_len("state", 8))
        // `hand`, or `cadence` where it opened itself.
        .col(string_len("origin", 8))
        .col(integer("stages"))
        .col(uuid_null("fallback_id"))
        .col(uuid("made_by"))
        .col(big_integer("made_at_ms"))
        .col(big_integer_null("opened_at_ms"))
        .col(big_integer("due_at_ms"))
        .col(big_integer_null("closed_at_ms"))
        .col(uuid_null("closed_by"))
        .col(big_integer("items"))
        .col(string_len_null("population_sha256", 64))
        // Grants and items by source when it began; what came of it when it was closed. Counts only.
        .col(text_null("found"))
        .col(text_null("outcome"))
        .col(integer("reminded"))
        .col(big_integer_null("escalated_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("review"))
        .to_owned();
    let reviewer = Table::create()
        .table("review_reviewer")
        .col(uuid("tenant_id"))
        .col(uuid("review_id"))
        .col(integer("stage"))
        .col(uuid("account_id"))
        // Who decides in their place for a while.
        .col(uuid_null("delegate_id"))
        .col(big_integer("since_ms"))
        .primary_key(Index::create().col("tenant_id").col("review_id").col("stage").col("account_id"))
        .foreign_key(&mut of_review("review_reviewer"))
        .to_owned();
    vec![review, reviewer]
}

fn items() -> Vec<TableCreateStatement> {
    // The id begins as the review's does and ends with a number, so that the items of one review lie together in their order.
    let item = Table::create()
        .table("review_item")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(uuid("review_id"))
        .col(string_len("kind", 10))
        .col(uuid_null("account_id"))
        .col(uuid_null("target_id"))
        .col(string_len_null("target_kind", 10))
        .col(binary_null("address"))
        .col(string_len_null("role", 64))
        .col(big_integer("granted_at_ms"))
        .col(uuid_null("granted_by"))
        .col(big_integer_null("ends_at_ms"))
        .col(big_integer_null("last_used_ms"))
        .col(integer("has_factor"))
        .col(integer("privileged"))
        .col(integer("orphaned"))
        .col(string_len_null("previous", 8))
        .col(string_len("advice", 8))
        .col(string_len("reason", 12))
        .col(integer("stage"))
        // Given to one person among the reviewers of its stage.
        .col(uuid_null("reviewer_id"))
        .col(string_len_null("decision", 8))
        .col(string_len_null("new_role", 64))
        .col(uuid_null("decided_by"))
        .col(big_integer_null("decided_at_ms"))
        .col(uuid_null("note_id"))
        .col(uuid_null("act_id"))
        .col(integer("silent"))
        .col(string_len("state", 8))
        .col(big_integer_null("applied_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_review("review_item"))
        .to_owned();
    // What was said in the stages before the one that an item is in.
    let vote = Table::create()
        .table("review_vote")
        .col(uuid("tenant_id"))
        .col(uuid("item_id"))
        .col(integer("stage"))
        .col(uuid("review_id"))
        .col(string_len("decision", 8))
        .col(string_len_null("new_role", 64))
        .col(uuid("decided_by"))
        .col(big_integer("decided_at_ms"))
        .col(uuid_null("note_id"))
        .col(uuid_null("act_id"))
        .primary_key(Index::create().col("tenant_id").col("item_id").col("stage"))
        .foreign_key(&mut of_review("review_vote"))
        .to_owned();
    // The reason of one or many decisions, or a remark.
    let note = Table::create()
        .table("review_note")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(uuid("review_id"))
        .col(uuid_null("item_id"))
        .col(string_len("kind", 8))
        .col(uuid("by_id"))
        .col(big_integer("at_ms"))
        .col(binary("content"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_review("review_note"))
        .to_owned();
    // Opens somebody's calendar of due dates to whoever has the address of it.
    let calendar = Table::create()
        .table("calendar_key")
        .col(uuid("tenant_id"))
        .col(uuid("account_id"))
        .col(string_len("token_hash", 64))
        .col(big_integer("made_at_ms"))
        .col(big_integer_null("used_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("account_id"))
        // In one organisation: what is found across them could tell of another.
        .index(Index::create().unique().name("calendar_key_by_token").col("tenant_id").col("token_hash"))
        .foreign_key(&mut of_tenant("calendar_key"))
        .to_owned();
    vec![item, vote, note, calendar]
}

fn seats() -> Vec<TableCreateStatement> {
    let review = Table::create()
        .table("seat_review")
        .col(uuid("id").primary_key())
        .col(binary("name"))
        .col(string_len("silence", 12))
        .col(string_len("state", 8))
        .col(string_len("origin", 8))
        .col(uuid("made_by"))
        .col(big_integer("opened_at_ms"))
        .col(big_integer("due_at_ms"))
        .col(big_integer_null("closed_at_ms"))
        .col(uuid_null("closed_by"))
        .col(big_integer("items"))
        .col(string_len("population_sha256", 64))
        .col(integer("reminded"))
        .col(big_integer_null("escalated_at_ms"))
        .to_owned();
    let item = Table::create()
        .table("seat_review_item")
        .col(uuid("id").primary_key())
        .col(uuid("review_id"))
        .col(uuid("account_id"))
        .col(big_integer("granted_at_ms"))
        .col(big_integer_null("last_used_ms"))
        .col(integer("has_factor"))
        .col(string_len_null("previous", 8))
        .col(string_len("advice", 8))
        .col(string_len("reason", 12))
        .col(string_len_null("decision", 8))
        .col(uuid_null("decided_by"))
        .col(big_integer_null("decided_at_ms"))
        .col(binary_null("note"))
        .col(integer("silent"))
        .col(string_len("state", 8))
        .foreign_key(
            ForeignKey::create()
                .from("seat_review_item", "review_id")
                .to("seat_review", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    vec![review, item]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in campaigns().into_iter().chain(items()).chain(seats()) {
            schema.create_table(table).await?;
        }
        let index =
            |name: &str, table: &'static str| Index::create().name(name).table(table).col("tenant_id").to_owned();
        let indexes = [
            // Progress is counted from it alone, and what is undecided is found in its order.
            index("review_item_by_state", "review_item")
                .col("review_id")
                .col("decision")
                .col("state")
                .col("id")
                .col("stage")
                .col("reviewer_id")
                .to_owned(),
            index("review_item_by_account", "review_item").col("account_id").col("review_id").to_owned(),
            index("review_item_by_act", "review_item").col("act_id").to_owned(),
            index("review_note_by_review", "review_note").col("review_id").col("item_id").to_owned(),
            index("review_vote_by_review", "review_vote").col("review_id").col("decided_by").to_owned(),
        ];
        for index in indexes {
            schema.create_index(index).await?;
        }
        Ok(())
    }
}
