//! An owner has several data keys: the newest seals, the ones before it open what they have sealed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, string_len, uuid};
use sea_orm_migration::sea_orm::ConnectionTrait;

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// SQLite cannot take a constraint away, so the table is made anew and the rows move over.
    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let several = Table::create()
            .table("data_key_several")
            .col(uuid("id").primary_key())
            .col(string_len("owner", 64))
            .col(string_len("environment", 16))
            .col(binary("wrapped"))
            .col(big_integer("made_at_ms"))
            .to_owned();
        schema.create_table(several).await?;
        let connection = schema.get_connection();
        for statement in [
            "insert into data_key_several (id, owner, environment, wrapped, made_at_ms) \
             select id, owner, environment, wrapped, made_at_ms from data_key",
            "drop table data_key",
            "alter table data_key_several rename to data_key",
        ] {
            connection.execute_unprepared(statement).await?;
        }
        let by_owner =
            Index::create().name("data_key_by_owner").table("data_key").col("owner").col("made_at_ms").to_owned();
        schema.create_index(by_owner).await
    }
}
