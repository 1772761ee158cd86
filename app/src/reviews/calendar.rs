//! The dates on which reviews are due, for a calendar of one's own.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::{Site, respond};

pub async fn show(Shared(_site): Shared<Arc<Site>>) -> Response {
    respond::bytes(StatusCode::OK, "text/calendar; charset=utf-8", "no-store", "")
}
