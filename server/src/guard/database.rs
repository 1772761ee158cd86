//! Opening, checking and migrating the store: SQLite in one file, or PostgreSQL.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use migrations::Platform;
use sea_orm::sqlx::sqlite::{SqliteAutoVacuum, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, EntityTrait, Statement,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::Semaphore;

use super::log_end::LogEnds;
use super::own::{Shelf, Shelves};
use super::row_security;
use super::tenant::{Resting, TenantId};
use crate::entity::revision;
use crate::profile::policy::Isolation;

/// Readers beside the one writer of SQLite (measured: more do not help on two cores).
const READERS: u32 = 4;

/// Long readings at a time, each with connections of its own. The next one waits.
const LONG: usize = 4;

/// What the one writer of the main file keeps in memory: pages that do not fit are written twice.
const WRITER_CACHE_KIB: u32 = 32_000;
const READER_CACHE_KIB: u32 = 2_000;

/// Rows that SQLite's thread may be ahead of whoever reads them. With the usual 50 they wake each other more often: a log
/// is verified a tenth slower or more (measured).
const ROWS_AHEAD: usize = 1000;

/// A larger file is not walked at start-up, so that starting stays quick.
const QUICK_CHECK_BYTES: u64 = 64 * 1024 * 1024;

/// Which database, and how to get there.
#[derive(Clone)]
pub enum Where {
    /// A file in this folder.
    Embedded(PathBuf),
    Postgres {
        url: String,
        admin_url: String,
    },
}

impl std::fmt::Debug for Where {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(folder) => write!(f, "Embedded({})", folder.display()),
            Self::Postgres { .. } => f.write_str("Postgres(…)"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the database is newer than this program (it has {0}); start the newer program, or restore the copy from before the upgrade"
    )]
    Newer(String),
    #[error("the database at {0} is damaged; restore the newest copy, or move the file away to start empty")]
    Damaged(String),
    #[error("the schema is not up to date; run avouch migrate, or start with --migrate")]
    Behind,
    #[error(
        "the serving login {0}, so row security would not hold it; give AVOUCH_DATABASE_URL a login of its own that owns nothing, and the owner's to AVOUCH_ADMIN_DATABASE_URL"
    )]
    Overpowered(&'static str),
    #[error("row security is not in force on {0}; run avouch migrate, or start with --migrate")]
    Unsecured(String),
    #[error(
        "row security is on for {0}, and this profile does not keep organisations apart by it; run avouch migrate, or start with --migrate"
    )]
    Secured(String),
    #[error(
        "this profile gives each organisation a database of its own, made by the owner's login, and that is not let in ({0}); set AVOUCH_ADMIN_DATABASE_URL to the owner's address with its password"
    )]
    OwnerShutOut(String),
    #[error(
        "this profile gives each organisation a database of its own, and the owner's login may too little to make them; set AVOUCH_ADMIN_DATABASE_URL to a login that may, or as a superuser run: {0}"
    )]
    OwnerWeak(String),
    #[error(
        "{0}. It is the one of an organisation, whose login was made with another owner's address or password; set AVOUCH_ADMIN_DATABASE_URL to what it was when the organisations were made"
    )]
    OwnShut(String),
    #[error("the database cannot be opened: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// What `avouch migrate --status` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaStatus {
    pub applied: Vec<String>,
    pub pending: Vec<String>,
    /// In the database and not in this program.
    pub unknown: Vec<String>,
}

/// The connections. Nothing outside `guard` can reach them.
#[derive(Debug)]
pub struct Store {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    pub(super) place: Where,
    pub(super) mode: Isolation,
    /// Where each organisation has a database of its own.
    pub(super) own: Option<Shelves>,
    pub(super) ends: LogEnds,
    pub(super) resting: Resting,
    /// For those who hold connections of their own for long.
    pub(super) long: Arc<Semaphore>,
}

