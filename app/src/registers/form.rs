//! A record's form, new or filled in. Its inputs come from the profile's fields.

use std::collections::BTreeMap;

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, Right, rights};
use server::organisations::units;
use server::profile::format::{Field, FieldKind};
use server::registers::content::Content;
use server::registers::names::{self, Behind};
use server::registers::record;
use server::registers::shape::Shape;

use super::frame;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::organisation::frame as organisation;
use crate::ui::entry::{Entry, area, choose, line, summary, ticks};
use crate::ui::form::hidden;

/// People and records that an input offers. More can be named by typing.
const PEOPLE: u64 = 200;
pub const RECORDS: u64 = 100;

/// What the inputs offer.
#[derive(Debug, Default)]
pub struct Offers {
    /// Address and name.
    pub people: Vec<(String, String)>,
    /// By the register that a link leads to.
    pub records: BTreeMap<String, Vec<(String, String)>>,
    /// Id and name.
    pub units: Vec<(String, String)>,
}

impl Offers {
    /// Whoever may not see the members is offered none of them.
    pub async fn of<R: Right>(visit: &Visit, reader: &Allowed<R>, shape: &Shape<'_>) -> Result<Self, Problem> {
        let accounts = &visit.site.accounts;
        let fields: Vec<&Field> = shape.fields().filter(|field| shape.writes(field)).collect();
        let mut offers = Self::default();
        let sees = reader.here().permissions.contains(&Permission::MembersRead);
        if sees && fields.iter().any(|field| field.kind == FieldKind::Person) {
            let people = names::people(reader, accounts, PEOPLE).await?;
            offers.people = people.into_iter().map(|(_, named)| (named.address, named.name)).collect();
        }
        let to: Vec<&str> =
            fields.iter().filter_map(|field| field.links_to.as_ref().map(|to| to.get_ref().as_str())).collect();
        for register in to {
            let newest = names::newest(reader, accounts, register, RECORDS).await?;
            let named = newest.into_iter().map(|(_, name)| (name.clone(), name)).collect();
            offers.records.insert(register.to_owned(), named);
        }
        let units = units::list(reader, accounts).await?;
        offers.units = units.into_iter().map(|unit| (unit.id.to_string(), unit.name)).collect();
        Ok(offers)
    }
}

pub async fn new(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToSee)?;
    let shape = frame::shape(visit, &editor)?;
    if !shape.writes_any() {
        return Err(Problem::Forbidden);
    }
    let offers = Offers::of(visit, &editor, &shape).await?;
    let narrowed = !editor.here().reaches_all;
    let inputs = inputs(visit, &shape, typed, &Content::default(), &Behind::default(), &offers);
    let unit = unit(visit, typed, &offers, String::new(), narrowed);
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{format!("{}: add a record", shape.title())}</h1>
        {summary(typed, &labels(&shape))}
        {file_hint(&shape)}
        {organisation::form(visit, Act::CreateRecord, organisation::button("Add"), view! { {inputs}{unit} })}
    };
    Ok(Middle::new(format!("Add to {}", shape.title()), view))
}

pub async fn edit(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let editor = visit.may::<rights::RecordsWrite>(Asks::ToSee)?;
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    if !shape.writes_any() {
        return Err(Problem::Forbidden);
    }
    let id = frame::id(visit)?;
    let whole = record::whole(&reader, &visit.site.accounts, &shape, id).await?.ok_or(Problem::NotFound)?;
    let offers = Offers::of(visit, &editor, &shape).await?;
    let inputs = inputs(visit, &shape, typed, &whole.content, &whole.behind, &offers);
    let there = whole.unit.map(|unit| unit.to_string()).unwrap_or_default();
    let unit = unit(visit, typed, &offers, there, false);
    // The one that was opened first: whoever was overtaken sees what they typed, and saves it only after opening the record again.
    let version = if typed.problem.is_some() { typed.value("version") } else { whole.version.to_string() };
    let conflict = matches!(typed.problem, Some(Problem::Conflict { .. }));
    let again = visit.path_of(contract::access::Page::RecordEdit);
    let again = conflict.then(|| view! { <p><a class="link" href=again>"Open it as it is now"</a></p> });
    let name = super::record::name(&shape, &whole);
    let back = frame::record_path(visit, shape.id(), id);
    let fields = view! { {hidden("record", id.to_string())}{hidden("version", version)}{inputs}{unit} };
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{format!("Change {name}")}</h1>
        {summary(typed, &labels(&shape))}
        {again}
        {file_hint(&shape)}
        {organisation::form(visit, Act::EditRecord, organisation::button("Save"), fields)}
        <p class="go"><a class="link" href=back>"Back without saving"</a></p>
    };
    Ok(Middle::new(format!("Change {name}"), view))
}

