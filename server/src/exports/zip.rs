//! Just enough ZIP (APPNOTE 6.3.10) to write an archive from its beginning to its end without going back, however large, and to read one again:
//! deflate, UTF-8 names, sizes after the content, and always the 64-bit records.

mod reading;

pub(crate) use self::reading::{Content, Contents, ZipError};

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

use crate::crypto::hex;

/// The compressor's own middle way between speed and size.
pub(crate) const LEVEL: u32 = 6;

const LOCAL: u32 = 0x0403_4b50;
const AFTER: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_AT: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;
/// Version 4.5: the 64-bit records. Made on Unix, so that the permission bits below are read.
const NEEDS: u16 = 45;
const MADE_BY: u16 = (3 << 8) | NEEDS;
/// Sizes stand after the content; the name is UTF-8.
const FLAGS: u16 = (1 << 3) | (1 << 11);
const DEFLATED: u16 = 8;
const IN_64: u32 = u32::MAX;

/// A content on its way through the compressor.
#[derive(Debug)]
pub(crate) struct Deflating {
    encoder: DeflateEncoder<Vec<u8>>,
    crc: Crc,
    sha256: Sha256,
    plain: u64,
}

impl Deflating {
    pub(crate) fn new() -> Self {
        let encoder = DeflateEncoder::new(Vec::new(), Compression::new(LEVEL));
        Self { encoder, crc: Crc::new(), sha256: Sha256::new(), plain: 0 }
    }

    /// What came out of the compressor so far.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        self.crc.update(bytes);
        self.sha256.update(bytes);
        self.plain += bytes.len() as u64;
        self.encoder.write_all(bytes)?;
        Ok(std::mem::take(self.encoder.get_mut()))
    }

    /// The last of it, and what it was.
    pub(crate) fn finish(self) -> std::io::Result<(Vec<u8>, Summed)> {
        let rest = self.encoder.finish()?;
        let summed = Summed { crc: self.crc.sum(), sha256: hex(&self.sha256.finalize()), plain: self.plain };
        Ok((rest, summed))
    }
}

/// What went into the compressor.
#[derive(Clone, Debug)]
pub(crate) struct Summed {
    pub(crate) crc: u32,
    pub(crate) sha256: String,
    pub(crate) plain: u64,
}

#[derive(Debug)]
struct Entry {
    name: String,
    at: u64,
    crc: u32,
    plain: u64,
    packed: u64,
}

/// The frame around the contents: what is written before and after each of them, and at the end.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// How far it is.
    at: u64,
    begun: Option<(String, u64, u64)>,
    entries: Vec<Entry>,
    /// Date and time of every entry, as MS-DOS wrote them.
    stamp: (u16, u16),
}

