//! Who belongs to the organisation, and the organisation itself. Members get accounts without a password: they get in by asking for a new one.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use super::{Into, Taking};
use crate::clock::from_ms;
use crate::crypto::secret::Ticket;
use crate::entity::{
    account, custom_role, data_key, departure, environment, former_log, help_grant, invitation, legal_hold, membership,
    organisation, reach, tally, unit,
};
use crate::exports::ExportError;
use crate::exports::lines::Row;
use crate::guard::{AccountId, PERSON_KIND};
use crate::identity::address::Address;
use crate::identity::record::{self, Action, Entry};
use crate::identity::{Origin, stand_in};
use crate::organisations::{help, invitations, leaving, name_place, units};
use crate::retention::holds;
use contract::standing::Standing;

pub(super) async fn write(
    taking: &mut Taking<'_>,
    change: Into<'_>,
    key: data_key::ActiveModel,
    location: Option<String>,
    former: Vec<former_log::ActiveModel>,
) -> Result<(), ExportError> {
    let rows = change.unscoped("an organisation that is being made, its key and its people");
    rows.insert(organisation(taking)?).await?;
    rows.insert(key).await?;
    if let Some(location) = location {
        change.insert(environment::ActiveModel { location: ActiveValue::Set(location), ..Default::default() }).await?;
    }
    change.insert_many(former).await?;
    roles(taking, change).await?;
    units(taking, change).await?;
    members(taking, change).await?;
    reach(taking, change).await?;
    invitations(taking, change).await?;
    departures(taking, change).await?;
    help(taking, change).await?;
    holds(taking, change).await?;
    days(taking, change).await
}

fn organisation(taking: &Taking<'_>) -> Result<organisation::ActiveModel, ExportError> {
    let row = taking.lines("organisation")?.next()?;
    let row = row.ok_or_else(|| ExportError::Archive("the organisation itself is not in it".into()))?;
    let standing = row.text("standing")?;
    let standing = Standing::parse(&standing)
        .ok_or_else(|| ExportError::Archive(format!("there is no standing \"{standing}\"")))?;
    let name = row.text("name")?;
    let model = organisation::Model {
        id: taking.tenant.0,
        slug: taking.slug.clone(),
        name: taking.accounts.vault.seal(&name_place(taking.tenant), name.as_bytes())?,
        created_at_ms: row.at("created_at")?,
        standing: standing.word().to_owned(),
        standing_since_ms: row.at("standing_since")?,
        standing_until_ms: row.at_or_none("standing_until")?,
        reminded: 0,
        closed_at_ms: None,
        purge_at_ms: None,
        purge_began_at_ms: None,
        certificate_id: None,
        standing_before: None,
        standing_before_until_ms: None,
        reduced_at_ms: None,
        reduced_certificate_id: None,
    };
    Ok(model.into_active_model().reset_all())
}

async fn roles(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("roles")?;
    while let Some(row) = lines.next()? {
        let role = custom_role::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            name: ActiveValue::Set(row.text("name")?),
            permissions: ActiveValue::Set(row.text("permissions")?),
            made_at_ms: ActiveValue::Set(row.at("made_at")?),
        };
        change.insert(role).await?;
    }
    Ok(())
}

async fn units(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("units")?;
    while let Some(row) = lines.next()? {
        let made = from_ms(row.at("made_at")?);
        let unit: unit::ActiveModel = units::row(change, taking.accounts, row.id("id")?, &row.text("name")?, made)?;
        change.insert(unit).await?;
    }
    Ok(())
}

async fn members(taking: &mut Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("members")?;
    let mut granted: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    while let Some(row) = lines.next()? {
        let account = person(taking, change, &row).await?;
        let member = membership::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            account_id: ActiveValue::Set(account),
            role: ActiveValue::Set(row.text("role")?),
            since_ms: ActiveValue::Set(row.at("since")?),
            kind: ActiveValue::Set("member".to_owned()),
            scope: ActiveValue::Set(row.text("scope")?),
            ends_at_ms: ActiveValue::Set(row.at_or_none("ends_at")?),
            granted_by: ActiveValue::Set(None),
            granted_at_ms: ActiveValue::Set(row.at_or_none("granted_at")?),
        };
        change.insert(member).await?;
        taking.imported.members += 1;
        if let Some(by) = row.id_or_none("granted_by")? {
            granted.entry(by).or_default().push(account);
        }
    }
    grants(taking, change, granted).await
}

