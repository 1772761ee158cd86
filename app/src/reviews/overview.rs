//! All reviews: what waits for whoever looks, what runs, what was drafted, what came of those that are over; and the form for another one.

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, Person, rights};
use server::reviews::{self, Campaign, Status};

use super::desk::Desk;
use super::picture::{self, Past};
use super::{calendar, opening, said};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{badge, when};
use crate::ui::chart::number;
use crate::ui::entry::summary;
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let desk = Desk::of_organisation(visit);
    let campaigns = reviews::campaigns(&reader, accounts, visit.now).await?;
    let history = reviews::history(&reader, accounts).await?;
    // The newest first.
    let past: Vec<Past> = history.past.iter().rev().map(|one| past(&desk, &reader, one)).collect();
    let form = if desk.manages { Some(opening::form(visit, &reader, typed).await?) } else { None };
    let of = |status: Status| campaigns.iter().filter(move |one| one.status == status).collect::<Vec<_>>();
    let (open, drafts, closed) = (of(Status::Open), of(Status::Draft), of(Status::Closed));
    let nothing = campaigns.is_empty().then(|| {
        let hint = if desk.manages { "Open the first one below." } else { "When one begins, it stands here." };
        empty("No reviews yet", hint, None)
    });
    let every = visit.site.profile.policy.reviews.access_days;
    let every = every.map(|days| format!(" One opens by itself at the latest {days} days after the one before."));
    let view = view! {
        <h1>"Access reviews"</h1>
        {done(typed)}
        {summary(typed, &labels())}
        <p>"Who has access to what, looked at by somebody who decides. What is revoked is removed at once or when the review is closed, and the report proves it."{every}</p>
        {nothing}
        {mine(&desk, &reader, &open)}
        {list(&desk, &reader, "open", "Open", &open)}
        {list(&desk, &reader, "drafts", "Drafts", &drafts)}
        {picture::pictures(&past)}
        {list(&desk, &reader, "closed", "Closed", &closed)}
        {form}
        {calendar::section(visit, desk.decides)}
    };
    Ok(Middle::new("Access reviews", view).wide())
}

fn past(desk: &Desk<'_>, person: &Person, past: &reviews::Past) -> Past {
    let hours = past.outcome.median_decide_ms.map(|ms| u64::try_from(ms / 3_600_000).unwrap_or(0));
    Past {
        name: past.name.clone(),
        href: format!("{}/report", desk.path(past.id)),
        said: when(person, past.closed),
        counts: past.outcome.counts,
        silent: past.outcome.silent,
        median_hours: hours,
        privileged: past.outcome.privileged,
    }
}

fn labels() -> Vec<(String, String)> {
    [
        ("name", "Name"),
        ("due", "Due at the end of"),
        ("reviewer", "Reviewers"),
        ("fallback", "Who decides if none of them can"),
        ("scope", "What is reviewed"),
        ("silence", "What nobody decided on"),
        ("effect", "When it takes effect"),
        ("when_due", "When it is due"),
    ]
    .map(|(name, label)| (name.into(), label.into()))
    .into()
}

/// What whoever looks is asked about and has not decided.
fn mine(desk: &Desk<'_>, person: &Person, open: &[&Campaign]) -> Option<AnyView> {
    let items: Vec<AnyView> =
        open.iter().filter(|one| one.mine > 0).map(|one| waiting_one(desk, person, one)).collect();
    (!items.is_empty()).then(|| {
        view! {
            <section aria-labelledby="h-mine">
                <h2 id="h-mine">"Waiting for you"</h2>
                <ul class="due-list">{items}</ul>
            </section>
        }
        .into_any()
    })
}

fn waiting_one(desk: &Desk<'_>, person: &Person, campaign: &Campaign) -> AnyView {
    let class = campaign.overdue.then_some("urgent");
    let word = campaign.overdue.then(|| view! { <b>"Overdue"</b>" " });
    let count = match campaign.mine {
        1 => "1 item".to_owned(),
        many => format!("{} items", number(many)),
    };
    let due = when(person, campaign.due);
    // What is counted is what the role lets somebody decide: if they cannot now, the subscription has lapsed.
    let (until, verb) =
        if desk.decides { ("", "Decide") } else { (" Nobody can decide before the subscription goes on.", "Show") };
    let said = format!("{count} to decide in {}, due {due}.{until}", campaign.name);
    let href = format!("{}?whose=mine", desk.path(campaign.id));
    let label = format!("{verb} what waits in {}", campaign.name);
    view! { <li class=class>{word}{said}" "<a class="link" href=href aria-label=label>{verb}</a></li> }.into_any()
}

fn list(
    desk: &Desk<'_>,
    person: &Person,
    id: &'static str,
    title: &'static str,
    campaigns: &[&Campaign],
) -> Option<AnyView> {
    if campaigns.is_empty() {
        return None;
    }
    let rows: Vec<AnyView> = campaigns.iter().map(|one| row(desk, person, one)).collect();
    let (heading, label) = (format!("h-{id}"), format!("h-{id}"));
    Some(
        view! {
            <section aria-labelledby=label>
                <h2 id=heading>{title}</h2>
                {table(&format!("Reviews: {title}"), &["Review", "About", "How far", "When"], rows)}
            </section>
        }
        .into_any(),
    )
}

fn row(desk: &Desk<'_>, person: &Person, campaign: &Campaign) -> AnyView {
    let href = desk.path(campaign.id);
    let far = match campaign.status {
        Status::Draft => "Not begun".to_owned(),
        Status::Open | Status::Closed => said::in_words(&campaign.counts),
    };
    let at = match campaign.closed {
        Some(at) => format!("Closed {}", when(person, at)),
        None => format!("Due {}", when(person, campaign.due)),
    };
    let itself = campaign.by_itself.then(|| badge("By itself", "stated"));
    view! {
        <tr data-review=campaign.id.to_string() data-status=campaign.status.word()>
            <th scope="row"><a class="link" href=href>{campaign.name.clone()}</a>" "{said::status(campaign)}{itself}</th>
            <td class="first-up">{said::scope(&campaign.scope, None)}</td>
            <td>{far}</td>
            <td>{at}</td>
        </tr>
    }
    .into_any()
}
