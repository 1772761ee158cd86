//! One claim on a page.

use contract::claim::{Kind, State};
use leptos::prelude::*;
use server::clock::rfc3339;
use server::profile::sentence::Part;
use server::trust::Told;

use crate::ui::words::short_moment;

/// The outline of each state's sign. They differ in shape, not only in colour.
const SIGNS: &[(State, &str)] = &[
    (State::Proven, "M3 8.5l3.4 3.4L13 4.8"),
    (State::Failing, "M3.5 3.5l9 9m0-9l-9 9"),
    (State::Ageing, "M8 3.5V8l3 2.2M8 1.5a6.5 6.5 0 100 13 6.5 6.5 0 000-13z"),
    (State::Unproven, "M8 2a6 6 0 100 12A6 6 0 008 2z"),
    (State::Unavailable, "M8 2a6 6 0 100 12A6 6 0 008 2zM3.8 12.2l8.4-8.4"),
    (State::Stated, "M3 4h10M3 8h10M3 12h6"),
    (State::Withdrawn, "M2.5 8h11"),
];

/// The signs, once per page; each use names one.
pub fn signs() -> impl IntoView + use<> {
    view! {
        <svg width="0" height="0" class="signs" aria-hidden="true">
            {SIGNS
                .iter()
                .map(|(state, path)| view! { <symbol id=format!("s-{}", state.word()) viewBox="0 0 16 16"><path d=*path/></symbol> })
                .collect_view()}
        </svg>
    }
}

pub fn sign(state: State) -> impl IntoView + use<> {
    view! { <svg class="sign" aria-hidden="true"><use href=format!("#s-{}", state.word())/></svg> }
}

/// A state as sign and word.
pub fn mark(state: State) -> impl IntoView + use<> {
    view! { <span class=format!("mark {}", state.word())>{sign(state)}{state.word()}</span> }
}

/// The sentence, with the figures that nobody typed set apart.
pub fn sentence(parts: &[Part]) -> impl IntoView + use<> {
    parts
        .iter()
        .map(|part| match part {
            Part::Words(text) => text.clone().into_any(),
            Part::Figure { said, href: Some(href), .. } => {
                view! { <a class="link" href=href.clone()>{said.clone()}</a> }.into_any()
            }
            Part::Figure { said, href: None, .. } => view! { <b>{said.clone()}</b> }.into_any(),
            Part::Recorded | Part::CertificationsHeld => ().into_any(),
        })
        .collect_view()
}

/// What the small print under a sentence says of when it was looked at.
fn looked(told: &Told) -> Option<impl IntoView + use<>> {
    let at = told.checked_at?;
    let (verb, shown) = match told.kind {
        Kind::Enforced => ("checked ", short_moment(at)),
        Kind::Evidenced => ("evidence of ", at.date().to_string()),
        Kind::Published => ("confirmed ", at.date().to_string()),
    };
    Some(view! { <span>{verb}<time datetime=rfc3339(at)>{shown}</time></span> })
}

/// Whether the finding belongs beside the sentence: whatever does not simply hold explains itself.
const fn explains(state: State) -> bool {
    match state {
        State::Failing | State::Ageing | State::Unavailable | State::Withdrawn => true,
        State::Proven | State::Unproven | State::Stated => false,
    }
}

pub fn row(told: &Told) -> impl IntoView + use<> {
    let id = told.id.clone();
    view! {
        <li id=id.clone() class="claim" data-claim=id.clone() data-state=told.state.word() data-kind=told.kind.word()>
            {mark(told.state)}
            <div>
                <p class="says">{sentence(&told.sentence)}</p>
                {explains(told.state).then(|| view! { <p class="finding">{told.finding.clone()}</p> })}
                <p class="small">
                    <a href=format!("/trust/claims/{id}")>{id.clone()}</a>
                    <span>{told.kind.word()}{told.control.clone().map(|control| format!(" by {control}"))}</span>
                    {looked(told)}
                </p>
            </div>
        </li>
    }
}
