//! Several people in one review, each with a browser that has no script: stages, stand-ins, other reviewers, and what differs in the end.

use contract::access::Stage;
use server::staged::Insider;

use crate::common::{Browser, status};
use crate::reviews::{ALL, Desk, act, roles, told};

/// Two more who may decide.
async fn others(desk: &Desk) -> (Insider, Insider) {
    let (_, most) = roles(&desk.served);
    let world = &desk.served.world;
    let cy = world.stage_person(Some((&desk.ours, &most)), Stage::SteppedUp).await;
    let dee = world.stage_person(Some((&desk.ours, &most)), Stage::SteppedUp).await;
    (cy, dee)
}

/// Presses a button of the page of a review.
async fn press(browser: &mut Browser, review: &str, name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields.iter().copied().chain([("review", review)]).collect();
    browser.form(&format!("{ALL}/{review}"), &act(name), &fields).await
}

async fn decide(browser: &mut Browser, review: &str, item: &str, decision: &str) -> String {
    let fields = [("item", item), ("decision", decision), ("note", "As the list says"), ("role", "")];
    press(browser, review, "decide-item", &fields).await
}

/// What the page shows of one item.
async fn shown(browser: &mut Browser, review: &str, item: &str) -> String {
    let page = browser.get(&format!("{ALL}/{review}"), "accept: text/html\r\n").await;
    let rest = page.split(&format!("data-item=\"{item}\"")).nth(1).unwrap_or_else(|| unreachable!("no item: {page}"));
    rest.split("</li>").next().unwrap_or_default().to_owned()
}

fn offers(item: &str) -> bool {
    item.contains("data-action=\"decide-item\"")
}

/// Asserts a refusal that a person reads on the page that is drawn again, and gives it.
fn refused(answer: &str, said: &str) {
    assert_eq!(status(answer), 409, "{answer}");
    assert!(answer.contains("content-type: text/html") && answer.contains(said), "{said}: {answer}");
}

