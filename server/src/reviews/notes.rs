//! Reasons and remarks: sealed where they are kept, and a reason hashed with a salt for the entry that tells of its decision. So the log convicts
//! whoever writes another reason into an archive, and tells nobody what the reason is.

use sea_orm::ActiveValue;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::note_place;
use crate::audit::log::Hash;
use crate::clock::to_ms;
use crate::crypto::{hex, random};
use crate::entity::{review, review_note};
use crate::guard::{Change, TenantId};
use crate::identity::Refusal;
use crate::vault::Keyring;

/// What stands before a salted reason when it is hashed.
const HASHED: &[u8] = b"avouch-note/1\n";

/// 256 bits: as much as the hash has, so that nobody finds a short reason by trying.
pub(crate) type Salt = [u8; 32];

/// Where the salt of a reason is sealed.
pub(crate) fn salt_place(tenant: TenantId, note: Uuid) -> String {
    format!("review-note/{}/{note}/salt", tenant.0)
}

pub(crate) fn digest(salt: &Salt, text: &str) -> Hash {
    Sha256::new().chain_update(HASHED).chain_update(salt).chain_update(text).finalize().into()
}

/// A reason that was written down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) digest: Hash,
}

/// The hash that stands for a reason in the log: of no reason, nothing but zeros, so that nobody adds one afterwards.
pub(crate) fn digest_of(kept: Option<Kept>) -> Hash {
    kept.map_or([0; 32], |kept| kept.digest)
}

/// What a note says, and in hexadecimal what it was salted with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) salt: Option<String>,
}

impl Note {
    pub(crate) fn open(ring: &Keyring, row: &review_note::Model) -> Self {
        let tenant = TenantId(row.tenant_id);
        let salt = row.salt.as_deref().and_then(|salt| ring.open(&salt_place(tenant, row.id), salt).ok());
        let plain = ring.open(&note_place(tenant, row.id), &row.content);
        Self {
            text: plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default(),
            salt: salt.map(|salt| hex(&salt)),
        }
    }
}

/// Keeps a reason, if there is one.
pub(crate) async fn reason(
    change: &Change,
    review: &review::Model,
    item: Option<Uuid>,
    by: Uuid,
    text: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Kept>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let (id, salt) = (Uuid::now_v7(), random()?);
    keep(change, id, review.id, (item, "note"), by, (text, Some(&salt)), now).await?;
    Ok(Some(Kept { id, digest: digest(&salt, text) }))
}

/// Keeps a remark, which is no part of a decision.
pub(crate) async fn remark(
    change: &Change,
    review: Uuid,
    item: Uuid,
    by: Uuid,
    text: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    keep(change, Uuid::now_v7(), review, (Some(item), "comment"), by, (text, None), now).await
}

async fn keep(
    change: &Change,
    id: Uuid,
    review: Uuid,
    (item, kind): (Option<Uuid>, &str),
    by: Uuid,
    (text, salt): (&str, Option<&Salt>),
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let tenant = change.tenant();
    let row = review_note::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        review_id: ActiveValue::Set(review),
        item_id: ActiveValue::Set(item),
        kind: ActiveValue::Set(kind.to_owned()),
        by_id: ActiveValue::Set(by),
        at_ms: ActiveValue::Set(to_ms(now)),
        content: ActiveValue::Set(change.seal(&note_place(tenant, id), text.as_bytes())?),
        salt: ActiveValue::Set(salt.map(|salt| change.seal(&salt_place(tenant, id), salt)).transpose()?),
    };
    Ok(change.insert(row).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_reason_has_another_hash_with_another_salt() {
        assert_ne!(digest(&[1; 32], "Needed"), digest(&[2; 32], "Needed"));
        assert_eq!(digest(&[1; 32], "Needed"), digest(&[1; 32], "Needed"));
    }
}
