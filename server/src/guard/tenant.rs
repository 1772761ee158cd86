//! One organisation's rows. The filter is added here, after the caller's own refinement, so that nobody can forget it; in row-level mode
//! PostgreSQL adds it once more, and in dedicated mode an organisation's log lies in a database of its own. Use cases do not know which.

mod delivery;
mod questions;
mod resting;
mod together;

pub(super) use self::delivery::deliver;
pub(crate) use self::questions::Question;
pub use self::resting::Resting;
pub(crate) use self::resting::{Counted, Rounds};
pub(crate) use self::together::Reads;

use std::sync::Arc;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, DeleteMany, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, Select, Statement, TransactionTrait,
    UpdateMany, Value,
};
use time::OffsetDateTime;
use tokio::sync::{OnceCell, OwnedSemaphorePermit};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::bulk;
use super::change::Rows;
use super::tables::Tenanted;
use super::{AccountId, Store};
use crate::audit::log::{self, Event, Sealer};
use crate::crypto::seal::SealError;
use crate::entity::outbox;
use crate::vault::Keyring;

/// An organisation, whatever its name and address are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub Uuid);

/// The filter that every read and every change of an organisation's rows gets.
fn of<E: Tenanted>(tenant: TenantId) -> Condition {
    #[cfg(any(test, feature = "testing"))]
    if crate::staged::lacks_filter(E::NAME) {
        return Condition::all();
    }
    Condition::all().add(E::TENANT.eq(tenant.0))
}

/// Who does something in an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Person(AccountId),
    /// One of the vendor's staff.
    Operator(AccountId),
    /// The program by the clock, or whoever runs it beside the data.
    System,
}

impl Actor {
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Operator(_) => "operator",
            Self::System => "system",
        }
    }

    pub(crate) const fn id(self) -> Uuid {
        match self {
            Self::Person(account) | Self::Operator(account) => account.0,
            Self::System => Uuid::nil(),
        }
    }
}

/// Tells PostgreSQL whose rows this transaction may touch, and of a member who reaches only some, which. Ends with the transaction; a tenant
/// that is unset means no rows, a reach that is unset all of the tenant's.
pub(super) async fn enter(rows: &impl ConnectionTrait, tenant: TenantId, reach: Option<&[Uuid]>) -> Result<(), DbErr> {
    if rows.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let tenant = tenant.0.to_string();
    let (sql, values) = match reach {
        None => ("select set_config('avouch.tenant', $1, true)", vec![tenant.into()]),
        Some(reach) => (
            "select set_config('avouch.tenant', $1, true), set_config('avouch.reach', $2, true)",
            vec![tenant.into(), uuid_array(reach).into()],
        ),
    };
    rows.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    Ok(())
}

/// As PostgreSQL writes an array. The empty one is `{}`, which reaches nothing, and not the empty text, which narrows nothing.
fn uuid_array(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    format!("{{{}}}", ids.join(","))
}

/// A transaction that is only read from on SQLite, where it may begin deferred; on PostgreSQL all begin alike.
#[expect(clippy::disallowed_methods, reason = "nothing is written in it on SQLite, so it never has to become a writer")]
pub(super) async fn view(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    connection.begin().await
}

/// One consistent view of one organisation.
#[derive(Debug)]
pub struct TenantDb {
    pub(super) tenant: TenantId,
    pub(super) store: Arc<Store>,
    pub(super) rows: DatabaseTransaction,
    pub(super) own: OnceCell<DatabaseTransaction>,
    /// Of a long reading: the next one may begin when this is over.
    #[expect(dead_code, reason = "held and let go, never asked")]
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl TenantDb {
    pub(super) async fn open(store: &Arc<Store>, tenant: TenantId, reach: Option<&[Uuid]>) -> Result<Self, DbErr> {
        let rows = view(&store.read).await?;
        enter(&rows, tenant, reach).await?;
        Ok(Self { tenant, store: Arc::clone(store), rows, own: OnceCell::new(), turn: None })
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    async fn place<E: Tenanted>(&self) -> Result<&DatabaseTransaction, DbErr> {
        match (&self.store.own, E::OWN) {
            (Some(shelves), true) => {
                self.own.get_or_try_init(|| async { view(&shelves.get(self.tenant).await?.read).await }).await
            }
            (None, _) | (_, false) => Ok(&self.rows),
        }
    }

    pub(crate) async fn all<E: Tenanted>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.filter(of::<E>(self.tenant)).all(self.place::<E>().await?).await
    }

    pub(crate) async fn all_as<E: Tenanted, M: FromQueryResult>(&self, select: Select<E>) -> Result<Vec<M>, DbErr> {
        select.filter(of::<E>(self.tenant)).into_model::<M>().all(self.place::<E>().await?).await
    }

    pub(crate) async fn one<E: Tenanted>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        select.filter(of::<E>(self.tenant)).one(self.place::<E>().await?).await
    }

