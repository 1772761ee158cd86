//! What a list of records is narrowed by, from the address to the query and to the form above the list.

use contract::problem::Problem;
use leptos::prelude::*;
use server::profile::format::{Field, FieldKind};
use server::registers::list::{Between, Query};
use server::registers::shape::Shape;

use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::ui::list::empty;

/// Names of the choices that an address narrows by: the first fields with choices, in the register's order.
const CHOICES: [&str; 5] = ["c1", "c2", "c3", "c4", "c5"];

/// A register's fields, as far as a list can be narrowed by them.
#[derive(Debug)]
pub struct Narrow<'a> {
    pub choices: Vec<(&'static str, &'a Field)>,
    dates: Vec<&'a Field>,
    sorts: Vec<&'a Field>,
    person: Option<&'a Field>,
    requirement: Option<&'a Field>,
    link: Option<&'a Field>,
}

const fn is_date(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Date | FieldKind::Instant)
}

impl<'a> Narrow<'a> {
    pub fn of(shape: &Shape<'a>) -> Self {
        let fields: Vec<&'a Field> = shape.fields().collect();
        let first = |kind: FieldKind| fields.iter().copied().find(|field| field.kind == kind);
        let of_choice = |field: &&&Field| matches!(field.kind, FieldKind::Choice | FieldKind::Choices);
        let clear = fields.iter().copied().filter(|field| field.clear);
        Self {
            choices: CHOICES.into_iter().zip(fields.iter().filter(of_choice).copied()).collect(),
            dates: clear.clone().filter(|field| is_date(field.kind)).collect(),
            sorts: clear.collect(),
            person: first(FieldKind::Person),
            requirement: first(FieldKind::Requirement),
            link: first(FieldKind::Link),
        }
    }

