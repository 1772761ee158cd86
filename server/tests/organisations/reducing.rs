//! The purge of an organisation of which legal holds keep single records: those stay and open, the rest goes, provably, in each mode.

use contract::standing::Standing;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use server::audit::heads::{self, Walked};
use server::files::Onto;
use server::guard::{Barred, Where, rights};
use server::identity::Refusal;
use server::organisations::standing;
use server::registers::content::Content;
use server::registers::edit;
use server::retention::certificate::{Certificate, Proof, Signed};
use server::retention::holds::{self, Form};
use server::retention::reduce::Step;
use server::retention::{self, Round};
use server::testing::{START, World};
use server::vault::Vault;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::closing::{WINDOWS, cancel, due_at, restore};
use crate::common::*;
use crate::files::{attach, form, record};
use crate::holding::WHOLE;
use crate::purging::{House, MARKER, furnished, holds_marker, opened_in, proof, rows_of};
use crate::records::count;

/// When the hold of these tests is over.
const ENDS: OffsetDateTime = datetime!(2028-01-01 00:00 UTC);

/// What of Ada's organisation is held, in a house that is cancelled.
struct Held {
    house: House,
    record: Uuid,
    file: Uuid,
    /// A member who may not take anything along.
    grace: Somebody,
    /// The letters in which the proof was promised.
    letters: Vec<(String, String)>,
}

fn of_record(id: &str) -> Form<'_> {
    Form { kind: "record", subject: Some(id), ..WHOLE }
}

async fn place(world: &World, slug: &str, form: &Form<'_>) -> Result<Uuid, Refusal> {
    holds::place_by_operator(&world.operator(), world.accounts(), slug, form, world.now).await
}

/// A record with a file and a history, and another of the same kind that nobody holds.
async fn house(mode: &str, canaries: u32) -> Held {
    let house = furnished(mode, canaries).await;
    let (world, ada) = (&house.world, &house.ada);
    let plain = MODES.iter().find(|(known, _)| *known == mode).expect("a mode").1;
    let grace = joins(world, ada, GRACE, plain).await;
    let id = record(world, mode, ada, None).await;
    let file = attach(world, ada, Onto { record: id, field: None }).await.expect("a file");
    change(world, mode, ada, id).await;
    let other = record(world, mode, ada, None).await;
    attach(world, ada, Onto { record: other, field: None }).await.expect("a file");
    place(world, &ada.slug, &of_record(&id.to_string())).await.expect("a hold");
    world.letters().await;
    cancel(world, ada).await.expect("cancel");
    let letters = world.letters().await;
    Held { house, record: id, file, grace, letters }
}

/// Gives the record another name, so that it has a history.
async fn change(world: &World, mode: &str, who: &Somebody, id: Uuid) {
    let (register, typed) = form(mode);
    let naming = if typed.contains_key("title") { "title" } else { "name" };
    let typed = std::iter::once((naming.to_owned(), "Renamed".to_owned())).collect();
    let editor = may::<rights::RecordsWrite>(world, who).await;
    edit::edit(&editor, world.accounts(), register, id, None, &typed, &here(), world.now).await.expect("changed");
}

fn end(mode: &str) -> OffsetDateTime {
    START + Duration::days(WINDOWS.iter().find(|(known, _)| *known == mode).expect("a window").1)
}

/// How many rows Ada's organisation has, by table; those of its log are another matter.
async fn left(held: &Held) -> Vec<(&'static str, usize)> {
    let rows = rows_of(&held.house.world, held.house.ada.tenant).await;
    let log = ["entry", "signed_head", "log_head", "delivered", "environment"];
    rows.into_iter()
        .filter(|(table, rows)| !rows.is_empty() && !log.contains(table))
        .map(|(table, rows)| (table, rows.len()))
        .collect()
}

const ONLY_WHAT_IS_HELD: [(&str, usize); 5] =
    [("file", 1), ("legal_hold", 1), ("membership", 1), ("record", 1), ("record_change", 1)];

/// The record as it lies there, and what it says with these keys.
async fn says(held: &Held, vault: &Vault) -> Option<Content> {
    let tenant = held.house.ada.tenant;
    let database = held.house.world.behind_log(tenant).await;
    let ask = statement(&database, "select content from record where id = $1", vec![held.record.into()]);
    let row = database.query_one_raw(ask).await.expect("a query").expect("the held record");
    let sealed: Vec<u8> = row.try_get_by_index(0).expect("bytes");
    let place = format!("record/{}/{}/content", tenant.0, held.record);
    let plain = vault.tenant(tenant).await.ok()?.open(&place, &sealed).ok()?;
    serde_json::from_slice(&plain).ok()
}

