//! Row-level security of PostgreSQL: asked of the catalogue, and tried with plain SQL.

use super::mfa::LookError;
use super::{Instance, Seen, cast};
use crate::guard::TENANT_TABLES;
use crate::identity::stand_in::{As, StandIn};

pub async fn in_force(instance: &Instance) -> Result<Seen, LookError> {
    let Some(security) = instance.operator.row_security().await? else {
        return Ok(Seen::Unavailable(
            "This instance's database keeps no organisations apart by itself; that takes PostgreSQL in row-level mode."
                .into(),
        ));
    };
    if let Some(why) = security.overpowered {
        return Ok(Seen::Failing(format!("The login that serves requests {why}.")));
    }
    if !security.unsecured.is_empty() {
        return Ok(Seen::Failing(format!("Row security is not forced on {}.", security.unsecured.join(", "))));
    }
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let one = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let other = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = plain(instance, &one, &other).await;
    one.remove(&instance.operator).await?;
    other.remove(&instance.operator).await?;
    seen
}

async fn plain(instance: &Instance, one: &StandIn, other: &StandIn) -> Result<Seen, LookError> {
    let nowhere = instance.operator.unfiltered(None).await?;
    if nowhere.rows > 0 {
        return Ok(Seen::Failing(format!(
            "Plain SQL in no organisation finds {} rows in the tables of organisations.",
            nowhere.rows
        )));
    }
    let mut own = 0;
    for house in [one, other] {
        let inside = instance.operator.unfiltered(Some(house.tenant())).await?;
        if inside.foreign > 0 {
            return Ok(Seen::Failing(format!(
                "Plain SQL in one organisation finds {} rows of others.",
                inside.foreign
            )));
        }
        if inside.rows == 0 {
            return Ok(Seen::Failing("Plain SQL in an organisation does not find its own rows.".into()));
        }
        own += inside.rows;
    }
    Ok(Seen::Upheld(format!(
        "Row security is forced on all {} tables of organisations, and the login stands under it; plain SQL found 0 rows in no organisation, and in each of 2 none of another, but its own ({own}).",
        TENANT_TABLES.len()
    )))
}
