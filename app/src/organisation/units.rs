//! The units of an organisation: those that this person reaches.

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::organisations::units;

use super::frame::{self, button, small};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{Input, hidden, input, trouble};
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::MembersRead>(Asks::ToSee)?;
    let units = units::list(&reader, &visit.site.accounts).await?;
    let manages = frame::may(visit, Permission::UnitsManage);
    let title = frame::units(visit);
    let members = visit.path_of(Page::Members);
    let rows: Vec<AnyView> = units
        .into_iter()
        .map(|unit| {
            let id = unit.id.to_string();
            let remove = manages
                .then(|| frame::form(visit, Act::DeleteUnit, small("Remove", &unit.name), hidden("unit", id.clone())));
            view! { <tr data-unit=id><th scope="row">{unit.name}</th><td>{remove}</td></tr> }.into_any()
        })
        .collect();
    let list = if rows.is_empty() {
        empty("None yet", "Members can be let to the records of some of these only.", None)
    } else {
        table(&title, &["Name", ""], rows)
    };
    let make = manages.then(|| {
        let name = Input::new("name", "Name", "text", "off");
        view! {
            <section aria-labelledby="h-make">
                <h2 id="h-make">"Add one"</h2>
                {frame::form(visit, Act::CreateUnit, button("Add"), input(name, typed))}
            </section>
        }
    });
    let view = view! {
        <h1>{title.clone()}</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"Who reaches which is set on the page of each "<a class="link" href=members>"member"</a>"."</p>
        {list}
        {make}
    };
    Ok(Middle::new(title, view).wide())
}
