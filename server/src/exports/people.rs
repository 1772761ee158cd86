//! Who belongs to the organisation and how it is arranged. Of members what the organisation may know: no hash, no secret, no factor.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::ExportError;
use super::making::{Making, Source};
use super::table::Cell;
use crate::entity::{
    account, custom_role, departure, help_grant, invitation, legal_hold, membership, organisation, reach, tally, unit,
};
use crate::organisations::{help, invitations, leaving, name_place, names, units};
use crate::retention::holds;

/// Members that are read at once.
const PAGE: u64 = 500;

pub(crate) const ORGANISATION: &[&str] = &["name", "created_at", "standing", "standing_since", "standing_until"];
pub(crate) const MEMBERS: &[&str] =
    &["account_id", "name", "address", "role", "since", "scope", "ends_at", "granted_by", "granted_at"];
pub(crate) const ROLES: &[&str] = &["name", "permissions", "made_at"];
pub(crate) const UNITS: &[&str] = &["id", "name", "made_at"];
pub(crate) const REACH: &[&str] = &["account_id", "kind", "target", "granted_by", "granted_at"];
pub(crate) const INVITATIONS: &[&str] = &["id", "address", "role", "unit_id", "invited_by", "made_at", "ends_at"];
pub(crate) const DEPARTURES: &[&str] = &[
    "id",
    "account_id",
    "name",
    "successor_id",
    "asked_by",
    "asked_at",
    "at",
    "due_at",
    "due_rule",
    "done_at",
    "receipt",
];
pub(crate) const HELP: &[&str] = &["id", "account_id", "role", "reason", "given_by", "given_at", "ends_at", "ended_at"];
pub(crate) const HOLDS: &[&str] =
    &["id", "kind", "subject", "basis", "scope", "placed_kind", "placed_by", "placed_at", "ends_at", "lifted_at"];
pub(crate) const DAYS: &[&str] = &["day", "what", "count"];

pub(crate) async fn write(making: &mut Making<'_>) -> Result<(), ExportError> {
    let organisation = organisation(&making.source)?;
    making.small("organisation", ORGANISATION, vec![organisation]).await?;
    making.small("roles", ROLES, roles(&making.source).await?).await?;
    making.small("units", UNITS, units(&making.source).await?).await?;
    members(making).await?;
    reach(making).await?;
    making.small("invitations", INVITATIONS, invitations(&making.source).await?).await?;
    making.small("departures", DEPARTURES, departures(&making.source).await?).await?;
    making.small("help", HELP, help(&making.source).await?).await?;
    making.small("holds", HOLDS, holds(&making.source).await?).await?;
    making.small("days", DAYS, days(&making.source).await?).await
}

fn text(bytes: &[u8]) -> Cell {
    Cell::Text(String::from_utf8_lossy(bytes).into_owned())
}

/// How the organisation is called.
pub(crate) fn name(source: &Source<'_>) -> Result<String, ExportError> {
    let plain = source.accounts.vault.open_sealed(&name_place(source.view.tenant()), &source.organisation.name)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

fn organisation(source: &Source<'_>) -> Result<Vec<Cell>, ExportError> {
    let organisation::Model {
        id: _,
        slug: _,
        name: _,
        created_at_ms,
        standing,
        standing_since_ms,
        standing_until_ms,
        reminded: _,
        // When it is closed and destroyed is a matter of this instance.
        closed_at_ms: _,
        purge_at_ms: _,
        purge_began_at_ms: _,
        certificate_id: _,
        standing_before: _,
        standing_before_until_ms: _,
        reduced_at_ms: _,
        reduced_certificate_id: _,
    } = source.organisation.clone();
    Ok(vec![
        Cell::Text(name(source)?),
        Cell::At(created_at_ms),
        Cell::Text(standing),
        Cell::At(standing_since_ms),
        Cell::at(standing_until_ms),
    ])
}

async fn roles(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let mut rows = source.view.all(custom_role::Entity::find()).await?;
    // Here and not by the database: two databases may sort names in two ways.
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let cells = |row: custom_role::Model| {
        let custom_role::Model { tenant_id: _, name, permissions, made_at_ms } = row;
        vec![Cell::Text(name), Cell::Text(permissions), Cell::At(made_at_ms)]
    };
    Ok(rows.into_iter().map(cells).collect())
}

async fn units(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = source.view.all(unit::Entity::find().order_by_asc(unit::Column::Id)).await?;
    let mut page = Vec::new();
    for unit::Model { tenant_id: _, id, name, name_index: _, made_at_ms } in rows {
        let name = source.ring.open(&units::name_place(source.view.tenant(), id), &name)?;
        page.push(vec![Cell::Id(id), text(&name), Cell::At(made_at_ms)]);
    }
    Ok(page)
}

/// The next members by their id. The vendor's staff is no member: where they were let in is told in `help`.
async fn next_members(source: &Source<'_>, after: Uuid) -> Result<Vec<membership::Model>, ExportError> {
    let rows = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::AccountId.gt(after))
        .order_by_asc(membership::Column::AccountId)
        .limit(PAGE);
    Ok(source.view.all(rows).await?)
}