    pub(crate) async fn count<E: Tenanted>(&self, select: Select<E>) -> Result<u64, DbErr>
    where
        E::Model: Sync,
    {
        select.filter(of::<E>(self.tenant)).count(self.place::<E>().await?).await
    }

    /// Of a table that belongs to nobody in particular, such as accounts by their ids. Each use says why it may.
    pub(crate) async fn unscoped<E: EntityTrait>(
        &self,
        _why: &'static str,
        select: Select<E>,
    ) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.rows).await
    }
}

/// A change of one organisation. Dropped without `commit`, it leaves nothing; committed, it leaves its record in the same transaction.
#[derive(Debug)]
pub struct Change {
    tenant: TenantId,
    actor: Actor,
    store: Arc<Store>,
    rows: Rows,
    /// Whether it is a change of the organisation's own database, which then has the log as well.
    in_own: bool,
    sealer: Sealer,
}

/// What it takes to go on in an organisation with a transaction that was begun for an account.
#[derive(Debug)]
pub struct Entering {
    pub(super) store: Arc<Store>,
    pub(super) tenant: TenantId,
    pub(super) actor: Actor,
    pub(super) sealer: Sealer,
}

impl Change {
    pub(super) async fn begin(
        store: &Arc<Store>,
        tenant: TenantId,
        actor: Actor,
        sealer: Sealer,
    ) -> Result<Self, DbErr> {
        Self::reaching(store, tenant, None, actor, sealer).await
    }

    /// A change by a member who may reach only some of the organisation's rows.
    pub(super) async fn reaching(
        store: &Arc<Store>,
        tenant: TenantId,
        reach: Option<&[Uuid]>,
        actor: Actor,
        sealer: Sealer,
    ) -> Result<Self, DbErr> {
        let rows = Rows::begin(&store.write).await?;
        enter(rows.connection(), tenant, reach).await?;
        Ok(Self { tenant, actor, store: Arc::clone(store), rows, in_own: false, sealer })
    }

    pub(super) async fn within(
        store: &Arc<Store>,
        rows: Rows,
        tenant: TenantId,
        actor: Actor,
        sealer: Sealer,
    ) -> Result<Self, DbErr> {
        enter(rows.connection(), tenant, None).await?;
        Ok(Self { tenant, actor, store: Arc::clone(store), rows, in_own: false, sealer })
    }

    /// A change of what an organisation keeps: in its own database where it has one.
    pub(super) async fn begin_kept(
        store: &Arc<Store>,
        tenant: TenantId,
        actor: Actor,
        sealer: Sealer,
    ) -> Result<Self, DbErr> {
        let Some(shelves) = &store.own else { return Self::begin(store, tenant, actor, sealer).await };
        let rows = Rows::begin(&shelves.get(tenant).await?.write).await?;
        Ok(Self { tenant, actor, store: Arc::clone(store), rows, in_own: true, sealer })
    }

    fn here<E: Tenanted>(&self) -> Result<(), DbErr> {
        bulk::here::<E>(self.in_own())
    }

    pub(super) fn in_own(&self) -> Option<bool> {
        self.store.own.is_some().then_some(self.in_own)
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Which database it is, for the few words that the two say differently.
    pub(crate) fn backend(&self) -> DbBackend {
        self.rows.connection().get_database_backend()
    }

    pub(crate) fn ring(&self) -> &Arc<Keyring> {
        &self.sealer.key
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Sealed with the organisation's own key.
    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.sealer.key.seal(place, plain)
    }

    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.sealer.key.open(place, sealed)
    }

