//! What is better read as a table. Each stands in the section of the same name if the profile has one, else on its own.

use leptos::prelude::*;
use server::profile::Binding;
use server::trust::Board;

use super::parts::mark;

/// Certificates held, and milestones with what became of them.
pub fn certifications(board: &Board) -> impl IntoView + use<> {
    let held: Vec<_> = board
        .certifications
        .iter()
        .map(|(name, expires)| {
            let until = expires.map_or_else(|| "no expiry stated".to_owned(), |date| format!("valid until {date}"));
            view! { <tr data-certification=name.clone()><th scope="row">{name.clone()}</th><td>"held"</td><td>{until}</td></tr> }
        })
        .collect();
    let milestones: Vec<_> = board
        .profile
        .claims
        .iter()
        .filter_map(|claim| match &claim.binding {
            Binding::Milestone { date, .. } => {
                let told = board.claim(&claim.id)?;
                Some(view! {
                    <tr>
                        <th scope="row"><a class="link" href=format!("/trust/claims/{}", claim.id)>{told.text.clone()}</a></th>
                        <td>{mark(told.state)}</td>
                        <td>"planned for "{date.to_string()}</td>
                    </tr>
                })
            }
            Binding::Checks { .. } | Binding::Coming { .. } | Binding::Evidence { .. } | Binding::Published { .. } => None,
        })
        .collect();
    let none = held.is_empty();
    view! {
            {none.then(|| view! { <p class="lead">"Certifications held: none. The list is computed from certificates on record that have not expired."</p> })}
            {(!none || !milestones.is_empty()).then(|| view! {
                <section class="scroll" tabindex="0" aria-label="Table of certifications and milestones"><table class="table">
                    <thead><tr><th scope="col">"What"</th><th scope="col">"State"</th><th scope="col">"When"</th></tr></thead>
                    <tbody>{held}{milestones}</tbody>
                </table></section>
            })}
    }
}

pub fn frameworks(board: &Board) -> impl IntoView + use<> {
    let loaded = &board.profile.frameworks;
    (!loaded.is_empty()).then(|| {
        let rows: Vec<_> = loaded
            .iter()
            .map(|framework| {
                view! { <tr data-framework=framework.id.clone()><th scope="row">{framework.name.clone()}</th><td>{framework.edition.clone()}</td><td class="number">{framework.requirements.len()}</td></tr> }
            })
            .collect();
        view! {
                <h3>"Frameworks supported"</h3>
                <p class="lead">"Listing a framework means helping customers to manage it. It does not mean being certified to it."</p>
                <section class="scroll" tabindex="0" aria-label="Table of frameworks"><table class="table">
                    <thead><tr><th scope="col">"Framework"</th><th scope="col">"Edition"</th><th scope="col" class="number">"Requirements"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table></section>
        }
    })
}

pub fn sub_processors(board: &Board) -> impl IntoView + use<> {
    let listed = &board.profile.sub_processors;
    (!listed.is_empty()).then(|| {
        let rows: Vec<_> = listed
            .iter()
            .map(|one| {
                view! {
                    <tr>
                        <th scope="row">{one.name.clone()}</th>
                        <td class="first-up">{one.purpose.clone()}</td>
                        <td>{one.region.clone().unwrap_or_else(|| "not stated".into())}</td>
                        <td class="first-up">{one.data.join(", ")}</td>
                        <td class="number">{one.since.0.to_string()}</td>
                    </tr>
                }
            })
            .collect();
        view! {
                <section class="scroll" tabindex="0" aria-label="Table of sub-processors"><table class="table">
                    <thead><tr>
                        <th scope="col">"Company"</th><th scope="col">"Purpose"</th><th scope="col">"Region"</th>
                        <th scope="col">"Data"</th><th scope="col" class="number">"Since"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></section>
        }
    })
}
