//! That an organisation can take everything along, whatever its standing, and that what it gets is what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::mfa::LookError;
use super::walk::Walk;
use super::{Instance, Seen, cast};
use crate::entity::{act, custom_role, entry, invitation, membership, record, record_change, unit};
use crate::exports::{look, work};
use crate::guard::TenantDb;
use crate::identity::stand_in::{As, StandIn};

pub async fn every_standing(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::with(&instance.profile, Permission::ExportCreate) else {
        return Ok(cast::nobody(Permission::ExportCreate, true));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = asked(instance, &mut house).await;
    // Archives lie beside the database.
    let gone = instance.accounts.blobs.remove_below(&house.tenant().0.to_string()).await;
    house.remove(&instance.operator).await?;
    gone.map_err(crate::identity::Refusal::from)?;
    seen
}

async fn asked(instance: &Instance, house: &mut StandIn) -> Result<Seen, LookError> {
    house.settle().await?;
    let mut bytes = 0;
    for standing in [Standing::Active, Standing::Lapsed, Standing::Cancelled] {
        house.set_standing(standing).await?;
        match one(instance, house).await? {
            Ok(more) => bytes += more,
            Err(wrong) => {
                return Ok(Seen::Failing(format!("In an organisation that is {}: {wrong}.", standing.word())));
            }
        }
    }
    Ok(Seen::Upheld(format!(
        "An organisation of its own asked for everything while it was active, after it lapsed and after it cancelled, and each time took an archive along that holds: {bytes} bytes together."
    )))
}

/// How long an archive of an organisation of one may take.
const TRIES: u32 = 20;

async fn one(instance: &Instance, house: &StandIn) -> Result<Result<usize, String>, LookError> {
    let mut walk = Walk::begin(instance).await?;
    let form = walk.form(house.session).await?;
    let path = format!("/api/o/{}/request-export", house.slug());
    let answer = walk.send(&form, &path, &[]).await?;
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let (200, Some(id)) = (answer.status.as_u16(), told["export"].as_str()) else {
        return Ok(Err(format!("asking was answered {}", answer.status.as_u16())));
    };
    let archive = format!("/o/{}/export/{id}/archive.zip", house.slug());
    for _ in 0..TRIES {
        // Whoever serves may have begun already; then it is waited for.
        Box::pin(work::all_of(&instance.operator, &instance.accounts, house.tenant(), instance.clock.now())).await?;
        let answer = walk.get(house.session, &archive).await?;
        match answer.status.as_u16() {
            200 => return Ok(look::holds(&answer.body).map(|()| answer.body.len())),
            409 => tokio::time::sleep(Duration::from_millis(250)).await,
            other => return Ok(Err(format!("taking the archive along was answered {other}"))),
        }
    }
    Ok(Err("the archive was not made in time".to_owned()))
}

pub async fn equals_database(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let mut other = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = compared(instance, &mut house, &mut other).await;
    other.remove(&instance.operator).await?;
    house.remove(&instance.operator).await?;
    seen
}

async fn compared(instance: &Instance, house: &mut StandIn, other: &mut StandIn) -> Result<Seen, LookError> {
    house.settle().await?;
    other.settle().await?;
    let now = instance.clock.now();
    for name in ["North", "South"] {
        house.unit(name, now).await?;
    }
    let marker = format!("marker-{}", uuid::Uuid::now_v7().simple());
    other.unit(&marker, now).await?;
    let taken = Box::pin(look::at_once(&instance.operator, &instance.accounts, house.tenant(), false, now)).await;
    let taken = taken.map_err(|error| LookError::Export(error.to_string()))?;
    let wanted = counted(&instance.operator.view(house.tenant()).await?).await?;
    for (section, rows) in &wanted {
        let there = taken.rows.get(*section).copied().unwrap_or(0);
        if there != *rows {
            return Ok(Seen::Failing(format!("Of {section} the database has {rows} rows, and the archive {there}.")));
        }
    }
    if taken.text.contains(&marker) || taken.text.contains(&other.account.0.to_string()) {
        return Ok(Seen::Failing("The archive holds something of another organisation.".into()));
    }
    if !(taken.text.contains("North") && taken.text.contains(&house.address)) {
        return Ok(Seen::Failing("The archive lacks what the organisation keeps.".into()));
    }
    Ok(Seen::Upheld(format!(
        "An organisation of its own with {} kinds of rows and its archive were compared: each kind has as many rows in the one as in the other, every part has the hash that the signed list says, and nothing of a second organisation is in it.",
        wanted.len()
    )))
}

async fn counted(view: &TenantDb) -> Result<BTreeMap<&'static str, u64>, LookError> {
    let members = membership::Entity::find().filter(membership::Column::Kind.eq("member"));
    Ok(BTreeMap::from([
        ("members", view.count(members).await?),
        ("roles", view.count(custom_role::Entity::find()).await?),
        ("units", view.count(unit::Entity::find()).await?),
        ("invitations", view.count(invitation::Entity::find()).await?),
        ("records", view.count(record::Entity::find()).await?),
        ("history", view.count(record_change::Entity::find()).await?),
        ("acts", view.count(act::Entity::find()).await?),
        ("log", view.count(entry::Entity::find()).await?),
    ]))
}
