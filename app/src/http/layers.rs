//! What happens to every request before and after its page: whom it is meant for, over what, how often, how large, how long.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, LOCATION, STRICT_TRANSPORT_SECURITY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use contract::access::{Class, PAGES};
use contract::problem::Problem;
use futures::FutureExt;
use server::controls::Mode;
use server::controls::probe::{PROBE_HEADER, recognition};

use super::client::Client;
use super::limiter::Counted;
use super::respond::{BARE_POLICY, EVERY_ANSWER};
use super::{Site, failure};

/// The connection a request came over.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub over_tls: bool,
}

/// All layers in their order. One function, so that the order can be read.
pub async fn all(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let Some(peer) = peer else {
        return failure::answer(
            &failure::internal(&"a request without a peer"),
            request.headers(),
            site.assets.style(),
        );
    };
    let client = Client::of(peer.address.ip(), peer.over_tls, request.headers(), &site.settings);
    let mut response = match refuse(&site, client, &request) {
        Some(Refusal::Redirect(to)) => redirect(&to),
        Some(Refusal::Problem(problem)) => failure::answer(&problem, request.headers(), site.assets.style()),
        None => serve(&site, request, next).await,
    };
    if let Counted::Probe(nonce) = client.counted
        && let Ok(value) = HeaderValue::from_str(&recognition(&site.settings.serving.probe_token, nonce))
    {
        response.headers_mut().insert(PROBE_HEADER, value);
    }
    if client.secure {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts(&site));
    }
    response
}

enum Refusal {
    Redirect(String),
    Problem(Problem),
}

fn refuse(site: &Site, client: Client, request: &Request) -> Option<Refusal> {
    let path = request.uri().path();
    let health = PAGES.iter().any(|row| row.class == Class::Health && row.path == path);
    // A load balancer next door may ask for our health by address and without TLS.
    let nearby_health = health && client.near;
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    if !nearby_health && !meant_for_us(site, request.headers(), authority) {
        return Some(Refusal::Problem(Problem::OtherHost));
    }
    let needs_tls = match site.settings.serving.mode {
        Mode::Plain => false,
        Mode::OwnTls | Mode::BehindProxy => !client.secure && !nearby_health,
    };
    if needs_tls {
        let rest = request.uri().path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        return Some(Refusal::Redirect(format!("{}{rest}", site.settings.serving.public_url)));
    }
    if !health && let Err(retry_after_seconds) = site.limiter.read(client.counted) {
        return Some(Refusal::Problem(Problem::TooMany { retry_after_seconds }));
    }
    let limit_kib = site.profile.policy.limits.body_kib.get();
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    (announced > Some(u64::from(limit_kib) * 1024)).then_some(Refusal::Problem(Problem::TooLarge { limit_kib }))
}

fn meant_for_us(site: &Site, headers: &HeaderMap, authority: Option<&str>) -> bool {
    let host = authority.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    site.settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
}

/// 308 without a body: plain HTTP never carries content.
fn redirect(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().extend(EVERY_ANSWER.iter().cloned());
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(BARE_POLICY));
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// Runs the page within its time; what panics or overruns is answered like any other failure.
async fn serve(site: &Site, request: Request, next: Next) -> Response {
    let headers = accept_only(request.headers());
    let limit = Duration::from_secs(site.profile.policy.limits.request_seconds.get().into());
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(limit, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => return failure::answer(&failure::internal(&"a page panicked"), &headers, site.assets.style()),
        Err(_) => return failure::answer(&Problem::TooSlow, &headers, site.assets.style()),
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let mut said = failure::answer(&Problem::MethodNotAllowed, &headers, site.assets.style());
        if let Some(allow) = response.headers().get(ALLOW) {
            said.headers_mut().insert(ALLOW, allow.clone());
        }
        return said;
    }
    response
}

/// All that a failure needs to know of a request that has been handed on.
fn accept_only(headers: &HeaderMap) -> HeaderMap {
    headers.get(ACCEPT).map(|accept| HeaderMap::from_iter([(ACCEPT, accept.clone())])).unwrap_or_default()
}

fn hsts(site: &Site) -> HeaderValue {
    let seconds = u64::from(site.profile.policy.transport.hsts_days.get()) * 86_400;
    HeaderValue::from_str(&format!("max-age={seconds}; includeSubDomains"))
        .unwrap_or(HeaderValue::from_static("max-age=31536000"))
}
