//! The store behind tower-sessions. A browser's id is kept as its hash; saving changes a session that is there and never
//! brings back one that has been ended; what decides about access stands in columns and is changed by conditional updates,
//! so the record's data holds only where somebody was going.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, ExpiredDeletion, Result};

use super::Store;
use super::change::AccountChange;
use crate::clock::{from_ms, to_ms};
use crate::crypto::sha256_hex;
use crate::entity::{account, session};

/// What a browser holds: 128 random bits. Never printed.
#[derive(Clone, Copy)]
pub struct SessionId(Id);

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionId(…)")
    }
}

impl SessionId {
    pub fn random() -> Self {
        Self(Id::default())
    }

    /// What a cookie says, if it has the right shape.
    pub fn parse(text: &str) -> Option<Self> {
        let id: Id = text.parse().ok()?;
        // One id has one spelling.
        (id.to_string() == text).then_some(Self(id))
    }

    /// For the cookie.
    pub fn text(self) -> String {
        self.0.to_string()
    }

    /// For the database.
    pub fn hash(self) -> String {
        hash(&self.0)
    }
}

fn hash(id: &Id) -> String {
    sha256_hex(&id.0.to_le_bytes())
}

#[derive(Clone, Debug)]
pub struct Sessions {
    store: Arc<Store>,
}

impl Sessions {
    pub(super) fn of(store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store) }
    }

    /// Writes down that a session was used, if it is still there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn touch(
        &self,
        session_hash: &str,
        now: OffsetDateTime,
        idle_until: OffsetDateTime,
    ) -> std::result::Result<(), DbErr> {
        let change = AccountChange::begin(&self.store.write).await?;
        change
            .update(
                session::Entity::update_many()
                    .col_expr(session::Column::SeenAtMs, Expr::value(to_ms(now)))
                    .col_expr(session::Column::IdleUntilMs, Expr::value(to_ms(idle_until)))
                    .filter(session::Column::IdHash.eq(session_hash)),
            )
            .await?;
        let person = session::Entity::find().filter(session::Column::IdHash.eq(session_hash));
        if let Some(row) = change.one(person).await? {
            let seen = account::Entity::update_many()
                .col_expr(account::Column::SeenAtMs, Expr::value(Some(to_ms(now))))
                .filter(account::Column::Id.eq(row.account_id));
            change.update(seen).await?;
        }
        change.commit_housekeeping().await
    }

    async fn set(&self, hash: &str, data: String, expiry: OffsetDateTime) -> std::result::Result<u64, DbErr> {
        let change = AccountChange::begin(&self.store.write).await?;
        let touched = change
            .update(
                session::Entity::update_many()
                    .col_expr(session::Column::Data, Expr::value(data))
                    .col_expr(session::Column::IdleUntilMs, Expr::value(to_ms(expiry)))
                    .filter(session::Column::IdHash.eq(hash)),
            )
            .await?;
        change.commit_housekeeping().await?;
        Ok(touched)
    }

    async fn end(&self, rows: sea_orm::DeleteMany<session::Entity>) -> std::result::Result<u64, DbErr> {
        let change = AccountChange::begin(&self.store.write).await?;
        let ended = change.delete(rows).await?;
        change.commit_housekeeping().await?;
        Ok(ended)
    }
}

#[async_trait]
impl SessionStore for Sessions {
    /// Sessions begin with a person, in `identity::sign_in`, and not here.
    async fn create(&self, _: &mut Record) -> Result<()> {
        Err(Error::Backend("a session belongs to somebody: it begins when a password was right".into()))
    }

    /// An update of a row that is there; an ended session stays ended.
    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        self.set(&hash(&record.id), data, record.expiry_date).await.map_err(backend).map(|_| ())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let row = session::Entity::find_by_id(hash(id)).one(&self.store.read).await.map_err(backend)?;
        row.map(|row| {
            let data: HashMap<String, Value> =
                serde_json::from_str(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
            Ok(Record { id: *id, data, expiry_date: from_ms(row.idle_until_ms) })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let rows = session::Entity::delete_many().filter(session::Column::IdHash.eq(hash(id)));
        self.end(rows).await.map_err(backend).map(|_| ())
    }
}

#[async_trait]
impl ExpiredDeletion for Sessions {
    async fn delete_expired(&self) -> Result<()> {
        let now = to_ms(OffsetDateTime::now_utc());
        self.end(expired(now)).await.map_err(backend).map(|_| ())
    }
}

/// Those whose time is up.
pub(crate) fn expired(now_ms: i64) -> sea_orm::DeleteMany<session::Entity> {
    session::Entity::delete_many()
        .filter(session::Column::IdleUntilMs.lte(now_ms).or(session::Column::EndsAtMs.lte(now_ms)))
}

fn backend(error: impl std::fmt::Display) -> Error {
    Error::Backend(error.to_string())
}
