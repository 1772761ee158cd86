//! An access review of an organisation: what it covers, by when, and what came of it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "review")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Vec<u8>,
    pub scope: String,
    pub scope_of: Option<String>,
    pub silence: String,
    pub effect: String,
    pub state: String,
    pub origin: String,
    pub stages: i32,
    pub fallback_id: Option<Uuid>,
    pub made_by: Uuid,
    pub made_at_ms: i64,
    pub opened_at_ms: Option<i64>,
    pub due_at_ms: i64,
    pub closed_at_ms: Option<i64>,
    pub closed_by: Option<Uuid>,
    pub items: i64,
    pub population_sha256: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub found: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub outcome: Option<String>,
    pub reminded: i32,
    pub escalated_at_ms: Option<i64>,
    pub when_due: String,
    pub held_back_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
