//! When access ended that was to be kept: as the log of the organisation has it.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::words::Kind;
use crate::audit::log::{self, Action};
use crate::entity::{entry, review, review_item};
use crate::guard::TenantDb;
use crate::identity::{Accounts, Refusal};

/// Entries that are looked through: of one person, the newest ends of access; of an invitation, the newest who joined.
const MOST: u64 = 200;

/// What ends such a grant, other than a decision of the review.
const fn ends(kind: Kind) -> &'static [Action] {
    match kind {
        Kind::Membership | Kind::Seat => &[Action::MemberOffboarded],
        Kind::Help => &[Action::HelpEnded, Action::MemberOffboarded],
        Kind::Reach => &[Action::ReachWithdrawn, Action::MemberOffboarded],
        Kind::Token => &[Action::CalendarClosed, Action::MemberOffboarded],
        Kind::Invitation => &[Action::InvitationWithdrawn, Action::MemberJoined],
    }
}

/// When the grant of an item ended, in milliseconds. Nothing where the log does not say.
pub(crate) async fn at(view: &TenantDb, accounts: &Accounts, item: Uuid) -> Result<Option<i64>, Refusal> {
    let row = view.one(review_item::Entity::find().filter(review_item::Column::Id.eq(item))).await?;
    let Some(row) = row else { return Ok(None) };
    let review = view.one(review::Entity::find().filter(review::Column::Id.eq(row.review_id))).await?;
    let Some(began) = review.and_then(|review| review.opened_at_ms) else { return Ok(None) };
    let kind = Kind::stored(&row.kind);
    let mut rows = entry::Entity::find()
        .filter(entry::Column::Action.is_in(ends(kind).iter().map(|action| action.word())))
        .filter(entry::Column::AtMs.gte(began))
        .order_by_desc(entry::Column::Seq)
        .limit(MOST);
    if kind != Kind::Invitation {
        rows = rows.filter(entry::Column::Subject.eq(row.account_id.unwrap_or_default()));
    }
    let ring = accounts.vault.within(view).await?;
    let target = row.target_id.unwrap_or_default();
    let about = |entry: &entry::Model| {
        let fact = |name: &str| log::open_detail(&ring, None, entry).facts.get(name) == Some(&target.to_string());
        match Action::parse(&entry.action) {
            Some(Action::MemberJoined) => fact("invitation"),
            Some(Action::InvitationWithdrawn) => entry.subject == target,
            Some(Action::ReachWithdrawn) => fact("target") || fact("unit") || fact("record"),
            Some(_) | None => true,
        }
    };
    Ok(view.all(rows).await?.iter().find(|entry| about(entry)).map(|entry| entry.at_ms))
}
