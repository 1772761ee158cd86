//! The history of reviews as a picture, with the same in words beside it: what was decided, how long it took, and how many grants permit much.

use leptos::prelude::*;
use server::reviews::Counts;

use super::said;
use crate::ui::chart::{Slice, bars, number};

const WIDTH: u64 = 1000;
/// More than these are not drawn: a decade of yearly reviews, or two and a half years of quarterly ones.
const DRAWN: usize = 10;

/// One review that is over.
#[derive(Clone, Debug)]
pub struct Past {
    pub name: String,
    pub href: String,
    /// The day it was closed, as people read it.
    pub said: String,
    pub counts: Counts,
    /// Decided by silence; counted in the others too.
    pub silent: u64,
    /// From the opening to the decision that half of them came before.
    pub median_hours: Option<u64>,
    pub privileged: u64,
}

/// All three pictures. `past` is the newest first.
pub fn pictures(past: &[Past]) -> Option<AnyView> {
    if past.is_empty() {
        return None;
    }
    // Over time: the oldest first.
    let drawn: Vec<&Past> = past.iter().take(DRAWN).rev().collect();
    let slice = |one: &Past, value: u64| Slice { label: one.said.clone(), value, href: None };
    let hours: Vec<Slice> = drawn.iter().filter_map(|one| Some(slice(one, one.median_hours?))).collect();
    let privileged: Vec<Slice> = drawn.iter().map(|one| slice(one, one.privileged)).collect();
    let rows = drawn.into_iter().map(decisions).collect_view();
    let more = past.len().saturating_sub(DRAWN);
    let more = (more > 0).then(|| view! { <p class="small">{format!("{more} older ones are in the list below.")}</p> });
    Some(
        view! {
            <section aria-labelledby="h-history">
                <h2 id="h-history">"What came of them"</h2>
                <div class="tiles">
                    <figure class="chart">
                        <figcaption>"What came of what was decided"</figcaption>
                        <p class="small">"Counted as in the lists: kept is what was to be kept and stayed. What was to be kept and ended otherwise is named beside it."</p>
                        <ul class="history">{rows}</ul>
                        {more}
                    </figure>
                    {bars("Hours until half was decided", &hours)}
                    {bars("Grants that permit much", &privileged)}
                </div>
            </section>
        }
        .into_any(),
    )
}

/// How the decisions of one review were shared out.
fn decisions(past: &Past) -> AnyView {
    let words = in_words(past);
    let (name, href, said) = (past.name.clone(), past.href.clone(), past.said.clone());
    view! {
        <li>
            <span><a class="link" href=href>{name}</a>" "<span class="small">{said}</span></span>
            {bar(&past.counts, words.clone())}
            <span class="small">{words}</span>
        </li>
    }
    .into_any()
}

fn in_words(past: &Past) -> String {
    let said = said::in_words(&past.counts);
    if past.silent == 0 { format!("{said}.") } else { format!("{said}; {} of them by silence.", number(past.silent)) }
}

/// The shares, drawn in one bar: kept, changed, revoked.
pub fn bar(counts: &Counts, label: String) -> AnyView {
    let (keep, change, revoke) = (said::kept(counts).saturating_add(counts.alone), counts.change, counts.revoke);
    let total = keep.saturating_add(change).saturating_add(revoke).max(1);
    let mut before = 0_u64;
    let parts: Vec<_> = [("proven", keep), ("stated", change), ("failing", revoke)]
        .into_iter()
        .map(|(class, value)| {
            let at = |sum: u64| u64::try_from(u128::from(sum) * u128::from(WIDTH) / u128::from(total)).unwrap_or(WIDTH);
            let start = at(before);
            before = before.saturating_add(value);
            (class, start, at(before) - start, value)
        })
        .filter(|(.., value)| *value > 0)
        .map(|(class, start, width, _)| view! { <rect class=class x=start y="0" width=width.saturating_sub(3).max(4) height="24"/> })
        .collect();
    view! { <svg class="bar" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=label>{parts}</svg> }
        .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::list::html;

    fn past(name: &str, keep: u64, silent: u64) -> Past {
        Past {
            name: name.into(),
            href: "/o/acme/reviews/1".into(),
            said: "21 November 2026".into(),
            counts: Counts { items: keep, keep, revoke: 1, change: 1, ..Counts::default() },
            silent,
            median_hours: Some(3),
            privileged: 4,
        }
    }

    #[test]
    fn the_picture_says_the_same_in_words() {
        let html = html(pictures(&[past("Autumn", 8, 2)]).expect("a picture"));
        let said = "8 kept, 1 changed, 1 revoked; 2 of them by silence.";
        assert!(
            html.contains(&format!("aria-label=\"{said}\"")) && html.contains(&format!(">{said}</span>")),
            "{html}"
        );
        assert!(html.contains(">3</b>") && html.contains(">4</b>"), "{html}");
    }

    #[test]
    fn what_was_to_be_kept_and_ended_otherwise_is_no_more_kept_in_the_picture_than_in_the_list() {
        let counts =
            Counts { items: 5, keep: 4, revoke: 1, gone: 1, ended_otherwise: 1, ended: 1, ..Counts::default() };
        let html = html(pictures(&[Past { counts, ..past("Autumn", 0, 0) }]).expect("a picture"));
        let said = said::in_words(&counts);
        assert!(said.starts_with("2 kept, 1 revoked") && html.contains(&format!(">{said}.</span>")), "{said}: {html}");
        // Two of three that are drawn.
        assert!(html.contains("class=\"proven\"") && html.contains("width=\"663\""), "{html}");
    }

    #[test]
    fn nothing_hostile_and_nothing_huge_breaks_it() {
        let html = html(pictures(&[past("<script>", u64::MAX, 0)]).expect("a picture"));
        assert!(!html.contains("<script>") && html.contains("18,446,744,073,709,551,615 kept"), "{html}");
        assert!(pictures(&[]).is_none());
    }
}
