//! `/trust/feed.atom`: every change of state, for feed readers (RFC 4287).

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use server::clock::rfc3339;
use server::trust::{Change, history};

use crate::http::{Site, failure, respond};

pub async fn show(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    match history::newest(&site.visitor, &site.profile.id, None, None).await {
        Ok(changes) => {
            respond::bytes(StatusCode::OK, "application/atom+xml; charset=utf-8", "no-cache", feed(&site, &changes))
        }
        Err(cause) => failure::answer(&server::problem::internal(&cause), &headers, site.assets.style()),
    }
}

fn feed(site: &Site, changes: &[Change]) -> String {
    let url = &site.settings.serving.public_url;
    let updated = changes.first().map_or_else(|| site.clock.now(), |change| change.at);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<title>{name}: changes of claims</title>\n<id>{url}/trust/history</id>\n<link rel=\"self\" href=\"{url}/trust/feed.atom\"/>\n<link href=\"{url}/trust/history\"/>\n<updated>{updated}</updated>\n<author><name>{entity}</name></author>\n",
        name = escape(&site.profile.name),
        entity = escape(&site.profile.legal_entity),
        url = escape(url),
        updated = rfc3339(updated),
    );
    for change in changes {
        let title = match change.from {
            Some(from) => format!("{}: {} became {}", change.claim, from.word(), change.to.word()),
            None => format!("{}: published as {}", change.claim, change.to.word()),
        };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "<entry>\n<id>{url}/trust/history#{seq}-{hash}</id>\n<title>{title}</title>\n<link href=\"{url}/trust/claims/{claim}\"/>\n<updated>{at}</updated>\n<summary>{sentence} {reason}</summary>\n</entry>\n",
            url = escape(url),
            seq = change.seq,
            hash = &change.hash[..change.hash.len().min(16)],
            title = escape(&title),
            claim = escape(&change.claim),
            at = rfc3339(change.at),
            sentence = escape(&change.sentence),
            reason = escape(&change.reason),
        );
    }
    text.push_str("</feed>\n");
    text
}

/// XML's five, and nothing that XML 1.0 cannot carry.
fn escape(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
        escaped
    })
}
