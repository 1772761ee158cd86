//! A stream sealed chunk by chunk: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) with AES-256-GCM and chunks of 64 KiB.
//!
//! A head in the open says which key and whose environment; it is bound to every chunk. The number of a chunk and whether it is the last are
//! in its nonce, so that nothing can be changed, moved or cut off. Each stream has a key of its own, so that nonces never meet.

use std::io::{Read, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::BackupError;
use crate::crypto::hex;
use crate::crypto::seal::SecretKey;
use crate::crypto::secret::MacKey;

/// What every sealed object of a backup begins with; the last byte is the version.
pub const MAGIC: &[u8; 14] = b"AVOUCH-BACKUP\x01";
const KEY_ID: usize = 8;
const SALT: usize = 32;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// The key that seals backups: derived from the master key, used for nothing else, and known by its id.
#[derive(Clone, Debug)]
pub struct BackupKey {
    mac: MacKey,
    id: [u8; KEY_ID],
}

impl BackupKey {
    pub fn new(key: SecretKey) -> Self {
        let mac = MacKey::new(key);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&mac.mac("backup-key-id", &[])[..KEY_ID]);
        Self { mac, id }
    }

    pub fn id_hex(&self) -> String {
        hex(&self.id)
    }

    fn of_stream(&self, head: &[u8]) -> Result<LessSafeKey, BackupError> {
        let key = self.mac.mac("backup-stream", &[head]);
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).map_err(|_| BackupError::Damaged)?))
    }
}

fn nonce(number: u32, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&number.to_be_bytes());
    bytes[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

fn too_long() -> std::io::Error {
    std::io::Error::other("more than 2^32 chunks in one stream")
}

/// Seals what is written to it. Only [`Self::finish`] makes it whole.
pub struct Sealing<W: Write> {
    inner: W,
    key: LessSafeKey,
    head: Vec<u8>,
    chunk: Vec<u8>,
    number: u32,
}

impl<W: Write> Sealing<W> {
    /// # Errors
    /// When the head cannot be written.
    pub fn begin(mut inner: W, key: &BackupKey, environment: &str) -> Result<Self, BackupError> {
        let mut head = MAGIC.to_vec();
        head.extend(key.id);
        head.push(u8::try_from(environment.len()).unwrap_or(u8::MAX));
        head.extend(environment.bytes().take(u8::MAX.into()));
        head.extend(crate::crypto::random::<SALT>()?);
        inner.write_all(&head)?;
        Ok(Self { inner, key: key.of_stream(&head)?, head, chunk: Vec::with_capacity(CHUNK + TAG), number: 0 })
    }

    fn seal(&mut self, last: bool) -> std::io::Result<()> {
        let place = nonce(self.number, last);
        let sealed = self.key.seal_in_place_append_tag(place, Aad::from(&self.head), &mut self.chunk);
        sealed.map_err(|_| std::io::Error::other("a chunk could not be sealed"))?;
        self.inner.write_all(&self.chunk)?;
        self.chunk.clear();
        self.number = self.number.checked_add(1).ok_or_else(too_long)?;
        Ok(())
    }

    /// Seals what is left as the last chunk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, BackupError> {
        self.seal(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.chunk.len() == CHUNK {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The open part of a sealed stream.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    key_id: [u8; KEY_ID],
    pub environment: String,
}

impl Head {
    /// # Errors
    /// [`BackupError::NotOurs`] when it is not the head of a sealed stream.
    pub fn read(from: &mut impl Read) -> Result<Self, BackupError> {
        let mut bytes = vec![0; MAGIC.len() + KEY_ID + 1];
        from.read_exact(&mut bytes).map_err(|_| BackupError::NotOurs)?;
        if !bytes.starts_with(MAGIC) {
            return Err(BackupError::NotOurs);
        }
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&bytes[MAGIC.len()..MAGIC.len() + KEY_ID]);
        let length = usize::from(bytes[MAGIC.len() + KEY_ID]);
        let mut rest = vec![0; length + SALT];
        from.read_exact(&mut rest).map_err(|_| BackupError::Damaged)?;
        let environment = String::from_utf8(rest[..length].to_vec()).map_err(|_| BackupError::Damaged)?;
        bytes.extend(rest);
        Ok(Self { bytes, key_id, environment })
    }

    /// Refuses what was sealed for somebody else.
    ///
    /// # Errors
    /// [`BackupError::WrongKey`], [`BackupError::OtherEnvironment`].
    pub fn is_for(&self, key: &BackupKey, environment: &str) -> Result<(), BackupError> {
        if self.environment != environment {
            let (found, here) = (self.environment.escape_default().to_string(), environment.to_owned());
            return Err(BackupError::OtherEnvironment { found, here });
        }
        if self.key_id != key.id {
            return Err(BackupError::WrongKey { found: hex(&self.key_id), here: key.id_hex() });
        }
        Ok(())
    }
}

/// Opens a sealed stream. Nothing of a chunk is given out before its seal was checked.
pub struct Opening<R: Read> {
    inner: R,
    key: LessSafeKey,
    head: Vec<u8>,
    ahead: Vec<u8>,
    number: u32,
    done: bool,
}

impl<R: Read> Opening<R> {
    /// # Errors
    /// See [`Head`].
    pub fn begin(mut inner: R, key: &BackupKey, environment: &str) -> Result<Self, BackupError> {
        let head = Head::read(&mut inner)?;
        head.is_for(key, environment)?;
        Self::after(head, inner, key)
    }

    /// Whatever the head says; for a look with a key that must not fit.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub fn after(head: Head, mut inner: R, key: &BackupKey) -> Result<Self, BackupError> {
        let stream_key = key.of_stream(&head.bytes)?;
        let ahead = read_chunk(&mut inner)?;
        Ok(Self { inner, key: stream_key, head: head.bytes, ahead, number: 0, done: false })
    }

    /// The next chunk; `None` after the last.
    ///
    /// # Errors
    /// [`BackupError::Damaged`] when it was changed, or the stream was cut off.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        if self.done {
            return Ok(None);
        }
        let following = if self.ahead.len() == CHUNK + TAG { read_chunk(&mut self.inner)? } else { Vec::new() };
        let mut chunk = std::mem::replace(&mut self.ahead, following);
        self.done = self.ahead.is_empty();
        let place = nonce(self.number, self.done);
        let opened = self.key.open_in_place(place, Aad::from(&self.head), &mut chunk);
        let length = opened.map_err(|_| BackupError::Damaged)?.len();
        chunk.truncate(length);
        self.number = self.number.checked_add(1).ok_or(BackupError::Damaged)?;
        Ok(Some(chunk))
    }

    /// All of it: for what is small.
    ///
    /// # Errors
    /// See [`Self::chunk`].
    pub fn whole(mut self) -> Result<Vec<u8>, BackupError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk()? {
            all.extend(chunk);
        }
        Ok(all)
    }
}

