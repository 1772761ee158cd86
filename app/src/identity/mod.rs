//! How people get in, and their own account.

#[cfg(feature = "ssr")]
mod account;
#[cfg(feature = "ssr")]
pub mod actions;
#[cfg(feature = "ssr")]
pub mod entrance;
#[cfg(feature = "ssr")]
mod export;
#[cfg(feature = "ssr")]
mod factors;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod shown_once;
#[cfg(feature = "ssr")]
pub mod tried;
