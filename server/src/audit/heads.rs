//! Signed heads: the number and hash of the newest entry, signed with Ed25519 at least hourly and kept in a file beside the database as well,
//! so that a log that was cut off or written anew is found out. And pruning, which only a signed head of what goes makes possible.

use std::io::Write;
use std::path::PathBuf;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::log::{Action, Event};
pub use super::walk::{Walked, verify};
use crate::clock::{from_ms, to_ms};
use crate::crypto::hex;
use crate::entity::{delivered, entry, log_head, platform_entry, signed_head};
use crate::guard::{Actor, Operator, TenantId};
use crate::identity::{Accounts, Origin, Refusal};
use crate::vault::Vault;

/// A log that has grown is signed this often; hourly is what is promised.
pub(crate) const SIGN_EVERY: Duration = Duration::minutes(15);

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
    pub(super) fn of(row: &signed_head::Model) -> Self {
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
    sign_every(operator, vault, tenant, now, SIGN_EVERY).await
}

/// The same at once, of one organisation.
pub(crate) async fn sign_now(
    operator: &Operator,
    vault: &Vault,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    operator.deliver(tenant).await?;
    sign_every(operator, vault, tenant, now, Duration::ZERO).await
}

/// Signed heads, the newest first.
pub(crate) fn newest() -> Select<signed_head::Entity> {
    signed_head::Entity::find().filter(signed_head::Column::Kind.eq("head")).order_by_desc(signed_head::Column::Seq)
}

async fn sign_every(
    operator: &Operator,
    vault: &Vault,
    tenant: TenantId,
    now: OffsetDateTime,
    every: Duration,
) -> Result<bool, Refusal> {
    let view = operator.view(tenant).await?;
    let Some(head) = view.one(log_head::Entity::find()).await? else { return Ok(false) };
    let last = view.one(newest().limit(1)).await?;
    drop(view);
    if last.is_some_and(|last| last.seq >= head.seq || now - from_ms(last.at_ms) < every) {
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
        signed += usize::from(sign_every(operator, vault, tenant, now, Duration::ZERO).await?);
    }
    sign_platform_every(operator, vault, now, Duration::ZERO).await?;
    Ok(signed)
}

async fn write(operator: &Operator, vault: &Vault, row: signed_head::Model) -> Result<(), Refusal> {
    // The file first: a head that only the file knows is harmless, one that only the database knows protects nothing.
    keep(vault, &row)?;
    let change = operator.begin_log(TenantId(row.tenant_id)).await?;
    let key = [signed_head::Column::TenantId, signed_head::Column::Kind, signed_head::Column::Seq];
    // Another instance may be at the same: one head is enough.
    change.upsert(row.into_active_model().reset_all(), OnConflict::columns(key).do_nothing().to_owned()).await?;
    Ok(change.commit().await?)
}

/// The platform's own log is signed under the nil id, in its file only.
pub(crate) async fn sign_platform(operator: &Operator, vault: &Vault, now: OffsetDateTime) -> Result<bool, Refusal> {
    sign_platform_every(operator, vault, now, SIGN_EVERY).await
}

/// The same at once.
pub(crate) async fn sign_platform_now(
    operator: &Operator,
    vault: &Vault,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    sign_platform_every(operator, vault, now, Duration::ZERO).await
}

/// The first head of the platform's log that covers this entry.
pub(crate) fn of_platform(vault: &Vault, seq: i64) -> Option<Head> {
    read(vault, TenantId(Uuid::nil())).into_iter().find(|head| head.kind == "head" && head.seq >= seq)
}

