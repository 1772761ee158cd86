//! Somebody who was asked to join and has not answered yet.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub address_index: String,
    pub address: Vec<u8>,
    pub role: String,
    pub unit_id: Option<Uuid>,
    pub invited_by: Uuid,
    pub token_hash: String,
    pub made_at_ms: i64,
    pub ends_at_ms: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
