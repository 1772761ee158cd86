//! Mail: letters are queued in the change that causes them, sealed, and leave from there.

mod letter;
mod post;
pub mod queue;
mod review_news;

pub use self::letter::Letter;
pub use self::post::{Post, PostError, Smtp};
pub use self::review_news::ReviewNews;