#[tokio::test]
async fn a_second_stage_sees_what_the_first_said_and_decides() {
    let mut desk = Desk::new().await;
    let (cy, _) = others(&desk).await;
    let (first, second) = (cy.address.clone(), desk.ada.address.clone());
    let review = desk.open(&[("reviewer", &first), ("second", &second)]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(page.contains("Stage 1:") && page.contains("Stage 2:"), "{page}");
    assert!(!offers(&shown(&mut desk.browser, &review, &item).await));
    refused(&decide(&mut desk.browser, &review, &item, "revoke").await, "Somebody else was asked");

    let (mut cy, mut bea) = (desk.of(&cy), desk.of(&desk.bea.clone()));
    assert!(offers(&shown(&mut cy, &review, &item).await));
    assert_eq!(status(&decide(&mut cy, &review, &item, "revoke").await), 303);
    refused(&decide(&mut cy, &review, &item, "revoke").await, "in an earlier stage");
    assert_eq!(status(&bea.get("/o/ours", "accept: text/html\r\n").await), 200);

    let between = shown(&mut desk.browser, &review, &item).await;
    assert!(offers(&between) && between.contains("As the list says"), "{between}");
    assert_eq!(status(&decide(&mut desk.browser, &review, &item, "revoke").await), 303);
    assert_eq!(status(&bea.get("/o/ours", "accept: application/json\r\n").await), 401);
}

#[tokio::test]
async fn a_reviewer_hands_on_what_is_theirs_and_takes_it_back() {
    let mut desk = Desk::new().await;
    let (cy, dee) = others(&desk).await;
    let review = desk.open(&[("reviewer", &cy.address.clone())]).await;
    let (about_bea, about_cy) = (desk.item(&review, &desk.bea.clone()).await, desk.item(&review, &cy).await);
    let (mut of_cy, mut of_dee) = (desk.of(&cy), desk.of(&dee));
    refused(&decide(&mut of_dee, &review, &about_bea, "keep").await, "Somebody else was asked");

    let handed = press(&mut of_cy, &review, "delegate-review", &[("delegate", &dee.address)]).await;
    assert!(status(&handed) == 303 && handed.contains("done=delegated"), "{handed}");
    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(page.contains("(in their place "), "{page}");
    let letters = desk.served.letters().await;
    assert!(letters.iter().any(|(to, _)| *to == dee.address), "{letters:?}");
    assert!(!offers(&shown(&mut of_dee, &review, &about_cy).await));
    refused(&decide(&mut of_dee, &review, &about_cy, "keep").await, "You stand in for this person");
    assert_eq!(status(&decide(&mut of_dee, &review, &about_bea, "keep").await), 303);
    let undone = press(&mut of_dee, &review, "undo-decision", &[("item", &about_bea)]).await;
    assert_eq!(status(&undone), 303, "{undone}");

    let back = press(&mut of_cy, &review, "delegate-review", &[("delegate", "")]).await;
    assert_eq!(status(&back), 303, "{back}");
    refused(&decide(&mut of_dee, &review, &about_bea, "keep").await, "Somebody else was asked");
    let mut nobody = desk.of(&desk.ada.clone());
    let stranger = press(&mut nobody, &review, "delegate-review", &[("delegate", &dee.address)]).await;
    refused(&stranger, "You are no reviewer of this review");
}

#[tokio::test]
async fn ticked_items_are_given_to_somebody_else() {
    let mut desk = Desk::new().await;
    let (cy, dee) = others(&desk).await;
    let review = desk.open(&[]).await;
    let (about_bea, about_cy) = (desk.item(&review, &desk.bea.clone()).await, desk.item(&review, &cy).await);
    let given = [("items", about_bea.as_str()), ("items", about_cy.as_str()), ("reviewer", dee.address.as_str())];
    let answer = press(&mut desk.browser, &review, "reassign-items", &given).await;
    assert!(status(&answer) == 303 && answer.contains("done=reassigned"), "{answer}");
    refused(&decide(&mut desk.browser, &review, &about_bea, "keep").await, "Somebody else was asked");
    let mut of_dee = desk.of(&dee);
    for item in [&about_bea, &about_cy] {
        assert_eq!(status(&decide(&mut of_dee, &review, item, "keep").await), 303);
    }
    // Who may not decide cannot be given anything, and what is decided is nobody's to give.
    for (items, to, code) in [(&about_bea, &desk.bea.address, 422), (&about_bea, &cy.address, 404)] {
        let fields = [("review", review.as_str()), ("items", items), ("reviewer", to)];
        let answer = desk.browser.send("/account", &act("reassign-items"), &fields).await;
        assert_eq!(status(&answer), code, "{answer}");
    }
}

#[tokio::test]
async fn a_refused_act_on_many_stands_as_it_was_sent() {
    let mut desk = Desk::new().await;
    let (cy, _) = others(&desk).await;
    let review = desk.open(&[]).await;
    let (about_bea, about_cy) = (desk.item(&review, &desk.bea.clone()).await, desk.item(&review, &cy).await);
    let sent = [
        ("items", about_bea.as_str()),
        ("narrowing", ""),
        ("decision", "change"),
        ("role", "Nobody"),
        ("note", "They moved"),
    ];
    let answer = press(&mut desk.browser, &review, "decide-items", &sent).await;
    assert_eq!(status(&answer), 422, "{answer}");
    let tag = |part: &str| answer.split('<').find(|tag| tag.contains(part)).map(str::to_owned).unwrap_or_default();
    assert!(tag(&format!("value=\"{about_bea}\" form=")).contains(" checked"), "{answer}");
    assert!(!tag(&format!("value=\"{about_cy}\" form=")).contains(" checked"), "{answer}");
    let form = answer.split("id=\"decide-many\"").nth(1).unwrap_or_default();
    assert!(tag("id=\"decide-many\"").contains(" open"), "{answer}");
    // While it is asked whether that is meant, the question carries what was ticked.
    let sent = [("items", about_bea.as_str()), ("narrowing", ""), ("decision", "keep"), ("note", "They stay")];
    let asked = press(&mut desk.browser, &review, "decide-items", &sent).await;
    assert!(status(&asked) == 409 && asked.contains("Is that right?") && !asked.contains(" checked"), "{asked}");
    assert!(form.contains("value=\"change\" selected") && form.contains("value=\"They moved\""), "{answer}");
}

#[tokio::test]
async fn of_two_who_decide_the_second_reads_what_the_first_decided() {
    let mut desk = Desk::new().await;
    let (cy, _) = others(&desk).await;
    let mut of_cy = desk.of(&cy);
    let review = desk.open(&[("effect", "at_close")]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    desk.served.world.tamper("update account set time_zone = 'Asia/Kathmandu'").await;
    // Both have the page before them.
    assert!(offers(&shown(&mut of_cy, &review, &item).await));
    assert_eq!(status(&decide(&mut desk.browser, &review, &item, "keep").await), 303);
    let answer = decide(&mut of_cy, &review, &item, "revoke").await;
    refused(&answer, "decided to keep this");
    assert!(answer.contains("+0545"), "when, by the reader's clock: {answer}");
    assert!(answer.contains("Nothing was changed by you"), "{answer}");
    let fields = [("item", item.as_str()), ("decision", "revoke"), ("note", "No")];
    let answer = of_cy.send("/account", &act("decide-item"), &fields).await;
    assert_eq!(status(&answer), 409, "{answer}");
    assert!(told(&answer)["detail"].as_str().is_some_and(|said| said.contains("decided to keep this")), "{answer}");
    let undone = press(&mut of_cy, &review, "undo-decision", &[("item", &item)]).await;
    refused(&undone, "no decision of yours");
    assert!(shown(&mut desk.browser, &review, &item).await.contains("data-stands=\"keep\""));
}

#[tokio::test]
async fn whoever_decides_after_the_end_reads_that_it_is_over() {
    let mut desk = Desk::new().await;
    let (cy, _) = others(&desk).await;
    let mut of_cy = desk.of(&cy);
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    assert!(offers(&shown(&mut of_cy, &review, &item).await));
    assert_eq!(status(&press(&mut desk.browser, &review, "close-review", &[]).await), 303);
    refused(&decide(&mut of_cy, &review, &item, "revoke").await, "This review is not open");
    let remark = press(&mut of_cy, &review, "comment-item", &[("item", &item), ("text", "Too late")]).await;
    refused(&remark, "This review is not open");
    let item = shown(&mut of_cy, &review, &item).await;
    assert!(!offers(&item) && item.contains("data-stands=\"keep\""), "{item}");
    assert_eq!(status(&desk.of(&desk.bea.clone()).get("/o/ours", "accept: text/html\r\n").await), 200);
}

#[tokio::test]
async fn what_goes_with_a_membership_is_read_before_it_is_decided_and_in_the_report_after_it() {
    let mut desk = Desk::new().await;
    let unit = desk.send("create-unit", &[("name", "North")]).await;
    assert_eq!(status(&unit), 200, "{unit}");
    let units = desk.page("/o/ours/units").await;
    let unit = units.split("data-unit=\"").nth(1).and_then(|row| row.split('"').next()).expect("a unit").to_owned();
    let member = desk.bea.account.to_string();
    let reach = desk.send("grant-reach", &[("member", &member), ("unit", &unit)]).await;
    assert_eq!(status(&reach), 200, "{reach}");
    let review = desk.open(&[]).await;
    let page = desk.page(&format!("{ALL}/{review}")).await;
    let of_bea: Vec<&str> =
        page.split("data-item=\"").skip(1).filter(|item| item.contains(&desk.bea.address)).collect();
    let id = |which: &str| {
        let item = of_bea.iter().find(|item| item.contains(which)).unwrap_or_else(|| unreachable!("{which}: {page}"));
        item.split('"').next().unwrap_or_default().to_owned()
    };
    let (membership, reach) = (id("Membership:"), id("Unit or record"));
    assert_eq!(status(&decide(&mut desk.browser, &review, &reach, "keep").await), 303);
    let said = shown(&mut desk.browser, &review, &membership).await;
    assert!(
        said.contains("1 unit, record or secret address ends with it; 1 was decided to be kept and ends"),
        "{said}"
    );
    assert_eq!(status(&decide(&mut desk.browser, &review, &membership, "revoke").await), 303);
    let said = shown(&mut desk.browser, &review, &reach).await;
    assert!(said.contains("data-stands=\"keep\"") && said.contains("; ended with the membership"), "{said}");
    let closed = press(&mut desk.browser, &review, "close-review", &[]).await;
    assert_eq!(status(&closed), 303, "{closed}");
    let report = desk.page(&format!("{ALL}/{review}/report")).await;
    assert!(report.contains("<dt>Kept, and ended with the membership</dt><dd>1</dd>"), "{report}");
}

#[tokio::test]
async fn what_differs_is_named_on_the_page_and_settled_before_the_end() {
    let mut desk = Desk::new().await;
    let review = desk.open(&[]).await;
    let item = desk.item(&review, &desk.bea.clone()).await;
    assert_eq!(status(&decide(&mut desk.browser, &review, &item, "keep").await), 303);
    let member = desk.bea.account.to_string();
    let gone = desk.browser.send("/account", &act("offboard-member"), &[("member", &member)]).await;
    assert_eq!(status(&gone), 200, "{gone}");

    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(page.contains(&format!("data-drift=\"{item}\"")) && page.contains("was to be kept, and is gone"), "{page}");
    let report = desk.page(&format!("{ALL}/{review}/report")).await;
    assert!(report.contains("was to be kept, and is gone") && report.contains("1 gone"), "{report}");
    let refusal = press(&mut desk.browser, &review, "close-review", &[]).await;
    refused(&refusal, "What is differs from what was decided");

    let unexplained = press(&mut desk.browser, &review, "resolve-drift", &[("item", &item), ("note", " ")]).await;
    assert_eq!(status(&unexplained), 422, "{unexplained}");
    let again = [("item", item.as_str()), ("note", "Back"), ("again", "yes")];
    refused(&press(&mut desk.browser, &review, "resolve-drift", &again).await, "This cannot be done again");
    let settled = press(&mut desk.browser, &review, "resolve-drift", &[("item", &item), ("note", "She left")]).await;
    assert!(status(&settled) == 303 && settled.contains("done=settled"), "{settled}");
    let page = desk.page(&format!("{ALL}/{review}")).await;
    assert!(!page.contains("data-drift=") && page.contains("She left"), "{page}");
    let twice = press(&mut desk.browser, &review, "resolve-drift", &[("item", &item), ("note", "Again")]).await;
    refused(&twice, "Nothing differs here");
    assert_eq!(status(&press(&mut desk.browser, &review, "close-review", &[]).await), 303);
    let report = desk.page(&format!("{ALL}/{review}/report")).await;
    assert!(report.contains("equals what was decided, but for 1 item that differs"), "{report}");
    let explained = report.split("data-explained").nth(1).and_then(|rest| rest.split("</li>").next()).expect("a line");
    for said in ["Kept by ", "access ended otherwise, ", "explained by ", "She left"] {
        assert!(explained.contains(said), "{said}: {explained}");
    }
    assert!(report.contains("1 to be kept, ended otherwise and explained"), "{report}");
    let item = shown(&mut desk.browser, &review, &item).await;
    assert!(item.contains("As the list says") && item.contains("She left"), "both reasons: {item}");
}
