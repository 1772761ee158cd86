//! A power cut: what was not synced is gone. The program runs under strace; from what it wrote and what it synced, the disk is put together as
//! it stood at the worst when a change was acknowledged.
//!
//! A kill loses nothing that was handed to the kernel, so it cannot see this. SQLite only: what PostgreSQL acknowledges is PostgreSQL's.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sea_orm::ConnectionTrait;
use server::audit::heads::Walked;
use server::crypto::seal::SecretKey;
use server::guard::{TenantId, rights};
use server::organisations::units;
use server::testing::{World, profile};
use uuid::Uuid;

use crate::common::*;
use crate::entries::{Log, walk};

/// Where the program that is watched keeps its things; set in that process only.
const WATCHED: &str = "AVOUCH_TEST_POWER_CUT";
/// Enough for SQLite to carry its journal over into the file several times.
const CHANGES: usize = 200;
/// Every so many acknowledgements the power is cut.
const EACH: usize = 8;

async fn opened(mode: &str, folder: &Path) -> World {
    World::at(profile(mode, &[]), folder.to_owned(), SecretKey::new([7; 32])).await
}

/// The program that is watched: makes units, and says so after each.
async fn acknowledges(mode: &str, root: &Path) {
    let world = opened(mode, &root.join("data")).await;
    let ada = ada(&world).await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let mut said = std::fs::File::create(root.join("said")).expect("file");
    for number in 0..CHANGES {
        units::create(&manager, world.accounts(), &format!("Unit {number}"), &here(), world.now).await.expect("a unit");
        said.write_all(ada.tenant.0.as_bytes()).expect("said");
    }
}

/// One file, as it is synced, and what was written to it since.
#[derive(Default)]
struct Kept {
    synced: Vec<u8>,
    since: Vec<Written>,
}

enum Written {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Kept {
    fn sync(&mut self, first: usize) {
        for written in self.since.drain(..first).collect::<Vec<_>>() {
            apply(&mut self.synced, &written);
        }
    }

    /// What a cut leaves: of what was not synced nothing, or every second write, since a disk may have been at any of them.
    fn left(&self, some: bool) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for written in self.since.iter().skip(1).step_by(2).filter(|_| some) {
            apply(&mut bytes, written);
        }
        bytes
    }
}

fn apply(bytes: &mut Vec<u8>, written: &Written) {
    match written {
        Written::Bytes(at, new) => {
            bytes.resize(bytes.len().max(at + new.len()), 0);
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        Written::Length(length) => bytes.resize(*length, 0),
    }
}

/// The disk below the data folder. Every line that strace writes moves it on.
#[derive(Default)]
struct Disk {
    files: BTreeMap<PathBuf, Kept>,
    /// Syncs that have begun and not returned: of which file, and how much was written before.
    begun: HashMap<String, (PathBuf, usize)>,
    syncs: usize,
}

impl Disk {
    /// Whether the line is an acknowledgement, and in which organisation.
    fn read(&mut self, line: &str, root: &Path) -> Option<TenantId> {
        let (process, call) = line.split_once(' ').expect("a process");
        let call = call.trim_start();
        if call.starts_with("<... fsync resumed>") || call.starts_with("<... fdatasync resumed>") {
            let (file, first) = self.begun.remove(process).expect("a sync that began");
            self.synced(&file, first);
            return None;
        }
        let (name, rest) = call.split_once('(')?;
        let below = |path: &str| {
            let path = PathBuf::from(String::from_utf8(unescaped(path)).expect("a path"));
            path.strip_prefix(root.join("data")).map(Path::to_owned).ok()
        };
        // Taken as gone at once: before the first acknowledgement SQLite removes the journal of its beginnings, and syncs the folder after it.
        if name == "unlink" {
            self.files.remove(&below(rest)?);
            return None;
        }
        let (text, numbers) = match rest.split_once(", \"") {
            Some((_, rest)) => rest.split_once('"')?,
            None => ("", rest),
        };
        let path = rest.split_once('<')?.1.split_once('>')?.0;
        if name == "write" && unescaped(path) == root.join("said").as_os_str().as_encoded_bytes() {
            return Some(TenantId(Uuid::from_slice(&unescaped(text)).expect("an id")));
        }
        let file = below(path)?;
        let last = |text: &str| -> usize {
            let digits = |part: &str| part.trim().chars().take_while(char::is_ascii_digit).collect::<String>();
            text.split(',').next_back().map(digits).and_then(|digits| digits.parse().ok()).expect("a number")
        };
        match name {
            "pwrite64" => {
                let written = Written::Bytes(last(numbers.split(" = ").next()?), unescaped(text));
                self.files.entry(file).or_default().since.push(written);
            }
            "write" => {
                let kept = self.files.entry(file).or_default();
                let end = kept.left(false).len();
                kept.since.push(Written::Bytes(end, unescaped(text)));
            }
            "ftruncate" => {
                let written = Written::Length(last(rest.split_once('>')?.1.split(" = ").next()?));
                self.files.entry(file).or_default().since.push(written);
            }
            "fsync" | "fdatasync" => {
                let first = self.files.get(&file).map_or(0, |kept| kept.since.len());
                if call.contains("<unfinished") {
                    self.begun.insert(process.to_owned(), (file, first));
                } else {
                    self.synced(&file, first);
                }
            }
            other => unreachable!("{other} is not asked for"),
        }
        None
    }

    fn synced(&mut self, file: &Path, first: usize) {
        self.syncs += 1;
        if let Some(kept) = self.files.get_mut(file) {
            kept.sync(first);
        }
    }

    fn put_into(&self, folder: &Path, some: bool) {
        for (file, kept) in &self.files {
            let place = folder.join(file);
            std::fs::create_dir_all(place.parent().expect("a folder")).expect("folder");
            std::fs::write(place, kept.left(some)).expect("file");
        }
    }
}

/// As strace writes bytes: `\x41\x42`.
fn unescaped(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|byte| u8::from_str_radix(byte.get(..2)?, 16).ok()).collect()
}

