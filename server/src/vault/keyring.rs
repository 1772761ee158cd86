//! The keys of one owner, with which everything of theirs is sealed and opened.

use std::collections::HashMap;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::keys;
use crate::crypto::seal::{SealError, SecretKey};
use crate::crypto::secret::MacKey;
use crate::entity::data_key;
use crate::registers::Tokens;

/// First byte of what is sealed under a key that is named in it: this, 16 bytes of key id, then what [`SecretKey::seal`] gives.
const WITH_KEY_ID: u8 = 2;

/// The keys of one owner: the newest seals, all open.
#[derive(Debug)]
pub struct Keyring {
    pub(super) active: Uuid,
    pub(super) oldest: Uuid,
    pub(super) keys: HashMap<Uuid, SecretKey>,
}

impl Keyring {
    pub(super) fn of(
        rows: Vec<(data_key::Model, SecretKey)>,
        known: impl Fn(&data_key::Model) -> bool,
    ) -> Option<Self> {
        let models: Vec<data_key::Model> = rows.iter().map(|(row, _)| row.clone()).collect();
        let active = keys::active(&models, known)?;
        let oldest = models.iter().min_by_key(|row| (row.made_at_ms, row.id))?.id;
        let keys = rows.into_iter().map(|(row, key)| (row.id, key)).collect();
        Some(Self { active, oldest, keys })
    }

    pub fn active(&self) -> Uuid {
        self.active
    }

    /// What makes the tokens by which records are found. Derived from the first key, so that a rotation leaves them as they are.
    ///
    /// # Errors
    /// When the first key is gone.
    pub(crate) fn tokens(&self) -> Result<Tokens, SealError> {
        let first = self.keys.get(&self.oldest).ok_or(SealError::DoesNotOpen)?;
        let derived = MacKey::new(first.clone()).mac("record-tokens/1", &[]);
        Ok(Tokens::new(MacKey::new(SecretKey::new(derived))))
    }

    /// # Errors
    /// See [`SealError`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.keys.get(&self.active).ok_or(SealError::DoesNotOpen)?;
        let sealed = key.seal(place, plain)?;
        Ok([[WITH_KEY_ID].as_slice(), self.active.as_bytes(), &sealed].concat())
    }

    /// The same value under the key that seals now; nothing where it is under that already.
    ///
    /// # Errors
    /// See [`SealError`].
    pub(crate) fn seal_anew(&self, place: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        let plain = self.open(place, sealed)?;
        let newest = [[WITH_KEY_ID].as_slice(), self.active.as_bytes()].concat();
        if sealed.starts_with(&newest) { Ok(None) } else { self.seal(place, &plain).map(Some) }
    }

    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, body) = match sealed.split_first() {
            Some((&WITH_KEY_ID, rest)) if rest.len() > 16 => {
                let (id, body) = rest.split_at(16);
                (Uuid::from_slice(id).map_err(|_| SealError::DoesNotOpen)?, body)
            }
            // What was sealed before keys had names.
            Some(_) | None => (self.oldest, sealed),
        };
        self.keys.get(&id).ok_or(SealError::DoesNotOpen)?.open(place, body)
    }
}
