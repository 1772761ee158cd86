//! Numbers by day: columns for counts, a line for a share.

use leptos::prelude::*;
use time::Date;

use super::figures::{FULL, grouped, number, percent, scaled};
use super::{figure, nothing};
use crate::ui::list::table;
use crate::ui::words::count;

/// More columns than days of a month cannot be told apart on a phone.
const DAYS: usize = 31;
/// A column is never wider, or one alone would fill the picture.
const WIDEST: usize = 80;
const WIDTH: usize = 1000;

/// Counts by day. A day that is not given is not drawn; of more than 31 the newest are.
pub fn columns(title: &str, unit_one: &str, days: &[(Date, u64)]) -> AnyView {
    let mut days = days.to_vec();
    days.sort_by_key(|(day, _)| *day);
    let days = days.split_off(days.len().saturating_sub(DAYS));
    let Some(most) = days.iter().map(|(_, value)| *value).max() else { return figure(title, nothing()) };
    let said = counts_in_words(unit_one, &days);
    let drawn = days.iter().enumerate().map(|(place, day)| column(place, days.len(), *day, most)).collect_view();
    let dates: Vec<Date> = days.iter().map(|(day, _)| *day).collect();
    let rows = days.iter().map(|(day, value)| row(*day, vec![number(*value)])).collect();
    // Two marks at the same height would contradict each other.
    let axis = if most == 0 { vec!["0".to_owned()] } else { vec![number(most), "0".to_owned()] };
    figure(
        title,
        view! {
            <p class="small">{said.clone()}</p>
            {plot(title, said, axis, &dates, drawn.into_any())}
            {numbers(title, &["Day", "Number"], rows)}
        }
        .into_any(),
    )
}

fn column(place: usize, places: usize, (day, value): (Date, u64), most: u64) -> AnyView {
    let width = (WIDTH * 4 / (5 * places)).min(WIDEST);
    let x = (2 * place + 1) * WIDTH / (2 * places) - width / 2;
    let height = scaled(value.into(), most.into());
    let said = format!("{}: {}", date(day), number(value));
    view! { <rect x=x y=FULL.saturating_sub(height) width=width height=height><title>{said}</title></rect> }.into_any()
}

fn counts_in_words(unit_one: &str, days: &[(Date, u64)]) -> String {
    let total: u128 = days.iter().map(|(_, value)| u128::from(*value)).sum();
    let plural = if total == 1 { "" } else { "s" };
    let said = format!("{} {unit_one}{plural} in {}", grouped(total), count(days.len(), "day"));
    match days.iter().max_by_key(|(_, value)| *value) {
        Some((day, value)) if *value > 0 => format!("{said}; most on {}: {}.", date(*day), number(*value)),
        _ => format!("{said}."),
    }
}

/// The share of a part in a whole over days. A day without a whole has no share and is left out.
pub fn line(title: &str, points: &[(Date, u64, u64)]) -> AnyView {
    let mut points: Vec<_> = points.iter().copied().filter(|(.., whole)| *whole > 0).collect();
    points.sort_by_key(|(day, ..)| *day);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return figure(title, nothing()) };
    let now = percent(last.1, last.2);
    let beside = format!("{} of {} on {}", number(last.1), number(last.2), date(last.0));
    let said = format!("{} on {}, {now} ({beside}).", percent(first.1, first.2), date(first.0));
    let axis = ["100%", "50%", "0%"].map(str::to_owned).to_vec();
    let dates: Vec<Date> = points.iter().map(|(day, ..)| *day).collect();
    let rows =
        points.iter().map(|(day, part, whole)| row(*day, vec![percent(*part, *whole), number(*part), number(*whole)]));
    let (path, dot) = path(&points);
    let drawn = view! { <path class="chart-line" d=path/><path class="chart-dot" d=dot/> };
    figure(
        title,
        view! {
            <p class="small"><b class="chart-now">{now}</b>" "{beside}</p>
            {plot(title, said, axis, &dates, drawn.into_any())}
            {numbers(title, &["Day", "Share", "Number", "Of"], rows.collect())}
        }
        .into_any(),
    )
}

/// The line, and a dot at its end, which is all there is of one point.
fn path(points: &[(Date, u64, u64)]) -> (String, String) {
    let days: Vec<i64> = points.iter().map(|(day, ..)| day.to_julian_day().into()).collect();
    let start = days.first().copied().unwrap_or(0);
    let span = days.last().map_or(0, |end| end - start);
    let places: Vec<String> = points
        .iter()
        .zip(days)
        .map(|((_, part, whole), day)| {
            let x = if span == 0 { 500 } else { (day - start) * 1000 / span };
            let height = scaled((*part).min(*whole).into(), (*whole).into());
            format!("{x} {}", FULL.saturating_sub(height))
        })
        .collect();
    let end = places.last().cloned().unwrap_or_default();
    (format!("M{}", places.join("L")), format!("M{end}h0.01"))
}

