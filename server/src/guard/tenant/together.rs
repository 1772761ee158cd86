//! What a change does with many rows at once, in few statements; and what a view and a change have in common.

use std::sync::Arc;

use sea_orm::sea_query::{Expr, IntoIden, Query};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryFilter, QuerySelect, QueryTrait, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Change, TenantDb, Tenanted, deliver, of};
use crate::audit::log::{self, Event};
use crate::entity::{account, outbox};
use crate::identity::{Accounts, Refusal};
use crate::vault::Keyring;

/// What a view and a change have in common: rules that only read are the same in both.
pub(crate) trait Reads: Sync {
    fn rows<E: Tenanted>(&self, select: Select<E>) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send;

    fn rows_as<E: Tenanted, M: FromQueryResult + Send>(
        &self,
        select: Select<E>,
    ) -> impl Future<Output = Result<Vec<M>, DbErr>> + Send;

    /// What the organisation's own rows are opened with.
    fn keys(&self, accounts: &Accounts) -> impl Future<Output = Result<Arc<Keyring>, Refusal>> + Send;

    /// See `unscoped`.
    fn people(
        &self,
        why: &'static str,
        select: Select<account::Entity>,
    ) -> impl Future<Output = Result<Vec<account::Model>, DbErr>> + Send;
}

impl Reads for TenantDb {
    async fn rows<E: Tenanted>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        self.all(select).await
    }

    async fn rows_as<E: Tenanted, M: FromQueryResult + Send>(&self, select: Select<E>) -> Result<Vec<M>, DbErr> {
        self.all_as(select).await
    }

    async fn keys(&self, accounts: &Accounts) -> Result<Arc<Keyring>, Refusal> {
        Ok(accounts.vault.within(self).await?)
    }

    async fn people(&self, why: &'static str, select: Select<account::Entity>) -> Result<Vec<account::Model>, DbErr> {
        self.unscoped(why, select).await
    }
}

impl Reads for Change {
    async fn rows<E: Tenanted>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        self.all(select).await
    }

    async fn rows_as<E: Tenanted, M: FromQueryResult + Send>(&self, select: Select<E>) -> Result<Vec<M>, DbErr> {
        self.all_as(select).await
    }

    async fn keys(&self, _accounts: &Accounts) -> Result<Arc<Keyring>, Refusal> {
        Ok(Arc::clone(self.ring()))
    }

    async fn people(&self, why: &'static str, select: Select<account::Entity>) -> Result<Vec<account::Model>, DbErr> {
        self.unscoped(why).all(select).await
    }
}

impl Change {
    pub(crate) async fn all_as<E: Tenanted, M: FromQueryResult>(&self, select: Select<E>) -> Result<Vec<M>, DbErr> {
        self.here::<E>()?;
        select.filter(of::<E>(self.tenant)).into_model::<M>().all(self.rows.connection()).await
    }

    /// Has PostgreSQL count a table into which this change has just written very many rows. Until it does so by itself, within a minute or so, it
    /// believes that there are none, and goes about every question accordingly.
    pub(crate) async fn learn<E: Tenanted>(&self) -> Result<(), DbErr> {
        self.here::<E>()?;
        self.rows.learn(E::NAME).await
    }

    /// Rows of one table made from those of another in one statement. The tenant is added as the last column, and to the filter.
    pub(crate) async fn fill<From: Tenanted, To: Tenanted>(
        &self,
        columns: impl IntoIterator<Item = To::Column>,
        from: Select<From>,
    ) -> Result<u64, DbErr> {
        self.here::<From>()?;
        self.here::<To>()?;
        let rows = from.expr(Expr::value(self.tenant.0)).filter(of::<From>(self.tenant));
        let columns = columns.into_iter().map(IntoIden::into_iden).chain([To::TENANT.into_iden()]);
        let mut insert = Query::insert();
        insert.into_table(To::default()).columns(columns);
        insert.select_from(rows.into_query()).map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok(self.rows.connection().execute(&insert).await?.rows_affected())
    }

    /// The entries of one act on many things, written together.
    pub(crate) async fn also_all(&self, events: Vec<Event>, at: OffsetDateTime) -> Result<(), DbErr> {
        let (sealer, tenant, actor) = (self.sealer.clone(), self.tenant, self.actor);
        let written = events.into_iter().map(move |event| log::write(&sealer, tenant, actor, &event, at));
        if self.store.own.is_none() || self.in_own {
            return log::append_all(&self.rows, &self.store.ends, tenant, written).await;
        }
        let written: Vec<_> = written.collect::<Result<_, _>>()?;
        let waiting = written.iter().map(|written| outbox::ActiveModel {
            tenant_id: sea_orm::ActiveValue::NotSet,
            id: sea_orm::ActiveValue::Set(Uuid::now_v7()),
            event: sea_orm::ActiveValue::Set(written.encoded()),
        });
        self.insert_many(waiting.collect()).await
    }

    /// The change and all its entries, or neither.
    pub(crate) async fn commit_all(self, first: Event, more: Vec<Event>, at: OffsetDateTime) -> Result<(), DbErr> {
        let events: Vec<Event> = std::iter::once(first).chain(more).collect();
        self.also_all(events, at).await?;
        let Self { tenant, store, rows, .. } = self;
        rows.commit().await?;
        store.resting.wake(tenant);
        deliver(&store, tenant).await.map(|_| ())
    }
}
