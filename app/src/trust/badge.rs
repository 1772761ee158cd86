//! `/trust/badge.svg`: how much holds, small enough for another site's footer.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::header::HeaderValue;
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use contract::claim::State;

use crate::http::{Site, respond};

pub async fn show(Shared(site): Shared<Arc<Site>>) -> Response {
    let now = site.current().await;
    let summary = now.board.summary();
    let number = |state| summary.get(&state).copied().unwrap_or(0);
    let failing = number(State::Failing);
    let (text, colour) = if failing == 0 {
        (format!("{} proven", number(State::Proven)), "#17603f")
    } else {
        (format!("{} proven, {failing} failing", number(State::Proven)), "#a3261d")
    };
    let mut response = respond::bytes(StatusCode::OK, "image/svg+xml", "no-cache", badge(&text, colour));
    // The one answer that other sites are meant to show.
    response
        .headers_mut()
        .insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    response
}

/// Text is about 6.6 units wide per character at this size.
fn badge(text: &str, colour: &str) -> String {
    let width = 46 + text.len() * 66 / 10 + 16;
    let right = width - 46;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"24\" viewBox=\"0 0 {width} 24\" role=\"img\" aria-label=\"Trust: {text}\"><title>Trust: {text}</title><rect width=\"46\" height=\"24\" fill=\"#1c2733\"/><rect x=\"46\" width=\"{right}\" height=\"24\" fill=\"{colour}\"/><g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\"><text x=\"8\" y=\"16\">Trust</text><text x=\"54\" y=\"16\">{text}</text></g></svg>"
    )
}
