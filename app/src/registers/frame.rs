//! What the pages of a register share.

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Right};
use server::profile::format::{Field, FieldKind};
use server::registers::names::Behind;
use server::registers::shape::Shape;
use uuid::Uuid;

use crate::http::visit::Visit;

/// The register of the address, as this person may see it.
pub fn shape<'a, R: Right>(visit: &'a Visit, reader: &'a Allowed<R>) -> Result<Shape<'a>, Problem> {
    Ok(Shape::of(reader, &visit.site.accounts, visit.param("register"))?)
}

pub fn path(visit: &Visit, register: &str) -> String {
    format!("/o/{}/registers/{register}", visit.param("slug"))
}

pub fn record_path(visit: &Visit, register: &str, id: impl std::fmt::Display) -> String {
    format!("{}/{id}", path(visit, register))
}

/// Where one is, and the way back.
pub fn crumbs(visit: &Visit, shape: &Shape<'_>, inside: bool) -> AnyView {
    let all = format!("/o/{}/registers", visit.param("slug"));
    let (href, title) = (path(visit, shape.id()), shape.title().to_owned());
    let register = inside.then(|| view! { " \u{203a} "<a class="link" href=href>{title}</a> });
    view! { <p class="crumbs"><a class="link" href=all>"Registers"</a>{register}</p> }.into_any()
}

/// The record that the address names.
pub fn id(visit: &Visit) -> Result<Uuid, Problem> {
    visit.param("record").parse().map_err(|_| Problem::NotFound)
}

/// One value as people read it, with a way on where there is one.
pub fn value(visit: &Visit, field: &Field, behind: &Behind, value: &str) -> AnyView {
    let said = behind.said(field, value);
    let href = match field.kind {
        FieldKind::Link => behind.register_of(value).map(|register| record_path(visit, register, value)),
        FieldKind::Requirement => value
            .split_once(':')
            .map(|(framework, name)| format!("/o/{}/frameworks/{framework}#r-{name}", visit.param("slug"))),
        FieldKind::LongText => {
            let lines: Vec<_> = said.lines().map(|line| view! { {line.to_owned()}<br/> }).collect();
            return view! { {lines} }.into_any();
        }
        FieldKind::Text
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::Instant
        | FieldKind::Choice
        | FieldKind::Choices
        | FieldKind::Person
        | FieldKind::File => None,
    };
    match href {
        Some(href) => view! { <a class="link" href=href>{said}</a> }.into_any(),
        None => said.into_any(),
    }
}

/// All values of a field, one after the other.
pub fn values(visit: &Visit, field: &Field, behind: &Behind, values: &[String]) -> AnyView {
    let mut shown: Vec<AnyView> = Vec::new();
    for one in values {
        if !shown.is_empty() {
            shown.push(", ".into_any());
        }
        shown.push(value(visit, field, behind, one));
    }
    view! { {shown} }.into_any()
}
