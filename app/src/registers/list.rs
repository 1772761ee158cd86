//! One register: its records page by page, narrowed and ordered, with a small picture, and what can be done to many at once.

use std::collections::BTreeSet;

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, rights};
use server::profile::format::{Field, FieldKind};
use server::registers::act::{self, Shown, State, What};
use server::registers::counts::{self, Counts};
use server::registers::list::{self, Line, Listed};
use server::registers::names::{self, Behind};
use server::registers::schedule::Plan;
use server::registers::shape::{Shape, naming};

use uuid::Uuid;

use super::frame;
use super::narrow::Narrow;
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame as organisation;
use crate::ui::chart::{Slice, bars, number};
use crate::ui::entry::{Entry, choose, line, summary};
use crate::ui::form::{hidden, ticked, ticked_elsewhere};
use crate::ui::list::{pages, table};

/// Fields that a list shows beside the name; the record's own page shows all.
const COLUMNS: usize = 5;
/// Members that a list can be narrowed to.
const PEOPLE: u64 = 200;
/// Months that the picture shows.
const MONTHS: usize = 12;
/// The form that the boxes of the rows belong to.
const BULK: &str = "bulk";

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    let narrow = Narrow::of(&shape);
    // A form that was refused has fields of its own: the list does not follow them.
    let asked = if typed.problem.is_some() { Typed::default() } else { typed.clone() };
    let listed = listed(visit, &reader, &shape, &narrow, typed).await?;
    let counts = counts::of(&reader, &shape).await?;
    let last = act::last(&reader, &visit.site.accounts, &shape).await?;
    let people = people(visit, &reader, &shape).await?;
    let path = frame::path(visit, shape.id());
    let writes = organisation::may(visit, Permission::RecordsWrite) && shape.writes_any();
    let new = writes.then(|| format!("{path}/new"));
    let total = counts.as_ref().map(|counts| total(counts.total));
    let list = if listed.lines.is_empty() {
        narrow.nothing(&asked, &path, new.as_deref())
    } else {
        records(visit, &shape, &listed, &ticked(typed, "records"))
    };
    let kept = narrow.kept(&asked);
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let many = (!listed.lines.is_empty())
        .then(|| {
            let shown = listed.lines.iter().map(|line| line.id.to_string());
            many(visit, &shape, typed, ticked_elsewhere(typed, "records", shown, &path))
        })
        .flatten();
    let led =
        (!asked.value("link").is_empty()).then(|| view! { <p class="small">"Only those that lead to one record."</p> });
    let view = view! {
        {frame::crumbs(visit, &shape, false)}
        <h1>{shape.title().to_owned()}</h1>
        {done(typed)}
        {undo_removal(visit, &shape, typed)}
        {summary(typed, &bulk_labels())}
        {ways(visit, &shape, writes)}
        {last.map(|last| last_act(visit, &reader, &shape, &last))}
        {counts.as_ref().map(|counts| pictures(&narrow, counts, &path))}
        {narrow.form(&path, &asked, people)}
        {narrow.note(&asked)}
        {led}
        {total.filter(|_| !narrow.narrows(&asked)).map(|said| view! { <p class="small">{said}</p> })}
        {list}
        {pages(&path, &kept, listed.next.clone(), asked.value("after").is_empty())}
        {many}
    };
    Ok(Middle::new(shape.title(), view).wide())
}

/// The way back for the one record that was removed just now.
fn undo_removal(visit: &Visit, shape: &Shape<'_>, typed: &Typed) -> Option<AnyView> {
    let removed: Uuid = typed.value("removed").parse().ok()?;
    let may = organisation::may(visit, Permission::RecordsDelete) && shape.deletes();
    may.then(|| {
        let button = organisation::small("Undo", "bring the record back");
        let form = organisation::form(visit, Act::RestoreRecord, button, hidden("record", removed.to_string()));
        view! { <div class="row-actions">{form}</div> }.into_any()
    })
}

