//! People at the door over a real socket: every endpoint from every stage against the access table, forged forms, and what the answers tell.

use contract::access::{ENDPOINTS, PAGES, Stage, Who};
use server::controls::run::look;
use server::controls::{Check, Seen};
use server::testing::link_token;

use crate::common::{Browser, Served, open_to, plain, status};

const PASSWORD: &str = "violet otters eat ripe plums";

/// Signs somebody up through the forms, as far as `stage`.
async fn somebody(served: &Served, stage: Stage) -> Browser {
    let mut browser = Browser::new(served.address);
    if stage == Stage::SignedOut {
        return browser;
    }
    let (mail, organisation) = (format!("{}@acme.example", uuid::Uuid::now_v7().simple()), "Analytical Engines");
    let form = [("email", mail.as_str()), ("name", "Ada"), ("organisation", organisation), ("password", PASSWORD)];
    assert_eq!(status(&browser.send("/sign-up", "/api/sign-up", &form).await), 200);
    let letters = served.letters().await;
    let token = link_token(&letters.iter().find(|(to, _)| *to == mail).expect("a letter").1);
    browser.send("/sign-up", "/api/verify-email", &[("token", &token)]).await;
    let signed_in = browser.send("/sign-in", "/api/sign-in", &[("email", &mail), ("password", PASSWORD)]).await;
    assert_eq!(status(&signed_in), 200, "{signed_in}");
    if stage == Stage::Enrolling {
        return browser;
    }
    browser.enrol(&served.world.profile.policy.mfa).await;
    match stage {
        Stage::PasswordGiven => {
            browser.send("/sign-in", "/api/sign-in", &[("email", &mail), ("password", PASSWORD)]).await;
        }
        Stage::Complete => {
            served.world.tamper("update session set factor_at_ms = 1 where factor_at_ms is not null").await;
        }
        Stage::SignedOut | Stage::Enrolling | Stage::SteppedUp => {}
    }
    browser
}

#[tokio::test]
async fn every_page_and_endpoint_answers_every_stage_as_the_access_table_says() {
    for stage in Stage::ALL {
        let served = open_to(&[]).await;
        let mut browser = somebody(&served, *stage).await;
        // What is an organisation's or the staff's is walked in `access`.
        let own = |who: Who| who.permission().is_none() && who != Who::Operator;
        // What is there only when somebody made it is tried in `exports`.
        for row in PAGES.iter().filter(|row| row.who != Who::Everyone && own(row.who) && !row.names_one()) {
            let answer = browser.get(row.path, "accept: application/json\r\n").await;
            let refused = status(&answer) == 401;
            assert_eq!(refused, row.who.admits(*stage).is_err(), "{} as {stage:?}: {answer}", row.path);
        }
        for row in ENDPOINTS.iter().filter(|row| own(row.who)) {
            // Without a token: whoever is admitted is refused for that, and nothing happens.
            let answer = browser.forged(row.path, "application/json", "", "{}").await;
            let wanted = if row.who.admits(*stage).is_ok() { 403 } else { 401 };
            assert_eq!(status(&answer), wanted, "{} as {stage:?}: {answer}", row.path);
        }
    }
}

#[tokio::test]
async fn a_program_is_told_what_is_lacking_and_a_person_is_led_there() {
    let served = open_to(&[]).await;
    for (stage, path, kind, page) in [
        (Stage::SignedOut, "/account", "sign-in", "location: /sign-in"),
        (Stage::PasswordGiven, "/account", "second-factor", "location: /sign-in/code"),
        (Stage::Enrolling, "/account", "enrol", "location: /account/mfa/enrol"),
        (Stage::Complete, "/account/mfa/enrol", "step-up", "location: /account/confirm?next=%2Faccount%2Fmfa%2Fenrol"),
    ] {
        let mut browser = somebody(&served, stage).await;
        let told = browser.get(path, "accept: application/json\r\n").await;
        assert!(told.contains(&format!("urn:avouch:problem:{kind}\"")), "{stage:?}: {told}");
        let led = browser.get(path, "accept: text/html\r\n").await;
        assert!(status(&led) == 303 && led.contains(page), "{stage:?}: {led}");
    }
}

#[tokio::test]
async fn a_get_on_an_endpoint_changes_nothing() {
    let served = plain().await;
    for row in ENDPOINTS {
        let answer = crate::common::get(served.address, row.path, "").await;
        assert_eq!(status(&answer), 405, "{}", row.path);
    }
}

