//! What a subscription that has lapsed leaves of the pages: all of them, and no form that could only be refused.

use contract::access::{ENDPOINTS, PAGES, Stage, Who};
use contract::permission::Effect;
use contract::standing::Standing;
use server::operators;
use server::testing::profile;

use crate::common::{Browser, Served, of_profile, status};

/// The acts that change something of an organisation, which is what a lapse stops.
fn stopped() -> Vec<&'static str> {
    let changes = |who: Who| matches!(who, Who::Member(permission) if permission.effect() == Effect::Change);
    ENDPOINTS.iter().filter(|row| changes(row.who)).map(|row| row.name).collect()
}

async fn lapsed(mode: &str) -> (Served, Browser, Vec<String>) {
    let wide = [("reads_per_minute = 600", "reads_per_minute = 600000")];
    let mut served = of_profile(profile(mode, &wide)).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let ours = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let roles = served.world.profile.roles.clone();
    let (role, _) = roles.iter().max_by_key(|(_, role)| role.grants.len()).expect("a role");
    let person = served.world.stage_person(Some((&ours, role)), Stage::SteppedUp).await;
    let (register, record) = served.world.stage_record(ours.tenant, person.account, "Ours").await;
    served.world.stage_standing(&ours, Standing::Lapsed).await;
    let framework = served.world.profile.frameworks.first().map(|framework| framework.id.clone());
    let fill = |path: &str| {
        path.replace("{slug}", "ours")
            .replace("{member}", &person.account.to_string())
            .replace("{register}", &register)
            .replace("{record}", &record.to_string())
            .replace("{framework}", framework.as_deref().unwrap_or("none"))
    };
    let ours = PAGES.iter().filter(|row| matches!(row.who, Who::Member(_)));
    let paths = ours.map(|row| fill(row.path)).filter(|path| !path.contains('{')).collect();
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    (served, browser, paths)
}

#[tokio::test]
async fn no_page_of_an_organisation_that_lapsed_has_a_form_that_could_only_be_refused() {
    for mode in ["aertous", "stratuslog", "stack-aero"] {
        let (_served, mut browser, paths) = lapsed(mode).await;
        let mut seen = 0;
        for path in paths {
            let page = browser.get(&path, "accept: text/html\r\n").await;
            if status(&page) != 200 || !page.contains("content-type: text/html") {
                continue;
            }
            seen += 1;
            for act in stopped() {
                assert!(!page.contains(&format!("data-action=\"{act}\"")), "{mode} {path} offers {act}: {page}");
            }
        }
        assert!(seen > 15, "{mode}: {seen}");
    }
}

#[tokio::test]
async fn a_missing_payment_looks_neither_settled_nor_lost() {
    let mut served = of_profile(profile("stratuslog", &[])).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let staged = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let person = served.world.stage_person(Some((&staged, "Owner")), Stage::SteppedUp).await;
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    for (standing, class) in
        [(Standing::Active, "proven"), (Standing::PastDue, "ageing"), (Standing::Lapsed, "failing")]
    {
        served.world.stage_standing(&staged, standing).await;
        let page = browser.get("/o/ours/billing", "accept: text/html\r\n").await;
        // One click does not end everything: what does is under another.
        let hidden = page.split("<details").nth(1).and_then(|rest| rest.split("</details>").next());
        assert!(hidden.is_some_and(|hidden| hidden.contains("cancel-subscription")), "{standing:?}: {page}");
        assert_eq!(page.matches("/cancel-subscription\"").count(), 1, "{standing:?}: {page}");
        let badge = page.split("data-standing=\"").nth(1).and_then(|rest| rest.split("</p>").next());
        let badge = badge.unwrap_or_else(|| unreachable!("no standing: {page}"));
        assert!(badge.contains(class), "{standing:?}: {badge}");
    }
    // The page of one that is closed says until when by the reader's clock.
    served.world.tamper("update account set time_zone = 'Asia/Kathmandu'").await;
    served.world.stage_standing(&staged, Standing::Cancelled).await;
    let page = browser.get("/o/ours", "accept: text/html\r\n").await;
    assert!(status(&page) == 410 && page.contains("+0545") && !page.contains("Z, when"), "{page}");
}

#[tokio::test]
async fn where_the_form_would_be_it_says_why_there_is_none_and_the_way_out() {
    let (served, mut browser, _) = lapsed("stratuslog").await;
    let register = &served.world.profile.registers[0];
    let base = format!("/o/ours/registers/{}", register.id.get_ref());
    for (page, act) in [("new", "create-record"), ("import", "import-records")] {
        let page = browser.get(&format!("{base}/{page}"), "accept: text/html\r\n").await;
        assert_eq!(status(&page), 200, "{page}");
        assert!(page.contains(&format!("data-lapsed=\"{act}\"")) && page.contains("/o/ours/billing"), "{page}");
    }
}

#[tokio::test]
async fn where_everything_is_closed_the_vendor_can_still_be_shown_out() {
    let mut served = of_profile(profile("stratuslog", &[])).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let staged = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let person = served.world.stage_person(Some((&staged, "Owner")), Stage::SteppedUp).await;
    let (operator, world) = (served.world.operator(), &served.world);
    operators::add(&operator, world.accounts(), "op@vendor.example", world.now).await.expect("a seat");
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    let role = served.world.profile.policy.sign_up.first_role.clone();
    let fields = [("operator", "op@vendor.example"), ("role", role.as_str()), ("hours", "72"), ("reason", "A look")];
    let answer = browser.send("/account", "/api/o/ours/open-help", &fields).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let page = browser.get("/o/ours/billing", "accept: text/html\r\n").await;
    assert!(!page.contains("end-help"), "it is in the settings: {page}");
    served.world.stage_standing(&staged, Standing::Cancelled).await;
    let page = browser.get("/o/ours/billing", "accept: text/html\r\n").await;
    assert!(page.contains("action=\"/api/o/ours/end-help\""), "{page}");
    let grant = page.split("data-help=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a grant").to_owned();
    let ended = browser.form("/o/ours/billing", "/api/o/ours/end-help", &[("grant", &grant)]).await;
    assert!(status(&ended) == 303 && ended.contains("/o/ours/billing?done=help-ended"), "{ended}");
    let page = browser.get("/o/ours/billing", "accept: text/html\r\n").await;
    assert!(!page.contains("end-help"), "{page}");
}
