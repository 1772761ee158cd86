//! The frame of every page: language, head, skip link, landmarks.

use html_escape::{encode_double_quoted_attribute as attribute, encode_text};
use leptos::prelude::*;

/// What stands in a page's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub title: &'a str,
    pub description: Option<&'a str>,
    /// From the configured public address, never from the request's Host.
    pub canonical: Option<&'a str>,
    pub style: &'a str,
    /// For the few pages that have one.
    pub script: Option<&'a str>,
    /// Whether it is asked for again by itself after a few seconds.
    pub again: bool,
}

/// A whole document around `body`, which brings its own landmarks.
pub fn document(head: &Head<'_>, body: impl IntoView) -> String {
    let owner = Owner::new();
    // The marks between neighbouring texts are for hydration, which a page without script does not have; as HTML they are
    // malformed comments. Text is escaped, so nothing of ours can look like one. Inside an island they stay.
    let body = without_marks(&owner.with(|| body.into_view().to_html()));
    owner.cleanup();
    let head = self::head(head);
    format!(
        "<!DOCTYPE html><html lang=\"en\">{head}<body><a class=\"skip\" href=\"#main\">Skip to the content</a>{body}</body></html>"
    )
}

fn without_marks(html: &str) -> String {
    let mut parts = html.split("<leptos-island");
    let mut out = parts.next().unwrap_or_default().replace("<!>", "");
    for part in parts {
        let (island, after) = part.split_once("</leptos-island>").unwrap_or((part, ""));
        out.push_str("<leptos-island");
        out.push_str(island);
        out.push_str("</leptos-island>");
        out.push_str(&after.replace("<!>", ""));
    }
    out
}

/// By hand, because the view macro knows no `property` attribute, which Open Graph needs.
fn head(head: &Head<'_>) -> String {
    let Head { title, description, canonical, style, script, again } = *head;
    let again = if again { "<meta http-equiv=\"refresh\" content=\"3\">" } else { "" };
    let script = script.map(|path| format!("<script type=\"module\" src=\"{path}\"></script>"));
    let described = description.map(attribute).map(|text| {
        format!("<meta name=\"description\" content=\"{text}\"><meta property=\"og:description\" content=\"{text}\">")
    });
    let placed = canonical
        .map(attribute)
        .map(|url| format!("<link rel=\"canonical\" href=\"{url}\"><meta property=\"og:url\" content=\"{url}\">"));
    format!(
        "<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{again}<title>{title}</title>{described}{placed}<meta property=\"og:title\" content=\"{og_title}\"><meta property=\"og:type\" content=\"website\"><meta name=\"color-scheme\" content=\"light dark\"><link rel=\"preload\" href=\"/pkg/display.woff2\" as=\"font\" type=\"font/woff2\" crossorigin><link rel=\"stylesheet\" href=\"{style}\"><link rel=\"icon\" href=\"/pkg/icon.svg\" type=\"image/svg+xml\"><link rel=\"alternate\" href=\"/trust/feed.atom\" type=\"application/atom+xml\" title=\"Changes of claims\">{script}</head>",
        title = encode_text(title),
        og_title = attribute(title),
        described = described.unwrap_or_default(),
        placed = placed.unwrap_or_default(),
        script = script.unwrap_or_default(),
    )
}
