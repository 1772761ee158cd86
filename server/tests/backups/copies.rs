//! What a copy is: of one moment, sealed, whole or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use server::audit::heads::{self, Walked};
use server::backups::{BackupError, Backups, drill, restore};
use server::clock::Clock;
use server::crypto::keys::{MasterKey, Origin};
use server::crypto::seal::SecretKey;
use server::identity::Accounts;

use crate::common::*;
use crate::place::{Place, restored, take, taken};

#[tokio::test]
async fn what_was_backed_up_comes_back_opens_and_its_logs_hold() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    unit(&world, &ada, "North").await;
    let file = taken(&world).await;
    let (place, back) = restored(&world, &file).await;
    assert!(back.rows > 20 && back.keys >= 4, "{back:?}");
    let (operator, vault) = place.open(&world).await;
    let accounts = Accounts { vault, ..world.accounts().clone() };
    let walked = heads::verify_all(&operator, &accounts, None).await.expect("walk");
    assert!(matches!(walked.as_slice(), [(_, Walked::Holds { entries, .. })] if *entries > 0), "{walked:?}");
    let gone = restore::begin_again(&operator, &accounts, "old.backup", world.now).await.expect("it begins again");
    assert_eq!(gone, 0);
    let receipts = server::backups::receipts::backups(&operator.visitor(), 5).await.expect("receipts");
    assert!(receipts.iter().all(|receipt| !receipt.running), "the backup that made the copy does not run any more");
}

#[tokio::test]
async fn nothing_confidential_stands_in_an_archive_and_no_name_of_a_table_either() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    unit(&world, &ada, "Marker Zanzibar").await;
    let bytes = std::fs::read(taken(&world).await).expect("the archive");
    let keys = std::fs::read(world.elsewhere().join("avouch-test.keys")).expect("the keyring");
    for needle in ["Marker Zanzibar", "ada@acme.example", "membership", "SQLite format 3", "PGDMP", "manifest", "owner"]
    {
        let found = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!found(&bytes) && !found(&keys), "{needle}");
    }
    let left = std::fs::read_dir(world.folder.join("scratch")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "a scratch folder stays");
}

#[tokio::test]
async fn a_changed_byte_or_a_missing_end_is_refused_and_leaves_nothing() {
    let world = world("aertous").await;
    ada(&world).await;
    let file = taken(&world).await;
    let whole = std::fs::read(&file).expect("the archive");
    let spoilt = world.elsewhere().join("spoilt.backup");
    let mut changed = whole.clone();
    let at = whole.len() / 2;
    changed[at] ^= 0x40;
    let chunk = 64 * 1024 + 16;
    for bytes in
        [changed.as_slice(), &whole[..whole.len() - 1], &whole[..whole.len() - whole.len() % chunk], &whole[..90]]
    {
        std::fs::write(&spoilt, bytes).expect("write");
        let place = Place::empty(&world).await;
        let refused = restore::restore(&place.backups, &spoilt, None).await;
        assert!(matches!(refused, Err(BackupError::Damaged)), "{refused:?}");
        assert_eq!(std::fs::read_dir(&place.folder).expect("folder").count(), 0);
    }
}

#[tokio::test]
async fn another_master_key_another_environment_and_a_missing_keyring_are_each_refused_with_their_reason() {
    let world = world("aertous").await;
    ada(&world).await;
    let file = taken(&world).await;
    let place = Place::empty(&world).await;
    let other = MasterKey::new(SecretKey::random().expect("random"), Origin::InMemory);
    let (folder, at) = (&place.folder, &place.backups.place);
    let stranger = Backups::new((folder, at), "test", &other, Vec::new());
    assert!(matches!(restore::restore(&stranger, &file, None).await, Err(BackupError::WrongKey { .. })));
    let production = Backups::new((folder, at), "production", &world.master, Vec::new());
    assert!(matches!(restore::restore(&production, &file, None).await, Err(BackupError::OtherEnvironment { .. })));
    std::fs::remove_file(world.elsewhere().join("avouch-test.keys")).expect("remove");
    assert!(matches!(restore::restore(&place.backups, &file, None).await, Err(BackupError::NoKeyring)));
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_not_restored_into() {
    let world = world("aertous").await;
    let file = taken(&world).await;
    let place = Place::empty(&world).await;
    std::fs::create_dir_all(&place.folder).expect("folder");
    std::fs::write(place.folder.join("precious"), "x").expect("write");
    let refused = restore::restore(&place.backups, &file, None).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(_))), "{refused:?}");
    assert_eq!(std::fs::read(place.folder.join("precious")).expect("still there"), b"x");
}

