//! The schema, one file per change, never edited after release. Two lists, so that an organisation's tables
//! can be brought up on their own: the platform's, which has them all, and what lies in an organisation's own database.

pub mod m0001_trust;
pub mod m0002_accounts;
pub mod m0003_organisations;
pub mod m0004_keys;
pub mod m0005_retention;
pub mod m0006_exports;
pub mod m0010_backups;
pub mod m0011_pruning;
pub mod m0012_jobs;
pub mod m0013_attempts;
pub mod m0020_reviews;
pub mod m0021_granted;
pub mod m0022_instance;
pub mod m0023_trace;
pub mod m0024_recorder;
pub mod m0026_explained;
pub mod m0027_deciders;
pub mod m0028_reduced;
pub mod m0029_settled_seats;
pub mod m0030_withdrawn;
pub mod m0031_counted;
pub mod t0001_log;
pub mod t0002_owner;
pub mod t0003_records;
pub mod t0004_file;

use sea_orm_migration::prelude::*;

/// All tables: in the shared modes an organisation's lie beside the platform's.
#[derive(Debug)]
pub struct Platform;

#[async_trait::async_trait]
impl MigratorTrait for Platform {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_trust::Migration),
            Box::new(m0002_accounts::Migration),
            Box::new(m0003_organisations::Migration),
            Box::new(m0004_keys::Migration),
            Box::new(m0006_exports::Migration),
            Box::new(t0001_log::Migration),
            Box::new(t0003_records::Migration),
            Box::new(t0004_file::Migration),
            Box::new(m0005_retention::Migration),
            Box::new(m0010_backups::Migration),
            Box::new(m0011_pruning::Migration),
            Box::new(m0012_jobs::Migration),
            Box::new(m0013_attempts::Migration),
            Box::new(m0020_reviews::Migration),
            Box::new(m0021_granted::Migration),
            Box::new(m0022_instance::Migration),
            Box::new(m0023_trace::Migration),
            Box::new(m0024_recorder::Migration),
            Box::new(m0026_explained::Migration),
            Box::new(m0027_deciders::Migration),
            Box::new(m0028_reduced::Migration),
            Box::new(m0029_settled_seats::Migration),
            Box::new(m0030_withdrawn::Migration),
            Box::new(m0031_counted::Migration),
        ]
    }
}

/// The tables of a database that belongs to one organisation.
#[derive(Debug)]
pub struct Own;

#[async_trait::async_trait]
impl MigratorTrait for Own {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(t0001_log::Migration),
            Box::new(t0002_owner::Migration),
            Box::new(t0003_records::Migration),
            Box::new(t0004_file::Migration),
        ]
    }
}
