//! What a member may, as types: a use case says in its signature which right it demands, and a read cannot begin a change.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use contract::access::{Needs, Stage, Who};
use contract::permission::{Effect, Permission};
use contract::problem::Problem;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::caller::{Belonging, Caller, Person};
use super::tenant::{Actor, Change, TenantDb, TenantId};
use super::{Operator, PlatformChange};
use crate::audit::log::{Event, Sealer};
use crate::entity::membership;
use crate::identity::{Accounts, Origin, Refusal};

/// A permission as a type.
pub trait Right: std::fmt::Debug + Send + Sync + 'static {
    const PERMISSION: Permission;
}

/// The rights under which a [`Change`] can be begun at all.
pub trait Changes: Right {}

macro_rules! rights {
    (@mark $name:ident Read) => {
        const _: () = assert!(matches!(Permission::$name.effect(), Effect::Read));
    };
    (@mark $name:ident $effect:ident) => {
        const _: () = assert!(matches!(Permission::$name.effect(), Effect::$effect));
        impl Changes for $name {}
    };
    ($($name:ident: $effect:ident),* $(,)?) => { $(
        #[derive(Debug)]
        pub enum $name {}
        impl Right for $name {
            const PERMISSION: Permission = Permission::$name;
        }
        rights!(@mark $name $effect);
    )* };
}

/// One line per permission: its name and what it does.
pub mod rights {
    use super::{Changes, Effect, Permission, Right};
    rights! {
        OrganisationRead: Read, OrganisationManage: Change, MembersRead: Read, MembersManage: Change, RolesManage: Change,
        MfaReset: Change, UnitsManage: Change, RecordsRead: Read, RecordsWrite: Change, RecordsDelete: Change, AuditRead: Read,
        ExportCreate: Settle, ReviewsRead: Read, ReviewsManage: Change, ReviewsDecide: Change, BillingManage: Settle,
        SettingsManage: Change, HelpGrant: Change, HelpEnd: Settle,
    }
}

/// Why somebody does not get into an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    Needs(Needs),
    /// There is no such organisation, or none that they may know of: the two cannot be told apart.
    Unknown,
    Forbidden,
    Lapsed(String),
    /// The subscription ended: nobody sees it any more, until it is restored or destroyed.
    Gone {
        slug: String,
        until: Option<OffsetDateTime>,
        /// Since when only what legal holds keep is left.
        reduced: Option<OffsetDateTime>,
    },
}

impl From<Barred> for Problem {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Needs(needs) => Self::needs(needs),
            Barred::Unknown => Self::NotFound,
            Barred::Forbidden => Self::Forbidden,
            Barred::Lapsed(slug) => Self::Lapsed { slug },
            Barred::Gone { slug, until, reduced } => {
                let (until, reduced) = (until.map(crate::clock::rfc3339), reduced.map(crate::clock::rfc3339));
                Self::Gone { slug, until, reduced }
            }
        }
    }
}

/// What is about to be done: a page is always a read, whoever it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    ToSee,
    ToDo,
}

impl Caller {
    /// The one rule of an organisation's doors, in this order: signed in, a member, there to be seen, permitted, in a standing that permits it,
    /// and with a factor that is fresh enough. One that is closed lets in whoever settles its affairs: restores it, or takes everything along. The layer, the proofs and the tests all come here.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn enters(&self, slug: &str, permission: Permission, asks: Asks) -> Result<&Belonging, Barred> {
        let person = self.person();
        Who::Member(permission).admits(person.stage).map_err(Barred::Needs)?;
        let belonging = person.belongs.iter().find(|belonging| belonging.slug == slug).ok_or(Barred::Unknown)?;
        if let Some(closed) = belonging.closed
            && permission.effect() != Effect::Settle
        {
            let reduced = closed.reduced.map(|(at, _)| at);
            return Err(Barred::Gone { slug: belonging.slug.clone(), until: closed.purge_at, reduced });
        }
        if !belonging.permissions.contains(&permission) {
            return Err(Barred::Forbidden);
        }
        if asks == Asks::ToSee {
            return Ok(belonging);
        }
        if !belonging.standing.permits(permission.effect()) {
            return Err(Barred::Lapsed(belonging.slug.clone()));
        }
        if permission.fresh() && person.stage != Stage::SteppedUp {
            return Err(Barred::Needs(Needs::StepUp));
        }
        Ok(belonging)
    }

    /// The proof that this person holds the right `R` in the organisation of this address, now.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn may<R: Right>(&self, slug: &str, asks: Asks) -> Result<Allowed<R>, Barred> {
        let belonging = self.enters(slug, R::PERMISSION, asks)?.clone();
        Ok(Allowed { person: self.shared(), belonging, right: PhantomData })
    }
}

/// The proof that somebody holds the right `R` in one organisation, now.
#[derive(Debug)]
pub struct Allowed<R> {
    person: Arc<Person>,
    belonging: Belonging,
    right: PhantomData<R>,
}

