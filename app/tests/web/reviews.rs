//! Access reviews through their pages and forms, as a browser without script and as a program use them.

use contract::access::Stage;
use contract::permission::Permission;
use contract::standing::Standing;
use serde_json::Value;
use server::staged::{Insider, Staged};
use server::testing::profile;
use time::{Duration, OffsetDateTime};

use crate::common::{Browser, Served, of_profile, status};

/// An organisation with somebody who opens reviews and decides in them, and somebody whose access is looked at.
pub struct Desk {
    pub served: Served,
    pub ours: Staged,
    pub ada: Insider,
    pub bea: Insider,
    pub browser: Browser,
}

pub const ALL: &str = "/o/ours/reviews";

pub fn told(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|_| unreachable!("no JSON: {answer}"))
}

pub fn act(name: &str) -> String {
    format!("/api/o/ours/{name}")
}

/// The role that may least, and the one that may most.
pub fn roles(served: &Served) -> (String, String) {
    let roles = &served.world.profile.roles;
    let least = roles.iter().min_by_key(|(_, role)| role.grants.len()).expect("a role").0;
    let most = roles.iter().max_by_key(|(_, role)| role.grants.len()).expect("a role").0;
    (least.clone(), most.clone())
}

impl Desk {
    pub async fn new() -> Self {
        let wide = [
            ("reads_per_minute = 600", "reads_per_minute = 600000"),
            ("changes_per_minute = 120", "changes_per_minute = 120000"),
        ];
        let mut served = of_profile(profile("aertous", &wide)).await;
        served.world.now = OffsetDateTime::now_utc();
        let ours = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
        let (least, most) = roles(&served);
        let ada = served.world.stage_person(Some((&ours, &most)), Stage::SteppedUp).await;
        let bea = served.world.stage_person(Some((&ours, &least)), Stage::SteppedUp).await;
        let mut browser = Browser::new(served.address);
        browser.sign_in_with(&ada.session);
        Self { served, ours, ada, bea, browser }
    }

    pub fn of(&self, person: &Insider) -> Browser {
        let mut browser = Browser::new(self.served.address);
        browser.sign_in_with(&person.session);
        browser
    }

    pub async fn send(&mut self, name: &str, fields: &[(&str, &str)]) -> String {
        self.browser.send("/account", &act(name), fields).await
    }

    pub async fn page(&mut self, path: &str) -> String {
        self.browser.get(path, "accept: text/html\r\n").await
    }

    /// Opens a review of everything, and gives its id.
    pub async fn open(&mut self, more: &[(&str, &str)]) -> String {
        let due = day(14);
        let given = |name: &str| more.iter().any(|(known, _)| *known == name);
        let usual = [("name", "Autumn"), ("due", due.as_str())].into_iter().filter(|(name, _)| !given(name));
        let fields: Vec<(&str, &str)> = usual.chain(more.iter().copied()).collect();
        let answer = self.send("open-review", &fields).await;
        assert_eq!(status(&answer), 200, "{answer}");
        told(&answer)["review"].as_str().expect("an id").to_owned()
    }

    /// The id of the item about somebody, as the page shows it.
    pub async fn item(&mut self, review: &str, person: &Insider) -> String {
        let page = self.page(&format!("{ALL}/{review}")).await;
        let href = format!("/members/{}\"", person.account);
        let item = page.split("data-item=\"").skip(1).find(|item| item.contains(&href));
        let item = item.unwrap_or_else(|| unreachable!("no item: {page}"));
        item.split('"').next().unwrap_or_default().to_owned()
    }
}

/// A day that is to come.
pub fn day(ahead: i64) -> String {
    (OffsetDateTime::now_utc() + Duration::days(ahead)).date().to_string()
}

