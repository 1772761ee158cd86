//! The trust page: who this is, how much holds right now, what does not, then every claim.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use contract::claim::{Kind, State};
use leptos::prelude::*;
use server::clock::rfc3339;
use server::trust::{Board, Told};

use super::filter::Filter;
use super::parts::{mark, row, sentence, signs};
use super::{picture, tables};
use crate::http::assets::Assets;
use crate::http::respond::{self, Rendered};
use crate::http::{Settings, Site, failure, pairs};
use crate::ui::layout::{Head, document};
use crate::ui::words::{count, moment};

/// The page as it is kept in memory; with a query, drawn for the occasion.
pub async fn show(Shared(site): Shared<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let now = site.current().await;
    let Some(query) = uri.query() else { return now.trust.answer(&headers) };
    let filter = match pairs::of_query(query, uri.path()) {
        Ok(pairs) => Filter::of(&pairs),
        Err(problem) => return failure::answer(&problem, &headers, site.assets.style()),
    };
    respond::html(StatusCode::OK, page(&now.board, &filter, &site.settings, &site.assets))
}

pub fn rendered(board: &Board, settings: &Settings, assets: &Assets) -> Rendered {
    Rendered::page(page(board, &Filter::default(), settings, assets))
}

/// The whole document.
pub fn page(board: &Board, filter: &Filter, settings: &Settings, assets: &Assets) -> String {
    let title = format!("{}: security promises and their proof", board.profile.name);
    let canonical = format!("{}/trust", settings.serving.public_url);
    let description = format!(
        "{} Each promise is bound to a check of the running system or to dated evidence: {}.",
        board.profile.line,
        picture::in_words(&board.summary())
    );
    let head = Head {
        title: &title,
        description: Some(&description),
        canonical: Some(&canonical),
        style: assets.style(),
        script: None,
        again: false,
    };
    document(&head, body(board, filter))
}

/// Everything below the head.
pub fn body(board: &Board, filter: &Filter) -> impl IntoView + use<> {
    let everything = filter.selects_all();
    view! {
        {signs()}
        {masthead(board)}
        <div class="columns">
            {contents(board)}
            <main id="main">
                {everything.then(|| failing(board))}
                {search(filter)}
                {if everything { sections(board).into_any() } else { found(board, filter).into_any() }}
                {everything.then(|| rest(board))}
            </main>
        </div>
        {footer(board)}
    }
}

/// The signs that a page with states needs.
pub fn emblem() -> impl IntoView + use<> {
    signs()
}

/// The picture alone, for the front door.
pub fn glance(board: &Board) -> impl IntoView + use<> {
    let summary = board.summary();
    view! {
        <section class="holds" aria-labelledby="h-holds">
            <h2 id="h-holds">"How much holds right now"</h2>
            {picture::bar(&summary)}
            <ul class="legend">{picture::legend(&summary)}</ul>
        </section>
    }
}

fn masthead(board: &Board) -> impl IntoView + use<> {
    let profile = &board.profile;
    let summary = board.summary();
    let total: usize = summary.values().sum();
    view! {
        <header class="masthead">
            <p class="kicker">"Trust page"</p>
            <h1>{profile.name.clone()}</h1>
            <p class="line">{profile.line.clone()}</p>
            <div class="holds">
                <h2>"How much holds right now"</h2>
                {picture::bar(&summary)}
                <ul class="legend">{picture::legend(&summary)}</ul>
                <p class="small">
                    {count(total, "claim")}" · computed by the running system, "
                    <time datetime=rfc3339(board.at)>{moment(board.at)}</time>
                    " · "<a class="link" href="/trust/history">"every change"</a>" · "<a class="link" href="/trust.json">"as JSON"</a>
                </p>
            </div>
        </header>
    }
}

fn contents(board: &Board) -> impl IntoView + use<> {
    let sections: Vec<_> = board
        .profile
        .sections
        .iter()
        .map(|section| view! { <li><a href=format!("#{}", section.id)>{section.title.clone()}</a></li> })
        .collect();
    view! {
        <nav class="toc" aria-label="Sections">
            <ul>
                {sections}
                {on_their_own(board).map(|table| view! { <li><a href=format!("#{}", table.id())>{table.title()}</a></li> }).collect_view()}
            </ul>
        </nav>
    }
}

