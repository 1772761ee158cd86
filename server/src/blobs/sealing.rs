//! Writing: bytes go in as they come, sealed parts go out. Only `finish` makes something of it.

use futures::StreamExt;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use zeroize::Zeroizing;

use super::{BlobError, Blobs};
use crate::crypto::stream::{CHUNK, SEALED_CHUNK, Stream};
use crate::vault::Keyring;

/// Bytes that go out at once: the least that stores take as a part, because an archive holds four of them in memory. Some take parts of one size
/// only, and at most ten thousand of them: 52 GB.
pub const PART: usize = 5 * 1024 * 1024;

/// Something that is being written. Dropped before `finish`, it leaves nothing.
#[derive(Debug)]
pub struct Sealing {
    blobs: Blobs,
    path: Path,
    stream: Stream,
    chunks: u64,
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
    bytes: u64,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Blobs {
    /// Begins to write what will lie under this name, sealed with these keys and bound to the name.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn seal(&self, keys: &Keyring, at: &str) -> Result<Sealing, BlobError> {
        let (path, stream) = (self.path(at)?, keys.stream(at)?);
        let sealed = stream.header().bytes().to_vec();
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Sealing { blobs: self.clone(), path, stream, chunks: 0, plain, sealed, bytes: 0, upload: None })
    }

    /// Writes what is at hand as a whole. How many bytes lie there then.
    ///
    /// # Errors
    /// See [`Sealing::push`].
    pub async fn put(&self, keys: &Keyring, at: &str, plain: &[u8]) -> Result<u64, BlobError> {
        let mut sealing = self.seal(keys, at)?;
        sealing.push(plain).await?;
        sealing.finish().await
    }

    /// Puts what lies under a name under the key that seals now, piece by piece. Whether it was not already. Nothing there stays so.
    ///
    /// # Errors
    /// When it does not open, or the store does not take it; then it lies there as it did.
    pub(crate) async fn seal_anew(&self, keys: &Keyring, at: &str) -> Result<bool, BlobError> {
        let opening = match self.open_sealed(keys, at).await {
            Err(BlobError::Missing) => return Ok(false),
            opened => opened?,
        };
        if opening.key_id() == keys.active() {
            return Ok(false);
        }
        let (mut sealing, mut pieces) = (self.seal(keys, at)?, opening.stream(0..opening.bytes())?);
        while let Some(piece) = pieces.next().await {
            sealing.push(&piece?).await?;
        }
        sealing.finish().await?;
        Ok(true)
    }
}

impl Sealing {
    /// Takes more bytes; a part that is full goes out before this returns, so that whoever is faster than the store waits.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full chunk waits until more comes: only then it is known not to be the last.
            if self.plain.len() == CHUNK {
                self.seal_chunk(false)?;
                self.send_full_parts().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Plain bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of memory that wait in here, however much went through.
    pub fn held(&self) -> usize {
        self.plain.capacity() + self.sealed.capacity()
    }

    /// Seals the last chunk and makes all of it appear at once. How many bytes lie there.
    ///
    /// # Errors
    /// When the store does not take it; then nothing is there.
    pub async fn finish(mut self) -> Result<u64, BlobError> {
        self.seal_chunk(true)?;
        let layout = crate::crypto::stream::Layout { bytes: self.bytes, chunks: self.chunks };
        let lies = layout.sealed(0..self.chunks).end;
        self.send_full_parts().await?;
        let rest = PutPayload::from(std::mem::take(&mut self.sealed));
        match &mut self.upload {
            None => {
                self.blobs.store.put(&self.path, rest).await?;
            }
            Some(upload) => {
                if rest.content_length() > 0 {
                    upload.put_part(rest).await?;
                }
                upload.complete().await?;
                self.upload = None;
            }
        }
        Ok(lies)
    }

    fn seal_chunk(&mut self, last: bool) -> Result<(), BlobError> {
        let sealed = self.stream.seal(self.chunks, last, &self.plain)?;
        self.chunks += 1;
        self.plain.clear();
        self.sealed.extend_from_slice(&sealed);
        Ok(())
    }

    async fn send_full_parts(&mut self) -> Result<(), BlobError> {
        while self.sealed.len() >= PART {
            let mut rest = Vec::with_capacity(PART + SEALED_CHUNK);
            rest.extend_from_slice(&self.sealed[PART..]);
            self.sealed.truncate(PART);
            let part = std::mem::replace(&mut self.sealed, rest);
            if self.upload.is_none() {
                self.upload = Some(self.blobs.store.put_multipart(&self.path).await?);
            }
            if let Some(upload) = &mut self.upload {
                upload.put_part(part.into()).await?;
            }
        }
        Ok(())
    }
}

impl Drop for Sealing {
    /// A store that keeps parts is told to forget them. Whoever is killed cannot tell it; see [`Blobs::sweep_halves`].
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(cause) = upload.abort().await {
                    tracing::warn!(%cause, "an unfinished upload could not be taken back");
                }
            });
        }
    }
}
