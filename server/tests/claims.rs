//! What may be said of a claim, as records arrive, time passes, and things break.

use contract::claim::State;
use server::clock::parse_date;
use server::controls::run::{self, Ran};
use server::controls::{Check, Seen};
use server::testing::{START, World, profile};
use server::trust::evidence::{self, EvidenceError, NewEvidence};
use server::trust::withdrawn::{self, WithdrawError};
use server::trust::{Board, history, recorded, switch};
use time::Duration;

fn record(claim: &str, date: &str) -> NewEvidence {
    let note = Some("It was seen".into());
    NewEvidence { claim: claim.into(), dated: parse_date(date).ok(), note, ..NewEvidence::default() }
}

async fn add(world: &World, new: NewEvidence) -> Result<uuid::Uuid, EvidenceError> {
    evidence::add(&world.operator(), &world.vault, &world.profile, new, world.now).await
}

/// Stores a finding as if the check had just seen it.
async fn saw(world: &World, check: Check, seen: Seen) {
    run::store(&world.instance(), &[Ran { check, seen, at: world.now, took_ms: 1 }]).await.expect("store");
}

fn state(board: &Board, id: &str) -> (State, String) {
    let told = board.claim(id).expect(id);
    (told.state, told.finding.clone())
}

#[tokio::test]
async fn a_claim_is_unproven_until_something_is_on_record() {
    let world = World::with(profile("stack-aero", &[])).await;
    assert_eq!(state(&world.board().await, "P011").0, State::Unproven);
}

#[tokio::test]
async fn evidence_proves_a_claim_until_its_cadence_has_passed() {
    let mut world = World::with(profile("stack-aero", &[])).await;
    add(&world, record("P011", "2026-11-20")).await.expect("add");

    assert_eq!(state(&world.board().await, "P011").0, State::Proven);
    world.now = START + Duration::days(364);
    assert_eq!(state(&world.board().await, "P011").0, State::Proven);
    world.now = START + Duration::days(365);
    let (now, finding) = state(&world.board().await, "P011");
    assert_eq!(now, State::Failing);
    assert!(finding.to_lowercase().contains("overdue since 2027-11-20"), "{finding}");
}

#[tokio::test]
async fn a_claim_whose_evidence_is_withdrawn_falls_back_to_what_is_left() {
    let mut world = World::with(profile("stack-aero", &[])).await;
    let first = add(&world, record("P011", "2026-11-19")).await.expect("add");
    let second = add(&world, record("P011", "2026-11-20")).await.expect("add");
    world.now += Duration::days(1);
    let take = async |id: uuid::Uuid, reason: &str| {
        withdrawn::withdraw(&world.operator(), &world.profile, &id.to_string(), reason, None, world.now).await
    };
    assert!(matches!(take(second, " ").await, Err(WithdrawError::NoReason)));
    assert_eq!(take(second, "another year").await.expect("withdrawn"), "P011");
    let (now, finding) = state(&world.board().await, "P011");
    assert!(now == State::Proven && finding.contains("2026-11-19"), "{finding}");
    assert!(matches!(take(second, "again").await, Err(WithdrawError::Already)));
    take(first, "never happened").await.expect("withdrawn");
    assert_eq!(state(&world.board().await, "P011").0, State::Unproven);
    let told = recorded::newest(&world.operator(), world.accounts(), 9).await.expect("read");
    let mut whys: Vec<_> =
        told.iter().filter_map(|one| one.withdrawn.as_ref().map(|gone| gone.reason.as_str())).collect();
    whys.sort_unstable();
    assert_eq!((told.len(), whys), (2, vec!["another year", "never happened"]));
}

#[tokio::test]
async fn an_expired_certificate_fails_and_is_no_longer_held() {
    let mut world = World::new().await;
    let certificate = NewEvidence {
        certifies: Some("SOC 2 Type 1".into()),
        expires: parse_date("2026-12-01").ok(),
        ..record("P058", "2026-11-20")
    };
    add(&world, certificate).await.expect("add");

    let board = world.board().await;
    assert_eq!(board.certifications.len(), 1);
    assert!(
        board.claim("P061").expect("P061").text.contains("SOC 2 Type 1"),
        "{}",
        board.claim("P061").expect("P061").text
    );
    world.now = START + Duration::days(30);
    assert!(world.board().await.certifications.is_empty());
}

