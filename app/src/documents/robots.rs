//! `/robots.txt`: everything public may be read.

use axum::http::StatusCode;
use axum::response::Response;

use crate::http::respond;

pub async fn show() -> Response {
    respond::bytes(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        "public, max-age=86400",
        "User-agent: *\nDisallow: /api/\n",
    )
}
