//! What a drill measured.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "drill_receipt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at_ms: i64,
    pub destination: String,
    pub object: String,
    pub rto_ms: Option<i64>,
    pub rpo_ms: Option<i64>,
    pub bytes: i64,
    pub rows_compared: i64,
    pub outcome: String,
    pub said: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
