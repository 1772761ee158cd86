//! What happens to every request before and after its page: whom it is meant for, over what, how often, how large, how long.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, LOCATION, STRICT_TRANSPORT_SECURITY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use contract::access::{Class, ENDPOINTS, PAGES, Who};
use contract::problem::Problem;
use futures::FutureExt;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body as _;
use server::controls::Mode;
use server::controls::probe::{PROBE_HEADER, recognition};
use server::guard::SessionId;
use tokio::time::timeout;
use tower::ServiceExt;

use super::client::Client;
use super::limiter::{Counted, Limiter};
use super::respond::{BARE_POLICY, EVERY_ANSWER};
use super::visit::SESSION;
use super::{Site, cookie, failure, people};

/// The connection a request came over.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub over_tls: bool,
}

/// What every request meets first. Made once; a clone is two counters.
#[derive(Clone, Debug)]
pub struct Front {
    site: Option<Arc<Site>>,
    router: Router,
}

impl Front {
    /// All layers, then the pages.
    pub fn new(site: Arc<Site>) -> Self {
        let router = super::router::router(&site);
        Self::around(site, router)
    }

    /// All layers, then whatever `router` answers.
    pub fn around(site: Arc<Site>, router: Router) -> Self {
        Self { site: Some(site), router }
    }

    /// No layer at all: what the checks must find wanting.
    pub fn without_layers(router: Router) -> Self {
        Self { site: None, router }
    }

    pub async fn answer(&self, peer: Peer, request: Request) -> Response {
        match &self.site {
            Some(site) => all(site, &self.router, peer, request).await,
            None => self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        }
    }
}

/// All layers in their order. One function, so that the order can be read.
async fn all(site: &Site, router: &Router, peer: Peer, mut request: Request) -> Response {
    let client = Client::of(peer.address.ip(), peer.over_tls, request.headers(), &site.settings);
    let mut response = match refuse(site, client, &request) {
        Some(Refusal::Redirect(to)) => redirect(&to),
        Some(Refusal::Problem(problem)) => failure::answer(&problem, request.headers(), site.assets.style()),
        None => {
            if let Some(ready) = kept_ready(site, &request) {
                ready
            } else {
                request.extensions_mut().insert(client);
                serve(site, router, request).await
            }
        }
    };
    if let Counted::Probe(nonce) = client.counted
        && let Ok(value) = HeaderValue::from_str(&recognition(&site.settings.serving.probe_token, nonce))
    {
        response.headers_mut().insert(PROBE_HEADER, value);
    }
    if client.secure {
        response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts(site));
    }
    response
}

/// The page that nearly everybody asks for, straight from memory: what it does not need it does not pass.
fn kept_ready(site: &Site, request: &Request) -> Option<Response> {
    let plain = request.method() == Method::GET && request.uri().query().is_none() && request.uri().path() == "/trust";
    if plain { site.fresh().map(|now| now.trust.answer(request.headers())) } else { None }
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
    let change = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let bucket = if change { Limiter::change } else { Limiter::read };
    if !health && let Err(retry_after_seconds) = bucket(&site.limiter, client.counted) {
        return Some(Refusal::Problem(Problem::TooMany { retry_after_seconds }));
    }
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
    let limits = &site.profile.policy.limits;
    // Whether somebody is there who may send a file is looked up before any of it is read.
    let file = change && takes_file(path);
    let limit_kib = if file { limits.upload_kib.get() } else { limits.body_kib.get() };
    let most = u64::from(limit_kib) * 1024 * if file { HEARD_OUT } else { 1 };
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    (announced > Some(most)).then_some(Refusal::Problem(Problem::TooLarge { limit_kib }))
}

