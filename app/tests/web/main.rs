//! The served product, asked over real sockets.

mod access;
mod common;
mod controls;
mod ending;
mod exports;
mod importing;
mod looks;
mod operator;
mod people;
mod registers;
mod reviewing;
mod reviews;
mod schedules;
mod seats;
mod site;
