//! Something done to many records at once.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "act")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub register: String,
    pub state: String,
    pub made_at_ms: i64,
    pub made_by: Uuid,
    pub rows: i64,
    pub done_rows: i64,
    pub first_id: Option<Uuid>,
    pub last_id: Option<Uuid>,
    pub touched_at_ms: i64,
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
