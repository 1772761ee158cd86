//! Signed heads: the number and hash of the newest entry, signed with Ed25519 at least hourly and kept in a file beside the database as well,
//! so that a log that was cut off or written anew is found out. And pruning, which only a signed head of what goes makes possible.

use std::io::Write;
use std::path::PathBuf;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::crypto::hex;
use crate::entity::{entry, log_head, platform_entry, signed_head};
use crate::guard::{Actor, Operator, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::vault::Vault;

/// A log that has grown is signed this often; hourly is what is promised.
const SIGN_EVERY: Duration = Duration::minutes(15);

/// A line of the file of heads, and of what is taken along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) kind: String,
    pub(crate) tenant: Uuid,
    pub(crate) seq: i64,
    pub(crate) hash: String,
    pub(crate) at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) before_ms: Option<i64>,
    pub(crate) key: String,
    pub(crate) signature: String,
}

impl Head {
    fn of(row: &signed_head::Model) -> Self {
        Self {
            kind: row.kind.clone(),
            tenant: row.tenant_id,
            seq: row.seq,
            hash: hex(&row.hash),
            at_ms: row.at_ms,
            before_ms: row.before_ms,
            key: row.public_key.clone(),
            signature: row.signature.clone(),
        }
    }

    /// What is signed: each field after its length, as in an entry.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut message = Vec::new();
        let mut field = |bytes: &[u8]| {
            message.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            message.extend(bytes);
        };
        field(b"avouch-head/1");
        field(self.kind.as_bytes());
        field(self.tenant.as_bytes());
        field(&self.seq.to_be_bytes());
        field(&crate::crypto::unhex(&self.hash).unwrap_or_default());
        field(&self.at_ms.to_be_bytes());
        if let Some(before) = self.before_ms {
            field(&before.to_be_bytes());
        }
        message
    }
}

pub(crate) fn line(row: &signed_head::Model) -> String {
    format!("{}\n", serde_json::to_string(&Head::of(row)).unwrap_or_default())
}

/// The file in which the heads of one log are kept outside of the database.
pub(crate) fn file(vault: &Vault, tenant: TenantId) -> PathBuf {
    vault.folder().join("heads").join(format!("{}.jsonl", tenant.0))
}

fn signed(
    vault: &Vault,
    kind: &str,
    tenant: TenantId,
    (seq, hash): (i64, &[u8]),
    at: OffsetDateTime,
    before: Option<OffsetDateTime>,
) -> signed_head::Model {
    let mut head = Head {
        kind: kind.to_owned(),
        tenant: tenant.0,
        seq,
        hash: hex(hash),
        at_ms: to_ms(at),
        before_ms: before.map(to_ms),
        key: vault.signing().public_hex(),
        signature: String::new(),
    };
    head.signature = vault.signing().sign_hex(&head.message());
    signed_head::Model {
        tenant_id: head.tenant,
        kind: head.kind,
        seq,
        hash: hash.to_vec(),
        at_ms: head.at_ms,
        before_ms: head.before_ms,
        public_key: head.key,
        signature: head.signature,
    }
}

/// Appends to the file, on the disk before this returns.
fn keep(vault: &Vault, row: &signed_head::Model) -> Result<(), Refusal> {
    let path = file(vault, TenantId(row.tenant_id));
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(line(row).as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Refusal::Vault(error.into()))
}

/// Signs the head of an organisation's log if it has moved and the last signature is old enough. Whether it did.
pub(crate) async fn sign(
    operator: &Operator,
    vault: &Vault,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let view = operator.view(tenant).await?;
    let Some(head) = view.one(log_head::Entity::find()).await? else { return Ok(false) };
    let last = signed_head::Entity::find()
        .filter(signed_head::Column::Kind.eq("head"))
        .order_by_desc(signed_head::Column::Seq)
        .limit(1);
    let last = view.one(last).await?;
    drop(view);
    if last.is_some_and(|last| last.seq >= head.seq || now - from_ms(last.at_ms) < SIGN_EVERY) {
        return Ok(false);
    }
    write(operator, vault, signed(vault, "head", tenant, (head.seq, &head.hash), now, None)).await?;
    Ok(true)
}

