//! One claim: what it is bound to, what was checked and when, and its history.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contract::claim::{Kind, State};
use contract::problem::Problem;
use contract::text::is_claim_id;
use leptos::prelude::*;
use server::clock::rfc3339;
use server::controls::{Check, FRESH_INTERVALS, Seen};
use server::profile::sentence::Part;
use server::profile::{Binding, Claim, figures};
use server::trust::recorded::holds_until;
use server::trust::{Change, Facts, Told, history};

use super::history::entries;
use super::parts::{mark, sentence, signs};
use crate::http::respond;
use crate::http::{Site, failure};
use crate::ui::layout::{Head, document};
use crate::ui::words::short_moment;

/// How many findings of each check are shown.
const FINDINGS: usize = 10;

pub async fn show(Shared(site): Shared<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let now = site.current().await;
    let style = site.assets.style();
    if !is_claim_id(&id) {
        return failure::answer(&Problem::NotFound, &headers, style);
    }
    let changes = match history::newest(&site.visitor, &site.profile.id, Some(&id), None).await {
        Ok(changes) => changes,
        Err(cause) => return failure::answer(&server::problem::internal(&cause), &headers, style),
    };
    let canonical = format!("{}/trust/claims/{id}", site.settings.serving.public_url);
    match (site.profile.claim(&id), now.board.claim(&id), changes.first()) {
        (Some(claim), Some(told), _) => {
            let title = format!("{id}: {} · {}", told.state.word(), site.profile.name);
            let head = Head {
                title: &title,
                description: Some(&told.text),
                canonical: Some(&canonical),
                style,
                script: None,
                again: false,
            };
            respond::html(StatusCode::OK, document(&head, body(claim, told, &now.facts, &changes, &site.profile.name)))
        }
        (_, _, Some(last)) => {
            let title = format!("{id}: withdrawn · {}", site.profile.name);
            let head = Head {
                title: &title,
                description: Some(&last.sentence),
                canonical: Some(&canonical),
                style,
                script: None,
                again: false,
            };
            respond::html(StatusCode::OK, document(&head, withdrawn(last, &changes, &site.profile.name)))
        }
        (_, _, None) => failure::answer(&Problem::NotFound, &headers, style),
    }
}

fn crumbs(name: &str, id: &str) -> impl IntoView + use<> {
    view! {
        <nav class="crumbs" aria-label="Where you are">
            <a class="link" href="/trust">{name.to_owned()}" trust page"</a>" / "<span aria-current="page">{id.to_owned()}</span>
        </nav>
    }
}

fn body(claim: &Claim, told: &Told, facts: &Facts, changes: &[Change], name: &str) -> impl IntoView + use<> {
    view! {
        {signs()}
        <main id="main" class="single" data-claim=told.id.clone() data-state=told.state.word() data-kind=told.kind.word()>
            {crumbs(name, &told.id)}
            <p>{mark(told.state)}</p>
            <h1>{sentence(&told.sentence)}</h1>
            <p class="finding">{told.finding.clone()}</p>
            <dl class="facts">
                <dt>"State"</dt><dd>{told.state.word()}{by_evidence(told)}", since "<time datetime=rfc3339(told.since)>{short_moment(told.since)}</time><br/><span class="small">{told.state.meaning()}</span></dd>
                <dt>"Kind"</dt><dd>{told.kind.word()}</dd>
                {told.due_at.map(|due| view! { <dt>"Due"</dt><dd><time datetime=rfc3339(due)>{due.date().to_string()}</time></dd> })}
                {binding(&claim.binding)}
                {bound_figures(&told.sentence)}
            </dl>
            {checks(&told.checks, facts)}
            {records(&told.id, &claim.binding, facts)}
            <section aria-labelledby="h-history"><h2 id="h-history">"History"</h2>{entries(changes, false)}</section>
        </main>
    }
}

/// Of which day the evidence is: it shows what was so then.
fn by_evidence(told: &Told) -> Option<String> {
    let at = told.checked_at.filter(|_| told.kind == Kind::Evidenced && told.state == State::Proven)?;
    Some(format!(" by evidence of {}", at.date()))
}

