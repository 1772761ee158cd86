//! Passwords: kept only as salted, slow hashes, and never written down.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::probe::{Form, Probe, ProbeError};
use super::{Instance, Seen};
use crate::crypto::password::{HashError, Password, SCHEME, Stored};
use crate::entity::account;
use crate::guard::PERSON_KIND;
use crate::logged;

/// The least that any profile may ask for (OWASP Password Storage Cheat Sheet).
const LEAST_MEMORY_KIB: u32 = 19_456;
const LEAST_PASSES: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error("a password of the check's own was refused")]
    NoPassword,
}

async fn stored(instance: &Instance) -> Result<Vec<String>, sea_orm::DbErr> {
    let people = account::Entity::find().filter(account::Column::Kind.eq(PERSON_KIND));
    Ok(instance.operator.all(people).await?.into_iter().map(|row| row.password_hash).collect())
}

/// Waits its turn: that many people sign in does not make the look fail.
async fn hash(instance: &Instance, text: &str) -> Result<String, LookError> {
    loop {
        let password = Password::typed(text).ok_or(LookError::NoPassword)?;
        match instance.accounts.hasher.reserve() {
            Ok(place) => return Ok(place.hash(password).await?),
            Err(HashError::Busy(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(other) => return Err(other.into()),
        }
    }
}

pub async fn scheme(instance: &Instance) -> Result<Seen, LookError> {
    let policy = &instance.profile.policy.passwords;
    let (memory, passes, lanes) = (policy.argon2_memory_kib, policy.argon2_passes, policy.argon2_lanes);
    let wanted = format!("$argon2id$v=19$m={memory},t={passes},p={lanes}$");
    let made = hash(instance, &Uuid::now_v7().to_string()).await?;
    if !made.starts_with(&wanted) {
        return Ok(Seen::Failing("A new password is hashed with another scheme or cost than published.".into()));
    }
    let all = stored(instance).await?;
    let weak = all
        .iter()
        .filter(|hash| !Stored::parse(hash).is_some_and(|hash| hash.at_least(LEAST_MEMORY_KIB, LEAST_PASSES)));
    let weak = weak.count();
    if weak > 0 {
        return Ok(Seen::Failing(format!(
            "{weak} of {} stored passwords are no {SCHEME} hash of the least cost.",
            all.len()
        )));
    }
    Ok(Seen::Upheld(format!(
        "A new password is hashed with {SCHEME}, {memory} KiB, {passes} passes, {lanes} lane; all {} stored ones are such hashes.",
        all.len()
    )))
}

pub async fn salts(instance: &Instance) -> Result<Seen, LookError> {
    let (one, two) = (hash(instance, "the same twice").await?, hash(instance, "the same twice").await?);
    if one == two {
        return Ok(Seen::Failing("One password hashed twice gives one value: there is no salt.".into()));
    }
    let all = stored(instance).await?;
    let salts: BTreeSet<Vec<u8>> = all.iter().filter_map(|hash| Stored::parse(hash)).map(|hash| hash.salt).collect();
    if salts.len() < all.len() {
        return Ok(Seen::Failing("Two stored password hashes share a salt, or have none.".into()));
    }
    Ok(Seen::Upheld(format!(
        "One password hashed twice gives two values; {} stored hashes have as many salts.",
        all.len()
    )))
}

pub async fn unseen(instance: &Instance) -> Result<Seen, ProbeError> {
    // Another address each time, or the look would use up what strangers may try on one.
    let address = format!("{}@probe.invalid", Uuid::now_v7().simple());
    let marker = format!("marker-{}", Uuid::now_v7().simple());
    let mut probe = Probe::connect(&instance.serving).await?;
    let form = Form::from_page(&mut probe, "/sign-in", None).await?;
    let fields = [("email", address.as_str()), ("password", marker.as_str())];
    let answer = form.send(&mut probe, "/api/sign-in", &fields).await?;
    if !matches!(answer.status.as_u16(), 401 | 503) {
        return Ok(Seen::Failing(format!("A wrong password is answered {}.", answer.status.as_u16())));
    }
    let told = answer.body.windows(marker.len()).any(|window| window == marker.as_bytes())
        || answer
            .headers
            .values()
            .any(|value| value.as_bytes().windows(marker.len()).any(|window| window == marker.as_bytes()));
    if told {
        return Ok(Seen::Failing("The answer to a wrong password repeats it.".into()));
    }
    Ok(match logged::holds(&marker) {
        Some(true) => Seen::Failing("The log holds a password.".into()),
        Some(false) => Seen::Upheld("A marker sent as password is neither in the answer nor in the log.".into()),
        None => Seen::Upheld(
            "A marker sent as password is not in the answer; the running server looks at its own log.".into(),
        ),
    })
}
