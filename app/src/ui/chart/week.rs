//! Days as rows of bars: what takes its place when. Whoever does not see it has the table beside it, where each bar is a line with a link.

use leptos::prelude::*;
use time::Date;

use super::figure;

/// Minutes of a day, as the wall counts them.
pub const DAY: i64 = 24 * 60;
/// The part of the picture's width that the shortest bar takes: a little more than four pixels where it is 900 wide.
const SHORTEST: f64 = 0.5;
/// From this part on a bar has room for what it is called; beside a shorter one that stands in the room after it.
const ROOMY: f64 = 6.0;
/// How high a lane is, in pixels, and how much of that stays free.
const LANE: usize = 24;
const GAP: usize = 2;
/// Where the foot of a letter stands in a bar.
const FOOT: usize = 14;

/// One bar, in minutes from the beginning of the picture on; what begins before or ends after is cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    pub from: i64,
    pub to: i64,
    pub lane: usize,
    /// Whether another takes the same place at the same time.
    pub overlaps: bool,
    /// What it is called, and the same with its times.
    pub name: String,
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

/// What stands above the columns, all equally wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    heads: Vec<String>,
    minutes: i64,
}

impl Columns {
    /// The days of a week.
    pub fn days(days: &[Date]) -> Self {
        let minutes = i64::try_from(days.len()).unwrap_or(1).max(1) * DAY;
        Self { heads: days.iter().map(|day| day_of(*day)).collect(), minutes }
    }

    /// The hours of one day, three by three.
    pub fn hours() -> Self {
        Self { heads: (0..8).map(|at| format!("{:02}:00", at * 3)).collect(), minutes: DAY }
    }

    fn part(&self, minutes: i64) -> f64 {
        // Minutes of a week are far below what a float holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "a week has some ten thousand minutes")]
        let part = minutes.clamp(0, self.minutes) as f64 * 100.0 / self.minutes as f64;
        part
    }
}