/// The drawing between its axis and the first and last day.
fn plot(title: &str, said: String, axis: Vec<String>, dates: &[Date], drawn: AnyView) -> AnyView {
    let axis = axis.into_iter().map(|mark| view! { <span>{mark}</span> }).collect_view();
    let ends = match dates {
        [first, .., last] if first != last => vec![*first, *last],
        [first, ..] => vec![*first],
        [] => Vec::new(),
    };
    let ends = ends.into_iter().map(written).collect_view();
    view! {
        <div class="chart-frame">
            <div class="chart-axis small" aria-hidden="true">{axis}</div>
            <svg class="chart-plot" viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img">
                <title>{title.to_owned()}</title>
                <desc>{said}</desc>
                <path class="chart-grid" d="M0 0H1000M0 500H1000M0 1000H1000"/>
                {drawn}
            </svg>
            <div class="chart-ends small">{ends}</div>
        </div>
    }
    .into_any()
}

/// The same numbers, for whoever wants to read or copy them.
fn numbers(title: &str, head: &[&str], rows: Vec<AnyView>) -> AnyView {
    let table = table(&format!("Numbers of {title}"), head, rows);
    let title = title.to_owned();
    view! { <details class="chart-numbers"><summary>"The numbers"<span class="sr-only">" of "{title}</span></summary>{table}</details> }
        .into_any()
}

fn row(day: Date, cells: Vec<String>) -> AnyView {
    let cells = cells.into_iter().map(|cell| view! { <td class="number">{cell}</td> }).collect_view();
    view! { <tr><th scope="row">{written(day)}</th>{cells}</tr> }.into_any()
}

fn written(day: Date) -> AnyView {
    view! { <time datetime=day.to_string()>{date(day)}</time> }.into_any()
}

fn date(day: Date) -> String {
    format!("{} {} {}", day.day(), day.month(), day.year())
}

#[cfg(test)]
mod tests {
    use time::{Duration, Month};

    use super::*;
    use crate::ui::list::html;

    fn november(day: u8) -> Date {
        Date::from_calendar_date(2026, Month::November, day).unwrap()
    }

    #[test]
    fn columns_say_total_and_highest_day() {
        let html = html(columns("Sign-ins", "sign-in", &[(november(1), 200), (november(2), 1000), (november(3), 0)]));
        let said = "1,200 sign-ins in 3 days; most on 2 November 2026: 1,000.";
        assert!(html.contains(&format!("<desc>{said}</desc>")), "{html}");
        assert!(html.contains("<title>Sign-ins</title>") && html.contains("role=\"img\""), "{html}");
        assert!(
            html.contains("y=\"800\"") && html.contains("height=\"1000\"") && html.contains("height=\"0\""),
            "{html}"
        );
        assert!(html.contains("<td class=\"number\">1,000</td>"), "{html}");
    }

    #[test]
    fn columns_without_days_say_so_and_quiet_days_are_said() {
        assert!(html(columns("Sign-ins", "sign-in", &[])).contains("Nothing yet."));
        let quiet = html(columns("Sign-ins", "sign-in", &[(november(1), 0)]));
        assert!(quiet.contains("<desc>0 sign-ins in 1 day.</desc>"), "{quiet}");
        let one = html(columns("Sign-ins", "sign-in", &[(november(1), 1)]));
        assert!(one.contains("1 sign-in in 1 day; most on 1 November 2026: 1."), "{one}");
    }

    #[test]
    fn of_many_days_the_newest_are_drawn_within_the_picture() {
        let days: Vec<_> = (0..40).map(|ago| (november(30) - Duration::days(ago), u64::MAX)).collect();
        let html = html(columns("Sign-ins", "sign-in", &days));
        assert_eq!(html.matches("<rect").count(), DAYS, "{html}");
        assert!(html.contains("31 October 2026") && !html.contains("30 October 2026"), "{html}");
        assert!(html.contains("571,849,066,284,996,100,065 sign-ins"), "{html}");
    }

    #[test]
    fn a_line_says_its_ends_and_skips_days_without_a_whole() {
        let points = [(november(1), 1, 2), (november(2), 0, 0), (november(5), 951, 1000)];
        let html = html(line("Second factor", &points));
        assert!(html.contains("d=\"M0 500L1000 49\""), "{html}");
        assert!(html.contains("50% on 1 November 2026, 95.1% (951 of 1,000 on 5 November 2026)."), "{html}");
        assert!(html.contains(">95.1%</b>") && !html.contains("2 November"), "{html}");
    }

    #[test]
    fn a_line_bears_nothing_one_point_and_the_largest() {
        assert!(html(line("None", &[])).contains("Nothing yet."));
        assert!(html(line("None", &[(november(1), 0, 0)])).contains("Nothing yet."));
        let one = html(line("One", &[(november(1), u64::MAX, u64::MAX)]));
        assert!(one.contains("d=\"M500 0h0.01\"") && one.contains("100%"), "{one}");
        let twice = html(line("Twice", &[(november(1), 9, 3), (november(1), 0, 3)]));
        assert!(twice.contains("d=\"M500 0L500 1000\""), "{twice}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let words = "<script>alert(1)</script>";
        for html in [html(columns(words, words, &[(november(1), 1)])), html(line(words, &[(november(1), 1, 2)]))] {
            assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
        }
    }
}
