//! An archive of an organisation: asked for, being made, ready, or gone again.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "export")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub requested_by: Uuid,
    pub requested_at_ms: i64,
    pub beat_at_ms: Option<i64>,
    pub attempt: i64,
    pub done_rows: i64,
    pub total_rows: i64,
    pub bytes: i64,
    pub sha256: Option<String>,
    pub content_sha256: Option<String>,
    pub ready_at_ms: Option<i64>,
    pub expires_at_ms: Option<i64>,
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