/// Members who are updated in one statement.
const AT_ONCE: usize = 1000;

/// Who gave whom their role: told when everybody is here, because whoever gave it may stand further down.
async fn grants(taking: &Taking<'_>, change: Into<'_>, granted: BTreeMap<Uuid, Vec<Uuid>>) -> Result<(), ExportError> {
    for (by, members) in granted {
        for some in members.chunks(AT_ONCE) {
            let set = membership::Entity::update_many()
                .col_expr(membership::Column::GrantedBy, Expr::value(Some(taking.who(by))))
                .filter(membership::Column::AccountId.is_in(some.iter().copied()));
            change.update(set).await?;
        }
    }
    Ok(())
}

/// The account of a member: the one that has the address here, or a new one.
async fn person(taking: &mut Taking<'_>, change: Into<'_>, row: &Row) -> Result<Uuid, ExportError> {
    let (accounts, id, address) = (taking.accounts, row.id("account_id")?, row.text("address")?);
    let address = Address::parse(&address)
        .map_err(|said| ExportError::Archive(format!("a member's address does not fit: {said}")))?;
    let index = address.index(accounts.vault.hashes());
    let rows = change.unscoped("an account by its address, as at sign-up");
    if let Some(known) = rows.one(account::Entity::find().filter(account::Column::AddressIndex.eq(&index))).await? {
        if known.kind != PERSON_KIND {
            return Err(ExportError::Archive("a member's address belongs to one of the vendor's staff here".into()));
        }
        taking.imported.linked += 1;
        taking.moved.insert(id, known.id);
        return Ok(known.id);
    }
    let taken = rows.one(account::Entity::find_by_id(id)).await?.is_some();
    let own = if taken { Uuid::now_v7() } else { id };
    let name = row.text("name")?;
    let mut model = stand_in::row(accounts, AccountId(own), address.as_str(), taking.now)?;
    PERSON_KIND.clone_into(&mut model.kind);
    model.name = accounts.vault.seal(&crate::identity::sign_up::name_place(AccountId(own)), name.as_bytes())?;
    model.time_zone.clone_from(&accounts.profile.policy.calendar.time_zone);
    "en-GB".clone_into(&mut model.date_style);
    rows.insert(model.into_active_model().reset_all()).await?;
    let entry = Entry::of(accounts, Some(AccountId(own)), Action::Imported, &Origin::of_program(), taking.now)?;
    record::append(rows, &entry.happened()).await?;
    taking.moved.insert(id, own);
    Ok(own)
}

async fn reach(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("reach")?;
    while let Some(row) = lines.next()? {
        let reached = reach::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            account_id: ActiveValue::Set(taking.who(row.id("account_id")?)),
            kind: ActiveValue::Set(row.text("kind")?),
            target: ActiveValue::Set(row.id("target")?),
            granted_by: ActiveValue::Set(row.id_or_none("granted_by")?.map(|by| taking.who(by))),
            granted_at_ms: ActiveValue::Set(row.at_or_none("granted_at")?),
        };
        change.insert(reached).await?;
    }
    Ok(())
}

/// The link of an invitation stayed where it was made: here it is sent again by whoever manages members.
async fn invitations(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("invitations")?;
    while let Some(row) = lines.next()? {
        let (id, address) = (row.id("id")?, row.text("address")?);
        let address = Address::parse(&address)
            .map_err(|said| ExportError::Archive(format!("an invitation's address does not fit: {said}")))?;
        let place = invitations::address_place(taking.tenant, id);
        let invited = invitation::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            address_index: ActiveValue::Set(address.index(taking.accounts.vault.hashes())),
            address: ActiveValue::Set(change.seal(&place, address.as_str().as_bytes())?),
            role: ActiveValue::Set(row.text("role")?),
            unit_id: ActiveValue::Set(row.id_or_none("unit_id")?),
            invited_by: ActiveValue::Set(taking.who(row.id("invited_by")?)),
            token_hash: ActiveValue::Set(Ticket::random()?.hash()),
            made_at_ms: ActiveValue::Set(row.at("made_at")?),
            ends_at_ms: ActiveValue::Set(row.at("ends_at")?),
        };
        change.insert(invited).await?;
    }
    Ok(())
}