/// The same at once, whatever was signed last: before a server leaves, and for whoever wants to verify now.
///
/// # Errors
/// When the database does not answer or the file cannot be written.
pub async fn sign_all(operator: &Operator, vault: &Vault, now: OffsetDateTime) -> Result<usize, Refusal> {
    let mut signed = 0;
    for row in operator.organisations().await? {
        let tenant = TenantId(row.id);
        operator.deliver(tenant).await?;
        signed += usize::from(sign(operator, vault, tenant, now + SIGN_EVERY).await?);
    }
    Ok(signed)
}

async fn write(operator: &Operator, vault: &Vault, row: signed_head::Model) -> Result<(), Refusal> {
    // The file first: a head that only the file knows is harmless, one that only the database knows protects nothing.
    keep(vault, &row)?;
    let change = operator.begin_log(TenantId(row.tenant_id)).await?;
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(change.commit().await?)
}

/// The platform's own log is signed under the nil id, in its file only.
pub(crate) async fn sign_platform(operator: &Operator, vault: &Vault, now: OffsetDateTime) -> Result<bool, Refusal> {
    let newest = platform_entry::Entity::find().order_by_desc(platform_entry::Column::Seq).limit(1);
    let Some(newest) = operator.all(newest).await?.into_iter().next() else { return Ok(false) };
    let nobody = TenantId(Uuid::nil());
    let last = read(vault, nobody).into_iter().next_back();
    if last.is_some_and(|last| last.seq >= newest.seq || now - from_ms(last.at_ms) < SIGN_EVERY) {
        return Ok(false);
    }
    let hash = crate::crypto::unhex(&newest.hash).unwrap_or_default();
    keep(vault, &signed(vault, "head", nobody, (newest.seq, &hash), now, None))?;
    Ok(true)
}

/// The heads in the file, in their order; what cannot be read stands as a head that holds for nothing.
pub(crate) fn read(vault: &Vault, tenant: TenantId) -> Vec<Head> {
    let text = std::fs::read_to_string(file(vault, tenant)).unwrap_or_default();
    let broken = || Head {
        kind: "broken".into(),
        tenant: tenant.0,
        seq: 0,
        hash: String::new(),
        at_ms: 0,
        before_ms: None,
        key: String::new(),
        signature: String::new(),
    };
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| broken())).collect()
}

/// Lets go of entries that are older than the profile keeps them: signs the head of what goes, then lets it go. How many went.
///
/// There is no other way to prune: the days come from the profile, and the triggers of the table let nothing go that no signed head covers.
pub(crate) async fn prune(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let before = now - Duration::days(accounts.profile.policy.retention.audit_days.get().into());
    let view = operator.view(tenant).await?;
    let oldest = view.one(entry::Entity::find().order_by_asc(entry::Column::Seq).limit(1)).await?;
    if oldest.is_none_or(|oldest| from_ms(oldest.at_ms) >= before) {
        return Ok(0);
    }
    // The first that stays; the newest entry always does, so that the chain has an end.
    let stays =
        entry::Entity::find().filter(entry::Column::AtMs.gte(to_ms(before))).order_by_asc(entry::Column::Seq).limit(1);
    let newest = view.one(entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1)).await?;
    let stays = match view.one(stays).await? {
        Some(row) => Some(row.seq),
        None => newest.map(|row| row.seq),
    };
    let last = entry::Entity::find()
        .filter(entry::Column::Seq.lt(stays.unwrap_or(0)))
        .order_by_desc(entry::Column::Seq)
        .limit(1);
    let last = view.one(last).await?;
    drop(view);
    let Some(last) = last else { return Ok(0) };
    let head = signed(&accounts.vault, "pruned", tenant, (last.seq, &last.hash), now, Some(before));
    keep(&accounts.vault, &head)?;
    let change = operator.begin_log(tenant).await?;
    change.insert(head.into_active_model().reset_all()).await?;
    let gone = change.delete(entry::Entity::delete_many().filter(entry::Column::Seq.lte(last.seq))).await?;
    change.commit().await?;
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let event =
        Event::of(Action::LogPruned, tenant.0).with("entries", gone.to_string()).with("up-to", last.seq.to_string());
    change.commit(&event, now).await?;
    Ok(gone)
}

