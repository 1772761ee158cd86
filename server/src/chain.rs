//! Hash chains: each entry's hash covers its own fields and the hash before it, so that nothing can be changed,
//! taken out or put in between without every later hash being wrong.

use sha2::{Digest, Sha256};

use crate::crypto::hex;

/// What the first entry names as its predecessor.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 over the previous hash and the fields, each preceded by its length in bytes as a 64-bit big-endian number,
/// so that no two lists of fields share an encoding.
pub fn link(previous: &str, fields: &[&str]) -> String {
    let mut hash = Sha256::new();
    for field in std::iter::once(&previous).chain(fields) {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_fields_changes_the_hash() {
        assert_ne!(link(GENESIS, &["ab", "c"]), link(GENESIS, &["a", "bc"]));
        assert_ne!(link(GENESIS, &["a", ""]), link(GENESIS, &["", "a"]));
    }
}
