//! The bin of a register: what was removed and can still be brought back.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::registers::list::{self, Query};
use server::registers::shape::naming;

use super::frame;
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame as organisation;
use crate::ui::entry::summary;
use crate::ui::form::hidden;
use crate::ui::list::{empty, pages, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    visit.may::<rights::RecordsDelete>(Asks::ToSee)?;
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    let path = format!("{}/bin", frame::path(visit, shape.id()));
    let asked = Asked::of(&path, typed);
    let after = asked.text("after");
    let first = after.is_none();
    let query = Query { removed: true, after, ..Query::default() };
    let listed = list::list(&reader, &visit.site.accounts, &shape, &query).await;
    let listed = asked.understood(listed, str::to_owned)?;
    let naming = naming(shape.register).filter(|field| shape.reads(field));
    let changes = organisation::may(visit, contract::permission::Permission::RecordsDelete);
    let rows: Vec<AnyView> = listed
        .lines
        .iter()
        .map(|line| {
            let name = naming.and_then(|field| line.content.first(field.id.get_ref()));
            let name = name.unwrap_or("Without a name").to_owned();
            let (id, at) = (line.id.to_string(), organisation::when(&reader, line.changed_at));
            let href = frame::record_path(visit, shape.id(), line.id);
            let back = changes.then(|| {
                let button = organisation::small("Bring back", &name);
                organisation::form(visit, Act::RestoreRecord, button, hidden("record", id.clone()))
            });
            view! { <tr data-record=id><th scope="row"><a class="link" href=href>{name}</a></th><td>{at}</td><td>{back}</td></tr> }
                .into_any()
        })
        .collect();
    let list = if rows.is_empty() {
        empty("The bin is empty", "What is removed lies here for a while.", None)
    } else {
        table("Removed records", &["Record", "Removed", ""], rows)
    };
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{format!("{}: bin", shape.title())}</h1>
        {done(typed)}
        {summary(typed, &[])}
        {list}
        {pages(&path, &[], listed.next.clone(), first)}
    };
    Ok(Middle::new(format!("{}: bin", shape.title()), view).wide())
}
