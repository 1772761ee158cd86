//! What the end of somebody's access would take away, counted before anybody says so.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::entity::{calendar_key, help_grant, invitation, reach, session, token};
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Refusal};
use crate::registers::handover;

/// How much there is of each now; what comes until then goes too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    pub sessions: u64,
    pub links: u64,
    pub grants: u64,
    /// Invitations that they sent, and nobody has answered.
    pub invitations: u64,
    pub help: u64,
    pub calendars: u64,
    /// Records that name them: those stay, and go to a successor if one is named.
    pub records: u64,
}

/// Counts what hangs on the membership of this person.
///
/// # Errors
/// When the database does not answer.
pub async fn of(reader: &Allowed<rights::MembersRead>, accounts: &Accounts, person: Uuid) -> Result<Outlook, Refusal> {
    let view = reader.read().await?;
    let why = "sessions and links of somebody who would leave, counted";
    let sessions = session::Entity::find().filter(session::Column::AccountId.eq(person));
    let links = token::Entity::find().filter(token::Column::AccountId.eq(person));
    let help = help_grant::Entity::find()
        .filter(help_grant::Column::AccountId.eq(person))
        .filter(help_grant::Column::EndedAtMs.is_null());
    Ok(Outlook {
        sessions: view.unscoped(why, sessions).await?.len() as u64,
        links: view.unscoped(why, links).await?.len() as u64,
        grants: view.count(reach::Entity::find().filter(reach::Column::AccountId.eq(person))).await?,
        invitations: view.count(invitation::Entity::find().filter(invitation::Column::InvitedBy.eq(person))).await?,
        help: view.count(help).await?,
        calendars: view.count(calendar_key::Entity::find().filter(calendar_key::Column::AccountId.eq(person))).await?,
        records: handover::count(&view, accounts, person).await?,
    })
}
