//! One's own profile: name, address, and how dates are shown.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use super::record::{Action, Entry};
use super::sign_up::{address_place, name_place, short};
use super::{Accounts, Origin, Refusal};
use crate::entity::account;
use crate::guard::{Person, SignedIn};

/// The ways in which a date can be written: the value that is stored, and an example.
pub const DATE_STYLES: &[(&str, &str)] = &[
    ("en-GB", "21 November 2026, 14:05"),
    ("en-US", "November 21, 2026, 2:05 PM"),
    ("de", "21. November 2026, 14:05"),
    ("fr", "21 novembre 2026, 14:05"),
    ("nl", "21 november 2026, 14:05"),
    ("iso", "2026-11-21 14:05"),
];

/// The address of whoever is asking.
///
/// # Errors
/// When it does not open.
pub fn open_address(accounts: &Accounts, person: &Person) -> Result<String, Refusal> {
    let plain = accounts.vault.open_sealed(&address_place(person.account), &person.sealed_address)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

/// The name of whoever is asking.
///
/// # Errors
/// When it does not open.
pub fn open_name(accounts: &Accounts, person: &Person) -> Result<String, Refusal> {
    let plain = accounts.vault.open_sealed(&name_place(person.account), &person.sealed_name)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

#[derive(Debug)]
pub struct Form<'a> {
    pub name: &'a str,
    pub date_style: &'a str,
    pub time_zone: &'a str,
}

/// Changes name and display settings.
///
/// # Errors
/// [`Refusal::Field`] on the one that does not fit.
pub async fn change(
    owner: &SignedIn,
    accounts: &Accounts,
    form: &Form<'_>,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let name = short("name", form.name)?;
    if !DATE_STYLES.iter().any(|(style, _)| *style == form.date_style) {
        return Err(Refusal::Field("date_style", "choose one of the list".into()));
    }
    let known = form.time_zone.len() <= 64 && jiff::tz::TimeZone::get(form.time_zone).is_ok();
    if !known {
        return Err(Refusal::Field(
            "time_zone",
            "there is no such time zone; write it as Europe/Brussels or UTC".into(),
        ));
    }
    let change = owner.begin().await?;
    let sealed = accounts.vault.seal(&name_place(owner.account), name.as_str().as_bytes())?;
    let set = account::Entity::update_many()
        .col_expr(account::Column::Name, Expr::value(sealed))
        .col_expr(account::Column::DateStyle, Expr::value(form.date_style))
        .col_expr(account::Column::TimeZone, Expr::value(form.time_zone))
        .filter(account::Column::Id.eq(owner.account.0));
    change.update(set).await?;
    let entry = Entry::of(accounts, Some(owner.account), Action::ProfileChanged, origin, now)?;
    Ok(change.commit(&entry.happened()).await?)
}
