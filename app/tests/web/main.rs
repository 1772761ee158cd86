//! The served product, asked over real sockets.

mod common;
mod controls;
mod site;