async fn bodies(world: &World, of: &Somebody) -> Vec<Certificate> {
    let database = world.behind().await;
    let ask = statement(&database, "select body from certificate order by seq", Vec::new());
    let rows = database.query_all_raw(ask).await.expect("certificates");
    let bodies = rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a body"));
    let read = bodies.map(|body| serde_json::from_str::<Certificate>(&body).expect("a certificate"));
    read.filter(|certificate| certificate.subject == of.tenant.0).collect()
}

/// That only what is held is left, opens, and is proven.
async fn is_reduced(held: &Held, said: &str) {
    let House { world, ada, canaries, .. } = &held.house;
    assert_eq!(left(held).await, ONLY_WHAT_IS_HELD, "{said}");
    let content = says(held, &world.vault).await.expect("it opens");
    assert!(content.0.values().flatten().any(|value| value == "Renamed"), "{said}");
    assert_eq!(world.opens(ada.tenant, canaries).await, 0, "{said}");
    let lie = world.accounts().blobs.below(&ada.tenant.0.to_string()).await.expect("files");
    assert_eq!(
        lie.iter().map(|found| &found.at).collect::<Vec<_>>(),
        [&format!("{}/file/{}", ada.tenant.0, held.file)]
    );
    let ring = world.vault.tenant(ada.tenant).await.expect("a key");
    let opened = world.accounts().blobs.open_sealed(&ring, &lie[0].at).await.expect("it opens");
    assert!(opened.whole().await.expect("all of it").starts_with(crate::files::MARKER), "{said}");
    let keys = format!("select count(*) from data_key where owner = 'organisation/{}'", ada.tenant.0);
    assert_eq!(count(&world.behind().await, &keys).await, 1, "{said}");
    let walked = heads::verify(&world.operator(), world.accounts(), ada.tenant).await.expect("the log");
    assert!(matches!(walked, Walked::Holds { entries: 1.., .. }), "{said}: {walked:?}");
    let certificates = bodies(world, ada).await;
    let told = certificates.iter().map(|told| (told.kept_records, told.held_until.as_deref())).collect::<Vec<_>>();
    assert_eq!(told, [(Some(1), Some("2028-01-01T00:00:00Z"))], "{said}");
}

fn numbers(round: Round) -> (usize, usize, usize) {
    (round.reduced, round.purged, round.held)
}

#[tokio::test]
async fn a_held_record_survives_the_window_to_the_second_and_nothing_else_does() {
    for (mode, _) in WINDOWS {
        let mut held = house(mode, 40).await;
        let (tenant, eve) = (held.house.ada.tenant, held.house.eve.tenant);
        let before = rows_of(&held.house.world, tenant).await;
        let neighbour = rows_of(&held.house.world, eve).await;
        let old = held.house.world.vault.tenant(tenant).await.expect("keys");

        let round = due_at(&mut held.house.world, end(mode) - Duration::seconds(1)).await;
        assert_eq!(numbers(round), (0, 0, 0), "{mode}");
        assert_eq!(rows_of(&held.house.world, tenant).await, before, "{mode}");

        let round = due_at(&mut held.house.world, end(mode)).await;
        assert_eq!(numbers(round), (1, 0, 0), "{mode}");
        is_reduced(&held, mode).await;
        let House { world, ada, .. } = &held.house;
        assert_eq!(holds_marker(&world.folder), None, "{mode}");
        assert!(!world.holds(MARKER.as_bytes()).await, "{mode}");
        assert_ne!(world.vault.tenant(tenant).await.expect("a key").active(), old.active(), "{mode}");
        assert_eq!(rows_of(world, eve).await, neighbour, "{mode}: the neighbour");
        let told = bodies(world, ada).await.remove(0);
        assert_eq!((told.keys, told.rows["record"], told.rows["membership"]), (vec![old.active()], 41, 1), "{mode}");

        let round = due_at(&mut held.house.world, end(mode) + Duration::days(1)).await;
        assert_eq!(numbers(round), (0, 0, 1), "{mode}: once");
        is_reduced(&held, mode).await;
    }
}

