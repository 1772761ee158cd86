//! One file per table.

pub mod account;
pub mod account_chain;
pub mod account_entry;
pub mod allowance;
pub mod backup_code;
pub mod check_switch;
pub mod data_key;
pub mod evidence;
pub mod finding;
pub mod known_device;
pub mod letter;
pub mod membership;
pub mod organisation;
pub mod platform_entry;
pub mod revision;
pub mod session;
pub mod token;
pub mod totp;
pub mod trust_change;
