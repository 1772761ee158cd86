//! A second place to restore into, and what tests of copies do again and again.

use std::path::PathBuf;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, Database, Statement};
use server::backups::restore::{self, Back};
use server::backups::take::{self, Taken};
use server::backups::{BackupError, Backups};
use server::clock::Clock;
use server::guard::{Operator, Store, Where};
use server::profile::policy::Isolation;
use server::testing::World;
use server::vault::Vault;
use uuid::Uuid;

/// An empty data folder, and on PostgreSQL an empty database.
pub struct Place {
    pub backups: Backups,
    pub folder: PathBuf,
}

impl Place {
    pub async fn empty(world: &World) -> Self {
        let folder = world.folder.with_extension(format!("back-{}", Uuid::now_v7().simple()));
        let place = match &world.place {
            Where::Embedded(_) => Where::Embedded(folder.clone()),
            Where::Postgres { admin_url, .. } => {
                let name = format!("back_{}", Uuid::now_v7().simple());
                let admin = Database::connect(admin_url).await.expect("admin");
                let make = Statement::from_string(admin.get_database_backend(), format!("create database {name}"));
                admin.execute_raw(make).await.expect("a database");
                let url = format!("{}/{name}", admin_url.rsplit_once('/').expect("a path").0);
                Where::Postgres { url: url.clone(), admin_url: url }
            }
        };
        Self { backups: Backups::new((&folder, &place), "test", &world.master, Vec::new()), folder }
    }

    /// The restored instance, opened as the program opens it.
    pub async fn open(&self, world: &World) -> (Operator, Vault) {
        let store = Store::open_as(&self.backups.place, true, Isolation::Scoped).await.expect("it opens");
        let operator = Operator::at_the_command_line(&Arc::new(store));
        let vault = Vault::open(&operator, Arc::clone(&world.master), "test", &self.folder, world.now).await;
        (operator, vault.expect("a vault"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub async fn take(world: &World) -> Result<Taken, BackupError> {
    let backups = world.backups();
    let clock = Clock::Fixed(world.now);
    take::take(&world.operator(), &backups, &world.profile.id, &backups.destinations, &clock).await
}

/// Takes a backup; where it lies.
pub async fn taken(world: &World) -> PathBuf {
    world.elsewhere().join(take(world).await.expect("a backup").object)
}

pub async fn restored(world: &World, file: &std::path::Path) -> (Place, Back) {
    let place = Place::empty(world).await;
    let back = restore::restore(&place.backups, file, None).await.expect("it comes back");
    (place, back)
}
