//! Closing, holding and destroying: when an organisation or an account goes, what keeps it from going, and the proof that it is gone.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, string_len, string_len_null, text, uuid, uuid_null,
};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_retention"
    }
}

fn altered() -> Vec<TableAlterStatement> {
    let organisation = || Table::alter().table("organisation").to_owned();
    let account = || Table::alter().table("account").to_owned();
    vec![
        // Closed: nobody sees it any more, and the clock runs until the purge.
        organisation().add_column(big_integer_null("closed_at_ms")).to_owned(),
        organisation().add_column(big_integer_null("purge_at_ms")).to_owned(),
        // From here on there is no way back.
        organisation().add_column(big_integer_null("purge_began_at_ms")).to_owned(),
        // Chosen when it is closed, so that the owner knows where the proof will be.
        organisation().add_column(uuid_null("certificate_id")).to_owned(),
        // What a restore brings back.
        organisation().add_column(string_len_null("standing_before", 10)).to_owned(),
        organisation().add_column(big_integer_null("standing_before_until_ms")).to_owned(),
        account().add_column(big_integer_null("delete_asked_at_ms")).to_owned(),
        account().add_column(big_integer_null("delete_at_ms")).to_owned(),
        account().add_column(uuid_null("certificate_id")).to_owned(),
    ]
}

fn tables() -> Vec<TableCreateStatement> {
    // What keeps an organisation, a person or a record from being destroyed: on which basis, how far, until when.
    let hold = Table::create()
        .table("legal_hold")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(string_len("kind", 12))
        .col(uuid("subject"))
        .col(binary("basis"))
        .col(binary("scope"))
        .col(string_len("placed_kind", 8))
        .col(uuid("placed_by"))
        .col(big_integer("placed_at_ms"))
        .col(big_integer("ends_at_ms"))
        .col(big_integer_null("lifted_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("legal_hold", "tenant_id")
                .to("organisation", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    // A purge under way: what was there when it began, so that it can be gone on with after a crash.
    let purge = Table::create()
        .table("purge")
        .col(uuid("id").primary_key())
        .col(uuid("certificate_id"))
        .col(string_len("slug_sha256", 64))
        .col(big_integer("closed_at_ms"))
        .col(big_integer("due_at_ms"))
        .col(big_integer("began_at_ms"))
        .col(text("found"))
        .to_owned();
    // The proof that something is gone. No personal data is in it.
    let certificate = Table::create()
        .table("certificate")
        .col(uuid("id").primary_key())
        .col(big_integer("seq").unique_key())
        .col(string_len("kind", 12))
        .col(uuid("subject").unique_key())
        .col(big_integer("at_ms"))
        .col(text("body"))
        .col(string_len("public_key", 64))
        .col(string_len("signature", 128))
        .to_owned();
    vec![hold, purge, certificate]
}

/// The record of an account can only be lengthened, until the account itself is gone.
const SQLITE: &[&str] = &["create trigger account_entry_is_kept before delete on account_entry \
     when exists (select 1 from account a where a.id = old.account_id) or old.account_id = zeroblob(16) \
     begin select raise(abort, 'the record of an account is kept'); end"];

const POSTGRES: &[&str] = &[
    "create function account_entry_is_kept() returns trigger language plpgsql as $$ begin \
       if exists (select 1 from account a where a.id = old.account_id) or old.account_id = '00000000-0000-0000-0000-000000000000' \
       then raise exception 'the record of an account is kept'; end if; return old; end $$",
    "create trigger account_entry_is_kept before delete on account_entry for each row execute function account_entry_is_kept()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for change in altered() {
            schema.alter_table(change).await?;
        }
        for table in tables() {
            schema.create_table(table).await?;
        }
        let index = |name: &str, table: &'static str, column: &'static str| {
            Index::create().name(name).table(table).col(column).to_owned()
        };
        for index in [
            index("organisation_by_purge", "organisation", "purge_at_ms"),
            index("account_by_deletion", "account", "delete_at_ms"),
        ] {
            schema.create_index(index).await?;
        }
        let by_subject =
            Index::create().name("hold_by_subject").table("legal_hold").col("tenant_id").col("subject").to_owned();
        schema.create_index(by_subject).await?;
        let connection = schema.get_connection();
        let triggers = match connection.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            DbBackend::Sqlite | DbBackend::MySql | _ => SQLITE,
        };
        for trigger in triggers {
            connection.execute_unprepared(trigger).await?;
        }
        Ok(())
    }
}
