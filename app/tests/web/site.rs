//! The public site over a real socket: every row of the access table, and everything that is refused.

use crate::common::{self, get, of_profile, over_tls, plain, raw, served, status};
use contract::access::{Class, PAGES, Who};
use contract::claim::State;
use server::controls::Mode;
use server::testing::{World, profile};
use server::trust::evidence::{self, NewEvidence};

fn example(path: &str) -> String {
    path.replace("{first}", "P056").replace("{version}", "2026-01-01")
}

#[tokio::test]
async fn every_row_of_the_access_table_answers_and_takes_no_change() {
    let wide = [
        ("reads_per_minute = 600", "reads_per_minute = 6000"),
        ("changes_per_minute = 120", "changes_per_minute = 6000"),
    ];
    let served = of_profile(server::testing::profile("aertous", &wide)).await;
    for row in PAGES {
        let path = example(row.example);
        let wanted = if row.who == Who::Everyone { 200 } else { 401 };
        assert_eq!(status(&get(served.address, &path, "").await), wanted, "{path}");
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                served.address
            );
            let answer = raw(served.address, &request).await;
            assert_eq!(status(&answer), 405, "{method} {path}");
            assert!(answer.to_lowercase().contains("allow: get,head"), "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_there() {
    let served = plain().await;
    for path in [
        "/nothing",
        "/trust/",
        "/trust/claims/",
        "/trust/claims/P999",
        "/privacy/2020-01-01",
        "/privacy/x",
        "/pkg/../Cargo.toml",
        "/pkg/none.css",
        "/.env",
        "/TRUST",
        "/trust/claims/%00",
        "/trust/claims/..%2f..%2fetc",
        "/trust/claims/%ff",
        "/privacy/%ff",
        "/pkg/%ff",
    ] {
        let answer = get(served.address, path, "").await;
        assert_eq!(status(&answer), 404, "{path}: {answer}");
        assert!(answer.contains("content-security-policy"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_failure_is_a_page_for_people_and_a_problem_for_programs() {
    let served = plain().await;
    let page = get(served.address, "/nothing", "accept: text/html\r\n").await;
    let problem = get(served.address, "/nothing", "accept: application/json\r\n").await;
    assert!(page.contains("text/html") && page.contains("<h1>"), "{page}");
    assert!(problem.contains("application/problem+json") && problem.contains("\"status\":404"), "{problem}");
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_and_its_name_not_repeated() {
    let served = plain().await;
    for host in ["evil.example", "127.0.0.1", "localhost.evil.example", ""] {
        let answer =
            raw(served.address, &format!("GET /trust HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).await;
        assert!([400, 421].contains(&status(&answer)), "{host}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
    }
    let two =
        format!("GET /trust HTTP/1.1\r\nhost: {0}\r\nhost: evil.example\r\nconnection: close\r\n\r\n", served.address);
    assert_eq!(status(&raw(served.address, &two).await), 421, "two hosts");
}

#[tokio::test]
async fn the_canonical_address_comes_from_the_configuration() {
    let served = plain().await;
    let page =
        get(served.address, "/trust", "x-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\n").await;
    assert!(
        page.contains(&format!("<link rel=\"canonical\" href=\"http://localhost:{}/trust\">", served.address.port()))
    );
    assert!(!page.contains("evil.example"));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_before_it_is_sent() {
    let served = plain().await;
    let announced = 257 * 1024;
    let answer = raw(
        served.address,
        &format!(
            "POST /trust HTTP/1.1\r\nhost: {}\r\ncontent-length: {announced}\r\nconnection: close\r\n\r\n",
            served.address
        ),
    )
    .await;
    assert_eq!(status(&answer), 413, "{answer}");
}

#[tokio::test]
async fn a_body_of_unannounced_length_is_held_to_the_same_limit() {
    let served = plain().await;
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let request = format!(
        "POST /trust HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{}0\r\n\r\n",
        served.address,
        chunk.repeat(5)
    );
    assert_eq!(status(&raw(served.address, &request).await), 413);
}

#[tokio::test]
async fn a_malformed_or_too_large_head_gets_its_status() {
    let served = plain().await;
    assert_eq!(status(&raw(served.address, "NONSENSE\r\n\r\n").await), 400);
    let huge = format!("GET / HTTP/1.1\r\nhost: {}\r\nx: {}\r\n\r\n", served.address, "a".repeat(200_000));
    assert_eq!(status(&raw(served.address, &huge).await), 431);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_gets_408() {
    let served = plain().await;
    let answer = raw(served.address, "GET /trust HTTP/1.1\r\nhost: ").await;
    assert_eq!(status(&answer), 408, "{answer}");
}

#[tokio::test]
async fn above_the_limit_the_answer_is_429_with_the_time_to_wait_and_health_is_not_counted() {
    let narrow = profile("aertous", &[("reads_per_minute = 600", "reads_per_minute = 3")]);
    let served = served(World::with(narrow).await, Mode::Plain, None, "").await;
    for _ in 0..9 {
        assert_eq!(status(&get(served.address, "/healthz", "").await), 200);
    }
    let mut answers = Vec::new();
    for invented in 0..6 {
        answers.push(get(served.address, "/robots.txt", &format!("x-forwarded-for: 203.0.113.{invented}\r\n")).await);
    }
    assert_eq!(answers.iter().map(|answer| status(answer)).collect::<Vec<_>>(), [200, 200, 200, 429, 429, 429]);
    assert!(answers[3].contains("retry-after: "), "{}", answers[3]);
    for row in PAGES.iter().filter(|row| row.class == Class::Health) {
        assert_eq!(status(&get(served.address, row.path, "").await), 200, "{}", row.path);
    }
}

#[tokio::test]
async fn a_made_up_probe_gains_nothing() {
    let narrow = profile("aertous", &[("reads_per_minute = 600", "reads_per_minute = 1")]);
    let served = served(World::with(narrow).await, Mode::Plain, None, "").await;
    let token = "0".repeat(64);
    let first = get(served.address, "/robots.txt", &format!("x-avouch-probe: {token}.1\r\n")).await;
    let second = get(served.address, "/robots.txt", &format!("x-avouch-probe: {token}.2\r\n")).await;
    assert_eq!((status(&first), status(&second)), (200, 429));
}

#[tokio::test]
async fn on_a_tls_port_plain_http_is_redirected_without_a_body_to_the_configured_host() {
    let served = over_tls().await;
    let answer = get(served.address, "/trust?state=failing", "").await;
    assert_eq!(status(&answer), 308, "{answer}");
    assert!(
        answer.contains(&format!("location: https://localhost:{}/trust?state=failing", served.address.port())),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn new_evidence_is_on_the_page_in_json_and_in_the_feed_within_a_look() {
    let served = plain().await;
    served.world.observe().await;
    served.site.look().await;
    let before = get(served.address, "/trust", "").await;
    assert!(before.contains("data-claim=\"P058\" data-state=\"failing\""), "{before}");

    let (dated, note) = (Some(served.world.now.date()), Some("It was reached".into()));
    let new = NewEvidence { claim: "P058".into(), dated, note, ..NewEvidence::default() };
    evidence::add(&served.world.operator(), &served.world.vault, &served.world.profile, new, served.world.now)
        .await
        .expect("add");
    served.site.look().await;
    served.world.observe().await;

    let page = get(served.address, "/trust", "").await;
    assert!(page.contains("data-claim=\"P058\" data-state=\"proven\""));
    assert!(get(served.address, "/trust.json", "").await.contains("\"state\":\"proven\""));
    assert!(get(served.address, "/trust/feed.atom", "").await.contains("P058: failing became proven"));
}

#[tokio::test]
async fn the_page_is_looked_at_again_when_nobody_has_for_a_while() {
    let served = plain().await;
    let (dated, note) = (Some(served.world.now.date()), Some("It was reached".into()));
    let new = NewEvidence { claim: "P058".into(), dated, note, ..NewEvidence::default() };
    evidence::add(&served.world.operator(), &served.world.vault, &served.world.profile, new, served.world.now)
        .await
        .expect("add");
    // No watcher runs in this test: the visitor who comes late looks for everybody.
    tokio::time::sleep(std::time::Duration::from_millis(3200)).await;
    assert_eq!(served.site.current().await.board.claim("P058").expect("P058").state, State::Proven);
}

#[tokio::test]
async fn a_reader_who_has_the_page_gets_304_and_after_a_change_the_new_one() {
    let served = plain().await;
    let first = get(served.address, "/trust", "accept-encoding: br\r\n").await;
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).expect("etag").to_owned();
    let again = get(served.address, "/trust", &format!("accept-encoding: br\r\nif-none-match: {tag}\r\n")).await;
    assert_eq!(status(&again), 304, "{again}");
    let other = get(served.address, "/trust", &format!("if-none-match: {tag}\r\n")).await;
    assert_eq!(status(&other), 200, "the tag of another encoding");
}

#[tokio::test]
async fn a_search_shows_what_fits_and_never_what_was_typed_as_markup() {
    let served = plain().await;
    let page = get(served.address, "/trust?state=failing&kind=evidenced&q=soc", "").await;
    assert!(page.contains("data-claim=\"P058\"") && !page.contains("data-claim=\"P095\""));
    let page = get(served.address, "/trust?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "").await;
    assert!(!page.contains("<script") && page.contains("Nothing fits"));
    for odd in ["/trust?state=nonsense", "/trust?", "/trust?state", "/trust/history?before=-5"] {
        assert_eq!(status(&get(served.address, odd, "").await), 200, "{odd}");
    }
    for odd in ["/trust?%ff", "/trust?q=%ff", "/trust/history?before=x"] {
        assert_eq!(status(&get(served.address, odd, "").await), 400, "{odd}");
    }
}

#[tokio::test]
async fn no_answer_names_a_product_version_or_a_path_of_the_machine() {
    let served = plain().await;
    for path in PAGES.iter().map(|row| example(row.example)).chain(["/nothing".to_owned()]) {
        let answer = get(served.address, &path, "").await.to_lowercase();
        for telltale in ["server:", "x-powered-by", "/root", "/home", "axum", "hyper", "rustc", "leptos 0", "panicked"]
        {
            assert!(!answer.contains(telltale), "{path} says {telltale}");
        }
    }
}

#[tokio::test]
async fn security_txt_names_the_contact_and_expires_within_a_year() {
    let served = plain().await;
    let answer = get(served.address, "/.well-known/security.txt", "").await;
    assert!(answer.contains("Contact: mailto:security@aertous.example\n"), "{answer}");
    let expires = answer.lines().find_map(|line| line.strip_prefix("Expires: ")).expect("expires");
    let expires = time::OffsetDateTime::parse(expires, &time::format_description::well_known::Rfc3339).expect("a date");
    let left = expires - time::OffsetDateTime::now_utc();
    assert!(left > time::Duration::days(30) && left < time::Duration::days(365), "{left}");
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_finishes_and_closes() {
    let served = plain().await;
    assert_eq!(status(&get(served.address, "/healthz", "").await), 200);
    served.stop.send(true).expect("told");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(tokio::net::TcpStream::connect(served.address).await.is_err());
}

/// The layers of a served world around a router of our own.
async fn behind_the_layers(served: &common::Served, router: axum::Router) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address");
    let front = app::http::layers::Front::around(std::sync::Arc::clone(&served.site), router);
    let stopping = served.stop.subscribe();
    tokio::spawn(app::http::serve::serve(listener, None, front, stopping));
    address
}

#[tokio::test]
async fn a_page_that_panics_is_answered_with_a_reference_and_nothing_else() {
    let served = plain().await;
    let breaks = axum::routing::get(|| async {
        let none: Option<&str> = std::hint::black_box(None);
        none.expect("the secret cause at /etc/secret")
    });
    let address = behind_the_layers(&served, axum::Router::new().route("/breaks", breaks)).await;
    let request = format!("GET /breaks HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.address);
    let answer = raw(address, &request).await;
    assert_eq!(status(&answer), 500, "{answer}");
    assert!(answer.contains("name this reference: ") && !answer.contains("secret"), "{answer}");
    assert_eq!(status(&raw(address, &request).await), 500, "and the server goes on");
}

#[tokio::test]
async fn a_page_that_takes_too_long_is_answered_408() {
    let quick = profile("aertous", &[("request_seconds = 30", "request_seconds = 1")]);
    let served = served(World::with(quick).await, Mode::Plain, None, "").await;
    let hangs = axum::routing::get(std::future::pending::<&str>);
    let address = behind_the_layers(&served, axum::Router::new().route("/hangs", hangs)).await;
    let request = format!("GET /hangs HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.address);
    assert_eq!(status(&raw(address, &request).await), 408);
}

#[tokio::test]
async fn the_key_that_verifies_what_we_sign_is_published_for_people_and_for_programs_with_the_programs_that_verify() {
    let served = plain().await;
    let key = served.world.vault.signing().public_hex();
    let body = |answer: String| answer.split_once("\r\n\r\n").expect("a body").1.to_owned();
    let trust = get(served.address, "/trust", "").await;
    assert!(trust.contains("href=\"/keys\""), "the trust page leads to the keys");
    let page = get(served.address, "/keys", "").await;
    assert!(page.contains(&format!("data-public-key=\"{key}\"")), "{page}");
    let told = body(get(served.address, "/.well-known/avouch-keys.json", "").await);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((told["algorithm"].as_str(), told["present"]["public_key"].as_str()), (Some("Ed25519"), Some(&*key)));
    assert_eq!(told["present"]["since"].as_str(), Some("2026-11-21T12:00:00Z"), "{told}");
    assert_eq!(told["former"].as_array().map(Vec::len), Some(0), "{told}");
    let verifiers = told["verifiers"].as_array().expect("verifiers");
    assert_eq!(verifiers.len(), 2, "{told}");
    for verifier in verifiers {
        let name = verifier.as_str().and_then(|url| url.rsplit('/').next()).expect("a name");
        let text = body(get(served.address, &format!("/keys/{name}"), "").await);
        let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/tests").join(name);
        assert_eq!(text, std::fs::read_to_string(ours).expect(name), "{name}");
        assert!(page.contains(&format!("href=\"/keys/{name}\"")), "{name}");
    }
    assert_eq!(status(&get(served.address, "/keys/passwd", "").await), 404);
}
