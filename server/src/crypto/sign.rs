//! Ed25519 (RFC 8032): what is signed can be verified by anybody who has the public key.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::seal::{SealError, SecretKey};
use super::{hex, unhex};

/// A private key, made from 32 random bytes, and its public half.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public_hex())
    }
}

impl SigningKey {
    /// # Errors
    /// When the bytes are refused as a seed.
    pub fn new(seed: &SecretKey) -> Result<Self, SealError> {
        Ed25519KeyPair::from_seed_unchecked(seed.bytes()).map(Self).map_err(|_| SealError::NoRandomness)
    }

    pub fn public_hex(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    pub fn sign_hex(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }

    /// Whether this key made the signature.
    pub fn verifies(&self, message: &[u8], signature_hex: &str) -> bool {
        verifies(&self.public_hex(), message, signature_hex)
    }
}

/// The same for whoever has only the public key.
pub fn verifies(public_hex: &str, message: &[u8], signature_hex: &str) -> bool {
    let (Some(key), Some(signature)) = (unhex(public_hex), unhex(signature_hex)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).is_ok()
}
