//! Attached files: what may come in, where it lies, and who has it again.

pub mod accept;
mod images;
mod kind;
mod name;

pub use self::accept::{Accepted, Gathering, Unacceptable, accept};
pub use self::kind::Kind;
