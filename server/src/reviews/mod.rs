//! Access reviews: who has access to what is taken down at one instant, somebody decides on each grant, and the decision is the removal. The
//! report proves it.
//!
//! What was found is frozen as items (`freeze`). Deciding (`decide`, `many`) is refused to whoever the access is, under whatever account
//! (`rules`). Removing (`effect`) is one transaction with the decision, the end of the sessions and the entries of the log. Closing
//! (`close`) compares what is with what was decided, and names what differs (`drift`).

mod alone;
mod archive;
mod asking;
mod bench;
pub(crate) mod cadence;
mod campaigns;
mod close;
mod decide;
mod drift;
mod effect;
mod ended;
pub mod feed;
mod form;
mod freeze;
mod hanging;
mod items;
mod mailboxes;
mod many;
mod mine;
mod notes;
mod open;
mod preview;
mod report;
mod rules;
pub mod seats;
mod settled;
mod taking;
mod tell;
mod together;
mod words;

pub use self::archive::{Pieces, archive};
pub use self::asking::{Remark, comment, delegate, reassign, remarks, undo, undo_act};
pub use self::bench::Reviewer;
pub use self::cadence::REMINDERS;
pub use self::campaigns::{Campaign, Counts, campaign, campaigns};
pub use self::close::{Outcome, close};
pub use self::decide::{DecideForm, decide};
pub use self::drift::{Drift, How, Since, drift, resolve, since};
pub use self::form::Form;
pub use self::freeze::{Found, Source};
pub use self::hanging::Along;
pub(crate) use self::items::invited_address;
pub use self::items::{Item, Narrowing, PAGE, Page, Vote, items};
pub use self::many::{MOST, Many, ManyForm, decide_many};
pub(crate) use self::notes::salt_place;
pub use self::open::{discard, open, start};
pub use self::preview::{Preview, preview};
pub(crate) use self::report::waiting;
pub use self::report::{History, Past, Quality, Report, history, report};
pub use self::rules::Barred;
pub use self::settled::{Became, Settled};
pub use self::words::{Advice, Decision, Effect, Kind, Reason, Scope, Silence, State, Status, WhenDue};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::entity::{account, review_item};
use crate::guard::{Change, TenantId};
use crate::identity::address::Address;
use crate::identity::{Accounts, Refusal};

/// Where the name of a review is sealed.
pub(crate) fn name_place(tenant: TenantId, review: Uuid) -> String {
    format!("review/{}/{review}/name", tenant.0)
}

/// Where a note is sealed.
pub(crate) fn note_place(tenant: TenantId, note: Uuid) -> String {
    format!("review-note/{}/{note}/content", tenant.0)
}

fn no_review() -> Refusal {
    Refusal::Field("review", "there is no such review here".into())
}

fn no_item() -> Refusal {
    Refusal::Field("item", "there is no such item here".into())
}

/// Somebody is erased: the address of an invitation to them goes. What points to their account leads to nobody then. How many items had it.
pub(crate) async fn forget(change: &Change, accounts: &Accounts, row: &account::Model) -> Result<u64, Refusal> {
    let invited = review_item::Entity::find()
        .filter(review_item::Column::Kind.eq(Kind::Invitation.word()))
        .filter(review_item::Column::Address.is_not_null());
    let theirs = change.all(invited).await?.into_iter().filter(|item| {
        let address = invited_address(change.ring(), item).and_then(|text| Address::parse(&text).ok());
        address.is_some_and(|address| address.index(accounts.vault.hashes()) == row.address_index)
    });
    let ids: Vec<Uuid> = theirs.map(|item| item.id).collect();
    let set = review_item::Entity::update_many()
        .col_expr(review_item::Column::Address, Expr::value(None::<Vec<u8>>))
        .filter(review_item::Column::Id.is_in(ids));
    Ok(change.update(set).await?)
}
