//! What keeps something from being destroyed; basis and scope are sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "legal_hold")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub subject: Uuid,
    pub basis: Vec<u8>,
    pub scope: Vec<u8>,
    pub placed_kind: String,
    pub placed_by: Uuid,
    pub placed_at_ms: i64,
    pub ends_at_ms: i64,
    pub lifted_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
