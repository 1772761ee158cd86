//! Reading an archive. Nothing that it says of itself is believed before it was compared with how large the file is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::{CENTRAL, END, END_64, END_64_AT, IN_64, LOCAL};

#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("it is no ZIP archive, or it is cut off")]
    NoArchive,
    #[error("{0} is not in it")]
    Missing(String),
    #[error("{0} is larger than it may be")]
    TooLarge(String),
    #[error("{0} is damaged")]
    Damaged(String),
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// The end record and its 64-bit companions, and a comment of nothing: we write none.
const TAIL: u64 = 22 + 20 + 56;
/// The list of a hundred thousand files takes a tenth of it.
const LARGEST_LIST: u64 = 128 * 1024 * 1024;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

#[derive(Clone, Debug)]
struct Entry {
    method: u16,
    crc: u32,
    plain: u64,
    packed: u64,
    at: u64,
}

/// Everything in an archive, by name.
#[derive(Debug)]
pub(crate) struct Contents {
    file: File,
    length: u64,
    order: Vec<String>,
    entries: BTreeMap<String, Entry>,
}

/// Little-endian numbers out of bytes that may end too early.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ZipError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ZipError::NoArchive)?;
        self.0 = rest;
        Ok(taken)
    }

    fn short(&mut self) -> Result<u16, ZipError> {
        Ok(u16::from_le_bytes(self.take(2)?.try_into().map_err(|_| ZipError::NoArchive)?))
    }

    fn word(&mut self) -> Result<u32, ZipError> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| ZipError::NoArchive)?))
    }

    fn long(&mut self) -> Result<u64, ZipError> {
        Ok(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| ZipError::NoArchive)?))
    }

    fn expect(&mut self, mark: u32) -> Result<(), ZipError> {
        if self.word()? == mark { Ok(()) } else { Err(ZipError::NoArchive) }
    }
}