#[tokio::test]
async fn a_form_from_another_site_or_of_another_type_is_refused() {
    let served = plain().await;
    let mut browser = Browser::new(served.address);
    let token = browser.token("/sign-in").await;
    let body = format!("csrf={token}&email=a%40b.example&password=x");
    let form = "application/x-www-form-urlencoded";
    for (header, wanted) in [
        ("origin: https://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        ("sec-fetch-site: cross-site\r\n", 403),
        ("sec-fetch-site: same-site\r\n", 403),
        ("sec-fetch-site: same-origin\r\norigin: null\r\n", 401),
        ("", 401),
    ] {
        let answer =
            browser.forged("/api/sign-in", form, &format!("accept: application/json\r\n{header}"), &body).await;
        assert_eq!(status(&answer), wanted, "{header}: {answer}");
    }
    for kind in ["text/plain", "multipart/form-data; boundary=x", ""] {
        let answer = browser.forged("/api/sign-in", kind, "", &body).await;
        assert_eq!(status(&answer), 415, "{kind}: {answer}");
    }
}

#[tokio::test]
async fn after_signing_in_somebody_is_sent_on_within_this_site_only() {
    let served = open_to(&[("first_role = \"Owner\"", "first_role = \"Front desk\"")]).await;
    let mut browser = somebody(&served, Stage::Enrolling).await;
    let mail = browser.mail(&served).await;
    for bad in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\r\nset-cookie: x=1",
        "javascript:alert(1)",
        "/api/sign-out",
        "/\tb",
    ] {
        let fields = [("email", mail.as_str()), ("password", PASSWORD), ("next", bad)];
        let answer = browser.form("/sign-in", "/api/sign-in", &fields).await;
        assert!(status(&answer) == 303 && answer.contains("location: /account\r\n"), "{bad:?}: {answer}");
    }
    let fields = [("email", mail.as_str()), ("password", PASSWORD), ("next", "/account/sessions")];
    assert!(browser.form("/sign-in", "/api/sign-in", &fields).await.contains("location: /account/sessions\r\n"));
}

#[tokio::test]
async fn a_referer_is_never_where_a_refused_form_leads() {
    let served = plain().await;
    let mut browser = Browser::new(served.address);
    let token = browser.token("/sign-in").await;
    let body = format!("csrf={token}&email=a%40b.example&password=x");
    let headers = "accept: text/html\r\nreferer: https://evil.example/x\r\n";
    let answer = browser.forged("/api/sign-in", "application/x-www-form-urlencoded", headers, &body).await;
    assert!(status(&answer) == 401 && !answer.contains("evil.example") && !answer.contains("location:"), "{answer}");
    assert!(answer.contains("value=\"a@b.example\""), "what was typed is kept: {answer}");
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer() {
    let served = open_to(&[("first_role = \"Owner\"", "first_role = \"Front desk\"")]).await;
    let mut browser = somebody(&served, Stage::Enrolling).await;
    let known = browser.mail(&served).await;
    // What differs by itself: the address that was typed, and the second in which it was answered.
    let strip = |answer: &str, mail: &str| {
        let lines = answer.lines().filter(|line| !line.starts_with("date: "));
        lines.collect::<Vec<_>>().join("\n").replace(mail, "MAIL")
    };
    for (page, path) in [("/sign-in", "/api/sign-in"), ("/sign-in/forgot", "/api/request-password-reset")] {
        let mut answers = Vec::new();
        for mail in [known.as_str(), &known.replace("acme", "none")] {
            let mut browser = Browser::new(served.address);
            let mut fields = vec![("email", mail)];
            if path == "/api/sign-in" {
                fields.extend([("password", "wrong wrong wrong"), ("next", "")]);
            }
            let token = browser.token(page).await;
            let answer = browser.form(page, path, &fields).await;
            answers.push(strip(&answer, mail).replace(&token, "TOKEN"));
        }
        assert_eq!(answers[0], answers[1], "{path}");
    }
}

#[tokio::test]
async fn a_letter_leads_to_the_configured_address_whatever_the_request_says() {
    let served = plain().await;
    let mut browser = Browser::new(served.address);
    let token = browser.token("/sign-up").await;
    let body = format!(
        "csrf={token}&email=ada%40acme.example&name=Ada&organisation=A&password={}",
        PASSWORD.replace(' ', "+")
    );
    let headers = "x-forwarded-host: evil.example\r\nforwarded: host=evil.example\r\naccept: application/json\r\n";
    let answer = browser.forged("/api/sign-up", "application/x-www-form-urlencoded", headers, &body).await;
    assert_eq!(status(&answer), 200, "{answer}");
    let (_, text) = &served.letters().await[0];
    assert!(text.contains(&served.instance.serving.public_url) && !text.contains("evil.example"), "{text}");
}

#[tokio::test]
async fn what_people_typed_comes_back_as_text_and_never_as_markup() {
    let served = open_to(&[("first_role = \"Owner\"", "first_role = \"Front desk\"")]).await;
    let mut browser = somebody(&served, Stage::Enrolling).await;
    let payload = "</option><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let fields = [("name", payload), ("date_style", "en-GB"), ("time_zone", "UTC")];
    assert_eq!(status(&browser.form("/account", "/api/change-profile", &fields).await), 303);
    for path in ["/account", "/account/sessions"] {
        let page = browser.get(path, "accept: text/html\r\n").await;
        assert!(status(&page) == 200 && !page.contains("<script>") && !page.contains("<img"), "{path}: {page}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let served = open_to(&[("first_role = \"Owner\"", "first_role = \"Front desk\"")]).await;
    let mut browser = somebody(&served, Stage::Enrolling).await;
    let old = browser.clone();
    let answer = browser.form("/account", "/api/sign-out", &[]).await;
    assert!(answer.contains("__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"), "{answer}");
    assert_eq!(status(&old.clone().get("/account", "accept: application/json\r\n").await), 401);
}

