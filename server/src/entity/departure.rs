//! The end of somebody's access: when, by whose word, and the receipt, sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "departure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub name: Vec<u8>,
    pub successor_id: Option<Uuid>,
    pub asked_by: Uuid,
    pub asked_at_ms: i64,
    pub at_ms: i64,
    pub due_at_ms: Option<i64>,
    pub due_rule: Option<String>,
    pub done_at_ms: Option<i64>,
    pub receipt: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
