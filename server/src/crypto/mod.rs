//! Sealing and the keys behind it.

pub mod keys;
pub mod password;
pub mod seal;
pub mod secret;
pub mod sign;
pub mod stream;
pub mod totp;

use sha2::{Digest, Sha256};

/// Random bytes of the operating system.
///
/// # Errors
/// When it has none to give.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], seal::SealError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| seal::SealError::NoRandomness)?;
    Ok(bytes)
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.filter_map(|four| char::from_digit(four.into(), 16)));
    text
}

/// The bytes behind hexadecimal digits; `None` for anything else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
