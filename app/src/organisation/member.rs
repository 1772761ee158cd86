//! One member: what they may and reach, and what can be done about that.

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::organisations::members::{self, Whole};
use server::organisations::outlook::{self, Outlook};
use server::organisations::roles;
use server::organisations::units::{self, Unit};

use super::frame::{self, badge, button, select, small};
use super::members::actions;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::ui::form::{hidden, trouble};
use crate::ui::list::table;
use crate::ui::words::count;

/// How many people a choice of successors shows.
const CHOICE: u64 = 500;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::MembersRead>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let id = visit.param("member").parse().map_err(|_| Problem::NotFound)?;
    let whole = members::whole(&reader, accounts, id).await?.ok_or(Problem::NotFound)?;
    let roles = roles::list(&reader, accounts).await?;
    let units = units::list(&reader, accounts).await?;
    let manages = frame::may(visit, Permission::MembersManage) && !whole.member.is_help;
    let successors = if manages { members::choice(&reader, accounts, CHOICE).await? } else { Vec::new() };
    let rows: Vec<AnyView> = roles::explained(&whole.member.role, &roles)
        .into_iter()
        .map(|(permission, has)| {
            let mark = if has { badge("Yes", "proven") } else { badge("No", "unproven") };
            view! { <tr><th scope="row">{permission.said()}</th><td>{mark}</td></tr> }.into_any()
        })
        .collect();
    let reaches = frame::may(visit, Permission::UnitsManage).then(|| reach_forms(visit, &whole, &units));
    let leave = if manages {
        let found = outlook::of(&reader, accounts, id).await?;
        Some(leave(visit, &whole, successors, found))
    } else {
        None
    };
    let name = whole.member.name.clone();
    let seen = whole.member.seen.map_or_else(|| "never".to_owned(), |at| frame::when(&reader, at));
    let back = visit.path_of(Page::Members);
    let view = view! {
        <p><a class="link" href=back>"All members"</a></p>
        <h1>{name.clone()}</h1>
        {done(typed)}
        {trouble(typed)}
        <p>{whole.member.address.clone()}", "<b>{whole.member.role.clone()}</b>", here since "{frame::when(&reader, whole.member.since)}", last seen "{seen}"."</p>
        {actions(visit, &whole.member, &roles)}
        <section aria-labelledby="h-sees">
            <h2 id="h-sees">"What this person can see and do"</h2>
            {reach(&whole, &visit.site.profile.organisation)}
            {table("What this person may", &["Permission", "Has it"], rows)}
        </section>
        {reaches}
        {leave}
    };
    Ok(Middle::new(name, view).wide())
}

fn reach(whole: &Whole, kind: &str) -> AnyView {
    if whole.member.reaches_all {
        return view! { <p>"Reaches all records of the "{kind.to_owned()}"."</p> }.into_any();
    }
    let units: Vec<String> = whole.units.iter().map(|(_, name)| name.clone()).collect();
    let text = match (units.len(), whole.records.len()) {
        (0, 0) => "Reaches no record at all.".to_owned(),
        (_, 0) => format!("Reaches the records of {} only.", units.join(", ")),
        (0, records) => format!("Reaches {records} named records only."),
        (_, records) => format!("Reaches the records of {} and {records} named ones only.", units.join(", ")),
    };
    view! { <p>{text}</p> }.into_any()
}

fn reach_forms(visit: &Visit, whole: &Whole, units: &[Unit]) -> AnyView {
    let id = whole.member.account.to_string();
    let options = units.iter().map(|unit| (unit.id.to_string(), unit.name.clone())).collect();
    let narrow = (!units.is_empty()).then(|| {
        let fields = view! { {hidden("member", id.clone())}{select("reach-unit", "unit", "Add to what they reach", options, "", true)} };
        frame::form(visit, Act::GrantReach, button("Let them to this one"), fields)
    });
    let targets =
        whole.units.iter().cloned().chain(whole.records.iter().map(|record| (*record, format!("Record {record}"))));
    let away: Vec<AnyView> = targets
        .map(|(target, name)| {
            let fields = view! { {hidden("member", id.clone())}{hidden("target", target.to_string())} };
            let form = frame::form(visit, Act::WithdrawReach, small("Take away", &name), fields);
            view! { <li>{name}" "{form}</li> }.into_any()
        })
        .collect();
    let everything = (!whole.member.reaches_all).then(|| {
        frame::form(visit, Act::GrantReach, button("Let them to everything again"), hidden("member", id.clone()))
    });
    view! {
        <section aria-labelledby="h-reach">
            <h2 id="h-reach">"Reach"</h2>
            <p class="small">"Once you name something, this member reaches only what is named."</p>
            <ul>{away}</ul>
            {narrow}
            {everything}
        </section>
    }
    .into_any()
}

fn leave(visit: &Visit, whole: &Whole, successors: Vec<(uuid::Uuid, String)>, found: Outlook) -> AnyView {
    let id = whole.member.account;
    let options = successors
        .into_iter()
        .filter(|(other, _)| *other != id)
        .map(|(other, name)| (other.to_string(), name))
        .collect();
    let zone = visit.site.profile.policy.calendar.time_zone.clone();
    let fields = view! {
        {hidden("member", id.to_string())}
        {select("successor", "successor", "Successor, for the receipt", options, "", false)}
        <div class="field">
            <label for="at">"On"</label>
            <p class="small" id="at-hint">"Empty: at once. A day begins at midnight in "{zone}"."</p>
            <input class="input" id="at" name="at" type="date" aria-describedby="at-hint"/>
        </div>
    };
    view! {
        <section aria-labelledby="h-leave">
            <h2 id="h-leave">"End access"</h2>
            <p>"In one act, and a receipt says what was removed. As it is now, this goes:"</p>
            {goes(&whole.member.role, found)}
            {frame::form(visit, Act::OffboardMember, button("End access"), fields)}
        </section>
    }
    .into_any()
}

/// What would go, each by its number.
fn goes(role: &str, found: Outlook) -> AnyView {
    let Outlook { sessions, links, grants, invitations, help, calendars, records } = found;
    let counted = [
        (sessions, "session"),
        (links, "link"),
        (grants, "grant"),
        (invitations, "invitation"),
        (help, "help grant"),
        (calendars, "calendar address"),
    ];
    let items: Vec<_> = counted
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| view! { <li>{named(number, what)}</li> })
        .collect();
    let records = (records > 0).then(|| {
        let named = named(records, "record");
        view! { <p class="small">{format!("Named in {named}: those stay, and name the successor from then on if you choose one.")}</p> }
    });
    view! { <ul class="goes"><li>"The membership, as "<b>{role.to_owned()}</b></li>{items}</ul>{records} }.into_any()
}

fn named(number: u64, what: &str) -> String {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    if what.ends_with("address") && number != 1 { format!("{number} {what}es") } else { count(number, what) }
}
