//! The matrix of roles and permissions, from the same table that every request is checked against; and roles of the organisation's own.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::organisations::roles::{self, Role, Whose};

use super::frame::{self, badge, button, small};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{Input, hidden, input, trouble};
use crate::ui::list::table;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::OrganisationRead>(Asks::ToSee)?;
    let roles = roles::list(&reader, &visit.site.accounts).await?;
    let mut head: Vec<&str> = vec!["Permission"];
    head.extend(roles.iter().map(|role| role.name.as_str()));
    let rows: Vec<AnyView> = Permission::ALL.iter().map(|permission| row(*permission, &roles)).collect();
    let manages = frame::may(visit, Permission::RolesManage);
    let notes: Vec<AnyView> = roles.iter().map(|role| note(visit, role, manages)).collect();
    let make = manages.then(|| make(visit, typed));
    let view = view! {
        <h1>"Roles"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"Who may what. This is the table that every request is checked against; a change of role counts from the next request on."</p>
        {table("Roles and permissions", &head, rows)}
        <ul class="cards">{notes}</ul>
        {make}
    };
    Ok(Middle::new("Roles", view).wide())
}

fn row(permission: Permission, roles: &[Role]) -> AnyView {
    let cells: Vec<_> = roles
        .iter()
        .map(|role| {
            let has = role.permissions.contains(&permission);
            let value = if has { "yes" } else { "no" };
            view! { <td data-permission=permission.word() data-role=role.name.clone() data-has=value>{if has { "Yes" } else { "\u{2013}" }}</td> }
        })
        .collect();
    view! { <tr><th scope="row">{permission.said()}</th>{cells}</tr> }.into_any()
}

fn note(visit: &Visit, role: &Role, manages: bool) -> AnyView {
    let factor = if role.needs_factor {
        badge("Second factor demanded", "proven")
    } else {
        badge("Second factor offered", "unproven")
    };
    let privileged = role.privileged.then(|| badge("Privileged", "stated"));
    let own = (role.whose != Whose::Profile).then(|| badge("Your own", "stated"));
    let overtaken = (role.whose == Whose::Hidden).then(|| {
        view! { {badge("Hidden", "ageing")}<p class="small">"There is a role of this name for every organisation now, and it counts instead. This one permits nothing; remove it, or make it anew under another name."</p> }
    });
    let remove = (role.whose != Whose::Profile && manages)
        .then(|| frame::form(visit, Act::DeleteRole, small("Remove", &role.name), hidden("role", role.name.clone())));
    let count = role.permissions.len();
    view! { <li class="card"><b>{role.name.clone()}</b>" "<span class="small">{crate::ui::words::count(count, "permission")}</span>{privileged}{factor}{own}{overtaken}{remove}</li> }.into_any()
}

/// Only what the giver has is offered.
fn make(visit: &Visit, typed: &Typed) -> AnyView {
    let mine = frame::here(visit).map(|here| here.permissions.clone()).unwrap_or_default();
    let ticked = typed.value("permissions");
    let boxes: Vec<_> = mine
        .into_iter()
        .map(|permission| {
            let id = format!("p-{}", permission.word());
            let on = ticked.split(' ').any(|word| word == permission.word());
            view! { <div class="tick"><input type="checkbox" id=id.clone() name="permissions" value=permission.word() checked=on/><label for=id>{permission.said()}</label></div> }
        })
        .collect();
    let name = Input::new("name", "Name", "text", "off");
    let fields = view! { {input(name, typed)}<fieldset><legend>"What it may"</legend>{boxes}</fieldset> };
    view! {
        <section aria-labelledby="h-make">
            <h2 id="h-make">"Make a role of your own"</h2>
            <p class="small">"It can have what you have yourself, each named one by one."</p>
            {frame::form(visit, Act::CreateRole, button("Make the role"), fields)}
        </section>
    }
    .into_any()
}
