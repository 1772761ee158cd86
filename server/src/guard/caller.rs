//! Whoever sent a request: one query finds the session, the person, their second factor and their roles, and says how far they are in.
//! Nothing of it is remembered between requests.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use std::collections::BTreeSet;

use contract::access::{Needs, Stage, Who};
use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    DbBackend, DbErr, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect, QueryTrait,
    RelationDef, Select, Statement,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Store;
use super::change::AccountChange;
use super::tenant::TenantId;
use crate::clock::{from_ms, to_ms};
use crate::entity::{account, custom_role, membership, organisation, session, totp};
use crate::profile::Profile;

/// A person, whatever their address is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub Uuid);

/// The kind of account that the self-test makes for a moment. Its sessions are good for probes only.
pub const PROBE_KIND: &str = "probe";
pub const PERSON_KIND: &str = "person";
/// The self-test in the place of the vendor's staff. Holds no seat, because nobody can sign in as it, and its sessions too are for probes only.
pub const PROBE_STAFF_KIND: &str = "probe-op";
/// One of the vendor's staff: never a member of anything, unless let in to help.
pub const OPERATOR_KIND: &str = "operator";

/// One membership of the person who sent the request, with what it permits now.
#[derive(Clone, Debug)]
pub struct Belonging {
    pub tenant: TenantId,
    pub slug: String,
    pub role: String,
    pub permissions: BTreeSet<Permission>,
    /// Whether all records are reached, or only those of some units and some named ones.
    pub reaches_all: bool,
    /// Whether it is help that was asked for, and ends by itself.
    pub is_help: bool,
    pub ends_at: Option<OffsetDateTime>,
    pub standing: Standing,
    pub standing_until: Option<OffsetDateTime>,
    /// Hidden since then, because the subscription ended.
    pub closed: Option<Closed>,
    pub since: OffsetDateTime,
    pub(crate) sealed_name: Vec<u8>,
    /// The units and records that are reached, where it is not all.
    targets: Vec<Uuid>,
}

/// An organisation that nobody sees any more, until it is restored or destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub at: OffsetDateTime,
    /// When it is destroyed; `None` where the profile promises no time.
    pub purge_at: Option<OffsetDateTime>,
    /// Since when only what legal holds keep is left, and the certificate of the rest.
    pub reduced: Option<(OffsetDateTime, Uuid)>,
}

/// Everything that one request may know of the person who sent it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about a person")]
pub struct Person {
    store: Arc<Store>,
    pub account: AccountId,
    pub is_probe: bool,
    pub stage: Stage,
    pub enrolled: bool,
    /// Whether the profile demands a second factor of somebody with these roles.
    pub must_have_factor: bool,
    pub is_operator: bool,
    pub belongs: Vec<Belonging>,
    pub date_style: String,
    pub time_zone: String,
    pub session: Uuid,
    pub seen_at: OffsetDateTime,
    pub password_set_at: OffsetDateTime,
    pub factor_changed_at: OffsetDateTime,
    pub(crate) session_hash: String,
    pub(crate) ends_at_ms: i64,
    pub(crate) data: String,
    pub(crate) sealed_address: Vec<u8>,
    pub(crate) sealed_name: Vec<u8>,
    pub(crate) sealed_trace: Option<Vec<u8>>,
    pub(crate) address_index: String,
}

/// Whoever sent the request, with a session.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Person>);

/// A proof that the access rule of `W` admits the person.
#[derive(Debug)]
pub struct Proven<W> {
    person: Arc<Person>,
    rule: PhantomData<W>,
}

impl<W> Deref for Proven<W> {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.person
    }
}

/// An access rule as a type, so that a use case can demand it in its signature.
pub trait Rule {
    const WHO: Who;
}

