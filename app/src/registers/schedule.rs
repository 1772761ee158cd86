//! A week or a day of a register as a timetable: a picture, and a table beside it that says the same.

use std::collections::BTreeMap;

use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::clock::parse_date;
use server::guard::{Asks, rights};
use server::registers::schedule::{self, MOST, Plan, Planned, Row, Taken};
use server::registers::shape::{Shape, naming};
use server::registers::span::ends_too_soon;
use server::registers::week::{Days, Week};
use time::{Date, OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::frame;
use super::list::called;
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::organisation::frame as organisation;
use crate::ui::chart::number;
use crate::ui::chart::week::{self as picture, Columns};
use crate::ui::list::{empty, table};
use crate::ui::words::count;

/// How many of those that overlap with one are named beside it.
const NAMED: usize = 3;

/// What some days are drawn from.
struct Drawn<'a> {
    visit: &'a Visit,
    shape: &'a Shape<'a>,
    plan: Plan<'a>,
    days: Days,
    /// What each record is called.
    names: BTreeMap<Uuid, String>,
}

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    let plan = Plan::of(&shape).ok_or(Problem::NotFound)?;
    let days = asked(visit, &shape, typed)?;
    let planned = schedule::planned(&reader, &visit.site.accounts, &shape, days).await?;
    let taken = planned.rows.iter().flat_map(|row| &row.taken);
    let names = taken.map(|taken| (taken.line.id, called(&shape, &taken.line))).collect();
    let drawn = Drawn { visit, shape: &shape, plan, days, names };
    let title = format!("{}: {}", shape.title(), drawn.title());
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{title.clone()}</h1>
        {drawn.about()}
        {drawn.ways()}
        {drawn.body(&planned)}
    };
    Ok(Middle::new(title, view).wide())
}

/// The week or the day of the address; without one, the week of today, as the reader's wall says it.
fn asked(visit: &Visit, shape: &Shape<'_>, typed: &Typed) -> Result<Days, Problem> {
    let asked = Asked::of(&format!("{}/schedule", frame::path(visit, shape.id())), typed);
    match (asked.text("week"), asked.text("day")) {
        (None, None) => Ok(Days::Week(Week::of(shape.zone().local(visit.now).date()))),
        (Some(week), None) => Week::parse(&week)
            .map(Days::Week)
            .ok_or_else(|| asked.refuse("week", "write a week of the calendar, such as 2026-W47")),
        (None, Some(day)) => parse_date(&day)
            .ok()
            .and_then(Days::day)
            .ok_or_else(|| asked.refuse("day", "write a day of the calendar, such as 2026-11-18")),
        (Some(_), Some(_)) => Err(asked.refuse("day", "ask for a week or for a day, not for both")),
    }
}

