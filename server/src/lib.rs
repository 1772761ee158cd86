//! The product without HTTP and without Leptos: what is promised, what is enforced, and what may be said of it now.

pub mod audit;
pub mod backups;
pub mod blobs;
pub mod business;
pub mod chain;
pub mod clock;
pub mod controls;
pub mod crypto;
mod entity;
pub mod exports;
pub mod files;
pub mod frameworks;
pub mod guard;
pub mod identity;
pub mod jobs;
pub mod logged;
pub mod mail;
pub mod operators;
pub mod organisations;
pub mod problem;
pub mod profile;
pub mod registers;
pub mod retention;
pub mod reviews;
pub mod served;
#[cfg(any(test, feature = "testing"))]
pub mod staged;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trust;
pub mod vault;
pub mod zone;