macro_rules! rules {
    ($($(#[$doc:meta])* $proof:ident = $rule:ident;)*) => {
        pub mod rule {
            $(#[derive(Debug)] pub enum $rule {})*
        }
        $(
            impl Rule for rule::$rule {
                const WHO: Who = Who::$rule;
            }
            $(#[$doc])*
            pub type $proof = Proven<rule::$rule>;
        )*
    };
}

rules! {
    /// Somebody with a session, however far in.
    Arrived = AnySession;
    /// Somebody who may give the second factor.
    CodeHolder = CodeHolder;
    /// Somebody who may set up a second factor.
    Enroller = Enroller;
    /// Somebody who is all the way in.
    SignedIn = SignedIn;
    /// The same, with a factor given lately.
    Fresh = Fresh;
}

#[derive(Debug, FromQueryResult)]
struct Found {
    id_hash: String,
    public_id: Uuid,
    account_id: Uuid,
    factor_at_ms: Option<i64>,
    password_at_ms: i64,
    seen_at_ms: i64,
    idle_until_ms: i64,
    ends_at_ms: i64,
    data: String,
    kind: String,
    address_index: String,
    address: Vec<u8>,
    name: Vec<u8>,
    trace: Option<Vec<u8>>,
    password_set_at_ms: i64,
    disabled_at_ms: Option<i64>,
    factor_changed_at_ms: i64,
    must_enrol: i32,
    date_style: String,
    time_zone: String,
    confirmed_at_ms: Option<i64>,
    tenant_id: Option<Uuid>,
    role: Option<String>,
    scope: Option<String>,
    member_kind: Option<String>,
    since_ms: Option<i64>,
    member_ends_at_ms: Option<i64>,
    slug: Option<String>,
    organisation_name: Option<Vec<u8>>,
    standing: Option<String>,
    standing_until_ms: Option<i64>,
    closed_at_ms: Option<i64>,
    purge_at_ms: Option<i64>,
    reduced_at_ms: Option<i64>,
    reduced_certificate_id: Option<Uuid>,
    permissions: Option<String>,
    targets: Option<String>,
}

impl Caller {
    /// Finds whoever holds this session, if it still holds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(
        store: &Arc<Store>,
        profile: &Profile,
        session_hash: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, DbErr> {
        let rows = if store.rows_are_secured() {
            let ask = Statement::from_sql_and_values(DbBackend::Postgres, NAMED.as_str(), [session_hash.into()]);
            Found::find_by_statement(ask).all(&store.read).await?
        } else {
            let hash = Expr::value(session_hash);
            everything(hash, store.read.get_database_backend()).into_model::<Found>().all(&store.read).await?
        };
        Ok(Person::from_rows(store, profile, rows, now).map(|person| Self(Arc::new(person))))
    }

    pub fn person(&self) -> &Person {
        &self.0
    }

    pub(super) fn shared(&self) -> Arc<Person> {
        Arc::clone(&self.0)
    }

    /// # Errors
    /// What is lacking.
    pub fn prove<R: Rule>(&self) -> Result<Proven<R>, Needs> {
        R::WHO.admits(self.0.stage)?;
        Ok(Proven { person: Arc::clone(&self.0), rule: PhantomData })
    }
}

impl Person {
    fn from_rows(store: &Arc<Store>, profile: &Profile, rows: Vec<Found>, now: OffsetDateTime) -> Option<Self> {
        let belongs: Vec<Belonging> = rows.iter().filter_map(|row| Belonging::of(row, profile, now)).collect();
        let found = rows.into_iter().next()?;
        let now_ms = to_ms(now);
        let over = now_ms >= found.idle_until_ms || now_ms >= found.ends_at_ms || found.disabled_at_ms.is_some();
        if over {
            return None;
        }
        let is_operator = found.kind == OPERATOR_KIND || found.kind == PROBE_STAFF_KIND;
        let must_have_factor = is_operator
            || found.must_enrol != 0
            || profile.demands_factor(belongs.iter().map(|belonging| belonging.role.as_str()));
        let enrolled = found.confirmed_at_ms.is_some();
        let lately = |at: i64| {
            let age = now - from_ms(at);
            age < Duration::minutes(profile.policy.sessions.step_up_minutes.get().into()) && !age.is_negative()
        };
        let stage = match (found.factor_at_ms, enrolled, must_have_factor) {
            (Some(at), true, _) if lately(at) => Stage::SteppedUp,
            (None, true, _) => Stage::PasswordGiven,
            (_, false, true) => Stage::Enrolling,
            (_, false, false) if lately(found.password_at_ms) => Stage::SteppedUp,
            (Some(_), true, _) | (_, false, false) => Stage::Complete,
        };
        Some(Self {
            store: Arc::clone(store),
            account: AccountId(found.account_id),
            is_probe: found.kind == PROBE_KIND || found.kind == PROBE_STAFF_KIND,
            stage,
            enrolled,
            must_have_factor,
            is_operator,
            belongs,
            date_style: found.date_style,
            time_zone: found.time_zone,
            session: found.public_id,
            seen_at: from_ms(found.seen_at_ms),
            password_set_at: from_ms(found.password_set_at_ms),
            factor_changed_at: from_ms(found.factor_changed_at_ms),
            session_hash: found.id_hash,
            ends_at_ms: found.ends_at_ms,
            data: found.data,
            sealed_address: found.address,
            sealed_name: found.name,
            sealed_trace: found.trace,
            address_index: found.address_index,
        })
    }

    pub(crate) async fn all<E: EntityTrait>(&self, select: Select<E>) -> Result<Vec<E::Model>, DbErr> {
        select.all(&self.store.read).await
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) async fn begin(&self) -> Result<AccountChange, DbErr> {
        let change = AccountChange::begin(&self.store.write).await?;
        change.hold(self.account).await?;
        Ok(change)
    }

    /// What forms of this session are bound to: changes with every step further in.
    pub fn binding(&self) -> &str {
        &self.session_hash
    }
}

impl Belonging {
    /// The ids of the units and records that are reached; `None` when all are.
    pub fn reach(&self) -> Option<&[Uuid]> {
        (!self.reaches_all).then_some(&self.targets)
    }

    /// `None` for a membership that has run out. A role that neither the profile nor the organisation knows permits nothing.
    fn of(row: &Found, profile: &Profile, now: OffsetDateTime) -> Option<Self> {
        let (role, slug) = (row.role.clone()?, row.slug.clone()?);
        let ends_at = row.member_ends_at_ms.map(from_ms);
        if ends_at.is_some_and(|at| at <= now) {
            return None;
        }
        let permissions = match (profile.roles.get(&role), &row.permissions) {
            (Some(known), _) => known.grants.clone(),
            (None, Some(own)) => Permission::kept(own),
            (None, None) => BTreeSet::new(),
        };
        let is_help = row.member_kind.as_deref() == Some("help");
        // Help looks and works; it does not decide who else gets in.
        let permissions: BTreeSet<Permission> =
            permissions.into_iter().filter(|permission| !is_help || !permission.administers()).collect();
        let standing_until = row.standing_until_ms.map(from_ms);
        let written = row.standing.as_deref().and_then(Standing::parse)?;
        // Whether or not the schedule has been by: what has run out has run out.
        let standing =
            if written.runs_out() && standing_until.is_some_and(|at| at <= now) { Standing::Lapsed } else { written };
        Some(Self {
            tenant: TenantId(row.tenant_id?),
            slug,
            role,
            permissions,
            reaches_all: row.scope.as_deref() == Some("all"),
            is_help,
            ends_at,
            standing,
            standing_until,
            closed: row.closed_at_ms.map(|at| Closed {
                at: from_ms(at),
                purge_at: row.purge_at_ms.map(from_ms),
                reduced: row.reduced_at_ms.map(from_ms).zip(row.reduced_certificate_id),
            }),
            since: from_ms(row.since_ms?),
            sealed_name: row.organisation_name.clone()?,
            targets: row.targets.iter().flat_map(|ids| ids.split(' ')).filter_map(|id| id.parse().ok()).collect(),
        })
    }
}

/// What a member reaches who does not reach everything, as ids with spaces between them.
fn targets(backend: DbBackend) -> SimpleExpr {
    let all = match backend {
        DbBackend::Postgres => "string_agg(r.target::text, ' ')",
        DbBackend::Sqlite | DbBackend::MySql | _ => "group_concat(hex(r.target), ' ')",
    };
    let own = "r.tenant_id = membership.tenant_id and r.account_id = membership.account_id";
    Expr::cust(format!("case when membership.scope <> 'all' then (select {all} from reach r where {own}) end"))
}

/// The same where PostgreSQL keeps organisations apart: the session is named first, because the policies show memberships by it. One statement,
/// so that it is over with its own transaction; the second half needs what the first gives, so it cannot be begun before. Were it, the
/// session would be unset, and no membership seen.
static NAMED: LazyLock<String> = LazyLock::new(|| {
    let sought = everything(Expr::cust("named.hash"), DbBackend::Postgres).build(DbBackend::Postgres).sql;
    let named = "select set_config('avouch.session', $1, true) as hash offset 0";
    format!("select found.* from ({named}) named cross join lateral ({sought} offset 0) found")
});

/// Session, account, second factor and memberships with what they permit and reach, in one query.
fn everything(session_hash: SimpleExpr, backend: DbBackend) -> Select<session::Entity> {
    let own = session::Column::AccountId;
    let account: RelationDef = session::Entity::belongs_to(account::Entity).from(own).to(account::Column::Id).into();
    let factor: RelationDef = session::Entity::belongs_to(totp::Entity).from(own).to(totp::Column::AccountId).into();
    let roles: RelationDef =
        session::Entity::belongs_to(membership::Entity).from(own).to(membership::Column::AccountId).into();
    let tenant: RelationDef = membership::Entity::belongs_to(organisation::Entity)
        .from(membership::Column::TenantId)
        .to(organisation::Column::Id)
        .into();
    let own_role: RelationDef = membership::Entity::belongs_to(custom_role::Entity)
        .from((membership::Column::TenantId, membership::Column::Role))
        .to((custom_role::Column::TenantId, custom_role::Column::Name))
        .into();
    session::Entity::find()
        .filter(ExprTrait::eq(Expr::col((session::Entity, session::Column::IdHash)), session_hash))
        .join(JoinType::InnerJoin, account)
        .join(JoinType::LeftJoin, factor)
        .join(JoinType::LeftJoin, roles)
        .join(JoinType::LeftJoin, tenant)
        .join(JoinType::LeftJoin, own_role)
        .columns([
            account::Column::Kind,
            account::Column::AddressIndex,
            account::Column::Address,
            account::Column::Name,
            account::Column::Trace,
            account::Column::PasswordSetAtMs,
            account::Column::DisabledAtMs,
            account::Column::FactorChangedAtMs,
            account::Column::MustEnrol,
            account::Column::DateStyle,
            account::Column::TimeZone,
        ])
        .column(totp::Column::ConfirmedAtMs)
        .columns([
            membership::Column::TenantId,
            membership::Column::Role,
            membership::Column::Scope,
            membership::Column::SinceMs,
        ])
        .column_as(membership::Column::Kind, "member_kind")
        .column_as(membership::Column::EndsAtMs, "member_ends_at_ms")
        .columns([
            organisation::Column::Slug,
            organisation::Column::Standing,
            organisation::Column::StandingUntilMs,
            organisation::Column::ClosedAtMs,
            organisation::Column::PurgeAtMs,
            organisation::Column::ReducedAtMs,
            organisation::Column::ReducedCertificateId,
        ])
        .column_as(organisation::Column::Name, "organisation_name")
        .column(custom_role::Column::Permissions)
        .column_as(targets(backend), "targets")
}
