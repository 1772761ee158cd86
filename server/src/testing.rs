//! A world to try use cases in: a database of its own, a profile, a data folder, and a clock that moves when told.
//!
//! SQLite in a scratch folder, or with `AVOUCH_TEST_DATABASE_URL` a database of its own on that PostgreSQL.

mod copies;
mod organisations;

pub use self::copies::{newest_entry_opens, sum_of_components, unpacked};

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use sea_orm::{ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter, Statement};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::backups::{Backups, Destination};
use crate::blobs::{self, Blobs};
use crate::clock::Clock;
use crate::controls::{Instance, Mode, Serving};
use crate::crypto::keys::{MasterKey, Origin};
use crate::crypto::password::Hasher;
use crate::crypto::seal::SecretKey;
use crate::entity::account;
use crate::guard::{Operator, Store, Visitor, Where};
use crate::identity::Accounts;
use crate::identity::password_rules::Breached;
use crate::mail::{Post, queue};
use crate::profile::policy::Isolation;
use crate::profile::{Profile, Source, check};
use crate::trust::{Board, Facts, history};
use crate::vault::Vault;

/// When every world begins.
pub const START: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

#[derive(Debug)]
pub struct World {
    pub place: Where,
    pub store: Arc<Store>,
    pub master: Arc<MasterKey>,
    pub vault: Vault,
    pub profile: Arc<Profile>,
    pub folder: PathBuf,
    pub now: OffsetDateTime,
    accounts: OnceLock<Accounts>,
}

