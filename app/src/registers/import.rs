//! Importing from a CSV file: what it has to look like, and the report of what would become of it, or did.

use std::time::Duration;

use axum::http::header::LOCATION;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use serde_json::json;
use server::guard::{Asks, rights};
use server::profile::format::{Field, FieldKind};
use server::registers::imports::{self, MOST_ROWS, Report};
use server::registers::shape::Shape;

use super::frame;
use crate::http::fields::Fields;
use crate::http::people::{self, Done, Typed};
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, Shown, framed};
use crate::organisation::frame as organisation;
use crate::ui::chart::number;
use crate::ui::entry::{Entry, choose_or, summary};
use crate::ui::form::{hidden, sentence};
use crate::ui::list::table;

/// What part of a request's time is spent waiting for a long import: the rest is for the answer.
const PATIENCE: u32 = 2;

/// The word for looking only.
const CHECK: &str = "check";

pub fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToSee)?;
    let shape = frame::shape(visit, &editor)?;
    if !shape.writes_any() {
        return Err(Problem::Forbidden);
    }
    let title = format!("{}: import", shape.title());
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{title.clone()}</h1>
        {summary(typed, &[("file".to_owned(), "File".to_owned())])}
        {form(visit, typed)}
        {columns(&shape)}
    };
    Ok(Middle::new(title, view).wide())
}

fn form(visit: &Visit, typed: &Typed) -> AnyView {
    let limit = visit.site.profile.policy.limits.upload_kib.get();
    let mode = Entry::new("mode", "What to do", typed, String::new())
        .hint("Every row is judged before the first is written. One that does not fit stops all.");
    let modes = [(CHECK.to_owned(), "Only check it, and write nothing".to_owned())];
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field("file"));
    let at_fault = wrong.is_some().then_some("true");
    let described = if wrong.is_some() { "f-file-hint f-file-wrong" } else { "f-file-hint" };
    let hint = format!(
        "A CSV file in UTF-8, at most {} KiB and {} rows. The first line names the columns.",
        number(limit.into()),
        number(MOST_ROWS as u64)
    );
    let fields = view! {
        <div class="field">
            <label for="f-file">"File"</label>
            <p class="small" id="f-file-hint">{hint}</p>
            <input class="input" id="f-file" name="file" type="file" accept=".csv,text/csv" required aria-invalid=at_fault aria-describedby=described/>
            {wrong.map(|said| view! { <p class="wrong" id="f-file-wrong">{sentence(&said)}</p> })}
        </div>
        {choose_or(&mode, "Import every row, if nothing is wrong with any", &modes)}
    };
    organisation::form_with_file(visit, Act::ImportRecords, organisation::button("Send the file"), fields)
}

/// What the columns are called and what may stand in them.
fn columns(shape: &Shape<'_>) -> AnyView {
    let fields: Vec<&Field> =
        shape.fields().filter(|field| shape.writes(field) && field.kind != FieldKind::File).collect();
    let head = fields.iter().map(|field| field.id.get_ref().as_str()).collect::<Vec<_>>().join(",");
    let rows: Vec<AnyView> = fields
        .iter()
        .map(|field| {
            let needed = if field.required { "Yes" } else { "No" };
            let (id, label) = (field.id.get_ref().clone(), field.label.clone());
            view! { <tr><th scope="row"><code>{id}</code></th><td>{label}</td><td>{needed}</td><td>{takes(field, shape.zone_name())}</td></tr> }.into_any()
        })
        .collect();
    view! {
        <section aria-labelledby="h-columns">
            <h2 id="h-columns">"The columns"</h2>
            <p>"In any order, called by their ids or labels. A column that is not there counts as empty; one called unit says where a record belongs."</p>
            <p><code>{head}</code></p>
            {table("Columns", &["Column", "Label", "Needed", "What it takes"], rows)}
        </section>
    }
    .into_any()
}

fn takes(field: &Field, zone: &str) -> String {
    match field.kind {
        FieldKind::Text | FieldKind::File => "A text in one line".to_owned(),
        FieldKind::LongText => "A text".to_owned(),
        FieldKind::Number => match &field.unit {
            Some(unit) => format!("A number, in {unit}"),
            None => "A number".to_owned(),
        },
        FieldKind::Date => "A date such as 2026-04-30".to_owned(),
        FieldKind::Instant => format!(
            "Date and time such as 2026-04-30T14:30, as it is in {zone}, or with an offset such as 2026-04-30T14:30:00Z"
        ),
        FieldKind::Choice => format!("One of: {}", field.choices.join(", ")),
        FieldKind::Choices => format!("Any of these, with semicolons between: {}", field.choices.join(", ")),
        FieldKind::Person => "The e-mail address of a member".to_owned(),
        FieldKind::Link => "The name of a record, or its id".to_owned(),
        FieldKind::Requirement => "Identifiers such as soc-2:CC6.1, with semicolons between".to_owned(),
    }
}

/// Judges a file and, unless it is only to be checked, writes it.
pub async fn perform(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToDo)?;
    let (accounts, register) = (&visit.site.accounts, visit.param("register"));
    let only_check = match fields.get("mode") {
        "" => false,
        CHECK => true,
        _ => return Err(Problem::field("mode", format!("write {CHECK}, or leave it out"))),
    };
    // A program may send the text itself.
    let sent = fields.file().map_or(fields.get("file").as_bytes(), |file| &file.bytes);
    if sent.is_empty() {
        return Err(Problem::field("file", "choose a file"));
    }
    let report = if only_check {
        imports::check(&editor, accounts, register, sent).await?
    } else {
        imports::import(editor, accounts, register, sent, &visit.origin, visit.now, patience(visit)).await?
    };
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = Shape::of(&reader, accounts, register)?;
    reported(visit, &shape, &report, only_check)
}

