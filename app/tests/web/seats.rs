//! Reviews of the vendor's own seats through their pages and forms.

use contract::access::Stage;
use serde_json::Value;
use server::staged::Insider;
use time::{Duration, OffsetDateTime};

use crate::common::{Browser, Served, of_profile, status};

const ALL: &str = "/operator/reviews";

/// Two of the staff, each with a browser, and somebody who is none of them.
struct Desk {
    served: Served,
    olga: Insider,
    otto: Insider,
    browser: Browser,
}

fn act(name: &str) -> String {
    format!("/api/operator/{name}")
}

fn told(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|_| unreachable!("no JSON: {answer}"))
}

impl Desk {
    async fn new() -> Self {
        let mut served = of_profile(server::testing::profile("stack-aero", &[])).await;
        served.world.now = OffsetDateTime::now_utc();
        let olga = served.world.stage_person(None, Stage::SteppedUp).await;
        let otto = served.world.stage_person(None, Stage::SteppedUp).await;
        served.world.tamper("update account set kind = 'operator'").await;
        let mut browser = Browser::new(served.address);
        browser.sign_in_with(&olga.session);
        Self { served, olga, otto, browser }
    }

    fn of(&self, person: &Insider) -> Browser {
        let mut browser = Browser::new(self.served.address);
        browser.sign_in_with(&person.session);
        browser
    }

    async fn page(&mut self, path: &str) -> String {
        self.browser.get(path, "accept: text/html\r\n").await
    }

    async fn send(&mut self, name: &str, fields: &[(&str, &str)]) -> String {
        self.browser.send("/account", &act(name), fields).await
    }

    /// Opens a review as a browser without script does, and gives its id.
    async fn open(&mut self) -> String {
        let due = day(14);
        let made = self.browser.form(ALL, &act("open-review"), &[("name", "Autumn"), ("due", &due)]).await;
        let id = made.split(&format!("location: {ALL}/")).nth(1).and_then(|rest| rest.split('?').next());
        id.unwrap_or_else(|| unreachable!("no way on: {made}")).to_owned()
    }

    /// What the page says of somebody's seat.
    async fn item(&mut self, review: &str, person: &Insider) -> String {
        let page = self.page(&format!("{ALL}/{review}")).await;
        let item = page.split("data-item=\"").skip(1).find(|item| item.contains(&person.address));
        let item = item.unwrap_or_else(|| unreachable!("no item: {page}"));
        item.split("</li>").next().unwrap_or_default().to_owned()
    }

    async fn id(&mut self, review: &str, person: &Insider) -> String {
        self.item(review, person).await.split('"').next().unwrap_or_default().to_owned()
    }
}

/// A day that is to come.
fn day(ahead: i64) -> String {
    (OffsetDateTime::now_utc() + Duration::days(ahead)).date().to_string()
}

#[tokio::test]
async fn a_review_of_the_seats_stands_in_the_list_and_no_second_one_is_opened() {
    let mut desk = Desk::new().await;
    let empty = desk.page(ALL).await;
    assert!(status(&empty) == 200 && empty.contains("No reviews yet"), "{empty}");
    let review = desk.open().await;
    let list = desk.page(ALL).await;
    assert!(list.contains(&format!("data-review=\"{review}\"")) && list.contains("data-status=\"open\""), "{list}");
    let due = day(14);
    let again = desk.send("open-review", &[("name", "Again"), ("due", &due)]).await;
    assert_eq!(status(&again), 409, "{again}");
    let nameless = desk.send("open-review", &[("name", ""), ("due", &due)]).await;
    assert_eq!((status(&nameless), told(&nameless)["errors"][0]["field"].as_str()), (422, Some("name")));
}

#[tokio::test]
async fn the_keys_of_a_review_of_seats_say_nothing_of_a_role_that_no_seat_has() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let page = desk.page(&format!("{ALL}/{review}")).await;
    let keys: Vec<&str> = page.split("<kbd>").skip(1).filter_map(|key| key.split("</kbd>").next()).collect();
    assert!(keys.contains(&"y") && keys.contains(&"u") && !keys.contains(&"c"), "{keys:?}");
    assert!(!page.contains("Change the role") && !page.contains(" change, "), "{page}");
}

