//! Files of records: sealed, whole or not there, and out of reach for whoever does not reach the record.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use sea_orm::ConnectionTrait;
use server::clock::Clock;
use server::exports::asking::{self, Kind};
use server::files::{self, Accepted, Onto};
use server::guard::rights;
use server::identity::Refusal;
use server::organisations::upkeep;
use server::registers::edit;
use server::testing::World;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::common::*;

/// A register of each mode's profile, and what a record of it has to say.
pub fn form(mode: &str) -> (&'static str, BTreeMap<String, String>) {
    let (register, fields): (_, &[(&str, &str)]) = match mode {
        "aertous" => {
            ("policies", &[("title", "Backups"), ("edition", "1"), ("status", "Draft"), ("next_review", "2027-01-01")])
        }
        "stratuslog" => ("students", &[("name", "Amelia"), ("course", "Private pilot"), ("status", "Active")]),
        _ => ("clients", &[("name", "Acme"), ("category", "Company")]),
    };
    (register, fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

pub async fn record(world: &World, mode: &str, by: &Somebody, unit: Option<&str>) -> Uuid {
    let (register, mut typed) = form(mode);
    typed.extend(unit.map(|unit| (edit::UNIT.to_owned(), unit.to_owned())));
    let editor = may::<rights::RecordsWrite>(world, by).await;
    edit::create(&editor, world.accounts(), register, &typed, &here(), world.now).await.expect("a record")
}

pub const MARKER: &[u8] = b"the eagle lands at noon";

fn text() -> Accepted {
    files::accept(1024, "Flight plan.txt", "text/plain", MARKER.repeat(20_000).into()).expect("a text")
}

pub async fn attach(world: &World, by: &Somebody, onto: Onto<'_>) -> Result<Uuid, Refusal> {
    let editor = may::<rights::RecordsWrite>(world, by).await;
    files::attach(&editor, world.accounts(), onto, &text(), &here(), world.now).await
}

async fn opens(world: &World, by: &Somebody, file: Uuid) -> Result<files::Open, Refusal> {
    let reader = may::<rights::RecordsRead>(world, by).await;
    files::open(&reader, world.accounts(), file, &here(), world.now).await
}

async fn remove(world: &World, by: &Somebody, file: Uuid, now: OffsetDateTime) -> Result<(), Refusal> {
    let editor = may::<rights::RecordsWrite>(world, by).await;
    files::remove(&editor, world.accounts(), file, &here(), now).await
}

async fn lying(world: &World, of: &Somebody) -> usize {
    world.accounts().blobs.below(&of.tenant.0.to_string()).await.expect("list").len()
}

#[tokio::test]
async fn a_file_is_read_back_in_any_part_and_nothing_of_it_lies_in_the_open() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let onto = Onto { record: record(&world, mode, &ada, None).await, field: None };
        let id = attach(&world, &ada, onto).await.expect("attach");

        let open = opens(&world, &ada, id).await.expect("open");
        let accepted = text();
        assert_eq!((open.file.name.as_str(), &open.file.sha256), ("Flight plan.txt", &accepted.sha256), "{mode}");
        let part: Vec<_> = open.read(70_000..140_000).expect("a part").try_collect().await.expect("read");
        assert!(part.concat() == accepted.content[70_000..140_000], "{mode}");
        for marker in [MARKER, b"Flight plan", accepted.sha256.as_bytes()] {
            assert!(!world.holds(marker).await, "{mode}: {}", String::from_utf8_lossy(marker));
        }
        let listed = files::list(&may::<rights::RecordsRead>(&world, &ada).await, world.accounts(), onto.record).await;
        assert_eq!(listed.expect("list"), [open.file], "{mode}");
    }
}

#[tokio::test]
async fn whoever_does_not_reach_the_record_finds_no_file() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
        let [north, south] = [unit(&world, &ada, "North").await, unit(&world, &ada, "South").await];
        let onto = Onto { record: record(&world, mode, &ada, Some(&north)).await, field: None };
        let id = attach(&world, &ada, onto).await.expect("attach");
        role(&world, &ada, "Clerk", "organisation_read records_read records_write").await;
        let grace = joins(&world, &ada, GRACE, "Clerk").await;
        opens(&world, &grace, id).await.expect("who reaches everything");

        let ada = ada.again(&world).await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let reach = server::organisations::reach::grant_reach;
        let to = (Some(south.as_str()), None);
        reach(&manager, world.accounts(), &grace.id(), to, &here(), world.now).await.expect("reach");
        for stranger in [&grace, &eve] {
            assert!(matches!(opens(&world, stranger, id).await, Err(Refusal::NotFound)), "{mode}");
            assert!(matches!(remove(&world, stranger, id, world.now).await, Err(Refusal::NotFound)), "{mode}");
            assert!(matches!(attach(&world, stranger, onto).await, Err(Refusal::NotFound)), "{mode}");
        }
        assert_eq!((lying(&world, &ada).await, lying(&world, &eve).await), (1, 0), "{mode}");
    }
}