async fn departures(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("departures")?;
    while let Some(row) = lines.next()? {
        let (id, tenant) = (row.id("id")?, taking.tenant);
        let receipt: Option<leaving::Receipt> = row.json("receipt")?;
        let receipt = receipt.map(|receipt| serde_json::to_vec(&receipt).unwrap_or_default());
        let receipt = receipt.map(|plain| change.seal(&leaving::place(tenant, id, "receipt"), &plain)).transpose()?;
        let left = departure::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            account_id: ActiveValue::Set(taking.who(row.id("account_id")?)),
            name: ActiveValue::Set(change.seal(&leaving::place(tenant, id, "name"), row.text("name")?.as_bytes())?),
            successor_id: ActiveValue::Set(row.id_or_none("successor_id")?.map(|id| taking.who(id))),
            asked_by: ActiveValue::Set(taking.who(row.id("asked_by")?)),
            asked_at_ms: ActiveValue::Set(row.at("asked_at")?),
            at_ms: ActiveValue::Set(row.at("at")?),
            due_at_ms: ActiveValue::Set(row.at_or_none("due_at")?),
            due_rule: ActiveValue::Set(row.text_or_none("due_rule")?),
            done_at_ms: ActiveValue::Set(row.at_or_none("done_at")?),
            receipt: ActiveValue::Set(receipt),
        };
        change.insert(left).await?;
    }
    Ok(())
}

async fn help(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("help")?;
    while let Some(row) = lines.next()? {
        let id = row.id("id")?;
        let reason = change.seal(&help::place(taking.tenant, id), row.text("reason")?.as_bytes())?;
        let given = help_grant::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            account_id: ActiveValue::Set(row.id("account_id")?),
            role: ActiveValue::Set(row.text("role")?),
            reason: ActiveValue::Set(reason),
            given_by: ActiveValue::Set(taking.who(row.id("given_by")?)),
            given_at_ms: ActiveValue::Set(row.at("given_at")?),
            ends_at_ms: ActiveValue::Set(row.at("ends_at")?),
            ended_at_ms: ActiveValue::Set(row.at_or_none("ended_at")?),
        };
        change.insert(given).await?;
    }
    Ok(())
}

async fn holds(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("holds")?;
    while let Some(row) = lines.next()? {
        let (id, tenant) = (row.id("id")?, taking.tenant);
        let (basis, scope) = (row.text("basis")?, row.text("scope")?);
        let held = legal_hold::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            kind: ActiveValue::Set(row.text("kind")?),
            subject: ActiveValue::Set(taking.who(row.id("subject")?)),
            basis: ActiveValue::Set(change.seal(&holds::sealed_at(tenant, id, "basis"), basis.as_bytes())?),
            scope: ActiveValue::Set(change.seal(&holds::sealed_at(tenant, id, "scope"), scope.as_bytes())?),
            placed_kind: ActiveValue::Set(row.text("placed_kind")?),
            placed_by: ActiveValue::Set(taking.who(row.id("placed_by")?)),
            placed_at_ms: ActiveValue::Set(row.at("placed_at")?),
            ends_at_ms: ActiveValue::Set(row.at("ends_at")?),
            lifted_at_ms: ActiveValue::Set(row.at_or_none("lifted_at")?),
        };
        change.insert(held).await?;
    }
    Ok(())
}

async fn days(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("days")?;
    while let Some(row) = lines.next()? {
        let counted = tally::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            day: ActiveValue::Set(row.small("day")?),
            what: ActiveValue::Set(row.text("what")?),
            count: ActiveValue::Set(row.number("count")?),
        };
        change.insert(counted).await?;
    }
    Ok(())
}
