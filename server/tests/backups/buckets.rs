//! Files that lie in an object store go along in a copy, and back to the store that there is then.

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::memory::InMemory;
use server::backups::{drill, restore, take};
use server::blobs::Blobs;
use server::clock::Clock;
use server::files::{self, Onto};
use server::guard::rights;
use server::identity::Accounts;
use server::testing::World;
use uuid::Uuid;

use crate::common::*;
use crate::place::Place;

fn bucket(prefix: &str) -> Blobs {
    Blobs::over(Arc::new(InMemory::new()), prefix.into())
}

async fn content(world: &World, accounts: &Accounts, by: &Somebody, file: Uuid) -> Vec<u8> {
    let reader = may::<rights::RecordsRead>(world, by).await;
    let open = files::open(&reader, accounts, file, &here(), world.now).await.expect("a file");
    let pieces: Vec<_> = open.read(0..open.file.bytes).expect("all of it").try_collect().await.expect("read");
    pieces.concat()
}

#[tokio::test]
async fn what_lies_in_a_bucket_is_in_the_copy_and_comes_back_to_a_bucket_or_a_folder() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let live = bucket("live/here");
    let accounts = Accounts { blobs: live.clone(), ..world.accounts().clone() };
    let (_, record) = world.stage_record(ada.tenant, ada.account.0, "Kept").await;
    let mut sent = Vec::new();
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    for number in 0..3 {
        let bytes = format!("file {number}\n").repeat(30_000);
        let accepted = files::accept(1024, "notes.txt", "text/plain", bytes.clone().into()).expect("a text");
        let onto = Onto { record, field: None };
        let id = files::attach(&editor, &accounts, onto, &accepted, &here(), world.now).await.expect("attached");
        sent.push((id, bytes.into_bytes()));
    }
    let backups = world.backups().with_objects(Some(live.clone()));
    let clock = Clock::Fixed(world.now);
    let taken = take::take(&world.operator(), &backups, &world.profile.id, &backups.destinations, &clock).await;
    let copy = world.elsewhere().join(taken.expect("a backup").object);
    // What was sealed stays sealed, and is sealed once more.
    assert!(!std::fs::read(&copy).expect("the copy").windows(6).any(|bytes| bytes == b"file 1"));
    drill::drill(&world.operator(), &backups, &world.vault, &clock).await.expect("a drill");

    // Into a folder.
    let place = Place::empty(&world).await;
    let back = restore::restore(&place.backups, &copy, None).await.expect("it comes back");
    let files_there = back.manifest.parts.iter().filter(|part| part.name.starts_with("files/")).count();
    assert_eq!(files_there, sent.len());
    let folder = Blobs::open(&server::blobs::Place::below(&place.folder)).expect("a folder");
    // Into another bucket, after the first was lost.
    let other = bucket("elsewhere");
    let mut second = Place::empty(&world).await;
    second.backups = second.backups.clone().with_objects(Some(other.clone()));
    restore::restore(&second.backups, &copy, None).await.expect("it comes back");
    assert!(!second.folder.join("files").exists());
    for blobs in [folder, other] {
        let accounts = Accounts { blobs, ..world.accounts().clone() };
        for (id, bytes) in &sent {
            assert!(content(&world, &accounts, &ada, *id).await == *bytes, "{id}");
        }
    }
}