fn binding(binding: &Binding) -> impl IntoView + use<> {
    match binding {
        Binding::Checks { control, checks } => {
            let mandatory = checks.iter().all(|check| check.mandatory());
            view! { <dt>"Bound to"</dt><dd>"the control "<code>{*control}</code>", "{if mandatory { "which nobody can switch off" } else { "which an operator may switch off; that would show here" }}</dd> }.into_any()
        }
        Binding::Coming { control, checks, why } => {
            let path = std::iter::once(control.as_str())
                .chain(checks.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(" / ");
            view! { <dt>"Bound to"</dt><dd>"the control "<code>{path}</code>". "{*why}" Until it is, the claim is unproven."</dd> }.into_any()
        }
        Binding::Evidence { owner, cadence_days, record, .. } => view! {
            <dt>"Bound to"</dt><dd>"dated evidence, "{figures::every_days(cadence_days.get().into())}</dd>
            <dt>"Owner"</dt><dd>{owner.clone()}</dd>
            <dt>"A record holds"</dt><dd>{record.clone()}</dd>
        }
        .into_any(),
        Binding::Milestone { owner, date, record } => view! {
            <dt>"Bound to"</dt><dd>"a milestone on "{date.to_string()}</dd>
            <dt>"Owner"</dt><dd>{owner.clone()}</dd>
            <dt>"The record holds"</dt><dd>{record.clone()}</dd>
        }
        .into_any(),
        Binding::Published { confirmed } => {
            view! { <dt>"Bound to"</dt><dd>"a published fact, last confirmed on "{confirmed.to_string()}</dd> }
                .into_any()
        }
    }
}

/// Where the sentence's figures come from.
fn bound_figures(parts: &[Part]) -> impl IntoView + use<> {
    let named: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Figure { name, said, .. } => Some(view! { <li><code>{name.clone()}</code>" = "{said.clone()}</li> }),
            Part::Words(_) | Part::Recorded | Part::CertificationsHeld => None,
        })
        .collect();
    (!named.is_empty()).then(|| view! { <dt>"Figures in it"</dt><dd><ul class="plain">{named}</ul></dd> })
}

fn checks(checks: &[Check], facts: &Facts) -> impl IntoView + use<> {
    let one = |check: &Check| {
        let about = check.about();
        let findings = facts.findings.get(check).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<_> = findings
            .iter()
            .take(FINDINGS)
            .map(|finding| {
                let (state, said) = match &finding.seen {
                    Seen::Upheld(said) => (State::Proven, said),
                    Seen::Failing(said) => (State::Failing, said),
                    Seen::Unavailable(said) => (State::Unavailable, said),
                };
                view! {
                    <tr>
                        <th scope="row"><time datetime=rfc3339(finding.at)>{short_moment(finding.at)}</time></th>
                        <td>{mark(state)}</td><td>{said.clone()}</td><td class="number">{finding.took_ms}" ms"</td>
                    </tr>
                }
            })
            .collect();
        let minutes = about.every.as_secs() / 60;
        let every = if minutes == 1 { "every minute".to_owned() } else { format!("every {minutes} minutes") };
        let limit = minutes * u64::from(FRESH_INTERVALS);
        view! {
            <section aria-label=check.path()>
                <h3><code>{check.path()}</code></h3>
                <p>{about.what}</p>
                <p class="small">{format!("Looked at {every}; a finding older than {limit} minutes no longer proves anything.")}</p>
                <section class="scroll" tabindex="0" aria-label=format!("Findings of {}", check.path())><table class="table">
                    <thead><tr><th scope="col">"When"</th><th scope="col">"Outcome"</th><th scope="col">"What was seen"</th><th scope="col" class="number">"Took"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table></section>
            </section>
        }
    };
    (!checks.is_empty()).then(|| view! { <section aria-labelledby="h-checks"><h2 id="h-checks">"What is checked"</h2>{checks.iter().map(one).collect_view()}</section> })
}

fn records(id: &str, binding: &Binding, facts: &Facts) -> impl IntoView + use<> {
    let records = facts.records.get(id).map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> = records
        .iter()
        .map(|record| {
            let certifies = record.certifies.as_ref().map(|(name, expires)| match expires {
                Some(expires) => format!("{name}, until {expires}"),
                None => name.clone(),
            });
            view! {
                <tr>
                    <th scope="row">{record.dated.to_string()}</th>
                    <td><time datetime=rfc3339(record.recorded_at)>{short_moment(record.recorded_at)}</time></td>
                    <td>{holds_until(binding, record.dated).map(|date| date.to_string())}</td>
                    <td>{certifies}</td>
                    <td class="hash">{record.file_sha256.clone().unwrap_or_else(|| "no file".into())}</td>
                </tr>
            }
        })
        .collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section aria-labelledby="h-records">
                <h2 id="h-records">"On record"</h2>
                <p class="small">"What a record says is kept sealed; its date and its file's SHA-256 are public."</p>
                <section class="scroll" tabindex="0" aria-label="Table of records"><table class="table">
                    <thead><tr><th scope="col">"Dated"</th><th scope="col">"Recorded"</th><th scope="col">"Holds until"</th><th scope="col">"Certifies"</th><th scope="col">"File (SHA-256)"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table></section>
            </section>
        }
    })
}

/// A claim that the profile no longer has.
fn withdrawn(last: &Change, changes: &[Change], name: &str) -> impl IntoView + use<> {
    view! {
        {signs()}
        <main id="main" class="single" data-claim=last.claim.clone() data-state=last.to.word()>
            {crumbs(name, &last.claim)}
            <p>{mark(last.to)}</p>
            <h1><s>{last.sentence.clone()}</s></h1>
            <p class="finding">{last.reason.clone()}</p>
            <section aria-labelledby="h-history"><h2 id="h-history">"History"</h2>{entries(changes, false)}</section>
        </main>
    }
}
