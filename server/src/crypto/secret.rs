//! What a browser or a mailbox holds and the database knows by its hash only: links, backup codes, device marks. And the keyed hash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use totp_rs::Secret;
use zeroize::Zeroizing;

use super::seal::{SealError, SecretKey};
use super::{hex, random, sha256_hex};

/// 256 random bits as 64 hexadecimal digits: the secret part of a link, or a device's mark.
#[derive(Clone)]
pub struct Ticket(Zeroizing<String>);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(…)")
    }
}

impl Ticket {
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, SealError> {
        Ok(Self(Zeroizing::new(hex(&random::<32>()?))))
    }

    /// What somebody sent back, if it has the right shape.
    pub fn parse(text: &str) -> Option<Self> {
        let shaped = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        shaped.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is stored instead.
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

/// A backup code: 128 random bits in 26 letters and digits (base32), so that a plain SHA-256 cannot be searched.
#[derive(Clone)]
pub struct BackupCode(Zeroizing<String>);

impl std::fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupCode(…)")
    }
}

/// Bits of a backup code.
pub const BACKUP_CODE_BITS: usize = 128;

/// How the pages call what is kept of one.
pub const BACKUP_CODE_DIGEST: &str = "SHA-256";

impl BackupCode {
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, SealError> {
        let bytes = random::<{ BACKUP_CODE_BITS / 8 }>()?;
        Ok(Self(Zeroizing::new(Secret::from(bytes.as_slice()).to_base32().to_ascii_lowercase())))
    }

    /// What somebody typed: case, hyphens and spaces do not matter, and digits that base32 does not have are the letters
    /// they look like.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| match c.to_ascii_lowercase() {
            '0' => 'o',
            '1' => 'l',
            '8' => 'b',
            other => other,
        });
        let code: String = letters.take(27).collect();
        let shaped = code.len() == 26 && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        shaped.then(|| Self(Zeroizing::new(code)))
    }

    /// In groups, as it is shown.
    pub fn shown(&self) -> String {
        let groups: Vec<&str> =
            [0..5, 5..10, 10..15, 15..20, 20..26].into_iter().filter_map(|at| self.0.get(at)).collect();
        groups.join("-")
    }

    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

/// HMAC-SHA-256 under a key that is used for nothing else, separated by label.
#[derive(Clone, Debug)]
pub struct MacKey(SecretKey);

impl MacKey {
    pub fn new(key: SecretKey) -> Self {
        Self(key)
    }

    /// Each part is preceded by its length, so that no two lists of parts share an encoding.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.begin();
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    pub fn mac_hex(&self, label: &str, parts: &[&[u8]]) -> String {
        hex(&self.mac(label, parts))
    }

    /// In constant time.
    pub fn matches(&self, label: &str, parts: &[&[u8]], shown: &str) -> bool {
        self.mac_hex(label, parts).as_bytes().ct_eq(shown.as_bytes()).into()
    }

    fn begin(&self) -> Hmac<Sha256> {
        // A key shorter than the hash's block is filled up with zeros (RFC 2104 section 2).
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.0.bytes());
        Hmac::new((&*block).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_code_has_at_least_120_bits_and_is_read_back_as_people_type_it() {
        let code = BackupCode::random().expect("random");
        assert!(code.0.len() * 5 >= 120 && BACKUP_CODE_BITS >= 120);
        let typed = code.shown().to_uppercase().replace('-', " ").replace('O', "0").replace('L', "1");
        assert_eq!(BackupCode::parse(&typed).expect("parse").hash(), code.hash());
        for bad in ["", "abcde", &format!("{}a", code.shown()), &"!".repeat(26)] {
            assert!(BackupCode::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_ticket_is_256_bits_and_never_printed() {
        let ticket = Ticket::random().expect("random");
        assert_eq!(ticket.text().len() * 4, 256);
        assert!(!format!("{ticket:?}").contains(ticket.text()));
        assert!(Ticket::parse("x").is_none() && Ticket::parse(&"G".repeat(64)).is_none());
    }

    #[test]
    fn a_keyed_hash_separates_labels_and_parts() {
        let key = MacKey::new(SecretKey::new([7; 32]));
        assert_ne!(key.mac("a", &[b"bc"]), key.mac("ab", &[b"c"]));
        assert_ne!(key.mac("a", &[b"b", b"c"]), key.mac("a", &[b"bc"]));
        assert!(key.matches("a", &[b"b"], &key.mac_hex("a", &[b"b"])) && !key.matches("a", &[b"b"], ""));
    }
}
