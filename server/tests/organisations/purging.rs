//! The purge: to the second, whole, provable, and of nobody else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::problem::Problem;
use contract::standing::Standing;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use server::audit::view;
use server::blobs::FOLDER;
use server::files;
use server::guard::{Operator, Store, TENANT_TABLES, TenantId, Where, rights};
use server::organisations::standing;
use server::registers::shape::Shape;
use server::registers::{edit, list, record};
use server::retention;
use server::retention::certificate::{self, Invalid, Proof, Signed};
use server::retention::purge::Step;
use server::testing::{START, World};
use server::vault::Vault;
use time::Duration;
use uuid::Uuid;

use crate::closing::{WINDOWS, cancel, due_at};
use crate::common::*;
use crate::records::count;

/// A world with Ada's organisation, full of canaries and cancelled, and Eve's beside it.
pub struct House {
    pub world: World,
    pub ada: Somebody,
    pub eve: Somebody,
    pub canaries: Vec<server::staged::Canary>,
}

pub const MARKER: &str = "canary-5f1e0c37";

fn files_of(world: &World, tenant: TenantId) -> PathBuf {
    world.folder.join(FOLDER).join(tenant.0.to_string())
}

/// The same before it is cancelled.
pub async fn furnished(mode: &str, number: u32) -> House {
    let world = world(mode).await;
    let ada = ada(&world).await;
    let eve = founder(&world, EVE, "Rival").await;
    let canaries = world.stage_canaries(ada.tenant, MARKER, number).await;
    world.stage_canaries(eve.tenant, "neighbour", 50).await;
    for who in [&ada, &eve] {
        unit(&world, who, "North").await;
        let folder = files_of(&world, who.tenant).join("inside");
        std::fs::create_dir_all(&folder).expect("folder");
        std::fs::write(folder.join("one"), format!("{MARKER}-file")).expect("file");
    }
    // Eve's file holds no marker.
    std::fs::write(files_of(&world, eve.tenant).join("inside/one"), "neighbour-file").expect("file");
    world.letters().await;
    House { world, ada, eve, canaries }
}

async fn house(mode: &str, number: u32) -> House {
    let house = furnished(mode, number).await;
    cancel(&house.world, &house.ada).await.expect("cancel");
    house
}

/// Every row of an organisation, by table.
pub async fn rows_of(world: &World, tenant: TenantId) -> BTreeMap<&'static str, Vec<String>> {
    let (shared, own) = (world.behind().await, world.behind_log(tenant).await);
    let mut found = BTreeMap::new();
    for table in TENANT_TABLES {
        let database = if table.own { &own } else { &shared };
        found.insert(table.name, rows(database, table.name, tenant).await);
    }
    found
}

async fn rows(database: &DatabaseConnection, table: &str, tenant: TenantId) -> Vec<String> {
    let row = if on_postgres(database) {
        format!("select t::text from \"{table}\" t where tenant_id = $1 order by 1")
    } else {
        let columns = database
            .query_all_raw(statement(database, &format!("select name from pragma_table_info('{table}')"), Vec::new()))
            .await
            .expect("columns");
        let quoted: Vec<String> =
            columns.iter().map(|row| format!("quote({})", row.try_get_by_index::<String>(0).expect("name"))).collect();
        format!("select {} from \"{table}\" where tenant_id = $1 order by 1", quoted.join(" || ',' || "))
    };
    let found = database.query_all_raw(statement(database, &row, vec![tenant.0.into()])).await.expect("rows");
    found.iter().map(|row| row.try_get_by_index::<String>(0).expect("a row")).collect()
}

/// The files below a folder, and whether the marker stands in one, as it is, in hexadecimal, in base64 or in UTF-16.
pub fn holds_marker(folder: &Path) -> Option<String> {
    let marker = MARKER.as_bytes();
    let wide: Vec<u8> = MARKER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex = server::crypto::hex(marker);
    // In base64 a text has three shapes, by where it begins; the characters at both ends depend on what is beside it.
    let encoded = (0..3).map(|skipped| {
        let text = STANDARD.encode([vec![b' '; skipped].as_slice(), marker].concat());
        text.as_bytes()[4..text.len() - 4].to_vec()
    });
    let mut needles = vec![marker.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), wide];
    needles.extend(encoded);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            if needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle)) {
                return Some(entry.path().display().to_string());
            }
        }
    }
    None
}

pub async fn proof(world: &World, letters: &[(String, String)]) -> Option<Proof> {
    let letter = &letters.iter().find(|(to, text)| to == ADA && text.contains("/certificates/")).expect("a letter").1;
    let id: String = letter.split("/certificates/").nth(1).expect("a link").chars().take(36).collect();
    certificate::find(&world.visitor(), &id).await.expect("database")
}

