//! The proof that something is gone, for whoever has its address, and how anybody can check it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contract::problem::Problem;
use leptos::prelude::*;
use server::clock::{parse_rfc3339, rfc3339};
use server::retention::certificate::{self, Certificate, Kind, Proof};
use time::OffsetDateTime;

use crate::http::client::Client;
use crate::http::visit::{Visit, nowhere};
use crate::http::{Site, failure, respond};
use crate::ui::layout::{Head, document};

/// The page that says how a certificate is checked stands where an id would.
const KEY: &str = "key";

pub async fn show(
    Shared(site): Shared<Arc<Site>>,
    client: Option<Extension<Client>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    // Everybody may read it; whoever is signed in reads their own clock.
    let client = client.map_or_else(nowhere, |Extension(client)| client);
    let visit = match Visit::of(&site, client, &headers).await {
        Ok(visit) => visit,
        Err(problem) => return failure::answer(&problem, &headers, site.assets.style()),
    };
    let (title, body) = if id == KEY {
        ("How a certificate is checked", checking(&site))
    } else {
        match certificate::find(&site.visitor, &id).await {
            Ok(Some(Proof::Issued(signed))) => ("Certificate of destruction", issued(&visit, &signed.certificate, &id)),
            Ok(Some(Proof::Pending(until))) => ("Not yet", pending(until.map(|at| said(&visit, at)))),
            Ok(Some(Proof::Held(first))) => ("Not all of it yet", held(&first.to_string())),
            Ok(None) => return failure::answer(&Problem::NotFound, &headers, site.assets.style()),
            Err(refusal) => return failure::answer(&refusal.into(), &headers, site.assets.style()),
        }
    };
    let head =
        Head { title, description: None, canonical: None, style: site.assets.style(), script: None, again: false };
    respond::html(StatusCode::OK, document(&head, view! { <main id="main" class="people">{body}</main> }))
}

/// The same as a file to keep.
pub async fn file(Shared(site): Shared<Arc<Site>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if id == KEY {
        let key = format!("{{\"public_key\":\"{}\"}}\n", site.accounts.vault.signing().public_hex());
        return respond::download("application/json", "public-key.json", Body::from(key));
    }
    match certificate::find(&site.visitor, &id).await {
        Ok(Some(Proof::Issued(signed))) => {
            respond::download("application/json", "certificate.json", Body::from(signed.text()))
        }
        Ok(Some(Proof::Pending(_) | Proof::Held(_)) | None) => {
            failure::answer(&Problem::NotFound, &headers, site.assets.style())
        }
        Err(refusal) => failure::answer(&refusal.into(), &headers, site.assets.style()),
    }
}

fn issued(visit: &Visit, certificate: &Certificate, id: &str) -> AnyView {
    let what = match (certificate.kind, certificate.kept_records) {
        (Kind::Organisation, None) => "An organisation and everything in it",
        (Kind::Organisation, Some(_)) => "An organisation's data, but for the records that a legal hold keeps,",
        (Kind::Account, _) => "An account and everything about its person",
    };
    let rows = certificate
        .rows
        .iter()
        .map(|(table, rows)| view! { <tr><th scope="row">{table.clone()}</th><td>{rows.to_string()}</td></tr> })
        .collect_view();
    let keys = certificate.keys.iter().map(|key| view! { <li><code>{key.to_string()}</code></li> }).collect_view();
    let keys = (!certificate.keys.is_empty()).then(|| {
        view! {
            <h2>"Keys"</h2>
            <p>"These data keys are gone. What they sealed opens no more, in whichever copy it lies:"</p>
            <ul>{keys}</ul>
        }
    });
    let held = certificate.held_until.as_deref().map(|at| match certificate.kept_records {
        None => view! { <p>"A legal hold put it off until "{dated(visit, at)}"."</p> }.into_any(),
        Some(number) => {
            view! { <p data-kept-records=number.to_string()>"Kept by law until "{dated(visit, at)}": "{number.to_string()}" records, under a key of their own. A certificate of their own follows."</p> }.into_any()
        }
    });
    let file = format!("/certificates/{id}/file");
    view! {
        <h1>"Destroyed"</h1>
        <p data-certificate=certificate.id.to_string()>{what}" was destroyed on "<b>{dated(visit, &certificate.destroyed_at)}</b>". It was asked for on "{dated(visit, &certificate.asked_at)}" and due on "{dated(visit, &certificate.due_at)}", "{certificate.window_days.to_string()}" days later."</p>
        {held}
        <p>"Certificate number "{certificate.number.to_string()}" of "<code>{certificate.subject.to_string()}</code>"."</p>
        <div class="scroll" role="region" aria-label="Table: what was destroyed" tabindex="0"><table class="table"><caption class="sr-only">"What was destroyed"</caption>
            <thead><tr><th scope="col">"What"</th><th scope="col">"How many"</th></tr></thead>
            <tbody>{rows}<tr><th scope="row">"Files"</th><td>{certificate.files.to_string()}" ("{certificate.file_bytes.to_string()}" bytes)"</td></tr></tbody>
        </table></div>
        {keys}
        <p class="go"><a class="btn btn-primary" href=file>"Download it, signed"</a>" "<a class="btn" href="/certificates/key">"How it is checked"</a></p>
    }
    .into_any()
}

/// An instant of a certificate: as people tell the time, with what is signed beside it.
fn dated(visit: &Visit, signed: &str) -> AnyView {
    match parse_rfc3339(signed) {
        Some(at) => said(visit, at),
        None => signed.to_owned().into_any(),
    }
}

fn said(visit: &Visit, at: OffsetDateTime) -> AnyView {
    view! { <time datetime=rfc3339(at)>{visit.when(at)}</time> }.into_any()
}

fn pending(until: Option<AnyView>) -> AnyView {
    let when = match until {
        Some(at) => view! { "It is due on "{at}"." }.into_any(),
        None => "There is no date yet.".into_any(),
    };
    view! {
        <h1>"Not yet"</h1>
        <p>"What this certificate will be about is hidden and not destroyed yet: until then it can be brought back. "{when}</p>
    }
    .into_any()
}

fn held(first: &str) -> AnyView {
    let first = format!("/certificates/{first}");
    view! {
        <h1>"Not all of it yet"</h1>
        <p>"What this certificate will be about was destroyed but for the records that a legal hold keeps; "<a class="link" href=first>"that is certified"</a>". This one follows when the last hold has ended."</p>
    }
    .into_any()
}

fn checking(site: &Site) -> AnyView {
    let key = site.accounts.vault.signing().public_hex();
    view! {
        <h1>"How a certificate is checked"</h1>
        <p>"When an organisation or an account is destroyed, we sign a certificate: what it was, when, how much of it there was, and which keys are gone with it. It names nobody."</p>
        <p>"Each is signed with Ed25519 and has the SHA-256 of the one before it. The signature is over the object "<code>"certificate"</code>" of the file, written without white space. This is the key that verifies it:"</p>
        <p><code data-public-key=key.clone()>{key.clone()}</code></p>
        <p>"With our program: "<code>"avouch certificate verify FILE --key KEY"</code>". "<a class="link" href="/keys">"What else it verifies, and how"</a>"."</p>
        <p class="go"><a class="btn" href="/certificates/key/file">"Download the key"</a>" "<a class="btn" href="/trust">"Trust page"</a></p>
    }
    .into_any()
}
