//! That production's data stays out of development and test, unless two people said yes and nobody can be found in it any more.

use super::mfa::LookError;
use super::{Instance, Seen, cast};
use crate::exports::look;
use crate::identity::stand_in::{As, StandIn};

pub fn refused(instance: &Instance) -> Seen {
    match look::judged(&instance.vault, instance.clock.now()) {
        Ok(count) => Seen::Upheld(format!(
            "{count} archives of production were offered to a test instance: with people in them, without an approval, with one of another archive, of one person, of one person twice, that had run out, that was changed, and of another key; each was refused, and the one that two people approved and that had nobody in it was let through."
        )),
        Err(wrong) => Seen::Failing(format!("A test instance would take an archive of production {wrong}.")),
    }
}

pub async fn masked(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::HalfWay, now).await?;
    let seen = taken_out(instance, &mut house).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn taken_out(instance: &Instance, house: &mut StandIn) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let marker = format!("marker-{}", uuid::Uuid::now_v7().simple());
    house.unit(&marker, now).await?;
    let mut texts = Vec::new();
    for masked in [false, true] {
        let taken = Box::pin(look::at_once(&instance.operator, &instance.accounts, house.tenant(), masked, now)).await;
        texts.push(taken.map_err(|error| LookError::Export(error.to_string()))?.text);
    }
    let personal = [marker, house.address.clone(), house.account.0.to_string()];
    if !personal.iter().all(|value| texts[0].contains(value.as_str())) {
        return Ok(Seen::Failing(
            "The ordinary archive lacks what it should have, so nothing is proven of the masked one.".into(),
        ));
    }
    if personal.iter().any(|value| texts[1].contains(value.as_str())) {
        return Ok(Seen::Failing("A masked archive names a person.".into()));
    }
    Ok(Seen::Upheld(format!(
        "Of {} values that lead to a person or were written freely, the ordinary archive of an organisation of its own had all, and the masked one none.",
        personal.len()
    )))
}

pub fn unclassified(instance: &Instance) -> Seen {
    match look::stops_at_unknown(&instance.profile) {
        Ok(known) => Seen::Upheld(format!(
            "A column and a field that nobody classified each stopped a masked archive by name; all {known} fields of this profile's registers are classified."
        )),
        Err(wrong) => Seen::Failing(wrong),
    }
}
