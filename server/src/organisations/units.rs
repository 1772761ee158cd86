//! Units: parts of an organisation, such as locations. Whoever reaches only some sees no other.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use time::OffsetDateTime;
use uuid::Uuid;

use super::unknown;
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{invitation, reach, unit};
use crate::guard::{Allowed, Belonging, Change, Right, TenantDb, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// Most units of one organisation.
const MOST: u64 = 500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub id: Uuid,
    pub name: String,
}

pub(crate) fn name_place(tenant: TenantId, unit: Uuid) -> String {
    format!("unit/{}/{unit}/name", tenant.0)
}

/// The units that this person reaches, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts) -> Result<Vec<Unit>, Refusal> {
    of(&reader.read().await?, accounts, reader.here()).await
}

/// What these units are called, as far as they are still there and within reach.
pub(crate) async fn named(
    view: &TenantDb,
    accounts: &Accounts,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<std::collections::BTreeMap<Uuid, String>, Refusal> {
    let ids: std::collections::BTreeSet<Uuid> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(std::collections::BTreeMap::new());
    }
    let rows = view.all(unit::Entity::find().filter(unit::Column::Id.is_in(ids))).await?;
    let ring = accounts.vault.within(view).await?;
    let open = |row: &unit::Model| {
        let plain = ring.open(&name_place(view.tenant(), row.id), &row.name).ok()?;
        Some((row.id, String::from_utf8_lossy(&plain).into_owned()))
    };
    Ok(rows.iter().filter_map(open).collect())
}

/// Those of the units that a member reaches. In row-level mode PostgreSQL has left the others out already.
pub(crate) async fn of(view: &TenantDb, accounts: &Accounts, reader: &Belonging) -> Result<Vec<Unit>, Refusal> {
    let rows = view.all(within(reader).order_by_asc(unit::Column::MadeAtMs)).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ring = accounts.vault.within(view).await?;
    let mut units = Vec::new();
    for row in rows {
        let plain = ring.open(&name_place(view.tenant(), row.id), &row.name)?;
        units.push(Unit { id: row.id, name: String::from_utf8_lossy(&plain).into_owned() });
    }
    units.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(units)
}

fn within(reader: &Belonging) -> Select<unit::Entity> {
    #[cfg(any(test, feature = "testing"))]
    if crate::staged::lacks_filter("unit") {
        return unit::Entity::find();
    }
    match reader.reach() {
        None => unit::Entity::find(),
        Some(reached) => unit::Entity::find().filter(unit::Column::Id.is_in(reached.iter().copied())),
    }
}

/// `by` is whoever lets them there.
pub(crate) fn reaches(
    account: Uuid,
    (kind, target): (&str, Uuid),
    by: Uuid,
    now: OffsetDateTime,
) -> reach::ActiveModel {
    reach::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        account_id: ActiveValue::Set(account),
        kind: ActiveValue::Set(kind.to_owned()),
        target: ActiveValue::Set(target),
        granted_by: ActiveValue::Set(Some(by)),
        granted_at_ms: ActiveValue::Set(Some(to_ms(now))),
    }
}

/// A unit as it is written down: its name sealed, and found by a keyed index.
pub(crate) fn row(
    change: &Change,
    accounts: &Accounts,
    id: Uuid,
    name: &str,
    now: OffsetDateTime,
) -> Result<unit::ActiveModel, Refusal> {
    let tenant = change.tenant();
    let index = accounts.vault.hashes().mac_hex("unit-name/1", &[tenant.0.as_bytes(), name.to_lowercase().as_bytes()]);
    Ok(unit::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        name: ActiveValue::Set(change.seal(&name_place(tenant, id), name.as_bytes())?),
        name_index: ActiveValue::Set(index),
        made_at_ms: ActiveValue::Set(to_ms(now)),
    })
}

/// Makes a unit.
///
/// # Errors
/// [`Refusal::Field`] on `name` when it does not fit or is taken.
pub async fn create(
    manager: &Allowed<rights::UnitsManage>,
    accounts: &Accounts,
    name: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let name = super::members::short("name", name)?;
    super::reach::reaches_everything(manager.here())?;
    let id = Uuid::now_v7();
    let change = manager.begin(accounts, origin).await?;
    let row = row(&change, accounts, id, &name, now)?;
    let same = unit::Entity::find().filter(unit::Column::NameIndex.eq(row.name_index.as_ref()));
    if change.one(same).await?.is_some() {
        return Err(Refusal::Field("name", "there is one of this name".into()));
    }
    if change.count(unit::Entity::find()).await? >= MOST {
        return Err(Refusal::Conflict(format!("An organisation has at most {MOST} of these.")));
    }
    change.insert(row).await?;
    Ok(change.commit(&Event::of(Action::UnitMade, id).with("name", name), now).await?)
}

/// Removes a unit and what led to it.
///
/// # Errors
/// [`Refusal::Conflict`] while somebody is invited to it.
pub async fn delete(
    manager: &Allowed<rights::UnitsManage>,
    accounts: &Accounts,
    unit: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let id = super::id("unit", unit)?;
    super::reach::reaches_everything(manager.here())?;
    let change = manager.begin(accounts, origin).await?;
    let invited = change.count(invitation::Entity::find().filter(invitation::Column::UnitId.eq(id))).await?;
    if invited > 0 {
        return Err(Refusal::Conflict("Somebody is invited to it. Withdraw the invitation first.".into()));
    }
    if change.delete(unit::Entity::delete_many().filter(unit::Column::Id.eq(id))).await? == 0 {
        return Err(unknown("unit"));
    }
    let led = change.delete(reach::Entity::delete_many().filter(reach::Column::Target.eq(id))).await?;
    Ok(change.commit(&Event::of(Action::UnitRemoved, id).with("grants", led.to_string()), now).await?)
}
