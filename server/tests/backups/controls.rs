//! The controls `backups` and `recovery-objectives` on a running instance.

use server::backups::schedule;
use server::controls::run::look;
use server::controls::{Check, Seen};
use time::Duration;

use crate::common::*;

#[tokio::test]
async fn backups_are_made_by_the_schedule_and_fail_27_hours_after_it_stopped() {
    let mut world = world("stack-aero").await;
    ada(&world).await;
    let before = look(Check::BackupsDaily, &world.instance()).await.seen;
    assert!(matches!(before, Seen::Failing(_)), "{before:?}");
    let lines = schedule::round(&world.instance()).await.expect("a round");
    let jobs: Vec<(&str, &str)> = lines.iter().map(|line| (line.job.as_str(), line.outcome)).collect();
    assert_eq!(jobs, [("backup", "done"), ("drill", "done")], "{lines:?}");
    assert!(schedule::round(&world.instance()).await.expect("a round").is_empty(), "nothing is due twice");
    for check in [Check::BackupsDaily, Check::BackupsEncrypted, Check::ObjectivesSet, Check::ObjectivesMeasured] {
        let seen = look(check, &world.instance()).await.seen;
        assert!(matches!(seen, Seen::Upheld(_)), "{check:?}: {seen:?}");
    }
    world.now += Duration::hours(27);
    let after = look(Check::BackupsDaily, &world.instance()).await.seen;
    assert!(matches!(&after, Seen::Failing(said) if said.contains("late since")), "{after:?}");
}

#[tokio::test]
async fn a_plain_file_where_backups_lie_is_found() {
    let world = world("aertous").await;
    schedule::round(&world.instance()).await.expect("a round");
    std::fs::write(world.elsewhere().join("avouch-99991231T000000Z-x.backup"), "SQLite format 3\0 and more")
        .expect("write");
    let seen = look(Check::BackupsEncrypted, &world.instance()).await.seen;
    assert!(matches!(&seen, Seen::Failing(said) if said.contains("not sealed")), "{seen:?}");
}

#[tokio::test]
async fn a_drill_that_was_not_repeated_in_time_fails() {
    let mut world = world("aertous").await;
    schedule::round(&world.instance()).await.expect("a round");
    world.now += Duration::days(182);
    let seen = look(Check::ObjectivesMeasured, &world.instance()).await.seen;
    assert!(matches!(&seen, Seen::Failing(said) if said.contains("was due")), "{seen:?}");
}
