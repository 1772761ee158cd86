//! The schema, one file per change, never edited after release. Two lists, so that an organisation's tables
//! can be brought up on their own: the platform's, and (from the release that has them) an organisation's.

pub mod m0001_trust;
pub mod m0002_accounts;

use sea_orm_migration::prelude::*;

/// The tables of the platform: what the vendor publishes, and what backs it.
#[derive(Debug)]
pub struct Platform;

#[async_trait::async_trait]
impl MigratorTrait for Platform {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_trust::Migration), Box::new(m0002_accounts::Migration)]
    }
}
