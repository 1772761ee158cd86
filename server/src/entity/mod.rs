//! One file per table.

pub mod check_switch;
pub mod data_key;
pub mod evidence;
pub mod finding;
pub mod platform_entry;
pub mod revision;
pub mod trust_change;
