//! `/keys`, the same for programs, and the programs that verify.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contract::problem::Problem;
use leptos::prelude::*;
use serde_json::{Value, json};
use server::audit::verifiers::VERIFIERS;
use server::clock::rfc3339;
use server::vault::Published;

use crate::http::{Site, failure, respond};
use crate::ui::layout::{Head, document};

/// What is signed: how it is called, what exactly the signature is over, and how it is checked.
struct Signed {
    what: &'static str,
    over: &'static str,
    check: &'static str,
}

const SIGNED: &[Signed] = &[
    Signed {
        what: "The log of an organisation",
        over: "each line of audit-heads.jsonl: the fields avouch-head/1, kind, tenant, seq, hash, at_ms, and before_ms where there is one, each after its length in bytes as a 32-bit big-endian number; numbers as 64 bits big-endian, the tenant as 16 bytes, the hash as 32 bytes",
        check: "python3 verify_log.py audit.jsonl audit-heads.jsonl KEY",
    },
    Signed {
        what: "The archive of an access review",
        over: "the line avouch-review/1 with its line feed, then manifest.json as it is; the signature is in manifest.sig",
        check: "python3 verify_review.py review.zip KEY",
    },
    Signed {
        what: "The archive of everything an organisation keeps",
        over: "the line avouch-archive/1 with its line feed, then manifest.json as it is; the signature is in manifest.sig",
        check: "(echo avouch-archive/1; cat manifest.json) > signed\npython3 -c \"import json; open('signature', 'wb').write(bytes.fromhex(json.load(open('manifest.sig'))['signature']))\"\nopenssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature",
    },
    Signed {
        what: "A certificate of destruction",
        over: "the object certificate of the file, written as JSON without white space",
        check: "avouch certificate verify certificate.json --key KEY",
    },
];

pub async fn show(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    let keys = match site.accounts.vault.published().await {
        Ok(keys) => keys,
        Err(error) => return unreadable(&site, error.into(), &headers),
    };
    let title = format!("Keys · {}", site.profile.name);
    let canonical = format!("{}/keys", site.settings.serving.public_url);
    let head = Head {
        title: &title,
        description: Some("The keys that verify what we sign"),
        canonical: Some(&canonical),
        style: site.assets.style(),
        script: None,
        again: false,
    };
    respond::html(StatusCode::OK, document(&head, body(&keys, &site.profile.name)))
}

/// The same for programs.
pub async fn json(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    match site.accounts.vault.published().await {
        Ok(keys) => {
            let text = format!("{:#}\n", told(&keys, &site.settings.serving.public_url));
            respond::bytes(StatusCode::OK, "application/json", "no-cache", text)
        }
        Err(error) => unreadable(&site, error.into(), &headers),
    }
}

/// One of the programs that verify.
pub async fn verifier(Shared(site): Shared<Arc<Site>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match VERIFIERS.iter().find(|(known, _)| *known == name) {
        Some((known, text)) => respond::download("text/x-python; charset=utf-8", known, Body::from(*text)),
        None => failure::answer(&Problem::NotFound, &headers, site.assets.style()),
    }
}

fn unreadable(site: &Site, refusal: server::identity::Refusal, headers: &HeaderMap) -> Response {
    failure::answer(&refusal.into(), headers, site.assets.style())
}

fn told(keys: &[Published], url: &str) -> Value {
    let key = |key: &Published| {
        json!({
            "public_key": key.hex, "pem": key.pem, "since": rfc3339(key.since), "until": key.until.map(rfc3339),
        })
    };
    let signed = SIGNED.iter().map(|one| json!({ "what": one.what, "signature_over": one.over, "check": one.check }));
    json!({
        "algorithm": "Ed25519",
        "specification": "RFC 8032",
        "present": keys.iter().find(|key| key.until.is_none()).map(key),
        "former": keys.iter().filter(|key| key.until.is_some()).map(key).collect::<Vec<_>>(),
        "signed": signed.collect::<Vec<_>>(),
        "verifiers": VERIFIERS.iter().map(|(name, _)| format!("{url}/keys/{name}")).collect::<Vec<_>>(),
        "page": format!("{url}/keys"),
    })
}

fn body(keys: &[Published], name: &str) -> impl IntoView + use<> {
    let present = keys.iter().find(|key| key.until.is_none()).map(|key| {
        view! {
            <p><code data-public-key=key.hex.clone()>{key.hex.clone()}</code></p>
            <p class="small">"In use since "{rfc3339(key.since)}". As openssl reads it, for a file key.pem:"</p>
            <pre tabindex="0"><code>{key.pem.clone()}</code></pre>
        }
    });
    let former: Vec<_> = keys.iter().filter(|key| key.until.is_some()).collect();
    let former = if former.is_empty() {
        view! { <p>"There was no other before it."</p> }.into_any()
    } else {
        let rows = former.into_iter().map(|key| {
            view! { <li><code>{key.hex.clone()}</code>", from "{rfc3339(key.since)}" to "{key.until.map(rfc3339)}</li> }
        });
        view! { <p>"What was signed with one of these still verifies with it:"</p><ul>{rows.collect_view()}</ul> }
            .into_any()
    };
    view! {
        <main id="main" class="single">
            <nav class="crumbs" aria-label="Where you are"><a class="link" href="/trust">{name.to_owned()}" trust page"</a></nav>
            <article class="prose">
                <h1>"Keys"</h1>
                <p>"What we sign can be checked by anybody, without asking us: compare the key that a file names with this one, then check the signature. It is Ed25519 (RFC 8032), here in hexadecimal:"</p>
                {present}
                <h2>"Former keys"</h2>
                {former}
                {checking()}
            </article>
        </main>
    }
}

fn checking() -> impl IntoView {
    let signed = SIGNED.iter().map(|one| {
        view! {
            <h3>{one.what}</h3>
            <p>"Signed is "{one.over}"."</p>
            <pre tabindex="0"><code>{one.check}</code></pre>
        }
    });
    let programs = VERIFIERS.iter().map(|(name, _)| {
        view! { <li><a class="link" href=format!("/keys/{name}")>{*name}</a></li> }
    });
    view! {
        <h2>"How to check"</h2>
        <p>"These programs need Python 3, the second one openssl too, and share no code with ours. They are short enough to be read first:"</p>
        <ul>{programs.collect_view()}</ul>
        {signed.collect_view()}
        <p>"For programs, all of this is in "<a class="link" href="/.well-known/avouch-keys.json">"/.well-known/avouch-keys.json"</a>"."</p>
    }
}
