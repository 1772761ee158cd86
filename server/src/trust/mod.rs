//! Claims, what they rest on, and what may be said of them now.

pub mod board;
pub mod evidence;
pub mod facts;
pub mod history;
pub mod recorded;
mod state;
pub mod switch;
pub mod withdrawn;

pub use self::board::{Board, Gone, Told};
pub use self::facts::{Facts, Finding, Record};
pub use self::history::Change;
