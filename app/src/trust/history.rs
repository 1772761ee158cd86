//! Every change of state, newest first.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use contract::access::Page;
use contract::problem::Problem;
use leptos::prelude::*;
use server::clock::rfc3339;
use server::trust::{Change, history};

use super::parts::{mark, signs};
use crate::http::{Site, asked, failure, pairs, respond};
use crate::ui::layout::{Head, document};
use crate::ui::words::{count, short_moment};

pub async fn show(Shared(site): Shared<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let style = site.assets.style();
    let before = match before(&uri) {
        Ok(before) => before,
        Err(problem) => return failure::answer(&problem, &headers, style),
    };
    match history::newest(&site.visitor, &site.profile.id, None, before).await {
        Ok(changes) => {
            let title = format!("Every change · {}", site.profile.name);
            let canonical = format!("{}/trust/history", site.settings.serving.public_url);
            let head = Head {
                title: &title,
                description: Some("Every change of a claim's state, newest first, hash-chained."),
                canonical: Some(&canonical),
                style,
                script: None,
                again: false,
            };
            respond::html(StatusCode::OK, document(&head, body(&changes, &site.profile.name)))
        }
        Err(cause) => failure::answer(&server::problem::internal(&cause), &headers, style),
    }
}

/// The number of the entry before which the page begins.
fn before(uri: &Uri) -> Result<Option<i64>, Problem> {
    let pairs = pairs::of_query(uri.query().unwrap_or_default(), uri.path())?;
    let pairs = asked::of_address(Page::TrustHistory, uri.path(), pairs)?;
    let Some((name, text)) = pairs.into_iter().find(|(name, text)| name == "before" && !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| Problem::NotUnderstood {
        name,
        message: "this has to be the number of an entry; start from the newest".into(),
        instead: uri.path().to_owned(),
    })
}

fn body(changes: &[Change], name: &str) -> impl IntoView + use<> {
    let older = changes.last().filter(|last| last.seq > 1).map(|last| last.seq);
    view! {
        {signs()}
        <main id="main" class="single">
            <nav class="crumbs" aria-label="Where you are"><a class="link" href="/trust">{name.to_owned()}" trust page"</a>" / "<span aria-current="page">"Every change"</span></nav>
            <h1>"Every change"</h1>
            <p class="lead">"Each entry carries the hash of the one before it, so altering one, or taking one out, shows. Whoever runs the database could still write all of it anew: keep a copy of the newest hash. There is a "<a class="link" href="/trust/feed.atom">"feed"</a>"."</p>
            {entries(changes, true)}
            {older.map(|seq| view! { <p><a class="btn" href=format!("/trust/history?before={seq}")>"Older entries"</a></p> })}
        </main>
    }
}

/// A run of entries that were written at once because the page was first published is told in one line.
pub fn entries(changes: &[Change], fold: bool) -> impl IntoView + use<> {
    if changes.is_empty() {
        return view! { <p class="lead">"Nothing has been written down yet."</p> }.into_any();
    }
    let mut rows = Vec::new();
    let mut rest = changes;
    while let Some(change) = rest.first() {
        let same = |other: &&Change| other.from.is_none() && other.at == change.at;
        let run = if fold && change.from.is_none() { rest.iter().take_while(same).count() } else { 1 };
        let (now, later) = rest.split_at(run);
        rows.push(if run > 3 { folded(now).into_any() } else { now.iter().map(entry).collect_view().into_any() });
        rest = later;
    }
    view! { <ol class="changes" reversed=true>{rows}</ol> }.into_any()
}

fn folded(changes: &[Change]) -> impl IntoView + use<> {
    let at = changes.first().map(|change| change.at);
    let rows: Vec<_> = changes.iter().map(entry).collect();
    view! {
        <li class="folded"><details>
            <summary>{count(changes.len(), "claim")}" first published"{at.map(|at| view! { " " <time datetime=rfc3339(at)>{short_moment(at)}</time> })}</summary>
            <ol class="changes" reversed=true>{rows}</ol>
        </details></li>
    }
}

fn entry(change: &Change) -> impl IntoView + use<> {
    let from = change
        .from
        .map(|from| view! { {mark(from)}<span aria-hidden="true">" → "</span><span class="sr-only">" became "</span> });
    view! {
        <li data-change=change.claim.clone()>
            <p><a class="link" href=format!("/trust/claims/{}", change.claim)>{change.claim.clone()}</a>" "{from}{mark(change.to)}" "<time datetime=rfc3339(change.at)>{short_moment(change.at)}</time></p>
            <p>{change.sentence.clone()}</p>
            <p class="small">{change.reason.clone()}</p>
            <p class="small hash">"entry "{change.seq}" · "{change.hash.clone()}</p>
        </li>
    }
}
