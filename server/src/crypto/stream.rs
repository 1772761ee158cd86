//! Long contents, sealed in chunks: any chunk opens on its own, in its own place, and the last one is known to be the last.
//!
//! A header (format, key id, 32 random bytes) is followed by chunks of 64 KiB, each under AES-256-GCM. The key is of this content alone,
//! derived from the owner's key and the random bytes, so that neither many contents nor many chunks bring a nonce twice under one key. The nonce
//! of a chunk is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015): 8 of the random bytes, 31
//! bits of number, one bit for the last. Associated data are the header and the place.

use std::ops::Range;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::random;
use super::seal::{SealError, SecretKey};
use super::secret::MacKey;

/// Plain bytes of every chunk but the last.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// Sealed bytes of every chunk but the last.
pub const SEALED_CHUNK: usize = CHUNK + TAG;

/// Format of the header: this byte, 16 bytes of key id, 32 random bytes.
const VERSION: u8 = 1;
const RANDOM: usize = 32;
const PREFIX: usize = 8;

/// The bit of a chunk's number that says that it is the last.
const LAST: u32 = 1 << 31;

/// What a sealed content begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header([u8; Self::BYTES]);

impl Header {
    pub const BYTES: usize = 1 + 16 + RANDOM;

    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn new(key_id: Uuid) -> Result<Self, SealError> {
        let mut bytes = [VERSION; Self::BYTES];
        bytes[1..17].copy_from_slice(key_id.as_bytes());
        bytes[17..].copy_from_slice(&random::<RANDOM>()?);
        Ok(Self(bytes))
    }

    /// # Errors
    /// [`SealError::DoesNotOpen`] for what is no header of this format.
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        match <[u8; Self::BYTES]>::try_from(bytes) {
            Ok(bytes) if bytes[0] == VERSION => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(SealError::DoesNotOpen),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn key_id(&self) -> Uuid {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[1..17]);
        Uuid::from_bytes(id)
    }

    fn random(&self) -> &[u8] {
        &self.0[17..]
    }
}

/// Seals and opens the chunks of one content.
pub struct Stream {
    header: Header,
    key: LessSafeKey,
    prefix: [u8; PREFIX],
    bound_to: Vec<u8>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream(…)")
    }
}

impl Stream {
    pub(crate) fn new(key: &SecretKey, place: &str, header: Header) -> Result<Self, SealError> {
        let own = Zeroizing::new(MacKey::new(key.clone()).mac("avouch/stream/1", &[header.random()]));
        let mut prefix = [0; PREFIX];
        prefix.copy_from_slice(&header.random()[RANDOM - PREFIX..]);
        let key = UnboundKey::new(&AES_256_GCM, own.as_slice()).map_err(|_| SealError::DoesNotOpen)?;
        let bound_to = [header.bytes(), place.as_bytes()].concat();
        Ok(Self { header, key: LessSafeKey::new(key), prefix, bound_to })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Seals the chunk of this number. Every one but the last has exactly [`CHUNK`] bytes.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] past 2^31 chunks, which are 128 TiB, or for a chunk of another length.
    pub fn seal(&self, number: u64, last: bool, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.len() > CHUNK || (plain.len() < CHUNK && !last) {
            return Err(SealError::TooLarge);
        }
        let nonce = self.nonce(number, last).ok_or(SealError::TooLarge)?;
        let mut sealed = Vec::with_capacity(plain.len() + TAG);
        sealed.extend_from_slice(plain);
        let done = self.key.seal_in_place_append_tag(nonce, Aad::from(&self.bound_to), &mut sealed);
        done.map(|()| sealed).map_err(|_| SealError::TooLarge)
    }

    /// # Errors
    /// [`SealError::DoesNotOpen`] unless key, place, number, being the last, and every byte are right.
    pub fn open(&self, number: u64, last: bool, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let nonce = self.nonce(number, last).ok_or(SealError::DoesNotOpen)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let opened = self.key.open_in_place(nonce, Aad::from(&self.bound_to), &mut plain);
        let length = opened.map_err(|_| SealError::DoesNotOpen)?.len();
        plain.truncate(length);
        Ok(plain)
    }

    /// The prefix, then the number in 31 bits with the last one's mark above them, little-endian.
    fn nonce(&self, number: u64, last: bool) -> Option<Nonce> {
        let number = u32::try_from(number).ok().filter(|number| *number < LAST)?;
        let mut nonce = [0; PREFIX + 4];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..].copy_from_slice(&(number | if last { LAST } else { 0 }).to_le_bytes());
        Some(Nonce::assume_unique_for_key(nonce))
    }
}

/// How a content is cut, as its sealed length tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Plain bytes.
    pub bytes: u64,
    /// At least one: the empty content is one empty chunk.
    pub chunks: u64,
}

impl Layout {
    /// # Errors
    /// [`SealError::DoesNotOpen`] for a length that no content has.
    pub fn of_sealed(sealed_bytes: u64) -> Result<Self, SealError> {
        let body = sealed_bytes.checked_sub(Header::BYTES as u64).ok_or(SealError::DoesNotOpen)?;
        let chunks = body.div_ceil(SEALED_CHUNK as u64).max(1);
        let bytes = body.checked_sub(chunks * TAG as u64).ok_or(SealError::DoesNotOpen)?;
        // The last chunk is empty only when it is the only one.
        let last = bytes.checked_sub((chunks - 1) * CHUNK as u64).ok_or(SealError::DoesNotOpen)?;
        if last == 0 && chunks > 1 { Err(SealError::DoesNotOpen) } else { Ok(Self { bytes, chunks }) }
    }

