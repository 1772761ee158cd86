//! Who belongs to which organisation, in which role, how far, and until when.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "membership")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub role: String,
    pub since_ms: i64,
    pub kind: String,
    pub scope: String,
    pub ends_at_ms: Option<i64>,
    /// Who gave the role that it has now, and when: whoever invited, or changed it last.
    pub granted_by: Option<Uuid>,
    pub granted_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
