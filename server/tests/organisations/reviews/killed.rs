//! A process that is killed while it closes a review, on either database; a second process goes on where the first was.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use server::audit::heads::Walked;
use server::crypto::seal::SecretKey;
use server::crypto::totp::TotpSecret;
use server::guard::{Where, rights};
use server::reviews::{self, Form, ManyForm, Status};
use server::testing::{World, profile};
use time::Duration;
use uuid::Uuid;

use super::*;
use crate::entries::{Log, walk};

/// What the process that is killed is told; set in that process only.
const KILLED: &str = "AVOUCH_TEST_KILLED_REVIEW";
const NAME: &str = "reviews::killed::whoever_is_killed_while_closing_a_review_has_closed_it_or_has_not_begun";
/// Enough that closing takes a while: each is a letter, an ended membership and entries in the log.
const PEOPLE: u32 = 600;
/// Milliseconds into the transaction.
const AFTER_MS: [u64; 4] = [0, 30, 120, 480];

async fn opened(mode: &str, folder: &Path, place: &Where) -> World {
    World::again(place.clone(), profile(mode, &[]), folder.to_owned(), SecretKey::new([7; 32])).await
}

/// Where a world lies, in words that a process is told.
fn in_words(place: &Where) -> String {
    match place {
        Where::Embedded(_) => "embedded -".to_owned(),
        Where::Postgres { url, admin_url } => format!("{url} {admin_url}"),
    }
}

/// The process that is killed: signs in as Ada and closes her review.
async fn closes(said: &str) {
    let mut said = said.split(' ');
    let mut next = || said.next().expect("mode, folder, review, secret, minutes and place");
    let (mode, folder, id, secret, minutes) = (next(), PathBuf::from(next()), next(), next(), next());
    let place = match (next(), next()) {
        ("embedded", _) => Where::Embedded(folder.clone()),
        (url, admin_url) => Where::Postgres { url: url.to_owned(), admin_url: admin_url.to_owned() },
    };
    let mut world = opened(mode, &folder, &place).await;
    world.now += Duration::minutes(minutes.parse().expect("minutes"));
    let secret = (secret != "-").then(|| TotpSecret::from_base32(secret).expect("160 bits"));
    let ada = enters(&world, ADA, secret).await;
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    std::fs::write(folder.join("closing"), "").expect("said");
    reviews::close(&manager, world.accounts(), id, &here(), world.now).await.expect("close");
    // The folder belongs to whoever began this process.
    std::mem::forget(world);
}

fn begun(mode: &str, world: &World, ada: &Somebody, review: Uuid, minutes: i64) -> Child {
    let secret = ada.secret.as_ref().map_or_else(|| "-".to_owned(), TotpSecret::base32);
    let place = in_words(&world.place);
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", NAME])
        .env(KILLED, format!("{mode} {} {review} {secret} {minutes} {place}", world.folder.display()))
        .env_remove("AVOUCH_TEST_DATABASE_URL")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test once more")
}

/// A connection that does not wait for whoever writes.
async fn impatient(world: &World) -> DatabaseConnection {
    let Where::Embedded(folder) = &world.place else { return world.behind().await };
    let url = format!("sqlite://{}", folder.join("avouch.db").display());
    let mut options = ConnectOptions::new(url);
    options.min_connections(1).max_connections(1);
    let database = Database::connect(options).await;
    let database = database.unwrap_or_else(|why| unreachable!("{}: {why:?}", folder.display()));
    database.execute_unprepared("pragma busy_timeout = 0").await.expect("pragma");
    database
}

/// Whether somebody else has begun to write and not ended. On SQLite nobody else can begin then; PostgreSQL tells.
async fn somebody_writes(database: &DatabaseConnection) -> bool {
    if on_postgres(database) {
        let others = "select count(*) from pg_stat_activity \
                      where datname = current_database() and pid <> pg_backend_pid() and backend_xid is not null";
        let row = database.query_one_raw(statement(database, others, Vec::new())).await.expect("row").expect("one");
        return row.try_get_by_index::<i64>(0).expect("a number") > 0;
    }
    let begun = database.execute_unprepared("begin immediate").await.is_ok();
    let _ = database.execute_unprepared("rollback").await;
    !begun
}

