//! A transaction on the platform's tables that commits only with an `Event`.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, DatabaseConnection, DatabaseTransaction, DbErr, DeleteMany, EntityTrait, ExprTrait, Select,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use time::OffsetDateTime;

use crate::audit::{self, Event};
use crate::entity::{finding, revision};

/// Dropped without `commit`, it leaves nothing.
#[derive(Debug)]
pub struct PlatformChange {
    transaction: DatabaseTransaction,
    actor: &'static str,
}

impl PlatformChange {
    /// Changes of the platform happen one after the other: SQLite by an immediate transaction,
    /// PostgreSQL by the lock on the revision's only row.
    pub(super) async fn begin(connection: &DatabaseConnection, actor: &'static str) -> Result<Self, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = connection.begin_with_options(options).await?;
        revision::Entity::update_many()
            .col_expr(revision::Column::Number, Expr::col(revision::Column::Number).add(1))
            .exec(&transaction)
            .await?;
        Ok(Self { transaction, actor })
    }

    pub(crate) async fn one<E: EntityTrait>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        select.one(&self.transaction).await
    }

    pub(crate) async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.transaction).await
    }

    pub(crate) async fn insert<A>(&self, row: A) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
    {
        <A::Entity as EntityTrait>::insert(row).exec_without_returning(&self.transaction).await.map(|_| ())
    }

    pub(crate) async fn delete<E: EntityTrait>(&self, rows: DeleteMany<E>) -> Result<u64, DbErr> {
        Ok(rows.exec(&self.transaction).await?.rows_affected)
    }

    /// The change and its record, or neither.
    pub(crate) async fn commit(self, event: Event, at: OffsetDateTime) -> Result<(), DbErr> {
        audit::append(&self, self.actor, &event, at).await?;
        self.transaction.commit().await
    }

    /// For findings, which are themselves the record of what was seen.
    pub(crate) async fn commit_findings(self, findings: Vec<finding::ActiveModel>) -> Result<(), DbErr> {
        if !findings.is_empty() {
            finding::Entity::insert_many(findings).exec_without_returning(&self.transaction).await?;
        }
        self.transaction.commit().await
    }
}
