//! Bringing a copy back into an empty place, and looking whether it is what was copied.

use std::io::Read;
use std::path::{Path, PathBuf};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;

use super::archive::{self, Manifest};
use super::keyring::Keyring;
use super::sealed::Opening;
use super::{BackupError, BackupKey, Backups, aside, objects, receipts};
use crate::audit::{Event, log};
use crate::entity::{data_key, entry, organisation};
use crate::guard::copy::{self, Restored};
use crate::guard::{Contents, Operator, TenantId};
use crate::identity::stand_in::traces;
use crate::identity::{Accounts, Refusal};
use crate::vault::owner_of;

/// What was brought back.
#[derive(Clone, Debug)]
pub struct Back {
    pub manifest: Manifest,
    pub rows: u64,
    /// Owners whose keys there still are.
    pub keys: usize,
}

/// Chunks on their way from the thread that opens them to the one that hashes and writes.
const ON_THE_WAY: usize = 64;

/// Unseals and unpacks below `folder`.
///
/// # Errors
/// See [`BackupError`]. What was written until then is for the caller to remove.
pub(super) async fn unpack(
    from: Box<dyn Read + Send>,
    key: &BackupKey,
    environment: &str,
    folder: &Path,
) -> Result<Manifest, BackupError> {
    let (key, environment, folder) = (key.clone(), environment.to_owned(), folder.to_owned());
    aside(move || {
        let opening = Opening::begin(std::io::BufReader::with_capacity(1024 * 1024, from), &key, &environment)?;
        std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::sync_channel(ON_THE_WAY);
            scope.spawn(move || opened(opening, &send));
            let mut opened = Opened { chunks: receive, chunk: Vec::new(), at: 0, failed: None };
            let unpacked = archive::unpack(&mut opened, &folder);
            // Why the reading ended says more than that it did.
            opened.failed.map_or(unpacked, Err)
        })
    })
    .await
}

type Chunk = Result<Vec<u8>, BackupError>;

fn opened(mut opening: Opening<impl Read>, send: &std::sync::mpsc::SyncSender<Chunk>) {
    while let Some(chunk) = opening.chunk().transpose() {
        let last = chunk.is_err();
        // Nobody listens when the unpacking has failed.
        if send.send(chunk).is_err() || last {
            return;
        }
    }
}

