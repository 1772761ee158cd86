//! Archives over a real socket: asked for, taken along whole and in parts, and not by whoever lost the right.

use contract::access::Stage;
use contract::standing::Standing;
use server::exports::work;

use crate::common::{Browser, Served, of_profile, status};

async fn made(served: &mut Served) -> (Browser, server::staged::Staged, server::staged::Insider, String) {
    served.world.now = time::OffsetDateTime::now_utc();
    let world = &served.world;
    let role = world.profile.policy.sign_up.first_role.clone();
    let house = world.stage_organisation("ours", "Ours", Standing::Lapsed).await;
    let owner = world.stage_person(Some((&house, &role)), Stage::SteppedUp).await;
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&owner.session);
    let page = browser.get("/o/ours/export", "accept: text/html\r\n").await;
    assert!(page.contains("data-action=\"request-export\"") && !page.contains("http-equiv=\"refresh\""), "{page}");
    let answer = browser.send("/o/ours/export", "/api/o/ours/request-export", &[]).await;
    let id = answer.split("\"export\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    let waiting = browser.get("/o/ours/export", "accept: text/html\r\n").await;
    assert!(waiting.contains("http-equiv=\"refresh\"") && waiting.contains("Waiting"), "{waiting}");
    let made = work::all_of(&world.operator(), world.accounts(), house.tenant, world.now).await.expect("work");
    assert_eq!(made, 1);
    (browser, house, owner, format!("/o/ours/export/{id}/archive.zip"))
}

async fn served() -> Served {
    of_profile(server::testing::profile("aertous", &[])).await
}

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| unreachable!("no {name}: {}", &answer[..answer.len().min(600)]))
}

#[tokio::test]
async fn a_download_that_was_cut_off_goes_on_where_it_was() {
    let mut served = served().await;
    let (mut browser, _, _, path) = made(&mut served).await;
    let whole = browser.get(&path, "").await;
    assert_eq!(status(&whole), 200);
    let (bytes, tag): (u64, &str) =
        (header(&whole, "content-length").parse().expect("a length"), header(&whole, "etag"));
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    let rest = browser.get(&path, &format!("range: bytes=100-\r\nif-range: {tag}\r\n")).await;
    assert_eq!(status(&rest), 206);
    assert_eq!(header(&rest, "content-range"), format!("bytes 100-{}/{bytes}", bytes - 1));
    assert_eq!(header(&rest, "content-length"), (bytes - 100).to_string());
    let other = browser.get(&path, "range: bytes=100-\r\nif-range: \"another\"\r\n").await;
    assert_eq!((status(&other), header(&other, "content-length")), (200, bytes.to_string().as_str()));
    let beyond = browser.get(&path, &format!("range: bytes={bytes}-\r\n")).await;
    assert_eq!(status(&beyond), 416);
}

#[tokio::test]
async fn whoever_loses_the_role_between_asking_and_taking_is_refused() {
    let mut served = served().await;
    let (mut browser, house, owner, path) = made(&mut served).await;
    served.world.tamper("update membership set role = 'Employee'").await;
    assert_eq!(status(&browser.get(&path, "accept: application/json\r\n").await), 403);
    served.world.stage_leaving(&house, &owner).await;
    assert_eq!(status(&browser.get(&path, "accept: application/json\r\n").await), 404);
}

#[tokio::test]
async fn whoever_gave_no_factor_lately_is_led_to_give_one() {
    let mut served = served().await;
    let (mut browser, _, _, path) = made(&mut served).await;
    served.world.tamper("update session set factor_at_ms = 1 where factor_at_ms is not null").await;
    let told = browser.get(&path, "accept: application/json\r\n").await;
    assert!(status(&told) == 401 && told.contains("step-up"), "{told}");
    let led = browser.get(&path, "accept: text/html\r\n").await;
    assert!(status(&led) == 303 && led.contains("/account/confirm?next=%2Fo%2Fours%2Fexport"), "{led}");
}

#[tokio::test]
async fn a_person_takes_a_copy_of_their_own_along_and_of_nobody_else() {
    let mut served = served().await;
    let (mut browser, house, _, _) = made(&mut served).await;
    let answer = browser.send("/account/export", "/api/request-export", &[]).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let page = browser.get("/account/export", "accept: text/html\r\n").await;
    let path = page.split("href=\"").find_map(|rest| rest.strip_prefix("/account/export/")?.split('"').next());
    let path = format!("/account/export/{}", path.expect("a link"));
    let copy = browser.get(&path, "").await;
    assert!(status(&copy) == 200 && header(&copy, "content-type") == "application/zip");
    let other = served.world.stage_person(Some((&house, "Employee")), Stage::SteppedUp).await;
    let mut stranger = Browser::new(served.address);
    stranger.sign_in_with(&other.session);
    assert_eq!(status(&stranger.get(&path, "accept: application/json\r\n").await), 404);
}

#[tokio::test]
async fn what_is_taken_away_while_somebody_opens_it_is_answered_as_gone_and_tells_nothing_more() {
    let mut served = served().await;
    let (mut browser, _, _, archive) = made(&mut served).await;
    assert_eq!(status(&browser.send("/account/export", "/api/request-export", &[]).await), 200);
    let page = browser.get("/account/export", "accept: text/html\r\n").await;
    let copy = page.split("href=\"").find_map(|rest| rest.strip_prefix("/account/export/")?.split('"').next());
    let copy = format!("/account/export/{}", copy.expect("a link"));
    let blobs = &served.world.accounts().blobs;
    for found in blobs.below("").await.expect("the store") {
        blobs.remove(&found.at).await.expect("removed");
    }
    for path in [archive, copy] {
        let gone = browser.get(&path, "accept: application/json\r\n").await;
        assert!(status(&gone) == 410 && gone.contains("was removed. Ask for a new one."), "{path}: {gone}");
        let told = gone.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(!told.contains("store") && !told.contains("reference"), "{path}: {gone}");
    }
}

#[tokio::test]
async fn the_controls_of_exports_hold_in_every_mode() {
    use server::controls::run::look;
    use server::controls::{Check, Seen};
    for mode in ["aertous", "stratuslog", "stack-aero"] {
        let served = of_profile(server::testing::profile(mode, &[])).await;
        for check in [
            Check::ExportEveryStanding,
            Check::ExportEqualsDatabase,
            Check::TestRefuses,
            Check::TestMasked,
            Check::TestUnclassified,
        ] {
            let seen = look(check, &served.instance).await.seen;
            assert!(matches!(seen, Seen::Upheld(_)), "{mode}: {}: {seen:?}", check.path());
        }
    }
}
