//! An organisation of which only held records are left: since when, and the certificate of the rest. There can be two certificates of one
//! organisation from now on: that one, and the last.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, text, text_null, uuid, uuid_null};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0028_reduced"
    }
}

/// SQLite does not let go of a column's uniqueness: the table is made anew.
const SQLITE: &[&str] = &[
    "insert into certificate_anew (id, seq, kind, subject, at_ms, body, public_key, signature) \
     select id, seq, kind, subject, at_ms, body, public_key, signature from certificate",
    "drop table certificate",
    "alter table certificate_anew rename to certificate",
];

const POSTGRES: &str = "alter table certificate drop constraint certificate_subject_key";

fn anew() -> TableCreateStatement {
    Table::create()
        .table("certificate_anew")
        .col(uuid("id").primary_key())
        .col(big_integer("seq").unique_key())
        .col(string_len("kind", 12))
        .col(uuid("subject"))
        .col(big_integer("at_ms"))
        .col(text("body"))
        .col(string_len("public_key", 64))
        .col(string_len("signature", 128))
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let organisation = || Table::alter().table("organisation").to_owned();
        for change in [
            organisation().add_column(big_integer_null("reduced_at_ms")).to_owned(),
            organisation().add_column(uuid_null("reduced_certificate_id")).to_owned(),
            // What a purge leaves, as it was decided when it began.
            Table::alter().table("purge").add_column(text_null("keeps")).to_owned(),
        ] {
            schema.alter_table(change).await?;
        }
        let connection = schema.get_connection();
        if connection.get_database_backend() == DbBackend::Postgres {
            connection.execute_unprepared(POSTGRES).await?;
        } else {
            schema.create_table(anew()).await?;
            for statement in SQLITE {
                connection.execute_unprepared(statement).await?;
            }
        }
        let by_subject = Index::create().name("certificate_by_subject").table("certificate").col("subject").to_owned();
        schema.create_index(by_subject).await
    }
}