impl<R> Deref for Allowed<R> {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

impl<R: Right> Allowed<R> {
    /// Which organisation, in which role, how far.
    pub fn here(&self) -> &Belonging {
        &self.belonging
    }

    /// One consistent view of the organisation.
    pub(crate) async fn read(&self) -> Result<TenantDb, DbErr> {
        TenantDb::open(self.store(), self.belonging.tenant, self.belonging.reach()).await
    }

    /// The organisation as it is at this instant, for taking some of it along at one's own pace.
    pub(crate) async fn snapshot(&self) -> Result<TenantDb, DbErr> {
        TenantDb::apart(self.store(), self.belonging.tenant, self.belonging.reach()).await
    }

    /// The vendor's staff stand in the log as what they are, also while they help.
    pub(crate) fn actor(&self) -> Actor {
        if self.person.is_operator { Actor::Operator(self.person.account) } else { Actor::Person(self.person.account) }
    }

    /// The keys come first: they may have to be read, and a change holds the only writer.
    async fn change(&self, accounts: &Accounts, origin: &Origin) -> Result<Change, Refusal> {
        let sealer = accounts.sealer_of(self.belonging.tenant, &self.person, origin).await?;
        let Belonging { tenant, .. } = self.belonging;
        Ok(Change::reaching(self.store(), tenant, self.belonging.reach(), self.actor(), sealer).await?)
    }

    /// What goes on after the act that somebody was allowed, beyond what they reach themselves.
    pub(crate) fn schedule(&self) -> Operator
    where
        R: Changes,
    {
        Operator::scheduled(self.store())
    }

    /// For a reading that is itself worth a record, such as taking the log along. Commits nothing but the record.
    pub(crate) async fn note(
        &self,
        accounts: &Accounts,
        origin: &Origin,
        event: &Event,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        Ok(self.change(accounts, origin).await?.commit(event, now).await?)
    }
}

impl<R: Changes> Allowed<R> {
    /// A change of what the organisation keeps, such as its records.
    pub(crate) async fn begin_kept(&self, accounts: &Accounts, origin: &Origin) -> Result<Change, Refusal> {
        let (store, tenant) = (self.store(), self.belonging.tenant);
        if store.own.is_none() {
            return self.begin(accounts, origin).await;
        }
        let sealer = accounts.sealer_of(tenant, &self.person, origin).await?;
        let change = Change::begin_kept(store, tenant, self.actor(), sealer).await?;
        // The membership lies elsewhere and cannot be held; what was committed before the writer was had is seen.
        let view = self.read().await?;
        let own = membership::Entity::find().filter(membership::Column::AccountId.eq(self.person.account.0));
        self.still(view.one(own).await?.as_ref())?;
        Ok(change)
    }

    /// What counts is what stands now.
    fn still(&self, now: Option<&membership::Model>) -> Result<(), Refusal> {
        if now.is_some_and(|row| row.role == self.belonging.role) {
            return Ok(());
        }
        Err(Refusal::Conflict("Your role was changed meanwhile, and nothing was done. Open the page again.".into()))
    }

    pub(crate) async fn begin(&self, accounts: &Accounts, origin: &Origin) -> Result<Change, Refusal> {
        let change = self.change(accounts, origin).await?;
        // Whoever waited for the writer may have lost the role meanwhile: what counts is what stands now.
        let own = membership::Entity::find()
            .filter(membership::Column::TenantId.eq(self.belonging.tenant.0))
            .filter(membership::Column::AccountId.eq(self.person.account.0));
        let now = change.unscoped("one's own membership, held").one_held(own).await?;
        self.still(now.as_ref())?;
        Ok(change)
    }
}

/// One of the vendor's staff, signed in with a second factor. Reads metadata; no method of it leads to what an organisation keeps.
#[derive(Debug)]
pub struct Staff(Arc<Person>);

impl Deref for Staff {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

impl Caller {
    /// The proof that this is one of the vendor's staff. To everybody else there is nothing there.
    ///
    /// # Errors
    /// See [`Barred`].
    pub fn staff(&self) -> Result<Staff, Barred> {
        Who::Operator.admits(self.person().stage).map_err(Barred::Needs)?;
        if self.person().is_operator { Ok(Staff(self.shared())) } else { Err(Barred::Unknown) }
    }
}

impl Staff {
    /// What the command line can do, done by a person of the staff.
    pub fn operator(&self) -> Operator {
        Operator::of_staff(self.store())
    }

    /// A record of one organisation: that the staff looked, and nothing else.
    pub(crate) async fn begin_in(&self, tenant: TenantId, actor: Actor, sealer: Sealer) -> Result<Change, DbErr> {
        Change::begin(self.store(), tenant, actor, sealer).await
    }

    pub(crate) async fn begin_platform(&self) -> Result<PlatformChange, DbErr> {
        self.operator().begin().await
    }
}