/// What is failing, and since when, before anything else.
fn failing(board: &Board) -> impl IntoView + use<> {
    let failing: Vec<&Told> = board.claims.iter().filter(|told| told.state == State::Failing).collect();
    let rows: Vec<_> = failing
        .iter()
        .map(|told| {
            view! {
                <li>
                    <a href=format!("#{}", told.id)>{told.id.clone()}</a>
                    <p>{sentence(&told.sentence)}<span class="finding">{told.finding.clone()}</span></p>
                    <p class="small">"since "<time datetime=rfc3339(told.since)>{told.since.date().to_string()}</time></p>
                </li>
            }
        })
        .collect();
    if rows.is_empty() {
        return view! { <section class="failing none" aria-labelledby="h-failing"><h2 id="h-failing">"Nothing is failing"</h2></section> }.into_any();
    }
    view! {
        <section class="failing" aria-labelledby="h-failing">
            <h2 id="h-failing">{format!("Failing now: {}", failing.len())}</h2>
            <ul>{rows}</ul>
        </section>
    }
    .into_any()
}

fn search(filter: &Filter) -> impl IntoView + use<> {
    let states: Vec<_> = State::ALL
        .into_iter()
        .map(|state| view! { <option value=state.word() selected=filter.state == Some(state)>{state.word()}</option> })
        .collect();
    let kinds: Vec<_> = Kind::ALL
        .into_iter()
        .map(|kind| view! { <option value=kind.word() selected=filter.kind == Some(kind)>{kind.word()}</option> })
        .collect();
    view! {
        <form class="search" method="get" action="/trust" role="search">
            <label>"Words"<input class="input" type="search" name="q" value=filter.words.clone() maxlength="100"/></label>
            <label>"State"<select class="select" name="state"><option value="">"any"</option>{states}</select></label>
            <label>"Kind"<select class="select" name="kind"><option value="">"any"</option>{kinds}</select></label>
            <button class="btn btn-primary" type="submit">"Show"</button>
            {(!filter.selects_all()).then(|| view! { <a class="btn" href="/trust">"Show all"</a> })}
        </form>
    }
}

fn sections(board: &Board) -> impl IntoView + use<> {
    board
        .profile
        .sections
        .iter()
        .map(|section| {
            let rows: Vec<_> = board.claims.iter().filter(|told| told.section == section.id).map(row).collect();
            let heading = format!("h-{}", section.id);
            view! {
                <section id=section.id.clone() aria-labelledby=heading.clone()>
                    <h2 id=heading.clone()>{section.title.clone()}</h2>
                    {section.line.clone().map(|line| view! { <p class="lead">{line}</p> })}
                    <ul class="claims">{rows}</ul>
                    {Table::of(&section.id).map(|table| table.show(board))}
                </section>
            }
        })
        .collect_view()
}

/// What stands beside the claims, for looking up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Certifications,
    SubProcessors,
    Documents,
}

impl Table {
    const ALL: [Self; 3] = [Self::Certifications, Self::SubProcessors, Self::Documents];

    const fn id(self) -> &'static str {
        match self {
            Self::Certifications => "certifications",
            Self::SubProcessors => "sub-processors",
            Self::Documents => "documents",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Certifications => "Certifications and milestones",
            Self::SubProcessors => "Sub-processors",
            Self::Documents => "Documents and contact",
        }
    }

    /// The table that belongs into a section of the profile.
    fn of(section: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.id() == section)
    }

    fn show(self, board: &Board) -> AnyView {
        match self {
            Self::Certifications => (tables::certifications(board), tables::frameworks(board)).into_any(),
            Self::SubProcessors => tables::sub_processors(board).into_any(),
            Self::Documents => documents(board).into_any(),
        }
    }
}

/// The tables for which the profile has no section.
fn on_their_own(board: &Board) -> impl Iterator<Item = Table> {
    Table::ALL.into_iter().filter(|table| !board.profile.sections.iter().any(|section| section.id == table.id()))
}

