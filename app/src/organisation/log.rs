//! The audit log: narrowed, page by page, with a small picture, and to be taken along.

use axum::body::Body;
use axum::response::Response;
use contract::access::Page;
use contract::permission::Permission;
use contract::problem::Problem;
use futures::stream::try_unfold;
use leptos::prelude::*;
use server::audit::log::Action;
use server::audit::view::{self, CSV_HEAD, Form, Line, Query};
use server::guard::{Allowed, Asks, Person, rights};
use server::problem::internal;
use server::registers::names;
use std::sync::Arc;
use uuid::Uuid;

use super::frame;
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::respond;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::ui::chart::{Slice, bars};
use crate::ui::form::trouble;
use crate::ui::list::{Filter, empty, filters, pages, table};

/// How many members there are to choose from. Whoever is not among them is chosen by their name in the log.
const PEOPLE: u64 = 200;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::AuditRead>(Asks::ToSee)?;
    let base = format!("/o/{}", visit.param("slug"));
    let path = format!("{base}/audit");
    let asked = Asked::of(&path, typed);
    let query = query(&asked)?;
    let listed = asked.understood(view::list(&reader, &visit.site.accounts, &query).await, str::to_owned)?;
    let counts = view::counts(&reader, visit.now).await?;
    let slices: Vec<Slice> = counts
        .iter()
        .map(|(action, count)| Slice {
            label: action.said().to_owned(),
            value: *count,
            href: Some(format!("{path}?action={}", action.word())),
        })
        .collect();
    let actions = Action::ALL.iter().map(|action| (action.word().to_owned(), action.said().to_owned())).collect();
    let chosen = |asked: &Option<String>| asked.clone().unwrap_or_default();
    let what = Filter { name: "action", label: "What", options: actions, chosen: chosen(&query.action), first: "All" };
    let people = people(visit, &reader, &query, &listed.lines).await?;
    let who = Filter { name: "actor", label: "Who", options: people, chosen: chosen(&query.actor), first: "Everybody" };
    let days = vec![("from", "From", chosen(&query.from)), ("to", "To", chosen(&query.to))];
    let keep: Vec<(&str, String)> = [
        ("action", query.action.clone()),
        ("actor", query.actor.clone()),
        ("from", query.from.clone()),
        ("to", query.to.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let keep: Vec<(&str, &str)> = keep.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let rows: Vec<AnyView> = listed.lines.iter().map(|line| event_row(&reader, line, &base)).collect();
    let list = if rows.is_empty() {
        empty("No entries", "Nothing in the log fits what you chose.", Some(("Show the whole log", &path)))
    } else {
        table("The log", &["When", "Who", "What", "From where"], rows)
    };
    let kept = visit.site.profile.policy.retention.audit_days;
    let narrowed = form_urlencoded::Serializer::new(String::new()).extend_pairs(&keep).finish();
    let narrowed = if narrowed.is_empty() { narrowed } else { format!("?{narrowed}") };
    let part = (!keep.is_empty()).then(|| {
        view! { <p class="small">"The two files hold the entries that fit what you chose. To verify the chain, take the whole log: "<a class="link" href=path.clone()>"show all of it"</a>"."</p> }
    });
    let view = view! {
        <h1>"Audit log"</h1>
        {trouble(typed)}
        <p>"Who did what, when, and from which network. Each entry is chained to the one before it and the chain is signed; entries are kept for "{kept.get()}" days."</p>
        {bars("The last 30 days", &slices)}
        {filters(&path, None, vec![what, who], days)}
        {list}
        {pages(&path, &keep, listed.next, query.before.is_none())}
        <section aria-labelledby="h-along">
            <h2 id="h-along">"Take it along"</h2>
            <p class="small">"A table for reading, or every entry with its hash and the signed heads for verifying. That it was taken along is an entry too."</p>
            {part}
            <p class="go">
                <a class="btn" href=format!("{path}.csv{narrowed}")>"Table (CSV)"</a>" "
                <a class="btn" href=format!("{path}.jsonl{narrowed}")>"Entries (JSON Lines)"</a>" "
                <a class="btn" href=format!("{base}/audit-heads.jsonl")>"Signed heads"</a>
                " "<a class="link" href="/keys">"How to check them without us"</a>
            </p>
        </section>
    };
    Ok(Middle::new("Audit log", view).wide())
}

/// Members to choose from, the program itself, and whoever was chosen although they are neither.
async fn people(
    visit: &Visit,
    reader: &Allowed<rights::AuditRead>,
    query: &Query,
    lines: &[Line],
) -> Result<Vec<(String, String)>, Problem> {
    let mut people: Vec<(String, String)> = Vec::new();
    if reader.here().permissions.contains(&Permission::MembersRead) {
        let members = names::people(reader, &visit.site.accounts, PEOPLE).await?;
        people.extend(members.into_iter().map(|(id, named)| (id.to_string(), named.name)));
    }
    people.push((Uuid::nil().to_string(), "Avouch itself".to_owned()));
    if let Some(actor) = query.actor.as_ref().filter(|actor| !people.iter().any(|(id, _)| id == *actor)) {
        let name = lines.first().map_or_else(|| "Somebody else".to_owned(), |line| line.who.clone());
        people.push((actor.clone(), name));
    }
    Ok(people)
}

/// What the address asks for.
fn query(asked: &Asked) -> Result<Query, Problem> {
    Ok(Query {
        action: asked.one_of("action", Action::ALL.iter().map(|action| action.word()))?,
        actor: asked.text("actor"),
        from: asked.text("from"),
        to: asked.text("to"),
        before: asked.text("after"),
    })
}

/// One entry as a row of a table.
pub fn event_row(person: &Person, line: &Line, base: &str) -> AnyView {
    let facts: Vec<String> = line.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let whom = if line.subject.is_empty() || line.subject == line.who {
        String::new()
    } else {
        format!(" \u{2013} {}", line.subject)
    };
    let refused = line.refused.then(|| frame::badge("Refused", "failing"));
    let vendor = line.by_vendor.then(|| frame::badge("Vendor", "stated"));
    let href = format!("{base}/audit?actor={}", line.actor);
    let place = format!("{} {}", line.place.device, line.place.network);
    view! {
        <tr data-entry=line.seq data-action-word=line.action.clone()>
            <td>{frame::when(person, line.at)}</td>
            <td><a class="link" href=href>{line.who.clone()}</a>{vendor}</td>
            <td>{line.said.clone()}{whom}{refused}<span class="small facts">{facts.join(" \u{b7} ")}</span></td>
            <td>{place}</td>
        </tr>
    }
    .into_any()
}

/// The log as a file, piece by piece as it is read: what the page of the same address shows, without its pages.
pub async fn download(visit: &Visit, typed: &Typed, form: Form) -> Result<Response, Problem> {
    let reader = visit.may::<rights::AuditRead>(Asks::ToSee)?;
    let accounts = visit.site.accounts.clone();
    let (page, head, kind, ending) = match form {
        Form::Csv => (Page::AuditCsv, CSV_HEAD, "text/csv; charset=utf-8", "csv"),
        Form::JsonLines => (Page::AuditJson, "", "application/x-ndjson", "jsonl"),
    };
    let asked = Asked::of(&visit.path_of(page), typed);
    let query = Arc::new(query(&asked)?);
    let begun = view::begin_export(&reader, &accounts, (form, &query), &visit.origin, visit.now).await;
    let until = asked.understood(begun, str::to_owned)?;
    let (site, slug) = (Arc::clone(&visit.site), visit.param("slug").to_owned());
    let session = visit.session_hash.clone().unwrap_or_default();
    let state = (0_i64, Some(head.to_owned()));
    let body = try_unfold(state, move |(after, head)| {
        let (site, accounts, slug, session) = (Arc::clone(&site), accounts.clone(), slug.clone(), session.clone());
        let query = Arc::clone(&query);
        async move {
            if let Some(head) = head {
                return Ok::<_, std::io::Error>(Some((head, (after, None))));
            }
            // Whoever loses the right while the file is under way gets no more of it.
            let caller = site.visitor.caller(&site.profile, &session, site.clock.now()).await;
            let reader =
                caller.ok().flatten().and_then(|caller| caller.may::<rights::AuditRead>(&slug, Asks::ToSee).ok());
            let reader = reader.ok_or_else(|| std::io::Error::other("the right to read the log has ended"))?;
            let piece = view::piece(&reader, &accounts, (form, &query), (after, until)).await;
            let piece = piece.map_err(|cause| std::io::Error::other(internal(&cause).detail()))?;
            Ok(piece.map(|(text, last)| (text, (last, None))))
        }
    });
    Ok(respond::download(kind, &format!("audit-log.{ending}"), Body::from_stream(body)))
}

pub async fn heads(visit: &Visit) -> Result<Response, Problem> {
    let reader = visit.may::<rights::AuditRead>(Asks::ToSee)?;
    let text = view::heads(&reader).await?;
    Ok(respond::download("application/x-ndjson", "audit-heads.jsonl", Body::from(text)))
}
