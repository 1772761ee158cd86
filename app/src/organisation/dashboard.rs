//! The dashboard: what needs doing today first, then the picture. Each number leads to its list.

use contract::permission::Permission;
use contract::problem::Problem;
use contract::standing::Standing;
use leptos::prelude::*;
use server::guard::{Asks, Person, rights};
use server::organisations::dashboard::{self, Dashboard, Due};
use time::OffsetDateTime;

use super::frame;
use super::log::event_row;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::identity::tried;
use crate::ui::chart::{Slice, bars, columns, line, number, ring};
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::OrganisationRead>(Asks::ToSee)?;
    let dashboard = dashboard::read(&reader, &visit.site.accounts, visit.now).await?;
    let tried = tried::at_arrival(visit).await?;
    let name = frame::name(visit);
    let base = format!("/o/{}", visit.param("slug"));
    let sees = |permission| reader.here().permissions.contains(&permission);
    let members = sees(Permission::MembersRead).then(|| pictures(&dashboard, &base));
    let events = sees(Permission::AuditRead).then(|| events(&reader, &dashboard, &base));
    let view = view! {
        <h1>{name.clone()}</h1>
        {tried}
        <p class="small">"You are here as "<b>{reader.here().role.clone()}</b>"."</p>
        <section aria-labelledby="h-today">
            <h2 id="h-today">"What needs doing"</h2>
            {today(&reader, &dashboard, &base, visit.now)}
        </section>
        {members}
        {deadlines(&reader, &dashboard)}
        {events}
    };
    Ok(Middle::new(name, view).wide())
}

fn today(person: &Person, dashboard: &Dashboard, base: &str, now: OffsetDateTime) -> AnyView {
    let mut items: Vec<AnyView> = Vec::new();
    let mut item = |urgent: bool, text: String, href: String, label: &'static str| {
        let class = urgent.then_some("urgent");
        let word = urgent.then(|| view! { <b>"Urgent"</b>" " });
        items.push(view! { <li class=class>{word}{text}" "<a class="link" href=href>{label}</a></li> }.into_any());
    };
    match dashboard.standing {
        Standing::Lapsed | Standing::Cancelled => {
            item(
                true,
                "Nothing can be changed: the subscription has lapsed or was cancelled.".into(),
                format!("{base}/billing"),
                "Subscription",
            );
        }
        Standing::PastDue => item(true, "A payment is missing.".into(), format!("{base}/billing"), "Subscription"),
        Standing::Trialing | Standing::Active => {}
    }
    if let Some(waiting) = &dashboard.reviews {
        let count = if waiting.items == 1 {
            "1 decision waits".to_owned()
        } else {
            format!("{} decisions wait", number(waiting.items))
        };
        let due = frame::when(person, waiting.due);
        let (text, label) = if dashboard.standing.permits(Permission::ReviewsDecide.effect()) {
            (format!("{count} for you in access reviews; due {due}."), "Decide")
        } else {
            (
                format!("{count} in access reviews, due {due}, and nobody can decide before the subscription goes on."),
                "Show",
            )
        };
        item(waiting.due < now, text, format!("{base}/reviews/{}?whose=mine", waiting.review), label);
    }
    if dashboard.counts.lacking > 0 {
        let text =
            format!("{} still to set up the second factor that the role demands.", people(dashboard.counts.lacking));
        item(true, text, format!("{base}/members?factor=no"), "Show them");
    }
    if dashboard.pending > 0 {
        let text = format!(
            "{} not answered yet.",
            if dashboard.pending == 1 {
                "1 invitation is".into()
            } else {
                format!("{} invitations are", number(dashboard.pending))
            }
        );
        item(false, text, format!("{base}/members#invitations"), "Look at them");
    }
    let soon = dashboard.deadlines.iter().filter(|deadline| deadline.what == Due::Departure).count();
    if soon > 0 {
        item(
            false,
            format!(
                "{} planned.",
                if soon == 1 { "1 departure is".to_owned() } else { format!("{soon} departures are") }
            ),
            format!("{base}/departures"),
            "Look at them",
        );
    }
    if items.is_empty() {
        let hint = format!("Everything is as it should be on {}.", frame::when(person, now));
        return empty("Nothing needs you today", &hint, None);
    }
    view! { <ul class="due-list">{items}</ul> }.into_any()
}

fn people(count: u64) -> String {
    if count == 1 { "1 member has".into() } else { format!("{} members have", number(count)) }
}

fn pictures(dashboard: &Dashboard, base: &str) -> AnyView {
    let slices: Vec<Slice> = dashboard
        .counts
        .by_role
        .iter()
        .map(|(role, count)| {
            let role_in_address: String = form_urlencoded::byte_serialize(role.as_bytes()).collect();
            Slice { label: role.clone(), value: *count, href: Some(format!("{base}/members?role={role_in_address}")) }
        })
        .collect();
    view! {
        <div class="tiles">
            {bars("Members by role", &slices)}
            {ring("Second factor", dashboard.counts.enrolled, dashboard.counts.members, Some(format!("{base}/members?factor=yes")))}
            {line("Members with a second factor", &dashboard.coverage)}
            {columns("Sign-ins by day", "sign-in", &dashboard.sign_ins)}
        </div>
    }
    .into_any()
}

fn deadlines(person: &Person, dashboard: &Dashboard) -> Option<AnyView> {
    if dashboard.deadlines.is_empty() {
        return None;
    }
    let rows: Vec<_> = dashboard
        .deadlines
        .iter()
        .map(|deadline| {
            let what = match deadline.what {
                Due::Departure => "A member's access ends",
                Due::HelpEnds => "Help by the vendor's staff ends",
                Due::InvitationEnds => "An invitation runs out",
                Due::StandingEnds => "The subscription's standing ends",
            };
            view! { <li><span class="small">{frame::when(person, deadline.at)}</span>" "{what}</li> }
        })
        .collect();
    Some(view! { <section aria-labelledby="h-next"><h2 id="h-next">"Next dates"</h2><ul class="due-list">{rows}</ul></section> }.into_any())
}

fn events(person: &Person, dashboard: &Dashboard, base: &str) -> AnyView {
    let rows: Vec<AnyView> = dashboard.newest.iter().map(|line| event_row(person, line, base)).collect();
    let href = format!("{base}/audit");
    view! {
        <section aria-labelledby="h-events">
            <h2 id="h-events">"What happened lately"</h2>
            {table("Newest events", &["When", "Who", "What", "From where"], rows)}
            <p><a class="link" href=href>"The whole log"</a></p>
        </section>
    }
    .into_any()
}
