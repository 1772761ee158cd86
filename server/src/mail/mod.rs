//! Mail: letters are queued in the change that causes them, sealed, and leave from there.

mod letter;
mod post;
pub mod queue;

pub use self::letter::{Letter, ReviewNews};
pub use self::post::{Post, PostError, Smtp};