/// What the other thread opens, as something to read.
struct Opened {
    chunks: std::sync::mpsc::Receiver<Chunk>,
    chunk: Vec<u8>,
    at: usize,
    failed: Option<BackupError>,
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.chunk.len() {
            match self.chunks.recv() {
                Err(_) => return Ok(0),
                Ok(Ok(chunk)) => (self.chunk, self.at) = (chunk, 0),
                Ok(Err(error)) => {
                    let said = error.to_string();
                    self.failed = Some(error);
                    return Err(std::io::Error::other(said));
                }
            }
        }
        let taken = into.len().min(self.chunk.len() - self.at);
        into[..taken].copy_from_slice(&self.chunk[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Compares what stands in a restored database with what stood in the one that was copied. How many rows that were.
///
/// # Errors
/// [`BackupError::Differs`] names the first table that differs.
pub(super) async fn compare(restored: &Restored, part: &str, told: &Contents) -> Result<u64, BackupError> {
    let found = restored.contents().await?;
    if found.schema != told.schema {
        return Err(BackupError::Differs(format!("the schema of {part}")));
    }
    for (here, there) in found.tables.iter().zip(&told.tables) {
        if here != there {
            return Err(BackupError::Differs(format!("the table {} of {part}", there.name)));
        }
    }
    if found.tables.len() != told.tables.len() {
        return Err(BackupError::Differs(format!("the tables of {part}")));
    }
    if found.heads != told.heads {
        return Err(BackupError::Differs(format!("the ends of the logs of {part}")));
    }
    Ok(found.rows())
}

/// The file's name without folder and ending.
pub(super) fn stem(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// Restores an archive into this configuration's empty data folder and, on a server, its empty database.
///
/// # Errors
/// See [`BackupError`]. Nothing is left in the folder.
pub async fn restore(backups: &Backups, from: &Path, keys: Option<&Path>) -> Result<Back, BackupError> {
    refuse_unless_empty(&backups.data)?;
    copy::refuse_unless_empty(&backups.place).await?;
    let beside = from.parent().unwrap_or(Path::new(".")).join(super::keyring::name(backups.environment));
    let archive: Box<dyn Read + Send> = Box::new(std::fs::File::open(from)?);
    // A wrong key or a foreign environment is told before the keyring is asked for.
    super::sealed::Head::read(&mut std::fs::File::open(from)?)?.is_for(&backups.key, backups.environment)?;
    let ring = keys.unwrap_or(&beside);
    if !ring.is_file() {
        return Err(BackupError::NoKeyring);
    }
    let sealed = std::fs::read(ring)?;
    let ring = Keyring::open(&sealed, &backups.key, backups.environment)?;
    let scratch = backups.scratch("restore")?;
    let manifest = unpack(archive, &backups.key, backups.environment, scratch.path()).await?;
    if manifest.database != backups.database() {
        return Err(BackupError::OtherDatabase { found: manifest.database, here: backups.database() });
    }
    if let Some(here) = backups.profile.as_ref().filter(|here| **here != manifest.profile) {
        return Err(BackupError::OtherProfile { found: manifest.profile, here: here.clone() });
    }
    let stems = manifest.databases().map(|(part, _)| stem(&part.name));
    let own = stems.filter(|stem| stem.starts_with("avouch_o_")).map(str::to_owned).collect();
    copy::refuse_if_taken(&backups.place, own).await?;
    let mut rows = 0;
    let mut platform = None;
    for (part, contents) in manifest.databases() {
        let restored = place(backups, scratch.path(), &part.name).await?;
        rows += compare(&restored, &part.name, contents).await?;
        platform.get_or_insert(restored);
    }
    let platform = platform.ok_or(BackupError::Damaged)?;
    let owners = ring.keys.len();
    platform.put_keys(ring.keys).await?;
    settle(scratch.path(), &backups.data)?;
    if let Some(objects) = &backups.objects {
        objects::bring_back(objects, &backups.data).await?;
    }
    Ok(Back { manifest, rows, keys: owners })
}

/// Where a database of the archive is now: the unpacked file, or on the server, filled from the unpacked dump.
async fn place(backups: &Backups, unpacked: &Path, part: &str) -> Result<Restored, BackupError> {
    let file = unpacked.join(part);
    let Some(restored) = copy::database_for(&backups.place, stem(part)).await? else {
        return Ok(Restored::File(file));
    };
    copy::fill(&restored, &file).await?;
    copy::grant_own(&backups.place, stem(part)).await?;
    std::fs::remove_file(file)?;
    Ok(restored)
}

/// Empty, or with nothing but a development's master key in it.
fn refuse_unless_empty(data: &Path) -> Result<(), BackupError> {
    if !data.exists() {
        use std::os::unix::fs::DirBuilderExt;
        return Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?);
    }
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name();
        if name != "master.key" {
            return Err(BackupError::NotEmpty(data.to_owned()));
        }
    }
    Ok(())
}

/// Moves what was checked to where it belongs.
fn settle(unpacked: &Path, data: &Path) -> Result<(), BackupError> {
    let entries: Vec<PathBuf> =
        std::fs::read_dir(unpacked)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    for path in entries {
        if let Some(name) = path.file_name().filter(|name| *name != "postgres") {
            std::fs::rename(&path, data.join(name))?;
        }
    }
    std::fs::File::open(data)?.sync_all()?;
    Ok(())
}

/// The first work of an instance that was brought back: writes that down, and takes away what a copy still holds of organisations whose keys were destroyed after it was made: nobody could open it. How many those were.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_again(
    operator: &Operator,
    accounts: &Accounts,
    object: &str,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    receipts::restored(operator, object, now).await?;
    let owners = accounts.vault.owners(operator).await?;
    let mut gone = 0;
    for row in operator.all(organisation::Entity::find()).await? {
        let tenant = TenantId(row.id);
        if owners.contains(&owner_of(tenant)) && !replaced(operator, accounts, tenant).await? {
            continue;
        }
        traces::clear(operator, accounts, tenant, now).await?;
        operator.begin().await?.commit(Event::GoneFromCopy { organisation: row.id }, now).await?;
        gone += 1;
    }
    Ok(gone)
}

/// Whether an organisation was reduced to what legal holds keep after the copy was made: every key of it is younger than the newest that the copy
/// has of its log, and that does not open.
async fn replaced(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<bool, Refusal> {
    let newest = entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1);
    let Some(newest) = operator.view(tenant).await?.one(newest).await? else { return Ok(false) };
    let older = data_key::Column::MadeAtMs.lte(newest.at_ms);
    let older = data_key::Entity::find().filter(data_key::Column::Owner.eq(owner_of(tenant))).filter(older);
    if !operator.all(older).await?.is_empty() {
        return Ok(false);
    }
    Ok(!log::detail_opens(&*accounts.vault.tenant(tenant).await?, &newest))
}