impl Drawn<'_> {
    fn path(&self) -> String {
        frame::path(self.visit, self.shape.id())
    }

    fn title(&self) -> String {
        match self.days {
            Days::Week(week) => format!("week {} of {}", week.number(), week.year()),
            Days::Day(day) => format!("{}, {}", day.weekday(), long(day)),
        }
    }

    fn about(&self) -> AnyView {
        let days = match self.days {
            Days::Week(week) => format!("{} to {}. ", long(week.monday()), long(week.sunday())),
            Days::Day(_) => String::new(),
        };
        let zone = format!("Times are as in {}, ", self.shape.zone_name());
        let left_out = self.plan.left_out();
        let left_out = (!left_out.is_empty()).then(|| format!(" Left out: {}.", left_out.join(", ")));
        view! { <p>{days}{zone}<a class="link" href="/account">"your time zone"</a>"."{left_out}</p> }.into_any()
    }

    /// The address of other days.
    fn to(&self, days: Days) -> String {
        match days {
            Days::Week(week) => format!("{}/schedule?week={week}", self.path()),
            Days::Day(day) => format!("{}/schedule?day={day}", self.path()),
        }
    }

    /// To other weeks and days, and to the list.
    fn ways(&self) -> AnyView {
        let (list, base) = (self.path(), format!("{}/schedule", self.path()));
        let (before, after) = match self.days {
            Days::Week(_) => ("Week before", "Week after"),
            Days::Day(_) => ("Day before", "Day after"),
        };
        let earlier =
            self.days.earlier().map(|days| view! { <a class="btn" rel="prev" href=self.to(days)>{before}</a> });
        let later = self.days.later().map(|days| view! { <a class="btn" rel="next" href=self.to(days)>{after}</a> });
        let whole = matches!(self.days, Days::Day(_))
            .then(|| view! { <a class="btn" href=self.to(Days::Week(self.days.week()))>"Whole week"</a> });
        let week = self.days.week().to_string();
        view! {
            <nav class="pages" aria-label="Weeks">
                {earlier}
                <a class="btn" href=base.clone()>"This week"</a>
                {later}
                {whole}
                <a class="btn" href=list>"List"</a>
            </nav>
            {self.day_by_day()}
            <form class="search week-form" method="get" action=base.clone()>
                <label>"Week"<input class="input" type="week" id="f-week" name="week" value=week placeholder="2026-W47"/></label>
                <button class="btn btn-primary" type="submit">"Show"</button>
            </form>
        }
        .into_any()
    }

    /// Each day of the week for itself.
    fn day_by_day(&self) -> AnyView {
        let days: Vec<_> = self
            .days
            .week()
            .days()
            .map(|one| {
                let current = (self.days == Days::Day(one)).then_some("date");
                view! { <li><a class="link" href=self.to(Days::Day(one)) aria-current=current>{day(one)}</a></li> }
            })
            .collect();
        view! { <nav class="week-by-day" aria-label="Days"><ul>{days}</ul></nav> }.into_any()
    }

    fn body(&self, planned: &Planned) -> AnyView {
        let (nothing, words) = match self.days {
            Days::Week(_) => ("Nothing in this week", "The week in words"),
            Days::Day(_) => ("Nothing on this day", "The day in words"),
        };
        if planned.rows.is_empty() {
            let writes = organisation::may(self.visit, Permission::RecordsWrite) && self.shape.writes_any();
            let new = format!("{}/new", self.path());
            let act = writes.then_some(("Add a record", new.as_str()));
            return empty(nothing, "Look at another one, or add what belongs here.", act);
        }
        let rows = planned.rows.iter().map(|row| self.row(row, planned)).collect();
        let (title, columns) = match self.days {
            Days::Week(week) => (format!("Week {}", week.number()), Columns::days(&week.days().collect::<Vec<_>>())),
            Days::Day(one) => (day(one), Columns::hours()),
        };
        view! {
            {(planned.all > MOST as u64).then(|| self.full(planned.all))}
            <div class="go">{picture::picture(&title, &columns, rows)}</div>
            <section class="week-words" aria-labelledby="h-week"><h2 id="h-week">{words}</h2>{self.words(planned)}</section>
        }
        .into_any()
    }

    /// There is more than a page can show: by days, and in the list, which has them all page by page.
    fn full(&self, all: u64) -> AnyView {
        let from = self.plan.from.id.get_ref();
        let (first, last) = (self.days.first(), self.days.last());
        let href = format!("{}?by={from}&from={first}&to={last}&sort={from}", self.path());
        let (all, what) = (number(all), if matches!(self.days, Days::Day(_)) { "day" } else { "week" });
        let said = format!("{MOST} of {all} records of this {what} are shown here, the first of them. ");
        let days = matches!(self.days, Days::Week(_)).then_some("Each day by itself, above, shows more. ");
        view! { <p class="notice" data-all=all>{said}{days}<a class="link" href=href>{format!("List all that begin in this {what}")}</a></p> }
            .into_any()
    }

    /// Whose place it is.
    fn place(&self, row: &Row, planned: &Planned) -> String {
        match (self.plan.by, &row.value) {
            (Some(by), Some(value)) => planned.behind.said(by, value),
            (Some(by), None) => format!("Without \u{201c}{}\u{201d}", by.label),
            (None, _) => self.shape.title().to_owned(),
        }
    }

    fn row(&self, row: &Row, planned: &Planned) -> picture::Row {
        let overlapping = row.taken.iter().filter(|taken| !taken.overlaps.is_empty()).count();
        let said = match overlapping {
            0 => count(row.taken.len(), "record"),
            some => format!("{}, {some} overlapping", count(row.taken.len(), "record")),
        };
        let bars = row.taken.iter().map(|taken| self.bar(taken)).collect();
        picture::Row { label: self.place(row, planned), said, bars }
    }

    fn bar(&self, taken: &Taken) -> picture::Bar {
        // As the wall counts them: an hour that the clock leaves out is as wide as any.
        let begins = self.days.first().midnight();
        let minutes = |at: OffsetDateTime| (PrimitiveDateTime::new(at.date(), at.time()) - begins).whole_minutes();
        picture::Bar {
            from: minutes(taken.from),
            to: minutes(taken.to.unwrap_or(taken.from)),
            lane: taken.lane,
            overlaps: !taken.overlaps.is_empty(),
            name: self.name(taken.line.id).to_owned(),
            label: format!("{}, {}", self.name(taken.line.id), span(taken)),
            href: frame::record_path(self.visit, self.shape.id(), taken.line.id),
        }
    }

    fn name(&self, id: Uuid) -> &str {
        self.names.get(&id).map_or("Another", String::as_str)
    }

    /// The same as a table, from the first to the last.
    fn words(&self, planned: &Planned) -> AnyView {
        let naming = naming(self.shape.register).filter(|field| self.shape.reads(field));
        let mut head = vec!["When"];
        head.extend(self.plan.by.map(|by| by.label.as_str()));
        head.push(naming.map_or("Record", |field| field.label.as_str()));
        let mut all: Vec<(&Row, &Taken)> =
            planned.rows.iter().flat_map(|row| row.taken.iter().map(move |taken| (row, taken))).collect();
        all.sort_by_key(|(_, taken)| (taken.from, taken.line.id));
        let rows = all
            .into_iter()
            .map(|(row, taken)| {
                let place = self.plan.by.map(|_| view! { <td>{self.place(row, planned)}</td> });
                let id = taken.line.id;
                let (href, name) = (frame::record_path(self.visit, self.shape.id(), id), self.name(id).to_owned());
                view! {
                    <tr data-record=id.to_string() data-overlaps=taken.overlaps.len().to_string()>
                        <th scope="row" class="week-when">{when(taken)}</th>{place}<td><a class="link" href=href>{name}</a>{self.odd(taken)}{self.beside(taken)}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        table("The schedule", &head, rows)
    }

    /// What was written before the order was checked.
    fn odd(&self, taken: &Taken) -> Option<AnyView> {
        let odd = ends_too_soon(self.shape.register, &taken.line.content);
        odd.then(|| {
            view! { <span class="small">{organisation::badge("Ends before it begins", "failing")}</span> }.into_any()
        })
    }

    /// What takes the same place at the same time.
    fn beside(&self, taken: &Taken) -> Option<AnyView> {
        if taken.overlaps.is_empty() {
            return None;
        }
        let mut names: Vec<&str> = taken.overlaps.iter().take(NAMED).map(|id| self.name(*id)).collect();
        let rest = taken.overlaps.len().saturating_sub(NAMED);
        let more = format!("{rest} more");
        if rest > 0 {
            names.push(&more);
        }
        let said = format!(" with {}", names.join(", "));
        Some(view! { <span class="small">{organisation::badge("Overlaps", "failing")}{said}</span> }.into_any())
    }
}

/// `Mon 16 Nov, 09:00 to 10:30`; with its own day where it ends on another. Neither half is broken over two lines.
fn when(taken: &Taken) -> AnyView {
    let (begins, ends) = edges(taken);
    let ends = ends.map(|ends| view! { " "<span>{format!("to {ends}")}</span> });
    view! { <span>{begins}</span>{ends} }.into_any()
}

fn edges(taken: &Taken) -> (String, Option<String>) {
    let ends = taken.to.map(|to| {
        if to.date() == taken.from.date() { clock(to) } else { format!("{}, {}", day(to.date()), clock(to)) }
    });
    (format!("{}, {}", day(taken.from.date()), clock(taken.from)), ends)
}

fn span(taken: &Taken) -> String {
    match edges(taken) {
        (begins, Some(ends)) => format!("{begins} to {ends}"),
        (begins, None) => begins,
    }
}

fn clock(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn day(day: Date) -> String {
    let (weekday, month) = (picture::short(&day.weekday().to_string()), picture::short(&day.month().to_string()));
    format!("{weekday} {} {month}", day.day())
}

fn long(day: Date) -> String {
    format!("{} {} {}", day.day(), day.month(), day.year())
}
