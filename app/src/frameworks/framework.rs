//! One catalogue: each requirement, what is mapped to it, and how old the evidence is; as a picture and as a table.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, Person, rights};
use server::registers::coverage::{self, Control, Coverage, Covered, FRESH_DAYS, State};
use server::registers::names;
use server::registers::shape::{self, Shape};
use time::OffsetDateTime;

use super::said;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{self, badge};
use crate::registers::form::RECORDS;
use crate::ui::entry::{Entry, line, summary};
use crate::ui::list::table;
use crate::ui::words::count;

const WIDTH: u64 = 1000;
/// The form that the boxes of the rows belong to.
const MAP: &str = "map";

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let framework = coverage::framework(accounts, visit.param("framework")).ok_or(Problem::NotFound)?;
    let coverage = coverage::of(&reader, accounts, framework, visit.now).await?;
    let shapes = shape::all(&reader, &accounts.profile);
    let mapping: Vec<Shape<'_>> = coverage::mapping(&shapes)
        .into_iter()
        .filter(|(shape, field)| shape.writes(field) && frame::may(visit, Permission::RecordsWrite))
        .map(|(shape, _)| shape)
        .collect();
    let maps = !mapping.is_empty();
    let rows: Vec<AnyView> =
        coverage.requirements.iter().map(|covered| row(visit, &reader, covered, typed, maps)).collect();
    let form = if maps { Some(form(visit, &reader, typed, &mapping).await?) } else { None };
    let cut = coverage.cut.then(
        || view! { <p class="small">"There are more records than this page draws from: counts are of the newest."</p> },
    );
    let head = ["Requirement", "State", "Mapped to it", "Newest evidence"];
    let (name, edition) = (framework.name.clone(), framework.edition.clone());
    let all = format!("/o/{}/frameworks", visit.param("slug"));
    let view = view! {
        <p class="crumbs"><a class="link" href=all>"Frameworks"</a></p>
        <h1>{name.clone()}</h1>
        <p class="small">{edition}</p>
        {done(typed)}
        {summary(typed, &[("record".to_owned(), "Record".to_owned())])}
        <div class="holds">
            <h2>{format!("{} requirements", coverage.requirements.len())}</h2>
            {bar(&coverage)}
            {legend(&coverage)}
            <p class="small">{format!("Evidence is fresh for {FRESH_DAYS} days after it was collected, unless it ends before. Being covered here is not being certified.")}</p>
            {cut}
        </div>
        {form}
        {table("Requirements", &head, rows)}
    };
    Ok(Middle::new(name, view).wide())
}

/// The shares of the states, drawn in one bar.
pub fn bar(coverage: &Coverage) -> AnyView {
    let total = (coverage.requirements.len() as u64).max(1);
    let mut before = 0;
    let parts: Vec<_> = State::ALL
        .iter()
        .map(|state| {
            let (start, end) = (before * WIDTH / total, (before + coverage.count(*state)) * WIDTH / total);
            before += coverage.count(*state);
            (said(*state).2, start, end - start)
        })
        .filter(|(.., width)| *width > 0)
        .map(|(class, start, width)| view! { <rect class=class x=start y="0" width=width.saturating_sub(3).max(2) height="24"/> })
        .collect();
    let label = in_words(coverage);
    view! { <svg class="bar" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=label>{parts}</svg> }
        .into_any()
}

/// The same as a sentence.
pub fn in_words(coverage: &Coverage) -> String {
    let parts: Vec<String> =
        State::ALL.iter().map(|state| format!("{} {}", coverage.count(*state), said(*state).0)).collect();
    format!("Of {}: {}.", count(coverage.requirements.len(), "requirement"), parts.join("; "))
}

fn legend(coverage: &Coverage) -> AnyView {
    let items: Vec<AnyView> = State::ALL
        .iter()
        .map(|state| {
            let (_, title, class) = said(*state);
            let number = coverage.count(*state);
            view! { <li class=class data-state=title><span class="mark"><b>{number}</b>" "{title}</span></li> }
                .into_any()
        })
        .collect();
    view! { <ul class="legend">{items}</ul> }.into_any()
}

