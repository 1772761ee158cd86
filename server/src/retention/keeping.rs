//! A way back from the end of one's account, for as long as it is closed and not erased: whoever gives its password is shown the day and a button.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::clock::{from_ms, to_ms};
use crate::crypto::secret::Ticket;
use crate::entity::{account, token};
use crate::guard::{AccountId, Visitor};
use crate::identity::limits::{self, Bucket};
use crate::identity::links::{self, Purpose};
use crate::identity::record::{Action, Entry};
use crate::identity::{Accounts, Origin, Refusal, moment, sign_up};
use crate::mail::{Letter, queue};

/// From the password to the button: as long as a link that sets a password.
const LASTS: Duration = Duration::hours(1);

/// What whoever gave the right password of a closed account is offered; nothing where there is no way back.
pub(crate) async fn offer(
    visitor: &Visitor,
    accounts: &Accounts,
    row: &account::Model,
    buckets: &[Bucket],
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Option<Refusal>, Refusal> {
    let Some(until) = row.delete_at_ms.map(from_ms).filter(|until| now < *until) else { return Ok(None) };
    let (person, index) = (AccountId(row.id), &row.address_index);
    let change = visitor.begin().await?;
    limits::forget(&change, buckets).await?;
    let ticket = links::new_ticket(&change, accounts, Purpose::Keep, Some(person), index, b"", now, LASTS).await?;
    let entry = Entry::of(accounts, Some(person), Action::PasswordAccepted, origin, now)?;
    change.commit(&entry.happened()).await?;
    let said = moment::moment(until, &row.date_style, &row.time_zone);
    Ok(Some(Refusal::Leaving { until, said, keep: format!("{}?token={}", Purpose::Keep.page(), ticket.text()) }))
}

/// When the account is erased that can be kept with this; `None` when there is nothing to be kept any more.
///
/// # Errors
/// When the database does not answer.
pub async fn until(
    visitor: &Visitor,
    token_text: &str,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Refusal> {
    let Some(ticket) = Ticket::parse(token_text) else { return Ok(None) };
    let row = visitor.all(token::Entity::find_by_id(ticket.hash())).await?.into_iter().next();
    let row = row.filter(|row| row.purpose == Purpose::Keep.word() && to_ms(now) < row.ends_at_ms);
    let Some(person) = row.and_then(|row| row.account_id) else { return Ok(None) };
    let row = visitor.all(account::Entity::find_by_id(person)).await?.into_iter().next();
    Ok(row.and_then(|row| row.delete_at_ms).map(from_ms).filter(|until| now < *until))
}

/// Opens the account again, as it was. One signs in afterwards as always, with the second factor if there is one.
///
/// # Errors
/// [`Refusal::Field`] on `token` when it was used or is too old; [`Refusal::Conflict`] when it is too late.
pub async fn keep(
    visitor: &Visitor,
    accounts: &Accounts,
    token_text: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let spent = || Refusal::Field("token", "this was used or is too old; sign in once more".into());
    let ticket = Ticket::parse(token_text).ok_or_else(spent)?;
    let change = visitor.begin().await?;
    let row = links::spend(&change, &ticket, Purpose::Keep, now).await?.ok_or_else(spent)?;
    let person = AccountId(row.account_id.ok_or_else(spent)?);
    let set = account::Entity::update_many()
        .col_expr(account::Column::DisabledAtMs, Expr::value(None::<i64>))
        .col_expr(account::Column::DeleteAskedAtMs, Expr::value(None::<i64>))
        .col_expr(account::Column::DeleteAtMs, Expr::value(None::<i64>))
        .col_expr(account::Column::CertificateId, Expr::value(None::<Uuid>))
        .filter(account::Column::Id.eq(person.0))
        .filter(account::Column::DeleteAtMs.gt(to_ms(now)));
    if change.update(set).await? != 1 {
        return Err(Refusal::Conflict("It is too late: this account is being erased.".into()));
    }
    change.delete(token::Entity::delete_many().filter(token::Column::AccountId.eq(person.0))).await?;
    let known = change.one(account::Entity::find_by_id(person.0)).await?.ok_or_else(spent)?;
    let address = accounts.vault.open_sealed(&sign_up::address_place(person), &known.address)?;
    let letter = Letter::AccountKept { sign_in: accounts.link("/sign-in") };
    queue::put(&change, accounts, &String::from_utf8_lossy(&address), &letter, now).await?;
    let entry = Entry::of(accounts, Some(person), Action::DeletionCalledOff, origin, now)?;
    change.commit(&entry.happened()).await?;
    accounts.bell.notify_one();
    Ok(())
}