#[tokio::test]
async fn two_instances_that_see_the_same_end_break_nothing_and_make_one_certificate() {
    for mode in ["aertous", "stack-aero"] {
        let House { world, ada, .. } = house(mode, 300).await;
        let at = START + Duration::days(121);
        let (operator, accounts) = (world.operator(), world.accounts());
        let (one, other) =
            tokio::join!(retention::due(&operator, accounts, at), retention::due(&operator, accounts, at));
        let (one, other) = (one.expect("a round"), other.expect("a round"));
        assert_eq!((one.broken, other.broken), (0, 0), "{mode}: {one:?} {other:?}");
        assert_eq!(world.rows_left(ada.tenant).await, 0, "{mode}");
        let database = world.behind().await;
        let ask = statement(&database, "select body from certificate", Vec::new());
        let bodies = database.query_all_raw(ask).await.expect("certificates");
        let bodies: Vec<String> = bodies.iter().map(|row| row.try_get_by_index(0).expect("a body")).collect();
        // Whoever belonged nowhere else has one too.
        let of_it = bodies.iter().filter(|body| body.contains(&ada.tenant.0.to_string())).count();
        assert_eq!(of_it, 1, "{mode}: {bodies:?}");
    }
}

#[tokio::test]
async fn a_second_before_the_window_ends_all_of_it_is_there_and_a_second_after_none() {
    for (mode, days) in WINDOWS {
        let House { mut world, ada, eve, canaries } = house(mode, 40).await;
        let (before, neighbour) = (rows_of(&world, ada.tenant).await, rows_of(&world, eve.tenant).await);
        let end = START + Duration::days(*days);

        assert_eq!(due_at(&mut world, end - Duration::seconds(1)).await.purged, 0, "{mode}");
        assert_eq!(rows_of(&world, ada.tenant).await, before, "{mode}");
        assert_eq!(world.opens(ada.tenant, &canaries).await, canaries.len(), "{mode}");

        assert_eq!(due_at(&mut world, end + Duration::seconds(1)).await.purged, 1, "{mode}");
        assert_eq!(world.rows_left(ada.tenant).await, 0, "{mode}");
        assert_eq!(world.opens(ada.tenant, &canaries).await, 0, "{mode}");
        assert!(!files_of(&world, ada.tenant).exists(), "{mode}");
        assert!(of_session(&world, ada.session).await.is_none(), "{mode}");
        assert_eq!(rows_of(&world, eve.tenant).await, neighbour, "{mode}: the neighbour");
        assert!(files_of(&world, eve.tenant).join("inside/one").exists(), "{mode}");
    }
}

#[tokio::test]
async fn of_ten_thousand_canaries_none_is_found_in_any_file_after_the_purge() {
    for mode in ["aertous", "stack-aero"] {
        let House { mut world, canaries, ada, .. } = house(mode, 10_000).await;
        let on_files = matches!(world.place, Where::Embedded(_));
        assert!(holds_marker(&world.folder).is_some(), "{mode}: or the search finds nothing");
        due_at(&mut world, START + Duration::days(121)).await;
        assert_eq!(holds_marker(&world.folder), None, "{mode}");
        assert_eq!(world.opens(ada.tenant, &canaries).await, 0, "{mode}");
        if !on_files {
            assert!(!world.holds(MARKER.as_bytes()).await, "{mode}");
        }
    }
}

#[tokio::test]
async fn an_old_copy_of_everything_opens_nothing_with_the_keys_that_there_are_afterwards() {
    let House { mut world, ada, canaries, .. } = house("aertous", 200).await;
    let Where::Embedded(_) = world.place else { return };
    let copy = world.folder.with_extension("copy");
    let behind = world.behind().await;
    behind.execute_unprepared("pragma wal_checkpoint(truncate)").await.expect("checkpoint");
    std::fs::create_dir_all(&copy).expect("folder");
    std::fs::copy(world.folder.join("avouch.db"), copy.join("avouch.db")).expect("copy");
    assert_eq!(opened_in(&copy, &world, ada.tenant, &canaries).await, canaries.len(), "or the copy proves nothing");

    due_at(&mut world, START + Duration::days(91)).await;
    let old = Database::connect(format!("sqlite://{}", copy.join("avouch.db").display())).await.expect("the copy");
    let ask = "select hex(id) from data_key";
    let left = behind.query_all_raw(statement(&behind, ask, Vec::new())).await.expect("keys");
    let left: Vec<String> =
        left.iter().map(|row| format!("X'{}'", row.try_get_by_index::<String>(0).expect("id"))).collect();
    let gone = format!("delete from data_key where id not in ({})", left.join(","));
    assert_eq!(old.execute_unprepared(&gone).await.expect("delete").rows_affected(), 1);
    old.close().await.expect("close");
    assert_eq!(opened_in(&copy, &world, ada.tenant, &canaries).await, 0);
    let _ = std::fs::remove_dir_all(&copy);
}

