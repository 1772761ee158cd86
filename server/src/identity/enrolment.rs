//! Setting up a second factor. Until a code confirms it nothing is stored: the secret that is offered follows from the session and
//! the account, so that showing it twice shows the same, and an abandoned offer leaves nothing.

use qrcodegen::{QrCode, QrCodeEcc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::record::{Action, Entry};
use super::sessions::{Step, step};
use super::{Accounts, Origin, Refusal, backup_codes, limits, second_factor, sessions};
use crate::clock::to_ms;
use crate::crypto::secret::BackupCode;
use crate::crypto::totp::{SECRET_BYTES, TotpSecret};
use crate::entity::{account, token, totp};
use crate::guard::{Enroller, Fresh, Person, SessionId};
use crate::mail::{Letter, queue};

/// What an authenticator app needs.
#[derive(Clone, Debug)]
pub struct Offer {
    pub base32: String,
    pub uri: String,
    /// Dark squares of the picture, row by row.
    pub picture: Vec<Vec<bool>>,
}

/// What the page shows.
///
/// # Errors
/// When the address cannot be opened.
pub fn offer(enroller: &Enroller, accounts: &Accounts) -> Result<Offer, Refusal> {
    let secret = offered(enroller, accounts);
    let address = super::profile::open_address(accounts, enroller)?;
    let uri = secret
        .uri(&accounts.profile.policy.mfa, &accounts.profile.name, &address)
        .ok_or_else(|| Refusal::Hashing("the key has no address".into()))?;
    let code = QrCode::encode_text(&uri, QrCodeEcc::Medium).map_err(|error| Refusal::Hashing(error.to_string()))?;
    let row = |y| (0..code.size()).map(|x| code.get_module(x, y)).collect();
    Ok(Offer { base32: secret.base32(), picture: (0..code.size()).map(row).collect(), uri })
}

/// Nobody without the key of this instance can follow it; another session, or another enrolment, is offered another.
fn offered(enroller: &Person, accounts: &Accounts) -> TotpSecret {
    let since = to_ms(enroller.factor_changed_at).to_be_bytes();
    let parts: [&[u8]; 3] = [enroller.account.0.as_bytes(), enroller.session_hash.as_bytes(), &since];
    let mac = accounts.vault.hashes().mac("totp-offer/1", &parts);
    let mut bytes = [0; SECRET_BYTES];
    bytes.copy_from_slice(&mac[..SECRET_BYTES]);
    TotpSecret::new(bytes)
}

/// Takes the offered secret when a code proves that the app has it. Ends every other session.
///
/// # Errors
/// [`Refusal::Field`] on `code` when it is not a code of this secret.
pub async fn confirm(
    enroller: &Enroller,
    accounts: &Accounts,
    code: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(SessionId, Vec<BackupCode>), Refusal> {
    let buckets = second_factor::count(enroller, accounts, origin, now).await?;
    let secret = offered(enroller, accounts);
    let typed = second_factor::plain_code(code);
    let Some(matched) = secret.step_of(&typed, &accounts.profile.policy.mfa, second_factor::seconds(now)) else {
        return Err(Refusal::Field(
            "code",
            "this is not the code that the app shows for this key; check the clock of the device and try the next one"
                .into(),
        ));
    };
    let change = enroller.begin().await?;
    // First of all the session's row: of several at once, one goes on and the others find it gone.
    let id = step(&change, enroller, Step::Factor, enroller.next().as_deref(), now).await?;
    let replaced =
        change.delete(totp::Entity::delete_many().filter(totp::Column::AccountId.eq(enroller.account.0))).await?;
    change
        .insert(totp::ActiveModel {
            account_id: ActiveValue::Set(enroller.account.0),
            secret: ActiveValue::Set(
                accounts.vault.seal(&second_factor::secret_place(enroller.account), secret.bytes())?,
            ),
            last_step: ActiveValue::Set(matched.0),
            confirmed_at_ms: ActiveValue::Set(to_ms(now)),
        })
        .await?;
    let codes = backup_codes::replace(&change, accounts, enroller.account).await?;
    changed(&change, enroller, now).await?;
    limits::forget(&change, &buckets).await?;
    super::sign_in::remember_device(&change, enroller.account, origin, now).await?;
    let address = super::profile::open_address(accounts, enroller)?;
    queue::put(&change, accounts, &address, &Letter::FactorSet { replaced: replaced > 0 }, now).await?;
    let action = if replaced > 0 { Action::FactorReplaced } else { Action::FactorEnrolled };
    let entry = Entry::of(accounts, Some(enroller.account), action, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok((id, codes))
}

/// Takes the second factor away, where the person's roles do not demand one.
///
/// # Errors
/// [`Refusal::Conflict`] where they do, or where there is none.
pub async fn remove(
    owner: &Fresh,
    accounts: &Accounts,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<SessionId, Refusal> {
    if owner.must_have_factor {
        return Err(Refusal::Conflict(
            "Your account has to have a second factor. You can replace it by another one.".into(),
        ));
    }
    if !owner.enrolled {
        return Err(Refusal::Conflict("Your account has no second factor.".into()));
    }
    let change = owner.begin().await?;
    let id = step(&change, owner, Step::Renewed, None, now).await?;
    change.delete(totp::Entity::delete_many().filter(totp::Column::AccountId.eq(owner.account.0))).await?;
    backup_codes::remove(&change, owner.account).await?;
    changed(&change, owner, now).await?;
    let address = super::profile::open_address(accounts, owner)?;
    queue::put(&change, accounts, &address, &Letter::FactorRemoved, now).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::FactorRemoved, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(id)
}

async fn changed(change: &crate::guard::AccountChange, person: &Person, now: OffsetDateTime) -> Result<(), Refusal> {
    let set = account::Entity::update_many()
        .col_expr(account::Column::FactorChangedAtMs, Expr::value(to_ms(now)))
        .col_expr(account::Column::MustEnrol, Expr::value(0))
        .filter(account::Column::Id.eq(person.account.0));
    change.update(set).await?;
    sessions::end_others(change, person).await?;
    // Links that somebody else may have asked for meanwhile.
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(person.account.0))).await?;
    Ok(())
}
