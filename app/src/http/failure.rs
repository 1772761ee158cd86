//! The one place where a `Problem` becomes an answer: a page for people, RFC 9457 for programs.

use axum::http::header::{ACCEPT, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use contract::problem::Problem;
use leptos::prelude::*;
use serde_json::json;

use super::respond;
use crate::ui::form::sentence;
use crate::ui::layout::{Head, document};

/// Says what went wrong in the form that the caller reads.
pub fn answer(problem: &Problem, request: &HeaderMap, style: &str) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let accepts = request.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accepts.contains("json") && !accepts.contains("text/html") {
        let blamed = problem.blames().into_iter();
        let errors: Vec<_> = blamed.map(|(field, message)| json!({ "field": field, "message": message })).collect();
        let mut body = json!({
            "type": format!("urn:avouch:problem:{}", problem.kind()),
            "title": problem.title(),
            "status": problem.status(),
            "detail": problem.detail(),
            "errors": errors,
        });
        if let Problem::NotUnderstood { instead, .. } = problem
            && !instead.is_empty()
        {
            body["instead"] = json!(instead);
        }
        respond::bytes(status, "application/problem+json", "no-store", body.to_string())
    } else {
        let mut page = respond::html(status, page(problem, style));
        page.headers_mut().insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        page
    };
    if let Some(seconds) = problem.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Where to go from here.
fn way_out(problem: &Problem) -> AnyView {
    match problem {
        Problem::Lapsed { slug } if !slug.is_empty() => {
            let (billing, dashboard) = (format!("/o/{slug}/billing"), format!("/o/{slug}"));
            view! { <a class="btn btn-primary" href=billing>"Open the billing page"</a>" "<a class="btn" href=dashboard>"Back to the dashboard"</a> }.into_any()
        }
        Problem::Gone { slug, .. } => {
            let billing = format!("/o/{slug}/billing");
            view! { <a class="btn btn-primary" href=billing>"Open the billing page"</a>" "<a class="btn" href="/organisations">"Your organisations"</a> }.into_any()
        }
        Problem::NotUnderstood { instead, .. } if !instead.is_empty() => {
            let instead = instead.clone();
            view! { <a class="btn btn-primary" href=instead>"Open it without that"</a> }.into_any()
        }
        Problem::Forbidden | Problem::Lapsed { .. } => {
            view! { <a class="btn btn-primary" href="/organisations">"Your organisations"</a> }.into_any()
        }
        Problem::Invalid { .. }
        | Problem::InvalidFields { .. }
        | Problem::NotUnderstood { .. }
        | Problem::Unproven { .. }
        | Problem::Forged
        | Problem::NotFound
        | Problem::NotKept { .. }
        | Problem::MethodNotAllowed
        | Problem::Conflict { .. }
        | Problem::Unconfirmed { .. }
        | Problem::OtherHost
        | Problem::TooLarge { .. }
        | Problem::OtherType
        | Problem::NotTaken { .. }
        | Problem::TooSlow
        | Problem::TooMany { .. }
        | Problem::Busy { .. }
        | Problem::Internal { .. }
        | Problem::Full
        | Problem::NotReady => view! { <a class="btn btn-primary" href="/trust">"Open the trust page"</a> }.into_any(),
    }
}

/// Which part of the address it is about.
fn named(problem: &Problem) -> Option<AnyView> {
    let Problem::NotUnderstood { name, .. } = problem else { return None };
    Some(view! { <code>{name.clone()}</code>": " }.into_any())
}

fn page(problem: &Problem, style: &str) -> String {
    let head = Head { title: problem.title(), description: None, canonical: None, style, script: None, again: false };
    document(
        &head,
        view! {
            <main id="main" class="failure">
                <p class="status-code">{problem.status()}</p>
                <h1>{problem.title()}</h1>
                <p>{named(problem)}{sentence(&problem.detail())}</p>
                <p>{way_out(problem)}</p>
            </main>
        },
    )
}
