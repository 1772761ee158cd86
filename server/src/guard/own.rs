//! Dedicated mode: a database of its own for each organisation, behind a bounded pool of pools.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use migrations::Own as OwnTables;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use super::database::{self, Where};
use super::tenant::TenantId;

/// How many organisations' databases are open at once. One takes two connections and about a quarter of a megabyte.
const OPEN_AT_ONCE: usize = 48;

/// There may be many files, so that each keeps little: all writers that are open at most 192 MB, if each brings many records in.
const WRITER_CACHE_KIB: u32 = 4_000;
const READER_CACHE_KIB: u32 = 128;

/// One organisation's own database.
#[derive(Debug)]
pub(super) struct OwnStore {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
}

#[derive(Clone, Debug)]
pub(super) enum Shelf {
    /// A file for each below this folder.
    Files(PathBuf),
    /// A database and a login for each on this server.
    Server { url: String, admin_url: String },
}

impl Shelf {
    pub(super) fn beside(place: &Where) -> Self {
        match place {
            Where::Embedded(folder) => Self::Files(folder.join("organisations")),
            Where::Postgres { url, admin_url } => Self::Server { url: url.clone(), admin_url: admin_url.clone() },
        }
    }
}

#[derive(Debug)]
pub(super) struct Shelves {
    shelf: Shelf,
    open: Mutex<HashMap<Uuid, (u64, Arc<OwnStore>)>>,
    turn: AtomicU64,
    opening: tokio::sync::Mutex<()>,
}

impl Shelves {
    pub(super) fn new(shelf: Shelf) -> Self {
        Self { shelf, open: Mutex::default(), turn: AtomicU64::new(0), opening: tokio::sync::Mutex::new(()) }
    }

