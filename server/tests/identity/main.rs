//! People: signing up, getting in, staying in, getting back in; and everything that is refused.

mod common;
mod entering;
mod staying;
