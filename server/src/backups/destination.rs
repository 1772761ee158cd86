//! Where copies go: a folder, or an object store by its address.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt, WriteMultipart};
use tokio::io::AsyncReadExt;

use super::BackupError;
use crate::blobs::ready_for_tls;
use crate::storage;

/// Bytes of one piece on its way to an object store; S3 takes nothing below 5 MiB.
const PIECE: usize = 8 * 1024 * 1024;

/// How long a destination is waited for that is only asked whether it is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pieces under way at once.
const UNDER_WAY: usize = 4;

/// A place for copies. Its label holds no credentials.
#[derive(Clone, Debug)]
pub struct Destination {
    pub label: String,
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    folder: Option<PathBuf>,
}

/// One object there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    pub name: String,
    pub bytes: u64,
}

impl Destination {
    /// A folder's path, or an address such as `s3://bucket/prefix`, whose credentials come from the environment as its provider names them.
    /// A folder that is not there is made when something is put into it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let text = text.trim();
        let wrong = |why: String| BackupError::Destination { label: shown(text), why };
        if text.is_empty() {
            return Err(wrong("it is empty".into()));
        }
        if !text.contains("://") {
            return Self::folder(Path::new(text));
        }
        let url = url::Url::parse(text).map_err(|_| wrong("it is not an address".into()))?;
        if url.password().is_some() || !url.username().is_empty() || url.query().is_some() {
            return Err(wrong("credentials do not stand in the address; they come from the environment".into()));
        }
        let known = |name: &str| ["aws_", "google_", "azure_"].iter().any(|provider| name.starts_with(provider));
        ready_for_tls();
        let settings =
            std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value)).filter(|(name, _)| known(name));
        let (store, prefix) = object_store::parse_url_opts(&url, settings).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { label: shown(text), store: Arc::from(store), prefix, folder: None })
    }

    /// # Errors
    /// When the path cannot be made absolute.
    pub fn folder(path: &Path) -> Result<Self, BackupError> {
        let path = std::path::absolute(path)?;
        let store = Arc::new(LocalFileSystem::new().with_fsync(true));
        let prefix = Key::from_absolute_path(&path)
            .map_err(|error| BackupError::Destination { label: path.display().to_string(), why: error.to_string() })?;
        Ok(Self { label: path.display().to_string(), store, prefix, folder: Some(path) })
    }

    /// Whether it lies below the data folder, and so goes with it.
    pub fn is_below(&self, data: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
        match (&self.folder, real(data)) {
            (Some(folder), Ok(data)) => real(folder).is_ok_and(|folder| folder.starts_with(data)),
            (Some(_), Err(_)) => true,
            (None, _) => false,
        }
    }

    fn key(&self, name: &str) -> Key {
        self.prefix.clone().join(name)
    }

    fn failed(&self, why: impl std::fmt::Display) -> BackupError {
        BackupError::Destination { label: self.label.clone(), why: why.to_string() }
    }

    fn ready(&self) -> Result<(), BackupError> {
        self.folder
            .as_ref()
            .map_or(Ok(()), |folder| std::fs::create_dir_all(folder).map_err(|error| self.failed(error)))
    }

    /// Whether copies can be put there: of a folder that it can be written or made, of a store that it lists what is there. How many copies there are.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn answers(&self) -> Result<usize, BackupError> {
        if let Some(folder) = &self.folder {
            storage::usable(folder).map_err(|error| self.failed(error))?;
        }
        let listed = tokio::time::timeout(PATIENCE, self.list("avouch-", ".backup")).await;
        Ok(listed.map_err(|_| self.failed("it does not answer"))??.len())
    }

    /// Puts a small object in the place of the one that was there.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), BackupError> {
        self.ready()?;
        self.store.put(&self.key(name), bytes.into()).await.map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Puts a file there: whole, or not at all.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn put_file(&self, name: &str, file: &Path) -> Result<(), BackupError> {
        self.ready()?;
        let upload = self.store.put_multipart(&self.key(name)).await.map_err(|error| self.failed(error))?;
        let mut writing = WriteMultipart::new_with_chunk_size(upload, PIECE);
        let mut source = tokio::fs::File::open(file).await?;
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            (&mut source).take(PIECE as u64).read_to_end(&mut piece).await?;
            if piece.is_empty() {
                break;
            }
            writing.wait_for_capacity(UNDER_WAY).await.map_err(|error| self.failed(error))?;
            writing.put(piece.into());
        }
        writing.finish().await.map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// The objects there whose names begin and end like this, oldest name first.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn list(&self, begins: &str, ends: &str) -> Result<Vec<Object>, BackupError> {
        if self.folder.as_ref().is_some_and(|folder| !folder.exists()) {
            return Ok(Vec::new());
        }
        let found = self.store.list_with_delimiter(Some(&self.prefix)).await.map_err(|error| self.failed(error))?;
        let named = found.objects.into_iter().filter_map(|meta| {
            let name = meta.location.filename()?.to_owned();
            (name.starts_with(begins) && name.ends_with(ends)).then_some(Object { name, bytes: meta.size })
        });
        let mut objects: Vec<Object> = named.collect();
        objects.sort();
        Ok(objects)
    }

    /// An object as something to read from. From a store it is fetched into `scratch` first.
    ///
    /// # Errors
    /// When it is not there, or the destination cannot be reached.
    pub async fn open(&self, name: &str, scratch: &Path) -> Result<Box<dyn Read + Send>, BackupError> {
        let got = self.store.get(&self.key(name)).await.map_err(|error| self.failed(error))?;
        let mut stream = match got.payload {
            GetResultPayload::File(file, _) => return Ok(Box::new(file)),
            GetResultPayload::Stream(stream) => stream,
        };
        let fetched = scratch.join(name);
        let mut file = tokio::fs::File::create(&fetched).await?;
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| self.failed(error))?;
            tokio::io::AsyncWriteExt::write_all(&mut file, &piece).await?;
        }
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
        Ok(Box::new(std::fs::File::open(fetched)?))
    }

    /// Takes an object away; one that is not there is as well.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn remove(&self, name: &str) -> Result<(), BackupError> {
        match self.store.delete(&self.key(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A small object; `None` when it is not there.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, BackupError> {
        let got = match self.store.get(&self.key(name)).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let pieces: Vec<_> = got.into_stream().try_collect().await.map_err(|error| self.failed(error))?;
        Ok(Some(pieces.concat()))
    }

    /// The first bytes of an object, at most `length`.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    pub async fn beginning(&self, object: &Object, length: u64) -> Result<Vec<u8>, BackupError> {
        let range = 0..object.bytes.min(length);
        let got = self.store.get_range(&self.key(&object.name), range).await;
        Ok(got.map_err(|error| self.failed(error))?.to_vec())
    }
}

/// How an address may be shown: without a login and without a query.
fn shown(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(url) if url.has_host() => {
            format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        Ok(_) | Err(_) => text.split('@').next_back().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_credentials_is_refused_and_not_repeated() {
        for address in ["s3://key:hunter2@bucket/x", "s3://bucket/x?secret=hunter2"] {
            let said = Destination::parse(address).expect_err(address).to_string();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_bucket_of_each_kind_of_store_is_a_place_for_copies() {
        for address in ["s3://bucket/copies", "gs://bucket/copies", "az://bucket/copies"] {
            // Azure wants an account from the environment; what matters is that each is answered.
            match Destination::parse(address) {
                Ok(place) => assert_eq!(place.label, address),
                Err(error) => assert!(error.to_string().contains(address), "{error}"),
            }
        }
    }

    #[test]
    fn a_folder_below_the_data_goes_with_the_data() {
        let data = std::env::temp_dir();
        assert!(Destination::folder(&data.join("backups")).expect("folder").is_below(&data));
        assert!(!Destination::folder(Path::new("/elsewhere")).expect("folder").is_below(&data));
    }
}