    fn at_hand(&self, tenant: TenantId) -> Option<Arc<OwnStore>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        open.get_mut(&tenant.0).map(|(used, own)| {
            *used = turn;
            Arc::clone(own)
        })
    }

    /// The organisation's database. One that was not made, or is gone, is an error and not an empty one.
    pub(super) async fn get(&self, tenant: TenantId) -> Result<Arc<OwnStore>, DbErr> {
        if let Some(own) = self.at_hand(tenant) {
            return Ok(own);
        }
        let _alone = self.opening.lock().await;
        if let Some(own) = self.at_hand(tenant) {
            return Ok(own);
        }
        let own = Arc::new(self.connect(tenant, false).await?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_AT_ONCE
            && let Some(oldest) = open.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id)
        {
            open.remove(&oldest);
        }
        open.insert(tenant.0, (self.turn.fetch_add(1, Ordering::Relaxed), Arc::clone(&own)));
        Ok(own)
    }

    /// Connections of their own, for whoever holds one so long that others would wait.
    pub(super) async fn apart(&self, tenant: TenantId) -> Result<OwnStore, DbErr> {
        self.connect(tenant, false).await
    }

    /// Makes the organisation's database and brings its tables up. Returns where it is: nothing else may be there.
    pub(super) async fn make(&self, tenant: TenantId) -> Result<String, DbErr> {
        let own = self.connect(tenant, true).await?;
        let owner = format!(
            "insert into owner (only_row, tenant_id) values (1, {})",
            match own.write.get_database_backend() {
                DbBackend::Postgres => format!("'{}'", tenant.0),
                DbBackend::Sqlite | DbBackend::MySql | _ => format!("X'{}'", tenant.0.simple()),
            }
        );
        if let Shelf::Files(_) = self.shelf {
            own.write.execute_raw(Statement::from_string(own.write.get_database_backend(), owner)).await?;
        }
        Ok(name(tenant))
    }

    /// Whether another instance on the same server has a database of this organisation: then it is not ours to remove or to fill.
    pub(super) async fn is_of_another(&self, tenant: TenantId) -> Result<bool, DbErr> {
        let Shelf::Server { admin_url, .. } = &self.shelf else { return Ok(false) };
        let admin = database::admin(admin_url).await?;
        let ask = format!(
            "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = '{}'",
            name(tenant)
        );
        let found = admin.query_one_raw(Statement::from_string(DbBackend::Postgres, ask)).await?;
        let whose = found.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
        admin.close().await?;
        Ok(whose.is_some_and(|whose| whose != mark(admin_url)))
    }

    /// Removes the database of an organisation that is gone.
    pub(super) async fn remove(&self, tenant: TenantId) -> Result<(), DbErr> {
        let own = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&tenant.0);
        if let Some((_, own)) = own {
            own.read.clone().close().await?;
            own.write.clone().close().await?;
        }
        match &self.shelf {
            Shelf::Files(folder) => {
                for ending in ["db", "db-wal", "db-shm"] {
                    let _ = std::fs::remove_file(folder.join(format!("{}.{ending}", name(tenant))));
                }
                Ok(())
            }
            Shelf::Server { admin_url, .. } => {
                let admin = database::admin(admin_url).await?;
                for statement in [
                    format!("drop database if exists \"{}\" with (force)", name(tenant)),
                    format!("drop role if exists \"{}\"", name(tenant)),
                ] {
                    admin.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
                }
                admin.close().await
            }
        }
    }

    /// Whether the login of one organisation's database is refused at another's. `None`: files have no logins.
    pub(super) async fn shuts_out(&self, stranger: TenantId, at: TenantId) -> Result<Option<bool>, DbErr> {
        let Shelf::Server { url, admin_url } = &self.shelf else { return Ok(None) };
        let mut options = ConnectOptions::new(with(url, at, Some((stranger, &password(admin_url, stranger))))?);
        options.max_connections(1).sqlx_logging(false);
        match Database::connect(options).await {
            Ok(inside) => inside.close().await.map(|()| Some(false)),
            Err(error) if error.to_string().contains("permission denied") => Ok(Some(true)),
            Err(error) => Err(error),
        }
    }

    async fn connect(&self, tenant: TenantId, make: bool) -> Result<OwnStore, DbErr> {
        match &self.shelf {
            Shelf::Files(folder) => {
                if make {
                    std::fs::create_dir_all(folder).map_err(|error| DbErr::Custom(error.to_string()))?;
                }
                let file = folder.join(format!("{}.db", name(tenant)));
                if make && file.exists() {
                    return Err(DbErr::Custom("an organisation's database is there already".into()));
                }
                let mode = if make { "rwc" } else { "rw" };
                let write = database::sqlite(&file, mode, 1, WRITER_CACHE_KIB).await?;
                if make || !OwnTables::get_pending_migrations(&write).await?.is_empty() {
                    OwnTables::up(&write, None).await?;
                }
                let read = database::sqlite(&file, "rw", 1, READER_CACHE_KIB).await?;
                Ok(OwnStore { read, write })
            }
            Shelf::Server { url, admin_url } => {
                if make {
                    make_on_server(admin_url, tenant).await?;
                }
                let mut options = ConnectOptions::new(with(url, tenant, Some((tenant, &password(admin_url, tenant))))?);
                options.max_connections(2).sqlx_logging(false);
                let pool = Database::connect(options).await?;
                if !OwnTables::get_pending_migrations_read_only(&pool).await?.is_empty() {
                    migrate_on_server(admin_url, tenant).await?;
                }
                Ok(OwnStore { read: pool.clone(), write: pool })
            }
        }
    }
}

fn name(tenant: TenantId) -> String {
    format!("avouch_o_{}", tenant.0.simple())
}

/// The login of one organisation's database has a password that only whoever holds the owner's login can compute, so none is stored.
fn password(admin_url: &str, tenant: TenantId) -> String {
    crate::crypto::sha256_hex(format!("avouch/tenant-login/1/{}/{admin_url}", tenant.0).as_bytes())
}