/// How many canaries open in a copy of the database.
pub async fn opened_in(copy: &Path, world: &World, tenant: TenantId, canaries: &[server::staged::Canary]) -> usize {
    let store = Store::open(&Where::Embedded(copy.to_owned()), false).await.expect("the copy");
    let operator = Operator::at_the_command_line(&std::sync::Arc::new(store));
    let vault = Vault::open(&operator, std::sync::Arc::clone(&world.master), "test", copy, world.now).await;
    let Ok(ring) = vault.expect("a vault").tenant(tenant).await else { return 0 };
    canaries.iter().filter(|canary| ring.open(&format!("canary/{}", canary.id), &canary.sealed).is_ok()).count()
}

#[tokio::test]
async fn a_purge_that_stops_anywhere_goes_on_to_the_same_end() {
    for (mode, days) in WINDOWS {
        for step in Step::ALL {
            let House { mut world, ada, eve, .. } = house(mode, 20).await;
            let neighbour = rows_of(&world, eve.tenant).await;
            world.now = START + Duration::days(*days);
            assert!(world.begin_purge(ada.tenant).await, "{mode} {step:?}");
            world.purge_until(ada.tenant, *step).await;
            if *step != Step::Certificate {
                let now = world.now + Duration::seconds(1);
                assert_eq!(due_at(&mut world, now).await.purged, 1, "{mode} {step:?}");
            }
            assert_eq!(world.rows_left(ada.tenant).await, 0, "{mode} {step:?}");
            assert!(!files_of(&world, ada.tenant).exists(), "{mode} {step:?}");
            assert_eq!(rows_of(&world, eve.tenant).await, neighbour, "{mode} {step:?}");
            let now = world.now + Duration::seconds(1);
            assert_eq!(due_at(&mut world, now).await.purged, 0, "{mode} {step:?}: once");
        }
    }
}

/// Whoever came in before sees that it is gone: no failure of ours, and above all no new key in the place of the one that was destroyed.
#[tokio::test]
async fn a_request_between_the_destroyed_key_and_the_rows_is_told_that_it_is_gone_and_makes_no_key() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let (register, record) = world.stage_record(ada.tenant, ada.account.0, "Kept").await;
    let file = world.stage_file(ada.tenant, ada.account.0, record).await;
    let reader = may::<rights::RecordsRead>(&world, &ada).await;
    let log = may::<rights::AuditRead>(&world, &ada).await;
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    cancel(&world, &ada).await.expect("cancel");
    world.now = START + Duration::days(90);
    assert!(world.begin_purge(ada.tenant).await);
    world.purge_until(ada.tenant, Step::Keys).await;

    let accounts = world.accounts();
    let shape = Shape::of(&reader, accounts, &register).expect("a register");
    let nothing = edit::Typed::new();
    let told = [
        ("a list", list::list(&reader, accounts, &shape, &list::Query::default()).await.err()),
        ("a record", record::whole(&reader, accounts, &shape, record).await.err()),
        ("a file", files::open(&reader, accounts, file, &here(), world.now).await.err()),
        ("the log", view::list(&log, accounts, &view::Query::default()).await.err()),
        ("a change", edit::edit(&editor, accounts, &register, record, None, &nothing, &here(), world.now).await.err()),
    ];
    for (what, refused) in told {
        let status = refused.map(|refusal| Problem::from(refusal).status());
        assert!(matches!(status, Some(404 | 410)), "{what}: {status:?}");
    }
    let keys = format!("select count(*) from data_key where owner = 'organisation/{}'", ada.tenant.0);
    assert_eq!(count(&world.behind().await, &keys).await, 0, "nobody made a new one");
}

