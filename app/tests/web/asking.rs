//! What an address or a body asks for and nobody understands: it is named, with what is allowed, and never answered with something else.

use contract::access::Stage;
use serde_json::Value;

use crate::common::{Browser, status};
use crate::registers::{ACTS, CONTROLS, desk, told};
use crate::reviews;

/// Each list, what is asked of it that it does not have, and the name of that.
const LISTS: &[(&str, &str, &str)] = &[
    (CONTROLS, "from=garbage", "from"),
    (CONTROLS, "from=2026-02-02&to=2026-02-01", "to"),
    (CONTROLS, "person=123", "person"),
    (CONTROLS, "sort=foo", "sort"),
    (CONTROLS, "sort=name", "sort"),
    (CONTROLS, "after=garbage", "after"),
    (CONTROLS, "c1=Nope", "c1"),
    (CONTROLS, "by=colour", "by"),
    (CONTROLS, "requirement=CC99", "requirement"),
    (CONTROLS, "week=2026-W47", "week"),
    (CONTROLS, "search=%FF", "search"),
    (CONTROLS, "c1=Planned&c1=Retired", "c1"),
    (CONTROLS, "c9=Planned", "c9"),
    (CONTROLS, "status=Planned", "status"),
    (CONTROLS, "page=zz", "page"),
    ("/o/ours/registers/controls/bin", "page=2", "page"),
    ("/o/ours/members", "page=2", "page"),
    ("/o/ours/roles", "foo=1", "foo"),
    ("/o/ours/reviews", "foo=1", "foo"),
    ("/o/ours/audit", "page=2", "page"),
    ("/o/ours/audit", "before=x", "before"),
    ("/o/ours/audit", "event=nope", "event"),
    ("/o/ours/audit.csv", "from=garbage", "from"),
    ("/o/ours/audit.csv", "action=nope", "action"),
    ("/o/ours/audit.jsonl", "actor=123", "actor"),
    ("/o/ours/audit.jsonl", "after=5", "after"),
    ("/o/ours/registers/controls/bin", "after=x", "after"),
    ("/o/ours/members", "role=Nobody", "role"),
    ("/o/ours/members", "factor=maybe", "factor"),
    ("/o/ours/members", "sort=foo", "sort"),
    ("/o/ours/members", "after=garbage", "after"),
    ("/o/ours/members", "c1=Nope", "c1"),
    ("/o/ours/audit", "action=nope", "action"),
    ("/o/ours/audit", "actor=123", "actor"),
    ("/o/ours/audit", "from=garbage", "from"),
    ("/o/ours/audit", "to=2026-13-01", "to"),
    ("/o/ours/audit", "from=2026-02-02&to=2026-02-01", "to"),
    ("/o/ours/audit", "after=garbage", "after"),
    ("/trust/history", "before=x", "before"),
    ("/trust/history", "page=x", "page"),
];

async fn named(browser: &mut Browser, path: &str, query: &str, name: &str) {
    let address = format!("{path}?{query}");
    let json = browser.get(&address, "accept: application/json\r\n").await;
    assert_eq!(status(&json), 400, "{address}: {json}");
    let body = told(&json);
    assert_eq!(body["errors"][0]["field"], name, "{address}: {json}");
    assert!(body["detail"].as_str().is_some_and(|said| said.len() > 10), "{address}: {json}");
    let instead = body["instead"].as_str().expect("a way").to_owned();
    assert!(instead.starts_with(path) && !instead.contains(&format!("{name}=")), "{address}: {instead}");
    let page = browser.get(&address, "accept: text/html\r\n").await;
    assert!(status(&page) == 400 && page.contains(&format!("<code>{name}</code>")), "{address}: {page}");
    let href = format!("href=\"{}\"", instead.replace('&', "&amp;"));
    assert!(page.contains(&href) && page.contains("Open it without that"), "{address}: {page}");
}

#[tokio::test]
async fn a_list_that_is_asked_for_what_it_does_not_have_names_it_and_shows_nothing_else() {
    let mut desk = desk().await;
    for (path, query, name) in LISTS {
        named(&mut desk.browser, path, query, name).await;
    }
    assert_eq!(status(&desk.page(&format!("{CONTROLS}?sort=foo&done=saved&utm_source=x")).await), 400);
    assert_eq!(status(&desk.page(&format!("{CONTROLS}?done=saved&utm_source=x")).await), 200);
    let kept = desk.browser.get(&format!("{CONTROLS}?c1=Planned&sort=foo"), "accept: application/json\r\n").await;
    assert_eq!(told(&kept)["instead"], format!("{CONTROLS}?c1=Planned"));
}

