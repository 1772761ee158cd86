//! `/trust.json`: the same from the same source, for programs.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use contract::claim::State;
use serde_json::{Value, json};
use server::clock::rfc3339;
use server::trust::Board;
use time::OffsetDateTime;

use crate::http::Site;
use crate::http::respond;

pub async fn show(Shared(site): Shared<Arc<Site>>) -> Response {
    let now = site.current().await;
    let told = told(&now.board, site.clock.now());
    respond::bytes(StatusCode::OK, "application/json", "no-cache", told.to_string())
}

fn told(board: &Board, now: OffsetDateTime) -> Value {
    let summary: serde_json::Map<String, Value> =
        board.summary().into_iter().map(|(state, number)| (state.word().to_owned(), number.into())).collect();
    let claims = board.claims.iter().map(|told| {
        json!({
            "id": told.id,
            "section": told.section,
            "text": told.text,
            "kind": told.kind.word(),
            "control": told.control,
            "checks": told.checks.iter().map(|check| check.path()).collect::<Vec<_>>(),
            "mandatory": told.mandatory,
            "state": told.state.word(),
            "since": rfc3339(told.since),
            "checked_at": told.checked_at.map(rfc3339),
            "due_at": told.due_at.map(rfc3339),
            "finding": told.finding,
        })
    });
    let gone = board.gone.iter().map(|gone| {
        json!({
            "id": gone.id,
            "section": null,
            "text": gone.sentence,
            "kind": gone.kind.word(),
            "control": null,
            "checks": [],
            "mandatory": true,
            "state": State::Withdrawn.word(),
            "since": rfc3339(gone.at),
            "checked_at": null,
            "due_at": null,
            "finding": gone.reason,
        })
    });
    json!({
        "profile": board.profile.id,
        "generated_at": rfc3339(now),
        "summary": summary,
        "claims": claims.chain(gone).collect::<Vec<_>>(),
    })
}