fn row(visit: &Visit, reader: &Person, covered: &Covered, typed: &Typed, maps: bool) -> AnyView {
    let (_, title, class) = said(covered.state);
    let identifier = covered.requirement.clone();
    let ticked = typed.value("requirements").split('\n').any(|one| one == identifier)
        || typed.value("requirement") == identifier;
    let label = format!("Choose {identifier}");
    let tick = maps.then(|| {
        let value = identifier.clone();
        view! { <input class="choose" type="checkbox" name="requirements" value=value form=MAP checked=ticked aria-label=label/>" " }
    });
    let controls: Vec<AnyView> = covered.controls.iter().map(|control| mapped(visit, control)).collect();
    let controls = if controls.is_empty() {
        view! { <span class="small">"Nothing yet"</span> }.into_any()
    } else {
        view! { <ul class="plain">{controls}</ul> }.into_any()
    };
    let newest = covered.newest.map_or_else(
        || view! { <span class="small">"None"</span> }.into_any(),
        |at| view! { {age(at, visit.now)}<span class="small">{frame::when(reader, at)}</span> }.into_any(),
    );
    let (id, what) = (format!("r-{identifier}"), covered.title.clone());
    view! {
        <tr id=id data-requirement=covered.requirement.clone() data-state=class>
            <th scope="row">{tick}{identifier}<span class="small">{what}</span></th>
            <td>{badge(title, class)}</td>
            <td>{controls}</td>
            <td>{newest}</td>
        </tr>
    }
    .into_any()
}

fn mapped(visit: &Visit, control: &Control) -> AnyView {
    let href = format!("/o/{}/registers/{}/{}", visit.param("slug"), control.register, control.id);
    let (name, evidence) = (control.name.clone(), control.evidence);
    let said = match evidence {
        0 => "no evidence".to_owned(),
        1 => "1 piece of evidence".to_owned(),
        some => format!("{some} pieces of evidence"),
    };
    view! { <li><a class="link" href=href>{name}</a><span class="small">{said}</span></li> }.into_any()
}

fn age(at: OffsetDateTime, now: OffsetDateTime) -> String {
    match (now - at).whole_days() {
        days if days <= 0 => "Today".to_owned(),
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}

/// One record for all ticked requirements.
async fn form(
    visit: &Visit,
    reader: &Allowed<rights::RecordsRead>,
    typed: &Typed,
    mapping: &[Shape<'_>],
) -> Result<AnyView, Problem> {
    let mut offered = Vec::new();
    for shape in mapping {
        let newest = names::newest(reader, &visit.site.accounts, shape.id(), RECORDS).await?;
        offered.extend(newest.into_iter().map(|(_, name)| (name, shape.title().to_owned())));
    }
    let titles: Vec<&str> = mapping.iter().map(Shape::title).collect();
    let hint = format!("The name or id of one of: {}.", titles.join(", "));
    let record = Entry::new("record", "Record", typed, String::new()).hint(hint).required(true);
    let row = frame::row_of(Act::MapRequirements);
    let (action, token) = (visit.fill(row.path), visit.token.text.clone());
    let imports: Vec<AnyView> = mapping
        .iter()
        .map(|shape| {
            let href = format!("/o/{}/registers/{}/import", visit.param("slug"), shape.id());
            let said = format!("import {}", shape.title().to_lowercase());
            view! { " "<a class="link" href=href>{said}</a> }.into_any()
        })
        .collect();
    Ok(view! {
        <section aria-labelledby="h-map">
            <h2 id="h-map">"Map requirements"</h2>
            <p class="small">"Tick requirements below, and name the record that meets them. To map many at once from a file,"{imports}"."</p>
            <form class="form" id=MAP method="post" action=action data-action=row.name>
                <input type="hidden" name="csrf" value=token/>
                {line(&record, "text", None, &offered)}
                <button class="btn btn-primary" type="submit">"Map the ticked"</button>
            </form>
        </section>
    }
    .into_any())
}
