//! The access table as a router. A page without a row cannot be reached, a row without a page does not compile.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use contract::access::{ENDPOINTS, Endpoint, PAGES, Page};
use contract::problem::Problem;

use super::{Site, failure, people, respond};
use crate::documents::{page as documents, robots, security_txt};
use crate::keys::page as keys;
use crate::retention::certificate;
use crate::{home, reviews, trust};

pub fn router(site: &Arc<Site>) -> Router {
    PAGES
        .iter()
        .fold(Router::new(), |router, row| router.route(row.path, handler(row.page)))
        .merge(ENDPOINTS.iter().fold(Router::new(), |router, row| router.route(row.path, changer(row))))
        .fallback(nothing_here)
        // The layers have held the body to its limit, which for a file is above the framework's own.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(site))
}

fn handler(page: Page) -> MethodRouter<Arc<Site>> {
    match page {
        Page::Home => get(home::page::show),
        Page::Trust => get(trust::page::show),
        Page::TrustJson => get(trust::json::show),
        Page::TrustClaim => get(trust::claim::show),
        Page::TrustHistory => get(trust::history::show),
        Page::TrustFeed => get(trust::feed::show),
        Page::TrustBadge => get(trust::badge::show),
        Page::Privacy => get(documents::privacy),
        Page::PrivacyVersion => get(documents::privacy_version),
        Page::Terms => get(documents::terms),
        Page::TermsVersion => get(documents::terms_version),
        Page::SecurityTxt => get(security_txt::show),
        Page::Robots => get(robots::show),
        Page::Icon => get(icon),
        Page::Asset => get(asset),
        Page::Health => get(health),
        Page::Ready => get(ready),
        Page::Certificate => get(certificate::show),
        Page::CertificateFile => get(certificate::file),
        Page::Keys => get(keys::show),
        Page::KeysJson => get(keys::json),
        Page::Verifier => get(keys::verifier),
        Page::Calendar => get(reviews::calendar::show),
        Page::Help
        | Page::SignUp
        | Page::SignUpSent
        | Page::VerifyEmail
        | Page::SignIn
        | Page::Forgot
        | Page::ForgotSent
        | Page::Reset
        | Page::KeepAccount
        | Page::Code
        | Page::Enrol
        | Page::Account
        | Page::BackupCodes
        | Page::Sessions
        | Page::DeleteAccount
        | Page::Confirm
        | Page::Invitation
        | Page::AccountExport
        | Page::AccountCopy
        | Page::Organisations
        | Page::Dashboard
        | Page::Members
        | Page::Member
        | Page::Departures
        | Page::Roles
        | Page::Units
        | Page::Registers
        | Page::Register
        | Page::RecordNew
        | Page::RecordsImport
        | Page::RecordsSchedule
        | Page::RecordsBin
        | Page::Record
        | Page::RecordEdit
        | Page::File
        | Page::Reviews
        | Page::ReviewsCalendar
        | Page::Review
        | Page::ReviewReport
        | Page::ReviewArchive
        | Page::Frameworks
        | Page::Framework
        | Page::Audit
        | Page::AuditCsv
        | Page::AuditJson
        | Page::AuditHeads
        | Page::Export
        | Page::ExportArchive
        | Page::Billing
        | Page::Settings
        | Page::Operate
        | Page::OperateOrganisation
        | Page::OperateEvidence
        | Page::OperateApprovals
        | Page::OperateMail
        | Page::OperateReviews
        | Page::OperateReview
        | Page::OperateReviewReport
        | Page::OperateReviewArchive => {
            get(move |site, client, uri: Uri, headers| people::show(page, site, client, uri, headers))
        }
    }
}

fn changer(row: &'static Endpoint) -> MethodRouter<Arc<Site>> {
    post(move |site, from, uri: Uri, headers, body| people::change(row, site, from, uri, headers, body))
}

async fn nothing_here(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    failure::answer(&Problem::NotFound, &headers, site.assets.style())
}

async fn icon(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    file(&site, "icon.svg", &headers)
}

async fn asset(State(site): State<Arc<Site>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    file(&site, &name, &headers)
}

fn file(site: &Site, name: &str, headers: &HeaderMap) -> Response {
    site.assets
        .get(name)
        .map_or_else(|| failure::answer(&Problem::NotFound, headers, site.assets.style()), |file| file.answer(headers))
}

async fn health() -> Response {
    respond::bytes(StatusCode::OK, "text/plain; charset=utf-8", "no-store", "alive\n")
}

async fn ready(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if !server::storage::has_room() {
        let mut full = respond::bytes(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain; charset=utf-8",
            "no-store",
            "not ready: storage\n",
        );
        full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        full
    } else if site.ready() {
        respond::bytes(StatusCode::OK, "text/plain; charset=utf-8", "no-store", "ready\n")
    } else {
        failure::answer(&Problem::NotReady, &headers, site.assets.style())
    }
}
