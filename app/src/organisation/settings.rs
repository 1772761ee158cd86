//! The settings: name, help by the vendor's staff, legal holds, handing over.

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, Person, rights};
use server::organisations::help::{self, Shown};
use server::organisations::{members, roles};
use server::retention::holds;

use super::frame::{self, badge, button, select, small};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{Input, hidden, input, trouble};
use crate::ui::list::table;

/// How many people and grants the choices show.
const CHOICE: u64 = 500;
pub const GRANTS: u64 = 50;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::SettingsManage>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let grants = help::list(&reader, accounts, GRANTS).await?;
    let roles = roles::list(&reader, accounts).await?;
    let mine = reader.here().permissions.clone();
    let names: Vec<(String, String)> = roles
        .iter()
        .filter(|role| role.permissions.is_subset(&mine))
        .map(|role| (role.name.clone(), role.name.clone()))
        .collect();
    let owns = frame::may(visit, Permission::OrganisationManage);
    let others = if owns { members::choice(&reader, accounts, CHOICE).await? } else { Vec::new() };
    let own = reader.account.0;
    let others = others.into_iter().filter(|(id, _)| *id != own).map(|(id, name)| (id.to_string(), name)).collect();
    let rename = owns.then(|| rename(visit, typed));
    let hand_over = owns.then(|| hand_over(visit, others, names.clone()));
    let held = holds::list(&reader, accounts).await?;
    let holds = (owns || !held.is_empty()).then(|| crate::retention::holds::section(visit, &reader, typed, held, owns));
    let help = frame::may(visit, Permission::HelpGrant).then(|| open_help(visit, typed, names));
    let view = view! {
        <h1>"Settings"</h1>
        {done(typed)}
        {trouble(typed)}
        {rename}
        <section aria-labelledby="h-help">
            <h2 id="h-help">"Help by our staff"</h2>
            <p>"Nobody of our staff can see what you keep here, unless you let them in: in a role, for a reason, and until an hour. What they change stands in your log; without you we see the name of the organisation and its subscription. Whatever the role, they cannot decide who else gets in."</p>
            {given(visit, &reader, grants)}
            {help}
        </section>
        {holds}
        {hand_over}
    };
    Ok(Middle::new("Settings", view).wide())
}

fn rename(visit: &Visit, typed: &Typed) -> AnyView {
    let mut shown = typed.clone();
    shown.values.entry("name".into()).or_insert(frame::name(visit));
    let name = Input::new("name", "Name", "text", "organization");
    view! {
        <section aria-labelledby="h-name">
            <h2 id="h-name">"Name"</h2>
            {frame::form(visit, Act::RenameOrganisation, button("Save"), input(name, &shown))}
        </section>
    }
    .into_any()
}

pub fn given(visit: &Visit, person: &Person, grants: Vec<Shown>) -> Option<AnyView> {
    if grants.is_empty() {
        return None;
    }
    let ends = frame::may(visit, Permission::HelpEnd);
    let rows: Vec<AnyView> = grants
        .into_iter()
        .map(|grant| {
            let open = grant.ended.is_none() && grant.ends > visit.now;
            let state = if open { badge("Open", "failing") } else { badge("Ended", "unproven") };
            let until = frame::when(person, grant.ended.unwrap_or(grant.ends));
            let end = (open && ends).then(|| frame::form(visit, Act::EndHelp, small("End now", &grant.who), hidden("grant", grant.id.to_string())));
            view! { <tr data-help=grant.id.to_string()><th scope="row">{grant.who.clone()}" "{state}</th><td>{grant.role}</td><td>{grant.reason}<span class="small">"by "{grant.given_by}</span></td><td>{until}</td><td>{end}</td></tr> }.into_any()
        })
        .collect();
    Some(table("Help", &["Who", "Role", "Reason", "Until", ""], rows))
}

fn open_help(visit: &Visit, typed: &Typed, roles: Vec<(String, String)>) -> AnyView {
    let operator = Input::new("operator", "Address of whoever helps", "email", "off");
    let hours = Input::new("hours", "For how many hours", "number", "off").hint("1 to 72.");
    let reason = Input::new("reason", "Why", "text", "off");
    let fields = view! { {input(operator, typed)}{select("help-role", "role", "Role", roles, &typed.value("role"), true)}{input(hours, typed)}{input(reason, typed)} };
    frame::form(visit, Act::OpenHelp, button("Let them in"), fields)
}

fn hand_over(visit: &Visit, members: Vec<(String, String)>, roles: Vec<(String, String)>) -> AnyView {
    if members.is_empty() {
        let members = visit.path_of(Page::Members);
        return view! { <section><h2>"Hand over"</h2><p>"There is nobody else yet. "<a class="link" href=members>"Invite somebody"</a>" first."</p></section> }.into_any();
    }
    let fields = view! { {select("over-member", "member", "To whom", members, "", true)}{select("over-role", "role", "Your own role after that", roles, "", true)} };
    view! {
        <section aria-labelledby="h-over">
            <h2 id="h-over">"Hand over"</h2>
            <p class="small">"The other gets your role, and you take the one that you choose here."</p>
            {frame::form(visit, Act::TransferOwnership, button("Hand over"), fields)}
        </section>
    }
    .into_any()
}