/// What a walk along an organisation's log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    Holds { entries: i64, heads: usize },
    Broken { at: i64, why: &'static str },
}

/// How many entries are read at once. Measured on SQLite: with 20,000 a walk takes a third longer.
const CHUNK: u64 = 1000;

/// Walks an organisation's log from its first entry, or from where it was pruned, and compares it with every signed head.
///
/// # Errors
/// When the database does not answer.
pub async fn verify(operator: &Operator, accounts: &Accounts, tenant: TenantId) -> Result<Walked, DbErr> {
    let vault = &accounts.vault;
    let view = operator.view(tenant).await?;
    let mut heads = read(vault, tenant);
    let stored = view.all(signed_head::Entity::find().order_by_asc(signed_head::Column::Seq)).await?;
    heads.extend(stored.iter().map(Head::of));
    if let Some(bad) =
        heads.iter().find(|head| head.tenant != tenant.0 || !vault.signing().verifies(&head.message(), &head.signature))
    {
        return Ok(Walked::Broken { at: bad.seq, why: "a head's signature does not hold" });
    }
    let pruned = heads.iter().filter(|head| head.kind == "pruned").max_by_key(|head| head.seq);
    let first = view.one(entry::Entity::find().order_by_asc(entry::Column::Seq).limit(1)).await?;
    let (mut seq, mut hash) = match (pruned, first.as_ref()) {
        (Some(pruned), Some(first)) if first.seq > 1 => {
            (pruned.seq, crate::crypto::unhex(&pruned.hash).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
        }
        _ => (0, super::log::genesis(tenant)),
    };
    let began = seq;
    let mut wanted: std::collections::BTreeMap<i64, Vec<String>> = std::collections::BTreeMap::new();
    for head in heads.iter().filter(|head| head.seq > began) {
        wanted.entry(head.seq).or_default().push(head.hash.clone());
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
                return Ok(Walked::Broken { at: seq + 1, why: "an entry is missing" });
            }
            hash = super::log::link(&hash, &row);
            if row.hash != hash {
                return Ok(Walked::Broken { at: row.seq, why: "its hash does not follow from what it says" });
            }
            seq = row.seq;
            if let Some(signed) = wanted.remove(&seq)
                && signed.iter().any(|signed| *signed != hex(&hash))
            {
                return Ok(Walked::Broken { at: seq, why: "it is not the entry that was signed" });
            }
        }
    }
    if let Some((at, _)) = wanted.into_iter().next() {
        return Ok(Walked::Broken { at, why: "the log ends before an entry that was signed" });
    }
    let head = view.one(log_head::Entity::find()).await?;
    if head.is_some_and(|head| head.seq != seq || head.hash != hash) {
        return Ok(Walked::Broken { at: seq + 1, why: "the log ends elsewhere than its head says" });
    }
    Ok(Walked::Holds { entries: seq - began, heads: heads.len() })
}

/// Every organisation's log, or one's.
///
/// # Errors
/// [`Refusal::Field`] when there is no organisation of that slug.
pub async fn verify_all(
    operator: &Operator,
    accounts: &Accounts,
    only: Option<&str>,
) -> Result<Vec<(String, Walked)>, Refusal> {
    let mut walked = Vec::new();
    for row in operator.organisations().await? {
        if only.is_none_or(|slug| slug == row.slug) {
            operator.deliver(TenantId(row.id)).await?;
            walked.push((row.slug, verify(operator, accounts, TenantId(row.id)).await?));
        }
    }
    if let (true, Some(slug)) = (walked.is_empty(), only) {
        return Err(Refusal::Field("organisation", format!("there is no organisation \"{slug}\"")));
    }
    Ok(walked)
}

/// The first entry of the platform's log that is not the one that was signed.
///
/// # Errors
/// When the database does not answer.
pub async fn platform_differs(operator: &Operator, vault: &Vault) -> Result<Option<i64>, DbErr> {
    for head in read(vault, TenantId(Uuid::nil())) {
        let row = operator.all(platform_entry::Entity::find_by_id(head.seq)).await?.into_iter().next();
        let same = row.is_some_and(|row| row.hash == head.hash);
        if !same || !vault.signing().verifies(&head.message(), &head.signature) {
            return Ok(Some(head.seq));
        }
    }
    Ok(None)
}
