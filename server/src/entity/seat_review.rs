//! A review of the seats of the vendor's staff.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seat_review")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Vec<u8>,
    pub silence: String,
    pub state: String,
    pub origin: String,
    pub made_by: Uuid,
    pub opened_at_ms: i64,
    pub due_at_ms: i64,
    pub closed_at_ms: Option<i64>,
    pub closed_by: Option<Uuid>,
    pub items: i64,
    pub population_sha256: String,
    pub reminded: i32,
    pub escalated_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
