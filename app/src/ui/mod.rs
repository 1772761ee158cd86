//! What all pages share.

pub mod chart;
pub mod entry;
pub mod form;
pub mod layout;
pub mod list;
pub mod words;
