//! What the self-test tries at the database itself, past every filter of ours. Nothing of it is ever committed.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, Statement};
use uuid::Uuid;

use super::change::Rows;
use super::proof::Operator;
use super::row_security;
use super::tables::TENANT_TABLES;
use super::tenant::{TenantId, enter};
use crate::entity::{delivered, entry};

/// What PostgreSQL's catalog says.
#[derive(Debug)]
pub(crate) struct RowSecurity {
    /// Tables of organisations on which it is not enabled and forced.
    pub(crate) unsecured: Vec<String>,
    /// Why the serving login stands above it, if it does.
    pub(crate) overpowered: Option<&'static str>,
}

/// How many rows a query without any filter of ours found, in all tables of organisations together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unfiltered {
    pub(crate) rows: i64,
    /// Of those, the rows of anybody but the organisation that was named.
    pub(crate) foreign: i64,
}

impl Operator {
    /// `None`: PostgreSQL does not keep organisations apart here.
    pub(crate) async fn row_security(&self) -> Result<Option<RowSecurity>, DbErr> {
        let store = self.store();
        if !store.rows_are_secured() {
            return Ok(None);
        }
        let unsecured = row_security::unsecured(&store.read).await?;
        Ok(Some(RowSecurity { unsecured, overpowered: row_security::overpowered(&store.read).await? }))
    }

    /// Counts the rows of every table of organisations with plain SQL, inside one organisation or inside none.
    pub(crate) async fn unfiltered(&self, inside: Option<TenantId>) -> Result<Unfiltered, DbErr> {
        let view = super::tenant::view(&self.store().read).await?;
        if let Some(tenant) = inside {
            enter(&view, tenant, None).await?;
        }
        let named = inside.map_or(Uuid::nil(), |tenant| tenant.0);
        let mut found = Unfiltered::default();
        for table in TENANT_TABLES {
            let sql = format!("select count(*), count(*) filter (where tenant_id <> $1) from \"{}\"", table.name);
            let ask = Statement::from_sql_and_values(DbBackend::Postgres, sql, [named.into()]);
            let row = view.query_one_raw(ask).await?.ok_or_else(|| DbErr::RecordNotFound(table.name.to_owned()))?;
            found.rows += row.try_get_by_index::<i64>(0)?;
            found.foreign += row.try_get_by_index::<i64>(1)?;
        }
        Ok(found)
    }

    /// Whether an organisation's own database refuses a row of another. `None`: none has one of its own.
    pub(crate) async fn refuses_row_of(&self, place: TenantId, other: TenantId) -> Result<Option<bool>, DbErr> {
        let Some(shelves) = &self.store().own else { return Ok(None) };
        let rows = Rows::begin(&shelves.get(place).await?.write).await?;
        let foreign =
            delivered::ActiveModel { tenant_id: ActiveValue::Set(other.0), id: ActiveValue::Set(Uuid::now_v7()) };
        refused(rows.insert(foreign).await.map(|()| 1), &["belongs to another organisation"]).map(Some)
    }

    /// Whether the login of one organisation's database is refused at another's. `None`: there are no such logins.
    pub(crate) async fn shuts_out(&self, stranger: TenantId, at: TenantId) -> Result<Option<bool>, DbErr> {
        match &self.store().own {
            Some(shelves) => shelves.shuts_out(stranger, at).await,
            None => Ok(None),
        }
    }

    /// Whether the database refuses to change the entries of this log, past the program.
    pub(crate) async fn refuses_to_change_log(&self, tenant: TenantId) -> Result<bool, DbErr> {
        let rows = self.log_rows(tenant).await?;
        let changed = entry::Entity::update_many()
            .col_expr(entry::Column::Outcome, Expr::value("changed"))
            .filter(entry::Column::TenantId.eq(tenant.0));
        refused(rows.update(changed).await, &["entries are final", "permission denied"])
    }

    /// Whether the database refuses to let go of them.
    pub(crate) async fn refuses_to_cut_log(&self, tenant: TenantId) -> Result<bool, DbErr> {
        let rows = self.log_rows(tenant).await?;
        let cut = entry::Entity::delete_many().filter(entry::Column::TenantId.eq(tenant.0));
        refused(rows.delete(cut).await, &["entries are kept"])
    }

    async fn log_rows(&self, tenant: TenantId) -> Result<Rows, DbErr> {
        let store = self.store();
        let rows = match &store.own {
            Some(shelves) => Rows::begin(&shelves.get(tenant).await?.write).await?,
            None => Rows::begin(&store.write).await?,
        };
        enter(rows.connection(), tenant, None).await?;
        Ok(rows)
    }
}

/// Whether the database refused in these words. What else went wrong is an error, and so is an attempt that met no row: neither proves a thing.
fn refused(attempt: Result<u64, DbErr>, words: &[&str]) -> Result<bool, DbErr> {
    match attempt {
        Ok(0) => Err(DbErr::RecordNotFound("what the attempt was made on".into())),
        Ok(_) => Ok(false),
        Err(error) if words.iter().any(|words| error.to_string().contains(words)) => Ok(true),
        Err(error) => Err(error),
    }
}
