//! That organisations are kept apart: for their members, and for the vendor's staff. The look is the same in all three modes.

use contract::access::{ENDPOINTS, Endpoint};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::mfa::LookError;
use super::probe::Answer;
use super::walk::{Came, Walk, came, steps};
use super::{Instance, Seen, cast};
use crate::audit::log::Action;
use crate::entity::entry;
use crate::guard::SessionId;
use crate::identity::stand_in::{As, SLUG, Someone, StandIn};
use crate::profile::policy::Isolation;

/// Two organisations, each with a unit whose name nobody could guess.
struct Neighbours<'a> {
    ours: &'a StandIn,
    theirs: &'a StandIn,
    our_unit: String,
    their_unit: Uuid,
    /// What of theirs must not be seen anywhere.
    markers: Vec<String>,
}

pub async fn sweep(instance: &Instance, mode: Isolation) -> Result<Seen, LookError> {
    if instance.operator.store().mode() != mode {
        return Ok(Seen::Unavailable("This instance keeps organisations apart in another way.".into()));
    }
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut ours = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let mut theirs = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let seen = between(instance, &mut ours, &mut theirs).await;
    ours.remove(&instance.operator).await?;
    theirs.remove(&instance.operator).await?;
    seen
}

async fn between(instance: &Instance, ours: &mut StandIn, theirs: &mut StandIn) -> Result<Seen, LookError> {
    ours.settle().await?;
    theirs.settle().await?;
    let now = instance.clock.now();
    let (our_unit, their_name) = (marker(), marker());
    ours.unit(&our_unit, now).await?;
    let their_unit = theirs.unit(&their_name, now).await?;
    let markers = vec![their_name, their_unit.to_string(), theirs.account.0.to_string(), theirs.address.clone()];
    let both = Neighbours { ours, theirs, our_unit, their_unit, markers };
    let mut walk = Walk::begin(instance).await?;
    if let Some(wrong) = both.at_their_door(&mut walk).await? {
        return Ok(Seen::Failing(wrong));
    }
    let swapped = match both.with_their_ids(&mut walk).await? {
        Ok(swapped) => swapped,
        Err(wrong) => return Ok(Seen::Failing(wrong)),
    };
    let pages = match both.at_home(&mut walk).await? {
        Ok(pages) => pages,
        Err(wrong) => return Ok(Seen::Failing(wrong)),
    };
    Ok(Seen::Upheld(format!(
        "{} pages and endpoints of another organisation were answered as if there were none; ids of its members and units, sent to {swapped} endpoints, as unknown ones; none of its {} markers was in {pages} pages of one's own.",
        steps().count(),
        both.markers.len()
    )))
}

fn marker() -> String {
    format!("marker-{}", Uuid::now_v7().simple())
}

impl Neighbours<'_> {
    /// Asks for everything of theirs, and for the same of an organisation that does not exist.
    async fn at_their_door(&self, walk: &mut Walk<'_>) -> Result<Option<String>, LookError> {
        let nobody = format!("{SLUG}{}", Uuid::now_v7().simple());
        for step in steps() {
            let mut bodies = Vec::new();
            for slug in [self.theirs.slug(), &nobody] {
                let address = step.address(slug, self.theirs.account.0);
                let answer = walk.ask(self.ours.session, step.method, &address).await?;
                let came = step.came(&answer);
                if came != Came::Nowhere {
                    return Ok(Some(format!(
                        "{} {} of another organisation came out as {came:?}.",
                        step.method, step.path
                    )));
                }
                bodies.push(said(&answer).replace(slug, "SLUG"));
            }
            if bodies.windows(2).any(|pair| pair[0] != pair[1]) {
                return Ok(Some(format!(
                    "{} {} tells an organisation of others from one that does not exist.",
                    step.method, step.path
                )));
            }
        }
        Ok(None)
    }

    /// Sends their ids to every endpoint of our own that takes one, and then ids that nobody has.
    async fn with_their_ids(&self, walk: &mut Walk<'_>) -> Result<Result<usize, String>, LookError> {
        let form = walk.form(self.ours.session).await?;
        let mut swapped = 0;
        for row in
            ENDPOINTS.iter().filter(|row| row.who.permission().is_some() && row.fields.iter().any(|name| is_id(name)))
        {
            let path = row.path.replace("{slug}", self.ours.slug());
            let mut came = Vec::new();
            for ids in [[self.theirs.account.0, self.their_unit], [Uuid::now_v7(), Uuid::now_v7()]] {
                let ids = ids.map(|id| id.to_string());
                let answer = walk.send(&form, &path, &filled(row, &ids)).await?;
                let [member, unit] = &ids;
                came.push((answer.status.as_u16(), said(&answer).replace(member, "ID").replace(unit, "ID")));
            }
            swapped += 1;
            let refused = came.iter().all(|(status, _)| matches!(status, 404 | 409 | 422));
            if !refused || came.windows(2).any(|pair| pair[0] != pair[1]) {
                let statuses: Vec<u16> = came.iter().map(|(status, _)| *status).collect();
                return Ok(Err(format!(
                    "{} was answered {statuses:?} to ids of another organisation and to ids of nobody.",
                    row.name
                )));
            }
        }
        Ok(Ok(swapped))
    }

    /// Reads all of our own pages: our marker must be on one of them, or there would be nothing to see, and theirs on none.
    async fn at_home(&self, walk: &mut Walk<'_>) -> Result<Result<usize, String>, LookError> {
        let (mut pages, mut own) = (0, false);
        for step in steps().filter(|step| step.method == "GET") {
            let answer = walk.get(self.ours.session, &step.address(self.ours.slug(), self.ours.account.0)).await?;
            if step.came(&answer) != Came::In {
                return Ok(Err(format!("{} of one's own organisation was not shown.", step.path)));
            }
            let text = said(&answer);
            own |= text.contains(&self.our_unit);
            if self.markers.iter().any(|marker| text.contains(marker.as_str())) {
                return Ok(Err(format!("{} shows something of another organisation.", step.path)));
            }
            pages += 1;
        }
        if !own {
            return Ok(Err("One's own marker is on no page, so nothing is proven of the other's.".into()));
        }
        Ok(Ok(pages))
    }
}

