//! The key under which the logs of organisations keep from which device and network somebody acted. It lies in the account's own row and is
//! erased with it: then nobody reads that of their entries any more, and the chain, which covers what is sealed, still holds.

use std::sync::Arc;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::origin::Place;
use super::{Accounts, Refusal};
use crate::crypto::seal::{SealError, SecretKey};
use crate::crypto::{hex, unhex};
use crate::entity::account;
use crate::guard::Operator;

/// Accounts that are given a key at once, so that nobody waits long for the writer.
const AT_ONCE: u64 = 500;

/// One person's key.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<SecretKey>);

fn place_of(account: Uuid) -> String {
    format!("account/{account}/trace")
}

/// A new one, sealed for the account's row.
pub(crate) fn fresh(accounts: &Accounts, account: Uuid) -> Result<Vec<u8>, SealError> {
    accounts.vault.seal(&place_of(account), SecretKey::random()?.bytes())
}

/// The one that an account's row holds, if it holds one that opens.
pub(crate) fn open(accounts: &Accounts, account: Uuid, sealed: Option<&[u8]>) -> Option<Trace> {
    let plain = accounts.vault.open_sealed(&place_of(account), sealed?).ok()?;
    let bytes: [u8; 32] = plain.as_slice().try_into().ok()?;
    Some(Trace(Arc::new(SecretKey::new(bytes))))
}

impl Trace {
    pub(crate) fn seal(&self, bound_to: &str, place: &Place) -> Result<String, SealError> {
        Ok(hex(&self.0.seal(bound_to, &serde_json::to_vec(place).unwrap_or_default())?))
    }

    /// What does not open is shown as unknown.
    pub(crate) fn open(&self, bound_to: &str, sealed_hex: &str) -> Place {
        let plain = unhex(sealed_hex).and_then(|sealed| self.0.open(bound_to, &sealed).ok());
        plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default()
    }
}

/// Gives a key to whoever has none yet, because the account is of an earlier release. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn fill(operator: &Operator, accounts: &Accounts) -> Result<u64, Refusal> {
    let mut given = 0;
    loop {
        let without = account::Entity::find().filter(account::Column::Trace.is_null()).limit(AT_ONCE);
        let rows = operator.all(without).await?;
        if rows.is_empty() {
            return Ok(given);
        }
        let change = operator.begin_account().await?;
        for row in rows {
            let set = account::Entity::update_many()
                .col_expr(account::Column::Trace, Expr::value(Some(fresh(accounts, row.id)?)))
                .filter(account::Column::Id.eq(row.id))
                // Another instance may have been faster, and has used it.
                .filter(account::Column::Trace.is_null());
            given += change.update(set).await?;
        }
        change.commit_housekeeping().await?;
    }
}
