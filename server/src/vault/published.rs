//! The keys that verify what was signed here, for everybody: the present one, and those before it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::OffsetDateTime;

use super::{SIGNATURES, Vault, VaultError, open_row};
use crate::clock::from_ms;
use crate::crypto::sign::{self, SigningKey};
use crate::entity::data_key;

/// One key as it is published. What was signed with a former one still verifies with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub hex: String,
    /// The same as openssl reads it.
    pub pem: String,
    pub since: OffsetDateTime,
    /// When another took its place; `None` is the present one.
    pub until: Option<OffsetDateTime>,
}

impl Vault {
    /// All of them, the present one first.
    ///
    /// # Errors
    /// When the database does not answer, or a key does not open.
    pub async fn published(&self) -> Result<Vec<Published>, VaultError> {
        let rows = data_key::Entity::find()
            .filter(data_key::Column::Owner.eq(SIGNATURES))
            .order_by_asc(data_key::Column::MadeAtMs);
        let mut keys = Vec::new();
        for row in self.operator.all(rows).await? {
            let hex = SigningKey::new(&open_row(&self.master, self.environment, &row)?)?.public_hex();
            keys.push(Published { pem: sign::pem(&hex), hex, since: from_ms(row.made_at_ms), until: None });
        }
        let present = self.signing.public_hex();
        // Each until the next was made.
        let begins: Vec<_> = keys.iter().map(|key| key.since).skip(1).collect();
        for (key, next) in keys.iter_mut().zip(begins).filter(|(key, _)| key.hex != present) {
            key.until = Some(next);
        }
        keys.sort_by_key(|key| (key.until.is_some(), std::cmp::Reverse(key.since)));
        Ok(keys)
    }
}
