//! The page tells what is: no claim without a binding, computed lists, no hidden switch, an unbroken history.

use std::time::Duration;

use time::macros::date;

use super::probe::{Probe, ProbeError};
use super::{Check, Instance, Seen};
use crate::audit;
use crate::frameworks;
use crate::profile::figures::list;
use crate::profile::{Binding, Source, check};
use crate::trust::{Board, Facts, history, switch};

/// Two claims that must not get past the profile's reader.
const UNBOUND: &str = "[[claims]]\nid = \"X1\"\nsection = \"s\"\ntext = \"We are secure.\"\n";
const TYPED: &str =
    "[[claims]]\nid = \"X1\"\nsection = \"s\"\ntext = \"Gone after 90 days.\"\nconfirmed = 2026-01-01\n";

/// Why a look did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

pub fn bound(instance: &Instance) -> Seen {
    for (what, claim, complaint) in
        [("without a binding", UNBOUND, "not bound"), ("with a typed-in number", TYPED, "number")]
    {
        let text = format!("{claim}[[sections]]\nid = \"s\"\ntitle = \"S\"\n");
        let refused = check(&Source::Shipped("aertous"), &complete(&text), date!(2026 - 01 - 01));
        if refused.profile.is_some() || !refused.errors.iter().any(|flaw| flaw.message.contains(complaint)) {
            return Seen::Failing(format!("A claim {what} was not refused."));
        }
    }
    let hollow = instance
        .profile
        .claims
        .iter()
        .find(|claim| matches!(&claim.binding, Binding::Checks { checks, .. } if checks.is_empty()));
    if let Some(claim) = hollow {
        return Seen::Failing(format!("{} names a control and none of its checks.", claim.id));
    }
    Seen::Upheld(format!(
        "A claim without a binding and one with a typed-in number were refused; all {} served claims are bound.",
        instance.profile.claims.len()
    ))
}

/// The probe's claim in an otherwise complete profile: the tables of a shipped one without its claims.
fn complete(claims: &str) -> String {
    let shipped = Source::Shipped("aertous").text().unwrap_or_default();
    let without = shipped.split("[[sections]]").next().unwrap_or_default().to_owned();
    without + claims
}

/// What the served page lists under a `data-` attribute, sorted.
async fn listed(instance: &Instance, attribute: &str) -> Result<Vec<String>, ProbeError> {
    let answer = Probe::connect(&instance.serving).await?.get("/trust").await?;
    let page = String::from_utf8_lossy(&answer.body).into_owned();
    let start = format!("{attribute}=\"");
    let values = page.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    let mut found: Vec<String> = values.map(str::to_owned).collect();
    found.sort();
    Ok(found)
}

/// The page against the records, both ways. The records are read here anew, not through what draws the page.
pub async fn certifications(instance: &Instance) -> Result<Seen, LookError> {
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    let today = instance.clock.now().date();
    let records = facts.records.values().flatten().filter(|record| record.dated <= today);
    let certificates = records.filter_map(|record| record.certifies.as_ref());
    let valid = certificates.filter(|(_, expires)| expires.is_some_and(|last| last >= today));
    let mut held: Vec<String> = valid.map(|(name, _)| escaped(name)).collect();
    held.sort();
    held.dedup();
    let shown = listed(instance, "data-certification").await?;
    Ok(if shown == held {
        Seen::Upheld(format!("Held, by unexpired certificates on record, and shown: {}.", list(&held)))
    } else {
        Seen::Failing(format!("The page shows {} and the records hold {}.", list(&shown), list(&held)))
    })
}

/// As an attribute's value stands in the page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The page against the catalogues: those that load again, and no other.
pub async fn frameworks(instance: &Instance) -> Result<Seen, LookError> {
    let mut loaded = Vec::new();
    for framework in &instance.profile.frameworks {
        match frameworks::load(&framework.id) {
            Some(again) if again == *framework && !again.requirements.is_empty() => loaded.push(again.id),
            Some(_) | None => {
                return Ok(Seen::Failing(format!(
                    "The catalogue \"{}\" does not load as it is served.",
                    framework.name
                )));
            }
        }
    }
    loaded.sort();
    let shown = listed(instance, "data-framework").await?;
    Ok(if shown == loaded {
        let names = instance.profile.frameworks.iter().map(|framework| framework.name.as_str());
        Seen::Upheld(format!("Catalogues loaded, and shown: {}.", list(names)))
    } else {
        Seen::Failing(format!("The page shows {} and {} load.", list(&shown), list(&loaded)))
    })
}

pub async fn tuneable(instance: &Instance) -> Result<Seen, LookError> {
    let now = instance.clock.now();
    for check in Check::ALL.iter().filter(|check| check.mandatory()) {
        match switch::off(&instance.operator, *check, "probe", now).await {
            Err(switch::SwitchError::Mandatory(_)) => {}
            Ok(()) | Err(switch::SwitchError::NoReason) => {
                return Ok(Seen::Failing(format!("{} is mandatory and could be switched off.", check.path())));
            }
            Err(switch::SwitchError::Database(error)) => return Err(error.into()),
        }
    }
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    let on_record = audit::switched_off(&instance.operator).await?;
    if !facts.switched_off.keys().map(|check| check.path()).eq(on_record.iter().cloned()) {
        return Ok(Seen::Failing("What is switched off differs from what the log says was switched off.".into()));
    }
    let off = list(facts.switched_off.keys().map(|check| check.path()));
    let mandatory = Check::ALL.iter().filter(|check| check.mandatory()).count();
    Ok(Seen::Upheld(format!(
        "{mandatory} checks have no switch, {} has one. Switched off now: {off}.",
        list(Check::ALL.iter().filter(|check| !check.mandatory()).map(|check| check.path()))
    )))
}

pub async fn unbroken_history(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let visitor = instance.operator.visitor();
    let entries = match history::verify(&visitor, &instance.profile.id).await? {
        Ok(entries) => entries,
        Err(at) => return Ok(Seen::Failing(format!("The public history is broken at entry {at}."))),
    };
    // A state that changes by the clock alone is written down within a second; give it that second.
    for last_look in [false, true] {
        let facts = Facts::read(&visitor, &instance.profile.id).await?;
        let board = Board::draw(&instance.profile, &facts, instance.clock.now());
        let behind =
            board.claims.iter().find(|told| facts.newest.get(&told.id).is_none_or(|change| change.to != told.state));
        match behind {
            None => {
                return Ok(Seen::Upheld(format!(
                    "All {entries} entries of the public history hold, and the newest name the present states."
                )));
            }
            Some(told) if last_look => {
                return Ok(Seen::Failing(format!(
                    "The public history does not name the present state of {}.",
                    told.id
                )));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(1500)).await,
        }
    }
    Ok(Seen::Failing("The public history could not be compared.".into()))
}
