//! What a record says, field by field; sealed in one piece, in its own place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto::seal::SealError;
use crate::guard::TenantId;
use crate::vault::Keyring;

/// Every value as text, in the order of the fields' ids. A field without a value is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(pub BTreeMap<String, Vec<String>>);

fn place(tenant: TenantId, record: Uuid) -> String {
    format!("record/{}/{record}/content", tenant.0)
}

fn earlier(tenant: TenantId, record: Uuid, version: i32) -> String {
    format!("record/{}/{record}/{version}/content", tenant.0)
}

impl Content {
    pub fn all(&self, field: &str) -> &[String] {
        self.0.get(field).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn first(&self, field: &str) -> Option<&str> {
        self.all(field).first().map(String::as_str)
    }

    pub fn set(&mut self, field: &str, values: Vec<String>) {
        if values.is_empty() {
            self.0.remove(field);
        } else {
            self.0.insert(field.to_owned(), values);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        // Texts in lists in a map: there is nothing in it that JSON could not say.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(crate) fn seal(&self, ring: &Keyring, tenant: TenantId, record: Uuid) -> Result<Vec<u8>, SealError> {
        ring.seal(&place(tenant, record), &self.bytes())
    }

    pub(crate) fn open(ring: &Keyring, tenant: TenantId, record: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        serde_json::from_slice(&ring.open(&place(tenant, record), sealed)?).map_err(|_| SealError::DoesNotOpen)
    }

    /// What was sealed of a record, under the newest key.
    pub(crate) fn seal_anew(
        ring: &Keyring,
        tenant: TenantId,
        record: Uuid,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        ring.seal_anew(&place(tenant, record), sealed)
    }

    /// The same of what it said before the change that made `version`.
    pub(crate) fn seal_earlier_anew(
        ring: &Keyring,
        tenant: TenantId,
        record: Uuid,
        version: i32,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError> {
        ring.seal_anew(&earlier(tenant, record, version), sealed)
    }

    /// As it was before the change that made `version`.
    pub(crate) fn seal_earlier(
        &self,
        ring: &Keyring,
        tenant: TenantId,
        record: Uuid,
        version: i32,
    ) -> Result<Vec<u8>, SealError> {
        ring.seal(&earlier(tenant, record, version), &self.bytes())
    }

    pub(crate) fn open_earlier(
        ring: &Keyring,
        tenant: TenantId,
        record: Uuid,
        version: i32,
        sealed: &[u8],
    ) -> Result<Self, SealError> {
        serde_json::from_slice(&ring.open(&earlier(tenant, record, version), sealed)?)
            .map_err(|_| SealError::DoesNotOpen)
    }
}
