//! Departures: what was removed and when, and what is planned.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::business::in_words;
use server::guard::{Asks, Person, rights};
use server::organisations::leaving::{self, Receipt, Shown};

use super::frame::{self, badge, small};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{hidden, trouble};
use crate::ui::list::{empty, table};

/// How many departures the page shows.
const MOST: u64 = 200;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::MembersRead>(Asks::ToSee)?;
    let shown = leaving::list(&reader, &visit.site.accounts, MOST).await?;
    let manages = frame::may(visit, Permission::MembersManage);
    let rows: Vec<AnyView> = shown.iter().map(|one| row(visit, &reader, one, manages)).collect();
    let list = if rows.is_empty() {
        empty("Nobody has left", "When a member's access ends, the receipt stands here.", None)
    } else {
        table("Departures", &["Who", "When", "Due by", "What was removed", ""], rows)
    };
    let view = view! {
        <h1>"Departures"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"One act ends everything that somebody had here. The number left is counted again after removing."</p>
        {list}
    };
    Ok(Middle::new("Departures", view).wide())
}

fn row(visit: &Visit, reader: &Person, one: &Shown, manages: bool) -> AnyView {
    let state = match (one.done, one.due.as_ref()) {
        (Some(at), Some((due, _))) if at > *due => badge("Late", "failing"),
        (Some(_), _) => badge("Done", "proven"),
        (None, Some((due, _))) if *due < visit.now => badge("Late", "failing"),
        (None, _) => badge("Planned", "stated"),
    };
    let due = one.due.as_ref().map_or_else(
        || view! { <span class="small">"No time is promised"</span> }.into_any(),
        |(at, rule)| {
            let left = one.done.is_none().then(|| format!(" ({})", in_words(*at - visit.now)));
            view! { {frame::when(reader, *at)}{left}<span class="small">{rule.clone()}</span> }.into_any()
        },
    );
    let cancel = (manages && one.done.is_none()).then(|| {
        frame::form(
            visit,
            Act::CancelOffboarding,
            small("Call off", &one.name),
            hidden("departure", one.id.to_string()),
        )
    });
    let successor = one.successor.as_ref().map(|name| view! { <span class="small">"Successor: "{name.clone()}</span> });
    view! {
        <tr data-departure=one.id.to_string()>
            <th scope="row">{one.name.clone()}" "{state}<span class="small">"by "{one.asked_by.clone()}</span></th>
            <td>{frame::when(reader, one.done.unwrap_or(one.at))}</td>
            <td>{due}</td>
            <td>{one.receipt.as_ref().map(receipt)}{successor}</td>
            <td>{cancel}</td>
        </tr>
    }
    .into_any()
}

fn receipt(receipt: &Receipt) -> AnyView {
    let Receipt { role, memberships, sessions, links, grants, invitations, help_ended, records, left } = receipt;
    let parts = [
        (*memberships, "membership"),
        (*sessions, "session"),
        (*links, "link"),
        (*grants, "grant"),
        (*invitations, "invitation"),
        (*help_ended, "help grant"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| crate::ui::words::count(usize::try_from(*count).unwrap_or(usize::MAX), what))
        .collect();
    let role = role.clone();
    let records = records.unwrap_or(0);
    let named = crate::ui::words::count(usize::try_from(records).unwrap_or(usize::MAX), "record");
    let named = (records > 0).then(|| view! { <span>" Named in "{named}"."</span> });
    view! { <span>{said.join(", ")}" removed; "{*left}" left."</span>{named}<span class="small">"Role: "{role}</span> }
        .into_any()
}
