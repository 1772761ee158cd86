//! The vendor's pages over a real socket: what is typed wrong is said beside its field, and nothing is lost or half saved.

use contract::access::Stage;
use server::jobs::{self, Line};

use crate::common::{Browser, Served, of_profile, status};

/// One of the staff, with a factor given just now.
async fn staff() -> (Served, Browser) {
    let mut served = of_profile(server::testing::profile("stack-aero", &[])).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let person = served.world.stage_person(None, Stage::SteppedUp).await;
    served.world.tamper("update account set kind = 'operator'").await;
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    (served, browser)
}

const SAVE: &str = "/api/save-component";

fn form<'a>(name: &'a str, critical: &'a str, rto: &'a str, rpo: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("name", name), ("rto_hours", rto), ("rpo_hours", rpo)];
    if !critical.is_empty() {
        fields.push(("critical", critical));
    }
    fields
}

#[tokio::test]
async fn a_component_that_does_not_fit_is_refused_by_its_field_and_not_saved() {
    let (_served, mut browser) = staff().await;
    let long = "x".repeat(121);
    for (blamed, fields) in [
        ("rto_hours", form("Ledger", "yes", "", "1")),
        ("rpo_hours", form("Ledger", "yes", "4", "")),
        ("rto_hours", form("Ledger", "", "1.5", "")),
        ("rto_hours", form("Ledger", "", "0", "")),
        ("rpo_hours", form("Ledger", "yes", "4", "8761")),
        ("rpo_hours", form("Ledger", "yes", "4", "-1")),
        ("name", form("", "", "", "")),
        ("name", form("---", "", "", "")),
        ("name", form(&long, "", "", "")),
    ] {
        let told = browser.send("/operator", SAVE, &fields).await;
        assert_eq!(status(&told), 422, "{fields:?}: {told}");
        assert!(told.contains(&format!("\"field\":\"{blamed}\"")), "{fields:?}: {told}");
    }
    let page = browser.get("/operator", "accept: text/html\r\n").await;
    assert!(status(&page) == 200 && !page.contains("Ledger"), "{page}");
}

#[tokio::test]
async fn what_was_typed_stands_in_the_form_again_with_what_is_wrong_with_it() {
    let (_served, mut browser) = staff().await;
    let hostile = "Ledger \"><script>alert(1)</script>";
    let page = browser.form("/operator", SAVE, &form(hostile, "yes", "soon", "12")).await;
    assert_eq!(status(&page), 422, "{page}");
    assert!(!page.contains("<script>alert"), "{page}");
    let input = |name: &str| {
        let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")));
        tag.and_then(|tag| tag.split('>').next()).unwrap_or_default().to_owned()
    };
    assert!(input("rto_hours").contains("aria-invalid=\"true\"") && input("rto_hours").contains("c-rto_hours-wrong"));
    assert!(input("rpo_hours").contains("value=\"12\"") && !input("rpo_hours").contains("aria-invalid"));
    assert!(input("critical").contains("checked"), "{}", input("critical"));
    assert!(page.contains("value=\"Ledger "), "{page}");
}

#[tokio::test]
async fn a_component_keeps_what_it_had_when_a_change_of_it_is_refused() {
    let (_served, mut browser) = staff().await;
    let saved = browser.form("/operator", SAVE, &form("Ledger", "yes", "4", "12")).await;
    assert_eq!(status(&saved), 303, "{saved}");
    assert_eq!(status(&browser.send("/operator", SAVE, &form("Ledger", "yes", "2", "")).await), 422);
    let page = browser.get("/operator", "accept: text/html\r\n").await;
    let row = page.split("data-component=\"ledger\"").nth(1).and_then(|rest| rest.split("</tr>").next());
    let row = row.unwrap_or_else(|| unreachable!("it is not there: {page}"));
    assert!(row.contains("4 h") && row.contains("12 h") && !row.contains("2 h</td><td>"), "{row}");
}

#[tokio::test]
async fn the_staff_see_what_each_job_last_came_to_and_no_cause_of_a_failure() {
    let (served, mut browser) = staff().await;
    let page = browser.get("/operator", "accept: text/html\r\n").await;
    assert!(page.contains("No job has run yet"), "{page}");
    let (operator, now) = (served.world.operator(), served.world.now);
    let round = jobs::upkeep_line(&operator, served.world.accounts(), now).await;
    let broken = Line { job: "backup".into(), outcome: "failing", detail: "/secret/place is full".into(), took_ms: 1 };
    jobs::kept::keep(&operator, &[round, broken], now).await.expect("kept");
    let page = browser.get("/operator", "accept: text/html\r\n").await;
    let row = |job: &str| {
        let rest = page.split(&format!("data-job=\"{job}\"")).nth(1);
        rest.and_then(|rest| rest.split("</tr>").next()).unwrap_or_else(|| unreachable!("{job} is not there: {page}"))
    };
    assert!(row("organisations").contains("organisations: 0 departures"), "{}", row("organisations"));
    assert!(row("backup").contains("Failed") && !page.contains("/secret/place"), "{}", row("backup"));
}

/// A form with a file, as a browser without script sends it.
async fn evidence(browser: &mut Browser, date: &str, note: &str, file: Option<(&str, &str)>) -> String {
    let token = browser.token("/operator/evidence").await;
    let field = |(name, value): (&str, &str)| {
        format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let kind = "content-type: application/octet-stream";
    let part = |(name, content): (&str, &str)| {
        format!(
            "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n{kind}\r\n\r\n{content}\r\n"
        )
    };
    let fields = [("csrf", token.as_str()), ("claim", "P011"), ("date", date), ("note", note)].map(field);
    let mut body = fields.concat() + &file.map(part).unwrap_or_default();
    body.push_str("--x--\r\n");
    browser.forged("/api/record-evidence", "multipart/form-data; boundary=x", "", &body).await
}

#[tokio::test]
async fn evidence_says_what_it_shows_of_which_day_and_who_recorded_it_or_is_refused() {
    let (served, mut browser) = staff().await;
    let today = served.world.now.date();
    let (day, tomorrow) = (today.to_string(), (today + time::Duration::days(2)).to_string());
    for (blamed, date, note, file) in [
        ("note", day.as_str(), "", None),
        ("note", &day, "  ", None),
        ("date", &tomorrow, "The letter came", None),
        ("file", &day, "The letter came", Some(("letter.pdf", "not a PDF"))),
        ("file", &day, "The letter came", Some(("letter.txt", ""))),
    ] {
        let told = evidence(&mut browser, date, note, file).await;
        assert_eq!(status(&told), 422, "{note} {file:?}: {told}");
        assert!(told.contains(&format!("\"field\":\"{blamed}\"")), "{blamed}: {told}");
    }
    assert!(served.world.facts().await.records.is_empty());
    let told = evidence(&mut browser, &day, "The letter came", Some(("letter.txt", "Dear all"))).await;
    assert_eq!(status(&told), 200, "{told}");
    let page = browser.get("/operator/evidence", "accept: text/html\r\n").await;
    let row = page.split("data-evidence=").nth(1).and_then(|rest| rest.split("</tr>").next()).expect("a row");
    let until = (today + time::Duration::days(365)).to_string();
    for said in ["P011", &day, &until, "The letter came", "letter.txt"] {
        assert!(row.contains(said), "{said}: {row}");
    }
    assert!(!row.contains("The command line"), "{row}");
    let public = browser.get("/trust/claims/P011", "accept: text/html\r\n").await;
    assert!(status(&public) == 200 && !public.contains("The letter came"), "{public}");
}
