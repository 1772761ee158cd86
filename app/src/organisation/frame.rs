//! What the pages of an organisation share: their navigation, the banner of the subscription, and forms that post to it.

use contract::access::{Act, ENDPOINTS, Endpoint, Page};
use contract::permission::{Effect, Permission};
use contract::standing::Standing;
use leptos::prelude::*;
use server::guard::{Asks, Barred, Belonging, Person};
use server::identity::moment;
use server::organisations::{names, standing};
use time::OffsetDateTime;

use crate::http::visit::Visit;

/// The organisation of the address, if this person belongs to it.
pub fn here(visit: &Visit) -> Option<&Belonging> {
    let slug = visit.params.get("slug")?;
    visit.caller.as_ref()?.person().belongs.iter().find(|belonging| belonging.slug == *slug)
}

pub fn name(visit: &Visit) -> String {
    here(visit).map(|here| names::of_organisation(&visit.site.accounts, here)).unwrap_or_default()
}

/// Whether this person may do something here, as far as their role and the standing go.
pub fn may(visit: &Visit, permission: Permission) -> bool {
    here(visit).is_some_and(|here| {
        here.permissions.contains(&permission)
            && (here.closed.is_none() || permission.effect() == Effect::Settle)
            && (here.standing.permits(permission.effect()) || permission.effect() == Effect::Read)
    })
}

const TABS: &[(Page, &str)] = &[
    (Page::Dashboard, "Dashboard"),
    (Page::Members, "Members"),
    (Page::Departures, "Departures"),
    (Page::Roles, "Roles"),
    (Page::Units, "Units"),
    (Page::Registers, "Registers"),
    (Page::Frameworks, "Frameworks"),
    (Page::Reviews, "Reviews"),
    (Page::Audit, "Audit log"),
    (Page::Export, "Export"),
    (Page::Billing, "Subscription"),
    (Page::Settings, "Settings"),
];

/// The pages that this person's role opens.
pub fn navigation(visit: &Visit) -> Option<AnyView> {
    let here = here(visit)?;
    let profile = &visit.site.profile;
    let there = |page: Page| page != Page::Frameworks || !profile.frameworks.is_empty();
    let seen = |needed: Permission| here.closed.is_none() || needed.effect() == Effect::Settle;
    let opens = |page: Page| {
        let permitted = |needed: Permission| here.permissions.contains(&needed) && seen(needed);
        there(page) && page.row().who.permission().is_some_and(permitted)
    };
    let tabs: Vec<_> = TABS
        .iter()
        .filter(|(page, _)| opens(*page))
        .map(|(page, label)| {
            let href = visit.path_of(*page);
            let label = if *page == Page::Units { units(visit) } else { (*label).to_owned() };
            view! { <li><a class="link" href=href>{label}</a></li> }
        })
        .collect();
    Some(view! { <nav class="tabs" aria-label=name(visit)><ul>{tabs}</ul></nav> }.into_any())
}

/// How the profile calls units, with a capital.
pub fn units(visit: &Visit) -> String {
    capital(&visit.site.profile.units)
}

/// A word of the profile at the beginning of a line.
pub fn capital(word: &str) -> String {
    crate::ui::form::sentence(word).trim_end_matches('.').to_owned()
}

/// Counts a trial and the days of grace down, and says what a lapse means.
pub fn banner(visit: &Visit) -> Option<AnyView> {
    let here = here(visit)?;
    let left = here.standing_until.map(|until| days_left(until - visit.now));
    let (text, urgent) = match (here.standing, left) {
        (Standing::Trialing, Some(left)) => (format!("Your trial ends in {left}."), false),
        (Standing::Trialing, None) => ("This is a trial. It has no end yet.".to_owned(), false),
        (Standing::PastDue, Some(left)) => {
            (format!("A payment is missing. In {left} nothing can be changed any more."), true)
        }
        (Standing::PastDue, None) => ("A payment is missing.".to_owned(), true),
        (Standing::Lapsed, _) => {
            ("The subscription has lapsed: everything can be read, nothing can be changed.".to_owned(), true)
        }
        (Standing::Cancelled, _) => {
            ("The subscription is cancelled: what is in here is hidden, and will be destroyed.".to_owned(), true)
        }
        (Standing::Active, _) => return None,
    };
    let pays = here.permissions.contains(&Permission::BillingManage);
    let billing = visit.path_of(Page::Billing);
    let class = if urgent { "banner urgent" } else { "banner" };
    Some(
        view! {
            <aside class=class aria-label="Subscription">
                <p>{text}{pays.then(|| view! { " "<a class="link" href=billing>"Look at the subscription"</a> })}</p>
            </aside>
        }
        .into_any(),
    )
}