/// The server's address with an organisation's database, and with an organisation's login if one is given.
fn with(url: &str, tenant: TenantId, login_of: Option<(TenantId, &str)>) -> Result<String, DbErr> {
    let odd = || DbErr::Custom("the database's address is not understood".into());
    let (scheme, rest) = url.split_once("://").ok_or_else(odd)?;
    let (login, place) = rest.rsplit_once('@').ok_or_else(odd)?;
    let host = place.split(['/', '?']).next().unwrap_or_default();
    let query = place.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    let name = name(tenant);
    let login =
        login_of.map_or_else(|| login.to_owned(), |(whose, password)| format!("{}:{password}", self::name(whose)));
    Ok(format!("{scheme}://{login}@{host}/{name}{query}"))
}

/// Which instance a database on the server belongs to: the one whose platform's database has this name.
fn mark(admin_url: &str) -> String {
    let place = admin_url.rsplit('/').next().and_then(|name| name.split('?').next()).unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    format!("of the instance {}", place.chars().filter(plain).collect::<String>())
}

/// Brings the database of an organisation of an earlier release up: as the owner, for its own login owns nothing. Two instances that open it at
/// once: the second waits, then finds nothing to do.
async fn migrate_on_server(admin_url: &str, tenant: TenantId) -> Result<(), DbErr> {
    let owner = database::admin(&with(admin_url, tenant, None)?).await?;
    let lock = |verb: &str| Statement::from_string(DbBackend::Postgres, format!("select pg_advisory_{verb}(7238462)"));
    owner.query_one_raw(lock("lock")).await?;
    // What its login may do too: two who grant the same at once are refused by the server.
    let done = async {
        OwnTables::up(&owner, None).await?;
        grant_on_server(admin_url, tenant).await
    };
    let done = done.await;
    owner.query_one_raw(lock("unlock")).await?;
    owner.close().await?;
    done
}

async fn make_on_server(admin_url: &str, tenant: TenantId) -> Result<(), DbErr> {
    let owner = database::admin(&make_empty_on_server(admin_url, tenant).await?).await?;
    OwnTables::up(&owner, None).await?;
    let whose = format!("insert into owner (only_row, tenant_id) values (1, '{}')", tenant.0);
    owner.execute_raw(Statement::from_string(DbBackend::Postgres, whose)).await?;
    owner.close().await?;
    grant_on_server(admin_url, tenant).await
}

/// Makes the login and an empty database of one organisation. The owner's address of it.
pub(super) async fn make_empty_on_server(admin_url: &str, tenant: TenantId) -> Result<String, DbErr> {
    let (name, password) = (name(tenant), password(admin_url, tenant));
    let admin = database::admin(admin_url).await?;
    for statement in [
        format!("create role \"{name}\" login nosuperuser nobypassrls nocreatedb nocreaterole password '{password}'"),
        format!("create database \"{name}\""),
        format!("revoke all on database \"{name}\" from public"),
        format!("grant connect on database \"{name}\" to \"{name}\""),
        format!("comment on database \"{name}\" is '{}'", mark(admin_url)),
    ] {
        admin.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
    }
    admin.close().await?;
    with(admin_url, tenant, None)
}

/// What the organisation's login may do in its database.
pub(super) async fn grant_on_server(admin_url: &str, tenant: TenantId) -> Result<(), DbErr> {
    let name = name(tenant);
    let owner = database::admin(&with(admin_url, tenant, None)?).await?;
    for statement in [
        format!("grant usage on schema public to \"{name}\""),
        format!("grant select on all tables in schema public to \"{name}\""),
        format!("grant insert, delete on entry, signed_head, delivered to \"{name}\""),
        format!("grant insert, update on log_head to \"{name}\""),
        format!("grant insert, update, delete on {} to \"{name}\"", database::KEPT),
    ] {
        owner.execute_raw(Statement::from_string(DbBackend::Postgres, statement)).await?;
    }
    owner.close().await
}
