//! The registers: lists of an organisation's own records, one record, its forms, and what becomes of many at once.

pub mod bin;
pub mod doing;
pub mod files;
pub mod form;
mod frame;
pub mod import;
pub mod list;
mod narrow;
pub mod record;
pub mod schedule;

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::registers::edit::UNIT;
use server::registers::{counts, shape};

use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::ui::chart::number;
use crate::ui::list::empty;

/// Whether the form of a record has a field of this name in the register of the address, as far as this person may know of it.
pub fn takes(visit: &Visit, name: &str) -> bool {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee).ok();
    let shape = reader.as_ref().and_then(|reader| frame::shape(visit, reader).ok());
    name == UNIT || shape.is_some_and(|shape| shape.field(name).is_some())
}

/// All registers that this person may read.
pub async fn page(visit: &Visit) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shapes = shape::all(&reader, &visit.site.profile);
    let mut cards = Vec::new();
    for shape in &shapes {
        let total = counts::of(&reader, shape).await?.map(|counts| counts.total);
        let said = match total {
            Some(1) => "1 record".to_owned(),
            Some(total) => format!("{} records", number(total)),
            None => "Those that you reach".to_owned(),
        };
        let (href, title) = (frame::path(visit, shape.id()), shape.title().to_owned());
        cards.push(view! { <li class="card" data-register=shape.id().to_owned()><a class="link" href=href>{title}</a>" "<span class="small">{said}</span></li> });
    }
    let list = if cards.is_empty() {
        empty("No registers", "There is none that your role opens.", None)
    } else {
        view! { <ul class="cards">{cards}</ul> }.into_any()
    };
    let kind = &visit.site.profile.organisation;
    let view = view! {
        <h1>"Registers"</h1>
        <p>"What the "{kind.clone()}" keeps here. Texts, people and files are sealed with its own key."</p>
        {list}
    };
    Ok(Middle::new("Registers", view).wide())
}
