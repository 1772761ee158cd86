//! Who is asking, as a value that cannot be made by accident.

use std::sync::Arc;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::caller::Caller;
use super::change::AccountChange;
use super::tenant::{Actor, Change, Counted, Entering, LogChange, Rounds, TenantDb, TenantId};
use super::{PlatformChange, Sessions, Store};
use crate::audit::log::{Event, Sealer};
use crate::entity::organisation;
use crate::profile::Profile;

/// Nobody in particular: may read what is public.
#[derive(Clone, Debug)]
pub struct Visitor {
    store: Arc<Store>,
}

/// The vendor's staff on the command line, and the scheduled jobs: may change what the platform publishes.
/// Cannot reach what belongs to an organisation.
#[derive(Clone, Debug)]
pub struct Operator {
    store: Arc<Store>,
    name: &'static str,
}

impl Visitor {
    pub fn of(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store) }
    }

    pub(crate) async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.store.read).await
    }

    pub(crate) async fn begin(&self) -> Result<AccountChange, DbErr> {
        AccountChange::begin(&self.store.write).await
    }

    /// Makes the database of an organisation that is about to be made, where each has one of its own. Where that is.
    pub(crate) async fn provision(&self, tenant: TenantId) -> Result<Option<String>, DbErr> {
        self.store.provision(tenant).await
    }

    /// Takes the database of an organisation that did not come to be away again.
    pub(crate) async fn remove_own(&self, tenant: TenantId) -> Result<(), DbErr> {
        self.store.remove_own(tenant).await
    }

    /// For going on in an organisation with a transaction that was begun for an account: who is made or let in acts there first.
    pub(crate) fn entering(&self, tenant: TenantId, actor: Actor, sealer: Sealer) -> Entering {
        Entering { store: Arc::clone(&self.store), tenant, actor, sealer }
    }

    /// A look into an organisation by whoever holds something that leads there, such as the link of an invitation. Dropped, never committed.
    pub(crate) async fn enter(&self, entering: Entering) -> Result<Change, DbErr> {
        let Entering { store, tenant, actor, sealer } = entering;
        Change::begin(&store, tenant, actor, sealer).await
    }

    /// Which organisation has this slug, for writing into its log that somebody was refused there.
    pub(crate) async fn tenant_of(&self, slug: &str) -> Result<Option<TenantId>, DbErr> {
        let row =
            organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(&self.store.read).await?;
        Ok(row.map(|row| TenantId(row.id)))
    }

    /// For what is seen of an organisation from outside, such as a wrong password for one of its members: a record and nothing else.
    pub(crate) async fn note(&self, entering: Entering, event: &Event, now: OffsetDateTime) -> Result<(), DbErr> {
        let Entering { store, tenant, actor, sealer } = entering;
        Change::begin(&store, tenant, actor, sealer).await?.commit(event, now).await
    }

    /// Whoever holds the session of this hash, if it still holds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn caller(
        &self,
        profile: &Profile,
        session_hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Caller>, DbErr> {
        Caller::of(&self.store, profile, session_hash, now).await
    }

    /// The sessions, as tower-sessions keeps them.
    pub fn sessions(&self) -> Sessions {
        Sessions::of(&self.store)
    }

    /// See [`Store::revision`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revision(&self) -> Result<i64, DbErr> {
        self.store.revision().await
    }
}

impl Operator {
    /// Whoever can run the program beside the data.
    pub fn at_the_command_line(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), name: "command-line" }
    }

    /// A person of the vendor's staff, in the browser.
    pub(super) fn of_staff(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), name: "staff" }
    }

    /// The program itself, by the clock.
    pub fn scheduled(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), name: "schedule" }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What everybody may read, an operator may.
    pub fn visitor(&self) -> Visitor {
        Visitor::of(&self.store)
    }

    pub(crate) async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.store.read).await
    }

    pub(crate) async fn begin(&self) -> Result<PlatformChange, DbErr> {
        PlatformChange::begin(&self.store.write, self.name).await
    }

    /// The organisations, for upkeep that goes through them one by one. Those of the self-test are not among them, nor is one whose purge has
    /// begun: it has no key any more, and nothing is to give it a new one.
    pub(crate) async fn organisations(&self) -> Result<Vec<organisation::Model>, DbErr> {
        let people = organisation::Entity::find()
            .filter(organisation::Column::Slug.not_like(".%"))
            .filter(organisation::Column::PurgeBeganAtMs.is_null())
            .order_by_asc(organisation::Column::CreatedAtMs);
        people.all(&self.store.read).await
    }

    /// Whether an organisation has to be looked at by the clock.
    pub(crate) fn is_awake(&self, which: Rounds, tenant: TenantId, now: OffsetDateTime) -> bool {
        self.store.resting.is_awake(which, tenant, now)
    }

    /// Nothing is due there before `until`, if ever, unless somebody changes something.
    pub(crate) fn lets_rest(
        &self,
        which: Rounds,
        tenant: TenantId,
        now: OffsetDateTime,
        until: Option<OffsetDateTime>,
        counted: Option<Counted>,
    ) {
        self.store.resting.lie_down(which, tenant, now, until, counted);
    }

    pub(crate) fn counted(&self, tenant: TenantId) -> Option<Counted> {
        self.store.resting.counted(tenant)
    }

    pub(crate) fn forgets_all_but(&self, known: impl Fn(&Uuid) -> bool) {
        self.store.resting.only(known);
    }

    /// One organisation as the schedule sees it.
    pub(crate) async fn view(&self, tenant: TenantId) -> Result<TenantDb, DbErr> {
        TenantDb::open(&self.store, tenant, None).await
    }

    /// The organisation as it is at this instant, for taking all of it along.
    pub(crate) async fn snapshot(&self, tenant: TenantId) -> Result<TenantDb, DbErr> {
        TenantDb::snapshot(&self.store, tenant).await
    }

    /// A change of one organisation by the clock or by whoever runs the program.
    pub(crate) async fn begin_in(&self, tenant: TenantId, actor: Actor, sealer: Sealer) -> Result<Change, DbErr> {
        Change::begin(&self.store, tenant, actor, sealer).await
    }

    /// The same in the organisation's own database, where it has one.
    pub(crate) async fn begin_kept(&self, tenant: TenantId, actor: Actor, sealer: Sealer) -> Result<Change, DbErr> {
        Change::begin_kept(&self.store, tenant, actor, sealer).await
    }

    /// Signatures and pruning of one organisation's log.
    pub(crate) async fn begin_log(&self, tenant: TenantId) -> Result<LogChange, DbErr> {
        LogChange::begin(&self.store, tenant).await
    }

    /// Takes what a crash left on its way to organisations' own logs there.
    pub(crate) async fn deliver(&self, tenant: TenantId) -> Result<usize, DbErr> {
        super::tenant::deliver(&self.store, tenant).await
    }

    pub(crate) async fn provision(&self, tenant: TenantId) -> Result<Option<String>, DbErr> {
        self.store.provision(tenant).await
    }

    pub(crate) async fn remove_own(&self, tenant: TenantId) -> Result<(), DbErr> {
        self.store.remove_own(tenant).await
    }

    /// Whether another instance on the same server keeps an organisation of this id.
    pub(crate) async fn own_is_of_another(&self, tenant: TenantId) -> Result<bool, DbErr> {
        self.store.own_is_of_another(tenant).await
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// For the upkeep of accounts: letters, what has run out, and the self-test's own account.
    pub(crate) async fn begin_account(&self) -> Result<AccountChange, DbErr> {
        AccountChange::begin(&self.store.write).await
    }
}