#[tokio::test]
async fn a_reduction_that_stops_anywhere_goes_on_to_the_same_end() {
    for (mode, _) in WINDOWS {
        for step in Step::ALL {
            let mut held = house(mode, 10).await;
            let neighbour = rows_of(&held.house.world, held.house.eve.tenant).await;
            held.house.world.now = end(mode);
            assert!(held.house.world.begin_purge(held.house.ada.tenant).await, "{mode} {step:?}");
            held.house.world.reduce_until(held.house.ada.tenant, *step).await;
            assert!(says(&held, &held.house.world.vault).await.is_some(), "{mode} {step:?}: in between");
            let now = held.house.world.now + Duration::seconds(1);
            let round = due_at(&mut held.house.world, now).await;
            let wanted = if *step == Step::Certificate { (0, 0, 1) } else { (1, 0, 0) };
            assert_eq!(numbers(round), wanted, "{mode} {step:?}");
            is_reduced(&held, &format!("{mode} {step:?}")).await;
            assert_eq!(rows_of(&held.house.world, held.house.eve.tenant).await, neighbour, "{mode} {step:?}");
        }
    }
}

#[tokio::test]
async fn two_instances_that_see_the_same_end_break_nothing_and_make_one_certificate_of_the_rest() {
    for mode in ["aertous", "stack-aero"] {
        let held = house(mode, 100).await;
        let (operator, accounts) = (held.house.world.operator(), held.house.world.accounts());
        let at = end(mode) + Duration::seconds(1);
        let (one, other) =
            tokio::join!(retention::due(&operator, accounts, at), retention::due(&operator, accounts, at));
        let (one, other) = (one.expect("a round"), other.expect("a round"));
        assert_eq!((one.broken, other.broken, one.purged + other.purged), (0, 0, 0), "{mode}: {one:?} {other:?}");
        is_reduced(&held, mode).await;
    }
}

/// One that read the keys before is not left with them: what is sealed anew opens there at once.
#[tokio::test]
async fn another_instance_opens_what_is_held_as_soon_as_it_lies_under_its_new_key() {
    for (mode, _) in WINDOWS {
        let mut held = house(mode, 4).await;
        let world = &held.house.world;
        let master = std::sync::Arc::clone(&world.master);
        let other = Vault::open(&world.operator(), master, "test", &world.folder, world.now).await.expect("a vault");
        assert!(says(&held, &other).await.is_some(), "{mode}");
        due_at(&mut held.house.world, end(mode)).await;
        assert!(says(&held, &other).await.is_some(), "{mode}");
    }
}

#[tokio::test]
async fn an_old_copy_opens_nothing_with_the_key_that_what_is_held_has_now() {
    let mut held = house("aertous", 200).await;
    let Where::Embedded(_) = held.house.world.place else { return };
    let copy = held.house.world.folder.with_extension("copy");
    let behind = held.house.world.behind().await;
    behind.execute_unprepared("pragma wal_checkpoint(truncate)").await.expect("checkpoint");
    std::fs::create_dir_all(&copy).expect("folder");
    std::fs::copy(held.house.world.folder.join("avouch.db"), copy.join("avouch.db")).expect("copy");
    let House { world, ada, canaries, .. } = &held.house;
    assert_eq!(opened_in(&copy, world, ada.tenant, canaries).await, canaries.len(), "or the copy proves nothing");

    due_at(&mut held.house.world, end("aertous")).await;
    let House { world, ada, canaries, .. } = &held.house;
    let keys = format!("attach '{}' as now", world.folder.join("avouch.db").display());
    let mut one = ConnectOptions::new(format!("sqlite://{}", copy.join("avouch.db").display()));
    one.max_connections(1);
    let old = Database::connect(one).await.expect("the copy");
    for sql in [keys.as_str(), "delete from data_key", "insert into data_key select * from now.data_key"] {
        old.execute_unprepared(sql).await.expect(sql);
    }
    old.close().await.expect("close");
    assert_eq!(opened_in(&copy, world, ada.tenant, canaries).await, 0);
    let _ = std::fs::remove_dir_all(&copy);
}

#[tokio::test]
async fn what_was_reduced_is_not_restored_by_anybody_and_says_when_the_rest_was_destroyed() {
    let mut held = house("aertous", 4).await;
    due_at(&mut held.house.world, end("aertous")).await;
    let House { world, ada, .. } = &held.house;
    let ada = ada.again(world).await;
    let day = end("aertous").date().to_string();
    let refused = restore(world, &ada).await;
    let by_vendor = standing::set(&world.operator(), world.accounts(), &ada.slug, Standing::Active, world.now).await;
    for refused in [refused.err(), by_vendor.err()] {
        assert!(matches!(&refused, Some(Refusal::Conflict(said)) if said.contains(&day)), "{refused:?}");
    }
    let barred = try_may::<rights::RecordsRead>(world, &ada).await.err();
    let since = Some(end("aertous"));
    assert!(matches!(barred, Some(Barred::Gone { reduced, .. }) if reduced == since));
    let biller = may::<rights::BillingManage>(world, &ada).await;
    let shown = holds::list(&biller, world.accounts()).await.expect("holds");
    assert_eq!((shown.len(), shown[0].basis.as_str(), shown[0].scope.as_str()), (1, WHOLE.basis, WHOLE.scope));
    let grace = of_email(world, GRACE).await;
    assert_eq!(grace, 0, "whoever may not take it along belonged nowhere else, and is gone");
}

