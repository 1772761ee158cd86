//! A dated record behind a claim. Note, fields and file name are sealed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "evidence")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub profile: String,
    pub claim: String,
    pub dated: String,
    pub recorded_at_ms: i64,
    pub certifies: Option<String>,
    pub expires: Option<String>,
    pub key_id: Uuid,
    pub note: Option<Vec<u8>>,
    pub fields: Option<Vec<u8>>,
    pub file_name: Option<Vec<u8>>,
    pub file_sha256: Option<String>,
    pub file_bytes: Option<i64>,
    pub recorded_by: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
