//! Organisations: who gets in and how far, who is out, what is kept apart, what is written down, and what nobody can read or undo.
//! What can differ between the three isolation modes is tried in each.

mod common;
mod dedicated;
mod entries;
mod files;
mod invitations;
mod isolation;
mod leaving;
mod limits;
mod log;
mod operators;
mod paging;
mod records;
mod reset;
mod roles;
mod schema;
mod sealed;
mod standing;
mod tampering;
