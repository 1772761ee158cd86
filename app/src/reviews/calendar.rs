//! The last days of reviews, for a calendar of one's own: as a file for whoever is signed in, or at a secret address that a calendar program asks.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use contract::access::{Act, Page};
use contract::problem::Problem;
use leptos::prelude::*;
use serde_json::json;
use server::guard::{Asks, rights};
use server::reviews::feed;

use crate::http::people::{Done, Report};
use crate::http::visit::Visit;
use crate::http::{Site, failure, pairs, respond};
use crate::identity::pages::{Middle, Shown, framed};
use crate::organisation::frame;

const KIND: &str = "text/calendar; charset=utf-8";

/// What a calendar has that nobody shared.
const EMPTY: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Avouch//Access reviews//EN\r\nEND:VCALENDAR\r\n";

/// For a calendar program, which cannot sign in: the address is the secret. Without one it is a calendar with nothing in it.
pub async fn show(Shared(site): Shared<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let pairs = match pairs::of_query(uri.query().unwrap_or_default(), uri.path()) {
        Ok(pairs) => pairs,
        Err(problem) => return failure::answer(&problem, &headers, site.assets.style()),
    };
    let token = pairs.into_iter().find(|(name, _)| name == "token");
    let Some((_, token)) = token.filter(|(_, token)| !token.is_empty()) else {
        return respond::bytes(StatusCode::OK, KIND, "no-store", EMPTY);
    };
    let held = token.split_once('.').unwrap_or_default();
    match feed::feed(&site.visitor, &site.accounts, held, site.clock.now()).await {
        Ok(Some(text)) => respond::bytes(StatusCode::OK, KIND, "no-store", text),
        Ok(None) => failure::answer(&Problem::NotFound, &headers, site.assets.style()),
        Err(refusal) => failure::answer(&refusal.into(), &headers, site.assets.style()),
    }
}

/// For whoever is signed in.
pub async fn file(visit: &Visit) -> Result<Response, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let text = feed::calendar(&reader, &visit.site.accounts, visit.now).await?;
    Ok(respond::download(KIND, "reviews.ics", Body::from(text)))
}

/// What is said of it below the reviews.
pub fn section(visit: &Visit, decides: bool) -> AnyView {
    let href = visit.path_of(Page::ReviewsCalendar);
    let share = decides.then(|| {
        view! {
            <details class="instead"><summary>"Subscribe to it"</summary>
                <p class="small">"You get an address that a calendar program can ask without signing in. Whoever has it sees the names and dates of reviews, and it is an item of reviews itself. A new one ends the one before."</p>
                <div class="row-actions">
                    {frame::form(visit, Act::ShareCalendar, frame::small("Make an address", "of my calendar"), ())}
                    {frame::form(visit, Act::CloseCalendar, frame::small("End the one there is", "of my calendar"), ())}
                </div>
            </details>
        }
    });
    view! {
        <section aria-labelledby="h-calendar">
            <h2 id="h-calendar">"Calendar"</h2>
            <p class="go"><a class="btn" href=href>"Due dates (ICS)"</a></p>
            {share}
        </section>
    }
    .into_any()
}

/// Makes the address, and shows it this once.
pub async fn share(visit: &Visit) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let accounts = &visit.site.accounts;
    let ticket = feed::share(&reviewer, accounts, &visit.origin, visit.now).await?;
    let address = accounts.link(&format!("/calendar.ics?token={}.{}", visit.param("slug"), ticket.text()));
    let back = visit.path_of(Page::Reviews);
    let body = json!({ "calendar": address, "next": back });
    let view = view! {
        <h1>"Your calendar's address"</h1>
        <p class="notice" role="status">"Give it to your calendar program now. It is shown this once."</p>
        <p><code class="secret" data-calendar=address.clone()>{address.clone()}</code></p>
        <p class="go"><a class="btn btn-primary" href=back>"I have kept it"</a></p>
    };
    match framed(visit, Middle::new("Your calendar's address", view)) {
        Shown::Page { html, .. } => Ok(Done {
            report: Some(Report { status: StatusCode::OK, html, body, headers: Vec::new() }),
            ..Done::default()
        }),
        Shown::Elsewhere(next) => Ok(Done::go(next)),
        Shown::Download(_) => Err(Problem::NotFound),
    }
}

pub async fn close(visit: &Visit) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    feed::unshare(&reviewer, &visit.site.accounts, &visit.origin, visit.now).await?;
    Ok(Done::go(format!("{}?done=calendar-ended", visit.path_of(Page::Reviews))))
}