/// Whether all that was acknowledged is there after the cut, each change with its entry, and the chain holds.
async fn nothing_is_lost(mode: &str, disk: &Disk, tenant: TenantId, acknowledged: usize, some: bool) {
    let folder = std::env::temp_dir().join(format!("avouch-cut-{}", Uuid::now_v7().simple()));
    disk.put_into(&folder, some);
    let world = opened(mode, &folder).await;
    let database = world.behind().await;
    let all = statement(&database, "select id from unit", Vec::new());
    let made = database.query_all_raw(all).await.expect("units").len();
    database.close().await.expect("close");
    // In a database of its own the log may lack what was not acknowledged; it is delivered now.
    crate::entries::sign(&world).await;
    let log = Log::read(&world, tenant).await;
    let entries = log.actions().iter().filter(|action| **action == "unit-made").count();
    assert!(made >= acknowledged, "{mode}: {made} of {acknowledged} that were acknowledged");
    assert_eq!(entries, made, "{mode}: each change has its entry");
    assert!(matches!(walk(&world, tenant).await, Walked::Holds { .. }), "{mode}");
}

#[tokio::test]
async fn what_was_acknowledged_was_synced_before_and_outlasts_a_power_cut() {
    if let Ok(watched) = std::env::var(WATCHED) {
        let (mode, root) = watched.split_once(' ').expect("mode and folder");
        return acknowledges(mode, Path::new(root)).await;
    }
    // Where the log lies beside what it records, and where it lies in a database of its own.
    for mode in ["aertous", "stack-aero"] {
        let root = std::env::temp_dir().join(format!("avouch-power-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(root.join("data")).expect("folder");
        let trace = watched(mode, &root);
        let (mut disk, mut acknowledged) = (Disk::default(), 0);
        for line in BufReader::new(std::fs::File::open(trace).expect("trace")).lines() {
            let Some(tenant) = disk.read(&line.expect("a line"), &root) else { continue };
            acknowledged += 1;
            if acknowledged % EACH == 0 {
                nothing_is_lost(mode, &disk, tenant, acknowledged, acknowledged % (2 * EACH) == 0).await;
            }
        }
        assert_eq!(acknowledged, CHANGES, "{mode}");
        assert!(disk.syncs >= CHANGES, "{mode}: {} syncs", disk.syncs);
        std::fs::remove_dir_all(root).expect("remove");
    }
}

/// Runs this test as the program that is watched; where its calls are written down.
fn watched(mode: &str, root: &Path) -> PathBuf {
    let trace = root.join("trace");
    let name = "power_cut::what_was_acknowledged_was_synced_before_and_outlasts_a_power_cut";
    let done = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "1000000", "-e", "trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", name])
        .env(WATCHED, format!("{mode} {}", root.display()))
        .env_remove("AVOUCH_TEST_DATABASE_URL")
        .output()
        .expect("strace; .ci/setup.sh test installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    trace
}
