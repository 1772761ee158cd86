//! The public trust page and its companions. No script on any of them.

pub mod badge;
pub mod claim;
pub mod feed;
pub mod filter;
pub mod history;
pub mod json;
pub mod page;
mod parts;
mod picture;
mod tables;
