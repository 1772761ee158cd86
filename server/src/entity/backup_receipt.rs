//! What came of one backup at one destination.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "backup_receipt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub backup_id: Uuid,
    pub destination: String,
    pub object: String,
    pub started_at_ms: i64,
    pub finished_at_ms: Option<i64>,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    pub outcome: String,
    pub said: String,
    pub pruned_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