#[tokio::test]
async fn what_is_under_way_cannot_be_restored() {
    let House { mut world, ada, .. } = house("aertous", 4).await;
    world.now = START + Duration::days(90);
    assert!(world.begin_purge(ada.tenant).await);
    let refused = standing::set(&world.operator(), world.accounts(), &ada.slug, Standing::Active, world.now).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn an_organisation_that_runs_is_never_touched_whatever_the_day() {
    for (mode, _) in WINDOWS {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let before = world.rows_left(ada.tenant).await;
        for standing in [Standing::Trialing, Standing::Active, Standing::PastDue, Standing::Lapsed] {
            standing::set(&world.operator(), world.accounts(), &ada.slug, standing, world.now).await.expect("set");
            let far = world.now + Duration::days(3650);
            assert_eq!(due_at(&mut world, far).await.purged, 0, "{mode} {standing:?}");
            assert!(!world.begin_purge(ada.tenant).await, "{mode} {standing:?}");
        }
        assert!(world.rows_left(ada.tenant).await >= before, "{mode}");
    }
}

#[tokio::test]
async fn the_certificate_says_what_is_gone_and_a_changed_one_is_refused() {
    for (mode, days) in WINDOWS {
        let world = world(mode).await;
        let ada = ada(&world).await;
        world.stage_canaries(ada.tenant, MARKER, 20).await;
        world.letters().await;
        cancel(&world, &ada).await.expect("cancel");
        let letters = world.letters().await;
        let mut world = world;
        let end = START + Duration::days(*days);
        assert_eq!(proof(&world, &letters).await, Some(Proof::Pending(Some(end))), "{mode}");
        due_at(&mut world, end).await;
        let Some(Proof::Issued(signed)) = proof(&world, &letters).await else { unreachable!("{mode}: no certificate") };
        let told = &signed.certificate;
        assert_eq!((told.subject, told.window_days, told.rows["record"]), (ada.tenant.0, *days, 20), "{mode}");
        assert_eq!((told.keys.len(), told.number), (1, 1), "{mode}");

        let key = world.vault.signing().public_hex();
        let again = Signed::parse(&signed.text()).expect("a certificate");
        assert_eq!(again.verify(&key), Ok(()), "{mode}");
        let fewer = signed.text().replace("\"record\": 20", "\"record\": 19");
        assert_eq!(Signed::parse(&fewer).and_then(|fewer| fewer.verify(&key)), Err(Invalid::Forged), "{mode}");
        assert_eq!(again.verify(&"0".repeat(64)), Err(Invalid::OtherKey), "{mode}");
    }
}

#[tokio::test]
async fn any_digit_or_letter_that_is_changed_in_a_certificate_is_found() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.letters().await;
    cancel(&world, &ada).await.expect("cancel");
    let letters = world.letters().await;
    let mut world = world;
    due_at(&mut world, START + Duration::days(90)).await;
    let Some(Proof::Issued(signed)) = proof(&world, &letters).await else { unreachable!("no certificate") };
    let (key, text) = (world.vault.signing().public_hex(), signed.text());
    let mut tried = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if byte == b'7' { b'8' } else { b'7' };
        let changed = String::from_utf8(bytes).expect("text");
        assert!(Signed::parse(&changed).and_then(|changed| changed.verify(&key)).is_err(), "{changed}");
        tried += 1;
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test]
async fn certificates_are_in_one_chain_from_which_none_can_be_left_out() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival").await);
    cancel(&world, &ada).await.expect("cancel");
    cancel(&world, &eve).await.expect("cancel");
    let mut world = world;
    assert_eq!(due_at(&mut world, START + Duration::days(90)).await.purged, 2);
    let database = world.behind().await;
    let ask = statement(&database, "select body from certificate order by seq", Vec::new());
    let bodies = database.query_all_raw(ask).await.expect("certificates");
    let bodies: Vec<String> = bodies.iter().map(|row| row.try_get_by_index(0).expect("a body")).collect();
    let second: certificate::Certificate = serde_json::from_str(&bodies[1]).expect("a certificate");
    assert_eq!(second.previous_sha256, server::crypto::sha256_hex(bodies[0].as_bytes()));
}

#[tokio::test]
async fn sqlite_gives_back_what_a_purge_has_freed() {
    let House { mut world, .. } = house("aertous", 10_000).await;
    let Where::Embedded(folder) = world.place.clone() else { return };
    let size = || std::fs::metadata(folder.join("avouch.db")).map_or(0, |about| about.len());
    world.behind().await.execute_unprepared("pragma wal_checkpoint(truncate)").await.expect("checkpoint");
    let before = size();
    due_at(&mut world, START + Duration::days(90)).await;
    assert!(size() < before / 2, "{} of {before}", size());
    let database = world.behind().await;
    let free = Statement::from_string(database.get_database_backend(), "pragma freelist_count");
    let free: i64 = database.query_one_raw(free).await.expect("pragma").expect("a row").try_get_by_index(0).expect("n");
    assert_eq!(free, 0);
}

#[tokio::test]
async fn a_proof_that_was_never_promised_is_not_there() {
    let world = world("aertous").await;
    for id in [Uuid::nil().to_string(), "key".into(), "x".into()] {
        assert_eq!(certificate::find(&world.visitor(), &id).await.expect("database"), None);
    }
}
