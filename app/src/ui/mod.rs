//! What all pages share.

pub mod form;
pub mod layout;
pub mod words;
