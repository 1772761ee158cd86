//! What an archive says of itself, signed: everything that is in it, how much of it, and its hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::archive::{Part, SectionSaid};
use super::making::Source;
use super::{ExportError, people};
use crate::crypto::hex;
use crate::crypto::sign;
use crate::vault::Vault;

pub(crate) const FILE: &str = "manifest.json";
pub(crate) const SIGNATURE: &str = "manifest.sig";

/// The first of its kind: a program that knows another one only says so and stops.
pub(crate) const FORMAT: &str = "avouch-archive/1";

/// What stands before the manifest when it is signed, so that a signature of something else never fits.
const SIGNED: &[u8] = b"avouch-archive/1\n";

/// Sections that tell of this instance or of the time here, and so differ after a move.
const NOT_CONTENT: &[&str] = &["days", "reviews", "review-reviewers", "review-items", "review-votes", "review-notes"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) databases: u8,
    pub(crate) note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) made_by: String,
    /// The changes of the schema that this instance had.
    pub(crate) schema: Vec<String>,
    pub(crate) profile: String,
    /// Of the instance: `development`, `test` or `production`.
    pub(crate) environment: String,
    pub(crate) masked: bool,
    pub(crate) organisation: Named,
    pub(crate) made_at: String,
    pub(crate) snapshot: Snapshot,
    pub(crate) sections: Vec<SectionSaid>,
    /// Sections that a masked archive does not have.
    pub(crate) left_out: Vec<String>,
    /// Every file but this one and its signature.
    pub(crate) parts: Vec<Part>,
    /// Over the sections that a move to another instance leaves as they are.
    pub(crate) content_sha256: String,
}

/// The signature beside the manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) algorithm: String,
    pub(crate) key: String,
    #[serde(rename = "signature")]
    pub(crate) hex: String,
}

/// Which organisation it is of; under another name where people are taken out.
pub(crate) fn organisation(source: &Source<'_>) -> Result<Named, ExportError> {
    let id = source.organisation.id;
    let name = people::name(source)?;
    Ok(match &source.mask {
        None => Named { id, slug: source.organisation.slug.clone(), name },
        Some(mask) => {
            let other = mask.account(id).simple().to_string();
            Named { id, slug: format!("masked-{}", &other[..8]), name: format!("Masked organisation {}", &other[..8]) }
        }
    })
}

impl Manifest {
    pub(crate) fn of(
        source: &Source<'_>,
        organisation: Named,
        sections: Vec<SectionSaid>,
        left_out: Vec<String>,
        parts: Vec<Part>,
    ) -> Self {
        let databases = source.view.databases();
        let note = if databases == 1 {
            "Everything is as it was at one instant."
        } else {
            "Who belongs to the organisation, and what it keeps, lie in two databases; each is as it was at one instant, the second a moment after the first."
        };
        Self {
            format: FORMAT.to_owned(),
            made_by: concat!("avouch ", env!("CARGO_PKG_VERSION")).to_owned(),
            schema: source.schema.clone(),
            profile: source.accounts.profile.id.clone(),
            environment: source.accounts.vault.environment().to_owned(),
            masked: source.mask.is_some(),
            organisation,
            made_at: crate::clock::rfc3339(source.now),
            snapshot: Snapshot { databases, note: note.to_owned() },
            content_sha256: content(&sections),
            sections,
            left_out,
            parts,
        }
    }

    /// The text of the file, and of the one with its signature.
    pub(crate) fn signed(&self, vault: &Vault) -> (String, String) {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        let key = vault.signing();
        let signature = Signature {
            algorithm: "Ed25519".to_owned(),
            key: key.public_hex(),
            hex: key.sign_hex(&message(text.as_bytes())),
        };
        (text, serde_json::to_string_pretty(&signature).unwrap_or_default() + "\n")
    }

    /// Reads a manifest whose signature holds. With it the key that made it.
    ///
    /// # Errors
    /// [`ExportError::Archive`] when it is no manifest, or not as it was signed.
    pub(crate) fn verified(text: &[u8], signature: &[u8]) -> Result<(Self, String), ExportError> {
        let not = |why: &str| ExportError::Archive(why.to_owned());
        let signature: Signature =
            serde_json::from_slice(signature).map_err(|_| not("the signature of its manifest cannot be read"))?;
        if !sign::verifies(&signature.key, &message(text), &signature.hex) {
            return Err(not("the signature of its manifest does not hold"));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|_| not("its manifest cannot be read"))?;
        if manifest.format != FORMAT {
            return Err(not(&format!("it is of the format {}, and this program reads {FORMAT}", manifest.format)));
        }
        if manifest.content_sha256 != content(&manifest.sections) {
            return Err(not("its manifest contradicts itself"));
        }
        Ok((manifest, signature.key))
    }

    pub(crate) fn section(&self, name: &str) -> Option<&SectionSaid> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub(crate) fn rows(&self) -> u64 {
        self.sections.iter().map(|section| section.rows).sum()
    }
}

fn message(text: &[u8]) -> Vec<u8> {
    [SIGNED, text].concat()
}

/// One hash over name, rows and hash of every section that a move leaves as it is.
fn content(sections: &[SectionSaid]) -> String {
    let mut all = Sha256::new();
    for section in sections.iter().filter(|section| !NOT_CONTENT.contains(&section.name.as_str())) {
        all.update(format!("{} {} {}\n", section.name, section.rows, section.sha256));
    }
    hex(&all.finalize())
}
