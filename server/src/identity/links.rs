//! Links in letters: 256 random bits of which the database knows the hash, good once and until a time, for one purpose.

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::{Duration, OffsetDateTime};

use super::{Accounts, Refusal};
use crate::clock::to_ms;
use crate::crypto::secret::Ticket;
use crate::entity::token;
use crate::guard::{AccountId, Rows, Visitor};

/// What a link is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Verify,
    Reset,
    Invite,
    /// Of somebody whose account is closed and not yet erased: they have just given its password.
    Keep,
}

impl Purpose {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Invite => "invite",
            Self::Keep => "keep",
        }
    }

    pub(crate) const fn page(self) -> &'static str {
        match self {
            Self::Verify => "/sign-up/verify",
            Self::Reset => "/sign-in/reset",
            Self::Invite => "/invitation",
            Self::Keep => "/sign-in/keep",
        }
    }
}

fn payload_place(hash: &str) -> String {
    format!("token/{hash}/payload")
}

/// What a link stands for.
pub(crate) fn payload<T: serde::de::DeserializeOwned>(accounts: &Accounts, row: &token::Model) -> Result<T, Refusal> {
    let plain = accounts.vault.open_sealed(&payload_place(&row.token_hash), &row.payload)?;
    serde_json::from_slice(&plain).map_err(|error| Refusal::Hashing(error.to_string()))
}

/// Writes a one-time link down by its hash and returns both.
#[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
pub(crate) async fn new_link(
    change: &Rows,
    accounts: &Accounts,
    purpose: Purpose,
    account: Option<AccountId>,
    index: &str,
    payload: &[u8],
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<(String, String), Refusal> {
    let ticket = new_ticket(change, accounts, purpose, account, index, payload, now, lasts).await?;
    Ok((accounts.link(&format!("{}?token={}", purpose.page(), ticket.text())), ticket.hash()))
}

/// The same, for whoever is here and needs no letter.
#[expect(clippy::too_many_arguments, reason = "a row has as many columns")]
pub(crate) async fn new_ticket(
    change: &Rows,
    accounts: &Accounts,
    purpose: Purpose,
    account: Option<AccountId>,
    index: &str,
    payload: &[u8],
    now: OffsetDateTime,
    lasts: Duration,
) -> Result<Ticket, Refusal> {
    let ticket = Ticket::random()?;
    let hash = ticket.hash();
    let row = token::Model {
        payload: accounts.vault.seal(&payload_place(&hash), payload)?,
        token_hash: hash,
        purpose: purpose.word().to_owned(),
        account_id: account.map(|id| id.0),
        address_index: index.to_owned(),
        made_at_ms: to_ms(now),
        ends_at_ms: to_ms(now + lasts),
    };
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(ticket)
}

/// Takes a link out of the table: whoever deletes the row has used it, and nobody else.
pub(crate) async fn spend(
    change: &Rows,
    ticket: &Ticket,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Option<token::Model>, Refusal> {
    let row = change.one(token::Entity::find_by_id(ticket.hash())).await?;
    let Some(row) = row.filter(|row| row.purpose == purpose.word() && to_ms(now) < row.ends_at_ms) else {
        return Ok(None);
    };
    let gone = change.delete(token::Entity::delete_many().filter(token::Column::TokenHash.eq(&row.token_hash))).await?;
    Ok((gone == 1).then_some(row))
}

/// Whether a link can still be used, for the page that asks to press the button.
///
/// # Errors
/// When the database does not answer.
pub async fn is_good(
    visitor: &Visitor,
    purpose: Purpose,
    token_text: &str,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let Some(ticket) = Ticket::parse(token_text) else { return Ok(false) };
    let rows = visitor.all(token::Entity::find().filter(token::Column::TokenHash.eq(ticket.hash()))).await?;
    Ok(rows.iter().any(|row| row.purpose == purpose.word() && to_ms(now) < row.ends_at_ms))
}
