//! Organisations: who gets in and how far, who is out, what is kept apart, what is written down, and what nobody can read or undo.
//! What can differ between the three isolation modes is tried in each.

mod closing;
mod common;
mod dedicated;
mod ending;
mod entries;
mod expiring;
mod files;
mod holding;
mod invitations;
mod isolation;
mod leaving;
mod limits;
mod log;
mod operators;
mod paging;
#[cfg(target_os = "linux")]
mod power_cut;
mod purging;
mod records;
mod reducing;
mod reset;
mod resting;
mod reviews;
mod roles;
mod schema;
mod sealed;
mod served;
mod standing;
mod tampering;
mod vanishing;
