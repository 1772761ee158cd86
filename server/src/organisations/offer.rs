//! What an invitation offers to whoever opens its link.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::invitations::Payload;
use crate::clock::to_ms;
use crate::crypto::secret::Ticket;
use crate::entity::{invitation, organisation, token};
use crate::guard::{Actor, Caller, TenantId, Visitor};
use crate::identity::sign_up::{self, Purpose};
use crate::identity::{Accounts, Origin, Refusal};
use contract::permission::Effect;
use contract::standing::Standing;

/// Whether an organisation takes somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Open,
    Lapsed,
    /// Nobody joins, whatever is sent.
    Closed,
}

/// What the page behind a link shows: the link proves the mailbox.
#[derive(Clone, Debug)]
pub struct Offer {
    pub organisation: String,
    pub role: String,
    /// Whether the address has an account: then one signs in with it first.
    pub known: bool,
    /// Whether whoever is signed in has that address.
    pub is_caller: bool,
    pub(super) door: Door,
    pub(super) tenant: TenantId,
    pub(super) index: String,
}

impl Offer {
    /// Why nobody can join now, if it is closed. The link is good again when it is restored in time.
    ///
    /// # Errors
    /// [`Refusal::NotKept`] with the reason.
    pub fn is_open(&self) -> Result<(), Refusal> {
        if self.door == Door::Closed { Err(closed(&self.organisation)) } else { Ok(()) }
    }
}

pub(super) fn closed(organisation: &str) -> Refusal {
    Refusal::NotKept(format!(
        "{organisation} is closed: its subscription was cancelled, so nobody can join. If it is restored before this invitation ends, open the link again."
    ))
}

/// What a link offers to whoever opens it.
///
/// # Errors
/// When the database does not answer. `None`: the link was used, withdrawn, or is too old.
pub async fn offer(
    visitor: &Visitor,
    accounts: &Accounts,
    caller: Option<&Caller>,
    token_text: &str,
    now: OffsetDateTime,
) -> Result<Option<Offer>, Refusal> {
    let Some(ticket) = Ticket::parse(token_text) else { return Ok(None) };
    let row = visitor.all(token::Entity::find_by_id(ticket.hash())).await?.into_iter().next();
    let Some(row) = row.filter(|row| row.purpose == Purpose::Invite.word() && to_ms(now) < row.ends_at_ms) else {
        return Ok(None);
    };
    let payload: Payload = sign_up::payload(accounts, &row)?;
    let tenant = TenantId(payload.tenant);
    let Some(found) = visitor.all(organisation::Entity::find_by_id(tenant.0)).await?.into_iter().next() else {
        return Ok(None);
    };
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = visitor.enter(visitor.entering(tenant, Actor::System, sealer)).await?;
    let pending = change.one(invitation::Entity::find().filter(invitation::Column::Id.eq(payload.invitation))).await?;
    drop(change);
    let Some(pending) = pending else { return Ok(None) };
    let standing = Standing::parse(&found.standing).unwrap_or(Standing::Lapsed);
    let over = standing.runs_out() && found.standing_until_ms.is_some_and(|at| at <= to_ms(now));
    let name = accounts.vault.open_sealed(&super::name_place(tenant), &found.name)?;
    let known = sign_up::find(visitor, &row.address_index).await?.is_some();
    let door = if found.closed_at_ms.is_some() {
        Door::Closed
    } else if over || !standing.permits(Effect::Change) {
        Door::Lapsed
    } else {
        Door::Open
    };
    Ok(Some(Offer {
        organisation: String::from_utf8_lossy(&name).into_owned(),
        role: pending.role,
        known,
        is_caller: caller.is_some_and(|caller| caller.person().address_index == row.address_index),
        door,
        tenant,
        index: row.address_index,
    }))
}