async fn members(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("members", MEMBERS).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let rows = next_members(&making.source, after).await?;
        let Some(last) = rows.last().map(|row| row.account_id) else { break };
        after = last;
        let page = described(&making.source, rows).await?;
        making.rows(&mut open, page).await?;
    }
    making.close(open).await
}

async fn described(source: &Source<'_>, rows: Vec<membership::Model>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let ids = account::Column::Id.is_in(rows.iter().map(|row| row.account_id));
    let found = account::Entity::find().filter(ids);
    let found = source.view.unscoped("the people whose memberships these are", found).await?;
    let people: std::collections::BTreeMap<Uuid, names::Named> =
        found.iter().map(|row| (row.id, names::open(source.accounts, row))).collect();
    let cells = |row: membership::Model| {
        let membership::Model {
            tenant_id: _,
            account_id,
            role,
            since_ms,
            kind: _,
            scope,
            ends_at_ms,
            granted_by,
            granted_at_ms,
        } = row;
        let (name, address) = people.get(&account_id).map(|who| (who.name.clone(), who.address.clone())).unzip();
        vec![
            Cell::Id(account_id),
            Cell::text(name),
            Cell::text(address),
            Cell::Text(role),
            Cell::At(since_ms),
            Cell::Text(scope),
            Cell::at(ends_at_ms),
            Cell::id(granted_by),
            Cell::at(granted_at_ms),
        ]
    };
    Ok(rows.into_iter().map(cells).collect())
}

async fn reach(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("reach", REACH).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let members = next_members(&making.source, after).await?;
        let Some(last) = members.last().map(|row| row.account_id) else { break };
        after = last;
        let theirs = reach::Column::AccountId.is_in(members.iter().map(|row| row.account_id));
        let rows = reach::Entity::find()
            .filter(theirs)
            .order_by_asc(reach::Column::AccountId)
            .order_by_asc(reach::Column::Kind)
            .order_by_asc(reach::Column::Target);
        let cells = |row: reach::Model| {
            let reach::Model { tenant_id: _, account_id, kind, target, granted_by, granted_at_ms } = row;
            vec![
                Cell::Id(account_id),
                Cell::Text(kind),
                Cell::Id(target),
                Cell::id(granted_by),
                Cell::at(granted_at_ms),
            ]
        };
        let page = making.source.view.all(rows).await?.into_iter().map(cells).collect();
        making.rows(&mut open, page).await?;
    }
    making.close(open).await
}

async fn invitations(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let mut page = Vec::new();
    for row in source.view.all(invitation::Entity::find().order_by_asc(invitation::Column::Id)).await? {
        let invitation::Model {
            tenant_id: _,
            id,
            address_index: _,
            address,
            role,
            unit_id,
            invited_by,
            token_hash: _,
            made_at_ms,
            ends_at_ms,
        } = row;
        let address = source.ring.open(&invitations::address_place(source.view.tenant(), id), &address)?;
        page.push(vec![
            Cell::Id(id),
            text(&address),
            Cell::Text(role),
            Cell::id(unit_id),
            Cell::Id(invited_by),
            Cell::At(made_at_ms),
            Cell::At(ends_at_ms),
        ]);
    }
    Ok(page)
}

