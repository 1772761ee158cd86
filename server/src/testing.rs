//! A world to try use cases in.
