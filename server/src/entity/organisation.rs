//! A customer: its name, sealed, and where its subscription stands.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organisation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub slug: String,
    pub name: Vec<u8>,
    pub created_at_ms: i64,
    pub standing: String,
    pub standing_since_ms: i64,
    pub standing_until_ms: Option<i64>,
    pub reminded: i32,
    pub closed_at_ms: Option<i64>,
    pub purge_at_ms: Option<i64>,
    pub purge_began_at_ms: Option<i64>,
    pub certificate_id: Option<Uuid>,
    pub standing_before: Option<String>,
    pub standing_before_until_ms: Option<i64>,
    /// Since when only what legal holds keep is left of it, and the proof of the rest.
    pub reduced_at_ms: Option<i64>,
    pub reduced_certificate_id: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
