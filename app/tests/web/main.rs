//! The served product, asked over real sockets.

mod access;
mod common;
mod controls;
mod exports;
mod looks;
mod people;
mod registers;
mod reviews;
mod site;
