//! The only room with a database connection. Everybody else brings a proof and asks through it.

mod caller;
mod change;
mod database;
mod proof;
mod session_store;

/// What a read fails with.
pub use sea_orm::DbErr as ReadError;

pub use self::caller::{
    AccountId, Arrived, Caller, CodeHolder, Enroller, Fresh, PERSON_KIND, PROBE_KIND, Person, Proven, Rule, SignedIn,
    rule,
};
pub(crate) use self::change::AccountChange;
pub use self::change::{PlatformChange, Rows};
pub use self::database::{OpenError, SchemaStatus, Store, Where};
pub use self::proof::{Operator, Visitor};
pub(crate) use self::session_store::expired as expired_sessions;
pub use self::session_store::{SessionId, Sessions};