/// One host, and one of ours: with two there is no telling which one somebody in between believed.
fn meant_for_us(site: &Site, headers: &HeaderMap, authority: Option<&str>) -> bool {
    let mut named = headers.get_all(HOST).iter();
    let (first, second) = (named.next(), named.next());
    let host = authority.or_else(|| first?.to_str().ok()).unwrap_or_default();
    second.is_none() && site.settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
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
async fn serve(site: &Site, router: &Router, request: Request) -> Response {
    let headers = accept_only(request.headers());
    let say = |problem: &Problem| failure::answer(problem, &headers, site.assets.style());
    let limit = Duration::from_secs(site.profile.policy.limits.request_seconds.get().into());
    let work = async {
        let (limit_kib, inside) = limit_kib(site, sender_of_file(&request)).await?;
        let request = whole(request, limit_kib, inside && people::is_browser(&headers)).await?;
        Ok(router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
    };
    let response = match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => return say(&problem),
        Ok(Err(_)) => return say(&server::problem::internal(&"a page panicked")),
        Err(_) => return say(&Problem::TooSlow),
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let mut said = say(&Problem::MethodNotAllowed);
        if let Some(allow) = response.headers().get(ALLOW) {
            said.headers_mut().insert(ALLOW, allow.clone());
        }
        return said;
    }
    // What the framework answered by itself, to an address that is no text: there is nothing there.
    if response.headers().contains_key(CONTENT_SECURITY_POLICY) { response } else { say(&Problem::NotFound) }
}

/// Whether a form with a file is posted there.
fn takes_file(path: &str) -> bool {
    let fits = |pattern: &str| {
        pattern.split('/').count() == path.split('/').count()
            && pattern.split('/').zip(path.split('/')).all(|(part, said)| part.starts_with('{') || part == said)
    };
    ENDPOINTS.iter().any(|row| row.fields.contains(&"file") && fits(row.path))
}

/// How large a body may be. A file is larger than anything else, and taken from nobody who is not signed in: what strangers can make this
/// machine hold in memory stays small. And whether somebody is signed in there.
async fn limit_kib(site: &Site, sender: Option<SessionId>) -> Result<(u32, bool), Problem> {
    let limits = &site.profile.policy.limits;
    let Some(sender) = sender else { return Ok((limits.body_kib.get(), false)) };
    let found = site.visitor.caller(&site.profile, &sender.hash(), site.clock.now()).await;
    let caller = found.map_err(|cause| server::problem::internal(&cause))?;
    let inside = caller.is_some_and(|caller| Who::SignedIn.admits(caller.person().stage).is_ok());
    Ok((if inside { limits.upload_kib.get() } else { limits.body_kib.get() }, inside))
}

/// The session of whoever posts to where files are taken, if they name one.
fn sender_of_file(request: &Request) -> Option<SessionId> {
    let posted = *request.method() == Method::POST && takes_file(request.uri().path());
    let session = cookie::read(request.headers(), SESSION).and_then(|text| SessionId::parse(&text));
    session.filter(|_| posted)
}

/// How many times the limit of a form with a file is heard out, and thrown away, so that the form can be shown again.
const HEARD_OUT: u64 = 8;

/// A form with a file was too large: the body is its beginning only, with what was typed.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub limit_kib: u32,
}

/// The request with its body in hand, if it has one: a body without an announced length is held to the same limit. Whoever is heard out gets
/// what they typed back: a browser shows no answer before it has sent everything.
async fn whole(request: Request, limit_kib: u32, heard_out: bool) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    if heard_out {
        return heard(request, limit_kib).await;
    }
    // Whoever announces too much is told before any of it is read.
    if request.body().size_hint().lower() > u64::from(limit_kib) * 1024 {
        return Err(Problem::TooLarge { limit_kib });
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, limit_kib as usize * 1024).collect().await;
    let body = body.map_err(|_| Problem::TooLarge { limit_kib })?.to_bytes();
    Ok(Request::from_parts(head, Body::from(body)))
}

async fn heard(request: Request, limit_kib: u32) -> Result<Request, Problem> {
    let most = limit_kib as usize * 1024;
    let (mut head, mut body) = request.into_parts();
    let (mut kept, mut all) = (Vec::new(), 0_u64);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::unreadable("the body ended before its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        all = all.saturating_add(data.len() as u64);
        if all > most as u64 * HEARD_OUT {
            return Err(Problem::TooLarge { limit_kib });
        }
        kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
    }
    if all > most as u64 {
        head.extensions.insert(Cut { limit_kib });
    }
    Ok(Request::from_parts(head, Body::from(kept)))
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