/// The page that was asked for.
async fn listed(
    visit: &Visit,
    reader: &Allowed<rights::RecordsRead>,
    shape: &Shape<'_>,
    narrow: &Narrow<'_>,
    typed: &Typed,
) -> Result<Listed, Problem> {
    let asked = Asked::of(&frame::path(visit, shape.id()), typed);
    asked.only(&narrow.names())?;
    narrow.known(&asked)?;
    let query = if typed.problem.is_some() { list::Query::default() } else { narrow.query(typed) };
    let listed = list::list(reader, &visit.site.accounts, shape, &query).await;
    asked.understood(listed, |field| narrow.called(field))
}

async fn people(
    visit: &Visit,
    reader: &Allowed<rights::RecordsRead>,
    shape: &Shape<'_>,
) -> Result<Vec<(String, String)>, Problem> {
    let sees = reader.here().permissions.contains(&Permission::MembersRead);
    if !sees || !shape.fields().any(|field| field.kind == FieldKind::Person) {
        return Ok(Vec::new());
    }
    let people = names::people(reader, &visit.site.accounts, PEOPLE).await?;
    Ok(people.into_iter().map(|(id, named)| (id.to_string(), named.name)).collect())
}

fn total(total: u64) -> String {
    let page = list::PAGE;
    match total {
        1 => "1 record.".to_owned(),
        total if total <= page => format!("{total} records."),
        total => format!("{} records, {page} on each page.", number(total)),
    }
}

fn ways(visit: &Visit, shape: &Shape<'_>, writes: bool) -> Option<AnyView> {
    let deletes = organisation::may(visit, Permission::RecordsDelete) && shape.deletes();
    let base = frame::path(visit, shape.id());
    let add = writes.then(|| {
        let (new, import) = (format!("{base}/new"), format!("{base}/import"));
        view! { <a class="btn btn-primary" href=new>"Add a record"</a>" "<a class="btn" href=import>"Import from CSV"</a>" " }
    });
    let week = Plan::of(shape).map(|_| view! { <a class="btn" href=format!("{base}/schedule")>"Schedule"</a>" " });
    let bin = deletes.then(|| view! { <a class="btn" href=format!("{base}/bin")>"Bin"</a> });
    (writes || deletes || week.is_some()).then(|| view! { <p class="go">{add}{week}{bin}</p> }.into_any())
}

/// The fields that a list shows.
fn columns<'a>(shape: &Shape<'a>) -> Vec<&'a Field> {
    let wide = |kind: FieldKind| matches!(kind, FieldKind::LongText | FieldKind::File);
    let all: Vec<&'a Field> = shape.fields().filter(|field| !field.names_record && !wide(field.kind)).collect();
    // Of what has a beginning and an end, the end is no less a part than the beginning.
    let most = COLUMNS + usize::from(Plan::of(shape).is_some());
    // How it stands is asked first, wherever the profile declares it.
    let stands = all.iter().position(|field| field.kind == FieldKind::Choice).filter(|at| *at >= most);
    let others = if stands.is_some() { most - 1 } else { most };
    all.iter().take(others).chain(stands.and_then(|at| all.get(at))).copied().collect()
}

fn records(visit: &Visit, shape: &Shape<'_>, listed: &Listed, ticked: &BTreeSet<String>) -> AnyView {
    let columns = columns(shape);
    let naming = naming(shape.register).filter(|field| shape.reads(field));
    let mut head: Vec<&str> = vec![naming.map_or("Record", |field| field.label.as_str())];
    head.extend(columns.iter().map(|field| field.label.as_str()));
    let rows = listed.lines.iter().map(|line| row(visit, shape, line, (&columns, &listed.behind), ticked)).collect();
    table(shape.title(), &head, rows)
}