/// The picture. It scrolls by itself where it has no room.
pub fn picture(title: &str, columns: &Columns, rows: Vec<Row>) -> AnyView {
    let class = format!("week-days columns-{} small", columns.heads.len());
    let heads = columns.heads.iter().map(|head| view! { <span>{head.clone()}</span> }).collect_view();
    let rows = rows.into_iter().map(|row| drawn(columns, row)).collect_view();
    figure(
        title,
        view! {
            <div class="scroll" role="region" aria-label=format!("Picture: {title}") tabindex="0"><div class="week-frame">
                <div class=class aria-hidden="true">{heads}</div>
                <ul class="week-rows">{rows}</ul>
            </div></div>
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

fn percent(part: f64) -> String {
    format!("{part:.3}%")
}

fn drawn(columns: &Columns, row: Row) -> AnyView {
    let Row { label, said, bars } = row;
    let lanes = bars.iter().map(|bar| bar.lane + 1).max().unwrap_or(1);
    let height = (lanes * LANE).to_string();
    let count = columns.heads.len();
    let lines = (1..count).map(|at| {
        let each = columns.minutes / i64::try_from(count).unwrap_or(1);
        let x = percent(columns.part(each * i64::try_from(at).unwrap_or(0)));
        view! { <line class="chart-grid" x1=x.clone() x2=x y1="0" y2="100%"/> }
    });
    let lines = lines.collect_view();
    let rooms: Vec<f64> = bars.iter().map(|bar| room(columns, bar, &bars)).collect();
    let bars = bars.into_iter().zip(rooms).map(|(bar, room)| drawn_bar(columns, bar, room)).collect_view();
    view! {
        <li>
            <span class="week-place">{label}</span>
            <span class="small">{said}</span>
            <svg width="100%" height=height aria-hidden="true">{lines}{bars}</svg>
        </li>
    }
    .into_any()
}

/// From the beginning of a bar to that of the next in its lane.
fn room(columns: &Columns, bar: &Bar, bars: &[Bar]) -> f64 {
    let later = bars.iter().filter(|other| other.lane == bar.lane && other.from > bar.from).map(|other| other.from);
    columns.part(later.min().unwrap_or(columns.minutes)) - columns.part(bar.from)
}

fn drawn_bar(columns: &Columns, bar: Bar, room: f64) -> AnyView {
    let Bar { from, to, lane, overlaps, name, label, href } = bar;
    let begins = columns.part(from).min(100.0 - SHORTEST);
    let wide = (columns.part(to) - begins).max(SHORTEST);
    let room = room.max(wide);
    let (x, y, height) = (percent(begins), (lane * LANE + GAP).to_string(), (LANE - 2 * GAP).to_string());
    let class = if overlaps { "week-bar overlaps" } else { "week-bar" };
    let inside = wide >= ROOMY;
    let (text, at) = if inside { ("week-name inside", 0.0) } else { ("week-name", wide * 100.0 / room) };
    let (own, at) = (percent(wide * 100.0 / room), percent(at));
    // A name inside ends where its bar does: beyond it nobody could read it in that colour.
    let ends = if inside { own.clone() } else { "100%".to_owned() };
    // For whoever points at it; the table has the same link for the keyboard and for reading aloud.
    view! {
        <a href=href tabindex="-1"><svg x=x y=y width=percent(room) height=height>
            <rect class=class width=own height="100%"><title>{label}</title></rect>
            <svg width=ends height="100%"><text class=text x=at dx="5" y=FOOT.to_string()>{name}</text></svg>
        </svg></a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::ui::list::html;

    fn one(from: i64, to: i64, overlaps: bool) -> Bar {
        let (name, label) = ("BK-1".into(), "BK-1, at nine".into());
        Bar { from, to, lane: usize::from(overlaps), overlaps, name, label, href: "/bk-1".into() }
    }

    fn drawn(bars: Vec<Bar>) -> String {
        let days: Vec<Date> = (0..7).map(|at| date!(2026 - 11 - 16) + time::Duration::days(at)).collect();
        let row = Row { label: "N1".into(), said: "2 here".into(), bars };
        html(picture("Week 47", &Columns::days(&days), vec![row]))
    }

    #[test]
    fn a_bar_lies_where_its_minutes_are_and_leads_to_its_record() {
        let html = drawn(vec![one(DAY, 2 * DAY, false)]);
        assert!(html.contains("x=\"14.286%\"") && html.contains("width=\"16.667%\""), "{html}");
        assert!(html.contains("href=\"/bk-1\"") && html.contains("<title>BK-1, at nine</title>"), "{html}");
        assert!(html.contains("Mon 16") && html.contains("Sun 22"), "{html}");
        assert!(!html.contains("week-bar overlaps"), "{html}");
        let day = html_of_a_day(vec![one(540, 630, false)]);
        assert!(day.contains("x=\"37.500%\"") && day.contains("09:00"), "{day}");
    }

    fn html_of_a_day(bars: Vec<Bar>) -> String {
        html(picture("Monday", &Columns::hours(), vec![Row { label: "N1".into(), said: "1 here".into(), bars }]))
    }

    #[test]
    fn what_begins_before_and_ends_after_the_week_is_cut_off_and_what_is_short_is_seen() {
        let html = drawn(vec![one(-5000, 90_000, false)]);
        assert!(html.contains("x=\"0.000%\"") && html.contains("width=\"100.000%\""), "{html}");
        let html = drawn(vec![one(10_079, 10_080, false)]);
        assert!(html.contains("x=\"99.500%\"") && html.contains("width=\"0.500%\""), "{html}");
        assert!(drawn(vec![one(600, 60, false)]).contains("x=\"5.952%\""), "what ends before it begins is seen too");
    }

    #[test]
    fn every_bar_has_its_name_inside_or_in_the_room_after_it() {
        let html = drawn(vec![one(0, 2 * DAY, false)]);
        assert!(html.contains("class=\"week-name inside\"") && html.contains(">BK-1</text>"), "{html}");
        // An hour, and a day until the next one: the name stands after the hour, and ends where the next begins.
        let html = drawn(vec![one(0, 60, false), one(DAY, 2 * DAY, false)]);
        assert!(html.contains("x=\"4.167%\"") && html.contains("width=\"14.286%\""), "{html}");
    }

    #[test]
    fn a_name_inside_a_bar_ends_with_it_and_one_beside_it_has_the_room_after_it() {
        let html = drawn(vec![one(0, 2 * DAY, false)]);
        assert!(
            html.contains(
                "<svg width=\"28.571%\" height=\"100%\"><text x=\"0.000%\" dx=\"5\" y=\"14\" class=\"week-name inside\""
            ),
            "{html}"
        );
        let html = drawn(vec![one(0, 60, false), one(DAY, 2 * DAY, false)]);
        assert!(
            html.contains(
                "<svg width=\"100%\" height=\"100%\"><text x=\"4.167%\" dx=\"5\" y=\"14\" class=\"week-name\""
            ),
            "{html}"
        );
    }

    #[test]
    fn what_overlaps_lies_below_and_is_marked() {
        let html = drawn(vec![one(0, 60, false), one(30, 90, true)]);
        assert!(html.contains("height=\"48\"") && html.contains("y=\"26\""), "{html}");
        assert_eq!(html.matches("week-bar overlaps").count(), 1, "{html}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let words = "<script>alert(1)</script>\" onload=\"x";
        let hostile = Bar { label: words.into(), name: words.into(), ..one(0, 60, false) };
        let row = Row { label: words.into(), said: words.into(), bars: vec![hostile] };
        let html = html(picture(words, &Columns::hours(), vec![row]));
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    }
}
