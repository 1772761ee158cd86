//! The privacy policy and the terms: the newest version, and every older one at its own address.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use contract::problem::Problem;
use leptos::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, html};
use server::profile::Document;
use server::profile::format::DocumentKind;

use crate::http::{Site, failure, respond};
use crate::ui::layout::{Head, document};

pub async fn privacy(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    show(&site, DocumentKind::Privacy, None, &headers)
}

pub async fn privacy_version(
    Shared(site): Shared<Arc<Site>>,
    Path(version): Path<String>,
    headers: HeaderMap,
) -> Response {
    show(&site, DocumentKind::Privacy, Some(&version), &headers)
}

pub async fn terms(Shared(site): Shared<Arc<Site>>, headers: HeaderMap) -> Response {
    show(&site, DocumentKind::Terms, None, &headers)
}

pub async fn terms_version(
    Shared(site): Shared<Arc<Site>>,
    Path(version): Path<String>,
    headers: HeaderMap,
) -> Response {
    show(&site, DocumentKind::Terms, Some(&version), &headers)
}

fn show(site: &Site, kind: DocumentKind, version: Option<&str>, headers: &HeaderMap) -> Response {
    let versions = site.profile.documents(kind);
    let wanted = match version {
        None => versions.first(),
        Some(version) => versions.iter().find(|document| document.version.to_string() == version),
    };
    let Some(wanted) = wanted else {
        return failure::answer(&Problem::NotFound, headers, site.assets.style());
    };
    let (name, path) = match kind {
        DocumentKind::Privacy => ("Privacy policy", "/privacy"),
        DocumentKind::Terms => ("Terms of service", "/terms"),
    };
    let title = format!("{name} · {}", site.profile.name);
    let newest = versions.first().is_some_and(|newest| newest.version == wanted.version);
    let canonical = if newest {
        format!("{}{path}", site.settings.serving.public_url)
    } else {
        format!("{}{path}/{}", site.settings.serving.public_url, wanted.version)
    };
    let head = Head {
        title: &title,
        description: Some(name),
        canonical: Some(&canonical),
        style: site.assets.style(),
        script: None,
        again: false,
    };
    respond::html(StatusCode::OK, document(&head, body(wanted, &versions, path, &site.profile.name, newest)))
}

fn body(
    wanted: &Document,
    versions: &[&Document],
    path: &'static str,
    name: &str,
    newest: bool,
) -> impl IntoView + use<> {
    let others: Vec<_> = versions
        .iter()
        .map(|document| {
            let version = document.version.to_string();
            let here = document.version == wanted.version;
            view! { <li>{if here { view! { <span aria-current="page">{version}</span> }.into_any() } else { view! { <a class="link" href=format!("{path}/{version}")>{version.clone()}</a> }.into_any() }}</li> }
        })
        .collect();
    let version = wanted.version.to_string();
    view! {
        <main id="main" class="single">
            <nav class="crumbs" aria-label="Where you are"><a class="link" href="/trust">{name.to_owned()}" trust page"</a></nav>
            {(!newest).then(|| view! { <p class="notice">"This is an older version. "<a class="link" href=path>"Read the one in force."</a></p> })}
            <article class="prose" inner_html=to_html(&wanted.markdown)></article>
            <section aria-labelledby="h-versions">
                <h2 id="h-versions">"Versions"</h2>
                <p class="small">"This one is of "{version}"."</p>
                <ul class="plain">{others}</ul>
            </section>
        </main>
    }
}

/// Markdown to HTML. Raw HTML in the source is shown as text, and links lead only where a link may.
fn to_html(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| {
        if let Event::Html(raw) | Event::InlineHtml(raw) = event {
            return Event::Text(raw);
        }
        if let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event {
            let safe = contract::text::is_safe_link(&dest_url) || dest_url.starts_with("mailto:");
            let dest_url = if safe { dest_url } else { "#".into() };
            return Event::Start(Tag::Link { link_type, dest_url, title, id });
        }
        event
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

#[cfg(test)]
mod tests {
    use super::to_html;

    #[test]
    fn a_document_cannot_bring_script_or_a_script_link() {
        let html = to_html(
            "<script>alert(1)</script>\n\nA <b onclick=x>b</b> [c](javascript:alert(1)) [d](https://a.example)",
        );
        assert!(!html.contains("<script") && !html.contains("<b onclick") && !html.contains("javascript:"), "{html}");
        assert!(html.contains("https://a.example"));
    }
}
