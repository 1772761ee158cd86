//! Versioned documents, security.txt and robots.txt.

pub mod page;
pub mod robots;
pub mod security_txt;