#[tokio::test]
async fn what_is_revoked_without_script_is_gone_with_the_next_request() {
    let mut desk = Desk::new().await;
    let mut bea = desk.of(&desk.bea.clone());
    assert_eq!(status(&bea.get("/o/ours", "accept: text/html\r\n").await), 200);
    let due = day(14);
    let made = desk.browser.form(ALL, &act("open-review"), &[("name", "Autumn"), ("due", &due)]).await;
    let place =
        made.split("location: ").nth(1).and_then(|rest| rest.split("?done").next()).expect("a way on").to_owned();
    assert!(status(&made) == 303 && place.starts_with(ALL), "{made}");
    let review = place.rsplit('/').next().unwrap_or_default().to_owned();
    let item = desk.item(&review, &desk.bea.clone()).await;
    let fields =
        [("item", item.as_str()), ("decision", "revoke"), ("note", "Left the team"), ("role", ""), ("review", &review)];
    let decided = desk.browser.form(&place, &act("decide-item"), &fields).await;
    assert!(status(&decided) == 303 && decided.contains(&format!("#i-{item}")), "{decided}");
    assert_eq!(status(&bea.get("/o/ours", "accept: application/json\r\n").await), 401);
    let page = desk.page(&place).await;
    assert!(page.contains("Left the team") && page.contains("data-stands=\"revoke\""), "{page}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_field_and_its_status() {
    let mut desk = Desk::new().await;
    let due = day(14);
    let bea = desk.bea.address.clone();
    for (fields, field) in [
        (vec![("name", ""), ("due", due.as_str())], "name"),
        (vec![("name", "A"), ("due", "soon")], "due"),
        (vec![("name", "A"), ("due", "2020-01-01")], "due"),
        (vec![("name", "A"), ("due", &due), ("scope", "role:Nobody")], "scope"),
        (vec![("name", "A"), ("due", &due), ("scope", "everything")], "scope"),
        (vec![("name", "A"), ("due", &due), ("silence", "forget")], "silence"),
        (vec![("name", "A"), ("due", &due), ("effect", "never")], "effect"),
        (vec![("name", "A"), ("due", &due), ("reviewer", "nobody@acme.example")], "reviewer"),
        (vec![("name", "A"), ("due", &due), ("reviewer", &bea)], "reviewer"),
        (vec![("name", "A"), ("due", &due), ("owner", "x")], "owner"),
    ] {
        let answer = desk.send("open-review", &fields).await;
        assert_eq!((status(&answer), told(&answer)["errors"][0]["field"].as_str()), (422, Some(field)), "{answer}");
    }
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    for (fields, code, field) in [
        (vec![("item", item.as_str()), ("decision", "revoke")], 422, "note"),
        (vec![("item", &item), ("decision", "burn")], 422, "decision"),
        (vec![("item", &item), ("decision", "change")], 422, "role"),
        (vec![("item", &item), ("decision", "change"), ("role", "Nobody")], 422, "role"),
        (vec![("item", &item)], 422, "decision"),
        (vec![("decision", "keep")], 422, "item"),
        (vec![("item", "nonsense"), ("decision", "keep")], 404, ""),
        (vec![("item", "00000000-0000-7000-8000-000000000000"), ("decision", "keep")], 404, ""),
    ] {
        let answer = desk.send("decide-item", &fields).await;
        let blamed = told(&answer)["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        assert_eq!((status(&answer), blamed.as_str()), (code, field), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn a_refused_decision_stands_beside_its_item_with_what_was_typed() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let fields = [("item", item.as_str()), ("decision", "revoke"), ("note", ""), ("role", ""), ("review", &review)];
    let answer = desk.browser.form(&format!("{ALL}/{review}"), &act("decide-item"), &fields).await;
    assert_eq!(status(&answer), 422, "{answer}");
    let shown = answer.split(&format!("data-item=\"{item}\"")).nth(1).expect("the item");
    let shown = shown.split("</li>").next().unwrap_or_default();
    assert!(shown.contains("<option value=\"revoke\" selected"), "{shown}");
    assert!(shown.contains("class=\"wrong\"") && !shown.contains("data-wrong=\"\"></p>"), "{shown}");
}

#[tokio::test]
async fn nobody_decides_on_their_own_access() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let own = desk.item(&review, &desk.ada.clone()).await;
    let answer = desk.send("decide-item", &[("item", &own), ("decision", "keep"), ("note", "Mine")]).await;
    assert!(matches!(status(&answer), 403 | 409 | 422) && answer.contains("own access"), "{answer}");
    let page = desk.page(&format!("{ALL}/{review}")).await;
    let item =
        page.split(&format!("data-item=\"{own}\"")).nth(1).and_then(|rest| rest.split("</li>").next()).expect("it");
    assert!(!item.contains("data-action=\"decide-item\"") && item.contains("own access"), "{item}");
}

#[tokio::test]
async fn many_are_decided_only_when_their_number_is_said() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let fields = [("review", review.as_str()), ("items", &item), ("decision", "keep")];
    let answer = desk.send("decide-items", &fields).await;
    assert!(status(&answer) == 409 && answer.contains("urn:avouch:problem:unconfirmed"), "{answer}");
    let fields = [("review", review.as_str()), ("items", &item), ("decision", "keep"), ("sure", "7")];
    assert_eq!(status(&desk.send("decide-items", &fields).await), 409);
    let asked = desk.browser.form(&format!("{ALL}/{review}"), &act("decide-items"), &fields[..3]).await;
    assert!(status(&asked) == 409 && asked.contains("name=\"sure\" value=\"1\""), "{asked}");
    assert!(asked.contains(&format!("name=\"items\" value=\"{item}\"")), "{asked}");
    let fields = [("review", review.as_str()), ("items", &item), ("decision", "keep"), ("sure", "1")];
    let answer = desk.send("decide-items", &fields).await;
    assert_eq!((status(&answer), told(&answer)["many"]["decided"].as_u64()), (200, Some(1)), "{answer}");
}

#[tokio::test]
async fn before_many_are_revoked_the_page_lists_what_goes_along() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let fields = [("review", review.as_str()), ("items", &item), ("decision", "revoke"), ("note", "Over")];
    let asked = desk.browser.form(&format!("{ALL}/{review}"), &act("decide-items"), &fields).await;
    let along = asked.split("data-along").nth(1).and_then(|rest| rest.split("</ul>").next()).expect("a list");
    assert!(status(&asked) == 409 && along.contains("1 session ends."), "{asked}");
}

