//! How much holds right now, drawn: one bar, a part for each state, with the same numbers as words beside it.

use std::collections::BTreeMap;
use std::fmt::Write;

use contract::claim::State;
use leptos::prelude::*;

use super::parts::sign;

const WIDTH: usize = 1000;

/// Cumulative parts of the bar: state, where it starts, how wide it is.
fn parts(summary: &BTreeMap<State, usize>) -> Vec<(State, usize, usize)> {
    let total: usize = summary.values().sum::<usize>().max(1);
    let mut before = 0;
    let order = [
        State::Proven,
        State::Stated,
        State::Unproven,
        State::Unavailable,
        State::Ageing,
        State::Failing,
        State::Withdrawn,
    ];
    order
        .into_iter()
        .map(|state| {
            let number = summary.get(&state).copied().unwrap_or(0);
            let (start, end) = (before * WIDTH / total, (before + number) * WIDTH / total);
            before += number;
            (state, start, end - start)
        })
        .filter(|(_, _, width)| *width > 0)
        .collect()
}

/// The counts as one sentence.
pub fn in_words(summary: &BTreeMap<State, usize>) -> String {
    let mut text = String::new();
    for (state, number) in summary.iter().filter(|(_, number)| **number > 0) {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{number} {}", state.word());
    }
    text
}

pub fn bar(summary: &BTreeMap<State, usize>) -> impl IntoView + use<> {
    let total: usize = summary.values().sum();
    let label = format!("Of {total} claims: {}.", in_words(summary));
    view! {
        <svg class="bar" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=label>
            {parts(summary)
                .into_iter()
                .map(|(state, start, width)| view! { <rect class=state.word() x=start y="0" width=width.saturating_sub(3).max(2) height="24"/> })
                .collect_view()}
        </svg>
    }
}

/// The numbers; each leads to its claims.
pub fn legend(summary: &BTreeMap<State, usize>) -> impl IntoView + use<> {
    let order = [
        State::Proven,
        State::Failing,
        State::Ageing,
        State::Unproven,
        State::Unavailable,
        State::Stated,
        State::Withdrawn,
    ];
    order
        .into_iter()
        .map(|state| {
            let number = summary.get(&state).copied().unwrap_or(0);
            view! {
                <li class=state.word() class:none=number == 0>
                    <a href=format!("/trust?state={}", state.word()) title=state.meaning()>
                        <b>{number}</b>
                        <span>{sign(state)}{state.word()}</span>
                    </a>
                </li>
            }
        })
        .collect_view()
}
