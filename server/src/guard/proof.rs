//! Who is asking, as a value that cannot be made by accident.

use std::sync::Arc;

use sea_orm::{DbErr, EntityTrait, Select};
use time::OffsetDateTime;

use super::caller::Caller;
use super::change::AccountChange;
use super::{PlatformChange, Sessions, Store};
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

    /// For the upkeep of accounts: letters, what has run out, and the self-test's own account.
    pub(crate) async fn begin_account(&self) -> Result<AccountChange, DbErr> {
        AccountChange::begin(&self.store.write).await
    }
}
