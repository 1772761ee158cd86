//! One record: what it says, what it leads to and what leads to it, and who changed which field when.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::files::Attached;
use server::guard::{Asks, Person, rights};
use server::profile::format::{Field, FieldKind};
use server::registers::record::{self, Change, Kind, Whole};
use server::registers::shape::{Shape, naming};
use server::registers::value::warnings;

use super::{files, frame};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame as organisation;
use crate::ui::form::{hidden, trouble};
use crate::ui::list::table;

/// What a record is called, as far as this person may read it.
pub fn name(shape: &Shape<'_>, whole: &Whole) -> String {
    let field = naming(shape.register).filter(|field| shape.reads(field));
    field.and_then(|field| whole.content.first(field.id.get_ref())).unwrap_or("A record without a name").to_owned()
}

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    let id = frame::id(visit)?;
    let whole = record::whole(&reader, &visit.site.accounts, &shape, id).await?.ok_or(Problem::NotFound)?;
    let units = server::organisations::units::list(&reader, &visit.site.accounts).await?;
    let unit = whole.unit.map(|id| {
        let known = units.into_iter().find(|unit| unit.id == id);
        known.map_or_else(|| "One that is gone".to_owned(), |unit| unit.name)
    });
    let attached = server::files::list(&reader, &visit.site.accounts, id).await?;
    let name = name(&shape, &whole);
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{name.clone()}</h1>
        {done(typed)}
        {trouble(typed)}
        {warned(&shape, &whole)}
        {acts(visit, &shape, &whole, &name)}
        <div data-record=whole.id.to_string() data-version=whole.version>{facts(visit, &shape, &whole, &attached, unit)}</div>
        {files::section(visit, &shape, id, &attached, typed)}
        {leading(visit, &whole)}
        {history(&reader, &whole)}
    };
    Ok(Middle::new(name, view).wide())
}

/// A word that may be about somebody's health: here only dates are kept of that.
fn warned(shape: &Shape<'_>, whole: &Whole) -> Option<AnyView> {
    let fields = warnings(shape, &whole.content);
    (!fields.is_empty()).then(|| {
        let said = format!(
            "Of somebody's health only dates are kept here. Look at {} again: it reads as if more stood there.",
            fields.iter().map(|label| format!("\u{201c}{label}\u{201d}")).collect::<Vec<_>>().join(", ")
        );
        view! { <p class="notice" data-warning="health"><b>"Please check: "</b>{said}</p> }.into_any()
    })
}

fn acts(visit: &Visit, shape: &Shape<'_>, whole: &Whole, name: &str) -> Option<AnyView> {
    let writes = organisation::may(visit, Permission::RecordsWrite) && shape.writes_any();
    let deletes = organisation::may(visit, Permission::RecordsDelete) && shape.deletes();
    let id = || hidden("record", whole.id.to_string());
    if whole.removed_at.is_some() {
        let back =
            deletes.then(|| organisation::form(visit, Act::RestoreRecord, organisation::button("Bring it back"), id()));
        return Some(view! { <p class="notice">"This record lies in the bin."</p>{back} }.into_any());
    }
    let href = format!("{}/edit", frame::record_path(visit, shape.id(), whole.id));
    let edit = writes.then(|| view! { <a class="btn btn-primary" href=href>"Change it"</a> });
    let remove =
        deletes.then(|| organisation::form(visit, Act::DeleteRecord, organisation::small("Remove", name), id()));
    (writes || deletes).then(|| view! { <div class="go row-actions">{edit}{remove}</div> }.into_any())
}

fn facts(visit: &Visit, shape: &Shape<'_>, whole: &Whole, attached: &[Attached], unit: Option<String>) -> AnyView {
    let fields: Vec<&Field> = shape.fields().collect();
    let shown: Vec<AnyView> = fields
        .into_iter()
        .map(|field| {
            let values = whole.content.all(field.id.get_ref());
            let said = match (values.is_empty(), field.kind) {
                (_, FieldKind::File) => named_files(field, attached).into_any(),
                (true, _) => view! { <span class="small">"Not given"</span> }.into_any(),
                (false, _) => frame::values(visit, field, &whole.behind, values),
            };
            view! { <dt>{field.label.clone()}</dt><dd data-field=field.id.get_ref().clone()>{said}</dd> }.into_any()
        })
        .collect();
    let unit = unit.map(|name| view! { <dt>"Belongs to"</dt><dd>{name}</dd> });
    view! { <dl class="facts">{shown}{unit}</dl> }.into_any()
}

