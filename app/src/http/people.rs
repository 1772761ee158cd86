//! Pages and changes for people. The access table decides first, for pages and for changes alike; then the token; then the fields;
//! the proof in the handler is last and could not be had without the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State as Shared};
use axum::http::header::{ACCEPT, CACHE_CONTROL, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use contract::access::{Act, Endpoint, Needs, Page, Stage};
use contract::problem::Problem;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use server::guard::{Asks, Barred};
use server::identity::limits;

use super::client::Client;
use super::fields::{self, Fields};
use super::layers::Cut;
use super::visit::{Visit, nowhere};
use super::{Site, asked, csrf, failure, pairs, respond};
use crate::identity::{actions, pages};

/// What a form shows beside its fields: what was typed before, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub values: BTreeMap<String, String>,
    pub problem: Option<Problem>,
}

impl Typed {
    pub fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }
}

/// An answer that is more than a way on: a report, as a page and for a program.
#[derive(Debug)]
pub struct Report {
    pub status: StatusCode,
    pub html: String,
    pub body: Value,
    /// What stands in its head beside what every answer carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a change came to.
#[derive(Debug, Default)]
pub struct Done {
    /// Where a person goes on.
    pub next: String,
    pub cookies: Vec<HeaderValue>,
    /// What a program is told beside that.
    pub told: Option<(&'static str, Value)>,
    /// What is shown instead of going on.
    pub report: Option<Report>,
}

impl Done {
    pub fn go(next: impl Into<String>) -> Self {
        Self { next: next.into(), ..Self::default() }
    }
}

pub async fn show(
    page: Page,
    Shared(site): Shared<Arc<Site>>,
    client: Option<Extension<Client>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let client = client.map_or_else(nowhere, |Extension(client)| client);
    let visit = match Visit::of(&site, client, &headers).await {
        Ok(visit) => visit.at(page.row().path, uri.path()),
        Err(problem) => return failure::answer(&problem, &headers, site.assets.style()),
    };
    if let Err(barred) = visit.admits(page.row().who, Asks::ToSee) {
        visit.tell_refused(&barred, page.row().path).await;
        let here = uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        return kept_out(&visit, barred, here, &headers);
    }
    // What an address may put into a page. No field of a form that changes something.
    let pairs = pairs::of_query(uri.query().unwrap_or_default(), uri.path());
    let values = match pairs.and_then(|pairs| asked::of_address(page, uri.path(), pairs)) {
        Ok(values) => values.into_iter().collect(),
        Err(problem) => return failure::answer(&problem, &headers, site.assets.style()),
    };
    let typed = Typed { values, problem: None };
    page_answer(page, &visit, &typed, StatusCode::OK, &headers).await
}

/// The page, or what went wrong when making it.
async fn page_answer(page: Page, visit: &Visit, typed: &Typed, status: StatusCode, headers: &HeaderMap) -> Response {
    // Boxed: with all pages in it, the future is too deep a type.
    let made: BoxFuture<'_, _> = Box::pin(pages::page(page, visit, typed));
    match made.await {
        Ok(pages::Shown::Page { html, cookies, script }) => {
            let response = if script { respond::html_with_script(status, html) } else { respond::html(status, html) };
            own_page(response, cookies.into_iter().chain(visit.token.cookie.clone()))
        }
        Ok(pages::Shown::Elsewhere(to)) => redirect(&to, Vec::new()),
        Ok(pages::Shown::Download(response)) => response,
        Err(problem) => failure::answer(&problem, headers, visit.site.assets.style()),
    }
}

/// A page for one person: kept by nobody, and its forms post back with their origin; other sites still learn nothing.
fn own_page(mut response: Response, cookies: impl Iterator<Item = HeaderValue>) -> Response {
    let head = response.headers_mut();
    head.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    head.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    for cookie in cookies {
        head.append(SET_COOKIE, cookie);
    }
    response
}

fn kept_out(visit: &Visit, barred: Barred, here: &str, headers: &HeaderMap) -> Response {
    let site = &visit.site;
    let problem = match barred {
        Barred::Needs(needs) => return lacking(site, needs, here, headers),
        Barred::Gone { slug, until, reduced } => {
            let said = |at: Option<time::OffsetDateTime>| at.map(|at| visit.when(at));
            Problem::Gone { slug, until: said(until), reduced: said(reduced) }
        }
        Barred::Unknown | Barred::Forbidden | Barred::Lapsed(_) => barred.into(),
    };
    failure::answer(&problem, headers, site.assets.style())
}

/// A person is led to what is lacking; a program is told.
fn lacking(site: &Site, needs: Needs, here: &str, headers: &HeaderMap) -> Response {
    if !is_browser(headers) {
        return failure::answer(&Problem::needs(needs), headers, site.assets.style());
    }
    let with_next = |path: &str| match contract::text::local_path(here).filter(|here| *here != "/account") {
        Some(here) => format!("{path}?next={}", form_urlencoded::byte_serialize(here.as_bytes()).collect::<String>()),
        None => path.to_owned(),
    };
    let to = match needs {
        Needs::SignIn => with_next("/sign-in"),
        Needs::SecondFactor => "/sign-in/code".to_owned(),
        Needs::Enrol => "/account/mfa/enrol".to_owned(),
        Needs::StepUp => with_next("/account/confirm"),
    };
    redirect(&to, Vec::new())
}

pub fn is_browser(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|types| types.contains("text/html"))
}

/// 303 to a path of our own. Whatever is none becomes the account page.
fn redirect(to: &str, cookies: Vec<HeaderValue>) -> Response {
    let to = contract::text::local_path(to).unwrap_or("/account");
    let mut response = respond::bytes(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "no-store", "");
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

pub async fn change(
    row: &'static Endpoint,
    Shared(site): Shared<Arc<Site>>,
    (client, cut): (Option<Extension<Client>>, Option<Extension<Cut>>),
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let client = client.map_or_else(nowhere, |Extension(client)| client);
    let say = |problem: &Problem| failure::answer(problem, &headers, site.assets.style());
    let kind = match fields::kind(&headers, row) {
        Ok(kind) if csrf::same_origin(&site, &headers) => kind,
        Ok(_) => return say(&Problem::Forged),
        Err(problem) => return say(&problem),
    };
    let mut visit = match Visit::of(&site, client, &headers).await {
        Ok(visit) => visit.at(row.path, uri.path()),
        Err(problem) => return say(&problem),
    };
    if let Err(barred) = visit.admits(row.who, Asks::ToDo) {
        visit.tell_refused(&barred, row.name).await;
        return kept_out(&visit, barred, &here_of(row, &visit), &headers);
    }
    if let Some(Extension(Cut { limit_kib })) = cut {
        let fields = Fields::before_the_cut(&kind, body, row).await;
        about(&mut visit, &fields);
        return refused(row, &visit, &fields, Problem::TooLarge { limit_kib }, &headers).await;
    }
    // A body that cannot be read carries no token either.
    let fields = Fields::read(&kind, &body, row).await;
    if let Err(problem @ Problem::NotUnderstood { .. }) = fields {
        return refused(row, &visit, &Fields::default(), problem, &headers).await;
    }
    let binding = visit.caller.as_ref().map(|caller| caller.person().binding().to_owned());
    let in_body = fields.as_ref().ok().and_then(Fields::token);
    let shown = headers.get(csrf::HEADER).and_then(|value| value.to_str().ok()).or(in_body);
    if !csrf::holds(&site, &headers, shown, binding.as_deref(), visit.now) {
        return refused(row, &visit, &fields.unwrap_or_default(), Problem::Forged, &headers).await;
    }
    let fields = match fields {
        Ok(fields) => fields,
        Err(problem) => return refused(row, &visit, &Fields::default(), problem, &headers).await,
    };
    about(&mut visit, &fields);
    let done = perform(row, &mut visit, &fields).await;
    match done {
        Ok(done) => told(done, &headers),
        Err(Problem::Unproven { needs, field: None, .. }) => {
            // An invitation's link is still good: back to it after signing in.
            let here = if row.act == Act::AcceptInvitation {
                format!("/invitation?token={}", fields.get("token"))
            } else {
                here_of(row, &visit)
            };
            lacking(&site, needs, &here, &headers)
        }
        Err(problem) => refused(row, &visit, &fields, problem, &headers).await,
    }
}

/// The form of a record stands on the record's own page, and so does that of a review.
fn about(visit: &mut Visit, fields: &Fields) {
    for name in [RECORD, REVIEW] {
        if let Some(id) = fields.optional(name) {
            visit.params.entry(name).or_insert_with(|| id.to_owned());
        }
    }
}

async fn perform(row: &'static Endpoint, visit: &mut Visit, fields: &Fields) -> Result<Done, Problem> {
    if row.public_form {
        limits::public_form(&visit.site.visitor, &visit.site.accounts, &visit.origin, visit.now).await?;
    }
    fields.fit(row, |name| crate::registers::takes(visit, name))?;
    let done: BoxFuture<'_, _> = Box::pin(actions::perform(row.act, visit, fields));
    done.await
}

/// The page whose form this is: a code is given on two pages, and what does not say which review it is about goes back to all of them.
fn page_of(row: &Endpoint, visit: &Visit) -> Page {
    let unsaid = !visit.params.contains_key(REVIEW);
    match (row.act, row.page, visit.stage()) {
        (Act::EnterCode | Act::EnterBackupCode, _, Stage::Complete | Stage::SteppedUp) => Page::Confirm,
        (_, Page::Review, _) if unsaid => Page::Reviews,
        (_, Page::OperateReview, _) if unsaid => Page::OperateReviews,
        (_, page, _) => page,
    }
}

/// The field and the part of an address that name a record.
const RECORD: &str = "record";
/// The same of a review.
const REVIEW: &str = "review";

/// The address of the page with the form; as long as it is not known which record it was about, the page above that.
fn here_of(row: &Endpoint, visit: &Visit) -> String {
    let path = visit.path_of(page_of(row, visit));
    path.split("/{").next().unwrap_or_default().to_owned()
}

fn reported(report: Report, cookies: Vec<HeaderValue>, headers: &HeaderMap) -> Response {
    let Report { status, html, body, headers: more } = report;
    let mut response = if is_browser(headers) {
        own_page(respond::html(status, html), cookies.into_iter())
    } else {
        let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
        respond::bytes(status, kind, "no-store", body.to_string())
    };
    response.headers_mut().extend(more);
    response
}

fn told(done: Done, headers: &HeaderMap) -> Response {
    if let Some(report) = done.report {
        return reported(report, done.cookies, headers);
    }
    if is_browser(headers) {
        return redirect(&done.next, done.cookies);
    }
    let mut body = json!({ "next": done.next });
    if let Some((name, value)) = done.told {
        body[name] = value;
    }
    let mut response = respond::bytes(StatusCode::OK, "application/json", "no-store", body.to_string());
    for cookie in done.cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A person sees the form again, with what was typed and what was wrong; a program gets the problem.
async fn refused(row: &Endpoint, visit: &Visit, fields: &Fields, problem: Problem, headers: &HeaderMap) -> Response {
    let broken = matches!(problem, Problem::Internal { .. } | Problem::NotReady);
    if broken || !is_browser(headers) {
        return failure::answer(&problem, headers, visit.site.assets.style());
    }
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let wait = problem.retry_after();
    let mut values = fields.shown_again();
    // A list is drawn from its beginning again, whatever was narrowed before.
    values.retain(|name, _| name != "after");
    let typed = Typed { values, problem: Some(problem) };
    let mut response = page_answer(page_of(row, visit), visit, &typed, status, headers).await;
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