#[tokio::test]
async fn a_missed_milestone_says_since_when() {
    let world = World::new().await;
    let (now, finding) = state(&world.board().await, "P058");
    assert_eq!(now, State::Failing);
    assert!(finding.to_lowercase().contains("overdue since 2026-09-30"), "{finding}");
    assert_eq!(state(&world.board().await, "P059").0, State::Unproven);
}

#[tokio::test]
async fn a_reached_milestone_is_proven() {
    let world = World::new().await;
    add(&world, record("P058", "2026-11-20")).await.expect("add");
    assert_eq!(state(&world.board().await, "P058").0, State::Proven);
}

#[tokio::test]
async fn a_stopped_scheduler_makes_a_claim_age() {
    let mut world = World::new().await;
    saw(&world, Check::FrameworksComputed, Seen::Upheld("fine".into())).await;
    assert_eq!(state(&world.board().await, "P062").0, State::Proven);

    world.now = START + Duration::minutes(3);
    assert_eq!(state(&world.board().await, "P062").0, State::Proven);
    world.now = START + Duration::minutes(4);
    assert_eq!(state(&world.board().await, "P062").0, State::Ageing);
}

#[tokio::test]
async fn a_failing_claim_does_not_age_into_something_milder() {
    let mut world = World::new().await;
    saw(&world, Check::FrameworksComputed, Seen::Failing("broken".into())).await;
    world.now = START + Duration::days(3);
    assert_eq!(state(&world.board().await, "P062"), (State::Failing, "broken".into()));
}

#[tokio::test]
async fn a_finding_from_the_future_proves_nothing() {
    let mut world = World::new().await;
    saw(&world, Check::FrameworksComputed, Seen::Upheld("fine".into())).await;
    world.now = START - Duration::hours(1);
    assert_eq!(state(&world.board().await, "P062").0, State::Ageing);
}

#[tokio::test]
async fn a_clock_that_went_ahead_and_came_back_leaves_no_trace() {
    let mut world = World::new().await;
    world.now = START + Duration::days(400);
    saw(&world, Check::FrameworksComputed, Seen::Upheld("ahead".into())).await;
    world.now = START;
    saw(&world, Check::FrameworksComputed, Seen::Failing("broken".into())).await;
    assert_eq!(state(&world.board().await, "P062"), (State::Failing, "broken".into()));
    assert_eq!(world.facts().await.findings[&Check::FrameworksComputed].len(), 1);
}

#[tokio::test]
async fn a_note_does_not_renew_a_certificate() {
    let mut world = World::with(profile("stack-aero", &[])).await;
    let certificate = NewEvidence {
        certifies: Some("ISO 27001".into()),
        expires: parse_date("2026-12-01").ok(),
        ..record("P005", "2026-11-01")
    };
    add(&world, certificate).await.expect("certificate");
    add(&world, record("P005", "2026-11-20")).await.expect("note");
    assert_eq!(state(&world.board().await, "P005").0, State::Proven);
    world.now = START + Duration::days(20);
    assert_eq!(state(&world.board().await, "P005").0, State::Failing);
}

#[tokio::test]
async fn a_certificate_without_an_end_is_refused() {
    let world = World::new().await;
    let certificate = NewEvidence { certifies: Some("ISO 27001".into()), ..record("P058", "2026-11-01") };
    assert!(matches!(add(&world, certificate).await, Err(EvidenceError::CertificateForEver)));
}

#[tokio::test]
async fn the_end_of_time_breaks_nothing() {
    let mut world = World::new().await;
    world.observe().await;
    world.now = time::macros::datetime!(9999-12-31 23:59:59 UTC);
    assert_eq!(world.board().await.claims.len(), 91);
}

#[tokio::test]
async fn a_claim_with_several_checks_is_as_good_as_its_worst() {
    let world = World::with(profile("stack-aero", &[])).await;
    saw(&world, Check::Tls, Seen::Upheld("fine".into())).await;
    assert_eq!(state(&world.board().await, "P007").0, State::Unproven);
    saw(&world, Check::Redirect, Seen::Failing("not redirected".into())).await;
    assert_eq!(state(&world.board().await, "P007"), (State::Failing, "not redirected".into()));
}

