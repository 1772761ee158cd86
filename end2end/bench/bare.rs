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

/// Hashes a second that the argon2 crate alone reaches, with the published numbers and as many threads as cores.
fn hashes_per_second(seconds: u64) -> Result<f64, argon2::Error> {
    let params = argon2::Params::new(19_456, 2, 1, Some(32))?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let length = std::time::Duration::from_secs(seconds);
    let worker = || {
        let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params.clone());
        let mut memory = vec![argon2::Block::default(); params.block_count()];
        let (begun, mut done, mut hash) = (std::time::Instant::now(), 0_u32, [0; 32]);
        while begun.elapsed() < length {
            argon2.hash_password_into_with_memory(
                b"violet otters eat ripe plums",
                b"sixteen bytes of",
                &mut hash,
                &mut memory,
            )?;
            done += 1;
        }
        Ok(f64::from(done) / begun.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(Err(argon2::Error::MemoryTooLittle))).sum()
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let option = |name: &str| std::env::args().skip_while(|word| word != name).nth(1);
    if let Some(seconds) = option("--hash") {
        use std::io::Write;
        writeln!(std::io::stdout(), "{}", hashes_per_second(seconds.parse()?)?)?;
        return Ok(());
    }
    let now = OffsetDateTime::now_utc();
    let source = Source::named("aertous")?;
    let profile = check(&source, &source.text()?, now.date()).profile.ok_or("the profile has errors")?;
    let place = Where::Embedded(PathBuf::from(option("--data").ok_or("--data names the folder that avouch serves")?));
    let store = Arc::new(Store::open(&place, false).await?);
    let facts = Facts::read(&Visitor::of(&store), &profile.id).await?;
    let board = Arc::new(Board::draw(&Arc::new(profile), &facts, now));
    let page = move || {
        let head = Head {
            title: "Aertous",
            description: None,
            canonical: None,
            style: "/pkg/avouch.css",
            script: None,
            again: false,
        };
        let page = document(&head, body(&board, &Filter::default()));
        async { axum::response::Html(page) }
    };
    let router = axum::Router::new().route("/", axum::routing::get(page));
    let listen = option("--listen").unwrap_or("127.0.0.1:3100".into());
    axum::serve(tokio::net::TcpListener::bind(listen).await?, router).await?;
    Ok(())
}