#[tokio::test]
async fn a_decision_about_a_seat_without_its_reason_stands_beside_the_seat_with_what_is_wrong() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let item = desk.id(&review, &desk.otto.clone()).await;
    for decision in ["keep", "revoke"] {
        let answer = desk.send("decide-item", &[("item", &item), ("decision", decision)]).await;
        assert_eq!((status(&answer), told(&answer)["errors"][0]["field"].as_str()), (422, Some("note")), "{answer}");
    }
    let fields = [("item", item.as_str()), ("decision", "revoke"), ("note", ""), ("review", &review)];
    let page = desk.browser.form(&format!("{ALL}/{review}"), &act("decide-item"), &fields).await;
    let shown = page.split(&format!("data-item=\"{item}\"")).nth(1).and_then(|rest| rest.split("</li>").next());
    let shown = shown.unwrap_or_else(|| unreachable!("no item: {page}"));
    assert!(status(&page) == 422 && shown.contains("<option value=\"revoke\" selected"), "{shown}");
}

#[tokio::test]
async fn a_revoked_seat_is_gone_with_the_next_request_and_cannot_be_taken_back() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let mut otto = desk.of(&desk.otto.clone());
    assert_eq!(status(&otto.get("/operator", "accept: text/html\r\n").await), 200);
    let item = desk.id(&review, &desk.otto.clone()).await;
    let place = format!("{ALL}/{review}");
    let fields = [("item", item.as_str()), ("decision", "revoke"), ("note", "Left the team"), ("review", &review)];
    let decided = desk.browser.form(&place, &act("decide-item"), &fields).await;
    assert!(status(&decided) == 303 && decided.contains(&format!("{place}?done=decided#i-{item}")), "{decided}");
    assert_eq!(status(&otto.get("/operator", "accept: application/json\r\n").await), 401);
    let shown = desk.item(&review, &desk.otto.clone()).await;
    assert!(shown.contains("data-stands=\"revoke\"") && shown.contains("Left the team"), "{shown}");
    assert_eq!(status(&desk.send("undo-decision", &[("item", &item)]).await), 409);
}

#[tokio::test]
async fn nobody_decides_on_their_own_seat() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let own = desk.item(&review, &desk.olga.clone()).await;
    assert!(!own.contains("data-action=\"decide-item\"") && own.contains("own access"), "{own}");
    let id = desk.id(&review, &desk.olga.clone()).await;
    let answer = desk.send("decide-item", &[("item", &id), ("decision", "keep"), ("note", "Mine")]).await;
    assert!(status(&answer) == 409 && answer.contains("own access"), "{answer}");
}

#[tokio::test]
async fn the_second_who_decides_about_a_seat_is_told_who_was_first() {
    let mut desk = Desk::new().await;
    let petra = desk.served.world.stage_person(None, Stage::SteppedUp).await;
    desk.served.world.tamper("update account set kind = 'operator'").await;
    let review = desk.open().await;
    let item = desk.id(&review, &desk.otto.clone()).await;
    let fields = [("item", item.as_str()), ("decision", "keep"), ("note", "Needed")];
    assert_eq!(status(&desk.send("decide-item", &fields).await), 200);
    let mut petra = desk.of(&petra);
    let second = petra.send("/account", &act("decide-item"), &fields).await;
    assert!(status(&second) == 409 && second.contains("Nothing was changed by you"), "{second}");
    assert_eq!(status(&petra.send("/account", &act("undo-decision"), &fields[..1]).await), 409);
}

#[tokio::test]
async fn a_kept_seat_is_undecided_again_when_that_is_taken_back() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let item = desk.id(&review, &desk.otto.clone()).await;
    let fields = [("item", item.as_str()), ("decision", "keep"), ("note", "Needed"), ("review", &review)];
    let kept = desk.send("decide-item", &fields).await;
    assert_eq!(told(&kept)["item"]["decided"].as_u64(), Some(1), "{kept}");
    let shown = desk.item(&review, &desk.otto.clone()).await;
    assert!(shown.contains("data-action=\"undo-decision\"") && shown.contains("data-stands=\"keep\""), "{shown}");
    let place = format!("{ALL}/{review}");
    let undone = desk.browser.form(&place, &act("undo-decision"), &[("item", &item), ("review", &review)]).await;
    assert!(status(&undone) == 303 && undone.contains("done=taken-back"), "{undone}");
    let shown = desk.item(&review, &desk.otto.clone()).await;
    assert!(shown.contains("data-stands=\"undecided\"") && !shown.contains("Needed"), "{shown}");
}

