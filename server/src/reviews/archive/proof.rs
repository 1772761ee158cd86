//! The entries of a review, and the proof that they stand in the log: the leaves from its beginning to a signed head.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::audit::log::{self, Action};
use crate::audit::{heads, view};
use crate::crypto::hex;
use crate::entity::{entry, review, signed_head};
use crate::exports::ExportError;
use crate::exports::archive::Archive;
use crate::guard::TenantDb;
use crate::identity::Accounts;

/// Entries that are read at once.
const PAGE: u64 = 2000;

/// Leaves of one proof: two years of a busy organisation's log.
const MOST: usize = 500_000;

pub(super) async fn write(
    archive: &mut Archive<'_>,
    view: &TenantDb,
    accounts: &Accounts,
    row: &review::Model,
) -> Result<(), ExportError> {
    let Some(first) = of_action(view, Action::ReviewOpened, row.id).await? else {
        archive
            .put("log/README.txt", b"The log does not reach back to the beginning of this review any more.\n")
            .await?;
        return Ok(());
    };
    let last = of_action(view, Action::ReviewClosed, row.id).await?;
    let head = head(view, last.unwrap_or(first)).await?;
    let before = view.one(entry::Entity::find().filter(entry::Column::Seq.eq(first - 1))).await?;
    let before = before.map_or_else(|| log::genesis(view.tenant()).to_vec(), |row| row.hash);
    let walked = walk(view, row.id, first, head.as_ref().map(|head| head.seq)).await?;
    archive.put("log/entries.jsonl", walked.entries.as_bytes()).await?;
    archive.put("log/chain.jsonl", walked.chain.as_bytes()).await?;
    let begins = json!({ "after_seq": first - 1, "hash": hex(&before) });
    archive.put("log/before.json", format!("{begins}\n").as_bytes()).await?;
    let head = head.as_ref().map(heads::line).unwrap_or_default();
    archive.put("log/head.json", head.as_bytes()).await?;
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

/// The first head that was signed after it.
async fn head(view: &TenantDb, after: i64) -> Result<Option<signed_head::Model>, ExportError> {
    let rows = signed_head::Entity::find()
        .filter(signed_head::Column::Kind.eq("head"))
        .filter(signed_head::Column::Seq.gte(after))
        .order_by_asc(signed_head::Column::Seq)
        .limit(1);
    Ok(view.one(rows).await?)
}

#[derive(Default)]
struct Walked {
    entries: String,
    chain: String,
}

/// Whether an entry is about this review: about itself, about one of its items, or what a decision did.
fn concerns(row: &entry::Model, review: Uuid, effects: &BTreeSet<&str>) -> bool {
    let of_item = row.subject.as_bytes()[..10] == review.as_bytes()[..10];
    of_item || effects.contains(row.action.as_str())
}

async fn walk(view: &TenantDb, review: Uuid, first: i64, last: Option<i64>) -> Result<Walked, ExportError> {
    let effects = [
        Action::MemberOffboarded,
        Action::RoleChanged,
        Action::ReachWithdrawn,
        Action::InvitationWithdrawn,
        Action::HelpEnded,
        Action::CalendarClosed,
    ];
    let effects: BTreeSet<&str> = effects.iter().map(|action| action.word()).collect();
    let (mut walked, mut after, mut number) = (Walked::default(), first - 1, 0);
    while number < MOST {
        let rows = entry::Entity::find()
            .filter(entry::Column::Seq.gt(after))
            .filter(entry::Column::Seq.lte(last.unwrap_or(i64::MAX)))
            .order_by_asc(entry::Column::Seq)
            .limit(PAGE);
        let rows = view.all(rows).await?;
        let Some(end) = rows.last().map(|row| row.seq) else { break };
        after = end;
        number += rows.len();
        for row in &rows {
            let _ = writeln!(walked.chain, "{}", json!({ "seq": row.seq, "leaf": hex(&log::leaf(row)) }));
            if concerns(row, review, &effects) {
                walked.entries.push_str(&view::json_line(row));
            }
        }
    }
    Ok(walked)
}
