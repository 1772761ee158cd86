//! An attached file: its name, kind and hash are sealed; its content lies in the store under its id.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "file")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub record_id: Option<Uuid>,
    pub field: Option<String>,
    pub facts: Vec<u8>,
    pub bytes: i64,
    pub made_at_ms: i64,
    pub made_by: Uuid,
    pub removed_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
