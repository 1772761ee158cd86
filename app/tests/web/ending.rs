//! The end of accounts and organisations over a real socket: the way back of a closed account, and the link into an organisation that is closed.

use contract::access::Stage;
use contract::standing::Standing;
use server::guard::{Asks, rights};
use server::identity::Origin;
use server::organisations::invitations;
use server::retention::holds::{self, Form};
use server::retention::{self, closing};
use server::testing::link_token;

use crate::common::{Browser, Served, open_to, status};

const ADA: &str = "ada@acme.example";
const PASSWORD: &str = "violet otters eat ripe plums";

fn here() -> Origin {
    Origin::new([127, 0, 0, 1].into(), "127.0.0.1".into(), "", None)
}

async fn served() -> Served {
    let mut served = open_to(&[]).await;
    served.world.now = time::OffsetDateTime::now_utc();
    served
}

async fn token_to(served: &Served, email: &str) -> String {
    let letters = served.letters().await;
    let letter = letters.iter().find(|(to, text)| to == email && text.contains("token=")).expect("a letter");
    link_token(&letter.1)
}

fn location(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default()
}

#[tokio::test]
async fn whoever_signs_in_to_a_closed_account_is_shown_the_day_and_can_keep_it() {
    let served = served().await;
    let now = served.world.now;
    let mut browser = Browser::new(served.address);
    let form = [("email", ADA), ("name", "Ada"), ("organisation", "Analytical Engines"), ("password", PASSWORD)];
    assert_eq!(status(&browser.send("/sign-up", "/api/sign-up", &form).await), 200);
    let token = token_to(&served, ADA).await;
    assert_eq!(status(&browser.send("/sign-up", "/api/verify-email", &[("token", &token)]).await), 200);
    let end = now.unix_timestamp() * 1000 + 5 * 86_400_000;
    let ms = now.unix_timestamp() * 1000;
    let closed = format!("update account set disabled_at_ms = {ms}, delete_asked_at_ms = {ms}, delete_at_ms = {end}");
    served.world.tamper(&closed).await;

    let wrong = [("email", ADA), ("password", "something else entirely"), ("next", "")];
    assert_eq!(status(&browser.form("/sign-in", "/api/sign-in", &wrong).await), 401);
    let right = [("email", ADA), ("password", PASSWORD), ("next", "")];
    let led = browser.form("/sign-in", "/api/sign-in", &right).await;
    let keep = location(&led).to_owned();
    assert!(status(&led) == 303 && keep.starts_with("/sign-in/keep?token="), "{led}");
    assert!(!led.contains("set-cookie: __Host-session"), "{led}");

    let page = browser.get(&keep, "accept: text/html\r\n").await;
    assert!(page.contains("data-erased-at=") && page.contains("data-action=\"keep-account\""), "{page}");
    let token = keep.split("token=").nth(1).expect("a token").to_owned();
    let kept = browser.form(&keep, "/api/keep-account", &[("token", &token)]).await;
    assert!(status(&kept) == 303 && location(&kept) == "/sign-in?done=account-kept", "{kept}");
    assert!(browser.get("/sign-in?done=account-kept", "").await.contains("Your account stays"));
    assert!(browser.get(&keep, "").await.contains("There is nothing to keep here"));
    let entered = browser.form("/sign-in", "/api/sign-in", &right).await;
    assert!(status(&entered) == 303 && entered.contains("set-cookie: __Host-session"), "{entered}");
}

