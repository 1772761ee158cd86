//! The reason of what was said about a seat: sealed, with a salt, and hashed for the log.

use uuid::Uuid;

use crate::crypto::{hex, random};
use crate::entity::seat_review_item;
use crate::identity::{Accounts, Refusal};
use crate::reviews::notes::{self, Salt};

/// Of what it is the reason: of the decision, or of what differs from it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Decision,
    Difference,
}

impl Of {
    fn place(self, item: Uuid) -> String {
        let which = match self {
            Self::Decision => "note",
            Self::Difference => "settled-note",
        };
        format!("seat-review-item/{item}/{which}")
    }

    fn salt_place(self, item: Uuid) -> String {
        format!("{}-salt", self.place(item))
    }
}

/// A reason as it is kept, and its hash as the log has it.
pub(super) struct Noted {
    pub(super) sealed: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) sha256: String,
}

impl Noted {
    pub(super) fn of(accounts: &Accounts, item: Uuid, of: Of, text: &str) -> Result<Self, Refusal> {
        let salt: Salt = random()?;
        Ok(Self {
            sealed: accounts.vault.seal(&of.place(item), text.as_bytes())?,
            salt: accounts.vault.seal(&of.salt_place(item), &salt)?,
            sha256: hex(&notes::digest(&salt, text)),
        })
    }
}

/// A reason in words, and what it was hashed with, in hexadecimal.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    pub(super) text: Option<String>,
    pub(super) salt: Option<String>,
}

pub(super) fn read(accounts: &Accounts, row: &seat_review_item::Model, of: Of) -> Read {
    let (sealed, salt) = match of {
        Of::Decision => (&row.note, &row.note_salt),
        Of::Difference => (&row.settled_note, &row.settled_salt),
    };
    let open = |place: String, sealed: &Option<Vec<u8>>| accounts.vault.open_sealed(&place, sealed.as_deref()?).ok();
    Read {
        text: open(of.place(row.id), sealed).map(|plain| String::from_utf8_lossy(&plain).into_owned()),
        salt: open(of.salt_place(row.id), salt).map(|plain| hex(&plain)),
    }
}
