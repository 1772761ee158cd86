//! The report of a review: what was found, what was decided and by whom, how quickly, and whether what is equals it. Made to be printed.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use contract::problem::Problem;
use futures::TryStreamExt;
use leptos::prelude::*;
use server::guard::{Asks, Person, rights};
use server::problem::internal;
use server::reviews::{self, Found, Quality, Report, Since, Status};
use uuid::Uuid;

use super::desk::{Desk, id};
use super::since::Differs;
use super::{picture, said, since};
use crate::http::people::Typed;
use crate::http::respond;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::when;
use crate::ui::chart::number;
use crate::ui::form::sentence;
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let report = reviews::report(&reader, &visit.site.accounts, id(visit)?, visit.now).await?;
    let report = report.filter(|report| report.campaign.status != Status::Draft).ok_or(Problem::NotFound)?;
    let desk = Desk::of_organisation(visit);
    let campaign = &report.campaign;
    let title = format!("Report: {}", campaign.name);
    let counts = &campaign.counts;
    let words = said::in_words(counts);
    let differs: Vec<String> = report.drift.iter().map(|one| Differs::of(one).said()).collect();
    let explained: Vec<String> = report.explained.iter().filter_map(|item| said::explanation(&reader, item)).collect();
    let view = view! {
        {desk.crumbs(Some((campaign.id, &campaign.name)))}
        <h1>{title.clone()}</h1>
        {done(typed)}
        <p>{said::status(campaign)}" "{standing(campaign.status, report.drift.is_empty(), report.explained_count)}</p>
        {picture::bar(counts, words.clone())}
        <p><b>{words}"."</b></p>
        {taking_along(&desk, campaign.id, campaign.status)}
        {about(&reader, &report)}
        {found(&campaign.found, campaign.population_sha256.as_ref())}
        {equals(&differs, (&explained, report.explained_count), &report.since)}
        {quality(&report.reviewers)}
    };
    Ok(Middle::new(title, view).wide().with_script())
}

/// Everything that an auditor needs, in one file, made while it is sent.
pub async fn archive(visit: &Visit) -> Result<Response, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let id = id(visit)?;
    let pieces = reviews::archive(reader, &visit.site.accounts, id, visit.now).await?.ok_or(Problem::NotFound)?;
    let (site, slug) = (Arc::clone(&visit.site), visit.param("slug").to_owned());
    let session = visit.session_hash.clone().unwrap_or_default();
    let checked = pieces.map_err(|cause| std::io::Error::other(internal(&cause).detail())).and_then(move |piece| {
        let (site, slug, session) = (Arc::clone(&site), slug.clone(), session.clone());
        async move {
            // Whoever loses the right while it is under way gets no more of it.
            let caller = site.visitor.caller(&site.profile, &session, site.clock.now()).await.ok().flatten();
            let still = caller.is_some_and(|caller| caller.may::<rights::ReviewsRead>(&slug, Asks::ToSee).is_ok());
            if still { Ok(piece) } else { Err(std::io::Error::other("the right to read reviews has ended")) }
        }
    });
    Ok(download(id, Body::from_stream(checked)))
}

pub fn download(review: Uuid, archive: impl Into<Body>) -> Response {
    respond::download("application/zip", &format!("review-{review}.zip"), archive.into())
}

/// Whether what is equals what was decided, in a sentence.
pub fn standing(status: Status, equal: bool, explained: u64) -> String {
    match (status, equal) {
        (Status::Closed, _) if explained > 0 => {
            let but = match explained {
                1 => "1 item that differs, which was explained".to_owned(),
                many => format!("{} items that differ, which were explained", number(many)),
            };
            format!("What stood when it was closed equals what was decided, but for {but}: see below.")
        }
        (Status::Closed, _) => "What stood when it was closed equals what was decided.".to_owned(),
        (Status::Open | Status::Draft, true) => "It is not closed yet: these are the facts so far.".to_owned(),
        (Status::Open | Status::Draft, false) => {
            "It is not closed yet, and something differs from what was decided.".to_owned()
        }
    }
}

pub fn taking_along(desk: &Desk<'_>, review: Uuid, status: Status) -> AnyView {
    let archive = (status == Status::Closed).then(|| {
        let href = format!("{}/archive.zip", desk.path(review));
        view! { <a class="btn btn-primary" href=href>"Signed archive (ZIP)"</a>" " }
    });
    let said = archive.is_some().then(|| {
        view! { <p class="small no-print">"The archive has this report, every item as JSON and CSV, and the entries of the audit log with their proofs. Whoever has it can verify it without us."</p> }
    });
    view! { <p class="go no-print">{archive}<button class="btn" type="button" data-print="" hidden>"Print"</button></p>{said} }
        .into_any()
}

/// A fact and its name.
pub fn fact(name: &'static str, fact: String) -> AnyView {
    view! { <dt>{name}</dt><dd>{fact}</dd> }.into_any()
}

