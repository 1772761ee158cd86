//! The catalogues of requirements that the profile loads, and how far the organisation's records cover them.

pub mod framework;

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::registers::coverage::{self, State};

use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::ui::list::empty;

/// All catalogues, each with its picture.
pub async fn page(visit: &Visit) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let accounts = &visit.site.accounts;
    let mut cards = Vec::new();
    for framework in &accounts.profile.frameworks {
        let coverage = coverage::of(&reader, accounts, framework, visit.now).await?;
        let (href, name) = (format!("/o/{}/frameworks/{}", visit.param("slug"), framework.id), framework.name.clone());
        let edition = framework.edition.clone();
        cards.push(view! {
            <li class="card" data-framework=framework.id.clone()>
                <a class="link" href=href>{name}</a>" "<span class="small">{edition}</span>
                {framework::bar(&coverage)}
                <p class="small">{framework::in_words(&coverage)}</p>
            </li>
        });
    }
    let list = if cards.is_empty() {
        empty("No catalogues", "None are loaded here.", None)
    } else {
        view! { <ul class="cards">{cards}</ul> }.into_any()
    };
    let view = view! {
        <h1>"Frameworks"</h1>
        <p>"How far your own records cover each catalogue. Being covered here is not being certified."</p>
        {list}
    };
    Ok(Middle::new("Frameworks", view).wide())
}

/// Word, meaning and colour of a state. The word says it; the colour only repeats it.
pub const fn said(state: State) -> (&'static str, &'static str, &'static str) {
    match state {
        State::Proven => ("covered, with fresh evidence", "Fresh evidence", "proven"),
        State::Old => ("covered, evidence old", "Old evidence", "ageing"),
        State::Unproven => ("covered, without evidence", "No evidence", "stated"),
        State::Open => ("open", "Open", "unproven"),
    }
}
