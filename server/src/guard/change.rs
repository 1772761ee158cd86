//! Transactions that commit only with their record: of the platform, or of one account.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, DeleteMany,
    EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel, Iterable, PaginatorTrait, QuerySelect, Select,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, UpdateMany,
};
use time::OffsetDateTime;

use super::AccountId;
use super::tenant::{Change, Entering, TenantId};
use crate::audit::{self, Event};
use crate::entity::{account, finding, revision};
use crate::identity::record::{self, Happened};

/// Values of one statement, which takes at most 32,766 (SQLite) or 65,535 (PostgreSQL).
const VALUES_AT_ONCE: usize = 30_000;

fn rows_at_once<E: EntityTrait>() -> usize {
    (VALUES_AT_ONCE / E::Column::iter().count().max(1)).max(1)
}

/// SQLite ends a transaction by itself when the disk is full, which the driver does not notice: it then begins no other one on that connection.
fn is_stuck(error: &DbErr) -> bool {
    error.to_string().contains("at non-zero transaction depth")
}

/// Lets go of the writer's only connection: the next one is made anew.
async fn renew(connection: &DatabaseConnection) -> Result<(), DbErr> {
    if connection.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let gone = connection.get_sqlite_connection_pool().acquire().await;
    let gone = gone.map_err(|error| DbErr::Custom(error.to_string()))?;
    gone.close().await.map_err(|error| DbErr::Custom(error.to_string()))
}

/// What both kinds of change can do before they commit.
#[derive(Debug)]
pub struct Rows(DatabaseTransaction);

impl Rows {
    pub(super) async fn begin(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        match connection.begin_with_options(options).await {
            Err(error) if is_stuck(&error) => {
                renew(connection).await?;
                connection.begin_with_options(options).await.map(Self)
            }
            begun => begun.map(Self),
        }
    }

    pub(super) fn connection(&self) -> &DatabaseTransaction {
        &self.0
    }

    /// See `Change::learn`. Where there is no serving login beside the owner, there is no function of the owner's either.
    pub(crate) async fn learn(&self, table: &str) -> Result<(), DbErr> {
        let backend = self.0.get_database_backend();
        if backend != DbBackend::Postgres {
            return Ok(());
        }
        let there = Statement::from_string(backend, "select 1 from pg_catalog.pg_proc where proname = 'avouch_learn'");
        if self.0.query_one_raw(there).await?.is_some() {
            let learn = Statement::from_sql_and_values(backend, "select avouch_learn($1::regclass)", [table.into()]);
            self.0.query_one_raw(learn).await?;
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), DbErr> {
        self.0.commit().await
    }

    /// The same row, held until the transaction ends. On SQLite a change is alone anyway.
    pub(crate) async fn one_held<E: EntityTrait>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        match self.0.get_database_backend() {
            DbBackend::Postgres => select.lock_exclusive().one(&self.0).await,
            DbBackend::Sqlite | DbBackend::MySql | _ => select.one(&self.0).await,
        }
    }