impl Store {
    /// Opens the database in the shared mode, whichever it was brought up for: for commands that change no organisation.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(place: &Where, migrate: bool) -> Result<Self, OpenError> {
        Self::opened(place, migrate, Isolation::Scoped).await
    }

    /// Opens the database, refuses what it should not touch, and brings the schema up if asked.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing is written before the schema is known to be no newer than the program.
    pub async fn open_as(place: &Where, migrate: bool, mode: Isolation) -> Result<Self, OpenError> {
        let store = Self::opened(place, migrate, mode).await?;
        if store.rows_are_secured() {
            row_security::in_force(&store.read).await?;
        } else if store.read.get_database_backend() == DbBackend::Postgres {
            row_security::off(&store.read).await?;
        }
        Ok(store)
    }

    /// Refuses a mode in which the serving login would not be held. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError::Overpowered`] says what to do.
    pub async fn could_be(&self, mode: Isolation) -> Result<(), OpenError> {
        if mode != Isolation::RowLevel || self.read.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        row_security::overpowered(&self.read).await?.map_or(Ok(()), |why| Err(OpenError::Overpowered(why)))
    }

    async fn opened(place: &Where, migrate: bool, mode: Isolation) -> Result<Self, OpenError> {
        if let (Where::Postgres { url, admin_url }, true) = (place, migrate) {
            Self::prepare(url, admin_url, mode).await?;
        }
        let (read, write) = match place {
            Where::Embedded(folder) => Self::open_sqlite(&folder.join("avouch.db")).await?,
            Where::Postgres { url, .. } => Self::open_postgres(url).await?,
        };
        let own = (mode == Isolation::Dedicated).then(|| Shelves::new(Shelf::beside(place)));
        let long = Arc::new(Semaphore::new(LONG));
        let store = Self {
            read,
            write,
            place: place.clone(),
            mode,
            own,
            ends: LogEnds::default(),
            resting: Resting::default(),
            long,
        };
        let status = store.status().await?;
        if let Some(unknown) = status.unknown.first() {
            return Err(OpenError::Newer(unknown.clone()));
        }
        match (status.pending.is_empty(), migrate) {
            (true, _) => {}
            (false, false) => return Err(OpenError::Behind),
            (false, true) => Platform::up(&store.write, None).await?,
        }
        Ok(store)
    }

    /// Whether PostgreSQL keeps organisations apart by itself.
    pub fn rows_are_secured(&self) -> bool {
        self.mode == Isolation::RowLevel && self.read.get_database_backend() == DbBackend::Postgres
    }

    pub fn mode(&self) -> Isolation {
        self.mode
    }

    /// Makes the database of a new organisation, where each has one.
    pub(super) async fn provision(&self, tenant: TenantId) -> Result<Option<String>, DbErr> {
        match &self.own {
            Some(shelves) => shelves.make(tenant).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn own_is_of_another(&self, tenant: TenantId) -> Result<bool, DbErr> {
        match &self.own {
            Some(shelves) => shelves.is_of_another(tenant).await,
            None => Ok(false),
        }
    }

    pub(super) async fn remove_own(&self, tenant: TenantId) -> Result<(), DbErr> {
        match &self.own {
            Some(shelves) => shelves.remove(tenant).await,
            None => Ok(()),
        }
    }

    /// As the owner: brings the schema up, puts row security on or takes it off, and says what the serving login may, which may
    /// nothing before that.
    async fn prepare(url: &str, admin_url: &str, mode: Isolation) -> Result<(), OpenError> {
        let admin = admin(admin_url).await.map_err(|error| unreachable(&error))?;
        let lock =
            |verb: &str| Statement::from_string(DbBackend::Postgres, format!("select pg_advisory_{verb}(7238461)"));
        // Two instances that start at once: the second waits, then finds nothing to do.
        admin.query_one_raw(lock("lock")).await?;
        let done = Self::prepared(&admin, url, admin_url, mode).await;
        admin.query_one_raw(lock("unlock")).await?;
        admin.close().await?;
        done
    }

    async fn prepared(
        admin: &DatabaseConnection,
        url: &str,
        admin_url: &str,
        mode: Isolation,
    ) -> Result<(), OpenError> {
        let place = Where::Postgres { url: url.to_owned(), admin_url: admin_url.to_owned() };
        let (read, write, long) = (admin.clone(), admin.clone(), Arc::new(Semaphore::new(LONG)));
        let owner =
            Self { read, write, place, mode, own: None, ends: LogEnds::default(), resting: Resting::default(), long };
        let status = owner.status().await?;
        if let Some(unknown) = status.unknown.first() {
            return Err(OpenError::Newer(unknown.clone()));
        }
        Platform::up(admin, None).await?;
        row_security::put(admin, mode == Isolation::RowLevel).await?;
        Ok(grant(admin, url, admin_url).await?)
    }

    async fn open_sqlite(file: &Path) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
        let connect = |connections: u32, cache_kib: u32| sqlite(file, "rwc", connections, cache_kib);
        let damaged = |error: DbErr| sqlite_open_error(file, &error);
        let write = connect(1, WRITER_CACHE_KIB).await.map_err(damaged)?;
        let small = std::fs::metadata(file).is_ok_and(|found| found.len() <= QUICK_CHECK_BYTES);
        let pragma = if small { "pragma quick_check(1)" } else { "pragma schema_version" };
        let answer = write.query_one_raw(Statement::from_string(DbBackend::Sqlite, pragma)).await.map_err(damaged)?;
        let sound =
            answer.is_some_and(|row| !small || row.try_get_by_index::<String>(0).is_ok_and(|said| said == "ok"));
        if !sound {
            return Err(OpenError::Damaged(file.display().to_string()));
        }
        let read = connect(READERS, READER_CACHE_KIB).await.map_err(damaged)?;
        Ok((read, write))
    }

    async fn open_postgres(url: &str) -> Result<(DatabaseConnection, DatabaseConnection), OpenError> {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(8)
            .sqlx_logging(false)
            .acquire_timeout(Duration::from_secs(10))
            .connect_timeout(Duration::from_secs(5));
        let pool = Database::connect(options).await.map_err(|error| unreachable(&error))?;
        Ok((pool.clone(), pool))
    }

    /// Compares the database's migrations with the program's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn status(&self) -> Result<SchemaStatus, DbErr> {
        let known: Vec<String> = Platform::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let applied = self.applied().await?;
        let (there, here): (BTreeSet<_>, BTreeSet<_>) = (applied.iter().collect(), known.iter().collect());
        Ok(SchemaStatus {
            pending: known.iter().filter(|name| !there.contains(name)).cloned().collect(),
            unknown: applied.iter().filter(|name| !here.contains(name)).cloned().collect(),
            applied,
        })
    }

    /// Reads the list of applied migrations without creating it.
    async fn applied(&self) -> Result<Vec<String>, DbErr> {
        let backend = self.read.get_database_backend();
        let exists = match backend {
            DbBackend::Postgres => {
                "select relname::text from pg_catalog.pg_class where relname = 'seaql_migrations' and pg_table_is_visible(oid)"
            }
            DbBackend::Sqlite | DbBackend::MySql | _ => {
                "select name from sqlite_master where name = 'seaql_migrations'"
            }
        };
        if self.read.query_one_raw(Statement::from_string(backend, exists)).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = self
            .read
            .query_all_raw(Statement::from_string(backend, "select version from seaql_migrations order by version"))
            .await?;
        rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect()
    }

    /// A connection of its own, for whoever reads so long that others would wait.
    pub(super) async fn apart(&self) -> Result<DatabaseConnection, DbErr> {
        match &self.place {
            Where::Embedded(folder) => sqlite(&folder.join("avouch.db"), "rw", 1, READER_CACHE_KIB).await,
            Where::Postgres { url, .. } => {
                let mut options = ConnectOptions::new(url);
                options.max_connections(1).sqlx_logging(false).connect_timeout(Duration::from_secs(5));
                Database::connect(options).await
            }
        }
    }

    /// Closes the connections: of a copy that was only looked at.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.read.clone().close().await?;
        self.write.clone().close().await
    }

    /// How often anything that the page shows has changed.
    ///
    /// # Errors
    /// When the database does not answer, which is also how readiness is told.
    pub async fn revision(&self) -> Result<i64, DbErr> {
        Ok(revision::Entity::find_by_id(1_i64).one(&self.read).await?.map_or(0, |row| row.number))
    }
}

