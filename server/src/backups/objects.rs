//! Files that lie in an object store: they go along in a copy under the names that they would have below the data folder, so that a copy is
//! whole whatever became of the store, and go back to the store that the restored instance has.

use std::io::{Read, Write};
use std::path::Path;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::runtime::Handle;

use super::BackupError;
use super::archive::{self, Part};
use crate::blobs::{BlobError, Blobs, FOLDER, Found};

/// A stream of the store as something to read from, on a thread that may wait.
struct Waiting {
    handle: Handle,
    pieces: BoxStream<'static, Result<Bytes, BlobError>>,
    piece: Bytes,
}

impl Read for Waiting {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while !self.piece.has_remaining() {
            match self.handle.block_on(self.pieces.next()) {
                None => return Ok(0),
                Some(piece) => self.piece = piece.map_err(std::io::Error::other)?,
            }
        }
        let taken = into.len().min(self.piece.remaining());
        self.piece.copy_to_slice(&mut into[..taken]);
        Ok(taken)
    }
}

/// Everything that lies in the store, by its name.
pub(super) async fn listed(objects: &Blobs) -> Result<Vec<Found>, BackupError> {
    let mut found = objects.below("").await?;
    found.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(found)
}

/// Appends one as it lies there, sealed. `None`: it was removed since it was listed.
pub(super) fn put(
    into: &mut impl Write,
    objects: &Blobs,
    found: &Found,
    handle: &Handle,
) -> Result<Option<Part>, BackupError> {
    let (bytes, pieces) = match handle.block_on(objects.raw(&found.at)) {
        Ok(got) => got,
        Err(BlobError::Missing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let source = Waiting { handle: handle.clone(), pieces, piece: Bytes::new() };
    Ok(Some(archive::put_from(into, &format!("{FOLDER}/{}", found.at), bytes, source, None)?))
}

/// Takes the files of a copy that was brought back to the store that this instance has. How many.
pub(super) async fn bring_back(objects: &Blobs, data: &Path) -> Result<usize, BackupError> {
    let root = data.join(FOLDER);
    let (mut folders, mut number) = (vec![root.clone()], 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(at) = path.strip_prefix(&root).ok().and_then(Path::to_str) {
                objects.put_raw(at, &path).await?;
                number += 1;
            }
        }
    }
    // Only when all of them are there.
    if number > 0 {
        std::fs::remove_dir_all(root)?;
    }
    Ok(number)
}
