//! Organisations: standing, roles of their own, units, reach, invitations, departures, help, tallies, and what waits for a log.
//!
//! Every key begins with `tenant_id`, and so does every foreign key between an organisation's tables: the database itself refuses a row
//! that points into another organisation. Names and addresses are sealed; instants are milliseconds since the Unix epoch.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, binary, binary_null, integer, string_len, string_len_null, text, uuid, uuid_null,
};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_organisations"
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

/// A row that goes when somebody's membership goes.
fn of_member(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, ("tenant_id", "account_id"))
        .to("membership", ("tenant_id", "account_id"))
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

fn altered() -> Vec<TableAlterStatement> {
    let membership = || Table::alter().table("membership").to_owned();
    let organisation = || Table::alter().table("organisation").to_owned();
    let account = || Table::alter().table("account").to_owned();
    vec![
        membership().rename_column("organisation_id", "tenant_id").to_owned(),
        // `member`, or `help` for the vendor's staff while they are let in.
        membership().add_column(string_len("kind", 8).default("member")).to_owned(),
        // `all`, or `some` of the records: those of the units and the records in `reach`.
        membership().add_column(string_len("scope", 8).default("all")).to_owned(),
        membership().add_column(big_integer_null("ends_at_ms")).to_owned(),
        organisation().add_column(string_len("standing", 10).default("active")).to_owned(),
        organisation().add_column(big_integer("standing_since_ms").default(0)).to_owned(),
        organisation().add_column(big_integer_null("standing_until_ms")).to_owned(),
        // How many of the letters before the end of a standing have gone out.
        organisation().add_column(integer("reminded").default(0)).to_owned(),
        account().add_column(big_integer_null("seen_at_ms")).to_owned(),
        // Whether a second factor must be set up again whatever the role asks, because it was reset.
        account().add_column(integer("must_enrol").default(0)).to_owned(),
    ]
}

fn access() -> Vec<TableCreateStatement> {
    let custom_role = Table::create()
        .table("custom_role")
        .col(uuid("tenant_id"))
        .col(string_len("name", 64))
        .col(text("permissions"))
        .col(big_integer("made_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("name"))
        .foreign_key(&mut of_tenant("custom_role"))
        .to_owned();
    let unit = Table::create()
        .table("unit")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(binary("name"))
        .col(string_len("name_index", 64))
        .col(big_integer("made_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("unit"))
        .to_owned();
    // What a member whose scope is `some` gets to: a unit, or one record.
    let reach = Table::create()
        .table("reach")
        .col(uuid("tenant_id"))
        .col(uuid("account_id"))
        .col(string_len("kind", 8))
        .col(uuid("target"))
        .primary_key(Index::create().col("tenant_id").col("account_id").col("kind").col("target"))
        .foreign_key(&mut of_member("reach"))
        .to_owned();
    let invitation = Table::create()
        .table("invitation")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(string_len("address_index", 64))
        .col(binary("address"))
        .col(string_len("role", 64))
        .col(uuid_null("unit_id"))
        .col(uuid("invited_by"))
        .col(string_len("token_hash", 64))
        .col(big_integer("made_at_ms"))
        .col(big_integer("ends_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("invitation"))
        .foreign_key(
            ForeignKey::create()
                .from("invitation", ("tenant_id", "unit_id"))
                .to("unit", ("tenant_id", "id"))
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned();
    vec![custom_role, unit, reach, invitation]
}

fn leaving() -> Vec<TableCreateStatement> {
    // Somebody's access ends, at once or at a date; the receipt says what was found and removed.
    let departure = Table::create()
        .table("departure")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(uuid("account_id"))
        .col(binary("name"))
        .col(uuid_null("successor_id"))
        .col(uuid("asked_by"))
        .col(big_integer("asked_at_ms"))
        .col(big_integer("at_ms"))
        .col(big_integer_null("due_at_ms"))
        .col(string_len_null("due_rule", 80))
        .col(big_integer_null("done_at_ms"))
        .col(binary_null("receipt"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("departure"))
        .to_owned();
    let help_grant = Table::create()
        .table("help_grant")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(uuid("account_id"))
        .col(string_len("role", 64))
        .col(binary("reason"))
        .col(uuid("given_by"))
        .col(big_integer("given_at_ms"))
        .col(big_integer("ends_at_ms"))
        .col(big_integer_null("ended_at_ms"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("help_grant"))
        .to_owned();
    // Counts of a day, so that a picture of a month does not read a month.
    let tally = Table::create()
        .table("tally")
        .col(uuid("tenant_id"))
        .col(integer("day"))
        .col(string_len("what", 40))
        .col(big_integer("count"))
        .primary_key(Index::create().col("tenant_id").col("day").col("what"))
        .foreign_key(&mut of_tenant("tally"))
        .to_owned();
    // Events of an organisation whose log lies in a database of its own, until they are there.
    let outbox = Table::create()
        .table("outbox")
        .col(uuid("tenant_id"))
        .col(uuid("id"))
        .col(binary("event"))
        .primary_key(Index::create().col("tenant_id").col("id"))
        .foreign_key(&mut of_tenant("outbox"))
        .to_owned();
    // Which database is whose, where each organisation has its own: one of each, never two in one.
    let environment = Table::create()
        .table("environment")
        .col(uuid("tenant_id").primary_key())
        .col(string_len("location", 64).unique_key())
        .foreign_key(&mut of_tenant("environment"))
        .to_owned();
    vec![departure, help_grant, tally, outbox, environment]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite migrations are not transactional unless one asks.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        for change in altered() {
            schema.alter_table(change).await?;
        }
        for table in access().into_iter().chain(leaving()) {
            schema.create_table(table).await?;
        }
        let unique = |name: &str, table: &'static str| Index::create().name(name).table(table).unique().to_owned();
        let indexes = [
            unique("unit_by_name", "unit").col("tenant_id").col("name_index").to_owned(),
            unique("invitation_by_address", "invitation").col("tenant_id").col("address_index").to_owned(),
            Index::create()
                .name("membership_by_time")
                .table("membership")
                .col("tenant_id")
                .col("since_ms")
                .col("account_id")
                .to_owned(),
            Index::create().name("membership_by_role").table("membership").col("tenant_id").col("role").to_owned(),
            Index::create().name("departure_by_time").table("departure").col("tenant_id").col("asked_at_ms").to_owned(),
            Index::create()
                .name("organisation_by_standing")
                .table("organisation")
                .col("standing")
                .col("standing_until_ms")
                .to_owned(),
        ];
        for index in indexes {
            schema.create_index(index).await?;
        }
        Ok(())
    }
}
