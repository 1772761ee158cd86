//! Registers: what an organisation keeps in the system. The profile declares the fields; what a record says is sealed, and found by keyed
//! tokens and by the few values that the profile declares clear.

pub mod act;
pub mod bulk;
pub mod content;
pub mod counts;
pub mod coverage;
pub mod edit;
mod filed;
pub(crate) mod handover;
pub mod imports;
mod keys;
pub mod list;
pub mod names;
mod order;
pub(crate) mod reached;
pub mod record;
pub mod schedule;
pub mod shape;
pub mod span;
mod tokens;
pub mod value;
pub mod week;

pub(crate) use self::filed::{New, Rows, Sealing, Shelf, erase, plant, slots};
pub(crate) use self::reached::condition as within_reach;
pub(crate) use self::tokens::Tokens;
