//! What people read before they end somebody's access, and what they read when they have just come in.

use server::testing::link_token;

use crate::common::{Browser, open_to, status};
use crate::reviews::Desk;

const HTML: &str = "accept: text/html\r\n";

#[tokio::test]
async fn the_end_of_somebodys_access_is_pressed_twice_and_what_goes_is_read_before() {
    let mut desk = Desk::new().await;
    let bea = desk.bea.account.to_string();
    let page = desk.page("/o/ours/members").await;
    let row = page.split(&format!("data-member-id=\"{bea}\"")).nth(1).and_then(|rest| rest.split("</tr>").next());
    let row = row.unwrap_or_else(|| unreachable!("she is not there: {page}"));
    // Folded twice: the form is there for whoever opens both, and what it ends stands before it.
    let (before, form) = row.split_once("data-action=\"offboard-member\"").expect("the form");
    let folded = before.matches("<details").count() - before.matches("</details>").count();
    assert_eq!(folded, 2, "{row}");
    assert!(before.contains("every session") && before.contains("#h-leave") && form.contains("End it now"), "{row}");
    let page = desk.page(&format!("/o/ours/members/{bea}")).await;
    let leaving = page.split("id=\"h-leave\"").nth(1).expect("the section");
    let goes = leaving.split("data-action=\"offboard-member\"").next().expect("what goes");
    assert!(goes.contains("The membership, as") && goes.contains("<li>1 session</li>"), "{goes}");
}

#[tokio::test]
async fn whoever_signs_in_for_the_first_time_is_one_sign_in_on_the_dashboard() {
    let served = open_to(&[]).await;
    let (mail, password) = ("ada@acme.example", "violet otters eat ripe plums");
    let mut browser = Browser::new(served.address);
    let form = [("email", mail), ("name", "Ada"), ("organisation", "Analytical Engines"), ("password", password)];
    assert_eq!(status(&browser.send("/sign-up", "/api/sign-up", &form).await), 200);
    let letters = served.letters().await;
    let token = link_token(&letters.iter().find(|(to, _)| to == mail).expect("a letter").1);
    browser.send("/sign-up", "/api/verify-email", &[("token", &token)]).await;
    browser.send("/sign-in", "/api/sign-in", &[("email", mail), ("password", "not what she chose")]).await;
    browser.send("/sign-in", "/api/sign-in", &[("email", mail), ("password", password)]).await;
    browser.enrol(&served.world.profile.policy.mfa).await;
    let list = browser.get("/organisations", HTML).await;
    assert!(list.contains("data-tried=\"1\"") && list.contains("1 wrong password"), "{list}");
    let slug = list.split("href=\"/o/").nth(1).and_then(|rest| rest.split('"').next()).expect("an organisation");
    let dashboard = browser.get(&format!("/o/{slug}"), HTML).await;
    assert!(dashboard.contains("1 sign-in in 30 days"), "{dashboard}");
}
