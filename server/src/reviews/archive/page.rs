//! The report as a page that can be printed: nothing is fetched, nothing runs.

use std::fmt::Write as _;

use crate::reviews::report::Quality;

/// Items on the page; the tables beside it have all of them.
pub(in crate::reviews) const MOST: usize = 2000;

/// The name of a fact, and the fact.
pub(in crate::reviews) type Fact = (&'static str, String);

/// What a page shows, of whomever.
#[derive(Debug)]
pub(in crate::reviews) struct Printed<'a> {
    pub(in crate::reviews) title: String,
    pub(in crate::reviews) facts: Vec<Fact>,
    pub(in crate::reviews) reviewers: &'a [Quality],
    pub(in crate::reviews) head: &'a [&'static str],
    /// The first items, each with a cell for each column.
    pub(in crate::reviews) rows: Vec<Vec<String>>,
    /// How many items there are.
    pub(in crate::reviews) of: u64,
}

const STYLE: &str = "body{font:14px/1.4 sans-serif;margin:2em}table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.2em .4em;text-align:left;vertical-align:top}tr{break-inside:avoid}thead{display:table-header-group}";

const DECIDED: &[&str] =
    &["Who", "Decided", "Of a hundred, kept", "Of a hundred, together with others", "Seconds between two (median)"];

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(in crate::reviews) fn page(printed: &Printed<'_>) -> String {
    let Printed { title, facts, reviewers, head, rows, of } = printed;
    let title = text(title);
    let mut out = String::new();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>\n"
    );
    let facts = facts.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect::<Vec<_>>();
    table(&mut out, &[], &facts);
    let _ = writeln!(out, "<h2>Reviewers</h2>");
    table(&mut out, DECIDED, &reviewers.iter().map(decided).collect::<Vec<_>>());
    let _ = writeln!(out, "<h2>Items</h2>");
    if *of > rows.len() as u64 {
        let _ = writeln!(out, "<p>The first {} of {of}. All of them are in items.csv.</p>", rows.len());
    }
    table(&mut out, head, rows);
    out.push_str("</main></body></html>\n");
    out
}

fn decided(one: &Quality) -> Vec<String> {
    let seconds = one.median_seconds.map_or_else(|| "\u{2013}".to_owned(), |seconds| format!("{seconds:.0}"));
    let [decided, keep, bulk] = [one.decided, one.keep_percent(), one.bulk_percent()].map(|number| number.to_string());
    vec![one.who.clone(), decided, keep, bulk, seconds]
}

/// A table whose rows begin with what they are about.
fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    out.push_str("<table>");
    if !head.is_empty() {
        out.push_str("<thead><tr>");
        for name in head {
            let _ = write!(out, "<th scope=\"col\">{name}</th>");
        }
        out.push_str("</tr></thead>");
    }
    out.push_str("<tbody>\n");
    for row in rows {
        let first = row.first().map(|first| text(first)).unwrap_or_default();
        let _ = write!(out, "<tr><th scope=\"row\">{first}</th>");
        for cell in row.iter().skip(1) {
            let _ = write!(out, "<td>{}</td>", text(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
}
