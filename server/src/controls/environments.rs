//! Dedicated mode: one database for each organisation, never one for two.

use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, SqlErr};

use super::mfa::LookError;
use super::{Instance, Seen, cast};
use crate::entity::environment;
use crate::identity::stand_in::{As, StandIn};
use crate::profile::policy::Isolation;

pub async fn two(instance: &Instance) -> Result<Seen, LookError> {
    if instance.operator.store().mode() != Isolation::Dedicated {
        return Ok(Seen::Unavailable("This instance gives organisations no database of their own.".into()));
    }
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut one = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let mut other = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = apart(instance, &mut one, &mut other).await;
    one.remove(&instance.operator).await?;
    other.remove(&instance.operator).await?;
    seen
}

async fn apart(instance: &Instance, one: &mut StandIn, other: &mut StandIn) -> Result<Seen, LookError> {
    one.settle().await?;
    other.settle().await?;
    let (first, second) = (location(instance, one).await?, location(instance, other).await?);
    let (Some(first), Some(second)) = (first, second) else {
        return Ok(Seen::Failing("An organisation was made without a database of its own.".into()));
    };
    if first == second {
        return Ok(Seen::Failing("Two organisations were given one database.".into()));
    }
    for (place, stranger) in [(&*one, &*other), (&*other, &*one)] {
        if instance.operator.refuses_row_of(place.tenant(), stranger.tenant()).await? != Some(true) {
            return Ok(Seen::Failing("An organisation's database takes a row of another organisation.".into()));
        }
    }
    let logins = instance.operator.shuts_out(one.tenant(), other.tenant()).await?;
    if logins == Some(false) {
        return Ok(Seen::Failing("The login of one organisation's database opens another's.".into()));
    }
    if !shared_is_refused(other, &first).await? {
        return Ok(Seen::Failing("One database can be written down for two organisations.".into()));
    }
    let logins = if logins.is_some() { ", and one's login was refused at the other's" } else { "" };
    Ok(Seen::Upheld(format!(
        "2 organisations were given 2 databases; each refused a row of the other{logins}; the register of databases refused one for both. In its database lies the organisation's log; who belongs to it lies sealed with the accounts."
    )))
}

async fn location(instance: &Instance, house: &StandIn) -> Result<Option<String>, LookError> {
    let row = instance.operator.view(house.tenant()).await?.one(environment::Entity::find()).await?;
    Ok(row.map(|row| row.location))
}

/// Never committed: whatever the database says, nothing stays.
async fn shared_is_refused(house: &StandIn, location: &str) -> Result<bool, LookError> {
    let change = house.change().await?;
    let moved = environment::Entity::update_many().col_expr(environment::Column::Location, Expr::value(location));
    match change.update(moved).await {
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(false),
    }
}
