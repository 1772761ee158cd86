//! What is inside a sealed archive: parts, one after the other, each with its name and length; at the end the manifest, which knows every
//! part's SHA-256 and what stood in each database.

use std::io::{Read, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BackupError;
use crate::crypto::hex;
use crate::guard::Contents;

/// Raised when an older program could not read it.
pub const FORMAT: u32 = 1;

const PART: u8 = 1;
const MANIFEST: u8 = 2;
const BUFFER: usize = 1024 * 1024;

/// A manifest of a hundred thousand files takes about 15 MB.
const MANIFEST_AT_MOST: u64 = 256 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// What stands in it, if it is a database.
    pub contents: Option<Contents>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub program: String,
    pub environment: String,
    pub profile: String,
    /// `sqlite` or `postgresql`.
    pub database: String,
    pub taken_at_ms: i64,
    pub parts: Vec<Part>,
}

impl Manifest {
    pub fn databases(&self) -> impl Iterator<Item = (&Part, &Contents)> {
        self.parts.iter().filter_map(|part| part.contents.as_ref().map(|contents| (part, contents)))
    }

    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

/// Appends a file. Of one that still grows, as much as it has now.
///
/// # Errors
/// When it cannot be read or written.
pub fn put(into: &mut impl Write, name: &str, file: &Path, contents: Option<Contents>) -> Result<Part, BackupError> {
    let source = std::fs::File::open(file)?;
    let bytes = source.metadata()?.len();
    put_from(into, name, bytes, source, contents)
}

/// Appends what comes from elsewhere, of which the length is known.
///
/// # Errors
/// When it cannot be read or written.
pub fn put_from(
    into: &mut impl Write,
    name: &str,
    bytes: u64,
    source: impl Read,
    contents: Option<Contents>,
) -> Result<Part, BackupError> {
    into.write_all(&[PART])?;
    into.write_all(&u16::try_from(name.len()).map_err(|_| BackupError::Damaged)?.to_be_bytes())?;
    into.write_all(name.as_bytes())?;
    into.write_all(&bytes.to_be_bytes())?;
    let sha256 = pour(&mut source.take(bytes), into, bytes)?;
    Ok(Part { name: name.to_owned(), bytes, sha256, contents })
}

/// # Errors
/// When it cannot be written.
pub fn put_manifest(into: &mut impl Write, manifest: &Manifest) -> Result<(), BackupError> {
    let written = serde_json::to_vec(manifest).map_err(|_| BackupError::Damaged)?;
    into.write_all(&[MANIFEST])?;
    into.write_all(&(written.len() as u64).to_be_bytes())?;
    Ok(into.write_all(&written)?)
}

/// Exactly `bytes` bytes, and their SHA-256.
fn pour(from: &mut impl Read, into: &mut impl Write, bytes: u64) -> Result<String, BackupError> {
    let (mut hasher, mut buffer, mut left) = (Sha256::new(), vec![0; BUFFER], bytes);
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        let read = from.read(&mut buffer[..want])?;
        if read == 0 {
            return Err(BackupError::Damaged);
        }
        hasher.update(&buffer[..read]);
        into.write_all(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(hex(&hasher.finalize()))
}

/// Unpacks below `folder`, hashing while it writes, and compares with the manifest.
///
/// # Errors
/// [`BackupError::Damaged`] when the two differ, [`BackupError::NewerFormat`].
pub fn unpack(from: &mut impl Read, folder: &Path) -> Result<Manifest, BackupError> {
    let mut found = Vec::new();
    loop {
        match number::<1>(from)?[0] {
            PART => found.push(unpack_part(from, folder)?),
            MANIFEST => break,
            _ => return Err(BackupError::Damaged),
        }
    }
    let length = u64::from_be_bytes(number(from)?);
    if length > MANIFEST_AT_MOST {
        return Err(BackupError::Damaged);
    }
    let mut written = Vec::new();
    from.take(length).read_to_end(&mut written)?;
    let manifest: Manifest = serde_json::from_slice(&written).map_err(|_| BackupError::Damaged)?;
    // What is left is nothing: this reads the end of the stream, and so checks that it was not cut off.
    if from.read(&mut [0])? != 0 {
        return Err(BackupError::Damaged);
    }
    if manifest.format > FORMAT {
        return Err(BackupError::NewerFormat(manifest.program));
    }
    let told = manifest.parts.iter().map(|part| (&part.name, part.bytes, &part.sha256));
    if !told.eq(found.iter().map(|part| (&part.name, part.bytes, &part.sha256))) {
        return Err(BackupError::Damaged);
    }
    Ok(manifest)
}

fn unpack_part(from: &mut impl Read, folder: &Path) -> Result<Part, BackupError> {
    let mut name = vec![0; usize::from(u16::from_be_bytes(number(from)?))];
    from.read_exact(&mut name)?;
    let name = String::from_utf8(name).ok().filter(|name| is_inside(name)).ok_or(BackupError::Damaged)?;
    let bytes = u64::from_be_bytes(number(from)?);
    let path = folder.join(&name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::File::create(&path)?;
    let sha256 = pour(from, &mut file, bytes)?;
    Ok(Part { name, bytes, sha256, contents: None })
}

fn number<const N: usize>(from: &mut impl Read) -> Result<[u8; N], BackupError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Whether a part stays below the folder into which it is unpacked.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_would_leave_the_folder_is_refused() {
        let folder = std::env::temp_dir().join(format!("avouch-archive-{}", uuid::Uuid::now_v7().simple()));
        for name in ["../evil", "/etc/evil", "a/../../evil", ""] {
            let mut bytes = vec![PART];
            bytes.extend(u16::try_from(name.len()).expect("short").to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(1_u64.to_be_bytes());
            bytes.push(b'x');
            assert!(matches!(unpack(&mut bytes.as_slice(), &folder), Err(BackupError::Damaged)), "{name:?}");
        }
        assert!(!folder.exists());
    }
}
