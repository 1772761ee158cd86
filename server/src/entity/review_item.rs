//! One grant as it was found when the review began, and what was decided about it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub review_id: Uuid,
    pub kind: String,
    pub account_id: Option<Uuid>,
    pub target_id: Option<Uuid>,
    pub target_kind: Option<String>,
    pub address: Option<Vec<u8>>,
    pub role: Option<String>,
    pub granted_at_ms: i64,
    pub granted_by: Option<Uuid>,
    pub ends_at_ms: Option<i64>,
    pub last_used_ms: Option<i64>,
    pub has_factor: i32,
    pub privileged: i32,
    pub orphaned: i32,
    pub previous: Option<String>,
    pub advice: String,
    pub reason: String,
    pub stage: i32,
    pub reviewer_id: Option<Uuid>,
    pub decision: Option<String>,
    pub new_role: Option<String>,
    pub decided_by: Option<Uuid>,
    pub decided_at_ms: Option<i64>,
    pub note_id: Option<Uuid>,
    pub act_id: Option<Uuid>,
    pub silent: i32,
    pub state: String,
    pub applied_at_ms: Option<i64>,
    pub settled_by: Option<Uuid>,
    pub settled_at_ms: Option<i64>,
    pub settled_note_id: Option<Uuid>,
    pub ended_at_ms: Option<i64>,
    pub alone: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
