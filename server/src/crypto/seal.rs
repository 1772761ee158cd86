//! AES-256-GCM with associated data: what is sealed opens only with its key, in its place, unchanged.

use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use zeroize::Zeroizing;

/// How the pages call it.
pub const CIPHER: &str = "AES-256-GCM";

/// Format of what `seal` returns: this byte, 12 bytes of nonce, then ciphertext and 16 bytes of tag.
const VERSION: u8 = 1;
const NONCE: usize = 12;

/// 256 bits that are wiped when dropped and never printed.
#[derive(Clone)]
pub struct SecretKey {
    bytes: Zeroizing<[u8; 32]>,
    /// The key as the cipher unrolls it. Made once: a page of records opens a thousand values with one key.
    cipher: Arc<Aes256Gcm>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the system gave no random bytes")]
    NoRandomness,
    #[error("the value is larger than the cipher takes")]
    TooLarge,
    /// Wrong key, wrong place, or changed bytes: the cipher does not say which.
    #[error("the sealed value does not open")]
    DoesNotOpen,
}

impl SecretKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let cipher = Arc::new(Aes256Gcm::new(&Key::<Aes256Gcm>::from(*bytes)));
        Self { bytes, cipher }
    }

    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
        Ok(Self::new(bytes))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Seals `plain` for the place that `bound_to` names, such as a table, row and column.
    ///
    /// The nonce is random: at most 2^32 seals under one key (NIST SP 800-38D section 8.3).
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn seal(&self, bound_to: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: bound_to.as_bytes() })
            .map_err(|_| SealError::TooLarge)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// # Errors
    /// [`SealError::DoesNotOpen`] unless key, place and every byte are right.
    pub fn open(&self, bound_to: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (Some((&VERSION, rest)), true) = (sealed.split_first(), sealed.len() > NONCE) else {
            return Err(SealError::DoesNotOpen);
        };
        let (nonce, body) = rest.split_at(NONCE);
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SealError::DoesNotOpen)?;
        self.cipher
            .decrypt(&Nonce::from(nonce), Payload { msg: body, aad: bound_to.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| SealError::DoesNotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let key = SecretKey::random().expect("random");
        let sealed = key.seal("evidence/1/note", b"marker").expect("seal");

        assert_eq!(key.open("evidence/1/note", &sealed).expect("open").as_slice(), b"marker");
        assert!(key.open("evidence/2/note", &sealed).is_err());
    }

    #[test]
    fn every_changed_byte_of_a_sealed_value_is_noticed() {
        let key = SecretKey::random().expect("random");
        let sealed = key.seal("here", b"marker").expect("seal");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("here", &changed).is_err(), "byte {at}");
        }
        assert!((0..sealed.len()).all(|end| key.open("here", &sealed[..end]).is_err()));
    }
}