async fn sign_platform_every(
    operator: &Operator,
    vault: &Vault,
    now: OffsetDateTime,
    every: Duration,
) -> Result<bool, Refusal> {
    let newest = platform_entry::Entity::find().order_by_desc(platform_entry::Column::Seq).limit(1);
    let Some(newest) = operator.all(newest).await?.into_iter().next() else { return Ok(false) };
    let nobody = TenantId(Uuid::nil());
    let last = read(vault, nobody).into_iter().next_back();
    if last.is_some_and(|last| last.seq >= newest.seq || now - from_ms(last.at_ms) < every) {
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
    match last {
        Some(last) => let_go(operator, accounts, tenant, &last, before, now).await,
        None => Ok(0),
    }
}

/// Lets go of every entry before this one, of an organisation of which the rest goes too.
pub(crate) async fn prune_before(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    seq: i64,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let last = entry::Entity::find().filter(entry::Column::Seq.lt(seq)).order_by_desc(entry::Column::Seq).limit(1);
    let last = operator.view(tenant).await?.one(last).await?;
    match last {
        Some(last) => let_go(operator, accounts, tenant, &last, now, now).await,
        None => Ok(0),
    }
}

/// Signs the head of what goes, up to this entry, then lets it go, which the log says.
async fn let_go(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    last: &entry::Model,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<u64, Refusal> {
    let head = signed(&accounts.vault, "pruned", tenant, (last.seq, &last.hash), now, Some(before));
    keep(&accounts.vault, &head)?;
    let change = operator.begin_log(tenant).await?;
    let key = [signed_head::Column::TenantId, signed_head::Column::Kind, signed_head::Column::Seq];
    // Another instance may be at the same: one head is enough.
    change.upsert(head.into_active_model().reset_all(), OnConflict::columns(key).do_nothing().to_owned()).await?;
    let gone = change.delete(entry::Entity::delete_many().filter(entry::Column::Seq.lte(last.seq))).await?;
    change.commit().await?;
    let sealer = accounts.sealer(tenant, &Origin::of_program()).await?;
    let change = operator.begin_in(tenant, Actor::System, sealer).await?;
    let event =
        Event::of(Action::LogPruned, tenant.0).with("entries", gone.to_string()).with("up-to", last.seq.to_string());
    change.commit(&event, now).await?;
    Ok(gone)
}

/// Signs a head that covers a whole log, so that its triggers let it go entry by entry.
pub(crate) async fn cover(
    operator: &Operator,
    vault: &Vault,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = operator.begin_log(tenant).await?;
    let newest = change.one(entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1)).await?;
    let Some(newest) = newest else { return Ok(()) };
    let there = signed_head::Entity::find()
        .filter(signed_head::Column::Kind.eq("pruned"))
        .filter(signed_head::Column::Seq.gte(newest.seq));
    if change.one(there).await?.is_none() {
        let covering = signed(vault, "pruned", tenant, (newest.seq, &newest.hash), now, Some(now));
        change.insert(covering.into_active_model().reset_all()).await?;
    }
    Ok(change.commit().await?)
}

/// Lets a whole log go, of an organisation that goes itself: through a signed head like any pruning, which then goes too.
pub(crate) async fn erase(
    operator: &Operator,
    vault: &Vault,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = operator.begin_log(tenant).await?;
    let Some(head) = change.one(log_head::Entity::find()).await? else { return Ok(()) };
    let covering = signed(vault, "pruned", tenant, (head.seq, &head.hash), now, Some(now));
    change.insert(covering.into_active_model().reset_all()).await?;
    change.delete(entry::Entity::delete_many()).await?;
    change.delete(signed_head::Entity::delete_many()).await?;
    change.delete(log_head::Entity::delete_many()).await?;
    change.delete(delivered::Entity::delete_many()).await?;
    Ok(change.commit().await?)
}

/// Since when an organisation's log has had entries that no signed head covers.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn unsigned_since(operator: &Operator, tenant: TenantId) -> Result<Option<OffsetDateTime>, DbErr> {
    let view = operator.view(tenant).await?;
    let signed = signed_head::Entity::find().order_by_desc(signed_head::Column::Seq).limit(1);
    let signed = view.one(signed).await?.map_or(0, |head| head.seq);
    let next = entry::Entity::find().filter(entry::Column::Seq.gt(signed)).order_by_asc(entry::Column::Seq).limit(1);
    Ok(view.one(next).await?.map(|entry| from_ms(entry.at_ms)))
}

/// The same of the platform's log, whose heads are in their file only.
///
/// # Errors
/// The number of the entry that is not the one that was signed.
pub(crate) async fn platform_unsigned_since(
    operator: &Operator,
    vault: &Vault,
) -> Result<Result<Option<OffsetDateTime>, i64>, DbErr> {
    let last = read(vault, TenantId(Uuid::nil())).into_iter().next_back();
    let signed = last.as_ref().map_or(0, |head| head.seq);
    if let Some(head) = last {
        let row = platform_entry::Entity::find().filter(platform_entry::Column::Seq.eq(head.seq));
        let same = operator.all(row).await?.first().is_some_and(|row| row.hash == head.hash);
        if !same || !vault.signing().verifies(&head.message(), &head.signature) {
            return Ok(Err(head.seq));
        }
    }
    let next = platform_entry::Entity::find()
        .filter(platform_entry::Column::Seq.gt(signed))
        .order_by_asc(platform_entry::Column::Seq)
        .limit(1);
    Ok(Ok(operator.all(next).await?.first().map(|entry| from_ms(entry.at_ms))))
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