#[tokio::test]
async fn a_switched_off_check_fails_its_claims_at_once_and_says_why() {
    let world = World::new().await;
    saw(&world, Check::RateLimits, Seen::Upheld("fine".into())).await;
    switch::off(&world.operator(), Check::RateLimits, "load test", world.now).await.expect("off");
    let (now, finding) = state(&world.board().await, "P079");
    assert_eq!(now, State::Failing);
    assert!(finding.contains("load test"), "{finding}");

    switch::on(&world.operator(), Check::RateLimits, world.now).await.expect("on");
    assert_eq!(state(&world.board().await, "P079").0, State::Proven);
}

#[tokio::test]
async fn a_mandatory_check_has_no_switch() {
    let world = World::new().await;
    for check in Check::ALL.iter().filter(|check| check.mandatory()) {
        let refused = switch::off(&world.operator(), *check, "no reason", world.now).await;
        assert!(matches!(refused, Err(switch::SwitchError::Mandatory(_))), "{check:?}: {refused:?}");
    }
}

#[tokio::test]
async fn refused_evidence_leaves_nothing_behind() {
    let world = World::with(profile("stack-aero", &[])).await;
    let file = Some(("report.pdf".to_owned(), b"content".to_vec()));
    let with_file = |new: NewEvidence| NewEvidence { file: file.clone(), ..new };

    assert!(matches!(add(&world, with_file(record("P999", "2026-11-20"))).await, Err(EvidenceError::NoSuchClaim(_))));
    assert!(matches!(add(&world, with_file(record("P007", "2026-11-20"))).await, Err(EvidenceError::Enforced(_))));
    assert!(matches!(add(&world, with_file(record("P054", "2026-11-20"))).await, Err(EvidenceError::Published(_))));
    assert!(matches!(add(&world, with_file(record("P011", "2027-11-20"))).await, Err(EvidenceError::InTheFuture(_))));
    assert!(matches!(add(&world, with_file(record("P011", "1999-12-31"))).await, Err(EvidenceError::LongAgo(_))));
    for note in [None, Some(" ".to_owned())] {
        let silent = NewEvidence { note, ..record("P011", "2026-11-20") };
        assert!(matches!(add(&world, silent).await, Err(EvidenceError::ShowsNothing)));
    }
    assert!(matches!(
        add(&world, with_file(record("P013", "2026-11-20"))).await,
        Err(EvidenceError::Incomplete { .. })
    ));
    let empty = NewEvidence { file: Some(("empty.pdf".into(), Vec::new())), ..record("P011", "2026-11-20") };
    assert!(matches!(add(&world, empty).await, Err(EvidenceError::Empty)));
    for (name, content) in
        [("letter.pdf", "not a PDF"), ("page.html", "<html>"), ("run.exe", "MZ\0\u{1}"), ("letter", "a text")]
    {
        let wrong = NewEvidence { file: Some((name.into(), content.into())), ..record("P011", "2026-11-20") };
        assert!(matches!(add(&world, wrong).await, Err(EvidenceError::WrongKind)), "{name}");
    }
    assert!(world.facts().await.records.is_empty());
    assert!(!world.folder.join("evidence").exists());
}

#[tokio::test]
async fn what_a_record_says_is_not_in_the_raw_bytes_and_its_files_hash_is_public() {
    let world = World::with(profile("stack-aero", &[])).await;
    let marker = "marker-7f3a9c-do-not-find-me";
    let new = NewEvidence {
        note: Some(format!("note {marker}")),
        file: Some((format!("{marker}.txt"), format!("file {marker}").into_bytes())),
        fields: [("firm".to_owned(), marker.to_owned()), ("independence".to_owned(), marker.to_owned())].into(),
        ..record("P013", "2026-11-20")
    };
    let id = add(&world, new).await.expect("add");

    let bytes = world.bytes_on_disk();
    assert!(!bytes.windows(marker.len()).any(|window| window == marker.as_bytes()));
    assert_eq!(world.vault.get_file(id).expect("file").as_slice(), format!("file {marker}").as_bytes());
    let hash = server::crypto::sha256_hex(format!("file {marker}").as_bytes());
    assert_eq!(world.facts().await.records["P013"][0].file_sha256.as_deref(), Some(hash.as_str()));
}

