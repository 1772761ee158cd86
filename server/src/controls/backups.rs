//! Backups: made in time, sealed where they lie, and somewhere else.

use time::Duration;

use super::{Instance, Seen};
use crate::backups::sealed::{BackupKey, Head, MAGIC, Opening};
use crate::backups::{BackupError, receipts};
use crate::clock::rfc3339;
use crate::crypto::seal::SecretKey;
use crate::profile::figures::count;

/// Enough for the head and the first chunk.
const BEGINNING: u64 = 128 * 1024;

/// Where in a sealed object a byte is changed: in the first chunk, whatever the head's length.
const CHANGED: usize = 200;

pub async fn daily(instance: &Instance) -> Result<Seen, BackupError> {
    let (now, limits) = (instance.clock.now(), &instance.profile.policy.backups);
    let late = Duration::hours(limits.late_after_hours.get().into());
    let Some(last) = receipts::last_good(&instance.operator.visitor(), now).await? else {
        return Ok(Seen::Failing(if instance.backups.destinations.is_empty() {
            "No place for backups is configured, so none is made.".into()
        } else {
            "No backup has succeeded yet.".into()
        }));
    };
    if now - last.started > late {
        return Ok(Seen::Failing(format!(
            "The last backup was made at {}; it has been late since {}.",
            rfc3339(last.started),
            rfc3339(last.started + late)
        )));
    }
    Ok(Seen::Upheld(format!(
        "The last backup was made at {}; one that is older than {} counts as missed.",
        rfc3339(last.started),
        count(limits.late_after_hours.get().into(), "hour")
    )))
}

pub async fn encrypted(instance: &Instance) -> Result<Seen, BackupError> {
    let mut looked = 0;
    for destination in &instance.backups.destinations {
        let objects = destination.list("avouch-", ".backup").await?;
        let Some(newest) = objects.last() else { continue };
        let bytes = destination.beginning(newest, BEGINNING).await?;
        if let Some(wrong) = plain(instance, newest.bytes, &bytes)? {
            return Ok(Seen::Failing(format!("Of the newest backup, {wrong}.")));
        }
        let ring = destination.get(&crate::backups::keyring::name(instance.backups.environment)).await?;
        if ring.is_some_and(|ring| !ring.starts_with(MAGIC)) {
            return Ok(Seen::Failing("A keyring lies in the open.".into()));
        }
        looked += 1;
    }
    Ok(match looked {
        0 => Seen::Failing("There is no backup to look at.".into()),
        places => Seen::Upheld(format!(
            "The newest backup in {} opened with this instance's key, and neither with another nor with one byte changed ({}).",
            count(places, "place"),
            crate::crypto::seal::CIPHER
        )),
    })
}

/// What is wrong with the beginning of an archive, if anything is.
fn plain(instance: &Instance, length: u64, bytes: &[u8]) -> Result<Option<&'static str>, BackupError> {
    if !bytes.starts_with(MAGIC) {
        return Ok(Some("the bytes are not sealed"));
    }
    let opens = |bytes: &[u8], key: &BackupKey| -> Result<bool, BackupError> {
        let mut rest = bytes;
        let head = Head::read(&mut rest)?;
        Ok(Opening::after(head, rest, key)?.chunk().is_ok())
    };
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(CHANGED) {
        *byte ^= 1;
    }
    Ok(if length < CHANGED as u64 {
        Some("there is too little of it to be one")
    } else if !opens(bytes, &instance.backups.key)? {
        Some("the first bytes do not open with this instance's key")
    } else if opens(bytes, &BackupKey::new(SecretKey::random()?))? {
        Some("the first bytes open with a key made up for this look")
    } else if opens(&changed, &instance.backups.key)? {
        Some("a changed byte was not noticed")
    } else {
        None
    })
}
