//! Old copies go after their time, with a receipt, and the newest good ones never.

use server::backups::pruning::{self, Pruned};
use server::backups::{Destination, receipts, schedule};
use server::testing::World;
use time::Duration;

use crate::common::*;
use crate::place::take;

async fn lying(world: &World) -> Vec<String> {
    let destination = Destination::folder(&world.elsewhere()).expect("a folder");
    let found = destination.list("avouch-", ".backup").await.expect("a list");
    found.into_iter().map(|object| object.name).collect()
}

async fn prune(world: &World) -> Vec<Pruned> {
    let backups = world.backups();
    let policy = &world.profile.policy.backups;
    pruning::prune(&world.operator(), policy, &backups.destinations, world.now).await.expect("a round")
}

/// A copy each day; their names, oldest first.
async fn days(world: &mut World, number: usize) -> Vec<String> {
    let mut objects = Vec::new();
    for _ in 0..number {
        objects.push(take(world).await.expect("a backup").object);
        world.now += Duration::days(1);
    }
    objects
}

#[tokio::test]
async fn a_copy_goes_after_its_days_and_its_receipt_says_when() {
    let changes = [("keep_days = 35", "keep_days = 5"), ("keep_at_least = 7", "keep_at_least = 2")];
    let mut world = World::with(server::testing::profile("aertous", &changes)).await;
    let began = world.now;
    let objects = days(&mut world, 8).await;
    // One that this instance knows nothing of, such as another instance's.
    let foreign = world.elsewhere().join("avouch-20200101T000000Z-another.backup");
    std::fs::write(&foreign, b"sealed").expect("a file");

    world.now = began + Duration::days(7) - Duration::seconds(1);
    let pruned: Vec<String> = prune(&world).await.into_iter().map(|pruned| pruned.object).collect();
    assert_eq!(pruned, [objects[1].as_str(), objects[0].as_str()]);
    assert!(foreign.exists());
    let left: Vec<String> = lying(&world).await.into_iter().filter(|name| !name.contains("another")).collect();
    assert_eq!(left, objects[2..]);
    assert!(prune(&world).await.is_empty(), "once");

    let receipts = receipts::backups(&world.operator().visitor(), 20).await.expect("receipts");
    let told: Vec<&str> =
        receipts.iter().filter(|one| one.pruned == Some(world.now)).map(|one| one.object.as_str()).collect();
    assert_eq!(told, [objects[1].as_str(), objects[0].as_str()]);
    let database = world.behind().await;
    let ask = statement(&database, "select count(*) from platform_entry where action = 'backup-pruned'", Vec::new());
    let row = sea_orm::ConnectionTrait::query_one_raw(&database, ask).await.expect("a query").expect("a row");
    assert_eq!(row.try_get_by_index::<i64>(0).expect("a number"), 2);
}

#[tokio::test]
async fn when_no_new_copies_come_the_newest_good_ones_stay_however_old_they_are() {
    let changes = [("keep_days = 35", "keep_days = 5"), ("keep_at_least = 7", "keep_at_least = 2")];
    let mut world = World::with(server::testing::profile("aertous", &changes)).await;
    let objects = days(&mut world, 4).await;
    // The newest was lost behind everybody's back: what counts is what lies there.
    std::fs::remove_file(world.elsewhere().join(&objects[3])).expect("lost");
    world.now += Duration::days(1000);
    prune(&world).await;
    assert_eq!(lying(&world).await, objects[1..3]);
    let good = receipts::last_good(&world.operator().visitor(), world.now).await.expect("receipts");
    assert_eq!(good.expect("one").object, objects[2]);
}

#[tokio::test]
async fn nothing_goes_before_a_new_copy_lies_there_and_a_profile_without_days_keeps_everything() {
    let changes = [("keep_days = 35", "keep_days = 5"), ("keep_at_least = 7", "keep_at_least = 1")];
    let mut world = World::with(server::testing::profile("aertous", &changes)).await;
    let objects = days(&mut world, 3).await;
    world.now += Duration::days(100);
    // The place cannot be written to.
    let place = world.elsewhere();
    let away = place.with_extension("away");
    std::fs::rename(&place, &away).expect("away");
    std::fs::write(&place, b"no folder").expect("a file");
    schedule::round(&world.instance()).await.expect("a round");
    std::fs::remove_file(&place).expect("gone");
    std::fs::rename(&away, &place).expect("back");
    assert_eq!(lying(&world).await, objects);

    world.now += Duration::hours(1);
    let lines = schedule::round(&world.instance()).await.expect("a round");
    assert!(lines.iter().any(|line| line.job == "pruning" && line.outcome == "done"), "{lines:?}");
    assert_eq!(lying(&world).await.len(), 1);

    let mut forever = world.profile.policy.backups.clone();
    forever.keep_days = None;
    world.now += Duration::days(1000);
    let places = world.backups().destinations;
    assert!(pruning::prune(&world.operator(), &forever, &places, world.now).await.expect("a round").is_empty());
}
