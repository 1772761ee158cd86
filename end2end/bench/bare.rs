//! The least that a Leptos page on axum can be: the same page, drawn for each request, without any of our layers.
//! What the served product is compared with.

use std::sync::Arc;

use app::trust::filter::Filter;
use app::trust::page::body;
use app::ui::layout::{Head, document};
use server::profile::{Source, check};
use server::trust::{Board, Facts};
use time::OffsetDateTime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().skip_while(|word| word != "--listen").nth(1).unwrap_or("127.0.0.1:3100".into());
    let now = OffsetDateTime::now_utc();
    let source = Source::named("aertous")?;
    let profile = check(&source, &source.text()?, now.date()).profile.ok_or("the profile has errors")?;
    let board = Arc::new(Board::draw(&Arc::new(profile), &Facts::default(), now));
    let page = move || {
        let head = Head { title: "Aertous", description: None, canonical: None, style: "/pkg/avouch.css" };
        let page = document(&head, body(&board, &Filter::default()));
        async { axum::response::Html(page) }
    };
    let router = axum::Router::new().route("/", axum::routing::get(page));
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}
