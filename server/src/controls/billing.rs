//! What a subscription that has lapsed leaves: everything can be read and settled, nothing of the organisation changed.

use contract::access::{ENDPOINTS, Who};
use contract::permission::Effect;
use contract::standing::Standing;

use super::mfa::LookError;
use super::walk::{Came, Place, Walk, came, steps};
use super::{Instance, Seen, cast};
use crate::identity::stand_in::{As, StandIn};

pub async fn read_only(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = lapsed(instance, &mut house, role).await;
    house.remove(&instance.operator).await?;
    seen
}

/// What was answered in one standing.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    read: usize,
    refused: usize,
    settled: usize,
    own: usize,
}

async fn lapsed(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let place = Place::furnish(instance, house, "Probe").await?;
    house.set_standing(Standing::Lapsed).await?;
    let count = match without_subscription(instance, house, &place, role).await? {
        Ok(count) => count,
        Err(wrong) => return Ok(Seen::Failing(format!("In an organisation that has lapsed: {wrong}."))),
    };
    let Count { read, refused, settled, own } = count;
    Ok(Seen::Upheld(format!(
        "In an organisation that has lapsed {read} pages opened and {refused} changes were answered 402; {settled} that settle the account and {own} of one's own account were let through."
    )))
}

async fn without_subscription(
    instance: &Instance,
    house: &StandIn,
    place: &Place,
    role: &str,
) -> Result<Result<Count, String>, LookError> {
    let Some(role) = instance.profile.roles.get(role) else { return Ok(Err("the role is gone".into())) };
    let mut walk = Walk::begin(instance).await?;
    let mut count = Count::default();
    for step in steps(&instance.profile).filter(|step| role.grants.contains(&step.permission)) {
        let address = place.fill(step.path);
        let came = step.came(&walk.ask(house.session, step.method, &address).await?);
        let (wanted, counted) = match (step.method, step.permission.effect()) {
            ("GET", _) => (Came::In, &mut count.read),
            (_, Effect::Change) => (Came::Lapsed, &mut count.refused),
            (_, Effect::Read | Effect::Settle) => (Came::In, &mut count.settled),
        };
        if came != wanted {
            return Ok(Err(format!("{} {} came out as {came:?}", step.method, step.path)));
        }
        *counted += 1;
    }
    for row in ENDPOINTS.iter().filter(|row| of_ones_own(row.who)) {
        let came = came("POST", &walk.ask(house.session, "POST", row.path).await?);
        if came != Came::In {
            return Ok(Err(format!("{} of one's own account came out as {came:?}", row.name)));
        }
        count.own += 1;
    }
    Ok(Ok(count))
}

/// What somebody who is signed in does about their own account, whatever their organisations' standing.
const fn of_ones_own(who: Who) -> bool {
    match who {
        Who::AnySession | Who::CodeHolder | Who::Enroller | Who::SignedIn | Who::Fresh => true,
        Who::Everyone | Who::Member(_) | Who::Operator => false,
    }
}
