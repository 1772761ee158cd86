//! Copies, restoring, drills, and the controls that read their receipts; on SQLite, and with AVOUCH_TEST_DATABASE_URL on PostgreSQL.

mod buckets;
#[path = "../organisations/common.rs"]
#[expect(dead_code, reason = "shared with the tests of organisations, which use all of it")]
mod common;
mod controls;
mod copies;
mod keys;
mod objectives;
mod place;
mod pruning;
