//! Claims: each with one binding, in a section that exists, in a sentence without a typed-in number.

use std::collections::BTreeSet;

use contract::text::is_claim_id;
use time::Date;
use toml::Spanned;

use super::check::not_after;
use super::figures::Figures;
use super::format::{self, Tables};
use super::place::{Flaws, did_you_mean};
use super::sentence::{self, Own};
use super::{Binding, Claim};
use crate::controls::{self, Check};

/// Ten years.
const MOST_CADENCE_DAYS: u32 = 3660;

pub(super) fn claims(tables: &Tables, figures: &Figures, today: Date, flaws: &mut Flaws<'_>) -> Vec<Claim> {
    let sections: Vec<&str> = tables.sections.iter().map(|section| section.id.get_ref().as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut claims = Vec::new();
    for written in &tables.claims {
        let id = written.id.get_ref();
        if !is_claim_id(id) {
            flaws.error(written.id.span(), "a claim's id is 1 to 32 letters, digits and hyphens");
        }
        if !seen.insert(id) {
            flaws.error(written.id.span(), format!("the claim id \"{id}\" is used twice"));
        }
        let section = written.section.get_ref();
        if !sections.contains(&section.as_str()) {
            flaws.error(
                written.section.span(),
                format!("there is no section \"{section}\"{}", did_you_mean(section, sections.iter().copied())),
            );
        }
        let own = Own {
            cadence_days: written.evidence.as_ref().map(|evidence| evidence.cadence_days.get()),
            milestone: written.milestone.as_ref().map(|milestone| milestone.date.0),
        };
        bounds(written, flaws);
        cadence(tables, written, flaws);
        let sentence = sentence::parse(&written.text, own, figures, flaws);
        let withdrawn = written.withdrawn.as_ref().map(|withdrawn| {
            not_after(withdrawn.date.get_ref().0, today, withdrawn.date.span(), flaws);
            (withdrawn.date.get_ref().0, withdrawn.reason.clone())
        });
        if let Some(binding) = binding(written, today, flaws) {
            claims.push(Claim { id: id.clone(), section: section.clone(), sentence, binding, withdrawn });
        }
    }
    if claims.is_empty() && flaws.errors.is_empty() {
        flaws.error(0..0, "the profile has no claims: there is nothing to publish");
    }
    claims
}

/// What is further off than anybody plans is a slip of the pen.
fn bounds(claim: &format::Claim, flaws: &mut Flaws<'_>) {
    if claim.evidence.as_ref().is_some_and(|evidence| evidence.cadence_days.get() > MOST_CADENCE_DAYS) {
        flaws.error(
            claim.id.span(),
            format!("the evidence of \"{}\" has a cadence above {MOST_CADENCE_DAYS} days", claim.id.get_ref()),
        );
    }
    if claim.milestone.as_ref().is_some_and(|milestone| !(2000..=2200).contains(&milestone.date.0.year())) {
        flaws.error(
            claim.id.span(),
            format!("the milestone of \"{}\" is not between the years 2000 and 2200", claim.id.get_ref()),
        );
    }
}

/// A claim that access is reviewed needs the number of days between two reviews: without one it could never be overdue.
fn cadence(tables: &Tables, claim: &format::Claim, flaws: &mut Flaws<'_>) {
    let Some(control) = claim.control.as_ref().filter(|control| control.get_ref() == "access-review") else { return };
    let reviews = tables.reviews.clone().unwrap_or_default();
    let checks = claim.checks.as_ref().map(|checks| checks.get_ref().as_slice());
    let looks_at = |check: &str| checks.is_none_or(|checks| checks.iter().any(|name| name.get_ref() == check));
    for (check, days, name) in
        [("on-time", reviews.access_days, "access_days"), ("operators", reviews.operator_days, "operator_days")]
    {
        if looks_at(check) && days.is_none() {
            flaws.error(
                control.span(),
                format!("\"{}\" needs {name} in [reviews]: a review without a time is never due", claim.id.get_ref()),
            );
        }
    }
}

fn binding(claim: &format::Claim, today: Date, flaws: &mut Flaws<'_>) -> Option<Binding> {
    let format::Claim { id, control, checks, evidence, milestone, confirmed, .. } = claim;
    if let (Some(checks), None) = (checks, control) {
        flaws.error(checks.span(), "checks belong to a control; name it with control = \"…\"");
    }
    let bound = [control.is_some(), evidence.is_some(), milestone.is_some(), confirmed.is_some()];
    match bound.into_iter().filter(|there| *there).count() {
        1 => {}
        0 => {
            flaws.error(id.span(), format!("the claim \"{}\" is not bound to anything and is not published; give it control, evidence, milestone or confirmed", id.get_ref()));
            return None;
        }
        _ => {
            flaws.error(id.span(), format!("the claim \"{}\" has more than one binding; choose one of control, evidence, milestone and confirmed", id.get_ref()));
            return None;
        }
    }
    if let Some(control) = control {
        return bind_control(control, checks.as_ref(), flaws);
    }
    if let Some(format::Evidence { owner, cadence_days, record, requires, recorded }) = evidence {
        if let Some(recorded) = recorded {
            not_after(recorded.get_ref().0, today, recorded.span(), flaws);
        }
        return Some(Binding::Evidence {
            owner: owner.clone(),
            cadence_days: *cadence_days,
            record: record.clone(),
            requires: requires.clone(),
            recorded: recorded.as_ref().map(|day| day.get_ref().0),
        });
    }
    if let Some(format::Milestone { owner, date, record }) = milestone {
        return Some(Binding::Milestone { owner: owner.clone(), date: date.0, record: record.clone() });
    }
    confirmed.as_ref().map(|day| {
        not_after(day.get_ref().0, today, day.span(), flaws);
        Binding::Published { confirmed: day.get_ref().0 }
    })
}

fn bind_control(
    control: &Spanned<String>,
    checks: Option<&Spanned<Vec<Spanned<String>>>>,
    flaws: &mut Flaws<'_>,
) -> Option<Binding> {
    let name = control.get_ref().as_str();
    let named: Vec<&Spanned<String>> = checks.map(|checks| checks.get_ref().iter().collect()).unwrap_or_default();
    let coming = |checks: &[&Spanned<String>], why| Binding::Coming {
        control: name.to_owned(),
        checks: checks.iter().map(|check| check.get_ref().clone()).collect(),
        why,
    };
    if let Some(why) = controls::coming(name, None) {
        return Some(coming(&named, why));
    }
    let Some(known) = controls::find(name) else {
        let near = did_you_mean(name, controls::names());
        flaws.error(control.span(), format!("there is no control \"{name}\"{near}"));
        return None;
    };
    if let Some(empty) = checks.filter(|checks| checks.get_ref().is_empty()) {
        flaws.error(
            empty.span(),
            "an empty list of checks proves nothing; leave it out to bind all of the control's checks",
        );
        return None;
    }
    let mut found: Vec<Check> = Vec::new();
    let mut still_to_come = None;
    for check in &named {
        let wanted = check.get_ref().as_str();
        if let Some(why) = controls::coming(name, Some(wanted)) {
            still_to_come = Some(why);
        } else if let Some(check) = Check::find(name, wanted) {
            found.push(check);
        } else {
            let near = did_you_mean(wanted, known.checks().map(Check::name));
            flaws.error(check.span(), format!("the control \"{name}\" has no check \"{wanted}\"{near}"));
            return None;
        }
    }
    if let Some(why) = still_to_come {
        return Some(coming(&named, why));
    }
    let checks = if found.is_empty() { known.checks().collect() } else { found };
    Some(Binding::Checks { control: known.id, checks })
}
