//! A mail on its way; its content is sealed, and wiped when it has left.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "letter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub content: Option<Vec<u8>>,
    pub tries: i32,
    pub trouble: Option<String>,
    pub queued_at_ms: i64,
    pub due_at_ms: i64,
    pub done_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