#[tokio::test]
async fn a_file_hangs_only_on_a_field_that_takes_files() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let record = record(&world, "aertous", &ada, None).await;
    attach(&world, &ada, Onto { record, field: Some("document") }).await.expect("a field of the kind");
    for field in ["title", "nothing"] {
        assert!(matches!(attach(&world, &ada, Onto { record, field: Some(field) }).await, Err(Refusal::NotFound)));
    }
}

#[tokio::test]
async fn a_content_whose_row_cannot_be_written_goes_again() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let onto = Onto { record: record(&world, "aertous", &ada, None).await, field: None };
    if on_postgres(&world.behind().await) {
        let refuses =
            "create function no_file() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$";
        world.tamper(refuses).await;
        world.tamper("create trigger no_file before insert on file for each row execute function no_file()").await;
    } else {
        world.tamper("create trigger no_file before insert on file begin select raise(abort, 'no'); end").await;
    }
    assert!(attach(&world, &ada, onto).await.is_err());
    assert_eq!(lying(&world, &ada).await, 0);
}

#[tokio::test]
async fn what_is_removed_is_out_of_reach_at_once_and_out_of_the_store_after_an_hour() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let onto = Onto { record: record(&world, mode, &ada, None).await, field: None };
        let [kept, gone] =
            [attach(&world, &ada, onto).await, attach(&world, &ada, onto).await].map(|id| id.expect("id"));
        // A content whose upload was cut short before its row.
        let ring = world.vault.tenant(ada.tenant).await.expect("keys");
        let orphan = format!("{}/file/{}", ada.tenant.0, Uuid::now_v7());
        world.accounts().blobs.put(&ring, &orphan, b"orphan").await.expect("put");
        // The store has a clock of its own.
        let now = Clock::Real.now();
        remove(&world, &ada, gone, now).await.expect("remove");
        assert!(matches!(opens(&world, &ada, gone).await, Err(Refusal::NotFound)), "{mode}");
        assert!(matches!(remove(&world, &ada, gone, now).await, Err(Refusal::NotFound)), "{mode}");

        let round = upkeep::all(&world.operator(), world.accounts(), now).await.expect("upkeep");
        assert_eq!((round.contents, lying(&world, &ada).await), (0, 3), "{mode}");
        let later = now + Duration::minutes(61);
        let round = upkeep::all(&world.operator(), world.accounts(), later).await.expect("upkeep");
        assert_eq!((round.contents, round.broken, lying(&world, &ada).await), (2, 0, 1), "{mode}");
        opens(&world, &ada, kept).await.expect("what is there stays");
    }
}

/// An archive of many files takes longer than the hour for which what was removed is kept.
#[tokio::test]
async fn while_an_archive_is_being_made_nothing_that_it_may_still_need_leaves_the_store() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let onto = Onto { record: record(&world, mode, &ada, None).await, field: None };
        let file = attach(&world, &ada, onto).await.expect("id");
        let asker = may::<rights::ExportCreate>(&world, &ada).await;
        let export = asking::request(&asker, world.accounts(), Kind::Whole, &here(), world.now).await.expect("asked");
        let now = Clock::Real.now();
        remove(&world, &ada, file, now).await.expect("remove");
        let later = now + Duration::hours(3);
        let state = async |state: &str| {
            let beat = later.unix_timestamp() * 1000;
            let sql = format!("update export set state = '{state}', beat_at_ms = {beat}");
            world.behind().await.execute_unprepared(&sql).await.expect("state");
        };

        state("running").await;
        upkeep::all(&world.operator(), world.accounts(), later).await.expect("upkeep");
        assert_eq!(lying(&world, &ada).await, 1, "{mode}: {export} is on its way");

        state("failed").await;
        let later = later + Duration::hours(1);
        upkeep::all(&world.operator(), world.accounts(), later).await.expect("upkeep");
        assert_eq!(lying(&world, &ada).await, 0, "{mode}");
    }
}

#[tokio::test]
async fn the_content_of_one_file_put_in_the_place_of_another_is_refused() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let onto = Onto { record: record(&world, "aertous", &ada, None).await, field: None };
    let [one, other] = [attach(&world, &ada, onto).await, attach(&world, &ada, onto).await].map(|id| id.expect("id"));
    let file = |id: Uuid| world.folder.join("files").join(ada.tenant.0.to_string()).join("file").join(id.to_string());
    std::fs::copy(file(one), file(other)).expect("swap");
    assert!(matches!(opens(&world, &ada, other).await, Err(Refusal::Blob(_))));
    std::fs::remove_file(file(one)).expect("lose");
    assert!(matches!(opens(&world, &ada, one).await, Err(Refusal::Blob(_))));
}
