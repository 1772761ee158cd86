//! The served product, asked over real sockets.

mod access;
mod common;
mod controls;
mod people;
mod site;
