//! A database of one organisation knows whose it is: one row, and nothing of anybody else comes in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer, uuid};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(Debug)]
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "t0002_owner"
    }
}

const TABLES: &[&str] = &["entry", "signed_head", "log_head", "delivered"];

fn guard(table: &str, backend: DbBackend) -> Vec<String> {
    match backend {
        DbBackend::Postgres => vec![format!(
            "create trigger {table}_is_ours before insert or update on {table} for each row execute function is_ours()"
        )],
        DbBackend::Sqlite | DbBackend::MySql | _ => vec![format!(
            "create trigger {table}_is_ours before insert on {table} \
             when not exists (select 1 from owner where tenant_id = new.tenant_id) \
             begin select raise(abort, 'this database belongs to another organisation'); end"
        )],
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, schema: &SchemaManager) -> Result<(), DbErr> {
        let owner = Table::create()
            .table("owner")
            .col(integer("only_row").primary_key().check(Expr::col("only_row").eq(1)))
            .col(uuid("tenant_id"))
            .to_owned();
        schema.create_table(owner).await?;
        let connection = schema.get_connection();
        let backend = connection.get_database_backend();
        if backend == DbBackend::Postgres {
            let function = "create function is_ours() returns trigger language plpgsql as $$ begin \
                if not exists (select 1 from owner where tenant_id = new.tenant_id) \
                then raise exception 'this database belongs to another organisation'; end if; return new; end $$";
            connection.execute_unprepared(function).await?;
        }
        guard_all(schema, TABLES).await
    }
}

/// Keeps what belongs to others out of these tables, where the database is one organisation's own.
pub(crate) async fn guard_all(schema: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    if !schema.has_table("owner").await? {
        return Ok(());
    }
    let connection = schema.get_connection();
    for statement in tables.iter().flat_map(|table| guard(table, connection.get_database_backend())) {
        connection.execute_unprepared(&statement).await?;
    }
    Ok(())
}
