//! One record of an organisation: what it says is sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "record")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub register: String,
    pub unit_id: Option<Uuid>,
    pub content: Vec<u8>,
    pub k1: Option<i64>,
    pub k2: Option<i64>,
    pub k3: Option<i64>,
    pub k4: Option<i64>,
    pub k5: Option<i64>,
    pub version: i32,
    pub made_at_ms: i64,
    pub made_by: Uuid,
    pub changed_at_ms: i64,
    pub act_id: Option<Uuid>,
    pub removed_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