async fn departures(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let mut page = Vec::new();
    for row in source.view.all(departure::Entity::find().order_by_asc(departure::Column::Id)).await? {
        let departure::Model {
            tenant_id: _,
            id,
            account_id,
            name,
            successor_id,
            asked_by,
            asked_at_ms,
            at_ms,
            due_at_ms,
            due_rule,
            done_at_ms,
            receipt,
        } = row;
        let tenant = source.view.tenant();
        let name = source.ring.open(&leaving::place(tenant, id, "name"), &name)?;
        let receipt = receipt.map(|sealed| source.ring.open(&leaving::place(tenant, id, "receipt"), &sealed));
        let receipt = receipt.transpose()?.map(|plain| String::from_utf8_lossy(&plain).into_owned());
        page.push(vec![
            Cell::Id(id),
            Cell::Id(account_id),
            text(&name),
            Cell::id(successor_id),
            Cell::Id(asked_by),
            Cell::At(asked_at_ms),
            Cell::At(at_ms),
            Cell::at(due_at_ms),
            Cell::text(due_rule),
            Cell::at(done_at_ms),
            receipt.map_or(Cell::Nothing, Cell::Json),
        ]);
    }
    Ok(page)
}

async fn help(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let mut page = Vec::new();
    for row in source.view.all(help_grant::Entity::find().order_by_asc(help_grant::Column::Id)).await? {
        let help_grant::Model {
            tenant_id: _,
            id,
            account_id,
            role,
            reason,
            given_by,
            given_at_ms,
            ends_at_ms,
            ended_at_ms,
        } = row;
        let reason = source.ring.open(&help::place(source.view.tenant(), id), &reason)?;
        page.push(vec![
            Cell::Id(id),
            Cell::Id(account_id),
            Cell::Text(role),
            text(&reason),
            Cell::Id(given_by),
            Cell::At(given_at_ms),
            Cell::At(ends_at_ms),
            Cell::at(ended_at_ms),
        ]);
    }
    Ok(page)
}

async fn holds(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let mut page = Vec::new();
    for row in source.view.all(legal_hold::Entity::find().order_by_asc(legal_hold::Column::Id)).await? {
        let legal_hold::Model {
            tenant_id: _,
            id,
            kind,
            subject,
            basis,
            scope,
            placed_kind,
            placed_by,
            placed_at_ms,
            ends_at_ms,
            lifted_at_ms,
        } = row;
        let tenant = source.view.tenant();
        let basis = source.ring.open(&holds::sealed_at(tenant, id, "basis"), &basis)?;
        let scope = source.ring.open(&holds::sealed_at(tenant, id, "scope"), &scope)?;
        let subject = match (&source.mask, holds::Kind::parse(&kind)) {
            (None, _) | (Some(_), Some(holds::Kind::Organisation | holds::Kind::Record)) => subject,
            (Some(mask), Some(holds::Kind::Person) | None) => mask.account(subject),
        };
        page.push(vec![
            Cell::Id(id),
            Cell::Text(kind),
            Cell::Id(subject),
            text(&basis),
            text(&scope),
            Cell::Text(placed_kind),
            Cell::Id(placed_by),
            Cell::At(placed_at_ms),
            Cell::At(ends_at_ms),
            Cell::at(lifted_at_ms),
        ]);
    }
    Ok(page)
}

async fn days(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = tally::Entity::find().order_by_asc(tally::Column::Day).order_by_asc(tally::Column::What);
    let cells = |row: tally::Model| {
        let tally::Model { tenant_id: _, day, what, count } = row;
        vec![Cell::Number(day.into()), Cell::Text(what), Cell::Number(count)]
    };
    Ok(source.view.all(rows).await?.into_iter().map(cells).collect())
}
