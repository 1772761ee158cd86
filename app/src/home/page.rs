//! `/`: who this is, and the way to the trust page.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use leptos::prelude::*;

use crate::http::{Site, respond};
use crate::trust;
use crate::ui::layout::{Head, document};

pub async fn show(Shared(site): Shared<Arc<Site>>) -> Response {
    let now = site.current().await;
    let profile = &now.board.profile;
    let canonical = format!("{}/", site.settings.serving.public_url);
    let head = Head {
        title: &profile.name,
        description: Some(&profile.line),
        canonical: Some(&canonical),
        style: site.assets.style(),
        script: None,
        again: false,
    };
    let (name, line, entity) = (profile.name.clone(), profile.line.clone(), profile.legal_entity.clone());
    let body = view! {
        {trust::page::emblem()}
        <main id="main" class="home">
            <h1>{name}</h1>
            <p class="line">{line}</p>
            <p class="go"><a class="btn btn-primary" href="/trust">"Open the trust page"</a>" "<a class="btn" href="/sign-in">"Sign in"</a>" "<a class="btn" href="/sign-up">"Sign up"</a></p>
            {trust::page::glance(&now.board)}
        </main>
        <footer class="foot">
            <p>{entity}</p>
            <p><a class="link" href="/privacy">"Privacy"</a>" · "<a class="link" href="/terms">"Terms"</a>" · "<a class="link" href="/.well-known/security.txt">"security.txt"</a></p>
        </footer>
    };
    respond::html(StatusCode::OK, document(&head, body))
}