#[tokio::test]
async fn what_is_left_to_decide_counts_down_with_each_decision() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(page.contains(">1</span> yours to decide"), "{page}");
    let item = desk.item(&review, &desk.bea.clone()).await;
    let fields = [("item", item.as_str()), ("review", review.as_str()), ("decision", "keep")];
    let answer = desk.send("decide-item", &fields).await;
    assert_eq!(told(&answer)["item"]["mine"].as_u64(), Some(0), "{answer}");
}

#[tokio::test]
async fn where_only_one_may_decide_the_draft_and_the_page_say_what_becomes_of_their_own_access() {
    let mut desk = Desk::new().await;
    let draft = desk.open(&[("draft", "yes"), ("when_due", "close")]).await;
    for begun in [false, true] {
        if begun {
            assert_eq!(status(&desk.send("start-review", &[("review", &draft)]).await), 200);
        }
        let page = desk.page(&format!("{ALL}/{draft}")).await;
        assert!(page.contains("Nobody may decide on 1 item") && page.contains("name another reviewer"), "{page}");
        assert!(page.contains("it closes by itself"), "{page}");
    }
    assert_eq!(status(&desk.send("close-review", &[("review", &draft)]).await), 200);
    let report = desk.page(&format!("{ALL}/{draft}/report")).await;
    assert!(report.contains("<dt>Kept: nobody else could decide</dt><dd>1</dd>"), "{report}");
    assert!(report.contains("1 kept, 1 kept: nobody else could decide"), "{report}");
}

#[tokio::test]
async fn a_review_shows_how_far_it_is_in_one_bar_and_asks_before_a_key_changes_a_role() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    assert_eq!(status(&desk.send("decide-item", &[("item", item.as_str()), ("decision", "keep")]).await), 200);
    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(page.contains("<progress") && !page.contains("class=\"bar\""), "{page}");
    assert!(page.contains("<dialog data-change") && page.contains("signs them out everywhere"), "{page}");
}

#[tokio::test]
async fn a_closed_review_takes_no_decision_and_is_not_closed_twice() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let closed = desk.browser.form(&format!("{ALL}/{review}"), &act("close-review"), &[("review", &review)]).await;
    assert!(status(&closed) == 303 && closed.contains(&format!("{ALL}/{review}/report")), "{closed}");
    for (name, fields) in [
        ("decide-item", vec![("item", item.as_str()), ("decision", "keep")]),
        ("undo-decision", vec![("item", item.as_str())]),
        ("close-review", vec![("review", review.as_str())]),
        ("start-review", vec![("review", review.as_str())]),
    ] {
        assert_eq!(status(&desk.send(name, &fields).await), 409, "{name}");
    }
    let report = desk.page(&format!("{ALL}/{review}/report")).await;
    assert!(status(&report) == 200 && report.contains("archive.zip"), "{report}");
    let archive = desk.page(&format!("{ALL}/{review}/archive.zip")).await;
    assert!(status(&archive) == 200 && archive.contains("content-type: application/zip"));
}

