//! Taking everything along and bringing it in again, in each isolation mode where that can differ.

#[expect(dead_code, reason = "shared with the tests of organisations, which use all of it")]
#[path = "../organisations/common.rs"]
mod common;

mod attached;
mod download;
mod killed;
mod moving;
mod reading;
