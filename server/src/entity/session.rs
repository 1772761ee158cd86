//! A browser that is signed in, under the hash of its id.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
    pub public_id: Uuid,
    pub account_id: Uuid,
    pub factor_at_ms: Option<i64>,
    pub password_at_ms: i64,
    pub created_at_ms: i64,
    pub seen_at_ms: i64,
    pub idle_until_ms: i64,
    pub ends_at_ms: i64,
    pub origin: Vec<u8>,
    #[sea_orm(column_type = "Text")]
    pub data: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
