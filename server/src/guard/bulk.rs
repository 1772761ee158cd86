//! Many rows of one organisation, made into statements where there is no database: what takes long about them can be done beside the writer.

use std::fmt::Write;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, QueryTrait, Statement, Value,
};
use uuid::Uuid;

use super::tables::Tenanted;
use super::tenant::{Change, TenantId};
use crate::entity::record_token;

/// Values of one statement, which takes at most 32,766 (SQLite) or 65,535 (PostgreSQL).
const VALUES_AT_ONCE: usize = 30_000;

/// Tokens of one statement: about half a megabyte of text.
const TOKENS_AT_ONCE: usize = 20_000;

/// Tokens are most of what an import writes: as single values they cost more than the rows themselves.
const SQLITE_TOKENS: &str = "INSERT INTO record_token (tenant_id, token, record_id) \
                             select ?1, value, substr(?3, key * 16 + 1, 16) from json_each(?2)";

const POSTGRES_TOKENS: &str = "INSERT INTO record_token (tenant_id, token, record_id) select $1, token, record \
     from unnest(string_to_array($2, ',')::bigint[], string_to_array($3, ',')::uuid[]) as t (token, record)";

/// Rows that are to be inserted, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    tenant: TenantId,
    backend: DbBackend,
    /// Where the organisation has a database of its own: whether the change is in that one.
    in_own: Option<bool>,
    statements: Vec<Statement>,
}

impl Bulk {
    /// They go to this organisation, whatever their tenant was set to.
    pub(crate) fn rows<A>(&mut self, rows: Vec<A>) -> Result<(), DbErr>
    where
        A: ActiveModelTrait,
        A::Entity: Tenanted,
    {
        here::<A::Entity>(self.in_own)?;
        let at_once = VALUES_AT_ONCE / <A::Entity as EntityTrait>::Column::iter().count().max(1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some = rows.by_ref().take(at_once).map(|mut row| {
                row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
                row
            });
            let query = <A::Entity as EntityTrait>::insert_many(some).into_query();
            self.add(self.backend.build(&query));
        }
        Ok(())
    }

    /// What records are found by.
    pub(crate) fn tokens(&mut self, tokens: &[(i64, Uuid)]) -> Result<(), DbErr> {
        here::<record_token::Entity>(self.in_own)?;
        for some in tokens.chunks(TOKENS_AT_ONCE) {
            let (sql, tokens, records): (_, String, Value) = if self.backend == DbBackend::Postgres {
                (POSTGRES_TOKENS, listed(some.iter().map(|row| row.0)), listed(some.iter().map(|row| row.1)).into())
            } else {
                let records: Vec<u8> = some.iter().flat_map(|(_, record)| *record.as_bytes()).collect();
                (SQLITE_TOKENS, format!("[{}]", listed(some.iter().map(|row| row.0))), records.into())
            };
            self.add(Statement::from_sql_and_values(self.backend, sql, [self.tenant.0.into(), tokens.into(), records]));
        }
        Ok(())
    }

    /// On SQLite a statement of many rows keeps a journal of its own, so that it can be taken back alone. A change that fails here is given up
    /// whole, and does without.
    fn add(&mut self, mut statement: Statement) {
        if self.backend == DbBackend::Sqlite {
            statement.sql = statement.sql.replacen("INSERT INTO", "INSERT OR FAIL INTO", 1);
        }
        self.statements.push(statement);
    }
}

/// A table that lies elsewhere is an error of ours, and never an empty answer.
pub(super) fn here<E: Tenanted>(in_own: Option<bool>) -> Result<(), DbErr> {
    if in_own.is_none_or(|own| own == E::OWN) {
        return Ok(());
    }
    Err(DbErr::Custom(format!("{} does not lie in the database of this change", E::NAME)))
}

fn listed(values: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let mut list = String::new();
    for value in values {
        let comma = if list.is_empty() { "" } else { "," };
        let _ = write!(list, "{comma}{value}");
    }
    list
}

impl Change {
    /// An empty one, for rows that this change or another one of the same organisation is to insert.
    pub(crate) fn bulk(&self) -> Bulk {
        let backend = self.rows().connection().get_database_backend();
        Bulk { tenant: self.tenant(), backend, in_own: self.in_own(), statements: Vec::new() }
    }

    /// # Errors
    /// When a row is there already; then the change has to be given up, for half of it may be done.
    pub(crate) async fn insert_bulk(&self, bulk: Bulk) -> Result<(), DbErr> {
        if bulk.tenant != self.tenant() || bulk.in_own != self.in_own() {
            return Err(DbErr::Custom("rows that were made for another place".into()));
        }
        for statement in bulk.statements {
            self.rows().connection().execute_raw(statement).await?;
        }
        Ok(())
    }
}
