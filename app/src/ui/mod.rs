//! What all pages share.

pub mod layout;
pub mod words;