#[tokio::test]
async fn a_draft_says_what_would_happen_and_writes_to_nobody() {
    let mut desk = Desk::new().await;
    let letters = desk.served.letters().await.len();
    let draft = desk.open(&[("draft", "yes")]).await;
    let page = desk.page(&format!("{ALL}/{draft}")).await;
    assert!(page.contains("data-action=\"start-review\"") && page.contains("data-preview"), "{page}");
    assert_eq!(desk.served.letters().await.len(), letters);
    assert_eq!(status(&desk.send("start-review", &[("review", &draft)]).await), 200);
    desk.item(&draft, &desk.bea.clone()).await;
    let other = desk.open(&[("draft", "yes"), ("name", "Other")]).await;
    assert_eq!(status(&desk.send("discard-review", &[("review", &other)]).await), 200);
    assert_eq!(status(&desk.page(&format!("{ALL}/{other}")).await), 404);
}

#[tokio::test]
async fn an_organisation_that_lapsed_reads_its_reviews_and_changes_none() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    desk.served.world.stage_standing(&desk.ours, Standing::Lapsed).await;
    for page in [ALL.to_owned(), format!("{ALL}/{review}"), format!("{ALL}/{review}/report")] {
        let answer = desk.page(&page).await;
        assert!(status(&answer) == 200 && !answer.contains("data-action=\"decide-item\""), "{page}: {answer}");
    }
    let answer = desk.send("decide-item", &[("item", &item), ("decision", "keep")]).await;
    assert_eq!(status(&answer), 402, "{answer}");
}

#[tokio::test]
async fn what_waits_in_an_organisation_that_lapsed_waits_for_its_subscription() {
    let mut desk = Desk::new().await;
    desk.open(&[]).await;
    let until = ["before the subscription goes on", ">Show</a>"];
    for page in ["/o/ours", ALL] {
        let page = desk.page(page).await;
        assert!(page.contains(">Decide</a>") && !until.iter().any(|said| page.contains(said)), "{page}");
    }
    desk.served.world.stage_standing(&desk.ours, Standing::Lapsed).await;
    for page in ["/o/ours", ALL] {
        let page = desk.page(page).await;
        assert!(until.iter().all(|said| page.contains(said)) && !page.contains(">Decide</a>"), "{page}");
    }
}

#[tokio::test]
async fn before_a_review_is_closed_it_says_what_becomes_of_what_nobody_decided_on() {
    let mut desk = Desk::new().await;
    for (silence, said) in [("keep", "is kept"), ("revoke", "is revoked"), ("recommended", "what is recommended")] {
        let review = desk.open(&[("silence", silence)]).await;
        let page = desk.page(&format!("{ALL}/{review}")).await;
        let closing = page.split("id=\"h-close\"").nth(1).and_then(|rest| rest.split("</section>").next()).expect("it");
        assert!(closing.contains("Whatever is not decided by then") && closing.contains(said), "{silence}: {closing}");
        assert!(closing.contains("compared with what was decided") && closing.contains("stays open"), "{closing}");
        assert!(closing.contains("Close the review</button>"), "{closing}");
    }
}

#[tokio::test]
async fn a_draft_whose_last_day_is_over_begins_with_another_one() {
    let mut desk = Desk::new().await;
    let draft = desk.open(&[("draft", "yes")]).await;
    let place = format!("{ALL}/{draft}");
    assert!(!desk.page(&place).await.contains("Its last day is over"));
    desk.served.world.tamper("update review set due_at_ms = 1").await;
    let page = desk.page(&place).await;
    assert!(page.contains("Its last day is over") && page.contains("id=\"due\" name=\"due\" type=\"date\""), "{page}");
    let start = act("start-review");
    for (due, said) in [("", "due"), ("2020-01-01", "still to come")] {
        let refused = desk.browser.form(&place, &start, &[("review", &draft), ("due", due)]).await;
        assert!(status(&refused) == 422 && refused.contains(said), "{due}: {refused}");
    }
    let begun = desk.browser.form(&place, &start, &[("review", &draft), ("due", &day(7))]).await;
    assert!(status(&begun) == 303 && begun.contains("done=review-opened"), "{begun}");
    assert!(desk.page(&place).await.contains("data-action=\"decide-item\""));
}