    pub(crate) async fn one<E: EntityTrait>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        select.one(&self.0).await
    }

    pub(crate) async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.0).await
    }

    pub(crate) async fn all_as<E: EntityTrait, M: FromQueryResult>(&self, select: Select<E>) -> Result<Vec<M>, DbErr> {
        select.into_model::<M>().all(&self.0).await
    }

    pub(crate) async fn count<E: EntityTrait>(&self, select: Select<E>) -> Result<u64, DbErr>
    where
        E::Model: Sync,
    {
        select.count(&self.0).await
    }

    pub(crate) async fn insert<A>(&self, row: A) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
    {
        <A::Entity as EntityTrait>::insert(row).exec_without_returning(&self.0).await.map(|_| ())
    }

    /// Many rows in few statements.
    pub(crate) async fn insert_many<A>(&self, rows: Vec<A>) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
    {
        let mut rows = rows.into_iter();
        loop {
            let some: Vec<A> = rows.by_ref().take(rows_at_once::<A::Entity>()).collect();
            if some.is_empty() {
                return Ok(());
            }
            <A::Entity as EntityTrait>::insert_many(some).exec_without_returning(&self.0).await?;
        }
    }

    /// Inserts, or does what `conflict` says when the row is there. How many rows that touched.
    pub(crate) async fn upsert<A>(&self, row: A, conflict: OnConflict) -> Result<u64, DbErr>
    where
        A: ActiveModelTrait + Send,
    {
        let done = <A::Entity as EntityTrait>::insert(row).on_conflict(conflict).exec_without_returning(&self.0).await;
        match done {
            Ok(result) => Ok(result),
            // A conflict whose condition did not hold: nothing was written.
            Err(DbErr::RecordNotInserted) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The same, with the row as it is then; `None` when the conflict's condition did not hold.
    pub(crate) async fn upsert_returning<A>(
        &self,
        row: A,
        conflict: OnConflict,
    ) -> Result<Option<<A::Entity as EntityTrait>::Model>, DbErr>
    where
        A: ActiveModelTrait + Send,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        match <A::Entity as EntityTrait>::insert(row).on_conflict(conflict).exec_with_returning(&self.0).await {
            Ok(row) => Ok(Some(row)),
            Err(DbErr::RecordNotInserted | DbErr::RecordNotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Holds the account's row, so that changes of one account wait for each other. On SQLite all changes do anyway.
    pub(crate) async fn hold(&self, account: AccountId) -> Result<(), DbErr> {
        if self.0.get_database_backend() == DbBackend::Postgres {
            account::Entity::find_by_id(account.0).lock_exclusive().one(&self.0).await?;
        }
        Ok(())
    }

    /// How many rows that touched.
    pub(crate) async fn update<E: EntityTrait>(&self, rows: UpdateMany<E>) -> Result<u64, DbErr> {
        Ok(rows.exec(&self.0).await?.rows_affected)
    }

    pub(crate) async fn delete<E: EntityTrait>(&self, rows: DeleteMany<E>) -> Result<u64, DbErr> {
        Ok(rows.exec(&self.0).await?.rows_affected)
    }
}

/// A change of what the platform publishes or holds. Dropped without `commit`, it leaves nothing.
#[derive(Debug)]
pub struct PlatformChange {
    rows: Rows,
    actor: &'static str,
}

/// A change of one account, or of what leads to one. Dropped without `commit`, it leaves nothing.
#[derive(Debug)]
pub struct AccountChange {
    rows: Rows,
}

impl AccountChange {
    /// The same transaction as a change of an organisation that it makes or enters. The account's own entry is written first.
    pub(crate) async fn into_organisation(self, entering: Entering, happened: &Happened<'_>) -> Result<Change, DbErr> {
        record::append(&self.rows, happened).await?;
        let Entering { store, tenant, actor, sealer } = entering;
        Change::within(&store, self.rows, tenant, actor, sealer).await
    }

    /// Takes rows of an organisation into this transaction.
    pub(crate) async fn enter(&self, tenant: TenantId) -> Result<(), DbErr> {
        super::tenant::enter(self.rows.connection(), tenant, None).await
    }
}

impl AccountChange {
    pub(super) async fn begin(connection: &DatabaseConnection) -> Result<Self, DbErr> {
        Ok(Self { rows: Rows::begin(connection).await? })
    }

    /// The change and its entry in the account's record, or neither.
    pub(crate) async fn commit(self, happened: &Happened<'_>) -> Result<(), DbErr> {
        record::append(&self.rows, happened).await?;
        self.rows.0.commit().await
    }

    /// For what is bookkeeping and itself the record: allowances, letters on their way, sessions that have run out.
    pub(crate) async fn commit_housekeeping(self) -> Result<(), DbErr> {
        self.rows.0.commit().await
    }
}

impl std::ops::Deref for AccountChange {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

impl std::ops::Deref for PlatformChange {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

impl PlatformChange {
    /// Changes of the platform happen one after the other: SQLite by an immediate transaction,
    /// PostgreSQL by the lock on the revision's only row.
    pub(super) async fn begin(connection: &DatabaseConnection, actor: &'static str) -> Result<Self, DbErr> {
        let rows = Rows::begin(connection).await?;
        rows.update(
            revision::Entity::update_many()
                .col_expr(revision::Column::Number, Expr::col(revision::Column::Number).add(1)),
        )
        .await?;
        Ok(Self { rows, actor })
    }

    /// Takes rows of an organisation into this transaction.
    pub(crate) async fn enter(&self, tenant: TenantId) -> Result<(), DbErr> {
        super::tenant::enter(self.rows.connection(), tenant, None).await
    }

    /// The change and its record, or neither.
    pub(crate) async fn commit(self, event: Event, at: OffsetDateTime) -> Result<(), DbErr> {
        audit::append(&self, self.actor, &event, at).await?;
        self.rows.0.commit().await
    }

    /// For findings, which are themselves the record of what was seen.
    pub(crate) async fn commit_findings(self, findings: Vec<finding::ActiveModel>) -> Result<(), DbErr> {
        self.rows.insert_many(findings).await?;
        self.rows.0.commit().await
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait;

    use crate::clock::parse_date;
    use crate::guard::Where;
    use crate::storage;
    use crate::testing::World;
    use crate::trust::evidence::{self, NewEvidence};

    #[tokio::test]
    async fn a_full_disk_is_said_and_when_there_is_room_again_changes_go_on() {
        let world = World::new().await;
        let Where::Embedded(_) = world.place else { return };
        let operator = world.operator();
        let writer = &operator.store().write;
        let add = async |note: String| {
            let dated = parse_date("2026-11-20").ok();
            let new = NewEvidence { claim: "P058".into(), dated, note: Some(note), ..NewEvidence::default() };
            evidence::add(&operator, &world.vault, &world.profile, new, world.now).await
        };
        writer.execute_unprepared("pragma max_page_count = 1").await.expect("no room");
        let refused = add("x".repeat(4 * 1024 * 1024)).await.expect_err("no room").to_string();
        assert!(storage::is_full(&refused), "{refused}");
        writer.execute_unprepared("pragma max_page_count = 1073741823").await.expect("room");
        add("It was seen".into()).await.expect("recorded");
        assert_eq!(world.facts().await.records.len(), 1);
    }
}