/// Names and labels of the inputs.
fn labels(shape: &Shape<'_>) -> Vec<(String, String)> {
    let fields = shape.fields().map(|field| (field.id.get_ref().clone(), field.label.clone()));
    fields.chain([("unit".to_owned(), "Belongs to".to_owned())]).collect()
}

fn file_hint(shape: &Shape<'_>) -> Option<AnyView> {
    let files = shape.fields().any(|field| field.kind == FieldKind::File);
    files.then(|| view! { <p class="small">"Files are attached on the record's own page."</p> }.into_any())
}

fn inputs(
    visit: &Visit,
    shape: &Shape<'_>,
    typed: &Typed,
    content: &Content,
    behind: &Behind,
    offers: &Offers,
) -> Vec<AnyView> {
    let fields: Vec<&Field> =
        shape.fields().filter(|field| shape.writes(field) && field.kind != FieldKind::File).collect();
    fields
        .into_iter()
        .map(|field| {
            let values = content.all(field.id.get_ref());
            let there: Vec<String> = values.iter().map(|value| behind.typed(field, value)).collect();
            input(visit, shape, field, typed, &there.join("\n"), offers)
        })
        .collect()
}

fn input(visit: &Visit, shape: &Shape<'_>, field: &Field, typed: &Typed, there: &str, offers: &Offers) -> AnyView {
    let label = match &field.unit {
        Some(unit) => format!("{} ({unit})", field.label),
        None => field.label.clone(),
    };
    let entry = Entry::new(field.id.get_ref(), &label, typed, there.to_owned()).required(field.required);
    let one = |choice: &String| (choice.clone(), choice.clone());
    match field.kind {
        FieldKind::Text | FieldKind::File => line(&entry, "text", None, &[]),
        FieldKind::LongText => area(&entry, 6),
        FieldKind::Number => line(&entry, "text", Some("decimal"), &[]),
        FieldKind::Date => line(&entry, "date", None, &[]),
        FieldKind::Instant => {
            line(&entry.hint(format!("As it is in {}, your time zone.", shape.zone_name())), "datetime-local", None, &[])
        }
        FieldKind::Choice => choose(&entry, &field.choices.iter().map(one).collect::<Vec<_>>()),
        FieldKind::Choices => ticks(&entry, &field.choices),
        FieldKind::Person => line(&entry.hint("The e-mail address of a member."), "text", Some("email"), &offers.people),
        FieldKind::Link => {
            let to = field.links_to.as_ref().map(|to| to.get_ref().as_str()).unwrap_or_default();
            let offered = offers.records.get(to).map(Vec::as_slice).unwrap_or_default();
            let title = title_of(visit, to);
            line(&entry.hint(format!("The name of one of {title}, or its id.")), "text", None, offered)
        }
        FieldKind::Requirement => area(
            &entry.hint("One in each line: the identifier, such as CC6.1, with its catalogue before it where several have it, such as soc-2:CC6.1."),
            3,
        ),
    }
}

fn title_of(visit: &Visit, register: &str) -> String {
    let found = visit.site.profile.registers.iter().find(|known| known.id.get_ref() == register);
    found.map_or_else(|| register.to_owned(), |known| known.title.clone())
}

fn unit(visit: &Visit, typed: &Typed, offers: &Offers, there: String, required: bool) -> Option<AnyView> {
    let kind = visit.site.profile.unit.clone();
    let entry = Entry::new("unit", "Belongs to", typed, there).hint(format!("Which {kind}.")).required(required);
    (!offers.units.is_empty()).then(|| choose(&entry, &offers.units))
}