#[tokio::test]
async fn a_link_into_a_closed_organisation_says_why_nobody_joins() {
    let served = served().await;
    let (world, accounts) = (&served.world, served.world.accounts());
    let role = world.profile.policy.sign_up.first_role.clone();
    let house = world.stage_organisation("ours", "Ours", Standing::Active).await;
    let owner = world.stage_person(Some((&house, &role)), Stage::SteppedUp).await;
    let caller = world.visitor().caller(&world.profile, &owner.session_hash, world.now).await.expect("database");
    let caller = caller.expect("a session");
    let manager = caller.may::<rights::MembersManage>("ours", Asks::ToDo).expect("permitted");
    let form = invitations::Form { email: ADA, role: &role, unit: None };
    invitations::invite(&manager, accounts, &form, &here(), world.now).await.expect("invited");
    let token = token_to(&served, ADA).await;
    let page = format!("/invitation?token={token}");
    let mut browser = Browser::new(served.address);
    assert!(browser.get(&page, "accept: text/html\r\n").await.contains("data-action=\"accept-invitation\""));
    let csrf_page = page.clone();
    let csrf = browser.token(&csrf_page).await;

    let biller = caller.may::<rights::BillingManage>("ours", Asks::ToDo).expect("permitted");
    closing::cancel(&biller, accounts, &here(), world.now).await.expect("cancelled");
    let shown = browser.get(&page, "accept: text/html\r\n").await;
    assert!(status(&shown) == 410 && shown.contains("Ours is closed"), "{shown}");
    let body = format!("csrf={csrf}&token={token}&name=Ada&password={}", PASSWORD.replace(' ', "+"));
    let answer = browser.forged("/api/accept-invitation", "application/x-www-form-urlencoded", "", &body).await;
    assert!(status(&answer) == 410 && answer.contains("its subscription was cancelled"), "{answer}");
}

#[tokio::test]
async fn where_only_a_held_record_is_left_pages_say_so_and_the_proof_of_the_rest_is_there() {
    let served = served().await;
    let (world, accounts) = (&served.world, served.world.accounts());
    let role = world.profile.policy.sign_up.first_role.clone();
    let house = world.stage_organisation("ours", "Ours", Standing::Active).await;
    let owner = world.stage_person(Some((&house, &role)), Stage::SteppedUp).await;
    let (register, record) = world.stage_record(house.tenant, owner.account, "Kept").await;
    let (until, id) = ((world.now + time::Duration::days(400)).date().to_string(), record.to_string());
    let form = Form { kind: "record", subject: Some(&id), basis: "Article 6", scope: "this record", until: &until };
    holds::place_by_operator(&world.operator(), accounts, "ours", &form, world.now).await.expect("a hold");
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&owner.session);
    assert!(browser.get("/o/ours/settings", "accept: text/html\r\n").await.contains("the rest is destroyed"));

    let ms = world.now.unix_timestamp() * 1000;
    let closed = format!(
        "update organisation set standing = 'cancelled', closed_at_ms = {}, purge_at_ms = {} where slug = 'ours'",
        ms - 90 * 86_400_000,
        ms - 1000
    );
    world.tamper(&closed).await;
    let round = retention::due(&world.operator(), accounts, world.now).await.expect("a round");
    assert_eq!((round.reduced, round.broken), (1, 0));
    let billing = browser.get("/o/ours/billing", "accept: text/html\r\n").await;
    assert!(billing.contains("data-reduced-at=") && billing.contains("Article 6"), "{billing}");
    assert!(billing.contains("/o/ours/export") && !billing.contains("restore-organisation"), "{billing}");
    let list = browser.get(&format!("/o/ours/registers/{register}"), "accept: text/html\r\n").await;
    assert!(status(&list) == 410 && list.contains("but the records that a legal hold keeps"), "{list}");
    let back = browser.form("/o/ours/billing", "/api/o/ours/restore-organisation", &[]).await;
    assert!(status(&back) == 409 && back.contains("It is too late"), "{back}");
    let proof = billing.split("href=\"").find(|rest| rest.starts_with("/certificates/")).expect("a link");
    let proof = proof.split('"').next().expect("an address").to_owned();
    let shown = browser.get(&proof, "accept: text/html\r\n").await;
    assert!(status(&shown) == 200 && shown.contains("data-kept-records=\"1\""), "{shown}");
}
