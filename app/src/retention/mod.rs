//! The end of things: the subscription and its cancelling, legal holds, the end of an account, and the proof that something is gone.

pub mod account;
pub mod billing;
pub mod certificate;
pub mod holds;
