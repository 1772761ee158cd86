//! The entries of a review, and the proof that they stand in the log: the leaves from its beginning to a signed head.

use futures::StreamExt;
use futures::stream;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::audit::log::{self, Action};
use crate::audit::{heads, view as lines};
use crate::crypto::hex;
use crate::entity::{entry, review, signed_head};
use crate::exports::ExportError;
use crate::exports::archive::Archive;
use crate::guard::TenantDb;
use crate::identity::Accounts;
use crate::reviews::items::ids_of;

/// Entries that are read at once.
const PAGE: u64 = 2000;

/// What a decision does, and what ends access otherwise: what entries of it are called.
const EFFECTS: [Action; 7] = [
    Action::MemberOffboarded,
    Action::RoleChanged,
    Action::ReachWithdrawn,
    Action::InvitationWithdrawn,
    Action::HelpEnded,
    Action::CalendarClosed,
    // An invitation that was answered is none any more.
    Action::MemberJoined,
];

const TOO_OLD: &str = "The log does not reach back to the beginning of this review any more.\n";
/// What stands in place of the proof while there is none.
pub(in crate::reviews) const NOT_SIGNED: &str =
    "The log has not been signed since. That is done every few minutes: take the archive again then.\n";

pub(super) async fn write(
    archive: &mut Archive<'_>,
    view: &TenantDb,
    accounts: &Accounts,
    row: &review::Model,
) -> Result<(), ExportError> {
    let Some(first) = of_action(view, Action::ReviewOpened, row.id).await? else {
        archive.put("log/README.txt", TOO_OLD.as_bytes()).await?;
        return Ok(());
    };
    let closed = of_action(view, Action::ReviewClosed, row.id).await?;
    // The entry of the end may still be on its way into a log that lies elsewhere.
    let delivered = closed.is_some() || row.closed_at_ms.is_none();
    let last = match closed {
        Some(closed) => closed,
        None => newest(view, first, row.id).await?,
    };
    let Some(head) = head(view, last).await?.filter(|_| delivered) else {
        archive.put("log/README.txt", NOT_SIGNED.as_bytes()).await?;
        return Ok(());
    };
    let before = view.one(entry::Entity::find().filter(entry::Column::Seq.eq(first - 1))).await?;
    let before = before.map_or_else(|| log::genesis(view.tenant()).to_vec(), |row| row.hash);
    let span = (first - 1, head.seq);
    entries(archive, "log/entries.jsonl", view, span, Some(concerning(row.id)), lines::json_line).await?;
    entries(archive, "log/chain.jsonl", view, span, None, link).await?;
    let begins = json!({ "after_seq": first - 1, "hash": hex(&before) });
    archive.put("log/before.json", format!("{begins}\n").as_bytes()).await?;
    archive.put("log/head.json", heads::line(&head).as_bytes()).await?;
    let key = accounts.vault.signing().public_hex() + "\n";
    archive.put("log/public-key.txt", key.as_bytes()).await?;
    Ok(())
}

/// The number of the entry that tells of the beginning or of the end.
async fn of_action(view: &TenantDb, action: Action, review: Uuid) -> Result<Option<i64>, ExportError> {
    let rows = entry::Entity::find()
        .filter(entry::Column::Action.eq(action.word()))
        .filter(entry::Column::Subject.eq(review))
        .order_by_asc(entry::Column::Seq)
        .limit(1);
    Ok(view.one(rows).await?.map(|row| row.seq))
}

/// While a review goes on: the newest entry of what was decided and done in it so far.
async fn newest(view: &TenantDb, first: i64, review: Uuid) -> Result<i64, ExportError> {
    let rows = entry::Entity::find()
        .filter(entry::Column::Seq.gte(first))
        .filter(concerning(review))
        .order_by_desc(entry::Column::Seq)
        .limit(1);
    Ok(view.one(rows).await?.map_or(first, |row| row.seq))
}

/// The first head that was signed after everything that is told.
async fn head(view: &TenantDb, last: i64) -> Result<Option<signed_head::Model>, ExportError> {
    let heads = signed_head::Entity::find()
        .filter(signed_head::Column::Kind.eq("head"))
        .filter(signed_head::Column::Seq.gte(last))
        .order_by_asc(signed_head::Column::Seq)
        .limit(1);
    Ok(view.one(heads).await?)
}

/// Entries about this review itself, about one of its items, or of what a decision does.
fn concerning(review: Uuid) -> Condition {
    let (first, last) = ids_of(review);
    Condition::any()
        .add(entry::Column::Subject.between(first, last))
        .add(entry::Column::Action.is_in(EFFECTS.map(Action::word)))
}

/// What the chain has of an entry.
fn link(row: &entry::Model) -> String {
    format!("{}\n", json!({ "seq": row.seq, "leaf": hex(&log::leaf(row)) }))
}

/// The entries after one and up to another, all or those that are meant, however many they are.
async fn entries(
    archive: &mut Archive<'_>,
    file: &str,
    view: &TenantDb,
    (after, until): (i64, i64),
    which: Option<Condition>,
    line: fn(&entry::Model) -> String,
) -> Result<(), ExportError> {
    let which = &which;
    let pages = stream::try_unfold(after, move |after| async move {
        let rows = entry::Entity::find()
            .filter(entry::Column::Seq.gt(after))
            .filter(entry::Column::Seq.lte(until))
            .filter(which.clone().unwrap_or_else(Condition::all))
            .order_by_asc(entry::Column::Seq)
            .limit(PAGE);
        let rows = view.all(rows).await?;
        let text: String = rows.iter().map(line).collect();
        Ok(rows.last().map(|last| (text.into_bytes(), last.seq)))
    });
    archive.stream(file, pages.boxed()).await?;
    Ok(())
}