#[tokio::test]
async fn the_log_is_taken_along_as_the_page_shows_it() {
    let mut desk = desk().await;
    for name in ["North", "South"] {
        let made = desk.browser.send("/account", "/api/o/ours/create-unit", &[("name", name)]).await;
        assert_eq!(status(&made), 200, "{made}");
    }
    let entries = |answer: &str| -> Vec<String> {
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        body.lines().filter(|line| line.contains('-')).map(str::to_owned).collect()
    };
    let whole = entries(&desk.page("/o/ours/audit.csv").await);
    let query = format!("action=unit-made&actor={}", desk.ada.account);
    let page = desk.page(&format!("/o/ours/audit?{query}")).await;
    let href = |kind: &str| format!("href=\"/o/ours/audit.{kind}?{}\"", query.replace('&', "&amp;"));
    assert!(page.contains(&href("csv")) && page.contains(&href("jsonl")), "{page}");
    assert_eq!(page.matches("data-entry=").count(), 2, "{page}");
    for kind in ["csv", "jsonl"] {
        let file = desk.page(&format!("/o/ours/audit.{kind}?{query}")).await;
        assert_eq!(status(&file), 200, "{file}");
        let lines: Vec<String> = entries(&file).into_iter().filter(|line| line.contains("unit-made")).collect();
        assert_eq!(lines.len(), 2, "{file}");
        assert!(!file.contains("log-exported"), "{file}");
    }
    assert!(whole.iter().any(|line| line.contains("log-exported")), "{whole:?}");
    // What was chosen stands in the form, so that choosing one thing more keeps it.
    let page = desk.page(&format!("/o/ours/audit?{query}&from=2001-01-01")).await;
    let chosen = [format!("value=\"{}\" selected", desk.ada.account), "value=\"unit-made\" selected".to_owned()];
    assert!(chosen.iter().all(|option| page.contains(option)), "{page}");
    assert!(page.contains("name=\"from\" value=\"2001-01-01\"") && page.contains("name=\"to\""), "{page}");
    let none = desk.page("/o/ours/audit.jsonl?to=2001-01-01").await;
    assert!(status(&none) == 200 && entries(&none).iter().all(|line| !line.contains("\"seq\"")), "{none}");
}

#[tokio::test]
async fn what_is_no_text_is_refused_in_a_form_in_json_and_in_parts_and_never_kept() {
    let mut desk = desk().await;
    let token = desk.browser.token("/account").await;
    let place = "/api/o/ours/create-unit";
    let form = "application/x-www-form-urlencoded";
    let parts = "multipart/form-data; boundary=x";
    let header = format!("x-csrf-token: {token}\r\n");
    for (kind, body) in [(form, "name=Nor%FFth".to_owned()), ("application/json", "{\"name\":\"\\ud800\"}".to_owned())]
    {
        let answer = desk.browser.forged(place, kind, &header, &body).await;
        assert_eq!(status(&answer), 400, "{answer}");
        assert!(told(&answer)["detail"].as_str().is_some_and(|said| said.contains("UTF-8")), "{answer}");
    }
    // Also without a token of its own: what cannot be read has none to show.
    let answer = desk.browser.forged(place, form, "accept: text/html\r\n", "name=%FF").await;
    assert!(status(&answer) == 400 && answer.contains("That was not understood"), "{answer}");
    let import = format!("{ACTS}/import-records");
    let answer = desk.browser.forged(&import, parts, &header, "--x\r\nbroken").await;
    assert_eq!(status(&answer), 400, "{answer}");
    assert!(!desk.page("/o/ours/units").await.contains('\u{fffd}'));
}

#[tokio::test]
async fn json_names_what_is_not_there_and_what_is_no_text() {
    let mut desk = desk().await;
    let header = format!("x-csrf-token: {}\r\n", desk.browser.token("/account").await);
    let create = format!("{ACTS}/create-record");
    for (place, body, name, said) in [
        ("/api/o/ours/create-unit", r#"{"nope":1}"#, "nope", "there is no field"),
        ("/api/o/ours/create-unit", r#"{"name":1}"#, "name", "a number was sent"),
        (&create, r#"{"nope":1}"#, "nope", "there is no field"),
        (&create, r#"{"name":["a"]}"#, "name", "a list was sent"),
    ] {
        let answer = desk.browser.forged(place, "application/json", &header, body).await;
        assert_eq!(status(&answer), 422, "{answer}");
        let error = &told(&answer)["errors"][0];
        assert_eq!(error["field"], Value::from(name), "{answer}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{answer}");
    }
}

#[tokio::test]
async fn the_operators_list_names_what_it_does_not_understand_too() {
    let mut desk = desk().await;
    let staff = desk.served.world.stage_person(None, Stage::SteppedUp).await;
    desk.served.world.tamper("update account set kind = 'operator'").await;
    desk.browser.sign_in_with(&staff.session);
    named(&mut desk.browser, "/operator", "after=%2E%2E%2F", "after").await;
}

#[tokio::test]
async fn items_of_a_review_are_neither_shown_nor_decided_by_what_nobody_understands() {
    let mut desk = reviews::Desk::new().await;
    let review = desk.open(&[]).await;
    let path = format!("{}/{review}", reviews::ALL);
    for (query, name) in [
        ("stands=nope", "stands"),
        ("grants=nope", "grants"),
        ("advice=nope", "advice"),
        ("whose=nope", "whose"),
        ("after=nope", "after"),
        ("sort=foo", "sort"),
    ] {
        named(&mut desk.browser, &path, query, name).await;
    }
    for narrowing in ["stands=nope", "nope=1", "all=no", "role=%FF"] {
        let fields = [("review", review.as_str()), ("narrowing", narrowing), ("decision", "revoke"), ("note", "x")];
        let refused = desk.send("decide-items", &fields).await;
        assert_eq!(status(&refused), 422, "{narrowing}: {refused}");
        assert_eq!(told(&refused)["errors"][0]["field"], "narrowing", "{narrowing}");
    }
}
