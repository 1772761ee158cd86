//! What a record says, field by field; sealed in one piece, in its own place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

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

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Texts in lists in a map: there is nothing in it that JSON could not say.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(crate) fn seal(&self, ring: &Keyring, tenant: TenantId, record: Uuid) -> Result<Vec<u8>, SealError> {
        ring.seal(&place(tenant, record), &self.bytes())
    }

    pub(crate) fn open(ring: &Keyring, tenant: TenantId, record: Uuid, sealed: &[u8]) -> Result<Self, SealError> {
        Self::parse(&plain(ring, tenant, record, sealed)?)
    }

    pub(crate) fn parse(plain: &[u8]) -> Result<Self, SealError> {
        serde_json::from_slice(plain).map_err(|_| SealError::DoesNotOpen)
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
        Self::parse(&ring.open(&earlier(tenant, record, version), sealed)?)
    }
}

/// What a record says, as it was sealed: JSON of one object, every value a list of texts.
pub(crate) fn plain(
    ring: &Keyring,
    tenant: TenantId,
    record: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    ring.open(&place(tenant, record), sealed)
}

/// The same as [`Content`], read where it lies: an archive looks at a million of them, and a copy of every value is most of the work.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Said<'a>(#[serde(borrow)] BTreeMap<Text<'a>, Vec<Text<'a>>>);

/// Borrowed where nothing in it is escaped.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'a> Said<'a> {
    pub(crate) fn of(plain: &'a [u8]) -> Result<Self, SealError> {
        serde_json::from_slice(plain).map_err(|_| SealError::DoesNotOpen)
    }

    /// The values of a field in one cell; nothing where it has none.
    pub(crate) fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
        match self.0.get(field)?.as_slice() {
            [] => None,
            [Text(one)] => Some(Cow::Borrowed(one)),
            many => Some(Cow::Owned(many.iter().map(|Text(text)| text.as_ref()).collect::<Vec<_>>().join("; "))),
        }
    }

    /// The fields that are not among these, with their values.
    pub(crate) fn beside(&self, known: impl Fn(&str) -> bool) -> BTreeMap<&str, Vec<&str>> {
        let others = self.0.iter().filter(|(Text(field), _)| !known(field));
        others
            .map(|(Text(field), values)| (field.as_ref(), values.iter().map(|Text(text)| text.as_ref()).collect()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_where_it_lies_is_what_was_written() {
        let mut content = Content::default();
        for (field, values) in [
            ("plain", &["one"][..]),
            ("several", &["one", "two; three"]),
            ("odd", &["\"quoted\"\n\\ and ä, \u{1f469}"]),
        ] {
            content.set(field, values.iter().map(|&value| value.to_owned()).collect());
        }
        let plain = content.bytes();
        let said = Said::of(&plain).expect("JSON");
        for field in ["plain", "several", "odd"] {
            assert_eq!(said.cell(field).as_deref(), Some(content.all(field).join("; ").as_str()), "{field}");
        }
        assert_eq!(said.cell("absent"), None);
        let beside = said.beside(|field| field != "odd");
        assert_eq!(serde_json::to_string(&beside).expect("JSON"), r#"{"odd":["\"quoted\"\n\\ and ä, 👩"]}"#);
        assert!(Said::of(b"{\"a\":1}").is_err());
    }
}
