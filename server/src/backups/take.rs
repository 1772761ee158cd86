//! Taking a backup: copy, seal, put at every destination, and a receipt of each.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::archive::{self, FORMAT, Manifest};
use super::keyring::{self, Keyring};
use super::receipts::{self, Sealed};
use super::sealed::Sealing;
use super::{BackupError, Backups, Destination, FOLDERS, aside, objects};
use crate::blobs::Found;
use crate::clock::{Clock, to_ms};
use crate::crypto::hex;
use crate::guard::Operator;
use crate::guard::copy::Copied;

/// What came of a backup.
#[derive(Clone, Debug)]
pub struct Taken {
    pub object: String,
    pub sealed: Sealed,
    /// Where it lies now.
    pub good: Vec<String>,
    /// Where it could not be put, and why.
    pub failed: Vec<(String, String)>,
}

/// Names sort by time.
fn name(now: OffsetDateTime) -> String {
    let (date, time) = (now.date(), now.time());
    let stamp = format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    format!("avouch-{stamp}-{}.backup", Uuid::now_v7().simple())
}

/// Takes a backup to these destinations.
///
/// # Errors
/// See [`BackupError`]. When only some destinations could be reached, [`Taken::failed`] tells.
pub async fn take(
    operator: &Operator,
    backups: &Backups,
    profile: &str,
    destinations: &[Destination],
    clock: &Clock,
) -> Result<Taken, BackupError> {
    if destinations.is_empty() {
        return Err(BackupError::NoDestination);
    }
    let labels: Vec<String> = destinations.iter().map(|destination| destination.label.clone()).collect();
    let object = name(clock.now());
    let begun = receipts::begin(operator, &labels, &object, clock.now()).await?;
    let done = make(operator, backups, profile, destinations, &object, clock).await;
    let now = clock.now();
    match done {
        Ok(taken) => {
            receipts::end(operator, &begun, Some(&taken.sealed), &taken.failed, now).await?;
            match (taken.good.is_empty(), taken.failed.first()) {
                (true, Some((label, why))) => Err(BackupError::Destination { label: label.clone(), why: why.clone() }),
                (_, _) => Ok(taken),
            }
        }
        Err(error) => {
            let failed: Vec<_> = labels.into_iter().map(|label| (label, error.to_string())).collect();
            receipts::end(operator, &begun, None, &failed, now).await?;
            Err(error)
        }
    }
}

async fn make(
    operator: &Operator,
    backups: &Backups,
    profile: &str,
    destinations: &[Destination],
    object: &str,
    clock: &Clock,
) -> Result<Taken, BackupError> {
    let scratch = backups.scratch("backup")?;
    let taken_at = clock.now();
    let copied = operator.copy_databases(&backups.place, scratch.path()).await?;
    // After the copy: every key that something in it was sealed with is in the ring, unless it was destroyed since.
    let ring = Keyring::read(operator, backups.environment, clock.now()).await?;
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        environment: backups.environment.to_owned(),
        profile: profile.to_owned(),
        database: backups.database().to_owned(),
        taken_at_ms: to_ms(taken_at),
        parts: Vec::new(),
    };
    let (file, from) = (scratch.path().join(object), backups.clone());
    let into = file.clone();
    // After the databases: a file whose row is in them is in the store by then.
    let objects = match &backups.objects {
        Some(objects) => objects::listed(objects).await?,
        None => Vec::new(),
    };
    let handle = tokio::runtime::Handle::current();
    let sealed = aside(move || seal(&from, manifest, copied, (&objects, &handle), &into)).await?;
    let (mut good, mut failed) = (Vec::new(), Vec::new());
    for destination in destinations {
        match put(operator, backups, &ring, destination, (object, &file), clock.now()).await {
            Ok(()) => good.push(destination.label.clone()),
            Err(error) => failed.push((destination.label.clone(), error.why())),
        }
    }
    Ok(Taken { object: object.to_owned(), sealed, good, failed })
}

/// The keyring first: a copy without one is of no use to anybody.
async fn put(
    operator: &Operator,
    backups: &Backups,
    ring: &Keyring,
    destination: &Destination,
    (object, file): (&str, &Path),
    now: OffsetDateTime,
) -> Result<(), BackupError> {
    ring.put(destination, &backups.key).await?;
    keyring::note(operator, &destination.label, &ring.digest(), now).await?;
    destination.put_file(object, file).await
}

/// Hashes what passes through to a file.
struct Hashed<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn seal(
    backups: &Backups,
    mut manifest: Manifest,
    copied: Vec<Copied>,
    (objects, handle): (&[Found], &tokio::runtime::Handle),
    into: &Path,
) -> Result<Sealed, BackupError> {
    let file = BufWriter::with_capacity(1024 * 1024, std::fs::File::create(into)?);
    let hashed = Hashed { inner: file, hasher: Sha256::new(), bytes: 0 };
    let mut sealing = Sealing::begin(hashed, &backups.key, backups.environment)?;
    for copied in copied {
        manifest.parts.push(archive::put(&mut sealing, &copied.name, &copied.file, Some(copied.contents))?);
        // What is sealed now need not lie about.
        std::fs::remove_file(&copied.file)?;
    }
    for (name, path) in files(&backups.data)? {
        match archive::put(&mut sealing, &name, &path, None) {
            Ok(part) => manifest.parts.push(part),
            // Removed since it was listed.
            Err(BackupError::Files(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(store) = &backups.objects {
        for found in objects {
            manifest.parts.extend(objects::put(&mut sealing, store, found, handle)?);
        }
    }
    archive::put_manifest(&mut sealing, &manifest)?;
    let Hashed { hasher, bytes, .. } = sealing.finish()?;
    Ok(Sealed { bytes, sha256: hex(&hasher.finalize()) })
}

/// Every file of the folders that go along: its name in the archive, and where it is. What is half written is left out.
fn files(data: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        FOLDERS.iter().map(|folder| data.join(folder)).filter(|path| path.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|ending| ending != "part")
                && let Some(name) = path.strip_prefix(data).ok().and_then(Path::to_str)
            {
                found.push((name.to_owned(), path.clone()));
            }
        }
    }
    found.sort();
    Ok(found)
}
