//! What every archive of a review has, whoever is reviewed: how the reviewers decided, and at the end the list of everything, signed.

use std::fmt::Write as _;

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::rfc3339;
use crate::exports::ExportError;
use crate::exports::archive::{Archive, Sink};
use crate::identity::{Accounts, Refusal};
use crate::reviews::report::Quality;

/// What stands before the list of everything when it is signed, so that a signature of something else never fits.
const SIGNED: &[u8] = b"avouch-review/1\n";

/// The format of `report.json` and of `manifest.json`.
pub(in crate::reviews) const FORMAT: &str = "avouch-review/1";

/// An archive that is small enough to be made in memory.
pub(in crate::reviews) fn begin(now: OffsetDateTime) -> Archive<'static> {
    Archive::new(Sink::Memory(Vec::new()), None, now)
}

/// How each reviewer decided, as `report.json` says it.
pub(in crate::reviews) fn reviewers(all: &[Quality]) -> serde_json::Value {
    let one = |one: &Quality| {
        json!({
            "account": one.account, "who": one.who, "decided": one.decided, "keep": one.keep, "revoke": one.revoke,
            "change": one.change, "bulk": one.bulk, "keep_percent": one.keep_percent(),
            "bulk_percent": one.bulk_percent(), "median_seconds_between_single_decisions": one.median_seconds,
        })
    };
    all.iter().map(one).collect()
}

/// The list of everything with its hashes, and the signature over it; then nothing more.
pub(in crate::reviews) async fn sign(
    archive: &mut Archive<'_>,
    accounts: &Accounts,
    review: Uuid,
    now: OffsetDateTime,
) -> Result<(), ExportError> {
    let manifest = json!({
        "format": FORMAT,
        "made_by": concat!("avouch ", env!("CARGO_PKG_VERSION")),
        "review": review,
        "made_at": rfc3339(now),
        "parts": archive.parts(),
    });
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    let key = accounts.vault.signing();
    let signature = json!({
        "algorithm": "Ed25519",
        "key": key.public_hex(),
        "signature": key.sign_hex(&[SIGNED, text.as_bytes()].concat()),
    });
    let mut signed = String::new();
    let _ = writeln!(signed, "{}", serde_json::to_string_pretty(&signature).unwrap_or_default());
    archive.put("manifest.json", text.as_bytes()).await?;
    archive.put("manifest.sig", signed.as_bytes()).await?;
    Ok(())
}

/// The bytes of an archive that was made in memory.
pub(in crate::reviews) async fn finish(archive: Archive<'_>) -> Result<Vec<u8>, ExportError> {
    match archive.finish().await?.sink {
        Sink::Memory(bytes) => Ok(bytes),
        Sink::Blob(_) | Sink::Out(_) => Err(ExportError::Broken("the archive went somewhere else")),
    }
}

/// Why there is no archive.
pub(in crate::reviews) fn refused(error: ExportError) -> Refusal {
    match error {
        ExportError::Refused(refusal) => refusal,
        ExportError::Database(error) => error.into(),
        other @ (ExportError::Unclassified(_)
        | ExportError::Archive(_)
        | ExportError::Stopped
        | ExportError::Broken(_)
        | ExportError::Blob(_)
        | ExportError::Seal(_)
        | ExportError::Vault(_)
        | ExportError::Zip(_)
        | ExportError::Compressor(_)) => Refusal::Database(sea_orm::DbErr::Custom(other.to_string())),
    }
}
