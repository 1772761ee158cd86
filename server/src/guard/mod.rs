//! The only room with a database connection. Everybody else brings a proof and asks through it.

mod attempts;
mod bulk;
mod caller;
mod change;
pub(crate) mod copy;
mod database;
mod log_end;
mod own;
mod owner;
mod proof;
mod recorded;
mod right;
mod row_security;
mod session_store;
mod shred;
mod snapshot;
mod tables;
mod tenant;

/// What a read fails with.
pub(crate) use bulk::Bulk;
pub use sea_orm::DbErr as ReadError;

pub use self::caller::{
    AccountId, Arrived, Belonging, Caller, Closed, CodeHolder, Enroller, Fresh, OPERATOR_KIND, PERSON_KIND, PROBE_KIND,
    PROBE_STAFF_KIND, Person, Proven, Rule, SignedIn, rule,
};
pub(crate) use self::change::AccountChange;
pub use self::change::{PlatformChange, Rows};
pub use self::copy::{Contents, CopyError, LogEnd, TableSum};
pub use self::database::{OpenError, SchemaStatus, Store, Where};
pub(crate) use self::log_end::{LogEnds, Together};
pub use self::owner::owner_lacks;
pub use self::proof::{Operator, Visitor};
pub use self::recorded::recorded_profile;
pub use self::right::{Allowed, Asks, Barred, Changes, Right, Staff, rights};
pub(crate) use self::session_store::expired as expired_sessions;
pub use self::session_store::{SessionId, Sessions};
pub(crate) use self::shred::Stays;
pub(crate) use self::tables::Tenanted;
pub use self::tables::{Leaves, TENANT_TABLES, TenantTable};
pub use self::tenant::{Actor, TenantId};
pub(crate) use self::tenant::{Change, Counted, Question, Reads, Rounds, TenantDb};
