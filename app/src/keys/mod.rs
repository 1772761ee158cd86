//! The keys that verify what we sign, and the programs that do it without us.

pub mod page;
