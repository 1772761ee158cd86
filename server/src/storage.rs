//! Room for what is written: how much the disk of the data has left, and whether something was refused lately for want of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Instant;

/// Below this the next transaction may not fit: nobody is sent here any more. 1 MiB.
const NEXT_TO_NOTHING: u64 = 1024 * 1024;

/// Below this somebody should make room before it is needed: a copy, a journal, a day of logs. 256 MiB.
const LITTLE: u64 = 256 * 1024 * 1024;

/// For how long one refusal for want of room counts. 30 s.
const COUNTS_MS: i64 = 30_000;

/// What databases and file systems say when there is no room: SQLite (13), PostgreSQL (53100), Linux (ENOSPC, EDQUOT).
const SAID: [&str; 6] = [
    "database or disk is full",
    "No space left on device",
    "could not extend file",
    "os error 28",
    "Disk quota exceeded",
    "os error 122",
];

static FOLDER: OnceLock<PathBuf> = OnceLock::new();
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Milliseconds after `BEGUN` plus one; nothing yet is 0.
static REFUSED: AtomicI64 = AtomicI64::new(0);

/// How much room a disk has, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub free: u64,
    pub all: u64,
}

impl Room {
    /// Of the disk on which this folder lies.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn at(folder: &Path) -> std::io::Result<Self> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self { free: bytes(found.f_bavail), all: bytes(found.f_blocks) })
    }

    pub const fn is_little(self) -> bool {
        self.free < LITTLE
    }
}

/// From now on the room of this folder decides whether the instance is ready.
pub fn lies_in(folder: &Path) {
    let _ = FOLDER.set(folder.to_owned());
}

fn used_up() -> bool {
    let room = FOLDER.get().and_then(|folder| Room::at(folder).ok());
    room.is_some_and(|room| room.free < NEXT_TO_NOTHING)
}

/// Whether a failure is for want of room; then it is remembered for a while. A disk that is full makes SQLite say that it is locked too.
pub fn is_full(cause: &str) -> bool {
    let full = SAID.iter().any(|said| cause.contains(said)) || (cause.contains("database is locked") && used_up());
    if full {
        let at = i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX);
        REFUSED.store(at.saturating_add(1), Ordering::Relaxed);
    }
    full
}

/// Whether what comes next can be expected to fit.
pub fn has_room() -> bool {
    let now = i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX);
    let refused = REFUSED.load(Ordering::Relaxed);
    (refused == 0 || now - refused > COUNTS_MS) && !used_up()
}

/// Whether something can be written into this folder, or into the nearest one above it that is there.
///
/// # Errors
/// What stands in the way.
pub fn usable(folder: &Path) -> std::io::Result<()> {
    let there = folder.ancestors().find(|path| path.exists()).filter(|path| !path.as_os_str().is_empty());
    let probe = there.unwrap_or(Path::new(".")).join(format!(".avouch-can-write-{}", std::process::id()));
    std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_usable_if_it_can_be_made() {
        let here = std::env::temp_dir();
        assert!(usable(&here.join("a/b/c")).is_ok() && !here.join("a/b/c").exists());
        assert!(usable(Path::new("/proc/nowhere/at-all")).is_err());
        let room = Room::at(&here).expect("room");
        assert!(room.all >= room.free && room.all > 0, "{room:?}");
    }

    #[test]
    fn what_is_refused_for_want_of_room_is_known_and_remembered() {
        assert!(has_room());
        for cause in ["Execution Error: database is locked", "no such table", "code 53300"] {
            assert!(!is_full(cause), "{cause}");
        }
        assert!(has_room());
        assert!(is_full("error returned from database: (code: 13) database or disk is full"));
        assert!(!has_room());
    }
}
