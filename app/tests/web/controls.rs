//! The controls that ask over the network: upheld by the real server, fallen when the thing is broken.

use crate::common::{acceptor, naked, over_tls, plain, served};
use axum::Router;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use server::controls::probe::Probe;
use server::controls::run::look;
use server::controls::{Check, Instance, Mode, Seen};
use server::testing::World;
use server::trust::evidence::{self, NewEvidence};
use tokio_rustls::rustls::version::{TLS12, TLS13};

async fn seen(check: Check, instance: &Instance) -> Seen {
    look(check, instance).await.seen
}

fn upheld(seen: &Seen) -> bool {
    matches!(seen, Seen::Upheld(_))
}

fn failing(seen: &Seen) -> bool {
    matches!(seen, Seen::Failing(_))
}

#[tokio::test]
async fn web_hygiene_is_upheld_by_the_real_server() {
    let served = plain().await;
    for check in [Check::Headers, Check::Cookies, Check::RateLimits, Check::BodyLimits] {
        let seen = seen(check, &served.instance).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn what_is_not_ready_for_a_moment_breaks_no_promise_about_headers_and_cookies() {
    let served = plain().await;
    served.world.tamper("alter table revision rename to away").await;
    served.site.look().await;
    let mut probe = Probe::connect(&served.instance.serving).await.expect("a connection");
    assert_eq!(probe.get("/readyz").await.expect("an answer").status, 503);
    for check in [Check::Headers, Check::Cookies] {
        let seen = seen(check, &served.instance).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn web_hygiene_falls_with_a_server_that_lacks_it() {
    let served = plain().await;
    let bare = naked(&served.instance, Router::new().fallback(any(|| async { "hello" }))).await;
    for check in [Check::Headers, Check::RateLimits, Check::BodyLimits] {
        let seen = seen(check, &bare).await;
        assert!(failing(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_page_with_a_script_or_a_product_version_falls() {
    let served = plain().await;
    let bad = |name: &'static str, value: &'static str, body: &'static str| {
        let router = app::http::router::router(&served.site).layer(axum::middleware::map_response(
            move |response: Response| async move {
                let (mut parts, old) = response.into_parts();
                if !name.is_empty() {
                    parts.headers.insert(name, HeaderValue::from_static(value));
                }
                let html = parts.headers.get("content-type").is_some_and(|kind| kind == "text/html; charset=utf-8");
                if html && !body.is_empty() {
                    parts.headers.remove("content-length");
                    return (parts, body).into_response();
                }
                Response::from_parts(parts, old)
            },
        ));
        naked(&served.instance, router)
    };
    let with_version = bad("server", "nginx/1.2.3", "").await;
    let with_script = bad("", "", "<p>x</p><script>1</script>").await;
    let with_weak_policy =
        bad("content-security-policy", "default-src 'none' 'unsafe-inline'; frame-ancestors 'none'", "").await;
    for instance in [with_version, with_script, with_weak_policy] {
        let seen = seen(Check::Headers, &instance).await;
        assert!(failing(&seen), "{seen:?}");
    }
}

#[tokio::test]
async fn a_cookie_without_its_attributes_falls() {
    let served = plain().await;
    let bare = naked(
        &served.instance,
        Router::new().fallback(any(|| async { ([("set-cookie", "session=1; HttpOnly")], "hello") })),
    )
    .await;
    assert!(failing(&seen(Check::Cookies, &bare).await));
}

#[tokio::test]
async fn a_limiter_that_is_switched_off_really_lets_everybody_through() {
    let served = plain().await;
    let operator = served.world.operator();
    server::trust::switch::off(&operator, Check::RateLimits, "drill", served.world.now).await.expect("off");
    served.site.look().await;
    assert!(failing(&seen(Check::RateLimits, &served.instance).await));

    server::trust::switch::on(&operator, Check::RateLimits, served.world.now).await.expect("on");
    served.site.look().await;
    assert!(upheld(&seen(Check::RateLimits, &served.instance).await));
}

#[tokio::test]
async fn transport_is_unavailable_on_plain_http() {
    let served = plain().await;
    for check in [Check::Tls, Check::Redirect, Check::Hsts] {
        assert!(matches!(seen(check, &served.instance).await, Seen::Unavailable(_)), "{check:?}");
    }
}

#[tokio::test]
async fn transport_is_upheld_by_our_own_tls() {
    let served = over_tls().await;
    for check in [Check::Tls, Check::Redirect, Check::Hsts, Check::Headers] {
        let seen = seen(check, &served.instance).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_promised_and_not_spoken_falls() {
    let only_new = served(World::new().await, Mode::OwnTls, Some(acceptor(&[&TLS13])), "").await;
    assert!(failing(&seen(Check::Tls, &only_new.instance).await));
    let strict = server::testing::profile("aertous", &[("tls = \"1.2\"", "tls = \"1.3\"")]);
    let too_old = served(World::with(strict).await, Mode::OwnTls, Some(acceptor(&[&TLS12, &TLS13])), "").await;
    assert!(failing(&seen(Check::Tls, &too_old.instance).await));
}

#[tokio::test]
async fn plain_http_that_carries_content_falls() {
    let open = plain().await;
    let mut pretending = open.instance.clone();
    pretending.serving.mode = Mode::BehindProxy;
    for check in [Check::Redirect, Check::Hsts] {
        let seen = seen(check, &pretending).await;
        assert!(failing(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_plain_requests_are_redirected_and_https_ones_carry_hsts() {
    let served = served(World::new().await, Mode::BehindProxy, None, "127.0.0.1/32").await;
    for check in [Check::Redirect, Check::Hsts, Check::Headers] {
        let seen = seen(check, &served.instance).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_probe_knows_its_own_instance_from_another() {
    let (ours, theirs) = (plain().await, plain().await);
    let mut probe = Probe::connect(&ours.instance.serving).await.expect("connect");
    let answer = probe.get("/trust.json").await.expect("answer");
    assert!(probe.recognised(&answer));

    let mut elsewhere = ours.instance.serving.clone();
    elsewhere.address = theirs.address;
    elsewhere.public_url = theirs.instance.serving.public_url.clone();
    let mut probe = Probe::connect(&elsewhere).await.expect("connect");
    let answer = probe.get("/trust.json").await.expect("answer");
    assert!(!probe.recognised(&answer));
}

#[tokio::test]
async fn the_lists_on_the_page_are_those_on_record() {
    let served = plain().await;
    let today = time::OffsetDateTime::now_utc().date();
    let certificate = NewEvidence {
        claim: "P058".into(),
        dated: Some(today),
        note: Some("The certificate came".into()),
        certifies: Some("SOC 2 \"Type 1\"".into()),
        expires: Some(today + time::Duration::days(9)),
        ..NewEvidence::default()
    };
    let now = time::OffsetDateTime::now_utc();
    evidence::add(&served.world.operator(), &served.world.vault, &served.world.profile, certificate, now)
        .await
        .expect("add");
    served.site.look().await;
    for check in [Check::CertificationsComputed, Check::FrameworksComputed] {
        let seen = seen(check, &served.instance).await;
        assert!(upheld(&seen), "{check:?}: {seen:?}");
    }
}

#[tokio::test]
async fn a_page_that_claims_more_than_is_on_record_falls() {
    let served = plain().await;
    let boasting = "<tr data-certification=\"ISO 27001\"></tr><tr data-framework=\"pci-dss\"></tr>";
    let bare = naked(&served.instance, Router::new().fallback(any(move || async move { boasting }))).await;
    for check in [Check::CertificationsComputed, Check::FrameworksComputed] {
        let seen = seen(check, &bare).await;
        assert!(failing(&seen), "{check:?}: {seen:?}");
    }
}
