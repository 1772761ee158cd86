//! The page tells what is: no claim without a binding, computed lists, no hidden switch, an unbroken history.

use std::time::Duration;

use time::macros::date;

use super::{Check, Instance, Seen};
use crate::frameworks;
use crate::profile::figures::list;
use crate::profile::{Binding, Source, check};
use crate::trust::{Board, Facts, history, switch};

/// Two claims that must not get past the profile's reader.
const UNBOUND: &str = "[[claims]]\nid = \"X1\"\nsection = \"s\"\ntext = \"We are secure.\"\n";
const TYPED: &str =
    "[[claims]]\nid = \"X1\"\nsection = \"s\"\ntext = \"Gone after 90 days.\"\nconfirmed = 2026-01-01\n";

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

pub async fn certifications(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    let now = instance.clock.now();
    let shown = Board::draw(&instance.profile, &facts, now).certifications;
    let held: Vec<_> = facts.records.values().flatten().filter_map(|record| record.certifies.as_ref()).collect();
    let unfounded = shown.iter().find(|(name, _)| {
        !held
            .iter()
            .any(|(certified, expires)| certified == name && expires.is_none_or(|expires| expires >= now.date()))
    });
    Ok(match unfounded {
        Some((name, _)) => Seen::Failing(format!("\"{name}\" is shown and no unexpired certificate is on record.")),
        None => Seen::Upheld(format!(
            "Held, by unexpired certificates on record: {}.",
            list(shown.iter().map(|(name, _)| name.as_str()))
        )),
    })
}

pub fn frameworks(instance: &Instance) -> Seen {
    let shown: Vec<&str> = instance.profile.frameworks.iter().map(|framework| framework.name.as_str()).collect();
    for framework in &instance.profile.frameworks {
        match frameworks::load(&framework.id) {
            Some(loaded) if loaded == *framework && !loaded.requirements.is_empty() => {}
            Some(_) | None => {
                return Seen::Failing(format!("\"{}\" is shown and its catalogue does not load.", framework.name));
            }
        }
    }
    Seen::Upheld(format!("Catalogues loaded: {}.", list(shown)))
}

pub async fn tuneable(instance: &Instance) -> Result<Seen, sea_orm::DbErr> {
    let now = instance.clock.now();
    for check in Check::ALL.iter().filter(|check| check.mandatory()) {
        match switch::off(&instance.operator, *check, "probe", now).await {
            Err(switch::SwitchError::Mandatory(_)) => {}
            Ok(()) | Err(switch::SwitchError::NoReason) => {
                return Ok(Seen::Failing(format!("{} is mandatory and could be switched off.", check.path())));
            }
            Err(switch::SwitchError::Database(error)) => return Err(error),
        }
    }
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
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
