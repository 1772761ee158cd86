//! The reason of what was said about a seat: sealed, with a salt, and hashed for the log.

use uuid::Uuid;

use super::note_place;
use crate::crypto::{hex, random};
use crate::entity::seat_review_item;
use crate::identity::{Accounts, Refusal};
use crate::reviews::notes::{self, Salt};

fn salt_place(item: Uuid) -> String {
    format!("seat-review-item/{item}/note-salt")
}

/// A reason as it is kept, and its hash as the log has it.
pub(super) struct Noted {
    pub(super) sealed: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) sha256: String,
}

impl Noted {
    pub(super) fn of(accounts: &Accounts, item: Uuid, text: &str) -> Result<Self, Refusal> {
        let salt: Salt = random()?;
        Ok(Self {
            sealed: accounts.vault.seal(&note_place(item), text.as_bytes())?,
            salt: accounts.vault.seal(&salt_place(item), &salt)?,
            sha256: hex(&notes::digest(&salt, text)),
        })
    }
}

/// What the reason of a seat was hashed with, in hexadecimal.
pub(super) fn salt(accounts: &Accounts, row: &seat_review_item::Model) -> Option<String> {
    let salt = accounts.vault.open_sealed(&salt_place(row.id), row.note_salt.as_deref()?).ok()?;
    Some(hex(&salt))
}
