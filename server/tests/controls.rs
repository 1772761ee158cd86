//! Each control, upheld and broken; and that a check which breaks fails alone.

use server::clock::Clock;
use server::controls::run::{look, steadily};
use server::controls::{Check, Seen};
use server::crypto::keys::{KeyError, MasterKey, Origin};
use server::crypto::seal::SecretKey;
use server::guard::{OpenError, Store, Where};
use server::testing::{START, World, profile};
use server::trust::evidence::{self, NewEvidence};
use server::vault::{Vault, VaultError};
use server::{audit, jobs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

async fn seen(world: &World, check: Check) -> Seen {
    look(check, &world.instance()).await.seen
}

fn upheld(seen: &Seen) -> bool {
    matches!(seen, Seen::Upheld(_))
}

fn failing(seen: &Seen) -> bool {
    matches!(seen, Seen::Failing(_))
}

#[tokio::test]
async fn the_claim_engine_is_upheld_on_a_fresh_instance() {
    let world = World::new().await;
    world.observe().await;
    for check in [Check::BoundClaims, Check::Tuneable, Check::History] {
        let seen = seen(&world, check).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_switch_that_the_log_does_not_know_fails_its_check() {
    let world = World::new().await;
    let off = "insert into check_switch (check_path, off_since_ms, reason) values ('web-hygiene/rate-limits', 0, 'x')";
    world.tamper(off).await;
    assert!(failing(&seen(&world, Check::Tuneable).await));
}

#[tokio::test]
async fn a_secret_on_a_disk_fails_the_claim_about_secrets() {
    let world = World::new().await;
    let mut instance = world.instance();
    instance.secrets = vec![("the TLS key", Origin::OnDisk)];
    assert!(failing(&look(Check::References, &instance).await.seen));
}

#[tokio::test]
async fn what_a_temporary_listener_answered_is_not_stored() {
    let world = World::new().await;
    let mut instance = world.instance();
    instance.serving.temporary = true;
    jobs::run_checks(&instance, Check::ALL).await.expect("run");
    let stored: Vec<Check> = world.facts().await.findings.into_keys().collect();
    assert!(!stored.is_empty() && stored.iter().all(|check| !check.asks()), "{stored:?}");
}

#[tokio::test]
async fn a_broken_history_fails_its_check() {
    let world = World::new().await;
    world.observe().await;
    world.tamper("update trust_change set reason = 'x' where seq = 5").await;
    assert!(failing(&seen(&world, Check::History).await));
}

#[tokio::test]
async fn a_history_that_lags_behind_fails_its_check() {
    let world = World::new().await;
    let note = Some("It was reached".into());
    let new = NewEvidence { claim: "P058".into(), dated: Some(START.date()), note, ..NewEvidence::default() };
    world.observe().await;
    evidence::add(&world.operator(), &world.vault, &world.profile, new, world.now).await.expect("add");
    assert!(failing(&seen(&world, Check::History).await));
}

#[tokio::test]
async fn a_framework_that_does_not_load_fails_its_check() {
    let mut world = World::new().await;
    let mut changed = (*world.profile).clone();
    changed.frameworks[0].requirements.pop();
    world.profile = Arc::new(changed);
    assert!(failing(&seen(&world, Check::FrameworksComputed).await));
}

#[tokio::test]
async fn sealed_storage_is_upheld_and_leaves_no_marker() {
    let world = World::new().await;
    let seen = seen(&world, Check::AtRest).await;
    assert!(upheld(&seen), "{seen:?}");
    assert_eq!(std::fs::read_dir(world.folder.join("evidence")).expect("folder").count(), 0);
}

#[tokio::test]
async fn a_data_key_that_does_not_open_fails_sealed_storage() {
    let world = World::new().await;
    world.tamper("update data_key set environment = 'production'").await;
    assert!(failing(&seen(&world, Check::AtRest).await));
}

#[tokio::test]
async fn where_the_master_key_comes_from_decides_the_claim_about_secrets() {
    let mut world = World::new().await;
    assert!(upheld(&seen(&world, Check::References).await));
    for (origin, expected) in [(Origin::OnDisk, "failing"), (Origin::BesideData, "unavailable")] {
        let key = SecretKey::random().expect("random");
        let master = Arc::new(MasterKey::new(key, origin));
        world.tamper("delete from data_key").await;
        world.vault = Vault::open(&world.operator(), master, "test", &world.folder, START).await.expect("vault");
        let seen = seen(&world, Check::References).await;
        let fits = match expected {
            "failing" => failing(&seen),
            _ => matches!(seen, Seen::Unavailable(_)),
        };
        assert!(fits, "{origin:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_field_about_health_that_is_not_a_date_fails_the_shape_of_the_data() {
    let world = World::with(profile("stratuslog", &[])).await;
    assert!(upheld(&seen(&world, Check::HealthFields).await));
    let field =
        "[[registers.fields]]\nid = \"allergies\"\nlabel = \"Allergies\"\nkind = \"text\"\n\n[[registers.fields]]";
    let world = World::with(profile("stratuslog", &[("[[registers.fields]]", field)])).await;
    assert!(failing(&seen(&world, Check::HealthFields).await));
}

#[tokio::test]
async fn a_check_that_panics_fails_with_a_reference_and_no_cause() {
    let work =
        || async { Option::<Seen>::None.ok_or("x").map_err(|_| -> String { unreachable!("secret path /etc/x") }) };
    let seen = steadily(Check::Tls, &Clock::Fixed(START), work).await.seen;
    let Seen::Failing(said) = seen else { unreachable!("{seen:?}") };
    assert!(said.contains("under ") && !said.contains("secret"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_fails_after_its_limit() {
    let seen = steadily(Check::Tls, &Clock::Fixed(START), std::future::pending).await.seen;
    assert!(failing(&seen), "{seen:?}");
}

#[tokio::test]
async fn a_look_over_which_the_clock_leaps_is_begun_again_and_its_failure_not_told() {
    let world = World::new().await;
    let file = world.folder.join("clock");
    let turns = Arc::new(AtomicU32::new(0));
    let ran = steadily(Check::Tls, &Clock::shifted(file.clone()), || {
        let (file, turn) = (file.clone(), turns.fetch_add(1, Ordering::Relaxed));
        async move {
            if turn == 0 {
                std::fs::write(&file, "86400").map_err(|error| error.to_string())?;
                return Err("signed out meanwhile".into());
            }
            Ok(Seen::Upheld("again".into()))
        }
    })
    .await;
    assert!(upheld(&ran.seen), "{ran:?}");
    assert_eq!(turns.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_look_that_breaks_fails_at_once_under_a_steady_clock_and_is_unavailable_under_a_restless_one() {
    let world = World::new().await;
    for (restless, most) in [(false, 1), (true, 5)] {
        let file = world.folder.join("clock");
        let turns = Arc::new(AtomicU32::new(0));
        let ran = steadily(Check::Tls, &Clock::shifted(file.clone()), || {
            let (file, turn) = (file.clone(), turns.fetch_add(1, Ordering::Relaxed));
            async move {
                let shift = if restless { (turn + 1) * 3600 } else { 0 };
                std::fs::write(&file, shift.to_string()).map_err(|error| error.to_string())?;
                Err("broken".into())
            }
        })
        .await;
        let unavailable = matches!(ran.seen, Seen::Unavailable(_));
        assert!(if restless { unavailable } else { failing(&ran.seen) }, "{ran:?}");
        assert_eq!(turns.load(Ordering::Relaxed), most);
    }
}

#[tokio::test]
async fn one_broken_check_does_not_stop_the_others() {
    let world = World::new().await;
    // Nobody listens at the instance's address, so everything that asks over the network fails.
    let ran = jobs::run_checks(&world.instance(), Check::ALL).await.expect("run");
    assert_eq!(ran.len(), Check::ALL.len());
    let of = |check| ran.iter().find(|ran| ran.check == check).map(|ran| &ran.seen).expect("ran");
    assert!(failing(of(Check::Headers)) && upheld(of(Check::AtRest)), "{ran:?}");
}

#[tokio::test]
async fn the_wrong_master_key_and_another_environment_are_refused() {
    let world = World::new().await;
    let other = Arc::new(MasterKey::new(SecretKey::random().expect("random"), Origin::InMemory));
    let refused = Vault::open(&world.operator(), other, "test", &world.folder, START).await;
    assert!(matches!(refused, Err(VaultError::Key(KeyError::Wrong))), "{refused:?}");
    let refused = Vault::open(&world.operator(), Arc::clone(&world.master), "production", &world.folder, START).await;
    assert!(matches!(refused, Err(VaultError::Key(KeyError::OtherEnvironment { .. }))), "{refused:?}");
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    let world = World::new().await;
    world.tamper("insert into seaql_migrations (version, applied_at) values ('m9999_from_the_future', 0)").await;
    let refused = Store::open(&world.place, true).await;
    assert!(matches!(refused, Err(OpenError::Newer(_))), "{refused:?}");
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let world = World::new().await;
    let Where::Embedded(folder) = &world.place else { return };
    let file = folder.join("avouch.db");
    world.tamper("pragma wal_checkpoint(truncate)").await;
    let mut bytes = std::fs::read(&file).expect("database");
    bytes.iter_mut().skip(4096).take(40_000).for_each(|byte| *byte = 0xA5);
    std::fs::write(&file, bytes).expect("damage");
    let refused = Store::open(&world.place, true).await;
    assert!(matches!(refused, Err(OpenError::Damaged(_))), "{refused:?}");

    std::fs::write(&file, b"this is not a database, it is a poem about one").expect("replace");
    let refused = Store::open(&world.place, true).await;
    assert!(matches!(refused, Err(OpenError::Damaged(_))), "{refused:?}");
}

#[tokio::test]
async fn every_change_of_the_platform_is_in_its_log_and_tampering_is_found() {
    let world = World::new().await;
    world.observe().await;
    let note = Some("It was reached".into());
    let new = NewEvidence { claim: "P058".into(), dated: Some(START.date()), note, ..NewEvidence::default() };
    evidence::add(&world.operator(), &world.vault, &world.profile, new, world.now).await.expect("add");
    // Three keys, the first publication, the evidence.
    assert_eq!(audit::verify_platform(&world.operator()).await.expect("verify"), Ok(5));
    world.tamper("update platform_entry set detail = 'x' where seq = 2").await;
    assert_eq!(audit::verify_platform(&world.operator()).await.expect("verify"), Err(2));
}

#[tokio::test]
async fn a_claim_that_names_a_control_and_none_of_its_checks_fails_the_claim_engine() {
    let mut world = World::new().await;
    let mut hollow = (*world.profile).clone();
    hollow.claims[0].binding = server::profile::Binding::Checks { control: "transport", checks: Vec::new() };
    world.profile = Arc::new(hollow);
    assert!(failing(&seen(&world, Check::BoundClaims).await));
}
