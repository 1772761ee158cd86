//! A person who can get in. Address and name are sealed; nothing here says what they may do.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub address_index: String,
    pub address: Vec<u8>,
    pub name: Vec<u8>,
    pub password_hash: String,
    pub password_set_at_ms: i64,
    pub created_at_ms: i64,
    pub disabled_at_ms: Option<i64>,
    pub factor_changed_at_ms: i64,
    pub date_style: String,
    pub time_zone: String,
    pub seen_at_ms: Option<i64>,
    pub must_enrol: i32,
    pub delete_asked_at_ms: Option<i64>,
    pub delete_at_ms: Option<i64>,
    pub certificate_id: Option<Uuid>,
    /// The key to from where this person acted, as logs keep it.
    pub trace: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
