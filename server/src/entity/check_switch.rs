//! A tuneable check that an operator has switched off.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "check_switch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub check_path: String,
    pub off_since_ms: i64,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
