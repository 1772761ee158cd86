//! `/.well-known/security.txt` (RFC 9116). It always expires within a year: the date moves with the clock.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use server::clock::rfc3339;
use time::{Duration, Time};

use crate::http::{Site, respond};

/// RFC 9116 section 2.5.5 recommends less than a year; half of one leaves room for mirrors.
const LASTS: Duration = Duration::days(180);

pub async fn show(Shared(site): Shared<Arc<Site>>) -> Response {
    let url = &site.settings.serving.public_url;
    let expires = site.clock.now().saturating_add(LASTS).replace_time(Time::MIDNIGHT);
    let text = format!(
        "Contact: mailto:{contact}\nExpires: {expires}\nPreferred-Languages: en\nCanonical: {url}/.well-known/security.txt\nPolicy: {url}/trust\n",
        contact = site.profile.contacts.security,
        expires = rfc3339(expires),
    );
    respond::bytes(StatusCode::OK, "text/plain; charset=utf-8", "no-cache", text)
}
