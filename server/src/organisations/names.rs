//! What people are called: names and addresses are sealed and opened for whoever may see them; who is gone is called by a pseudonym.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use super::address_of;
use crate::entity::account;
use crate::guard::{AccountId, Belonging, TenantDb};
use crate::identity::trace::{self, Trace};
use crate::identity::{Accounts, Refusal};

/// Somebody as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub address: String,
    pub is_operator: bool,
}

/// Opens the sealed name and address of one row.
pub(crate) fn open(accounts: &Accounts, row: &account::Model) -> Named {
    Named {
        name: text(accounts, &name_of(row.id), &row.name),
        address: text(accounts, &address_of(AccountId(row.id)), &row.address),
        is_operator: row.kind == crate::guard::OPERATOR_KIND,
    }
}

fn name_of(id: Uuid) -> String {
    format!("account/{id}/name")
}

fn text(accounts: &Accounts, place: &str, sealed: &[u8]) -> String {
    let plain = accounts.vault.open_sealed(place, sealed);
    plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default()
}

/// One of many people, as far as a letter or a receipt needs them: the other columns are most of what would be read.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Light {
    pub(crate) id: Uuid,
    name: Vec<u8>,
    address: Vec<u8>,
}

impl Light {
    pub(crate) fn of(people: Select<account::Entity>) -> Select<account::Entity> {
        people.select_only().columns([account::Column::Id, account::Column::Name, account::Column::Address])
    }

    pub(crate) fn name(&self, accounts: &Accounts) -> String {
        text(accounts, &name_of(self.id), &self.name)
    }

    pub(crate) fn address(&self, accounts: &Accounts) -> String {
        text(accounts, &address_of(AccountId(self.id)), &self.address)
    }
}

/// Opens the address of one row alone: of many, that is half the work.
pub(crate) fn address(accounts: &Accounts, row: &account::Model) -> String {
    text(accounts, &address_of(AccountId(row.id)), &row.address)
}

/// The people of these ids, as far as they still exist.
pub(crate) async fn of(
    view: &TenantDb,
    accounts: &Accounts,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Named>, Refusal> {
    Ok(rows(view, ids).await?.iter().map(|row| (row.id, open(accounts, row))).collect())
}

/// The same, with the keys to from where they acted.
pub(crate) async fn traced(
    view: &TenantDb,
    accounts: &Accounts,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<(BTreeMap<Uuid, Named>, BTreeMap<Uuid, Trace>), Refusal> {
    let rows = rows(view, ids).await?;
    let trace = |row: &account::Model| Some((row.id, trace::open(accounts, row.id, row.trace.as_deref())?));
    Ok((rows.iter().map(|row| (row.id, open(accounts, row))).collect(), rows.iter().filter_map(trace).collect()))
}

async fn rows(view: &TenantDb, ids: impl IntoIterator<Item = Uuid>) -> Result<Vec<account::Model>, Refusal> {
    let ids: BTreeSet<Uuid> = ids.into_iter().filter(|id| !id.is_nil()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = account::Entity::find().filter(account::Column::Id.is_in(ids));
    Ok(view.unscoped("people whose ids stand in the organisation's own rows", rows).await?)
}

/// How somebody is called who may be gone.
pub fn called(people: &BTreeMap<Uuid, Named>, id: Uuid) -> String {
    match people.get(&id) {
        Some(named) => named.name.clone(),
        None if id.is_nil() => "Avouch".to_owned(),
        None => format!("Former person {}", &id.simple().to_string()[26..]),
    }
}

/// The organisation's name.
pub fn of_organisation(accounts: &Accounts, here: &Belonging) -> String {
    let place = super::name_place(here.tenant);
    accounts
        .vault
        .open_sealed(&place, &here.sealed_name)
        .map_or_else(|_| here.slug.clone(), |plain| String::from_utf8_lossy(&plain).into_owned())
}
