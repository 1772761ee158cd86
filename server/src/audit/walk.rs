//! Walking an organisation's log: every entry after the one before it, and every signed head against the entry that it names.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::heads::{Head, read};
use super::log::{self, Hash};
use crate::crypto::{hex, unhex};
use crate::entity::{entry, log_head, signed_head};
use crate::guard::{Operator, TenantDb, TenantId};
use crate::identity::Accounts;

/// What a walk along an organisation's log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    Holds { entries: i64, heads: usize },
    Broken { at: i64, why: &'static str },
}

/// How many entries are read at once.
const CHUNK: u64 = 1000;

/// Where a walk begins: the last entry that is taken for granted, because it was signed or because there is none.
type Start = (i64, Hash);

/// Walks an organisation's log from its first entry, or from where it was pruned, and compares it with every signed head.
///
/// # Errors
/// When the database does not answer.
pub async fn verify(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Walked, DbErr> {
    walk(operator, accounts, tenant, None).await
}

/// The same for the newest entries only: at least so many, from the last signed head before them.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn verify_newest(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    entries: i64,
) -> Result<Walked, DbErr> {
    walk(operator, accounts, tenant, Some(entries)).await
}

async fn walk(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    newest: Option<i64>,
) -> Result<Walked, DbErr> {
    let view = operator.view(tenant).await?;
    let end = view.one(log_head::Entity::find()).await?;
    let from = newest.map_or(0, |most| end.as_ref().map_or(0, |end| end.seq - most));
    let mut heads = read(&accounts.vault, tenant);
    let stored = view.all(signed_head::Entity::find().order_by_asc(signed_head::Column::Seq)).await?;
    heads.extend(stored.iter().map(Head::of));
    let skipped = heads.iter().filter(|head| head.seq > 0 && head.seq <= from).map(|head| head.seq).max();
    // What cannot be read has the number nought, and holds for nothing.
    heads.retain(|head| head.seq == 0 || head.seq >= skipped.unwrap_or(0));
    let signing = accounts.vault.signing();
    let false_one =
        heads.iter().find(|head| head.tenant != tenant.0 || !signing.verifies(&head.message(), &head.signature));
    if let Some(bad) = false_one {
        return Ok(Walked::Broken { at: bad.seq, why: "a head's signature does not hold" });
    }
    let start = match heads.iter().find(|head| Some(head.seq) == skipped) {
        Some(head) => (head.seq, hash_of(head)),
        None => first(&view, &heads, tenant).await?,
    };
    let (last, hash) = match along(&view, start, &heads).await? {
        Ok(reached) => reached,
        Err(broken) => return Ok(broken),
    };
    let at = end.as_ref().map_or(last, |end| end.seq.min(last)) + 1;
    if !ends_at(&view, end, (last, hash)).await? {
        return Ok(Walked::Broken { at, why: "the log ends elsewhere than its head says" });
    }
    Ok(Walked::Holds { entries: last - start.0, heads: heads.len() })
}

/// Whether the log ends where its head said before the walk. What was added meanwhile has moved the head as well.
/// Whoever takes the head away, or sets it elsewhere, has cut the log.
async fn ends_at(view: &TenantDb, before: Option<log_head::Model>, (last, hash): Start) -> Result<bool, DbErr> {
    let Some(before) = before else { return Ok(last == 0) };
    if before.seq >= last {
        return Ok(before.seq == last && before.hash == hash);
    }
    let now = view.one(log_head::Entity::find()).await?;
    Ok(now.is_some_and(|now| now.seq > last || (now.seq == last && now.hash == hash)))
}

fn hash_of(head: &Head) -> Hash {
    unhex(&head.hash).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

/// Before the first entry, or where the log was pruned.
async fn first(view: &TenantDb, heads: &[Head], tenant: TenantId) -> Result<Start, DbErr> {
    let pruned = heads.iter().filter(|head| head.kind == "pruned").max_by_key(|head| head.seq);
    let first = view.one(entry::Entity::find().order_by_asc(entry::Column::Seq).limit(1)).await?;
    Ok(match (pruned, first) {
        (Some(pruned), Some(first)) if first.seq > 1 => (pruned.seq, hash_of(pruned)),
        _ => (0, log::genesis(tenant)),
    })
}

/// From entry to entry until there is none: the last one, or where it breaks.
async fn along(view: &TenantDb, start: Start, heads: &[Head]) -> Result<Result<Start, Walked>, DbErr> {
    let (mut seq, mut hash) = start;
    let mut wanted: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for head in heads.iter().filter(|head| head.seq > seq) {
        wanted.entry(head.seq).or_default().push(&head.hash);
    }
    loop {
        let rows =
            entry::Entity::find().filter(entry::Column::Seq.gt(seq)).order_by_asc(entry::Column::Seq).limit(CHUNK);
        let rows = view.all(rows).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            if row.seq != seq + 1 {
                return Ok(Err(Walked::Broken { at: seq + 1, why: "an entry is missing" }));
            }
            hash = log::link(&hash, &row);
            if row.hash != hash {
                return Ok(Err(Walked::Broken { at: row.seq, why: "its hash does not follow from what it says" }));
            }
            seq = row.seq;
            if let Some(signed) = wanted.remove(&seq)
                && signed.iter().any(|signed| *signed != hex(&hash))
            {
                return Ok(Err(Walked::Broken { at: seq, why: "it is not the entry that was signed" }));
            }
        }
    }
    Ok(if wanted.is_empty() {
        Ok((seq, hash))
    } else {
        Err(Walked::Broken { at: seq + 1, why: "the log ends before an entry that was signed" })
    })
}
