//! The served product, asked over real sockets.

mod common;
mod controls;
mod people;
mod site;
