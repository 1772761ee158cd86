//! The destroying itself: rows of one organisation in pieces small enough that nobody waits for the writer, and what SQLite leaves in its file.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, Value};

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

/// What stays of a table while the rest of its organisation goes: the rows that have one of these values in this column.
#[derive(Clone, Debug)]
pub(crate) struct Stays {
    pub(crate) column: &'static str,
    pub(crate) values: Vec<Value>,
}

impl Stays {
    /// Which rows of the organisation go, as SQL, and the values in it.
    fn others(stays: Option<&Self>, tenant: TenantId) -> (String, Vec<Value>) {
        let mut values = vec![tenant.0.into()];
        let Some(Self { column, values: kept }) = stays.filter(|stays| !stays.values.is_empty()) else {
            return ("tenant_id = $1".to_owned(), values);
        };
        let places: Vec<String> = (2..kept.len() + 2).map(|at| format!("${at}")).collect();
        values.extend(kept.iter().cloned());
        (format!("tenant_id = $1 and (\"{column}\" is null or \"{column}\" not in ({}))", places.join(", ")), values)
    }
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
                (Some(_), true, Some(own)) => count(&own.read, table.name, tenant, None).await?,
                (None, _, _) | (Some(_), false, _) => count(&shared, table.name, tenant, None).await?,
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
        shred(&store.write, tenant, table, None, most).await
    }

    /// The same where something of the organisation stays, and with it the database of its own.
    pub(crate) async fn shred_but(
        &self,
        tenant: TenantId,
        table: &TenantTable,
        stays: &Stays,
        most: u64,
    ) -> Result<u64, DbErr> {
        let store = self.store();
        match &store.own {
            Some(shelves) if table.own => {
                shred(&shelves.get(tenant).await?.write, tenant, table, Some(stays), most).await
            }
            Some(_) | None => shred(&store.write, tenant, table, Some(stays), most).await,
        }
    }

    /// How many rows there still are beside those that stay.
    pub(crate) async fn rows_but(&self, tenant: TenantId, table: &TenantTable, stays: &Stays) -> Result<u64, DbErr> {
        let store = self.store();
        match &store.own {
            Some(shelves) if table.own => {
                count(&shelves.get(tenant).await?.read, table.name, tenant, Some(stays)).await
            }
            Some(_) | None => {
                let shared = view(&store.read).await?;
                enter(&shared, tenant, None).await?;
                count(&shared, table.name, tenant, Some(stays)).await
            }
        }
    }

    /// Takes what is gone out of the journal of an organisation's own file too.
    pub(crate) async fn tidy_own(&self, tenant: TenantId) -> Result<(), DbErr> {
        let Some(shelves) = &self.store().own else { return Ok(()) };
        let own = shelves.get(tenant).await?;
        if own.write.get_database_backend() == DbBackend::Sqlite {
            own.write.execute_unprepared("vacuum").await?;
            cut_journal(&own.write).await?;
        }
        Ok(())
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
        if journal {
            cut_journal(write).await?;
        }
        let (pages, free) = (number(write, "pragma page_count").await?, number(write, "pragma freelist_count").await?);
        Ok(Some(Tidied { pages, free }))
    }
}

/// A reader that is at it keeps the journal for a moment; the next round comes by again.
async fn cut_journal(write: &DatabaseConnection) -> Result<(), DbErr> {
    for _ in 0..5 {
        if number(write, "pragma wal_checkpoint(truncate)").await? == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn shred(
    write: &DatabaseConnection,
    tenant: TenantId,
    table: &TenantTable,
    stays: Option<&Stays>,
    most: u64,
) -> Result<u64, DbErr> {
    let (name, key) = (table.name, (table.key)().join(", "));
    let (those, values) = Stays::others(stays, tenant);
    let whose = format!("delete from \"{name}\" where {those}");
    let next = format!(
        "{whose} and ({key}) <= (select {key} from \"{name}\" where {those} order by {key} limit 1 offset {})",
        most.saturating_sub(1)
    );
    let rows = Rows::begin(write).await?;
    enter(rows.connection(), tenant, None).await?;
    let mut gone = 0;
    if !key.is_empty() {
        gone = execute(rows.connection(), next, values.clone()).await?;
    }
    // Fewer than that are left, or its key is the organisation.
    if gone == 0 {
        gone = execute(rows.connection(), whose, values).await?;
    }
    rows.commit().await?;
    Ok(gone)
}

async fn count(
    rows: &impl ConnectionTrait,
    table: &str,
    tenant: TenantId,
    stays: Option<&Stays>,
) -> Result<u64, DbErr> {
    let (those, values) = Stays::others(stays, tenant);
    let sql = format!("select count(*) from \"{table}\" where {those}");
    let ask = Statement::from_sql_and_values(rows.get_database_backend(), sql, values);
    let row = rows.query_one_raw(ask).await?.ok_or_else(|| DbErr::RecordNotFound(table.to_owned()))?;
    Ok(u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(0))
}

async fn execute(rows: &impl ConnectionTrait, sql: String, values: Vec<Value>) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(rows.get_database_backend(), sql, values);
    Ok(rows.execute_raw(statement).await?.rows_affected())
}

async fn number(connection: &DatabaseConnection, pragma: &str) -> Result<i64, DbErr> {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, pragma)).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))
}