    /// The names that this list takes.
    pub fn names(&self) -> Vec<&'static str> {
        let some = |name: &'static str, there: bool| there.then_some(name);
        let days = !self.dates.is_empty();
        let named = [
            Some("search"),
            some("person", self.person.is_some()),
            some("requirement", self.requirement.is_some()),
            some("link", self.link.is_some()),
            some("by", days),
            some("from", days),
            some("to", days),
            some("sort", !self.sorts.is_empty()),
            Some("after"),
        ];
        self.choices.iter().map(|(name, _)| *name).chain(named.into_iter().flatten()).collect()
    }

    /// What the address calls a field that a list is narrowed by.
    pub fn called(&self, field: &str) -> String {
        let others = [("person", self.person), ("requirement", self.requirement), ("link", self.link)];
        let others = others.into_iter().filter_map(|(name, field)| Some((name, field?)));
        let mut all = self.choices.iter().copied().chain(others);
        all.find(|(_, known)| known.id.get_ref() == field).map_or_else(|| field.to_owned(), |(name, _)| name.to_owned())
    }

    /// That the days are about a field that has some, also where none are given, and that the order is one of those that there are.
    pub fn known(&self, asked: &Asked) -> Result<(), Problem> {
        asked.one_of("by", self.dates.iter().map(|field| field.id.get_ref().as_str()))?;
        let orders = orders(&self.sorts);
        asked.one_of("sort", orders.iter().map(|(order, _)| order.as_str())).map(|_| ())
    }

    /// What the address asks for.
    pub fn query(&self, typed: &Typed) -> Query {
        let mut with: Vec<(String, String)> = Vec::new();
        let others = [("person", self.person), ("requirement", self.requirement), ("link", self.link)];
        let others = others.into_iter().filter_map(|(name, field)| Some((name, field?)));
        for (name, field) in self.choices.iter().copied().chain(others) {
            with.push((field.id.get_ref().clone(), typed.value(name).trim().to_owned()));
        }
        let (by, from, to) = (self.by(typed), typed.value("from"), typed.value("to"));
        let between = by.filter(|_| !(from.is_empty() && to.is_empty())).map(|field| Between { field, from, to });
        let after = Some(typed.value("after")).filter(|place| !place.is_empty());
        Query { search: typed.value("search"), with, between, sort: typed.value("sort"), after, removed: false }
    }

    /// The field that the days are about: the one that was named, or the first.
    fn by(&self, typed: &Typed) -> Option<String> {
        let named = typed.value("by");
        let first = || self.dates.first().map(|field| field.id.get_ref().clone());
        if named.is_empty() { first() } else { Some(named) }
    }

    /// The names that the next page keeps.
    pub fn kept(&self, typed: &Typed) -> Vec<(&'static str, String)> {
        let names = ["search", "sort", "by", "from", "to", "person", "requirement", "link"];
        let all = names.into_iter().chain(self.choices.iter().map(|(name, _)| *name));
        all.map(|name| (name, typed.value(name))).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Whether anything is narrowed; the order alone narrows nothing.
    pub fn narrows(&self, typed: &Typed) -> bool {
        self.kept(typed).iter().any(|(name, _)| !matches!(*name, "sort" | "by"))
    }

    /// The form above the list. `people` are ids and names to choose from.
    pub fn form(&self, path: &str, typed: &Typed, people: Vec<(String, String)>) -> AnyView {
        let mut inputs: Vec<AnyView> = vec![text("search", "search", "Whole words", &typed.value("search"))];
        for (name, field) in &self.choices {
            let options = field.choices.iter().map(|choice| (choice.clone(), choice.clone())).collect();
            inputs.push(select(name, &field.label, "All", options, &typed.value(name)));
        }
        if let Some(field) = self.person.filter(|_| !people.is_empty()) {
            inputs.push(select("person", &field.label, "All", people, &typed.value("person")));
        }
        if let Some(field) = self.requirement {
            inputs.push(text("text", "requirement", &field.label, &typed.value("requirement")));
        }
        let named = |fields: &[&Field]| {
            fields.iter().map(|field| (field.id.get_ref().clone(), field.label.clone())).collect::<Vec<_>>()
        };
        if let Some(first) = self.dates.first() {
            if self.dates.len() > 1 {
                let others = named(&self.dates[1..]);
                inputs.push(select("by", "Days of", &first.label, others, &typed.value("by")));
            }
            let (from, to) = match self.dates.len() {
                1 => (format!("{} from", first.label), "to".to_owned()),
                _ => ("From".to_owned(), "To".to_owned()),
            };
            inputs.push(text("date", "from", &from, &typed.value("from")));
            inputs.push(text("date", "to", &to, &typed.value("to")));
        }
        if !self.sorts.is_empty() {
            inputs.push(select("sort", "Order", "Newest first", orders(&self.sorts), &typed.value("sort")));
        }
        let link = typed.value("link");
        let link = (!link.is_empty()).then(|| view! { <input type="hidden" name="link" value=link/> });
        let clear = self.narrows(typed).then(|| view! { <a class="btn" href=path.to_owned()>"Clear"</a> });
        view! {
            <form class="search" method="get" action=path.to_owned() role="search">
                {inputs}
                {link}
                <button class="btn btn-primary" type="submit">"Show"</button>
                {clear}
            </form>
        }
        .into_any()
    }

    /// What comes last in an order.
    pub fn note(&self, typed: &Typed) -> Option<AnyView> {
        let sort = typed.value("sort");
        let field = self.sorts.iter().find(|field| field.id.get_ref() == sort.trim_start_matches('-'))?;
        let days = !(typed.value("from").is_empty() && typed.value("to").is_empty());
        let bounded = (days && self.by(typed).as_ref() == Some(field.id.get_ref()))
            || self.choices.iter().any(|(name, of)| of.id == field.id && !typed.value(name).is_empty());
        if field.required || bounded {
            return None;
        }
        let said = format!("Records without \u{201c}{}\u{201d} come last.", field.label);
        Some(view! { <p class="small">{said}</p> }.into_any())
    }

    pub fn nothing(&self, typed: &Typed, path: &str, new: Option<&str>) -> AnyView {
        if self.narrows(typed) {
            return empty(
                "Nothing fits",
                "No record fits what you chose. A word is looked for whole.",
                Some(("Show all", path)),
            );
        }
        if !typed.value("after").is_empty() || !typed.value("sort").is_empty() {
            return empty("Nothing here", "There is nothing more in this order.", Some(("Show all", path)));
        }
        match new {
            Some(new) => empty(
                "No records yet",
                "Add the first one, or import many from a CSV file.",
                Some(("Add a record", new)),
            ),
            None => empty("No records yet", "What others add stands here.", None),
        }
    }
}

fn orders(fields: &[&Field]) -> Vec<(String, String)> {
    let both = |field: &&Field| {
        let (id, label) = (field.id.get_ref(), &field.label);
        let (up, down) = match (field.choices.first(), field.choices.last()) {
            (Some(first), Some(last)) => {
                (format!("\u{201c}{first}\u{201d} first"), format!("\u{201c}{last}\u{201d} first"))
            }
            _ if is_date(field.kind) => ("earliest first".to_owned(), "latest first".to_owned()),
            _ => ("smallest first".to_owned(), "largest first".to_owned()),
        };
        [(id.clone(), format!("{label}, {up}")), (format!("-{id}"), format!("{label}, {down}"))]
    };
    fields.iter().flat_map(both).collect()
}

fn text(kind: &'static str, name: &'static str, label: &str, value: &str) -> AnyView {
    let (label, value) = (label.to_owned(), value.to_owned());
    view! { <label>{label}<input class="input" type=kind name=name value=value maxlength="100"/></label> }.into_any()
}

fn select(name: &'static str, label: &str, first: &str, options: Vec<(String, String)>, chosen: &str) -> AnyView {
    let (label, first) = (label.to_owned(), first.to_owned());
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, said)| {
            let is = value == chosen;
            view! { <option value=value selected=is>{said}</option> }
        })
        .collect();
    view! { <label>{label}<select class="select" name=name><option value="">{first}</option>{options}</select></label> }
        .into_any()
}
