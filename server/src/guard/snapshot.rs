//! An organisation as it is at one instant, for taking all of it along.

use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    IsolationLevel, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OnceCell, OwnedSemaphorePermit};
use uuid::Uuid;

use super::Store;
use super::tenant::{TenantDb, TenantId, enter, view};
use crate::entity::{log_head, membership};

/// A transaction that sees one instant only.
async fn frozen(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match connection.get_database_backend() {
        DbBackend::Postgres => {
            let options = TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..TransactionOptions::default()
            };
            let rows = connection.begin_with_options(options).await?;
            // Whoever reads a table page after page wants its index. Just after many rows came in, before PostgreSQL has counted them, it would
            // rather collect and sort all that are left, for every page (measured: fifty times as long).
            rows.execute_unprepared("set local enable_bitmapscan = off").await?;
            Ok(rows)
        }
        DbBackend::Sqlite | DbBackend::MySql | _ => view(connection).await,
    }
}

impl TenantDb {
    /// A view that stays as it is for as long as it is open, whatever is written meanwhile. On PostgreSQL an ordinary view sees what is committed
    /// between two of its questions. An organisation with a database of its own has two, frozen one right after the other.
    pub(super) async fn snapshot(store: &Arc<Store>, tenant: TenantId) -> Result<Self, DbErr> {
        Self::frozen(store, tenant, frozen(&store.read).await?, None, None).await
    }

    /// The same for somebody who takes it along at their own pace: on connections of its own, so that nobody else waits for one, and few at a time.
    pub(super) async fn apart(store: &Arc<Store>, tenant: TenantId, reach: Option<&[Uuid]>) -> Result<Self, DbErr> {
        let turn = Arc::clone(&store.long).acquire_owned().await;
        let turn = turn.map_err(|error| DbErr::Custom(error.to_string()))?;
        let rows = frozen(&store.apart().await?).await?;
        Self::frozen(store, tenant, rows, reach, Some(turn)).await
    }

    async fn frozen(
        store: &Arc<Store>,
        tenant: TenantId,
        rows: DatabaseTransaction,
        reach: Option<&[Uuid]>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, DbErr> {
        enter(&rows, tenant, reach).await?;
        let db = Self { tenant, store: Arc::clone(store), rows, own: OnceCell::new(), turn };
        // The first question is what freezes it.
        db.count(membership::Entity::find()).await?;
        if let Some(shelves) = &store.own {
            let own = frozen(&shelves.apart(tenant).await?.read).await?;
            let _ = db.own.set(own);
            db.count(log_head::Entity::find()).await?;
        }
        Ok(db)
    }

    /// In how many databases the organisation lies.
    pub(crate) fn databases(&self) -> u8 {
        if self.store.own.is_some() { 2 } else { 1 }
    }
}