fn said(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn is_id(field: &str) -> bool {
    matches!(field, "member" | "successor" | "unit" | "record" | "target" | "invitation" | "departure" | "grant")
}

/// Ids where ids belong; of the rest what has to be there, so that the ids are what it is refused for.
fn filled<'a>(row: &Endpoint, [member, unit]: &'a [String; 2]) -> Vec<(&'static str, &'a str)> {
    let needed = row.fields.iter().filter(|name| is_id(name) || !row.optional.contains(name));
    let value = |name: &'static str| match name {
        "member" | "successor" => member.as_str(),
        _ if is_id(name) => unit.as_str(),
        _ => "probe",
    };
    // A reach is to a unit or to a record, never to both.
    needed.filter(|name| **name != "record").map(|name| (*name, value(name))).collect()
}

pub async fn operators(instance: &Instance) -> Result<Seen, LookError> {
    let Some(role) = cast::most(&instance.profile) else {
        return Ok(Seen::Failing("There are no roles.".into()));
    };
    let now = instance.clock.now();
    let mut house = StandIn::make(&instance.operator, &instance.accounts, role, As::SteppedUp, now).await?;
    let staff = match Someone::of_staff(&instance.operator, &instance.accounts, now).await {
        Ok(staff) => staff,
        Err(refusal) => {
            house.remove(&instance.operator).await?;
            return Err(refusal.into());
        }
    };
    let seen = staff_at_the_door(instance, &mut house, &staff).await;
    staff.remove(&instance.operator).await?;
    house.remove(&instance.operator).await?;
    seen
}

async fn staff_at_the_door(instance: &Instance, house: &mut StandIn, staff: &Someone) -> Result<Seen, LookError> {
    house.settle().await?;
    let mut walk = Walk::begin(instance).await?;
    if let Some(wrong) = not_staff(&mut walk, staff.session).await? {
        return Ok(Seen::Failing(wrong));
    }
    for step in steps() {
        let address = step.address(house.slug(), house.account.0);
        let came = step.came(&walk.ask(staff.session, step.method, &address).await?);
        if came != Came::Nowhere {
            let (method, path) = (step.method, step.path);
            return Ok(Seen::Failing(format!("{method} {path} came out as {came:?} for the vendor's staff.")));
        }
    }
    let told = entry::Entity::find()
        .filter(entry::Column::Action.eq(Action::OperatorRefused.word()))
        .filter(entry::Column::Actor.eq(staff.account.0));
    let told = instance.operator.view(house.tenant()).await?.count(told).await?;
    let asked = steps().count() as u64;
    Ok(if told == asked {
        Seen::Upheld(format!(
            "{asked} pages and endpoints of an organisation were answered to the vendor's staff as if there were none; its log has all {told} refusals."
        ))
    } else {
        Seen::Failing(format!(
            "The vendor's staff was refused {asked} times, and the organisation's log has {told} of these."
        ))
    })
}

/// Whether the staff's own page does not open: then a refusal elsewhere would prove nothing about the staff.
async fn not_staff(walk: &mut Walk<'_>, session: SessionId) -> Result<Option<String>, LookError> {
    let own = walk.get(session, "/operator").await?;
    let opened = came("GET", &own) == Came::In;
    Ok((!opened).then(|| format!("The vendor's own page was answered {} to its staff.", own.status.as_u16())))
}