#[tokio::test]
async fn a_closed_review_of_the_seats_has_its_report_and_its_archive_and_takes_no_decision() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let item = desk.id(&review, &desk.otto.clone()).await;
    let place = format!("{ALL}/{review}");
    let early = desk.page(&format!("{place}/report")).await;
    assert!(status(&early) == 200 && !early.contains("archive.zip") && early.contains("not closed yet"), "{early}");
    let fields = [("item", item.as_str()), ("decision", "keep"), ("note", "Needed")];
    assert_eq!(status(&desk.send("decide-item", &fields).await), 200);
    let closed = desk.browser.form(&place, &act("close-review"), &[("review", &review)]).await;
    assert!(status(&closed) == 303 && closed.contains(&format!("{place}/report")), "{closed}");
    for (name, fields) in [
        ("decide-item", fields.to_vec()),
        ("undo-decision", vec![("item", item.as_str())]),
        ("resolve-drift", vec![("item", item.as_str()), ("note", "Known")]),
        ("close-review", vec![("review", review.as_str())]),
    ] {
        assert_eq!(status(&desk.send(name, &fields).await), 409, "{name}");
    }
    let report = desk.page(&format!("{place}/report")).await;
    assert!(report.contains("archive.zip") && report.contains("data-complete=\"true\""), "{report}");
    let archive = desk.page(&format!("{place}/archive.zip")).await;
    assert!(status(&archive) == 200 && archive.contains("content-type: application/zip"));
}

#[tokio::test]
async fn a_seat_that_is_not_what_was_decided_is_named_on_the_page_and_settled_there() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let otto = desk.otto.clone();
    let item = desk.id(&review, &otto).await;
    let fields = [("item", item.as_str()), ("decision", "keep"), ("note", "Needed")];
    assert_eq!(status(&desk.send("decide-item", &fields).await), 200);
    let accounts = desk.served.world.accounts();
    server::operators::remove(&desk.served.world.operator(), accounts, &otto.address, desk.served.world.now)
        .await
        .expect("removed");
    let refused = desk.send("close-review", &[("review", &review)]).await;
    assert!(status(&refused) == 409 && refused.contains("was to be kept, and is gone"), "{refused}");
    let place = format!("{ALL}/{review}");
    let page = desk.page(&place).await;
    assert!(page.contains(&format!("data-drift=\"{item}\"")) && page.contains("data-action=\"resolve-drift\""));
    let unexplained = desk.send("resolve-drift", &[("item", &item), ("note", "")]).await;
    assert_eq!(status(&unexplained), 422, "{unexplained}");
    let fields = [("item", item.as_str()), ("note", "He left"), ("review", &review)];
    let settled = desk.browser.form(&place, &act("resolve-drift"), &fields).await;
    assert!(status(&settled) == 303 && settled.contains("done=settled"), "{settled}");
    for place in [place.clone(), format!("{place}/report")] {
        let page = desk.page(&place).await;
        assert!(page.contains("gone all the same, explained by ") && page.contains("He left"), "{page}");
    }
    let shown = desk.item(&review, &otto).await;
    assert!(shown.contains("Needed") && shown.contains("He left"), "both reasons: {shown}");
    assert_eq!(status(&desk.send("close-review", &[("review", &review)]).await), 200);
}

#[tokio::test]
async fn to_everybody_else_there_is_no_review_of_the_seats() {
    let mut desk = Desk::new().await;
    let review = desk.open().await;
    let person = desk.served.world.stage_person(None, Stage::SteppedUp).await;
    let mut person = desk.of(&person);
    for place in ["", "/report", "/archive.zip"] {
        let path = format!("{ALL}/{review}{place}");
        assert_eq!(status(&person.get(&path, "accept: application/json\r\n").await), 404, "{path}");
        let unknown = format!("{ALL}/00000000-0000-7000-8000-000000000000{place}");
        assert_eq!(status(&desk.browser.get(&unknown, "accept: application/json\r\n").await), 404, "{unknown}");
    }
    let answer = person.send("/account", &act("close-review"), &[("review", &review)]).await;
    assert_eq!(status(&answer), 404, "{answer}");
}