fn days_left(left: time::Duration) -> String {
    let days = left.whole_days();
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

/// Days on which administrators are written to, in words.
pub fn reminders() -> String {
    standing::REMINDERS.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What stands where a form would be that could only be refused, because the subscription has lapsed: why, and the way out.
fn lapsed(visit: &Visit, row: &Endpoint) -> Option<AnyView> {
    let Err(Barred::Lapsed(_)) = visit.admits(row.who, Asks::ToDo) else { return None };
    let pays = here(visit).is_some_and(|here| here.permissions.contains(&Permission::BillingManage));
    let way = if pays {
        let billing = visit.path_of(Page::Billing);
        view! { <a class="link" href=billing>"Renew the subscription"</a>"." }.into_any()
    } else {
        "Somebody who manages the subscription can renew it.".into_any()
    };
    Some(view! { <p class="notice" data-lapsed=row.name>"This cannot be done while the subscription has lapsed. "{way}</p> }.into_any())
}

/// A form of one act in this organisation.
pub fn form(visit: &Visit, act: Act, button: AnyView, inner: impl IntoView + 'static) -> AnyView {
    let row = row_of(act);
    if let Some(lapsed) = lapsed(visit, row) {
        return lapsed;
    }
    let action = visit.fill(row.path);
    let token = visit.token.text.clone();
    view! {
        <form class="form" method="post" action=action data-action=row.name>
            <input type="hidden" name="csrf" value=token/>
            {inner}
            {button}
        </form>
    }
    .into_any()
}

/// Every act has its row: both are written by one macro.
pub fn row_of(act: Act) -> &'static Endpoint {
    ENDPOINTS.iter().find(|row| row.act == act).unwrap_or(&ENDPOINTS[0])
}

/// A form with a file.
pub fn form_with_file(visit: &Visit, act: Act, button: AnyView, inner: impl IntoView + 'static) -> AnyView {
    let row = row_of(act);
    if let Some(lapsed) = lapsed(visit, row) {
        return lapsed;
    }
    let (action, token) = (visit.fill(row.path), visit.token.text.clone());
    view! {
        <form class="form" method="post" enctype="multipart/form-data" action=action data-action=row.name>
            <input type="hidden" name="csrf" value=token/>
            {inner}
            {button}
        </form>
    }
    .into_any()
}

pub fn button(label: &'static str) -> AnyView {
    view! { <button class="btn btn-primary" type="submit">{label}</button> }.into_any()
}

/// A small one, told apart for those who hear the page.
pub fn small(label: &'static str, of_what: &str) -> AnyView {
    let spoken = format!("{label}: {of_what}");
    view! { <button class="btn btn-sm" type="submit" aria-label=spoken>{label}</button> }.into_any()
}

/// One of several, none chosen beforehand unless said.
pub fn select(
    id: &str,
    name: &'static str,
    label: &'static str,
    options: Vec<(String, String)>,
    chosen: &str,
    required: bool,
) -> AnyView {
    let id = id.to_owned();
    let first = (!required).then(|| view! { <option value="">"None"</option> });
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, text)| {
            let is = value == chosen;
            view! { <option value=value selected=is>{text}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select class="select" id=id name=name required=required>{first}{options}</select>
        </div>
    }
    .into_any()
}

pub fn when(person: &Person, at: OffsetDateTime) -> String {
    moment::moment(at, &person.date_style, &person.time_zone)
}

pub fn badge(text: impl Into<String>, class: &'static str) -> AnyView {
    let (text, class) = (text.into(), format!("badge {class}"));
    view! { <span class=class>{text}</span> }.into_any()
}
