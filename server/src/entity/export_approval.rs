//! That one of the staff approved the use of a masked archive in a test.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "export_approval")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub archive_sha256: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub operator_id: Uuid,
    pub purpose: Vec<u8>,
    pub at_ms: i64,
    pub expires_at_ms: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
