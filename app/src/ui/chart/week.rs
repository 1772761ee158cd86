//! A week as rows of bars: what takes its place when. Whoever does not see it has the table beside it, where each bar is a line with a link.

use leptos::prelude::*;
use time::Date;

use super::figure;

/// The drawing is as long as a week has minutes; it stretches with its column.
const MINUTES: i64 = 7 * 24 * 60;
const DAY: i64 = 24 * 60;
/// Half an hour: what is shorter is still seen.
const SHORTEST: i64 = 30;
/// How high a lane is, in pixels, and how much of that stays free.
const LANE: usize = 20;
const GAP: usize = 2;

/// One bar, in minutes from the beginning of the week on; what begins before or ends after is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub from: i64,
    pub to: i64,
    pub lane: usize,
    /// Whether another takes the same place at the same time.
    pub overlaps: bool,
    pub label: String,
    pub href: String,
}

/// One row: whose it is, what there is to say of it, and its bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    pub said: String,
    pub bars: Vec<Bar>,
}

/// The picture. `days` are the seven of the week.
pub fn week(title: &str, days: &[Date], rows: Vec<Row>) -> AnyView {
    let heads = days.iter().map(|day| view! { <span>{day_of(*day)}</span> }).collect_view();
    let rows = rows.into_iter().map(drawn).collect_view();
    figure(
        title,
        view! {
            <div class="week-days small" aria-hidden="true">{heads}</div>
            <ul class="week-rows">{rows}</ul>
        }
        .into_any(),
    )
}

/// `Mon 16`.
fn day_of(day: Date) -> String {
    format!("{} {}", short(&day.weekday().to_string()), day.day())
}

/// The first three letters of a day or a month.
pub fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn drawn(row: Row) -> AnyView {
    let Row { label, said, bars } = row;
    let lanes = bars.iter().map(|bar| bar.lane + 1).max().unwrap_or(1);
    let height = (lanes * LANE).to_string();
    let box_of = format!("0 0 {MINUTES} {height}");
    let lines: Vec<String> = (1..7).map(|day| format!("M{} 0V{height}", day * DAY)).collect();
    let bars = bars.into_iter().map(bar).collect_view();
    view! {
        <li>
            <span>{label}</span>
            <span class="small">{said}</span>
            <svg viewBox=box_of height=height preserveAspectRatio="none" aria-hidden="true"><path class="chart-grid" d=lines.concat()/>{bars}</svg>
        </li>
    }
    .into_any()
}

fn bar(bar: Bar) -> AnyView {
    let Bar { from, to, lane, overlaps, label, href } = bar;
    let from = from.clamp(0, MINUTES - SHORTEST);
    let width = (to.min(MINUTES) - from).max(SHORTEST).to_string();
    let (x, y, height) = (from.to_string(), (lane * LANE + GAP).to_string(), (LANE - 2 * GAP).to_string());
    let class = if overlaps { "week-bar overlaps" } else { "week-bar" };
    // For whoever points at it; the table has the same link for the keyboard and for reading aloud.
    view! { <a href=href tabindex="-1"><rect class=class x=x y=y width=width height=height><title>{label}</title></rect></a> }
        .into_any()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::ui::list::html;

    fn one(from: i64, to: i64, overlaps: bool) -> Bar {
        Bar { from, to, lane: usize::from(overlaps), overlaps, label: "BK-1".into(), href: "/bk-1".into() }
    }

    fn picture(bars: Vec<Bar>) -> String {
        let days: Vec<Date> = date!(2026 - 11 - 16).iter_week();
        html(week("Week 47", &days, vec![Row { label: "N1".into(), said: "2 here".into(), bars }]))
    }

    trait Seven {
        fn iter_week(self) -> Vec<Date>;
    }

    impl Seven for Date {
        fn iter_week(self) -> Vec<Date> {
            (0..7).map(|at| self + time::Duration::days(at)).collect()
        }
    }

    #[test]
    fn a_bar_lies_where_its_minutes_are_and_leads_to_its_record() {
        let html = picture(vec![one(540, 630, false)]);
        assert!(html.contains("x=\"540\"") && html.contains("width=\"90\""), "{html}");
        assert!(html.contains("href=\"/bk-1\"") && html.contains("<title>BK-1</title>"), "{html}");
        assert!(html.contains("Mon 16") && html.contains("Sun 22"), "{html}");
        assert!(!html.contains("week-bar overlaps"), "{html}");
    }

    #[test]
    fn what_begins_before_and_ends_after_the_week_is_cut_off_and_what_is_short_is_seen() {
        let html = picture(vec![one(-5000, 90_000, false), one(10_079, 10_080, false), one(60, 60, false)]);
        assert!(html.contains("x=\"0\"") && html.contains("width=\"10080\""), "{html}");
        assert!(html.contains("x=\"10050\"") && html.matches("width=\"30\"").count() == 2, "{html}");
    }

    #[test]
    fn what_overlaps_lies_below_and_is_marked() {
        let html = picture(vec![one(0, 60, false), one(30, 90, true)]);
        assert!(html.contains("height=\"40\"") && html.contains("y=\"22\""), "{html}");
        assert_eq!(html.matches("week-bar overlaps").count(), 1, "{html}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let words = "<script>alert(1)</script>\" onload=\"x";
        let hostile = Bar { label: words.into(), ..one(0, 60, false) };
        let row = Row { label: words.into(), said: words.into(), bars: vec![hostile] };
        let html = html(week(words, &[], vec![row]));
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    }
}
