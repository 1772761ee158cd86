//! What the browser and the server both say: permissions, the access table, the
//! states of a claim, and everything a person may be told when something fails.
//!
//! # Glossary
//! - **claim**: one sentence of the trust page, bound to a control, to evidence or to a published fact.
//! - **control**: something the running system enforces; it consists of named **checks**.
//! - **finding**: what one run of a check saw.
//! - **organisation**: a customer; its people are **members**, each in a **role**, which is a set of **permissions**.
//! - **standing**: where an organisation's subscription stands.
//! - **reach**: whether a member gets to all records, to those of some units, or to named ones.
//! - **evidence**: a dated record that a person made.
//! - **profile**: the file that says who promises what, and with which numbers.

pub mod access;
pub mod claim;
pub mod permission;
pub mod problem;
pub mod standing;
pub mod strength;
pub mod text;
