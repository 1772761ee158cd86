//! A process that is killed while it makes an archive. SQLite in a folder, because a second process goes on where the first was; what happens to
//! the database's own files then is tried elsewhere.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use server::crypto::seal::SecretKey;
use server::exports::asking::{self, Kind, Stands};
use server::exports::{offered, work};
use server::files::{self, Onto};
use server::guard::{TenantId, rights};
use server::identity::Refusal;
use server::testing::{World, profile};
use sha2::{Digest, Sha256};
use time::Duration;
use uuid::Uuid;

use crate::common::*;
use crate::download::record;
use crate::reading::*;

/// Where the process that is killed finds its things; set in that process only.
const KILLED: &str = "AVOUCH_TEST_KILLED_EXPORT";
const NAME: &str = "killed::whoever_is_killed_while_making_an_archive_leaves_nothing_that_could_be_taken_for_one";

/// A mebibyte each: more than one part of what goes to the store at once.
const FILES: u64 = 12;

async fn opened(folder: &Path) -> World {
    World::at(profile("aertous", &[]), folder.to_owned(), SecretKey::new([7; 32])).await
}

/// The process that is killed: it makes what waits.
async fn makes(said: &str) {
    let mut said = said.split(' ');
    let mut next = || said.next().expect("folder, organisation and minutes");
    let mut world = opened(Path::new(next())).await;
    let tenant = TenantId(next().parse().expect("an id"));
    world.now += Duration::minutes(next().parse().expect("minutes"));
    work::all_of(&world.operator(), world.accounts(), tenant, world.now).await.expect("work");
}

fn begun(world: &World, who: &Somebody, minutes: i64) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", NAME])
        .env(KILLED, format!("{} {} {minutes}", world.folder.display(), who.tenant.0))
        .env_remove("AVOUCH_TEST_DATABASE_URL")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test once more")
}

/// What a file is called in which half an archive lies, if one does.
fn half(world: &World, who: &Somebody) -> Option<std::path::PathBuf> {
    let folder = world.folder.join("files").join(who.tenant.0.to_string()).join("exports");
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.find(|entry| entry.file_name().to_string_lossy().contains('#')).map(|entry| entry.path())
}

/// What no compressor makes smaller.
fn noise(number: u64) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    for line in 0..32_000 {
        bytes.extend_from_slice(&Sha256::digest(format!("{number} {line}")));
    }
    bytes
}

/// A record with files: its archive takes a moment.
async fn heavy(world: &World, who: &Somebody) {
    let named: Uuid = record(world, who, "Kept", "words").await.parse().expect("an id");
    let editor = may::<rights::RecordsWrite>(world, who).await;
    for number in 0..FILES {
        let accepted = files::accept(1024, &format!("{number}.pdf"), "", noise(number).into()).expect("a file");
        let onto = Onto { record: named, field: None };
        files::attach(&editor, world.accounts(), onto, &accepted, &here(), world.now).await.expect("attached");
    }
}

async fn stands(world: &World, who: &Somebody) -> Stands {
    let reader = may::<rights::ExportCreate>(world, who).await;
    asking::list(&reader, world.accounts()).await.expect("list").remove(0).stands
}

#[tokio::test]
async fn whoever_is_killed_while_making_an_archive_leaves_nothing_that_could_be_taken_for_one() {
    if let Ok(said) = std::env::var(KILLED) {
        return makes(&said).await;
    }
    let folder = std::env::temp_dir().join(format!("avouch-killed-{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut world = opened(&folder).await;
    let ada = ada(&world).await;
    heavy(&world, &ada).await;
    let requester = may::<rights::ExportCreate>(&world, &ada).await;
    let id = asking::request(&requester, world.accounts(), Kind::Whole, &here(), world.now).await.expect("request");
    let lies_below = format!("{}/exports", ada.tenant.0);

    // Killed as soon as it has begun, and killed with a part of the archive in the store.
    for (round, in_the_middle) in [(0, false), (1, true)] {
        let mut child = begun(&world, &ada, 2 * round);
        loop {
            assert!(child.try_wait().expect("a child").is_none(), "it was done before it was killed");
            let at_it = if in_the_middle {
                half(&world, &ada).is_some()
            } else {
                matches!(stands(&world, &ada).await, Stands::Running(..))
            };
            if at_it {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        child.kill().expect("SIGKILL");
        assert!(!child.wait().expect("a child").success());

        assert!(matches!(stands(&world, &ada).await, Stands::Running(..)));
        let taker = may::<rights::ExportCreate>(&world, &ada).await;
        let offered = offered::download(&taker, world.accounts(), &id.to_string(), 0, &here(), world.now).await;
        assert!(matches!(offered, Err(Refusal::Conflict(_))));
        let lies = world.accounts().blobs.below(&lies_below).await.expect("store");
        assert!(lies.iter().all(|found| found.at.contains(".table")), "{lies:?}");
    }
    let left = half(&world, &ada).expect("what the kill left");

    // Another process, after a while: nobody is at it any more, so it is made anew.
    world.now += Duration::minutes(4);
    let again = opened(&folder).await;
    let made = work::all_of(&again.operator(), again.accounts(), ada.tenant, world.now).await.expect("work");
    assert_eq!(made, 1);
    let lies = world.accounts().blobs.below(&lies_below).await.expect("store");
    assert_eq!(lies.iter().map(|found| found.at.as_str()).collect::<Vec<_>>(), [format!("{lies_below}/{id}.3")]);
    let ada = ada.again(&world).await;
    let found = read(&world, &taken(&world, &ada, &id.to_string()).await);
    assert!(found.to_string().contains("Kept"));
    assert_eq!(found["files"].as_object().map(serde_json::Map::len), usize::try_from(FILES).ok());

    // What the kill left is nothing that is ever listed, and goes when it is an hour old.
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    let file = std::fs::File::options().write(true).open(&left).expect("the half");
    file.set_modified(hours_ago).expect("a time");
    assert!(world.accounts().blobs.sweep_halves().expect("sweep") >= 1);
    assert!(!left.exists());
    std::fs::remove_dir_all(folder).expect("remove");
}

#[tokio::test]
async fn whoever_was_thought_gone_and_goes_on_takes_nothing_from_the_one_who_took_over() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    heavy(&world, &ada).await;
    let requester = may::<rights::ExportCreate>(&world, &ada).await;
    let id = asking::request(&requester, world.accounts(), Kind::Whole, &here(), world.now).await.expect("request");
    let (operator, accounts) = (world.operator(), world.accounts());
    let first = work::all_of(&operator, accounts, ada.tenant, world.now);
    // The clock leaps while the first is at it.
    let second = async {
        while !matches!(stands(&world, &ada).await, Stands::Running(..)) {
            tokio::task::yield_now().await;
        }
        work::all_of(&operator, accounts, ada.tenant, world.now + Duration::minutes(3)).await
    };
    let (first, second) = futures::join!(first, second);
    assert_eq!((first.expect("first"), second.expect("second")), (0, 1));
    let found = read(&world, &taken(&world, &ada, &id.to_string()).await);
    assert!(found.to_string().contains("Kept"));
    let lies = accounts.blobs.below(&format!("{}/exports", ada.tenant.0)).await.expect("store");
    assert_eq!(
        lies.iter().map(|found| found.at.clone()).collect::<Vec<_>>(),
        [format!("{}/exports/{id}.2", ada.tenant.0)]
    );
}