/// What a record is called, as far as this person may read it.
pub(super) fn called(shape: &Shape<'_>, line: &Line) -> String {
    let naming = naming(shape.register).filter(|field| shape.reads(field));
    naming.and_then(|field| line.content.first(field.id.get_ref())).unwrap_or("Without a name").to_owned()
}

fn row(
    visit: &Visit,
    shape: &Shape<'_>,
    line: &Line,
    (columns, behind): (&[&Field], &Behind),
    ticked: &BTreeSet<String>,
) -> AnyView {
    let (id, name) = (line.id.to_string(), called(shape, line));
    let href = frame::record_path(visit, shape.id(), line.id);
    let cells: Vec<AnyView> = columns
        .iter()
        .map(|field| {
            let shown = frame::values(visit, field, behind, line.content.all(field.id.get_ref()));
            let class = (field.kind == FieldKind::Number).then_some("number");
            view! { <td class=class>{shown}</td> }.into_any()
        })
        .collect();
    let label = format!("Choose {name}");
    let tick = acts_on_many(visit, shape).then(|| {
        let (id, is) = (id.clone(), ticked.contains(&id));
        view! { <input class="choose" type="checkbox" name="records" value=id form=BULK checked=is aria-label=label/>" " }
    });
    view! { <tr data-record=id data-version=line.version><th scope="row">{tick}<a class="link" href=href>{name}</a></th>{cells}</tr> }
        .into_any()
}

fn acts_on_many(visit: &Visit, shape: &Shape<'_>) -> bool {
    (organisation::may(visit, Permission::RecordsWrite) && shape.writes_any())
        || (organisation::may(visit, Permission::RecordsDelete) && shape.deletes())
}

fn bulk_labels() -> Vec<(String, String)> {
    [("field", "Set"), ("value", "to"), ("records", "The records")]
        .map(|(name, label)| (name.into(), label.into()))
        .into()
}

/// One form for all ticked records: a field set to a value, or the bin.
fn many(visit: &Visit, shape: &Shape<'_>, typed: &Typed, elsewhere: Option<AnyView>) -> Option<AnyView> {
    let row = organisation::row_of(Act::EditRecords);
    let (action, token) = (visit.fill(row.path), visit.token.text.clone());
    let writes = organisation::may(visit, Permission::RecordsWrite) && shape.writes_any();
    let deletes = organisation::may(visit, Permission::RecordsDelete) && shape.deletes();
    let settable = |field: &&Field| shape.writes(field) && !field.unique && field.kind != FieldKind::File;
    let settable: Vec<&Field> = shape.fields().filter(settable).collect();
    let options: Vec<(String, String)> =
        settable.iter().map(|field| (field.id.get_ref().clone(), field.label.clone())).collect();
    let words: Vec<(String, String)> = settable
        .iter()
        .flat_map(|field| field.choices.iter().map(|choice| (choice.clone(), field.label.clone())))
        .collect();
    let set = writes.then(|| {
        let field = Entry::new("field", "Set", typed, String::new()).required(true);
        let value = Entry::new("value", "to", typed, String::new())
            .hint(format!(
                "As in the form; a date as 2026-04-30, a time as it is in {}, a person by address. Empty takes the value away.",
                shape.zone_name()
            ));
        view! {
            {choose(&field, &options)}
            {line(&value, "text", None, &words)}
            <button class="btn btn-primary" type="submit">"Set in all ticked"</button>
        }
    });
    let remove = deletes.then(|| {
        let to = visit.fill(organisation::row_of(Act::DeleteRecords).path);
        view! { <button class="btn" type="submit" formaction=to formnovalidate data-action="delete-records">"Remove all ticked"</button> }
    });
    (writes || deletes).then(|| {
        view! {
            <section aria-labelledby="h-many">
                <h2 id="h-many">"The ticked records"</h2>
                <p class="small">"One act for all of them, which can be undone above the list until the next one."</p>
                <form class="form" id=BULK method="post" action=action data-action=row.name>
                    <input type="hidden" name="csrf" value=token/>
                    {elsewhere}
                    {set}
                    {remove}
                </form>
            </section>
        }
        .into_any()
    })
}