/// The names of a field's files; the files themselves stand below.
fn named_files(field: &Field, attached: &[Attached]) -> String {
    let of = attached.iter().filter(|file| file.field.as_deref() == Some(field.id.get_ref()));
    let names: Vec<&str> = of.map(|file| file.name.as_str()).collect();
    if names.is_empty() { "No file".to_owned() } else { names.join(", ") }
}

fn leading(visit: &Visit, whole: &Whole) -> Option<AnyView> {
    if whole.leading.is_empty() {
        return None;
    }
    let registers = &visit.site.profile.registers;
    let rows: Vec<AnyView> = whole
        .leading
        .iter()
        .map(|(register, id, name)| {
            let title = registers.iter().find(|known| known.id.get_ref() == register);
            let title = title.map_or_else(|| register.clone(), |known| known.title.clone());
            let (href, name) = (frame::record_path(visit, register, id), name.clone());
            view! { <li><a class="link" href=href>{name}</a>" "<span class="small">{title}</span></li> }.into_any()
        })
        .collect();
    Some(
        view! {
            <section aria-labelledby="h-leading">
                <h2 id="h-leading">"What leads here"</h2>
                <ul class="plain">{rows}</ul>
                {whole_lists(visit, whole)}
            </section>
        }
        .into_any(),
    )
}

/// The whole lists, register by register: this page shows the newest only.
fn whole_lists(visit: &Visit, whole: &Whole) -> AnyView {
    let mut registers: Vec<&String> = whole.leading.iter().map(|(register, ..)| register).collect();
    registers.dedup();
    registers.sort();
    registers.dedup();
    let links: Vec<AnyView> = registers
        .into_iter()
        .map(|register| {
            let href = format!("{}?link={}", frame::path(visit, register), whole.id);
            let known = visit.site.profile.registers.iter().find(|known| known.id.get_ref() == register);
            let said = format!("List of {}", known.map_or(register.as_str(), |known| known.title.as_str()));
            view! { <a class="btn" href=href>{said}</a>" " }.into_any()
        })
        .collect();
    view! { <p class="go">{links}</p> }.into_any()
}

fn history(reader: &Person, whole: &Whole) -> AnyView {
    let mut rows: Vec<AnyView> = whole.history.iter().map(|change| changed(reader, change)).collect();
    let (at, by) = (organisation::when(reader, whole.made_at), whole.made_by.clone());
    rows.push(view! { <tr><td>{at}</td><td>{by}</td><td>"Added"</td></tr> }.into_any());
    view! {
        <section aria-labelledby="h-history">
            <h2 id="h-history">"History"</h2>
            {table("Who changed what", &["When", "Who", "What"], rows)}
        </section>
    }
    .into_any()
}

fn changed(reader: &Person, change: &Change) -> AnyView {
    let kind = match change.kind {
        Kind::Changed => "Changed",
        Kind::Removed => "Removed",
        Kind::Restored => "Brought back",
        Kind::Undone => "Undone",
    };
    let fields: Vec<AnyView> = change
        .fields
        .iter()
        .map(|(label, before, after)| {
            let quoted = |text: &str| {
                if text.is_empty() { "nothing".to_owned() } else { format!("\u{201c}{text}\u{201d}") }
            };
            let said = format!("{label}: {} became {}", quoted(before), quoted(after));
            view! { <li>{said}</li> }.into_any()
        })
        .collect();
    let list = (!fields.is_empty()).then(|| view! { <ul class="plain">{fields}</ul> });
    let (at, by) = (organisation::when(reader, change.at), change.by.clone());
    view! { <tr data-change=change.kind.word()><td>{at}</td><td>{by}</td><td>{kind}{list}</td></tr> }.into_any()
}
