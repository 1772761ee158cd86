//! A purge under way, and what was there when it began.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "purge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub certificate_id: Uuid,
    pub slug_sha256: String,
    pub closed_at_ms: i64,
    pub due_at_ms: i64,
    pub began_at_ms: i64,
    #[sea_orm(column_type = "Text")]
    pub found: String,
    /// What stays, where legal holds keep single records.
    #[sea_orm(column_type = "Text", nullable)]
    pub keeps: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