fn found(board: &Board, filter: &Filter) -> impl IntoView + use<> {
    let found: Vec<_> = board.claims.iter().filter(|told| filter.takes(told)).map(row).collect();
    let number = found.len();
    let none = (number == 0).then(|| view! { <p class="lead">"Nothing fits. Try fewer words, or another state."</p> });
    let withdrawn = filter.state == Some(State::Withdrawn);
    view! {
        <section aria-labelledby="h-found">
            <h2 id="h-found">{count(number, "claim")}" found"</h2>
            {none}
            <ul class="claims">{found}</ul>
        </section>
        {withdrawn.then(|| gone(board))}
    }
}

/// Claims that have left the profile: their note stays.
fn gone(board: &Board) -> impl IntoView + use<> {
    let rows: Vec<_> = board
        .gone
        .iter()
        .map(|gone| {
            view! {
                <li id=gone.id.clone() class="claim" data-claim=gone.id.clone() data-state="withdrawn" data-kind=gone.kind.word()>
                    {mark(State::Withdrawn)}
                    <div>
                        <p class="says"><s>{gone.sentence.clone()}</s></p>
                        <p class="finding">{gone.reason.clone()}</p>
                        <p class="small"><span>{gone.id.clone()}</span><span>"withdrawn "<time datetime=rfc3339(gone.at)>{gone.at.date().to_string()}</time></span></p>
                    </div>
                </li>
            }
        })
        .collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section id="withdrawn" aria-labelledby="h-withdrawn">
                <h2 id="h-withdrawn">"No longer promised"</h2>
                <ul class="claims">{rows}</ul>
            </section>
        }
    })
}

fn rest(board: &Board) -> impl IntoView + use<> {
    let tables: Vec<_> = on_their_own(board)
        .map(|table| {
            let heading = format!("h-{}", table.id());
            view! {
                <section id=table.id() aria-labelledby=heading.clone()>
                    <h2 id=heading.clone()>{table.title()}</h2>
                    {table.show(board)}
                </section>
            }
        })
        .collect();
    view! {
        {gone(board)}
        {tables}
        <p class="notice" id="precedence">"Where this page and a signed contract differ, the contract governs."</p>
    }
}

fn documents(board: &Board) -> impl IntoView + use<> {
    let profile = &board.profile;
    let links: Vec<_> = profile
        .links
        .iter()
        .map(|(title, url)| view! { <li><a class="link" href=url.clone()>{title.clone()}</a></li> })
        .collect();
    let contacts = &profile.contacts;
    let mail = |address: &String| {
        let subject = contacts
            .security_subject
            .as_ref()
            .filter(|_| *address == contacts.security)
            .map(|subject| format!("?subject={}", subject.replace(' ', "%20")))
            .unwrap_or_default();
        view! { <a class="link" href=format!("mailto:{address}{subject}")>{address.clone()}</a> }
    };
    view! {
            <div class="pair">
                <ul class="plain">
                    <li><a class="link" href="/privacy">"Privacy policy, with its earlier versions"</a></li>
                    <li><a class="link" href="/terms">"Terms of service"</a></li>
                    <li><a class="link" href="/.well-known/security.txt">"security.txt"</a></li>
                    {links}
                </ul>
                <ul class="plain">
                    <li>"Security: "{mail(&contacts.security)}</li>
                    {contacts.privacy.as_ref().map(|address| view! { <li>"Privacy: "{mail(address)}</li> })}
                    {contacts.general.clone().map(|url| view! { <li><a class="link" href=url>"Everything else"</a></li> })}
                </ul>
            </div>
    }
}

fn footer(board: &Board) -> impl IntoView + use<> {
    view! {
        <footer class="foot">
            <p>{board.profile.legal_entity.clone()}" · in force since "{board.profile.effective.to_string()}</p>
            <p><a class="link" href="/trust/feed.atom">"Feed of changes"</a>" · "<a class="link" href="/trust/badge.svg">"Badge"</a>" · "<a class="link" href="/keys">"Keys that verify what we sign"</a>" · Rendered by Avouch from what it enforces"</p>
        </footer>
    }
}