/// What was done to many last, and the way back.
fn last_act(visit: &Visit, reader: &Allowed<rights::RecordsRead>, shape: &Shape<'_>, last: &Shown) -> AnyView {
    let what = match last.what {
        What::Import => "imported",
        What::Edit => "changed",
        What::Remove => "removed",
    };
    let said = match last.state {
        State::Running if last.done_rows == last.rows => match last.rows {
            1 => "The record is imported; what it is found by is being written.".to_owned(),
            rows => format!("All {} records are imported; what they are found by is being written.", number(rows)),
        },
        State::Running => format!("{} of {} records are imported so far.", number(last.done_rows), number(last.rows)),
        State::Undoing if last.rows == 1 => format!("1 {what} record is being taken back."),
        State::Undoing => format!("{} {what} records are being taken back.", number(last.rows)),
        State::Undone if last.rows == 1 => format!("1 {what} record was taken back."),
        State::Undone => format!("{} {what} records were taken back.", number(last.rows)),
        State::Broken => "An import did not come to its end; it is taken back by itself.".to_owned(),
        State::Done if last.rows == 1 => format!("1 record was {what} at once."),
        State::Done => format!("{} records were {what} at once.", number(last.rows)),
    };
    let by = format!(" By {}, {}.", last.by, organisation::when(reader, last.at));
    let undoes = matches!(last.state, State::Done | State::Undoing)
        && organisation::may(visit, Permission::RecordsWrite)
        && shape.writes_any()
        && (last.what == What::Edit || shape.deletes());
    let undo = undoes.then(|| {
        organisation::form(visit, Act::UndoAct, organisation::small("Undo", &said), hidden("act", last.id.to_string()))
    });
    let going_on = (last.state == State::Running).then(|| {
        view! {
            <progress aria-label="Imported so far" max=last.rows.max(1) value=last.done_rows></progress>
            <a class="btn btn-sm" href=frame::path(visit, shape.id())>"Look again"</a>
        }
    });
    view! { <div class="notice row-actions" data-act=last.id.to_string() data-state=last.state.word()><p>{said}<span class="small">{by}</span></p>{going_on}{undo}</div> }
        .into_any()
}

/// How many by the first choice, and by the month in which they were added.
fn pictures(narrow: &Narrow<'_>, counts: &Counts, path: &str) -> Option<AnyView> {
    if counts.total == 0 {
        return None;
    }
    let by_choice = counts.by_choice.first().map(|(id, label, choices)| {
        let name = narrow.choices.iter().find(|(_, field)| field.id.get_ref() == id).map(|(name, _)| *name);
        let slices: Vec<Slice> = choices
            .iter()
            .map(|(choice, value)| {
                let word: String = form_urlencoded::byte_serialize(choice.as_bytes()).collect();
                Slice { label: choice.clone(), value: *value, href: name.map(|name| format!("{path}?{name}={word}")) }
            })
            .collect();
        bars(label, &slices)
    });
    let from = counts.by_month.len().saturating_sub(MONTHS);
    let months: Vec<Slice> = counts.by_month[from..]
        .iter()
        .map(|(month, value)| Slice { label: said_month(*month), value: *value, href: None })
        .collect();
    Some(view! { <div class="tiles">{by_choice}{bars("Added by month", &months)}</div> }.into_any())
}

/// `202611` is November 2026.
fn said_month(month: i64) -> String {
    let (year, number) = (month / 100, month % 100);
    let name = u8::try_from(number).ok().and_then(|number| time::Month::try_from(number).ok());
    name.map_or_else(|| month.to_string(), |name| format!("{name} {year}"))
}

/// The address of the list after a change.
pub fn done_path(visit: &Visit, word: &str) -> String {
    format!("{}?done={word}", visit.path_of(Page::Register))
}
