//! The log of an organisation's time elsewhere. Kept sealed as it came, byte for byte, so that its proofs still hold.

use sea_orm::ActiveValue;
use uuid::Uuid;

use super::ExportError;
use super::import::Taking;
use crate::entity::former_log;
use crate::guard::TenantId;
use crate::vault::Keyring;

/// Where a part of it lies.
pub(crate) fn place(tenant: TenantId, blob: Uuid) -> String {
    format!("{}/former-log/{blob}", tenant.0)
}

/// Takes every part of the log along: this time's, and those of times before.
pub(crate) async fn take(taking: &Taking<'_>, ring: &Keyring) -> Result<Vec<former_log::ActiveModel>, ExportError> {
    let mut rows = Vec::new();
    let of_log = |file: &str| file.starts_with("log/") || file.starts_with("former-log/");
    for part in taking.manifest.parts.iter().filter(|part| of_log(&part.file)) {
        let blob = Uuid::now_v7();
        let mut content = taking.contents.content(&part.file)?;
        let mut sealing = taking.accounts.blobs.seal(ring, &place(taking.tenant, blob))?;
        while let Some(piece) = content.piece()? {
            sealing.push(&piece).await?;
        }
        sealing.finish().await?;
        rows.push(former_log::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            name: ActiveValue::Set(part.file.chars().take(200).collect()),
            blob: ActiveValue::Set(blob),
            bytes: ActiveValue::Set(i64::try_from(part.bytes).unwrap_or(i64::MAX)),
            sha256: ActiveValue::Set(part.sha256.clone()),
        });
    }
    Ok(rows)
}