/// The word of RFC 7240 for whoever does not want to wait.
const AT_ONCE: &str = "respond-async";

fn need_not_wait(visit: &Visit) -> bool {
    let preferences = visit.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(AT_ONCE))
}

/// Where to look how far an import is that was not waited for (RFC 9110 section 15.3.3), and that this was wished (RFC 7240 section 3).
fn on_its_way(visit: &Visit, report: &Report) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    if report.goes_on {
        let place = HeaderValue::from_str(&visit.path_of(contract::access::Page::Register));
        headers.extend(place.map(|place| (LOCATION, place)));
        if need_not_wait(visit) {
            headers.push((HeaderName::from_static("preference-applied"), HeaderValue::from_static(AT_ONCE)));
        }
    }
    headers
}

/// How long a long import is waited for. A program that asks with RFC 7240 (`Prefer: respond-async`) is answered as soon as the file is judged.
fn patience(visit: &Visit) -> Duration {
    if need_not_wait(visit) {
        return Duration::ZERO;
    }
    Duration::from_secs(visit.site.profile.policy.limits.request_seconds.get().into()) / PATIENCE
}

fn reported(visit: &Visit, shape: &Shape<'_>, report: &Report, only_check: bool) -> Result<Done, Problem> {
    let refused = report.wrong_count > 0 && !only_check;
    let status = match (refused, report.goes_on) {
        (true, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (false, true) => StatusCode::ACCEPTED,
        (false, false) => StatusCode::OK,
    };
    let errors: Vec<_> = report
        .wrong
        .iter()
        .map(|wrong| json!({ "line": wrong.line, "field": wrong.field, "message": wrong.said }))
        .collect();
    let mut body = json!({
        "rows": report.rows,
        "imported": if report.act.is_some() && !report.goes_on { report.rows } else { 0 },
        "state": if report.goes_on { Some("running") } else { report.act.map(|_| "done") },
        "wrong": report.wrong_count,
        "errors": errors,
        "sample": report.sample,
        "act": report.act,
        "next": visit.path_of(contract::access::Page::Register),
    });
    if refused {
        let problem = Problem::InvalidFields { errors: Vec::new() };
        body["type"] = json!(format!("urn:avouch:problem:{}", problem.kind()));
        body["title"] = json!(problem.title());
        body["status"] = json!(problem.status());
        body["detail"] = json!("Nothing was imported. Every value that does not fit is listed.");
    }
    match framed(visit, shown(visit, shape, report, only_check)) {
        Shown::Page { html, .. } => {
            let report = people::Report { status, html, body, headers: on_its_way(visit, report) };
            Ok(Done { report: Some(report), ..Done::default() })
        }
        Shown::Elsewhere(next) => Ok(Done::go(next)),
        Shown::Download(_) => Err(Problem::NotFound),
    }
}

fn shown(visit: &Visit, shape: &Shape<'_>, report: &Report, only_check: bool) -> Middle {
    let rows = if report.rows == 1 { "1 row".to_owned() } else { format!("{} rows", number(report.rows)) };
    let (title, said) = match (report.wrong_count, only_check) {
        (0, true) => ("Nothing is wrong", format!("{rows} can be imported. Nothing was written.")),
        (0, false) if report.goes_on => (
            "It goes on",
            format!(
                "Nothing is wrong with {rows}, and the import goes on. You need not wait: the register shows how far it is."
            ),
        ),
        (0, false) => ("Imported", format!("{rows} imported; each is a record now.")),
        (wrong, _) => (
            "Nothing was imported",
            format!(
                "In {rows} {} not fit. Put that right in the file, and send it again.",
                if wrong == 1 { "1 value does".to_owned() } else { format!("{} values do", number(wrong)) }
            ),
        ),
    };
    let role = if report.wrong_count == 0 { "status" } else { "alert" };
    let class = if report.wrong_count == 0 { "notice" } else { "trouble" };
    let sample = (!report.sample.is_empty())
        .then(|| view! { <p class="small">"The first of them: "{report.sample.join(", ")}"."</p> });
    let path = frame::path(visit, shape.id());
    let undo = report.act.filter(|_| shape.deletes() && !report.goes_on).map(|act| {
        organisation::form(
            visit,
            Act::UndoAct,
            organisation::small("Undo", "the import"),
            hidden("act", act.to_string()),
        )
    });
    let view = view! {
        {frame::crumbs(visit, shape, true)}
        <h1>{title}</h1>
        <p class=class role=role data-rows=report.rows data-wrong=report.wrong_count>{said}</p>
        {sample}
        {wrong(report)}
        <div class="go row-actions">
            <a class="btn btn-primary" href=path.clone()>"Show the records"</a>
            <a class="btn" href=format!("{path}/import")>"Send another file"</a>
            {undo}
        </div>
    };
    Middle::new(title, view).wide()
}

fn wrong(report: &Report) -> Option<AnyView> {
    if report.wrong.is_empty() {
        return None;
    }
    let rows: Vec<AnyView> = report
        .wrong
        .iter()
        .map(|wrong| {
            let (line, field, said) = (wrong.line, wrong.field.clone(), sentence(&wrong.said));
            view! { <tr data-line=line><td class="number">{line}</td><th scope="row"><code>{field}</code></th><td>{said}</td></tr> }.into_any()
        })
        .collect();
    let listed = report.wrong.len() as u64;
    let more = (report.wrong_count > listed)
        .then(|| view! { <p class="small">"The first "{number(listed)}" of them are listed."</p> });
    Some(view! { {more}{table("Values that do not fit", &["Line", "Column", "What would be right"], rows)} }.into_any())
}
