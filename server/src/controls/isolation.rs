//! That organisations are kept apart: for their members, and for the vendor's staff. The look is the same in all three modes.

use contract::access::{ENDPOINTS, Endpoint};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::mfa::LookError;
use super::probe::Answer;
use super::walk::{Came, Place, Step, Walk, came, steps};
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
    /// The rows of the access table that there are in this profile.
    steps: Vec<Step>,
    our_place: Place,
    their_place: Place,
    our_unit: String,
    our_unit_id: Uuid,
    their_unit: Uuid,
    role: &'a str,
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
    let seen = between(instance, role, &mut ours, &mut theirs).await;
    ours.remove(&instance.operator).await?;
    theirs.remove(&instance.operator).await?;
    seen
}

async fn between(instance: &Instance, role: &str, ours: &mut StandIn, theirs: &mut StandIn) -> Result<Seen, LookError> {
    ours.settle().await?;
    theirs.settle().await?;
    let now = instance.clock.now();
    let (our_unit, their_name) = (marker(), marker());
    let our_unit_id = ours.unit(&our_unit, now).await?;
    let their_unit = theirs.unit(&their_name, now).await?;
    let their_record = marker();
    let our_place = Place::furnish(instance, ours, "Probe").await?;
    let their_place = Place::furnish(instance, theirs, &their_record).await?;
    let mut markers = vec![their_name, their_unit.to_string(), theirs.account.0.to_string(), theirs.address.clone()];
    markers.extend(their_place.record.iter().map(|(_, id)| id.to_string()).chain([their_record]));
    markers.extend(their_place.file.map(|id| id.to_string()));
    let steps: Vec<Step> = steps(&instance.profile).collect();
    let asked = steps.len();
    let both =
        Neighbours { ours, theirs, steps, our_place, their_place, our_unit, our_unit_id, their_unit, role, markers };
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
        "{} pages and endpoints of another organisation were answered as if there were none; the ids of its member, its unit, its record and its file, put one at a time into {swapped} requests of one's own, as ids of nobody; none of its {} markers was in {pages} pages of one's own.",
        asked,
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
        for step in &self.steps {
            let mut bodies = Vec::new();
            for slug in [self.theirs.slug(), &nobody] {
                let address = Place { slug: slug.to_owned(), ..self.their_place.clone() }.fill(step.path);
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

    /// Puts one of their ids where one belongs, with everything else ours, and then an id that nobody has: both must be refused alike.
    /// Without a tenant's filter theirs would be found.
    async fn with_their_ids(&self, walk: &mut Walk<'_>) -> Result<Result<usize, String>, LookError> {
        let form = walk.form(self.ours.session).await?;
        let mut swapped = 0;
        for (row, field) in self.taking_theirs() {
            let path = self.our_place.fill(row.path);
            let mut came = Vec::new();
            for id in [self.theirs_for(field), Uuid::now_v7()].map(|id| id.to_string()) {
                let sent: Vec<(&str, String)> = self.filled(row, field, &id);
                let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let answer = walk.send(&form, &path, &sent).await?;
                came.push((answer.status.as_u16(), said(&answer).replace(&id, "ID")));
            }
            swapped += 1;
            if came[0] != came[1] || !matches!(came[0].0, 404 | 422) {
                return Ok(Err(format!(
                    "{} was answered {} to the {field} of another organisation and {} to one of nobody.",
                    row.name, came[0].0, came[1].0
                )));
            }
        }
        let named = |step: &&Step| {
            step.method == "GET" && ["{member}", "{record}", "{file}"].iter().any(|one| step.path.contains(one))
        };
        for step in self.steps.iter().filter(named) {
            let mut pages = Vec::new();
            let theirs = (self.theirs.account.0, self.theirs_for("record"), self.their_place.file);
            for (member, record, file) in [theirs, (Uuid::now_v7(), Uuid::now_v7(), Some(Uuid::now_v7()))] {
                let place = Place { member, file, ..self.our_place.clone() }.with_record(record);
                let answer = walk.get(self.ours.session, &place.fill(step.path)).await?;
                let text = said(&answer).replace(&member.to_string(), "ID").replace(&record.to_string(), "ID");
                let text = text.replace(&file.unwrap_or_default().to_string(), "ID");
                pages.push((answer.status.as_u16(), text));
            }
            swapped += 1;
            if pages[0] != pages[1] || pages[0].0 != 404 {
                return Ok(Err(format!(
                    "{} with an id of another organisation was answered {}.",
                    step.path, pages[0].0
                )));
            }
        }
        Ok(Ok(swapped))
    }

    fn theirs_for(&self, field: &str) -> Uuid {
        match field {
            "member" => self.theirs.account.0,
            "record" => self.their_place.record.as_ref().map(|(_, id)| *id).unwrap_or_default(),
            _ => self.their_unit,
        }
    }

    /// Each endpoint with each of its fields that takes the id of something that both organisations have.
    fn taking_theirs(&self) -> impl Iterator<Item = (&'static Endpoint, &'static str)> + use<'_> {
        let there = |row: &&Endpoint| self.steps.iter().any(|step| step.path == row.path);
        ENDPOINTS.iter().filter(there).flat_map(|row| {
            let takes = |name: &&str| match *name {
                "member" | "unit" => true,
                // Reach may name a record that comes later.
                "record" => row.name != "grant-reach",
                _ => false,
            };
            row.fields.iter().copied().filter(takes).map(move |name| (row, name))
        })
    }

    /// The swapped id in its field; of the rest what has to be there, and all of it ours, so that the id is what it is refused for.
    fn filled(&self, row: &Endpoint, swapped: &str, id: &str) -> Vec<(&'static str, String)> {
        let needed = row.fields.iter().filter(|name| **name == swapped || !row.optional.contains(name));
        let value = |name: &str| match name {
            _ if name == swapped => id.to_owned(),
            "member" => self.ours.account.0.to_string(),
            "unit" | "target" => self.our_unit_id.to_string(),
            "record" => self.our_place.record.as_ref().map(|(_, id)| id.to_string()).unwrap_or_default(),
            "role" => self.role.to_owned(),
            "email" => "probe@organisation.example".to_owned(),
            _ => "probe".to_owned(),
        };
        needed.map(|name| (*name, value(name))).collect()
    }

    /// Reads all of our own pages: our marker must be on one of them, or there would be nothing to see, and theirs on none.
    async fn at_home(&self, walk: &mut Walk<'_>) -> Result<Result<usize, String>, LookError> {
        let (mut pages, mut own) = (0, false);
        for step in self.steps.iter().filter(|step| step.method == "GET") {
            let answer = walk.get(self.ours.session, &self.our_place.fill(step.path)).await?;
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
    let place = Place::furnish(instance, house, "Probe").await?;
    for step in steps(&instance.profile) {
        let address = place.fill(step.path);
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
    let asked = steps(&instance.profile).count() as u64;
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