/// Waits until the other process is inside of its transaction.
async fn in_the_middle(world: &World, child: &mut Child) {
    let said = world.folder.join("closing");
    let database = impatient(world).await;
    loop {
        assert!(child.try_wait().expect("a child").is_none(), "it was done before it was killed");
        if said.exists() && somebody_writes(&database).await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    database.close().await.expect("close");
    std::fs::remove_file(said).expect("remove");
}

/// Waits until the database has noticed that nobody is there any more: a server finds that out at its next word to them.
async fn noticed(world: &World) {
    let database = impatient(world).await;
    while somebody_writes(&database).await {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    database.close().await.expect("close");
}

/// What is there, counted behind everybody's back: members, items that are done, letters about ended access, and entries of either kind.
async fn counted(world: &World, ada: &Somebody) -> [usize; 5] {
    // Where the log lies in a database of its own, the round of every minute brings what was committed and not delivered there yet.
    crate::entries::sign(world).await;
    let database = world.behind().await;
    let number = async |sql: &str| {
        let row = database.query_one_raw(statement(&database, sql, Vec::new())).await.expect("row").expect("one");
        usize::try_from(row.try_get_by_index::<i64>(0).expect("a number")).expect("not negative")
    };
    let members = number("select count(*) from membership").await;
    let done = number("select count(*) from review_item where state = 'applied'").await;
    let letters = number("select count(*) from letter where kind = 'access-ended'").await;
    database.close().await.expect("close");
    assert!(matches!(walk(world, ada.tenant).await, Walked::Holds { .. }));
    let log = Log::read(world, ada.tenant).await;
    let entries = |action: &str| log.actions().iter().filter(|found| **found == action).count();
    [members, done, letters, entries("member-offboarded"), entries("review-closed")]
}

/// Ada, and a review of hers in which everybody but herself is to go when it is closed.
async fn decided(world: &World, mode: &str) -> (Somebody, Uuid) {
    let ada = ada(world).await;
    let plain = MODES.iter().find(|(known, _)| *known == mode).expect("a mode").1;
    world.crowd(ada.tenant, PEOPLE, &[plain]).await;
    let form = Form { name: "All", due: DUE, effect: "at_close", ..Form::default() };
    let id = open(world, &ada, &form).await.expect("open");
    let reviewer = may::<rights::ReviewsDecide>(world, &ada).await;
    let (review, sure) = (id.to_string(), Some(u64::from(PEOPLE)));
    let form = ManyForm { review: &review, decision: "revoke", note: Some("Over"), sure, ..ManyForm::default() };
    reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await.expect("revoked");
    (ada, id)
}

async fn killed(mode: &str) {
    let folder = std::env::temp_dir().join(format!("avouch-closing-{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut world = World::new_in(profile(mode, &[]), folder.clone(), SecretKey::new([7; 32])).await;
    let place = world.place.clone();
    let (ada, id) = decided(&world, mode).await;
    let people = usize::try_from(PEOPLE).expect("few");
    let (nothing, everything) = ([people + 1, 0, 0, 0, 0], [1, people, people, people, 1]);
    let (mut left_open, mut kept) = (0, Vec::new());
    for after in AFTER_MS {
        world.now += Duration::minutes(2);
        let minutes = (world.now - server::testing::START).whole_minutes();
        let mut child = begun(mode, &world, &ada, id, minutes);
        in_the_middle(&world, &mut child).await;
        tokio::time::sleep(std::time::Duration::from_millis(after)).await;
        child.kill().expect("SIGKILL");
        child.wait().expect("a child");
        noticed(&world).await;

        // Another process finds it closed with everything that follows from it, or open with nothing of it.
        let mut again = opened(mode, &folder, &place).await;
        again.now = world.now + Duration::minutes(1);
        let found = counted(&again, &ada).await;
        let ada = ada.again(&again).await;
        match campaign(&again, &ada, id).await.status {
            Status::Open => assert_eq!(found, nothing, "{mode}, after {after} ms"),
            Status::Closed => assert_eq!(found, everything, "{mode}, after {after} ms"),
            Status::Draft => unreachable!("{mode}"),
        }
        world.now = again.now;
        // A world takes its folder with it.
        kept.push(again);
        if found == everything {
            break;
        }
        left_open += 1;
    }
    assert!(left_open > 0, "{mode}: none was killed in the middle");

    let mut again = opened(mode, &folder, &place).await;
    again.now = world.now + Duration::minutes(2);
    let ada = ada.again(&again).await;
    if campaign(&again, &ada, id).await.status == Status::Open {
        let manager = may::<rights::ReviewsManage>(&again, &ada).await;
        reviews::close(&manager, again.accounts(), &id.to_string(), &here(), again.now).await.expect("closing again");
    }
    assert_eq!(counted(&again, &ada).await, everything, "{mode}");
    let reader = may::<rights::ReviewsRead>(&again, &ada).await;
    let report = reviews::report(&reader, again.accounts(), id, again.now).await.expect("database").expect("it");
    let counts = report.campaign.counts;
    assert_eq!((counts.revoke, counts.applied, report.silent), (PEOPLE.into(), PEOPLE.into(), 1), "{mode}");
}

#[tokio::test]
async fn whoever_is_killed_while_closing_a_review_has_closed_it_or_has_not_begun() {
    if let Ok(said) = std::env::var(KILLED) {
        return closes(&said).await;
    }
    // Where the log lies beside what it records, and where it lies in a database of its own.
    for mode in ["aertous", "stack-aero"] {
        Box::pin(killed(mode)).await;
    }
}
