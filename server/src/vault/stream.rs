//! An owner's keys for contents that are sealed chunk by chunk.

use super::Keyring;
use crate::crypto::seal::SealError;
use crate::crypto::stream::{Header, Stream};

impl Keyring {
    /// For sealing a long content chunk by chunk, under the newest key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn stream(&self, place: &str) -> Result<Stream, SealError> {
        self.stream_of(place, Header::new(self.active)?)
    }

    /// For opening what was sealed so, under the key that its header names.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`] when this owner has no such key.
    pub fn stream_of(&self, place: &str, header: Header) -> Result<Stream, SealError> {
        let key = self.keys.get(&header.key_id()).ok_or(SealError::DoesNotOpen)?;
        Stream::new(key, place, header)
    }
}
