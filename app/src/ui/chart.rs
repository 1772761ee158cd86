//! Numbers as pictures. Each picture has its numbers beside it as text: nobody has to see it, and none of it needs script.

mod days;
mod figures;
pub mod week;

use std::cmp::Reverse;

use leptos::prelude::*;

use figures::{grouped, percent, scaled};

pub use days::{columns, line};
pub use figures::number;

/// How many bars are drawn; what is smaller is summed into one more.
const BARS: usize = 12;

/// One bar: what it counts, how many, and where they are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    pub label: String,
    pub value: u64,
    pub href: Option<String>,
}

/// A bar as it is drawn. The sum of the rest may be larger than any number that came in.
struct Bar {
    label: String,
    value: u128,
    href: Option<String>,
}

/// Horizontal bars in the order given; when there are too many, the largest first and the rest as one.
pub fn bars(title: &str, slices: &[Slice]) -> AnyView {
    let bars = fitting(slices);
    let Some(largest) = bars.iter().map(|bar| bar.value).max() else { return figure(title, nothing()) };
    let bars = bars.into_iter().map(|bar| drawn(bar, largest)).collect_view();
    figure(title, view! { <ul class="chart-bars">{bars}</ul> }.into_any())
}

fn fitting(slices: &[Slice]) -> Vec<Bar> {
    let bar = |Slice { label, value, href }: &Slice| Bar {
        label: label.clone(),
        value: u128::from(*value),
        href: href.clone(),
    };
    let mut bars: Vec<Bar> = slices.iter().map(bar).collect();
    if bars.len() > BARS {
        bars.sort_by_key(|bar| Reverse(bar.value));
        let rest = bars.split_off(BARS);
        let value = rest.iter().map(|bar| bar.value).sum();
        bars.push(Bar { label: format!("and {} more", rest.len()), value, href: None });
    }
    bars
}

fn drawn(bar: Bar, largest: u128) -> AnyView {
    let Bar { label, value, href } = bar;
    let said = grouped(value);
    let width = scaled(value, largest);
    // A link that is only a number says nothing when links are read out by themselves.
    let name = format!("{label}: {said}");
    let said = match href {
        Some(href) => view! { <a class="link" href=href aria-label=name>{said}</a> }.into_any(),
        None => said.into_any(),
    };
    view! {
        <li>
            <span>{label}</span>
            <b class="number">{said}</b>
            <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect x="0" y="0" width=width height="10"/></svg>
        </li>
    }
    .into_any()
}

/// A part of a whole: the share as a ring, the numbers as words, which lead to the list when there is one.
pub fn ring(title: &str, part: u64, whole: u64, href: Option<String>) -> AnyView {
    if whole == 0 {
        return figure(title, nothing());
    }
    let share = percent(part, whole);
    let words = format!("{} of {}", number(part), number(whole));
    let (middle, name) = (share.clone(), format!("{title}: {words}"));
    let words = match href {
        Some(href) => view! { <a class="link" href=href aria-label=name>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    // With this radius the ring is 100 long, so the length of the arc is the percentage.
    let arc = scaled(part.min(whole).into(), whole.into());
    let arc = format!("{}.{} 100", arc / 10, arc % 10);
    figure(
        title,
        view! {
            <div class="chart-ring">
                <svg viewBox="0 0 36 36" role="img" aria-label=share>
                    <circle class="chart-track" cx="18" cy="18" r="15.9155"/>
                    <circle class="chart-arc" cx="18" cy="18" r="15.9155" transform="rotate(-90 18 18)" stroke-dasharray=arc/>
                    <text x="18" y="18" text-anchor="middle" dominant-baseline="central">{middle}</text>
                </svg>
                <p>{words}</p>
            </div>
        }
        .into_any(),
    )
}

fn figure(title: &str, inner: AnyView) -> AnyView {
    view! { <figure class="chart"><figcaption>{title.to_owned()}</figcaption>{inner}</figure> }.into_any()
}

fn nothing() -> AnyView {
    view! { <p class="small">"Nothing yet."</p> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::list::html;

    fn slices(values: impl IntoIterator<Item = u64>) -> Vec<Slice> {
        values.into_iter().map(|value| Slice { label: format!("item {value}"), value, href: None }).collect()
    }

    #[test]
    fn without_bars_it_says_so() {
        let html = html(bars("Requests", &[]));
        assert!(html.contains("Nothing yet.") && !html.contains("<svg"), "{html}");
    }

    #[test]
    fn one_bar_is_full_and_leads_to_its_list() {
        let slice = Slice { label: "Laptops".into(), value: 1234, href: Some("/assets?kind=laptop&q=\"".into()) };
        let html = html(bars("Assets", &[slice]));
        assert!(html.contains("width=\"1000\""), "{html}");
        assert!(html.contains(">1,234</a>") && html.contains("aria-label=\"Laptops: 1,234\""), "{html}");
        assert!(html.contains("href=\"/assets?kind=laptop&amp;q=&quot;\""), "{html}");
    }

    #[test]
    fn a_few_bars_keep_their_order_and_none_is_invisible() {
        let html = html(bars("Severity", &slices([0, 1, 1_000_000])));
        let at = |label: &str| html.find(label);
        assert!(at("item 0") < at("item 1<") && at("item 1<") < at("item 1000000"), "{html}");
        assert!(html.contains("width=\"0\"") && html.contains("width=\"6\""), "{html}");
    }

    #[test]
    fn of_many_bars_the_rest_is_summed() {
        let html = html(bars("Many", &slices(1..=30)));
        assert_eq!(html.matches("<li>").count(), BARS + 1, "{html}");
        // 1 + 2 + … + 18, which is longer than the largest, 30.
        assert!(html.contains("and 18 more") && html.contains(">171</b>"), "{html}");
        assert!(html.contains("item 19<") && !html.contains("item 18<"), "{html}");
    }

    #[test]
    fn the_largest_numbers_there_are_do_not_overflow() {
        let html = html(bars("Huge", &slices(std::iter::repeat_n(u64::MAX, 14))));
        assert!(html.contains("18,446,744,073,709,551,615") && html.contains("36,893,488,147,419,103,230"), "{html}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let label = "<script>alert(1)</script>\" onload=\"x";
        let slice = Slice { label: label.into(), value: 1, href: Some("/x".into()) };
        for html in [html(bars(label, &[slice])), html(ring(label, 1, 2, Some("/x".into())))] {
            assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
            assert!(
                html.contains("aria-label=\"&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x: 1"),
                "{html}"
            );
        }
    }

    #[test]
    fn a_ring_says_its_share_and_its_numbers() {
        let html = html(ring("Second factor", 950, 1000, Some("/people".into())));
        assert!(html.contains(">95%</text>") && html.contains("\"95.0 100\""), "{html}");
        assert!(html.contains("href=\"/people\"") && html.contains(">950 of 1,000</a>"), "{html}");
    }

    #[test]
    fn a_ring_bears_nothing_too_much_and_the_largest() {
        assert!(html(ring("None", 0, 0, None)).contains("Nothing yet."));
        assert!(html(ring("Too much", 3, 2, None)).contains("\"100.0 100\""));
        assert!(html(ring("Zero", 0, 7, None)).contains("\"0.0 100\""));
        assert!(html(ring("Huge", u64::MAX, u64::MAX, None)).contains(">100%</text>"));
    }
}
