//! The least that a Leptos page on axum can be: the same page of the same data, drawn for each request, without any of
//! our layers. What the served product is compared with. `bare --listen ADDRESS --data FOLDER`

use std::path::PathBuf;
use std::sync::Arc;

use app::trust::filter::Filter;
use app::trust::page::body;
use app::ui::layout::{Head, document};
use server::guard::{Store, Visitor, Where};
use server::profile::{Source, check};
use server::trust::{Board, Facts};
use time::OffsetDateTime;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let option = |name: &str| std::env::args().skip_while(|word| word != name).nth(1);
    let now = OffsetDateTime::now_utc();
    let source = Source::named("aertous")?;
    let profile = check(&source, &source.text()?, now.date()).profile.ok_or("the profile has errors")?;
    let place = Where::Embedded(PathBuf::from(option("--data").ok_or("--data names the folder that avouch serves")?));
    let store = Arc::new(Store::open(&place, false).await?);
    let facts = Facts::read(&Visitor::of(&store), &profile.id).await?;
    let board = Arc::new(Board::draw(&Arc::new(profile), &facts, now));
    let page = move || {
        let head = Head { title: "Aertous", description: None, canonical: None, style: "/pkg/avouch.css" };
        let page = document(&head, body(&board, &Filter::default()));
        async { axum::response::Html(page) }
    };
    let router = axum::Router::new().route("/", axum::routing::get(page));
    let listen = option("--listen").unwrap_or("127.0.0.1:3100".into());
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}
