//! Reading: any part of the plain content, by fetching only the chunks that hold it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{BlobError, Blobs};
use crate::crypto::seal::SealError;
use crate::crypto::stream::{CHUNK, Header, Layout, SEALED_CHUNK, Stream};
use crate::vault::Keyring;

/// Chunks that are fetched at once: 1 MiB. A slow reader holds that much, and no request to the store waits for it.
const WINDOW: u64 = 16;

/// Something that can be read.
#[derive(Clone, Debug)]
pub struct Opening {
    store: Arc<dyn ObjectStore>,
    path: Path,
    stream: Arc<Stream>,
    layout: Layout,
    /// What is in one chunk was read as a whole when it was opened, and is not fetched again.
    whole: Option<Arc<Zeroizing<Vec<u8>>>>,
}

impl Blobs {
    /// Opens what lies under this name. Its end is looked at first, so that its length is known to be true before a byte is handed out.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when nothing is there, [`BlobError::Seal`] when it is not what was put there.
    pub async fn open_sealed(&self, keys: &Keyring, at: &str) -> Result<Opening, BlobError> {
        let path = self.path(at)?;
        let first = GetRange::Bounded(0..(Header::BYTES + SEALED_CHUNK) as u64);
        let options = GetOptions { range: Some(first), ..GetOptions::default() };
        let got = self.store.get_opts(&path, options).await?;
        let layout = Layout::of_sealed(got.meta.size)?;
        let begins = got.bytes().await?;
        let (header, sealed) = begins.split_at_checked(Header::BYTES).ok_or(SealError::DoesNotOpen)?;
        let stream = Arc::new(keys.stream_of(at, Header::parse(header)?)?);
        let mut opening = Opening { store: Arc::clone(&self.store), path, stream, layout, whole: None };
        if layout.chunks == 1 {
            opening.whole = Some(Arc::new(opening.plain(0..1, sealed)?));
        } else {
            opening.chunks(layout.chunks - 1..layout.chunks).await?;
        }
        Ok(opening)
    }
}

impl Opening {
    /// Under which key it lies.
    pub(super) fn key_id(&self) -> Uuid {
        self.stream.header().key_id()
    }

    /// Plain bytes.
    pub fn bytes(&self) -> u64 {
        self.layout.bytes
    }

    /// All of it, for what is known to be small.
    ///
    /// # Errors
    /// See [`Self::stream`].
    pub async fn whole(&self) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        self.chunks(0..self.layout.chunks).await
    }

    /// A part of it, piece by piece.
    ///
    /// # Errors
    /// [`BlobError::OutOfRange`] for a part that reaches past the end. What is found changed ends the stream with an error.
    pub fn stream(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        if range.start > range.end || range.end > self.layout.bytes {
            return Err(BlobError::OutOfRange);
        }
        let (opening, chunks) = (self.clone(), self.layout.holding(&range));
        let pieces = stream::try_unfold((opening, chunks), move |(opening, chunks)| {
            let range = range.clone();
            async move {
                if chunks.is_empty() || range.is_empty() {
                    return Ok(None);
                }
                let next = (chunks.start + WINDOW).min(chunks.end);
                let plain = opening.chunks(chunks.start..next).await?;
                let piece = Bytes::copy_from_slice(within(&plain, chunks.start * CHUNK as u64, &range));
                Ok(Some((piece, (opening, next..chunks.end))))
            }
        });
        Ok(pieces.boxed())
    }

    async fn chunks(&self, numbers: Range<u64>) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        if let Some(whole) = &self.whole {
            return Ok(Zeroizing::clone(whole));
        }
        let sealed = self.store.get_range(&self.path, self.layout.sealed(numbers.clone())).await?;
        self.plain(numbers, &sealed)
    }

    fn plain(&self, numbers: Range<u64>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BlobError> {
        let lies = self.layout.sealed(numbers.clone());
        if sealed.len() as u64 != lies.end - lies.start {
            return Err(SealError::DoesNotOpen.into());
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        for (number, chunk) in numbers.zip(sealed.chunks(SEALED_CHUNK)) {
            plain.extend_from_slice(&self.stream.open(number, number + 1 == self.layout.chunks, chunk)?);
        }
        Ok(plain)
    }
}

/// What of a piece, which begins at `begins` of the whole, lies in the range.
fn within<'a>(piece: &'a [u8], begins: u64, range: &Range<u64>) -> &'a [u8] {
    let place = |at: u64| usize::try_from(at.saturating_sub(begins)).unwrap_or(usize::MAX).min(piece.len());
    &piece[place(range.start)..place(range.end)]
}
