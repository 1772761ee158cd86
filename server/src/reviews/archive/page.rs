//! The report as a page that can be printed: nothing is fetched, nothing runs.

use std::fmt::Write as _;

use crate::clock::rfc3339;
use crate::reviews::items::Item;
use crate::reviews::report::Report;

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn page(organisation: &str, report: &Report, items: &[Item]) -> String {
    let campaign = &report.campaign;
    let mut out = String::new();
    let title = text(&format!("Access review {} of {organisation}", campaign.name));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>\n"
    );
    facts(&mut out, report);
    reviewers(&mut out, report);
    let _ = writeln!(out, "<h2>Items</h2>");
    if campaign.counts.items > items.len() as u64 {
        let _ = writeln!(
            out,
            "<p>The first {} of {}. All of them are in items.csv.</p>",
            items.len(),
            campaign.counts.items
        );
    }
    table(&mut out, items);
    out.push_str("</main></body></html>\n");
    out
}

const STYLE: &str = "body{font:14px/1.4 sans-serif;margin:2em}table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.2em .4em;text-align:left;vertical-align:top}tr{break-inside:avoid}thead{display:table-header-group}";

fn facts(out: &mut String, report: &Report) {
    let campaign = &report.campaign;
    let at = |at: Option<time::OffsetDateTime>| at.map_or_else(|| "not yet".to_owned(), rfc3339);
    let rows = [
        ("Where it stands", campaign.status.said().to_owned()),
        ("Began", at(campaign.opened)),
        ("Due", rfc3339(campaign.due)),
        ("Closed", at(campaign.closed)),
        ("Grants found", campaign.found.grants().to_string()),
        ("Items", campaign.counts.items.to_string()),
        ("SHA-256 of what was found", campaign.population_sha256.clone().unwrap_or_default()),
        ("Kept", campaign.counts.keep.to_string()),
        ("Revoked", campaign.counts.revoke.to_string()),
        ("Role changed", campaign.counts.change.to_string()),
        ("Gone before it was decided", campaign.counts.gone.to_string()),
        ("Differed, and that was settled", campaign.counts.changed.to_string()),
        ("Not decided", campaign.counts.pending.to_string()),
        ("Decided by silence", report.silent.to_string()),
        ("Decided late", report.late.to_string()),
        ("Given since it began", report.since.added.to_string()),
        ("Gone since it began", report.since.gone.to_string()),
        ("Changed since it began", report.since.changed.to_string()),
        ("Differs from what was decided", report.drift.len().to_string()),
        ("Privileged", report.privileged.to_string()),
        (
            "Privileged that stayed",
            report.privileged_kept.map_or_else(|| "not yet".to_owned(), |kept| kept.to_string()),
        ),
    ];
    out.push_str("<table><tbody>\n");
    for (name, value) in rows {
        let _ = writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>", text(&value));
    }
    out.push_str("</tbody></table>\n");
}

fn reviewers(out: &mut String, report: &Report) {
    out.push_str("<h2>Reviewers</h2>\n<table><thead><tr><th scope=\"col\">Who</th><th scope=\"col\">Decided</th><th scope=\"col\">Of a hundred, kept</th><th scope=\"col\">Of a hundred, together with others</th><th scope=\"col\">Seconds between two (median)</th></tr></thead><tbody>\n");
    for one in &report.reviewers {
        let seconds = one.median_seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.0}"));
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{seconds}</td></tr>",
            text(&one.who),
            one.decided,
            one.keep_percent(),
            one.bulk_percent()
        );
    }
    out.push_str("</tbody></table>\n");
}

fn table(out: &mut String, items: &[Item]) {
    out.push_str("<table><thead><tr><th scope=\"col\">Who</th><th scope=\"col\">What</th><th scope=\"col\">Role</th><th scope=\"col\">Recommended</th><th scope=\"col\">Decision</th><th scope=\"col\">By</th><th scope=\"col\">Why</th><th scope=\"col\">State</th></tr></thead><tbody>\n");
    for item in items {
        let decision = item.decision.map_or("Not decided", super::super::words::Decision::said);
        let by = if item.silent { "silence" } else { item.decided_by.as_deref().unwrap_or("") };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}: {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            text(&item.who),
            item.kind.said(),
            text(item.role.as_deref().unwrap_or("")),
            item.recommendation.said(),
            item.reason.said(),
            decision,
            text(by),
            text(item.note.as_deref().unwrap_or("")),
            item.state.said()
        );
    }
    out.push_str("</tbody></table>\n");
}
