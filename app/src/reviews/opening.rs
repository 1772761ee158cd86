//! The form that opens a review, or keeps it as a draft first.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, rights};
use server::organisations::members::{self, Query};
use server::organisations::roles::{self, Role};
use server::organisations::units;
use server::reviews::{Effect, Silence, WhenDue};
use time::Duration;

use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::organisation::frame::{self, button};
use crate::ui::entry::{Entry, line};
use crate::ui::form::sentence;

/// How long reviewers have where nobody says otherwise: two weeks of work with a weekend's reserve.
const DAYS: i64 = 16;

/// Whoever may decide, as address and name.
pub async fn deciders(visit: &Visit, roles: &[Role]) -> Result<Vec<(String, String)>, Problem> {
    if !frame::may(visit, Permission::MembersRead) {
        return Ok(Vec::new());
    }
    let reader = visit.may::<rights::MembersRead>(Asks::ToSee)?;
    let mut people = Vec::new();
    for role in roles.iter().filter(|role| role.permissions.contains(&Permission::ReviewsDecide)) {
        let query = Query { role: Some(role.name.clone()), ..Query::default() };
        let listed = members::list(&reader, &visit.site.accounts, &query).await?;
        let of_role = listed.members.into_iter().filter(|member| !member.is_help);
        people.extend(of_role.map(|member| (member.address, format!("{}, {}", member.name, member.role))));
    }
    people.sort();
    Ok(people)
}

/// Somebody by address, with those who may decide to choose from.
pub fn person(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    people: &[(String, String)],
    typed: &Typed,
    required: bool,
) -> AnyView {
    let list = format!("{id}-list");
    let options: Vec<AnyView> = people
        .iter()
        .cloned()
        .map(|(address, said)| view! { <option value=address>{said}</option> }.into_any())
        .collect();
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field(name));
    let wrong_id = format!("{id}-wrong");
    let (invalid, described) = (wrong.is_some().then_some("true"), wrong.is_some().then(|| wrong_id.clone()));
    let wrong = wrong.map(|said| view! { <p class="wrong" id=wrong_id>{sentence(&said)}</p> });
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input class="input" id=id name=name type="text" list=list.clone() autocomplete="off" maxlength="2000"
                required=required value=typed.value(name) aria-invalid=invalid aria-describedby=described/>
            <datalist id=list>{options}</datalist>
            {wrong}
        </div>
    }
    .into_any()
}

pub async fn form(visit: &Visit, reader: &Allowed<rights::ReviewsRead>, typed: &Typed) -> Result<AnyView, Problem> {
    let accounts = &visit.site.accounts;
    let roles = roles::list(reader, accounts).await?;
    let units = units::list(reader, accounts).await?;
    let people = deciders(visit, &roles).await?;
    let mut scopes: Vec<(String, String)> = vec![
        ("all".into(), "Everything that grants anything".into()),
        ("privileged".into(), "Only what permits much".into()),
        ("unused".into(), "Only what was not used for 90 days".into()),
    ];
    scopes.extend(roles.iter().map(|role| (format!("role:{}", role.name), format!("Only the role {}", role.name))));
    scopes.extend(units.iter().map(|unit| (format!("unit:{}", unit.id), format!("Only the unit {}", unit.name))));
    let silences =
        Silence::ALL.iter().map(|one| (one.word().to_owned(), sentence(&format!("it {}", one.said())))).collect();
    let effects = Effect::ALL.iter().map(|one| (one.word().to_owned(), sentence(one.said()))).collect();
    let when_due = WhenDue::ALL.iter().map(|one| (one.word().to_owned(), sentence(one.said()))).collect();
    let due = (visit.now + Duration::days(DAYS)).date().to_string();
    let name = Entry::new("name", "Name", typed, String::new()).required(true);
    let due = Entry::new("due", "Due at the end of", typed, due).required(true);
    let drafts = typed.value("draft") == "yes";
    let inner = view! {
        {line(&name, "text", None, &[])}
        {line(&due, "date", None, &[])}
        {choice("f-scope", "scope", "What is reviewed", scopes, typed)}
        <div class="whole">
            {person("f-reviewer", "reviewer", "Reviewers", &people, typed, false)}
            <p class="small">"E-mail addresses with commas between them. Left empty: everybody whose role lets them decide. Nobody decides on their own access."</p>
        </div>
        <details class="instead whole"><summary>"More stages, a stand-in, silence, effect, the last day"</summary>
            <div class="form roomy">
                {person("f-second", "second", "Reviewers of a second stage", &people, typed, false)}
                {person("f-third", "third", "Reviewers of a third stage", &people, typed, false)}
                {person("f-fallback", "fallback", "Who decides if none of them can", &people, typed, false)}
                {choice("f-silence", "silence", "What nobody decided on", silences, typed)}
                {choice("f-effect", "effect", "When it takes effect", effects, typed)}
                {choice("f-when-due", "when_due", "When it is due", when_due, typed)}
            </div>
        </details>
        <label class="tick whole"><input type="checkbox" name="draft" value="yes" checked=drafts/><span>"Keep it as a draft, and show me first what would happen"</span></label>
    };
    let row = frame::row_of(Act::OpenReview);
    let (action, token) = (visit.fill(row.path), visit.token.text.clone());
    Ok(view! {
        <section aria-labelledby="h-open">
            <h2 id="h-open">"Open a review"</h2>
            <p>"Everything that grants anything is taken down at that instant. Somebody decides on each, and what is revoked is removed, with the sessions that hang on it."</p>
            <form class="form roomy" method="post" action=action data-action=row.name>
                <input type="hidden" name="csrf" value=token/>
                {inner}
                {button("Open the review")}
            </form>
        </section>
    }
    .into_any())
}

/// One of several; the first unless another was chosen.
pub fn choice(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    options: Vec<(String, String)>,
    typed: &Typed,
) -> AnyView {
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field(name));
    let chosen = typed.value(name);
    let options: Vec<AnyView> = options
        .into_iter()
        .map(|(value, said)| {
            let is = value == chosen;
            view! { <option value=value selected=is>{said}</option> }.into_any()
        })
        .collect();
    let wrong = wrong.map(|said| view! { <p class="wrong">{sentence(&said)}</p> });
    view! { <div class="field"><label for=id>{label}</label><select class="select" id=id name=name>{options}</select>{wrong}</div> }
        .into_any()
}
