//! Everything that the page shows, at one instant: each claim with its state, and the counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::claim::{Kind, State};
use time::{Date, OffsetDateTime};

use super::facts::Facts;
use super::state::decide;
use crate::controls::Check;
use crate::profile::figures::list;
use crate::profile::sentence::Part;
use crate::profile::{Binding, Claim, Profile};

/// One claim, as it may be told at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub id: String,
    pub section: String,
    pub sentence: Vec<Part>,
    /// The sentence as plain text.
    pub text: String,
    pub kind: Kind,
    pub control: Option<String>,
    pub checks: Vec<Check>,
    /// Whether nobody can switch off what it rests on; facts and evidence have no switch.
    pub mandatory: bool,
    pub state: State,
    pub since: OffsetDateTime,
    pub checked_at: Option<OffsetDateTime>,
    pub due_at: Option<OffsetDateTime>,
    pub finding: String,
}

/// A claim that has left the profile; its note stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub id: String,
    pub kind: Kind,
    pub sentence: String,
    pub reason: String,
    pub at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Board {
    pub profile: Arc<Profile>,
    pub at: OffsetDateTime,
    pub claims: Vec<Told>,
    pub gone: Vec<Gone>,
    pub certifications: Vec<(String, Option<Date>)>,
}

impl Board {
    /// Decides every claim at `now`.
    pub fn draw(profile: &Arc<Profile>, facts: &Facts, now: OffsetDateTime) -> Self {
        let certifications = facts.certifications(now.date());
        let claims = profile.claims.iter().map(|claim| tell(claim, facts, &certifications, now)).collect();
        let gone = facts
            .newest
            .values()
            .filter(|change| change.to == State::Withdrawn && profile.claim(&change.claim).is_none())
            .map(|change| Gone {
                id: change.claim.clone(),
                kind: change.kind,
                sentence: change.sentence.clone(),
                reason: change.reason.clone(),
                at: change.at,
            })
            .collect();
        Self { profile: Arc::clone(profile), at: now, claims, gone, certifications }
    }

    pub fn claim(&self, id: &str) -> Option<&Told> {
        self.claims.iter().find(|told| told.id == id)
    }

    /// How many claims are in each state; every state has its number.
    pub fn summary(&self) -> BTreeMap<State, usize> {
        let mut counts: BTreeMap<State, usize> = State::ALL.into_iter().map(|state| (state, 0)).collect();
        let states = self.claims.iter().map(|told| told.state).chain(self.gone.iter().map(|_| State::Withdrawn));
        for state in states {
            *counts.entry(state).or_default() += 1;
        }
        counts
    }

    /// Whether a reader would see the same: everything but the instant of drawing.
    pub fn same_as(&self, other: &Self) -> bool {
        self.claims == other.claims && self.gone == other.gone && self.certifications == other.certifications
    }
}

fn tell(claim: &Claim, facts: &Facts, certifications: &[(String, Option<Date>)], now: OffsetDateTime) -> Told {
    let verdict = decide(claim, facts, now);
    let sentence = fill(claim, facts, certifications);
    let noticed = facts.newest.get(&claim.id).filter(|change| change.to == verdict.state).map(|change| change.since);
    let since = verdict.began.or(noticed).unwrap_or(now);
    let (control, checks, mandatory) = match &claim.binding {
        Binding::Checks { control, checks } => {
            (Some((*control).to_owned()), checks.clone(), checks.iter().all(|check| check.mandatory()))
        }
        Binding::Coming { control, .. } => (Some(control.clone()), Vec::new(), true),
        Binding::Evidence { .. } | Binding::Milestone { .. } | Binding::Published { .. } => (None, Vec::new(), true),
    };
    Told {
        id: claim.id.clone(),
        section: claim.section.clone(),
        text: plain(&sentence),
        sentence,
        kind: claim.binding.kind(),
        control,
        checks,
        mandatory,
        state: verdict.state,
        since,
        checked_at: verdict.checked_at,
        due_at: verdict.due_at,
        finding: verdict.finding,
    }
}

/// Puts what is only known now into the sentence.
fn fill(claim: &Claim, facts: &Facts, certifications: &[(String, Option<Date>)]) -> Vec<Part> {
    let recorded = || {
        let declared = match &claim.binding {
            Binding::Evidence { recorded, .. } => *recorded,
            Binding::Checks { .. } | Binding::Coming { .. } | Binding::Milestone { .. } | Binding::Published { .. } => {
                None
            }
        };
        let records = facts.records.get(&claim.id).map(Vec::as_slice).unwrap_or_default();
        let newest = records.iter().map(|record| record.dated).chain(declared).max();
        newest.map_or_else(|| "no record yet".to_owned(), |date| format!("{} {}", date.month(), date.year()))
    };
    let figure = |name: &str, said: String| Part::Figure { name: name.to_owned(), said, href: None };
    claim
        .sentence
        .iter()
        .map(|part| match part {
            Part::Words(_) | Part::Figure { .. } => part.clone(),
            Part::Recorded => figure("recorded", recorded()),
            Part::CertificationsHeld => {
                figure("certifications.held", list(certifications.iter().map(|(name, _)| name.as_str())))
            }
        })
        .collect()
}

fn plain(sentence: &[Part]) -> String {
    sentence
        .iter()
        .map(|part| match part {
            Part::Words(text) => text.as_str(),
            Part::Figure { said, .. } => said.as_str(),
            Part::Recorded | Part::CertificationsHeld => "",
        })
        .collect()
}
