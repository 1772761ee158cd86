//! Letters about reviews: to those who are to decide, and to those who answer for it.

use std::collections::BTreeSet;

use contract::permission::Permission;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::Bench;
use super::name_place;
use crate::clock::from_ms;
use crate::entity::{account, membership, organisation, review};
use crate::guard::Change;
use crate::identity::{Accounts, Refusal};
use crate::mail::{Letter, ReviewNews, queue};
use crate::organisations::{name_place as organisation_name_place, names, roles};

/// To everybody who is asked in the first stage.
pub(crate) async fn opened(
    change: &Change,
    accounts: &Accounts,
    row: &review::Model,
    bench: &Bench,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let mut to = bench.everybody(1);
    if to.is_empty() {
        to = holding(change, accounts, Permission::ReviewsDecide).await?;
    }
    if row.origin == "cadence" {
        to.extend(holding(change, accounts, Permission::ReviewsManage).await?);
    }
    write(change, accounts, row, to, ReviewNews::Opened, now).await
}

/// The members whose role has a permission.
pub(crate) async fn holding(
    change: &Change,
    accounts: &Accounts,
    permission: Permission,
) -> Result<BTreeSet<Uuid>, Refusal> {
    let having = roles::with(change, &accounts.profile, permission).await?;
    let members = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(having));
    Ok(change.all(members).await?.into_iter().map(|row| row.account_id).collect())
}

/// At most so many letters for one piece of news.
const MOST: usize = 100;

/// One letter to each of them.
pub(crate) async fn write(
    change: &Change,
    accounts: &Accounts,
    row: &review::Model,
    to: BTreeSet<Uuid>,
    news: ReviewNews,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let rows = change.unscoped("the addresses of those who are to decide, and the organisation's own row");
    let Some(house) = rows.one(organisation::Entity::find_by_id(change.tenant().0)).await? else { return Ok(()) };
    let plain = accounts.vault.open_sealed(&organisation_name_place(change.tenant()), &house.name);
    let organisation = plain.map_or_else(|_| house.slug.clone(), |plain| String::from_utf8_lossy(&plain).into_owned());
    let name = change.open(&name_place(change.tenant(), row.id), &row.name)?;
    let letter = Letter::Review {
        news,
        organisation,
        name: String::from_utf8_lossy(&name).into_owned(),
        due: from_ms(row.due_at_ms),
        page: accounts.link(&format!("/o/{}/reviews/{}", house.slug, row.id)),
    };
    let people = account::Entity::find().filter(account::Column::Id.is_in(to.into_iter().take(MOST)));
    for person in rows.all(people).await?.iter().filter(|person| person.disabled_at_ms.is_none()) {
        queue::put(rows, accounts, &names::open(accounts, person).address, &letter, now).await?;
    }
    Ok(())
}