    pub(crate) async fn all<E: Tenanted>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        self.here::<E>()?;
        self.rows.all(select.filter(of::<E>(self.tenant))).await
    }

    pub(crate) async fn one<E: Tenanted>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        self.here::<E>()?;
        self.rows.one(select.filter(of::<E>(self.tenant))).await
    }

    pub(crate) async fn count<E: Tenanted>(&self, select: Select<E>) -> Result<u64, DbErr>
    where
        E::Model: Sync,
    {
        self.here::<E>()?;
        self.rows.count(select.filter(of::<E>(self.tenant))).await
    }

    /// The row goes to this organisation, whatever its tenant was set to.
    pub(crate) async fn insert<A>(&self, mut row: A) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Tenanted,
    {
        self.here::<A::Entity>()?;
        row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
        self.rows.insert(row).await
    }

    /// Many rows of this organisation in few statements.
    pub(crate) async fn insert_many<A>(&self, mut rows: Vec<A>) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Tenanted,
    {
        self.here::<A::Entity>()?;
        for row in &mut rows {
            row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
        }
        self.rows.insert_many(rows).await
    }

    /// The same, or what `conflict` says when the row is there.
    pub(crate) async fn upsert<A>(&self, mut row: A, conflict: OnConflict) -> Result<u64, DbErr>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Tenanted,
    {
        self.here::<A::Entity>()?;
        row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
        self.rows.upsert(row, conflict).await
    }

    pub(crate) async fn update<E: Tenanted>(&self, rows: UpdateMany<E>) -> Result<u64, DbErr> {
        self.here::<E>()?;
        self.rows.update(rows.filter(of::<E>(self.tenant))).await
    }

    pub(crate) async fn delete<E: Tenanted>(&self, rows: DeleteMany<E>) -> Result<u64, DbErr> {
        self.here::<E>()?;
        self.rows.delete(rows.filter(of::<E>(self.tenant))).await
    }

    /// What belongs to a person and not to an organisation: sessions, factors, letters. Each use says why it may.
    pub(crate) fn unscoped(&self, _why: &'static str) -> &Rows {
        &self.rows
    }

    /// The change and its entry in the organisation's log, or neither.
    ///
    /// Where the log lies in a database of its own, the event is committed with the change and delivered before this returns; what a crash
    /// leaves undelivered goes with the next one.
    pub(crate) async fn commit(self, event: &Event, at: OffsetDateTime) -> Result<(), DbErr> {
        self.also(event, at).await?;
        let Self { tenant, store, rows, .. } = self;
        rows.commit().await?;
        store.resting.wake(tenant);
        deliver(&store, tenant).await.map(|_| ())
    }

    /// Of several events of one act, all but the last.
    pub(crate) async fn also(&self, event: &Event, at: OffsetDateTime) -> Result<(), DbErr> {
        let written = log::write(&self.sealer, self.tenant, self.actor, event, at)?;
        if self.store.own.is_none() || self.in_own {
            return log::append(&self.rows, &self.store.ends, self.tenant, &written).await;
        }
        let waiting = outbox::ActiveModel {
            tenant_id: sea_orm::ActiveValue::Set(self.tenant.0),
            id: sea_orm::ActiveValue::Set(Uuid::now_v7()),
            event: sea_orm::ActiveValue::Set(written.encoded()),
        };
        self.rows.insert(waiting).await
    }

    /// For counts and signatures, which are themselves a record.
    pub(crate) async fn commit_housekeeping(self) -> Result<(), DbErr> {
        self.rows.commit().await?;
        self.store.resting.wake(self.tenant);
        Ok(())
    }
}

/// A transaction on the place where an organisation's log lies, for signatures and for pruning.
#[derive(Debug)]
pub struct LogChange {
    tenant: TenantId,
    rows: Rows,
}

impl LogChange {
    pub(super) async fn begin(store: &Arc<Store>, tenant: TenantId) -> Result<Self, DbErr> {
        let rows = match &store.own {
            Some(shelves) => Rows::begin(&shelves.get(tenant).await?.write).await?,
            None => Rows::begin(&store.write).await?,
        };
        enter(rows.connection(), tenant, None).await?;
        Ok(Self { tenant, rows })
    }

    pub(crate) async fn one<E: Tenanted>(&self, select: Select<E>) -> Result<Option<E::Model>, DbErr> {
        self.rows.one(select.filter(of::<E>(self.tenant))).await
    }

    pub(crate) async fn insert<A>(&self, mut row: A) -> Result<(), DbErr>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Tenanted,
    {
        row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
        self.rows.insert(row).await
    }

    /// The same, or what `conflict` says when the row is there.
    pub(crate) async fn upsert<A>(&self, mut row: A, conflict: OnConflict) -> Result<u64, DbErr>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Tenanted,
    {
        row.set(<A::Entity as Tenanted>::TENANT, Value::Uuid(Some(self.tenant.0)));
        self.rows.upsert(row, conflict).await
    }

    pub(crate) async fn delete<E: Tenanted>(&self, rows: DeleteMany<E>) -> Result<u64, DbErr> {
        self.rows.delete(rows.filter(of::<E>(self.tenant))).await
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.rows.commit().await
    }
}