fn about(person: &Person, report: &Report) -> AnyView {
    let campaign = &report.campaign;
    let at = |at| when(person, at);
    let origin =
        if campaign.by_itself { "by itself, as it was time".to_owned() } else { format!("by {}", campaign.made_by) };
    let mut facts = vec![
        fact("About", sentence(&said::scope(&campaign.scope, None))),
        fact("Begun", format!("{} {origin}", campaign.opened.map(at).unwrap_or_default())),
        fact("Due", at(campaign.due)),
    ];
    if let Some(closed) = campaign.closed {
        let by = said::closed_by(campaign);
        facts.push(fact("Closed", format!("{}{by}", at(closed))));
    }
    if let Some(escalated) = campaign.escalated {
        facts.push(fact("Escalated", at(escalated)));
    }
    facts.push(fact("Silence", sentence(&format!("what nobody decides on {}", campaign.silence.said()))));
    facts.push(fact("Effect", sentence(&format!("decisions take effect {}", campaign.effect.said()))));
    facts.push(fact("When due", sentence(said::when_due(campaign))));
    facts.push(fact("Decided after the last day", number(report.late)));
    facts.push(fact("Decided by silence", number(report.silent)));
    if report.campaign.counts.alone > 0 {
        facts.push(fact("Kept: nobody else could decide", number(report.campaign.counts.alone)));
    }
    if report.spared > 0 {
        let spared = format!("{}, or nobody would be left who can manage the members", number(report.spared));
        facts.push(fact("Kept all the same", spared));
    }
    let ended = report.campaign.counts.ended;
    if ended > 0 {
        facts.push(fact("Kept, and ended with the membership", number(ended)));
    }
    let privileged = match report.privileged_kept {
        Some(kept) => format!("{}, of which {} stayed", number(report.privileged), number(kept)),
        None => number(report.privileged),
    };
    facts.push(fact("Grants that permit much", privileged));
    if let Some(median) = report.median_decide_ms {
        facts.push(fact("Half was decided within", within(median)));
    }
    view! { <section aria-labelledby="h-facts"><h2 id="h-facts">"Facts"</h2><dl class="facts">{facts}</dl></section> }
        .into_any()
}

/// A time as people say it.
pub fn within(ms: i64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        i64::MIN..1 => "a minute".to_owned(),
        1..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// Whether everything that there was became an item.
pub fn found(found: &Found, hash: Option<&String>) -> AnyView {
    let rows: Vec<AnyView> = found
        .sources
        .iter()
        .map(|source| {
            let (grants, items) = (number(source.grants), number(source.items));
            view! { <tr><th scope="row">{said::kind(&source.kind)}</th><td class="number">{grants}</td><td class="number">{items}</td></tr> }.into_any()
        })
        .collect();
    let (grants, items) = (found.grants(), found.items());
    let complete = if grants == items {
        format!("Complete: all {} grants that there were are items of this review.", number(grants))
    } else {
        format!("{} of {} grants are items: the others are outside of what it is about.", number(items), number(grants))
    };
    let hash = hash.cloned().map(|hash| {
        view! { <p class="small">"SHA-256 of what was found, as it stands in the audit log: "<code class="hash">{hash}</code></p> }
    });
    view! {
        <section aria-labelledby="h-found">
            <h2 id="h-found">"What was found"</h2>
            <p data-complete=(grants == items).to_string()>{complete}</p>
            {table("What was found", &["What grants something", "There were", "Items"], rows)}
            {hash}
        </section>
    }
    .into_any()
}

/// Whether what is equals what was decided, and what changed besides.
pub fn equals(differs: &[String], (explained, of): (&[String], u64), since: &Since) -> AnyView {
    let drift: Vec<AnyView> = differs.iter().map(|said| view! { <li>{said.clone()}</li> }.into_any()).collect();
    let named = match (drift.is_empty(), of) {
        (false, _) => view! { <ul class="due-list">{drift}</ul> }.into_any(),
        (true, 0) => view! { <p>"Nothing differs from what was decided."</p> }.into_any(),
        (true, _) => view! { <p>"Nothing differs from what was decided but what was explained."</p> }.into_any(),
    };
    let settled = (of > 0).then(|| {
        let said = if of == 1 {
            "1 item differed, and that was explained:".to_owned()
        } else {
            format!("{} items differed, and each was explained:", number(of))
        };
        let rest = of.saturating_sub(explained.len() as u64);
        let rest =
            (rest > 0).then(|| view! { <p class="small">{format!("And {} more, in the archive.", number(rest))}</p> });
        let rows: Vec<AnyView> =
            explained.iter().map(|said| view! { <li data-explained="">{said.clone()}</li> }.into_any()).collect();
        view! { <p>{said}</p><ul class="due-list">{rows}</ul>{rest} }
    });
    view! {
        <section aria-labelledby="h-equals">
            <h2 id="h-equals">"What is, and what was decided"</h2>
            {named}
            {settled}
            <p>{since::in_words(since)}</p>
        </section>
    }
    .into_any()
}

/// How each reviewer decided: facts, and no mark.
pub fn quality(reviewers: &[Quality]) -> AnyView {
    let rows: Vec<AnyView> = reviewers
        .iter()
        .map(|one| {
            let pause = one.median_seconds.map_or_else(|| "\u{2013}".to_owned(), |seconds| format!("{seconds:.0} s"));
            view! {
                <tr data-reviewer=one.who.clone()>
                    <th scope="row">{one.who.clone()}</th>
                    <td class="number">{number(one.decided)}</td>
                    <td class="number">{format!("{}%", one.keep_percent())}</td>
                    <td class="number">{number(one.revoke)}</td>
                    <td class="number">{number(one.change)}</td>
                    <td class="number">{format!("{}%", one.bulk_percent())}</td>
                    <td class="number">{pause}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let list = if rows.is_empty() {
        empty("Nobody has decided", "What is decided stands here, by whom and how quickly.", None)
    } else {
        let head = ["Reviewer", "Decided", "Kept", "Revoked", "Changed", "Together with others", "Pause between two"];
        table("Reviewers", &head, rows)
    };
    view! {
        <section aria-labelledby="h-quality">
            <h2 id="h-quality">"How it was decided"</h2>
            <p class="small">"Half of the pauses between two single decisions were shorter than the one that is shown."</p>
            {list}
        </section>
    }
    .into_any()
}