#[tokio::test]
async fn every_change_of_state_is_one_entry_of_the_history() {
    let mut world = World::with(profile("stack-aero", &[])).await;
    assert_eq!(world.observe().await, 54);
    assert_eq!(world.observe().await, 0);

    add(&world, record("P011", "2026-11-20")).await.expect("add");
    assert_eq!(world.observe().await, 1);
    world.now = START + Duration::days(400);
    assert!(world.observe().await >= 1);

    let entries = history::newest(&world.visitor(), "stack-aero", Some("P011"), None).await.expect("entries");
    let states: Vec<_> = entries.iter().map(|entry| entry.to).collect();
    assert_eq!(states, [State::Failing, State::Proven, State::Unproven]);
}

#[tokio::test]
async fn two_instances_that_notice_a_change_write_it_down_once() {
    let world = World::new().await;
    let written = futures::future::join_all((0..8).map(|_| world.observe())).await;
    assert_eq!(written.iter().sum::<usize>(), 91, "{written:?}");
    assert_eq!(history::verify(&world.visitor(), "aertous").await.expect("verify"), Ok(91));
}

#[tokio::test]
async fn any_change_to_the_history_is_found() {
    for (tampering, at) in [
        ("update trust_change set reason = 'nothing happened' where seq = 40", 40),
        ("update trust_change set to_state = 'proven' where seq = 7", 7),
        ("delete from trust_change where seq = 50", 50),
        ("update trust_change set seq = 1000 where seq = 3", 3),
        ("update trust_change set at_ms = at_ms - 1 where seq = 91", 91),
        ("update trust_change set hash = previous_hash where seq = 12", 12),
        ("delete from trust_change where seq > 89", 90),
        ("delete from trust_change", 1),
    ] {
        let world = World::new().await;
        world.observe().await;
        world.tamper(tampering).await;
        assert_eq!(history::verify(&world.visitor(), "aertous").await.expect("verify"), Err(at), "{tampering}");
    }
}

#[tokio::test]
async fn a_claim_that_leaves_the_profile_leaves_a_dated_note() {
    let mut world = World::with(profile("stack-aero", &[])).await;
    world.observe().await;
    let source = server::profile::Source::named("stack-aero").expect("shipped").text().expect("text");
    let start = source.find("[[claims]]\nid = \"P006\"").expect("P006");
    let end = start + 10 + source[start + 10..].find("[[claims]]").expect("the next claim");
    world.profile = profile("stack-aero", &[(&source[start..end], "")]);

    assert_eq!(world.observe().await, 1);
    let board = world.board().await;
    assert!(board.claim("P006").is_none());
    assert_eq!(board.gone.iter().map(|gone| gone.id.as_str()).collect::<Vec<_>>(), ["P006"]);
    assert_eq!(board.summary()[&State::Withdrawn], 1);
    assert_eq!(world.observe().await, 0);
}

#[tokio::test]
async fn a_sentence_cannot_be_reworded_in_silence() {
    let mut world = World::new().await;
    world.observe().await;
    world.profile = profile("aertous", &[("patch_high_days = 7", "patch_high_days = 70")]);
    assert_eq!(world.observe().await, 1);
    let newest = history::newest(&world.visitor(), "aertous", None, None).await.expect("entries").remove(0);
    assert_eq!((newest.claim.as_str(), newest.from), ("P116", Some(newest.to)));
    assert!(newest.sentence.contains("70 days"), "{}", newest.sentence);
}

#[tokio::test]
async fn a_withdrawn_claim_says_when_and_why() {
    let withdrawn = "id = \"P055\"\nwithdrawn = { date = 2026-06-01, reason = \"we stopped selling it\" }\n";
    let world = World::with(profile("aertous", &[("id = \"P055\"\n", withdrawn)])).await;
    let (now, finding) = state(&world.board().await, "P055");
    assert_eq!(now, State::Withdrawn);
    assert!(finding.contains("2026-06-01") && finding.contains("we stopped selling it"), "{finding}");
}

#[tokio::test]
async fn what_is_kept_of_each_check_is_bounded() {
    let mut world = World::new().await;
    for minute in 0..120 {
        world.now = START + Duration::minutes(minute);
        saw(&world, Check::FrameworksComputed, Seen::Upheld(format!("run {minute}"))).await;
    }
    let findings = &world.facts().await.findings[&Check::FrameworksComputed];
    assert!((40..=51).contains(&findings.len()), "{}", findings.len());
    assert_eq!(findings[0].seen, Seen::Upheld("run 119".into()));
}
