//! Reviews of the vendor's own seats.