fn short(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn word(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn long(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn length(text: &str) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}

impl Frame {
    pub(crate) fn new(at: time::OffsetDateTime) -> Self {
        let (date, time) = (at.date(), at.time());
        let year = u16::try_from((date.year() - 1980).clamp(0, 127)).unwrap_or(0);
        let day = (year << 9) | (u16::from(u8::from(date.month())) << 5) | u16::from(date.day());
        let clock = (u16::from(time.hour()) << 11) | (u16::from(time.minute()) << 5) | (u16::from(time.second()) / 2);
        Self { stamp: (clock, day), ..Self::default() }
    }

    /// What stands before a content.
    pub(crate) fn begin(&mut self, name: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + name.len());
        word(&mut out, LOCAL);
        short(&mut out, NEEDS);
        short(&mut out, FLAGS);
        short(&mut out, DEFLATED);
        short(&mut out, self.stamp.0);
        short(&mut out, self.stamp.1);
        // Check and sizes follow the content; that they are 64 bits long is said by the extra field.
        word(&mut out, 0);
        word(&mut out, IN_64);
        word(&mut out, IN_64);
        short(&mut out, length(name));
        short(&mut out, 20);
        out.extend_from_slice(name.as_bytes());
        short(&mut out, 1);
        short(&mut out, 16);
        long(&mut out, 0);
        long(&mut out, 0);
        self.begun = Some((name.to_owned(), self.at, 0));
        self.at += out.len() as u64;
        out
    }

    /// So many bytes of content were written.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.at += bytes as u64;
        if let Some((_, _, packed)) = &mut self.begun {
            *packed += bytes as u64;
        }
    }

    /// What stands after a content.
    pub(crate) fn end(&mut self, summed: &Summed) -> Vec<u8> {
        let Some((name, at, packed)) = self.begun.take() else { return Vec::new() };
        let mut out = Vec::with_capacity(24);
        word(&mut out, AFTER);
        word(&mut out, summed.crc);
        long(&mut out, packed);
        long(&mut out, summed.plain);
        self.at += out.len() as u64;
        self.entries.push(Entry { name, at, crc: summed.crc, plain: summed.plain, packed });
        out
    }

    /// The list of everything, with which an archive ends.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            self.central(entry, &mut out);
        }
        let (size, count, start) = (out.len() as u64, self.entries.len() as u64, self.at);
        word(&mut out, END_64);
        long(&mut out, 44);
        short(&mut out, MADE_BY);
        short(&mut out, NEEDS);
        word(&mut out, 0);
        word(&mut out, 0);
        long(&mut out, count);
        long(&mut out, count);
        long(&mut out, size);
        long(&mut out, start);
        word(&mut out, END_64_AT);
        word(&mut out, 0);
        long(&mut out, start + size);
        word(&mut out, 1);
        word(&mut out, END);
        short(&mut out, 0);
        short(&mut out, 0);
        short(&mut out, u16::MAX);
        short(&mut out, u16::MAX);
        word(&mut out, IN_64);
        word(&mut out, IN_64);
        short(&mut out, 0);
        out
    }

    fn central(&self, entry: &Entry, out: &mut Vec<u8>) {
        word(out, CENTRAL);
        short(out, MADE_BY);
        short(out, NEEDS);
        short(out, FLAGS);
        short(out, DEFLATED);
        short(out, self.stamp.0);
        short(out, self.stamp.1);
        word(out, entry.crc);
        word(out, IN_64);
        word(out, IN_64);
        short(out, length(&entry.name));
        short(out, 28);
        short(out, 0);
        short(out, 0);
        short(out, 0);
        // An ordinary file that its owner may read and write.
        word(out, 0o100_600 << 16);
        word(out, IN_64);
        out.extend_from_slice(entry.name.as_bytes());
        short(out, 1);
        short(out, 24);
        long(out, entry.plain);
        long(out, entry.packed);
        long(out, entry.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut frame = Frame::new(crate::testing::START);
        let mut out = Vec::new();
        for (name, content) in parts {
            out.extend(frame.begin(name));
            let mut deflating = Deflating::new();
            let first = deflating.push(content).expect("memory");
            let (rest, summed) = deflating.finish().expect("memory");
            frame.wrote(first.len() + rest.len());
            out.extend(first);
            out.extend(rest);
            out.extend(frame.end(&summed));
        }
        out.extend(frame.finish());
        out
    }

    #[test]
    fn what_was_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("avouch-zip-{}", uuid::Uuid::now_v7().simple()));
        let long = vec![7_u8; 300_000];
        std::fs::write(&path, archive(&[("a.txt", b"hello"), ("empty", b""), ("ä/b.bin", &long)])).expect("file");
        let mut contents = Contents::open(&path).expect("a ZIP");
        assert_eq!(contents.names().collect::<Vec<_>>(), ["a.txt", "empty", "ä/b.bin"]);
        assert_eq!(contents.whole("a.txt", 10).expect("content"), b"hello");
        assert_eq!(contents.whole("empty", 10).expect("content"), b"");
        assert_eq!(contents.whole("ä/b.bin", 400_000).expect("content"), long);
        assert!(matches!(contents.whole("ä/b.bin", 100), Err(ZipError::TooLarge(_))));
        assert!(matches!(contents.whole("b", 10), Err(ZipError::Missing(_))));
        std::fs::remove_file(path).expect("remove");
    }

    #[test]
    fn a_cut_or_changed_archive_is_refused_and_never_breaks_the_reader() {
        let path = std::env::temp_dir().join(format!("avouch-zip-{}", uuid::Uuid::now_v7().simple()));
        let whole = archive(&[("a.txt", b"hello hello hello"), ("b.txt", b"again")]);
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("file");
            let mut contents = Contents::open(&path)?;
            contents.whole("a.txt", 100)
        };
        assert_eq!(read(&whole).expect("whole"), b"hello hello hello");
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            if let Ok(content) = read(&changed) {
                assert_eq!(content, b"hello hello hello", "byte {at}");
            }
        }
        std::fs::remove_file(path).expect("remove");
    }
}
