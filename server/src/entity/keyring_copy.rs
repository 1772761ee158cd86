//! Which keyring a destination was last given.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "keyring_copy")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub destination: String,
    pub digest: String,
    pub written_at_ms: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
