//! Contents that are too large for the database: attached files and archives, in a folder below the data or in an object store.
//!
//! What lies there is sealed before it leaves the process, chunk by chunk, and bound to the name that it lies under. Names begin with the
//! organisation's id, so that everything of one can be found, and taken away, by its beginning.

mod opening;
mod place;
mod sealing;

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;

pub use self::opening::Opening;
pub use self::place::Place;
pub(crate) use self::place::ready_for_tls;
pub use self::sealing::{PART, Sealing};
use crate::clock::to_ms;
use crate::crypto::seal::SealError;

/// The folder below the data, where there is no object store.
pub const FOLDER: &str = "files";

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("nothing lies under that name")]
    Missing,
    /// Changed, cut, moved, or sealed with a key that is gone.
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("there is no such part of it")]
    OutOfRange,
    #[error("the store of files: {0}")]
    Store(object_store::Error),
    #[error("the folder for files cannot be used: {0}")]
    Folder(#[from] std::io::Error),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) { Self::Missing } else { Self::Store(error) }
    }
}

impl From<object_store::path::Error> for BlobError {
    fn from(error: object_store::path::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Something that lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub at: String,
    /// As it lies there: sealed.
    pub bytes: u64,
    pub since: OffsetDateTime,
}

/// The store.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// What every name begins with there: the bucket may hold other things too.
    prefix: Path,
    folder: Option<Arc<FilePath>>,
    swept_at_ms: Arc<AtomicI64>,
}

impl Blobs {
    /// Opens the store. Nothing is read or written yet but the folder, which is made.
    ///
    /// # Errors
    /// When the folder cannot be made, or what is configured is not enough to reach the store.
    pub fn open(place: &Place) -> Result<Self, BlobError> {
        match place {
            Place::Folder(folder) => Self::in_folder(folder),
            Place::Cloud(cloud) => {
                let (store, prefix) = cloud.connect()?;
                Ok(Self::over(store, prefix))
            }
        }
    }

    /// Over any store, for tests that count what goes there.
    pub fn over(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { store, prefix, folder: None, swept_at_ms: Arc::default() }
    }

    fn in_folder(folder: &FilePath) -> Result<Self, BlobError> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        // What is acknowledged survives a power cut.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { folder: Some(folder.into()), ..Self::over(Arc::new(store), Path::default()) })
    }

    fn path(&self, at: &str) -> Result<Path, BlobError> {
        let at = Path::parse(at)?;
        Ok(self.prefix.parts().chain(at.parts()).collect())
    }

    /// Removes what lies there; nothing there is as well.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove(&self, at: &str) -> Result<(), BlobError> {
        match self.store.delete(&self.path(at)?).await.map_err(BlobError::from) {
            Err(BlobError::Missing) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What lies there as it lies there: sealed. Its length, and its bytes piece by piece.
    ///
    /// # Errors
    /// [`BlobError::Missing`] when nothing is there.
    pub(crate) async fn raw(&self, at: &str) -> Result<(u64, BoxStream<'static, Result<Bytes, BlobError>>), BlobError> {
        let got = self.store.get(&self.path(at)?).await?;
        Ok((got.meta.size, got.into_stream().map(|piece| piece.map_err(BlobError::from)).boxed()))
    }

    /// Puts a file there that is sealed already, of a copy that was brought back.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn put_raw(&self, at: &str, file: &FilePath) -> Result<(), BlobError> {
        let upload = self.store.put_multipart(&self.path(at)?).await?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut source = tokio::fs::File::open(file).await?;
        loop {
            let mut piece = Vec::with_capacity(PART);
            (&mut source).take(PART as u64).read_to_end(&mut piece).await?;
            if piece.is_empty() {
                break;
            }
            writing.wait_for_capacity(1).await?;
            writing.put(piece.into());
        }
        writing.finish().await?;
        Ok(())
    }

    /// What lies below a name, such as all of an organisation.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn below(&self, at: &str) -> Result<Vec<Found>, BlobError> {
        let (below, cut) = (self.path(at)?, self.prefix.parts().count());
        let found = self.store.list(Some(&below)).map(|found| {
            let meta = found?;
            let at: Path = meta.location.parts().skip(cut).collect();
            let since = OffsetDateTime::from_unix_timestamp(meta.last_modified.timestamp());
            let since = since.unwrap_or(OffsetDateTime::UNIX_EPOCH);
            Ok::<_, BlobError>(Found { at: at.to_string(), bytes: meta.size, since })
        });
        found.try_collect().await
    }

    /// Removes everything below a name. How many there were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn remove_below(&self, at: &str) -> Result<usize, BlobError> {
        let all = self.below(at).await?;
        for found in &all {
            self.remove(&found.at).await?;
        }
        Ok(all.len())
    }

    /// Whether the store can be reached: it says what begins with a name that nothing has.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn reachable(&self) -> Result<(), BlobError> {
        self.below("-").await.map(|_| ())
    }

    /// Whether an hour has passed since this was last asked and true: looking through a store costs.
    pub(crate) fn due_for_sweep(&self, now: OffsetDateTime) -> bool {
        let (last, now) = (self.swept_at_ms.load(Ordering::Relaxed), to_ms(now));
        let due = last == 0 || !(0..3_600_000).contains(&(now - last));
        if due {
            self.swept_at_ms.store(now, Ordering::Relaxed);
        }
        due
    }

    /// In a folder, a process that was killed leaves half a file under a name that is never listed: those older than an hour go. How many.
    /// An object store forgets unfinished uploads by a rule of its own, which the reference tells to set.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep_halves(&self) -> Result<usize, BlobError> {
        let (mut folders, mut gone) = (Vec::from_iter(self.folder.as_deref().map(FilePath::to_owned)), 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)?.flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let half =
                    name.to_string_lossy().rsplit_once('#').is_some_and(|(_, number)| number.parse::<u64>().is_ok());
                if path.is_dir() {
                    folders.push(path);
                } else if half && old(&entry) && std::fs::remove_file(&path).is_ok() {
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }
}

/// By the machine's own clock, which also wrote the file's time.
fn old(entry: &std::fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|meta| meta.modified());
    written.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > Duration::from_hours(1)))
}

#[cfg(test)]
mod tests;
