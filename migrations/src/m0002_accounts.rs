//! People and how they get in: accounts, second factors, sessions, one-time links, allowances, letters, and the record of each account.
//!
//! Addresses and names are sealed; an address is found by a keyed index. What is secret is kept as a hash or sealed, and
//! every id that a browser holds is kept as its hash only. Instants are milliseconds since the Unix epoch.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, integer, string_len, string_len_null, text, uuid, uuid_null,
};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_accounts"
    }
}

/// A row that goes when its account goes.
fn of_account(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, "account_id").to("account", "id").on_delete(ForeignKeyAction::Cascade).to_owned()
}

fn people() -> Vec<TableCreateStatement> {
    // One person, one row, one address whatever its case: the unique index refuses a second.
    let account = Table::create()
        .table("account")
        .col(uuid("id").primary_key())
        .col(string_len("kind", 8))
        .col(string_len("address_index", 64).unique_key())
        .col(binary("address"))
        .col(binary("name"))
        .col(string_len("password_hash", 255))
        .col(big_integer("password_set_at_ms"))
        .col(big_integer("created_at_ms"))
        .col(big_integer_null("disabled_at_ms"))
        .col(big_integer("factor_changed_at_ms"))
        .col(string_len("date_style", 8))
        .col(string_len("time_zone", 64))
        .to_owned();
    let organisation = Table::create()
        .table("organisation")
        .col(uuid("id").primary_key())
        .col(string_len("slug", 63).unique_key())
        .col(binary("name"))
        .col(big_integer("created_at_ms"))
        .to_owned();
    let membership = Table::create()
        .table("membership")
        .col(uuid("organisation_id"))
        .col(uuid("account_id"))
        .col(string_len("role", 64))
        .col(big_integer("since_ms"))
        .primary_key(Index::create().col("organisation_id").col("account_id"))
        .foreign_key(
            ForeignKey::create()
                .from("membership", "organisation_id")
                .to("organisation", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(&mut of_account("membership"))
        .to_owned();
    vec![account, organisation, membership]
}

fn factors() -> Vec<TableCreateStatement> {
    // A code is good once: its step is written down with it, and only ever raised.
    let totp = Table::create()
        .table("totp")
        .col(uuid("account_id").primary_key())
        .col(binary("secret"))
        .col(big_integer("last_step"))
        .col(big_integer("confirmed_at_ms"))
        .foreign_key(&mut of_account("totp"))
        .to_owned();
    let backup_code = Table::create()
        .table("backup_code")
        .col(uuid("account_id"))
        .col(string_len("code_hash", 64))
        .primary_key(Index::create().col("account_id").col("code_hash"))
        .foreign_key(&mut of_account("backup_code"))
        .to_owned();
    let known_device = Table::create()
        .table("known_device")
        .col(uuid("account_id"))
        .col(string_len("device_hash", 64))
        .col(big_integer("seen_at_ms"))
        .primary_key(Index::create().col("account_id").col("device_hash"))
        .foreign_key(&mut of_account("known_device"))
        .to_owned();
    let session = Table::create()
        .table("session")
        .col(string_len("id_hash", 64).primary_key())
        .col(uuid("public_id").unique_key())
        .col(uuid("account_id"))
        .col(big_integer_null("factor_at_ms"))
        .col(big_integer("password_at_ms"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("seen_at_ms"))
        .col(big_integer("idle_until_ms"))
        .col(big_integer("ends_at_ms"))
        .col(binary("origin"))
        .col(text("data"))
        .foreign_key(&mut of_account("session"))
        .to_owned();
    vec![totp, backup_code, known_device, session]
}

fn around() -> Vec<TableCreateStatement> {
    // What a link in a letter stands for. Used by being deleted, so once.
    let token = Table::create()
        .table("token")
        .col(string_len("token_hash", 64).primary_key())
        .col(string_len("purpose", 16))
        .col(uuid_null("account_id"))
        .col(string_len("address_index", 64))
        .col(binary("payload"))
        .col(big_integer("made_at_ms"))
        .col(big_integer("ends_at_ms"))
        .foreign_key(&mut of_account("token"))
        .to_owned();
    // The instant at which a bucket is full again; kept under a keyed hash, so that no address is stored.
    let allowance = Table::create()
        .table("allowance")
        .col(string_len("bucket", 64).primary_key())
        .col(big_integer("full_at_ms"))
        .to_owned();
    let letter = Table::create()
        .table("letter")
        .col(uuid("id").primary_key())
        .col(string_len("kind", 32))
        .col(string_len("state", 8))
        .col(binary_null("content"))
        .col(integer("tries"))
        .col(string_len_null("trouble", 64))
        .col(big_integer("queued_at_ms"))
        .col(big_integer("due_at_ms"))
        .col(big_integer_null("done_at_ms"))
        .to_owned();
    let head = Table::create()
        .table("account_chain")
        .col(uuid("account_id").primary_key())
        .col(big_integer("seq"))
        .col(string_len("hash", 64))
        .to_owned();
    let entry = Table::create()
        .table("account_entry")
        .col(uuid("account_id"))
        .col(big_integer("seq"))
        .col(big_integer("at_ms"))
        .col(string_len("action", 32))
        .col(binary("origin"))
        .col(string_len("previous_hash", 64))
        .col(string_len("hash", 64))
        .primary_key(Index::create().col("account_id").col("seq"))
        .to_owned();
    vec![token, allowance, letter, head, entry]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite migrations are not transactional unless one asks.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for table in people().into_iter().chain(factors()).chain(around()) {
            schema.create_table(table).await?;
        }
        let indexes = [
            Index::create().name("membership_by_account").table("membership").col("account_id").to_owned(),
            Index::create().name("session_by_account").table("session").col("account_id").to_owned(),
            Index::create().name("session_by_end").table("session").col("idle_until_ms").to_owned(),
            Index::create().name("token_by_account").table("token").col("account_id").to_owned(),
            Index::create().name("token_by_address").table("token").col("address_index").to_owned(),
            Index::create().name("letter_by_due").table("letter").col("state").col("due_at_ms").to_owned(),
        ];
        for index in indexes {
            schema.create_index(index).await?;
        }
        Ok(())
    }
}