/// Connections to a SQLite file.
pub(super) async fn sqlite(
    file: &Path,
    mode: &str,
    connections: u32,
    cache_kib: u32,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode={mode}", file.display()));
    options.max_connections(connections).sqlx_logging(false).acquire_timeout(Duration::from_secs(10));
    // A file does not go away while it is open: asking each time whether it is there costs a round for nothing.
    options.test_before_acquire(false).idle_timeout(None).max_lifetime(None);
    // FULL: an acknowledged write survives a power cut (NORMAL lost all of the last moments). secure_delete: what is gone is gone.
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(ROWS_AHEAD)
            // What is freed is given back piece by piece; a file that is there already keeps what it was made with.
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .pragma("secure_delete", "ON")
            .pragma("cache_size", format!("-{cache_kib}"))
            // In pages of 4 KiB: what is written again and again is brought into the file once for as much as is kept in memory.
            .pragma("wal_autocheckpoint", (cache_kib / 4).max(1000).to_string())
    });
    Database::connect(options).await
}

/// One connection of the owner.
pub(super) async fn admin(admin_url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(admin_url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await
}

/// The words of an error about connecting may repeat the address, and with it the password.
pub(super) fn unreachable(error: &DbErr) -> OpenError {
    let said = error.to_string();
    OpenError::Unreachable(if said.contains("://") { "its address is not understood".into() } else { said })
}

/// Only the owner of a table may have its rows counted for the planner, so the function is the owner's. It changes no row and tells nothing.
const LEARN: &str = "create or replace function avouch_learn(which regclass) returns void language plpgsql \
    security definer set search_path = pg_catalog, public, pg_temp as $$ begin execute format('analyze %s', which); end $$";

/// What organisations keep: in the platform's database, or in one of their own.
pub(super) const KEPT: &str = "record, record_token, record_unique, record_change, record_count, act, file";

/// Lets the serving login, which owns nothing, do what it must: the two chains it may only lengthen.
async fn grant(admin: &DatabaseConnection, url: &str, admin_url: &str) -> Result<(), DbErr> {
    let login = |url: &str| url.split_once("://")?.1.split_once('@')?.0.split(':').next().map(str::to_owned);
    let (Some(serving), Some(owner)) = (login(url), login(admin_url)) else { return Ok(()) };
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if serving == owner || !plain(&serving) {
        return Ok(());
    }
    for statement in [
        format!("grant select on all tables in schema public to \"{serving}\""),
        format!(
            "grant insert on finding, evidence, evidence_withdrawal, trust_change, check_switch, platform_entry, data_key, account_entry to \"{serving}\""
        ),
        format!("grant delete on finding, check_switch to \"{serving}\""),
        // Of an organisation that is gone, the key and the head of its log go too.
        format!("grant delete on data_key, log_head to \"{serving}\""),
        format!(
            "grant insert, update, delete on backup_receipt, drill_receipt, keyring_copy, component, job to \"{serving}\""
        ),
        format!("grant update on revision to \"{serving}\""),
        format!("grant insert, update on instance to \"{serving}\""),
        // What belongs to people comes and goes; the record of an account can only be lengthened.
        format!(
            "grant insert, update, delete on account, organisation, membership, totp, backup_code, known_device, session, token, allowance, letter, custom_role, unit, reach, invitation, departure, help_grant, tally, outbox, environment, export, former_log, personal_copy, export_approval, legal_hold, purge, review, review_reviewer, review_item, review_count, review_vote, review_note, calendar_key, seat_review, seat_review_item to \"{serving}\""
        ),
        // A log can only be lengthened; what may go of it is for the triggers to say.
        format!("grant insert, delete on entry, signed_head, delivered to \"{serving}\""),
        format!("grant insert, update on log_head to \"{serving}\""),
        format!("grant insert, update on account_chain to \"{serving}\""),
        // The record of somebody who is gone goes too; the trigger of the table keeps everybody else's.
        format!("grant delete on account_entry, account_chain to \"{serving}\""),
        format!("grant insert on certificate to \"{serving}\""),
        format!("grant insert, update, delete on {KEPT} to \"{serving}\""),
        LEARN.to_owned(),
        "revoke execute on function avouch_learn(regclass) from public".to_owned(),
        format!("grant execute on function avouch_learn(regclass) to \"{serving}\""),
    ] {
        admin.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
    }
    Ok(())
}

/// Tells a damaged file from one that cannot be opened.
fn sqlite_open_error(file: &Path, error: &DbErr) -> OpenError {
    let said = error.to_string();
    if said.contains("not a database") || said.contains("malformed") {
        OpenError::Damaged(file.display().to_string())
    } else {
        unreachable(error)
    }
}