async fn of_email(world: &World, email: &str) -> i64 {
    let index = server::identity::address::Address::parse(email).expect("address").index(world.vault.hashes());
    count(&world.behind().await, &format!("select count(*) from account where address_index = '{index}'")).await
}

#[tokio::test]
async fn no_new_hold_is_placed_on_what_was_destroyed() {
    let mut held = house("aertous", 4).await;
    let (_, other) = held.house.world.stage_record(held.house.ada.tenant, held.house.ada.account.0, "Other").await;
    let (other, grace) = (other.to_string(), held.grace.id());
    due_at(&mut held.house.world, end("aertous")).await;
    let House { world, ada, .. } = &held.house;
    for form in [of_record(&other), Form { kind: "person", subject: Some(&grace), ..WHOLE }] {
        let refused = place(world, &ada.slug, &form).await;
        assert!(matches!(refused, Err(Refusal::Field("subject", _))), "{refused:?}");
    }
    place(world, &ada.slug, &of_record(&held.record.to_string())).await.expect("what is there can be held on");
}

#[tokio::test]
async fn when_the_last_hold_ends_the_rest_goes_too_with_the_promised_certificate() {
    for (mode, _) in WINDOWS {
        let mut held = house(mode, 10).await;
        due_at(&mut held.house.world, end(mode)).await;
        let waits = proof(&held.house.world, &held.letters).await;
        let first = bodies(&held.house.world, &held.house.ada).await.remove(0).id;
        assert_eq!(waits, Some(Proof::Held(first)), "{mode}");
        let round = due_at(&mut held.house.world, ENDS - Duration::seconds(1)).await;
        assert_eq!(numbers(round), (0, 0, 1), "{mode}");
        let round = due_at(&mut held.house.world, ENDS).await;
        assert_eq!(numbers(round), (0, 1, 0), "{mode}");
        let House { world, ada, .. } = &held.house;
        assert_eq!(world.rows_left(ada.tenant).await, 0, "{mode}");
        let Some(Proof::Issued(last)) = proof(world, &held.letters).await else { unreachable!("{mode}: no proof") };
        assert_eq!((last.certificate.rows["record"], last.certificate.kept_records), (1, None), "{mode}");
        assert!(!last.text().contains("kept_records"), "{mode}");
        let again = Signed::parse(&last.text()).expect("a certificate");
        assert_eq!(again.verify(&world.vault.signing().public_hex()), Ok(()), "{mode}");
        let both = bodies(world, ada).await;
        assert_eq!((both.len(), &both[1]), (2, &last.certificate), "{mode}");
        assert!(both[0].number < both[1].number, "{mode}");
    }
}

#[tokio::test]
async fn one_hold_on_the_organisation_or_on_a_person_keeps_all_of_it() {
    for kind in ["organisation", "person"] {
        let mut held = house("aertous", 10).await;
        let subject = held.house.ada.id();
        let form = Form { kind, subject: Some(&subject), ..WHOLE };
        place(&held.house.world, &held.house.ada.slug, &form).await.expect("a hold");
        let before = left(&held).await;
        let round = due_at(&mut held.house.world, end("aertous")).await;
        assert_eq!(numbers(round), (0, 0, 1), "{kind}");
        assert_eq!(left(&held).await, before, "{kind}");
    }
}

#[tokio::test]
async fn while_a_held_record_does_not_open_no_key_goes() {
    let mut held = house("aertous", 10).await;
    let broken = held.house.world.stage_removed(held.house.ada.tenant).await.to_string();
    place(&held.house.world, &held.house.ada.slug, &of_record(&broken)).await.expect("a hold");
    held.house.world.now = end("aertous");
    let House { world, ada, canaries, .. } = &held.house;
    for _ in 0..2 {
        let round = retention::due(&world.operator(), world.accounts(), world.now).await.expect("a round");
        assert_eq!((round.reduced, round.broken), (0, 1));
    }
    assert_eq!(world.opens(ada.tenant, canaries).await, canaries.len());
    assert!(says(&held, &world.vault).await.is_some());
}
