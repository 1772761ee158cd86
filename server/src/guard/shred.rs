//! The destroying itself: rows of one organisation in pieces small enough that nobody waits for the writer, and what SQLite leaves in its file.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use super::change::Rows;
use super::proof::Operator;
use super::tables::{TENANT_TABLES, TenantTable};
use super::tenant::{TenantId, enter, view};

/// Pages that are given back at a time. SQLite looks for each in its list of free ones, so a long list makes each slow: 200,000 pages took
/// twelve minutes in one go (measured).
const GIVEN_BACK: u32 = 100;

/// How long one round gives back; the next one goes on.
const AT_MOST: Duration = Duration::from_secs(1);

/// From this part of a file being free on it is written anew, at night.
const FREE_PERCENT: i64 = 25;

/// What SQLite's file was found to be, after tidying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tidied {
    pub(crate) pages: i64,
    pub(crate) free: i64,
}

impl Operator {
    /// How many rows of an organisation each table has. What lies in a database of its own is counted there, if that is still there.
    pub(crate) async fn rows_of(&self, tenant: TenantId) -> Result<Vec<(&'static str, u64)>, DbErr> {
        let store = self.store();
        let shared = view(&store.read).await?;
        enter(&shared, tenant, None).await?;
        let own = match &store.own {
            Some(shelves) => shelves.get(tenant).await.ok(),
            None => None,
        };
        let mut found = Vec::new();
        for table in TENANT_TABLES {
            let rows = match (&store.own, table.own, &own) {
                (Some(_), true, None) => 0,
                (Some(_), true, Some(own)) => count(&own.read, table.name, tenant).await?,
                (None, _, _) | (Some(_), false, _) => count(&shared, table.name, tenant).await?,
            };
            found.push((table.name, rows));
        }
        Ok(found)
    }

    /// Destroys the next rows of one table, about so many. How many that were; 0 when there are none left.
    pub(crate) async fn shred(&self, tenant: TenantId, table: &TenantTable, most: u64) -> Result<u64, DbErr> {
        let store = self.store();
        if store.own.is_some() && table.own {
            return Ok(0);
        }
        let (name, key) = (table.name, (table.key)().join(", "));
        let whose = format!("delete from \"{name}\" where tenant_id = $1");
        let next = format!(
            "{whose} and ({key}) <= (select {key} from \"{name}\" where tenant_id = $1 order by {key} limit 1 offset {})",
            most.saturating_sub(1)
        );
        let rows = Rows::begin(&store.write).await?;
        enter(rows.connection(), tenant, None).await?;
        let mut gone = 0;
        if !key.is_empty() {
            gone = execute(rows.connection(), next, tenant).await?;
        }
        // Fewer than that are left, or its key is the organisation.
        if gone == 0 {
            gone = execute(rows.connection(), whose, tenant).await?;
        }
        rows.commit().await?;
        Ok(gone)
    }

    /// Takes what is gone out of SQLite's journal and file too. Nothing to do on PostgreSQL, whose own vacuum does it.
    pub(crate) async fn tidy(&self, may_rewrite: bool, journal: bool) -> Result<Option<Tidied>, DbErr> {
        let write = &self.store().write;
        if write.get_database_backend() != DbBackend::Sqlite {
            return Ok(None);
        }
        let (pages, free) = (number(write, "pragma page_count").await?, number(write, "pragma freelist_count").await?);
        if may_rewrite && free * 100 > pages * FREE_PERCENT {
            write.execute_unprepared("vacuum").await?;
        } else if number(write, "pragma auto_vacuum").await? == 2 {
            let began = Instant::now();
            while began.elapsed() < AT_MOST {
                let before = number(write, "pragma freelist_count").await?;
                write.execute_unprepared(&format!("pragma incremental_vacuum({GIVEN_BACK})")).await?;
                if number(write, "pragma freelist_count").await? >= before {
                    break;
                }
                // Whoever waits for the writer comes in between.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        // A reader that is at it keeps the journal for a moment; the next round comes by again.
        for _ in 0..if journal { 5 } else { 0 } {
            if number(write, "pragma wal_checkpoint(truncate)").await? == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (pages, free) = (number(write, "pragma page_count").await?, number(write, "pragma freelist_count").await?);
        Ok(Some(Tidied { pages, free }))
    }
}

async fn count(rows: &impl ConnectionTrait, table: &str, tenant: TenantId) -> Result<u64, DbErr> {
    let sql = format!("select count(*) from \"{table}\" where tenant_id = $1");
    let ask = Statement::from_sql_and_values(rows.get_database_backend(), sql, [tenant.0.into()]);
    let row = rows.query_one_raw(ask).await?.ok_or_else(|| DbErr::RecordNotFound(table.to_owned()))?;
    Ok(u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(0))
}

async fn execute(rows: &impl ConnectionTrait, sql: String, tenant: TenantId) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(rows.get_database_backend(), sql, [tenant.0.into()]);
    Ok(rows.execute_raw(statement).await?.rows_affected())
}

async fn number(connection: &DatabaseConnection, pragma: &str) -> Result<i64, DbErr> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, pragma)).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))
}
