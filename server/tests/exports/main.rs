//! Taking everything along and bringing it in again, in each isolation mode where that can differ.

#[path = "../organisations/common.rs"]
mod common;

mod attached;
mod download;
mod killed;
mod moving;
mod paging;
mod reading;
mod reduced;
