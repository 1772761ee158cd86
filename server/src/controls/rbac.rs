//! Roles: what each may, no more and no less, from the next request on.

use contract::permission::Permission;

use super::mfa::LookError;
use super::walk::{Came, Place, Walk, blamed, steps};
use super::{Instance, Seen, cast};
use crate::guard::SessionId;
use crate::identity::stand_in::{As, StandIn};

pub async fn matrix(instance: &Instance) -> Result<Seen, LookError> {
    let Some(first) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, first, As::SteppedUp, now).await?;
    let seen = every_role(instance, &mut house).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn every_role(instance: &Instance, house: &mut StandIn) -> Result<Seen, LookError> {
    house.settle().await?;
    let (mut let_in, mut refused) = (0, 0);
    let mut place = Place::furnish(instance, house, "Probe").await?;
    for (name, role) in &instance.profile.roles {
        let person = house.join(name, As::SteppedUp, instance.clock.now()).await?;
        let mut walk = Walk::begin(instance).await?;
        place.member = person.account.0;
        for step in steps(&instance.profile) {
            let address = place.fill(step.path);
            let came = step.came(&walk.ask(person.session, step.method, &address).await?);
            let granted = role.grants.contains(&step.permission);
            match (granted, came) {
                (true, Came::In) => let_in += 1,
                (false, Came::Forbidden) => refused += 1,
                (_, Came::In | Came::Forbidden | Came::Nowhere | Came::Lapsed | Came::Gone | Came::Otherwise(_)) => {
                    let should = if granted { "is granted" } else { "lacks" };
                    let what = step.permission.word();
                    return Ok(Seen::Failing(format!(
                        "The role {name} {should} {what}, and {} {} came out as {came:?}.",
                        step.method, step.path
                    )));
                }
            }
        }
    }
    Ok(Seen::Upheld(format!(
        "{} roles asked for {} pages and endpoints of an organisation each: {let_in} times let in as the role grants it, {refused} times refused.",
        instance.profile.roles.len(),
        steps(&instance.profile).count()
    )))
}

pub async fn demotion(instance: &Instance) -> Result<Seen, LookError> {
    let profile = &instance.profile;
    let Some(higher) = cast::with(profile, Permission::MembersRead) else {
        return Ok(cast::nobody(Permission::MembersRead, true));
    };
    let Some(lower) = cast::without(profile, Permission::MembersRead) else {
        return Ok(cast::nobody(Permission::MembersRead, false));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, higher, As::SteppedUp, now).await?;
    let seen = demoted(instance, &mut house, higher, lower).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn demoted(instance: &Instance, house: &mut StandIn, higher: &str, lower: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let page = format!("/o/{}/members", house.slug());
    let mut walk = Walk::begin(instance).await?;
    let before = walk.get(house.session, &page).await?.status.as_u16();
    house.set_role(house.account, lower).await?;
    let after = walk.get(house.session, &page).await?.status.as_u16();
    Ok(match (before, after) {
        (200, 403) => Seen::Upheld(format!(
            "The list of members opened for the role {higher}; made {lower}, the same session was refused at its next request."
        )),
        _ => Seen::Failing(format!(
            "The list of members was answered {before} to the role {higher}, and {after} at the next request after it was made {lower}."
        )),
    })
}

/// What the lesser maker has, and what they try to give.
const HAS: &[Permission] = &[Permission::OrganisationRead, Permission::RolesManage];
const LACKS: Permission = Permission::BillingManage;

pub async fn no_wildcard(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::with(&instance.profile, Permission::RolesManage) else {
        return Ok(cast::nobody(Permission::RolesManage, true));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = makes_roles(instance, &mut house).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn makes_roles(instance: &Instance, house: &mut StandIn) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    house.add_role("Probe", HAS, now).await?;
    let lesser = house.join("Probe", As::SteppedUp, now).await?;
    let (fair, more) = (Permission::OrganisationRead.word(), LACKS.word());
    for (who, name, words) in [(house.session, "Wild", "*"), (lesser.session, "More", more)] {
        let (status, field) = make(instance, house.slug(), who, name, words).await?;
        if field.as_deref() != Some("permissions") {
            return Ok(Seen::Failing(format!("A role with the permissions \"{words}\" was answered {status}.")));
        }
    }
    let (status, _) = make(instance, house.slug(), lesser.session, "Fair", fair).await?;
    Ok(match status {
        200 => Seen::Upheld(format!(
            "A role of all permissions by a wildcard and one with a permission that its maker lacks ({more}) were refused with 422; one with {fair}, which its maker has, was made."
        )),
        status => Seen::Failing(format!("A role with a permission that its maker has was answered {status}.")),
    })
}

async fn make(
    instance: &Instance,
    slug: &str,
    who: SessionId,
    name: &str,
    permissions: &str,
) -> Result<(u16, Option<String>), LookError> {
    let mut walk = Walk::begin(instance).await?;
    let form = walk.form(who).await?;
    let fields = [("name", name), ("permissions", permissions)];
    let answer = walk.send(&form, &format!("/api/o/{slug}/create-role"), &fields).await?;
    Ok((answer.status.as_u16(), blamed(&answer)))
}

pub async fn reach(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::with(&instance.profile, Permission::MembersRead) else {
        return Ok(cast::nobody(Permission::MembersRead, true));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = narrowed(instance, &mut house, role).await;
    house.remove(&instance.operator).await?;
    seen
}

async fn narrowed(instance: &Instance, house: &mut StandIn, role: &str) -> Result<Seen, LookError> {
    house.settle().await?;
    let now = instance.clock.now();
    let (inside, outside) = (house.unit("Probe inside", now).await?, house.unit("Probe outside", now).await?);
    let other = house.join(role, As::SteppedUp, now).await?;
    house.narrow(other.account, inside).await?;
    let mut walk = Walk::begin(instance).await?;
    let page = format!("/o/{}/units", house.slug());
    let mut listed = Vec::new();
    for session in [house.session, other.session] {
        let answer = walk.get(session, &page).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        listed.push([inside, outside].map(|unit| text.contains(&format!("data-unit=\"{unit}\""))));
    }
    Ok(match listed.as_slice() {
        [[true, true], [true, false]] => Seen::Upheld(
            "Of 2 units, a member who reaches everything is shown 2, and one who was let to 1 is shown that one."
                .into(),
        ),
        _ => Seen::Failing(format!(
            "Of the unit in reach and the one outside, a member who reaches everything is shown {:?}, and one who was let to the first {:?}.",
            listed.first().unwrap_or(&[false; 2]),
            listed.last().unwrap_or(&[false; 2])
        )),
    })
}