    /// Where the chunks of these numbers lie in the sealed content.
    pub fn sealed(self, numbers: Range<u64>) -> Range<u64> {
        let at = |number: u64| Header::BYTES as u64 + number * SEALED_CHUNK as u64;
        let end = Header::BYTES as u64 + self.bytes + self.chunks * TAG as u64;
        at(numbers.start)..at(numbers.end).min(end)
    }

    /// Which chunks it takes to read these plain bytes.
    pub fn holding(self, plain: &Range<u64>) -> Range<u64> {
        plain.start / CHUNK as u64..plain.end.div_ceil(CHUNK as u64).min(self.chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(key: &SecretKey, place: &str, header: Header) -> Stream {
        Stream::new(key, place, header).expect("a stream")
    }

    #[test]
    fn a_chunk_is_what_another_implementation_of_the_cipher_makes_of_it() {
        use aes_gcm::aead::{Aead, KeyInit, Payload};
        let (key, header) = (SecretKey::new([9; 32]), Header::new(Uuid::nil()).expect("random"));
        let here = stream(&key, "acme/file/1", header);
        let own = MacKey::new(key).mac("avouch/stream/1", &[&header.0[17..]]);
        let cipher = aes_gcm::Aes256Gcm::new(&own.into());
        for (number, last, ends) in
            [(0, false, [0, 0, 0, 0]), (0x0102, true, [2, 1, 0, 0x80]), (LAST - 1, true, [0xff; 4])]
        {
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&header.0[41..]);
            nonce[8..].copy_from_slice(&ends);
            let plain = vec![5; CHUNK];
            let aad = [&header.0, b"acme/file/1".as_slice()].concat();
            let other = cipher.encrypt(&nonce.into(), Payload { msg: &plain, aad: &aad }).expect("seal");
            assert!(here.seal(number.into(), last, &plain).expect("seal") == other, "{number}");
        }
        assert!(here.seal(LAST.into(), true, b"").is_err());
    }

    #[test]
    fn a_chunk_opens_only_as_what_it_was_sealed_as() {
        let key = SecretKey::random().expect("random");
        let here = stream(&key, "a", Header::new(Uuid::nil()).expect("random"));
        let sealed = here.seal(3, false, &vec![7; CHUNK]).expect("seal");

        assert_eq!(here.open(3, false, &sealed).expect("open").as_slice(), vec![7; CHUNK]);
        assert!(here.open(2, false, &sealed).is_err() && here.open(3, true, &sealed).is_err());
        assert!(stream(&key, "b", *here.header()).open(3, false, &sealed).is_err());
        let other = SecretKey::random().expect("random");
        assert!(stream(&other, "a", *here.header()).open(3, false, &sealed).is_err());
    }

    #[test]
    fn every_changed_bit_of_a_header_or_a_chunk_is_noticed() {
        let key = SecretKey::random().expect("random");
        let here = stream(&key, "a", Header::new(Uuid::now_v7()).expect("random"));
        let sealed = here.seal(0, true, b"marker").expect("seal");
        for at in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(here.open(0, true, &changed).is_err(), "bit {at}");
        }
        for at in 0..Header::BYTES * 8 {
            let mut changed = here.header().0;
            changed[at / 8] ^= 1 << (at % 8);
            let opened = Header::parse(&changed).and_then(|header| stream(&key, "a", header).open(0, true, &sealed));
            assert!(opened.is_err(), "bit {at}");
        }
    }

    #[test]
    fn two_contents_share_neither_key_nor_nonces() {
        let key = SecretKey::random().expect("random");
        let [a, b] = [(); 2].map(|()| stream(&key, "a", Header::new(Uuid::nil()).expect("random")));
        assert_ne!(a.seal(0, true, b"marker").expect("seal"), b.seal(0, true, b"marker").expect("seal"));
        let same_prefix = Header({
            let mut bytes = a.header().0;
            bytes[17] ^= 1;
            bytes
        });
        let c = stream(&key, "a", same_prefix);
        let (a, c) = (a.seal(0, true, &[0; 64]).expect("seal"), c.seal(0, true, &[0; 64]).expect("seal"));
        assert_ne!(a[..64], c[..64]);
    }

    #[test]
    fn a_sealed_length_tells_the_plain_length_and_no_other_is_taken() {
        let chunk = CHUNK as u64;
        for plain in [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 5 * chunk + 77] {
            let chunks = plain.div_ceil(chunk).max(1);
            let sealed = Header::BYTES as u64 + plain + chunks * TAG as u64;
            let layout = Layout::of_sealed(sealed).expect("a layout");
            assert_eq!(layout, Layout { bytes: plain, chunks });
            assert_eq!(layout.sealed(0..chunks).end, sealed);
        }
        let whole = (Header::BYTES + SEALED_CHUNK) as u64;
        for odd in [0, 1, Header::BYTES as u64, Header::BYTES as u64 + 15, whole + 1, whole + 16] {
            assert!(Layout::of_sealed(odd).is_err(), "{odd}");
        }
    }
}
