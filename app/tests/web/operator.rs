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

async fn evidence(browser: &mut Browser, date: &str, note: &str, file: Option<(&str, &str)>) -> String {
    let fields = [("claim", "P011"), ("date", date), ("note", note)];
    evidence_of(browser, &fields, file, "").await
}

/// A form with a file, as a browser without script sends it.
async fn evidence_of(
    browser: &mut Browser,
    fields: &[(&str, &str)],
    file: Option<(&str, &str)>,
    accept: &str,
) -> String {
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
    let fields: String = fields.iter().copied().chain([("csrf", token.as_str())]).map(field).collect();
    let mut body = fields + &file.map(part).unwrap_or_default();
    body.push_str("--x--\r\n");
    browser.forged("/api/record-evidence", "multipart/form-data; boundary=x", accept, &body).await
}

const HTML: &str = "accept: text/html\r\n";

#[tokio::test]
async fn evidence_that_is_too_large_is_refused_with_the_form_as_it_was_filled_in() {
    let (served, mut browser) = staff().await;
    let day = served.world.now.date().to_string();
    let limit = served.world.profile.policy.limits.upload_kib.get();
    let page = browser.get("/operator/evidence", HTML).await;
    assert!(page.contains(&format!("may have {} MiB here", limit / 1024)), "{page}");
    let fields = [("claim", "P014"), ("date", day.as_str()), ("note", "The letter of the year"), ("names", "a: b")];
    let large = "x".repeat(limit as usize * 1024 + 1);
    let refused = evidence_of(&mut browser, &fields, Some(("letter.txt", &large)), HTML).await;
    assert_eq!(status(&refused), 413);
    assert!(refused.contains("That is too large") && refused.contains("value=\"The letter of the year\""), "{refused}");
    assert!(refused.contains("value=\"P014\" selected") && refused.contains(&format!("value=\"{day}\"")), "{refused}");
    assert!(served.world.facts().await.records.is_empty());
    let fits = "x".repeat(3 * 1024 * 1024);
    let told = evidence_of(&mut browser, &fields, Some(("letter.txt", &fits)), HTML).await;
    assert_eq!(status(&told), 303, "{told}");
    let huge = "x".repeat(limit as usize * 1024 * 8);
    let refused = evidence_of(&mut browser, &fields, Some(("letter.txt", &huge)), HTML).await;
    assert!(refused.is_empty() || status(&refused) == 413, "{refused}");
}

#[tokio::test]
async fn every_claim_that_is_offered_takes_evidence_with_what_its_record_has_to_name() {
    let (served, mut browser) = staff().await;
    let day = served.world.now.date().to_string();
    let page = browser.get("/operator/evidence", HTML).await;
    let options = page.split("id=\"e-claim\"").nth(1).and_then(|rest| rest.split("</select>").next()).expect("claims");
    let offered: Vec<&str> =
        options.split("<option value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(offered.contains(&"P012") && offered.contains(&"P013"), "{offered:?}");
    let named = "scope: network\nfirm: Secure Ltd\nindependence: declared";
    for claim in &offered {
        let fields = [("claim", *claim), ("date", &day), ("note", "It was seen"), ("names", named)];
        let told = evidence_of(&mut browser, &fields, None, "").await;
        assert_eq!(status(&told), 200, "{claim}: {told}");
    }
    for (names, said) in [("", "add the line firm"), ("Secure Ltd", "name: value")] {
        let fields = [("claim", "P013"), ("date", &day), ("note", "It was seen"), ("names", names)];
        let told = evidence_of(&mut browser, &fields, None, "").await;
        assert!(status(&told) == 422 && told.contains("\"field\":\"names\"") && told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn wrong_evidence_is_withdrawn_with_a_reason_and_stays_on_record() {
    let (served, mut browser) = staff().await;
    let day = served.world.now.date().to_string();
    assert_eq!(status(&evidence(&mut browser, &day, "The letter came", None).await), 200);
    let page = browser.get("/operator/evidence", HTML).await;
    let id = page.split("data-evidence=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    let place = "/api/withdraw-evidence";
    let without = browser.form("/operator/evidence", place, &[("evidence", &id), ("reason", " ")]).await;
    assert!(status(&without) == 422 && without.contains("Say why it is withdrawn"), "{without}");
    let unknown = [("evidence", "01890000-0000-7000-8000-000000000000"), ("reason", "x")];
    assert_eq!(status(&browser.send("/operator/evidence", place, &unknown).await), 404);
    assert_eq!(served.world.facts().await.records.len(), 1);
    let reason = "It was about another year";
    let done = browser.form("/operator/evidence", place, &[("evidence", &id), ("reason", reason)]).await;
    assert_eq!(status(&done), 303, "{done}");
    assert!(served.world.facts().await.records.is_empty());
    let page = browser.get("/operator/evidence", HTML).await;
    let row = page.split(&format!("data-evidence=\"{id}\"")).nth(1).and_then(|rest| rest.split("</tr>").next());
    let row = row.unwrap_or_else(|| unreachable!("it is not there: {page}"));
    for said in ["Withdrawn", reason, "The letter came"] {
        assert!(row.contains(said), "{said}: {row}");
    }
    let again = browser.send("/operator/evidence", place, &[("evidence", &id), ("reason", "x")]).await;
    assert_eq!(status(&again), 409, "{again}");
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