#[expect(clippy::disallowed_methods, reason = "the first statement writes, so SQLite has nothing to upgrade")]
/// Moves an amount from one row to another, over and over: the sum is the same at every moment.
async fn moves(world: &server::testing::World, stop: Arc<AtomicBool>) -> u64 {
    let database = world.behind().await;
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        let backend = database.get_database_backend();
        let change = database.begin().await.expect("begin");
        for (id, by) in [("one", "-1"), ("other", "+1")] {
            let sql = format!("update component set changed_at_ms = changed_at_ms {by} where id = '{id}'");
            change.execute_raw(Statement::from_string(backend, sql)).await.expect("update");
        }
        change.commit().await.expect("commit");
        moved += 1;
    }
    moved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_copy_that_is_taken_while_others_write_is_of_one_moment() {
    let world = Arc::new(world("aertous").await);
    for id in ["one", "other"] {
        let sql = format!("insert into component (id, name, critical, changed_at_ms) values ('{id}', '{id}', 0, 500)");
        world.tamper(&sql).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (writing, stopped) = (Arc::clone(&world), Arc::clone(&stop));
    let writer = tokio::spawn(async move { moves(&writing, stopped).await });
    let mut files = Vec::new();
    for _ in 0..3 {
        files.push(taken(&world).await);
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.await.expect("writer") > 0);
    for file in files {
        let (place, _) = restored(&world, &file).await;
        let (operator, _) = place.open(&world).await;
        let sum: i64 = server::testing::sum_of_components(&operator).await;
        assert_eq!(sum, 1000);
    }
}

#[tokio::test]
async fn a_drill_brings_the_newest_copy_back_measures_and_leaves_a_receipt() {
    for (mode, _) in MODES {
        let mut world = world(mode).await;
        ada(&world).await;
        take(&world).await.expect("a backup");
        world.now += time::Duration::hours(3);
        let clock = Clock::Fixed(world.now);
        let drilled = drill::drill(&world.operator(), &world.backups(), &world.vault, &clock).await.expect("a drill");
        assert_eq!(drilled.rpo, Some(time::Duration::hours(3)), "{mode}");
        assert!(drilled.done && drilled.rto.is_some() && drilled.rows > 20, "{mode}: {drilled:?}");
        let receipts = server::backups::receipts::drills(&world.visitor(), 5).await.expect("receipts");
        assert_eq!(receipts.len(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_drill_of_a_spoilt_copy_fails_and_stands_on_a_receipt() {
    let world = world("aertous").await;
    let file = taken(&world).await;
    let mut bytes = std::fs::read(&file).expect("read");
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).expect("write");
    let clock = Clock::Fixed(world.now);
    let drilled = drill::drill(&world.operator(), &world.backups(), &world.vault, &clock).await;
    assert!(matches!(drilled, Err(BackupError::Damaged)), "{drilled:?}");
    let receipts = server::backups::receipts::drills(&world.visitor(), 5).await.expect("receipts");
    assert!(matches!(receipts.as_slice(), [receipt] if !receipt.done), "{receipts:?}");
}

#[tokio::test]
async fn a_copy_of_one_profile_is_not_restored_under_another_and_leaves_nothing() {
    let world = world("aertous").await;
    ada(&world).await;
    let file = taken(&world).await;
    let place = Place::empty(&world).await;
    let other = place.backups.clone().of_profile("stratuslog");
    let refused = restore::restore(&other, &file, None).await;
    assert!(matches!(&refused, Err(BackupError::OtherProfile { found, .. }) if found == "aertous"), "{refused:?}");
    assert_eq!(std::fs::read_dir(&place.folder).expect("folder").count(), 0);
    restore::restore(&place.backups.clone().of_profile("aertous"), &file, None).await.expect("its own profile");
}
