//! A week of a register as a timetable: a picture, and a table beside it that says the same.

use std::collections::BTreeMap;

use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::registers::schedule::{self, MOST, Plan, Planned, Row, Taken};
use server::registers::shape::{Shape, naming};
use server::registers::week::Week;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::frame;
use super::list::called;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;
use crate::organisation::frame as organisation;
use crate::ui::chart::week as picture;
use crate::ui::entry::summary;
use crate::ui::list::{empty, table};
use crate::ui::words::count;

/// How many of those that overlap with one are named beside it.
const NAMED: usize = 3;

/// What one week is drawn from.
struct Drawn<'a> {
    visit: &'a Visit,
    shape: &'a Shape<'a>,
    plan: Plan<'a>,
    week: Week,
    /// What each record is called.
    names: BTreeMap<Uuid, String>,
}

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::RecordsRead>(Asks::ToSee)?;
    let shape = frame::shape(visit, &reader)?;
    let plan = Plan::of(&shape).ok_or(Problem::NotFound)?;
    let (week, troubled) = asked(typed, visit.now.date());
    let planned = schedule::week(&reader, &visit.site.accounts, &shape, week).await?;
    let taken = planned.rows.iter().flat_map(|row| &row.taken);
    let names = taken.map(|taken| (taken.line.id, called(&shape, &taken.line))).collect();
    let drawn = Drawn { visit, shape: &shape, plan, week, names };
    let title = format!("{}: week {} of {}", shape.title(), week.number(), week.year());
    let view = view! {
        {frame::crumbs(visit, &shape, true)}
        <h1>{title.clone()}</h1>
        {summary(&troubled, &[("week".into(), "Week".into())])}
        {drawn.about()}
        {drawn.ways()}
        {drawn.body(&planned)}
    };
    Ok(Middle::new(title, view).wide())
}

/// The week of the address, and what is wrong with it; without one, the week of today.
fn asked(typed: &Typed, today: Date) -> (Week, Typed) {
    let written = typed.value("week");
    let current = Week::of(today);
    match Week::parse(&written) {
        Some(week) => (week, Typed::default()),
        None if written.is_empty() => (current, Typed::default()),
        None => {
            let problem = Problem::field("week", "write a week of the calendar, such as 2026-W47");
            (current, Typed { problem: Some(problem), ..Typed::default() })
        }
    }
}

impl Drawn<'_> {
    fn path(&self) -> String {
        frame::path(self.visit, self.shape.id())
    }

    fn about(&self) -> AnyView {
        let days = format!("{} to {}. Times are UTC.", long(self.week.monday()), long(self.week.sunday()));
        let left_out = self.plan.left_out();
        let left_out = (!left_out.is_empty()).then(|| format!(" Left out: {}.", left_out.join(", ")));
        view! { <p>{days}{left_out}</p> }.into_any()
    }

    /// To other weeks, and to the list.
    fn ways(&self) -> AnyView {
        let (list, base) = (self.path(), format!("{}/schedule", self.path()));
        let to = |week: Week| format!("{base}?week={week}");
        let earlier =
            self.week.earlier().map(|week| view! { <a class="btn" rel="prev" href=to(week)>"Week before"</a> });
        let later = self.week.later().map(|week| view! { <a class="btn" rel="next" href=to(week)>"Week after"</a> });
        let week = self.week.to_string();
        view! {
            <nav class="pages" aria-label="Weeks">
                {earlier}
                <a class="btn" href=base.clone()>"This week"</a>
                {later}
                <a class="btn" href=list>"List"</a>
            </nav>
            <form class="search week-form" method="get" action=base.clone()>
                <label>"Week"<input class="input" type="week" id="f-week" name="week" value=week placeholder="2026-W47"/></label>
                <button class="btn btn-primary" type="submit">"Show"</button>
            </form>
        }
        .into_any()
    }

    fn body(&self, planned: &Planned) -> AnyView {
        if planned.rows.is_empty() {
            let writes = organisation::may(self.visit, Permission::RecordsWrite) && self.shape.writes_any();
            let new = format!("{}/new", self.path());
            let act = writes.then_some(("Add a record", new.as_str()));
            return empty("Nothing in this week", "Look at another one, or add what belongs here.", act);
        }
        let rows = planned.rows.iter().map(|row| self.row(row, planned)).collect();
        let days: Vec<Date> = self.week.days().collect();
        let title = format!("Week {}", self.week.number());
        view! {
            {planned.more.then(|| self.full())}
            <div class="go">{picture::week(&title, &days, rows)}</div>
            <section aria-labelledby="h-week"><h2 id="h-week">"The week in words"</h2>{self.words(planned)}</section>
        }
        .into_any()
    }

    /// A week has more than a page can show: the list has them all, page by page.
    fn full(&self) -> AnyView {
        let from = self.plan.from.id.get_ref();
        let (monday, sunday) = (self.week.monday(), self.week.sunday());
        let href = format!("{}?by={from}&from={monday}&to={sunday}&sort={from}", self.path());
        let said = format!("This week has more than {MOST} records. The first {MOST} are shown here. ");
        view! { <p class="notice">{said}<a class="link" href=href>"List all that begin in this week"</a></p> }
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
        let minutes = |at: OffsetDateTime| (at - self.week.begins()).whole_minutes();
        picture::Bar {
            from: minutes(taken.from),
            to: minutes(taken.to.unwrap_or(taken.from)),
            lane: taken.lane,
            overlaps: !taken.overlaps.is_empty(),
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
                        <th scope="row" class="week-when">{when(taken)}</th>{place}<td><a class="link" href=href>{name}</a>{self.beside(taken)}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        table("The week", &head, rows)
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
