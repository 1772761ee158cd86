//! One entry of the public history: a claim's state changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "trust_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub claim: String,
    pub kind: String,
    pub from_state: Option<String>,
    pub to_state: String,
    pub sentence: String,
    pub reason: String,
    pub at_ms: i64,
    pub since_ms: i64,
    pub previous_hash: String,
    pub hash: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