fn read_chunk(from: &mut impl Read) -> Result<Vec<u8>, BackupError> {
    let mut chunk = Vec::with_capacity(CHUNK + TAG);
    from.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> BackupKey {
        BackupKey::new(SecretKey::new([byte; 32]))
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealing = Sealing::begin(Vec::new(), &key(1), "test").expect("begin");
        sealing.write_all(plain).expect("write");
        sealing.finish().expect("finish")
    }

    fn open(sealed: &[u8], key: &BackupKey) -> Result<Vec<u8>, BackupError> {
        Opening::begin(sealed, key, "test")?.whole()
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect();
            assert_eq!(open(&sealed(&plain), &key(1)).expect("open"), plain, "{length}");
        }
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let whole = sealed(b"violet otters");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &key(1)).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_was_cut_off_is_noticed_at_every_length_also_between_two_chunks() {
        let whole = sealed(&vec![7; 2 * CHUNK]);
        let head = whole.len() - 2 * (CHUNK + TAG);
        for length in [0, 5, head, head + 3, head + CHUNK + TAG, head + CHUNK + TAG + 1, whole.len() - 1] {
            assert!(open(&whole[..length], &key(1)).is_err(), "{length}");
        }
    }

    #[test]
    fn chunks_that_changed_places_are_noticed() {
        let whole = sealed(&[vec![1; CHUNK], vec![2; CHUNK], vec![3; 9]].concat());
        let head = whole.len() - 2 * (CHUNK + TAG) - 9 - TAG;
        let (first, second) = (head..head + CHUNK + TAG, head + CHUNK + TAG..head + 2 * (CHUNK + TAG));
        let moved = [&whole[..head], &whole[second.clone()], &whole[first], &whole[second.end..]].concat();
        assert!(open(&moved, &key(1)).is_err());
    }

    #[test]
    fn another_key_and_another_environment_are_told_from_damage() {
        let whole = sealed(b"x");
        assert!(matches!(open(&whole, &key(2)), Err(BackupError::WrongKey { .. })));
        let elsewhere = Opening::begin(whole.as_slice(), &key(1), "production").err();
        assert!(matches!(elsewhere, Some(BackupError::OtherEnvironment { .. })));
        assert!(matches!(open(b"PK something else entirely", &key(1)), Err(BackupError::NotOurs)));
    }
}
