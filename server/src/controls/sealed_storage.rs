//! Sealed storage: what is confidential exists on disk only under AES-256-GCM, and secrets are only ever referred to.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;
use uuid::Uuid;

use super::{Instance, Seen};
use crate::clock::from_ms;
use crate::crypto::keys::{Origin, Reference};
use crate::crypto::seal::CIPHER;
use crate::crypto::totp::{SECRET_BYTES, TotpSecret};
use crate::entity::{data_key, totp};
use crate::guard::AccountId;
use crate::identity::second_factor::secret_place;
use crate::vault::{VaultError, encrypts};

pub async fn at_rest(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let keys = match instance.vault.open_all_keys(&instance.operator).await {
        Ok(keys) => keys,
        Err(VaultError::Database(error)) => return Err(error),
        Err(VaultError::Key(_) | VaultError::Seal(_) | VaultError::Folder(_) | VaultError::Destroyed) => {
            return Ok(Seen::Failing("A stored data key does not open under the master key.".into()));
        }
    };
    let id = Uuid::now_v7();
    let seen = marker(instance, id)
        .unwrap_or_else(|_| Seen::Failing("A marker could not be sealed, written and read back.".into()));
    // A marker left behind would be found as an unknown file; the look has told enough either way.
    let _ = instance.vault.remove_file(id);
    Ok(match seen {
        Seen::Upheld(said) => Seen::Upheld(format!(
            "{said} {keys} data key{} opened under the master key.",
            if keys == 1 { "" } else { "s" }
        )),
        Seen::Failing(_) | Seen::Unavailable(_) => seen,
    })
}

fn marker(instance: &Instance, id: Uuid) -> Result<Seen, VaultError> {
    let marker = format!("marker-{}", Uuid::now_v7()).into_bytes();
    let path = instance.vault.put_file(id, &marker)?;
    let mut stored = std::fs::read(&path)?;
    if stored.windows(marker.len()).any(|window| window == marker) {
        return Ok(Seen::Failing("A sealed marker can be read in the stored bytes.".into()));
    }
    if instance.vault.get_file(id)?.as_slice() != marker {
        return Ok(Seen::Failing("A sealed marker did not come back as it was.".into()));
    }
    let last = stored.len() - 1;
    stored[last] ^= 1;
    std::fs::write(&path, &stored)?;
    if instance.vault.get_file(id).is_ok() {
        return Ok(Seen::Failing("A changed byte of a sealed file went unnoticed.".into()));
    }
    Ok(Seen::Upheld(format!(
        "A marker sealed with {CIPHER} is not in the stored bytes, and a changed byte was noticed."
    )))
}

pub async fn totp_secrets(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let rows = instance.operator.all(totp::Entity::find()).await?;
    let (elsewhere, vault) = (AccountId(Uuid::now_v7()), &instance.vault);
    for row in &rows {
        let place = secret_place(AccountId(row.account_id));
        let opens = vault.open_sealed(&place, &row.secret).is_ok_and(|plain| TotpSecret::from_slice(&plain).is_some());
        if !opens || vault.open_sealed(&secret_place(elsewhere), &row.secret).is_ok() {
            return Ok(Seen::Failing("A stored TOTP secret is not sealed for its account.".into()));
        }
    }
    let marker = [7; SECRET_BYTES];
    let sealed = vault.seal(&secret_place(elsewhere), &marker).unwrap_or_default();
    if sealed.is_empty() || sealed.windows(SECRET_BYTES).any(|window| window == marker) {
        return Ok(Seen::Failing("A secret of the check's own was not sealed.".into()));
    }
    Ok(Seen::Upheld(format!(
        "All {} stored TOTP secrets are sealed with {CIPHER}, each for its own account.",
        rows.len()
    )))
}

pub async fn cryptoperiods(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let days = instance.profile.policy.keys.data_days;
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for row in instance.operator.all(data_key::Entity::find()).await? {
        let made = newest.entry(row.owner).or_insert(row.made_at_ms);
        *made = row.made_at_ms.max(*made);
    }
    newest.retain(|owner, _| encrypts(owner));
    let oldest = instance.clock.now() - time::Duration::days(days.get().into());
    let old = newest.values().filter(|made| from_ms(**made) < oldest).count();
    Ok(if old == 0 {
        Seen::Upheld(format!("All {} keys that seal data are younger than {days} days.", newest.len()))
    } else {
        Seen::Failing(format!("{old} of {} keys that seal data are older than {days} days.", newest.len()))
    })
}

pub fn references(instance: &Instance) -> Seen {
    if Reference::parse("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=").is_ok() {
        return Seen::Failing("A literal secret in the configuration was not refused.".into());
    }
    let on_disk = instance.secrets.iter().find(|(_, origin)| *origin == Origin::OnDisk);
    if let Some((what, _)) = on_disk {
        return Seen::Failing(format!("A literal secret is refused, but {what} lies in a file on a disk."));
    }
    match instance.vault.origin() {
        Origin::InMemory => Seen::Upheld("A literal secret is refused; the master key was handed over in memory.".into()),
        Origin::OnDisk => Seen::Failing("A literal secret is refused, but the master key comes from a file on a disk.".into()),
        Origin::BesideData => Seen::Unavailable("A literal secret is refused, but this development instance keeps the master key it made in its data folder.".into()),
    }
}