/// The secret part of the first link of a letter.
pub fn link_token(letter: &str) -> String {
    let rest = letter.split("token=").nth(1).unwrap_or_default();
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

/// A shipped profile, changed by replacing text.
///
/// # Panics
/// When the text is not there, or the result is refused.
pub fn profile(name: &str, changes: &[(&str, &str)]) -> Arc<Profile> {
    let source = Source::named(name).expect("a shipped profile");
    let mut text = source.text().expect("its text");
    for (old, new) in changes {
        assert!(text.contains(old), "{old:?} is not in {name}");
        text = text.replacen(old, new, 1);
    }
    let checked = check(&source, &text, START.date());
    Arc::new(checked.profile.unwrap_or_else(|| unreachable!("{:?}", checked.errors)))
}

impl World {
    pub async fn new() -> Self {
        Self::with(profile("aertous", &[])).await
    }

    /// # Panics
    /// When the database cannot be had: there is no test without it.
    pub async fn with(profile: Arc<Profile>) -> Self {
        let folder = std::env::temp_dir().join(format!("avouch-world-{}", Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).expect("a scratch folder");
        let place = place(&folder, profile.isolation).await;
        Self::within(place, profile, folder, SecretKey::random().expect("random")).await
    }

    /// A world on SQLite in a folder where one may have been before, with the key that it had.
    ///
    /// # Panics
    /// When the database cannot be had.
    pub async fn at(profile: Arc<Profile>, folder: PathBuf, key: SecretKey) -> Self {
        Self::within(Where::Embedded(folder.clone()), profile, folder, key).await
    }

    /// A world with a database of its own, wherever this run has databases; another process can go on there.
    ///
    /// # Panics
    /// When the database cannot be had.
    pub async fn new_in(profile: Arc<Profile>, folder: PathBuf, key: SecretKey) -> Self {
        let place = place(&folder, profile.isolation).await;
        Self::within(place, profile, folder, key).await
    }

    /// A world where one has been before, with the key that it had.
    ///
    /// # Panics
    /// When the database cannot be had.
    pub async fn again(place: Where, profile: Arc<Profile>, folder: PathBuf, key: SecretKey) -> Self {
        Self::within(place, profile, folder, key).await
    }

    async fn within(place: Where, profile: Arc<Profile>, folder: PathBuf, key: SecretKey) -> Self {
        let store = Arc::new(Store::open_as(&place, true, profile.isolation).await.expect("a database"));
        let master = Arc::new(MasterKey::new(key, Origin::InMemory));
        let operator = Operator::at_the_command_line(&store);
        let vault = Vault::open(&operator, Arc::clone(&master), "test", &folder, START).await.expect("a vault");
        Self { place, store, master, vault, profile, folder, now: START, accounts: OnceLock::new() }
    }

    pub fn operator(&self) -> Operator {
        Operator::at_the_command_line(&self.store)
    }

    pub fn visitor(&self) -> Visitor {
        Visitor::of(&self.store)
    }

    /// Where the copies of this world go: a folder that is not its data folder.
    pub fn elsewhere(&self) -> PathBuf {
        self.folder.with_extension("copies")
    }

    pub fn backups(&self) -> Backups {
        let elsewhere = Destination::folder(&self.elsewhere()).expect("a folder");
        Backups::new((&self.folder, &self.place), "test", &self.master, vec![elsewhere])
    }

    /// This world as checks see it, reached at an address where nobody listens unless told otherwise.
    pub fn instance(&self) -> Instance {
        let serving = Serving {
            address: ([127, 0, 0, 1], 9).into(),
            mode: Mode::Plain,
            public_url: "http://127.0.0.1:9".into(),
            probe_token: Arc::from(self.master.probe_token()),
            temporary: false,
        };
        Instance {
            profile: Arc::clone(&self.profile),
            operator: self.operator(),
            vault: self.vault.clone(),
            backups: Arc::new(self.backups()),
            accounts: self.accounts().clone(),
            clock: Clock::Fixed(self.now),
            serving,
            secrets: Vec::new(),
        }
    }

    /// What acts about accounts work with. Made once: its threads stay for the life of the test.
    pub fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(|| Accounts {
            profile: Arc::clone(&self.profile),
            vault: self.vault.clone(),
            hasher: Hasher::start(&self.profile.policy.passwords).expect("hashing threads"),
            public_url: "https://trust.test".into(),
            breached: Breached::default(),
            blobs: Blobs::open(&blobs::Place::below(&self.folder)).expect("a folder for files"),
            bell: Arc::default(),
        })
    }

    /// Opens every queued letter: to whom, and its text.
    pub async fn letters(&self) -> Vec<(String, String)> {
        self.letters_at(self.now).await
    }

    /// The accounts of one kind, by id.
    pub async fn accounts_of_kind(&self, kind: &str) -> Vec<Uuid> {
        let rows = account::Entity::find().filter(account::Column::Kind.eq(kind));
        self.operator().all(rows).await.expect("accounts").into_iter().map(|row| row.id).collect()
    }

    /// The same data under another profile, as after an update.
    pub fn follows(&mut self, profile: Arc<Profile>) {
        self.profile = profile;
        self.accounts = OnceLock::new();
    }

    pub async fn letters_at(&self, now: OffsetDateTime) -> Vec<(String, String)> {
        let folder = self.folder.join("letters");
        let post = Post::folder(&folder).expect("folder");
        queue::deliver(&self.operator(), &self.vault, &post, now).await.expect("deliver");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).expect("folder").flatten() {
            let text = std::fs::read_to_string(entry.path()).expect("letter").replace("=\r\n", "").replace("=3D", "=");
            let to = text.lines().find_map(|line| line.strip_prefix("To: ")).unwrap_or_default().to_owned();
            std::fs::remove_file(entry.path()).expect("remove");
            found.push((to, text));
        }
        found
    }

    pub async fn facts(&self) -> Facts {
        Facts::read(&self.visitor(), &self.profile.id).await.expect("facts")
    }

    pub async fn board(&self) -> Board {
        Board::draw(&self.profile, &self.facts().await, self.now)
    }

    /// Writes down what has changed; how many entries that took.
    pub async fn observe(&self) -> usize {
        let facts = self.facts().await;
        history::observe(&self.operator(), &Board::draw(&self.profile, &facts, self.now), &facts)
            .await
            .expect("observe")
    }

    /// Goes behind everybody's back, as somebody with the database's password could.
    pub async fn tamper(&self, sql: &str) {
        let database = self.behind().await;
        let backend = database.get_database_backend();
        database.execute_raw(Statement::from_string(backend, sql)).await.expect(sql);
        database.close().await.expect("close");
    }

    /// Whether these bytes stand anywhere: in a file of the data folder, or on PostgreSQL in any value of any table.
    pub async fn holds(&self, needle: &[u8]) -> bool {
        let found = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        let rows = self.rows().await;
        // PostgreSQL shows binary values in hexadecimal.
        found(&self.bytes_on_disk(), needle)
            || found(rows.as_bytes(), needle)
            || found(rows.as_bytes(), crate::crypto::hex(needle).as_bytes())
    }

    /// Every row of every table as PostgreSQL writes it; nothing on SQLite, whose file is in the data folder.
    async fn rows(&self) -> String {
        let Where::Postgres { admin_url, .. } = &self.place else { return String::new() };
        let database = Database::connect(admin_url).await.expect("a connection of its own");
        let ask = |sql: String| Statement::from_string(database.get_database_backend(), sql);
        let tables = "select tablename::text from pg_tables where schemaname = 'public'";
        let mut text = String::new();
        for table in database.query_all_raw(ask(tables.into())).await.expect("tables") {
            let table: String = table.try_get_by_index(0).expect("a name");
            for row in database.query_all_raw(ask(format!("select t::text from \"{table}\" t"))).await.expect("rows") {
                text.push_str(&row.try_get_by_index::<String>(0).expect("a row"));
                text.push('\n');
            }
        }
        database.close().await.expect("close");
        text
    }

    /// Every byte below the data folder, the database and its journal included.
    pub fn bytes_on_disk(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    all.extend(std::fs::read(entry.path()).unwrap_or_default());
                }
            }
        }
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test that failed has said why already.
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_dir_all(self.elsewhere());
    }
}

async fn place(folder: &std::path::Path, isolation: Isolation) -> Where {
    let Ok(server) = std::env::var("AVOUCH_TEST_DATABASE_URL") else {
        return Where::Embedded(folder.to_owned());
    };
    let name = format!("world_{}", Uuid::now_v7().simple());
    let admin = Database::connect(&server).await.expect("the test PostgreSQL");
    let backend = admin.get_database_backend();
    admin.execute_raw(Statement::from_string(backend, format!("create database {name}"))).await.expect("a database");
    let admin_url = server.rsplit_once('/').map_or(server.clone(), |(host, _)| format!("{host}/{name}"));
    let url = match isolation {
        Isolation::Scoped | Isolation::Dedicated => admin_url.clone(),
        // Row security holds nobody who owns the tables.
        Isolation::RowLevel => {
            let role = format!("create role {name} login password '{name}'");
            admin.execute_raw(Statement::from_string(backend, role)).await.expect("a login");
            let (scheme, rest) = admin_url.split_once("://").expect("a scheme");
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            format!("{scheme}://{name}:{name}@{place}")
        }
    };
    admin.close().await.expect("close");
    Where::Postgres { url, admin_url }
}
