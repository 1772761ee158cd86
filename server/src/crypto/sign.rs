//! Ed25519 (RFC 8032): what is signed can be verified by anybody who has the public key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

/// A public key as openssl and others read it: the fixed head of an Ed25519 SubjectPublicKeyInfo (RFC 8410 section 4) before its 32
/// bytes, in PEM (RFC 7468).
pub fn pem(public_hex: &str) -> String {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let der = [head.as_slice(), &unhex(public_hex).unwrap_or_default()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

/// The same for whoever has only the public key.
pub fn verifies(public_hex: &str, message: &[u8], signature_hex: &str) -> bool {
    let (Some(key), Some(signature)) = (unhex(public_hex), unhex(signature_hex)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn openssl_verifies_with_the_key_as_it_is_published_and_refuses_what_was_changed() {
        let key = SigningKey::new(&SecretKey::random().expect("random")).expect("a key");
        let folder = std::env::temp_dir().join(format!("avouch-sign-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let message = b"avouch-archive/1\n{}\n";
        std::fs::write(folder.join("key.pem"), pem(&key.public_hex())).expect("the key");
        let signature = unhex(&key.sign_hex(message)).expect("a signature");
        std::fs::write(folder.join("signature"), signature).expect("the signature");
        let verified = |text: &[u8]| {
            std::fs::write(folder.join("signed"), text).expect("the message");
            let mut openssl = Command::new("openssl");
            openssl.current_dir(&folder).args(["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]);
            openssl.args(["-in", "signed", "-sigfile", "signature"]).output().expect("openssl").status.success()
        };
        assert!(verified(message));
        assert!(!verified(b"avouch-archive/1\n{ }\n"));
        std::fs::remove_dir_all(&folder).expect("remove");
    }
}
