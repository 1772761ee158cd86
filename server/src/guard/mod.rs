//! The only room with a database connection. Everybody else brings a proof and asks through it.

mod change;
mod database;
mod proof;

/// What a read fails with.
pub use sea_orm::DbErr as ReadError;

pub use self::change::PlatformChange;
pub use self::database::{OpenError, SchemaStatus, Store, Where};
pub use self::proof::{Operator, Visitor};