impl Contents {
    /// Reads the list at the end of the file.
    pub(crate) fn open(path: &Path) -> Result<Self, ZipError> {
        let mut file = File::open(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let tail = length.checked_sub(TAIL).ok_or(ZipError::NoArchive)?;
        let (list_at, list_size, count) = ends(&at(&mut file, tail, TAIL)?, tail)?;
        if list_size > LARGEST_LIST || list_at.checked_add(list_size) != Some(tail) {
            return Err(ZipError::NoArchive);
        }
        let list = at(&mut file, list_at, list_size)?;
        let (mut fields, mut order, mut entries) = (Fields(&list), Vec::new(), BTreeMap::new());
        for _ in 0..count {
            let (name, entry) = listed(&mut fields)?;
            if entry.at.checked_add(entry.packed).is_none_or(|end| end > list_at) {
                return Err(ZipError::NoArchive);
            }
            order.push(name.clone());
            if entries.insert(name, entry).is_some() {
                return Err(ZipError::NoArchive);
            }
        }
        Ok(Self { file, length, order, entries })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    /// One content, to be read piece by piece. Whoever reads it to its end has compared it with its check.
    pub(crate) fn content(&self, name: &str) -> Result<Content, ZipError> {
        let entry = self.entries.get(name).ok_or_else(|| ZipError::Missing(name.to_owned()))?;
        let mut file = self.file.try_clone()?;
        // A handle of its own would share its place in the file with this one.
        let head = at(&mut file, entry.at, 30.min(self.length - entry.at))?;
        let mut fields = Fields(&head);
        fields.expect(LOCAL)?;
        fields.take(22)?;
        let (name_bytes, extra_bytes) = (fields.short()?, fields.short()?);
        let begins = entry.at + 30 + u64::from(name_bytes) + u64::from(extra_bytes);
        let packed = Placed { file, at: begins }.take(entry.packed);
        let reader: Box<dyn Read + Send> = match entry.method {
            DEFLATED => Box::new(DeflateDecoder::new(BufReader::with_capacity(64 * 1024, packed))),
            STORED => Box::new(BufReader::with_capacity(64 * 1024, packed)),
            _ => return Err(ZipError::Damaged(name.to_owned())),
        };
        Ok(Content {
            name: name.to_owned(),
            reader: reader.take(entry.plain.saturating_add(1)),
            crc: Crc::new(),
            wanted: entry.clone(),
            got: 0,
        })
    }

    /// All of a content that is known to be small.
    pub(crate) fn whole(&mut self, name: &str, most: usize) -> Result<Vec<u8>, ZipError> {
        let mut content = self.content(name)?;
        if content.wanted.plain > most as u64 {
            return Err(ZipError::TooLarge(name.to_owned()));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = content.piece()? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// A file that is always read where this reader is, whoever else reads it.
struct Placed {
    file: File,
    at: u64,
}

impl Read for Placed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A content that is being read.
pub(crate) struct Content {
    name: String,
    reader: Take<Box<dyn Read + Send>>,
    crc: Crc,
    wanted: Entry,
    got: u64,
}

/// Bytes of a content that are read at once.
const PIECE: usize = 256 * 1024;

impl Content {
    /// The next piece; nothing at the end, which is only reached by a content that is whole.
    pub(crate) fn piece(&mut self) -> Result<Option<Vec<u8>>, ZipError> {
        let damaged = || ZipError::Damaged(self.name.clone());
        let mut piece = Vec::with_capacity(PIECE);
        self.reader.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(|_| damaged())?;
        self.crc.update(&piece);
        self.got += piece.len() as u64;
        if self.got > self.wanted.plain {
            return Err(damaged());
        }
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
        if self.got == self.wanted.plain && self.crc.sum() == self.wanted.crc { Ok(None) } else { Err(damaged()) }
    }
}

fn at(file: &mut File, place: u64, length: u64) -> Result<Vec<u8>, ZipError> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| ZipError::NoArchive)?];
    file.read_exact_at(&mut bytes, place).map_err(|_| ZipError::NoArchive)?;
    Ok(bytes)
}

/// Where the list is, how long, and of how many.
fn ends(tail: &[u8], tail_at: u64) -> Result<(u64, u64, u64), ZipError> {
    let mut fields = Fields(tail);
    fields.expect(END_64)?;
    fields.take(20)?;
    let (here, count) = (fields.long()?, fields.long()?);
    let (size, begins) = (fields.long()?, fields.long()?);
    fields.expect(END_64_AT)?;
    fields.take(4)?;
    let says = fields.long()?;
    fields.take(4)?;
    fields.expect(END)?;
    if here != count || says != tail_at { Err(ZipError::NoArchive) } else { Ok((begins, size, count)) }
}

fn listed(fields: &mut Fields<'_>) -> Result<(String, Entry), ZipError> {
    fields.expect(CENTRAL)?;
    fields.take(6)?;
    let method = fields.short()?;
    fields.take(4)?;
    let crc = fields.word()?;
    let (packed, plain) = (fields.word()?, fields.word()?);
    let (name, extra, comment) = (fields.short()?, fields.short()?, fields.short()?);
    fields.take(8)?;
    let at = fields.word()?;
    let name = String::from_utf8(fields.take(name.into())?.to_vec()).map_err(|_| ZipError::NoArchive)?;
    let mut extra = Fields(fields.take(extra.into())?);
    fields.take(comment.into())?;
    let mut entry = Entry { method, crc, plain: plain.into(), packed: packed.into(), at: at.into() };
    if extra.0.len() >= 4 && extra.short()? == 1 {
        let length = extra.short()?;
        let mut wide = Fields(extra.take(length.into())?);
        for (value, narrow) in [(&mut entry.plain, plain), (&mut entry.packed, packed), (&mut entry.at, at)] {
            if narrow == IN_64 {
                *value = wide.long()?;
            }
        }
    }
    Ok((name, entry))
}
