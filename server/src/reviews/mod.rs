//! Access reviews: who has access to what is taken down at one instant, somebody decides on each grant, and the decision is the removal. The
//! report proves it.
//!
//! What was found is frozen as items (`freeze`). Deciding (`decide`, `many`) is refused to whoever the access is, under whatever account
//! (`rules`). Removing (`effect`) is one transaction with the decision, the end of the sessions and the entries of the log. Closing
//! (`close`) compares what is with what was decided, and names what differs (`drift`).

mod bench;
mod campaigns;
mod decide;
mod effect;
mod form;
mod freeze;
mod items;
mod open;
mod rules;
mod tell;
mod words;

pub use self::bench::Reviewer;
pub use self::campaigns::{Campaign, Counts, campaign, campaigns};
pub use self::decide::{DecideForm, decide};
pub use self::form::Form;
pub use self::freeze::{Found, Source};
pub(crate) use self::items::invited_address;
pub use self::items::{Item, Narrowing, PAGE, Page, Vote, items};
pub use self::open::{discard, open, start};
pub use self::rules::Barred;
pub use self::words::{Advice, Decision, Effect, Kind, Reason, Scope, Silence, State, Status};

use uuid::Uuid;

use crate::guard::TenantId;
use crate::identity::Refusal;

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