#[tokio::test]
async fn who_may_not_decide_sees_no_form_and_is_refused() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let reads = |grants: &std::collections::BTreeSet<Permission>| {
        grants.contains(&Permission::ReviewsRead) && !grants.contains(&Permission::ReviewsDecide)
    };
    let roles = desk.served.world.profile.roles.clone();
    let (auditor, _) = roles.iter().find(|(_, role)| reads(&role.grants)).expect("a role that reads only");
    let auditor = desk.served.world.stage_person(Some((&desk.ours, auditor)), Stage::SteppedUp).await;
    let mut browser = desk.of(&auditor);
    let page = browser.get(&format!("{ALL}/{review}"), "accept: text/html\r\n").await;
    assert!(status(&page) == 200 && page.contains(&item), "{page}");
    assert!(!page.contains("data-action=\"decide-item\"") && !page.contains("data-action=\"close-review\""), "{page}");
    let answer = browser.send("/account", &act("decide-item"), &[("item", &item), ("decision", "keep")]).await;
    assert_eq!(status(&answer), 403, "{answer}");
    let mut bea = desk.of(&desk.bea.clone());
    assert_eq!(status(&bea.get(&format!("{ALL}/{review}"), "accept: application/json\r\n").await), 403);
}

#[tokio::test]
async fn a_review_of_another_organisation_is_not_there() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let theirs = desk.served.world.stage_organisation("theirs", "Theirs", Standing::Active).await;
    let (_, most) = roles(&desk.served);
    let eve = desk.served.world.stage_person(Some((&theirs, &most)), Stage::SteppedUp).await;
    let mut eve = desk.of(&eve);
    for place in ["", "/report", "/archive.zip"] {
        for slug in ["ours", "theirs"] {
            let path = format!("/o/{slug}/reviews/{review}{place}");
            assert_eq!(status(&eve.get(&path, "accept: application/json\r\n").await), 404, "{path}");
        }
    }
    for (name, fields) in [
        ("decide-item", vec![("item", item.as_str()), ("decision", "keep")]),
        ("undo-decision", vec![("item", item.as_str())]),
        ("close-review", vec![("review", review.as_str())]),
        ("comment-item", vec![("item", item.as_str()), ("text", "x")]),
        (
            "decide-items",
            vec![("review", review.as_str()), ("items", item.as_str()), ("decision", "keep"), ("sure", "1")],
        ),
    ] {
        let answer = eve.send("/account", &format!("/api/o/theirs/{name}"), &fields).await;
        assert_eq!(status(&answer), 404, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_form_without_its_token_decides_nothing() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let body = format!("item={item}&decision=keep");
    let answer = desk.browser.forged(&act("decide-item"), "application/x-www-form-urlencoded", "", &body).await;
    assert_eq!(status(&answer), 403, "{answer}");
    let page = desk.page(&format!("{ALL}/{review}?stands=keep")).await;
    assert!(!page.contains(&format!("data-item=\"{item}\"")), "{page}");
}

#[tokio::test]
async fn names_that_are_programs_stay_names() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[("name", "<script>alert(1)</script>")]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let note = "</textarea><img src=x onerror=alert(1)>";
    assert_eq!(status(&desk.send("comment-item", &[("item", &item), ("text", note)]).await), 200);
    for path in [ALL.to_owned(), format!("{ALL}/{review}"), format!("{ALL}/{review}/report")] {
        let page = desk.page(&path).await;
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_calendar_without_a_key_is_empty_and_with_a_wrong_one_is_not_there() {
    let mut desk = Desk::new().await;
    let answer = desk.page("/calendar.ics").await;
    assert!(
        status(&answer) == 200 && answer.contains("BEGIN:VCALENDAR") && !answer.contains("BEGIN:VEVENT"),
        "{answer}"
    );
    assert_eq!(status(&desk.page("/calendar.ics?token=abcdef").await), 404);
}