async fn seen(served: &Served, check: Check) -> Seen {
    look(check, &served.instance).await.seen
}

const OF_PEOPLE: &[Check] = &[
    Check::Csrf,
    Check::FormThrottle,
    Check::HashScheme,
    Check::HashSalts,
    Check::PasswordUnseen,
    Check::FactorDemanded,
    Check::FactorOffered,
    Check::CodeOnce,
    Check::BackupCodes,
    Check::UniqueAddress,
    Check::WorkAddresses,
    Check::TotpSecrets,
    Check::Headers,
    Check::Cookies,
];

#[tokio::test]
async fn the_controls_of_accounts_are_upheld_by_the_real_server_in_every_profile() {
    for name in server::profile::shipped() {
        let served = crate::common::of_profile(server::testing::profile(name, &[])).await;
        for check in OF_PEOPLE {
            let seen = seen(&served, *check).await;
            let kept = matches!(seen, Seen::Upheld(_)) || (*check == Check::WorkAddresses && name == "stratuslog");
            assert!(kept, "{name}, {check:?}: {seen:?}");
        }
        let left: Vec<_> = served.world.accounts_of_kind("probe").await;
        assert!(left.is_empty(), "{name}: the stand-ins are gone");
    }
}

#[tokio::test]
async fn the_controls_of_accounts_fall_with_a_server_that_lacks_them() {
    use axum::Router;
    use axum::routing::any;
    let served = plain().await;
    let open = "<form><input name=\"csrf\" value=\"1\"></form>";
    let router = Router::new().fallback(any(move || async move {
        ([("set-cookie", "__Host-csrf=1; Secure; HttpOnly; SameSite=Lax")], open)
    }));
    let bare = crate::common::naked(&served.instance, router).await;
    for check in [
        Check::Csrf,
        Check::FormThrottle,
        Check::PasswordUnseen,
        Check::FactorDemanded,
        Check::FactorOffered,
        Check::WorkAddresses,
    ] {
        let seen = look(check, &bare).await.seen;
        assert!(matches!(seen, Seen::Failing(_)), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_stored_in_the_wrong_form_falls() {
    let served = open_to(&[]).await;
    somebody(&served, Stage::SteppedUp).await;
    served
        .world
        .tamper("update totp set secret = (select address from account where address is not null limit 1)")
        .await;
    served
        .world
        .tamper(
            "update account set password_hash = '$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA' where kind = 'person'",
        )
        .await;
    served
        .world
        .tamper("update backup_code set code_hash = 'abcde' where code_hash = (select min(code_hash) from backup_code)")
        .await;
    for check in [Check::TotpSecrets, Check::HashScheme, Check::HashSalts, Check::BackupCodes] {
        let seen = seen(&served, check).await;
        assert!(matches!(seen, Seen::Failing(_)), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_session_of_the_self_test_is_good_for_probes_only() {
    let served = open_to(&[]).await;
    let mut browser = somebody(&served, Stage::SteppedUp).await;
    assert_eq!(status(&browser.get("/account", "").await), 200);
    served.world.tamper("update account set kind = 'probe'").await;
    assert_eq!(status(&browser.get("/account", "").await), 401);
}

#[tokio::test]
async fn a_signed_in_page_holds_no_secret_of_the_account() {
    let served = open_to(&[]).await;
    let mut browser = somebody(&served, Stage::SteppedUp).await;
    let shown = browser.get("/account/backup-codes", "accept: text/html\r\n").await;
    assert_eq!(shown.matches("data-backup-code=").count(), 10, "once, right after they were made");
    for path in ["/account", "/account/sessions", "/account/backup-codes"] {
        let page = browser.get(path, "accept: text/html\r\n").await;
        for word in ["$argon2", "otpauth:", "data-backup-code="] {
            assert!(!page.contains(word), "{path} holds {word}");
        }
    }
}
