//! The served product, asked over real sockets.

mod access;
mod asking;
mod common;
mod controls;
mod departing;
mod ending;
mod exports;
mod importing;
mod lapsing;
mod looks;
mod operator;
mod people;
mod registers;
mod reviewing;
mod reviews;
mod room;
mod schedules;
mod seats;
mod site;
