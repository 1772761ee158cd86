//! A file's row: where its content lies, and what is sealed of it.

use sea_orm::ActiveValue::{NotSet, Set};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Onto;
use super::accept::Accepted;
use super::kind::Kind;
use crate::clock::{from_ms, to_ms};
use crate::crypto::seal::SealError;
use crate::entity::file;
use crate::guard::{AccountId, Change, TenantId};
use crate::identity::Refusal;
use crate::vault::Keyring;

/// A file that hangs on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    pub id: Uuid,
    pub record: Option<Uuid>,
    pub field: Option<String>,
    pub name: String,
    pub kind: Kind,
    pub sha256: String,
    pub bytes: u64,
    pub made_at: OffsetDateTime,
    pub made_by: AccountId,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) sha256: String,
}

/// Below which name the contents of an organisation's files lie.
pub(crate) fn blobs_of(tenant: TenantId) -> String {
    format!("{}/file", tenant.0)
}

pub(crate) fn blob_of(tenant: TenantId, id: Uuid) -> String {
    format!("{}/{id}", blobs_of(tenant))
}

pub(crate) fn place(tenant: Uuid, id: Uuid) -> String {
    format!("file/{tenant}/{id}/facts")
}

pub(super) fn row_of(
    change: &Change,
    id: Uuid,
    onto: Onto<'_>,
    accepted: &Accepted,
    by: AccountId,
    now: OffsetDateTime,
) -> Result<file::ActiveModel, Refusal> {
    let facts = Facts {
        name: accepted.name.clone(),
        media_type: accepted.kind.media_type().to_owned(),
        sha256: accepted.sha256.clone(),
    };
    // Three texts: there is nothing in them that JSON could not say.
    let facts = serde_json::to_vec(&facts).unwrap_or_default();
    Ok(file::ActiveModel {
        tenant_id: NotSet,
        id: Set(id),
        record_id: Set(Some(onto.record)),
        field: Set(onto.field.map(str::to_owned)),
        facts: Set(change.seal(&place(change.tenant().0, id), &facts)?),
        bytes: Set(i64::try_from(accepted.content.len()).unwrap_or(i64::MAX)),
        made_at_ms: Set(to_ms(now)),
        made_by: Set(by.0),
        removed_at_ms: Set(None),
    })
}

/// What a row says, with what is sealed of it.
pub(super) fn facts_of(ring: &Keyring, row: file::Model) -> Result<Attached, SealError> {
    let plain = ring.open(&place(row.tenant_id, row.id), &row.facts)?;
    let facts: Facts = serde_json::from_slice(&plain).map_err(|_| SealError::DoesNotOpen)?;
    Ok(Attached {
        id: row.id,
        record: row.record_id,
        field: row.field,
        name: facts.name,
        kind: Kind::by_media_type(&facts.media_type).ok_or(SealError::DoesNotOpen)?,
        sha256: facts.sha256,
        bytes: u64::try_from(row.bytes).unwrap_or_default(),
        made_at: from_ms(row.made_at_ms),
        made_by: AccountId(row.made_by),
    })
}
