//! One seat as it was found, and what was decided about it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seat_review_item")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub review_id: Uuid,
    pub account_id: Uuid,
    pub granted_at_ms: i64,
    pub last_used_ms: Option<i64>,
    pub has_factor: i32,
    pub previous: Option<String>,
    pub advice: String,
    pub reason: String,
    pub decision: Option<String>,
    pub decided_by: Option<Uuid>,
    pub decided_at_ms: Option<i64>,
    pub note: Option<Vec<u8>>,
    pub note_salt: Option<Vec<u8>>,
    pub silent: i32,
    pub state: String,
    pub settled_by: Option<Uuid>,
    pub settled_at_ms: Option<i64>,
    pub settled_note: Option<Vec<u8>>,
    pub settled_salt: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
