//! From a socket to a page: accepting, the layers, the router, and the one place where a failure becomes a status.

pub mod asked;
pub mod assets;
pub mod attachment;
pub mod client;
pub mod cookie;
pub mod csrf;
pub mod failure;
pub mod fields;
pub mod layers;
pub mod limiter;
pub mod pairs;
pub mod people;
pub mod respond;
pub mod router;
pub mod serve;
pub mod site;
pub mod visit;

pub use self::site::{Settings, Site};
