//! A week as a timetable: what touches it and nothing else, row by row, for whoever may see it.

use std::sync::Arc;

use server::profile::Profile;
use server::registers::schedule::{self, MOST, Plan, Planned};
use server::registers::week::{Days, Week};
use server::registers::{bulk, imports};
use server::testing::profile;
use time::macros::date;

use super::*;

const WEEK: &str = "2026-W47";

async fn try_planned(world: &World, who: &Somebody, register: &str, week: &str) -> Result<Planned, Refusal> {
    let reader = may::<rights::RecordsRead>(world, who).await;
    let shape = Shape::of(&reader, world.accounts(), register)?;
    let days = Days::Week(Week::parse(week).expect("a week"));
    schedule::planned(&reader, world.accounts(), &shape, days).await
}

/// Reference, lane, and with how many it overlaps, row by row.
async fn planned(world: &World, who: &Somebody, week: &str) -> Vec<Vec<(String, usize, usize)>> {
    let planned = try_planned(world, who, "bookings", week).await.expect("a week");
    let said = |taken: &schedule::Taken| {
        let reference = taken.line.content.first("reference").expect("a reference").to_owned();
        (reference, taken.lane, taken.overlaps.len())
    };
    planned.rows.iter().map(|row| row.taken.iter().map(said).collect()).collect()
}

async fn references(world: &World, who: &Somebody, week: &str) -> Vec<String> {
    let mut all: Vec<String> =
        planned(world, who, week).await.into_iter().flatten().map(|(reference, ..)| reference).collect();
    all.sort();
    all
}

/// A school with two aircraft and a student.
async fn school(profile: Arc<Profile>) -> (World, Somebody) {
    let world = World::with(profile).await;
    let ada = ada(&world).await;
    for registration in ["N1", "N2"] {
        let fields = [("registration", registration), ("model", "Cessna 172"), ("status", "Available")];
        make(&world, &ada, "aircraft", &fields).await;
    }
    let student = [("name", "Amelia"), ("course", "Private pilot"), ("status", "Active")];
    make(&world, &ada, "students", &student).await;
    (world, ada)
}

async fn book(
    world: &World,
    who: &Somebody,
    (reference, aircraft): (&str, &str),
    (starts, ends): (&str, &str),
) -> Uuid {
    let fields = [
        ("reference", reference),
        ("student", "Amelia"),
        ("aircraft", aircraft),
        ("starts", starts),
        ("ends", ends),
        ("status", "Confirmed"),
    ];
    make(world, who, "bookings", &fields).await
}

#[tokio::test]
async fn a_week_has_whatever_touches_it_and_nothing_else() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    for (reference, starts, ends) in [
        ("until its first instant", "2026-11-15T20:00", "2026-11-16T00:00"),
        ("into it", "2026-11-15T23:00", "2026-11-16T00:01"),
        ("in it", "2026-11-18T09:00", "2026-11-18T10:00"),
        ("over all of it", "2026-11-10T00:00", "2026-12-01T00:00"),
        ("to its last instant", "2026-11-22T23:00", "2026-11-23T00:00"),
        ("out of it", "2026-11-22T23:59", "2026-11-24T00:00"),
        ("from its end on", "2026-11-23T00:00", "2026-11-23T01:00"),
        ("a year of it, which ends in it", "2025-11-20T00:00", "2026-11-17T00:00"),
    ] {
        book(&world, &ada, (reference, ""), (starts, ends)).await;
    }
    let mut wanted =
        ["into it", "in it", "over all of it", "to its last instant", "out of it", "a year of it, which ends in it"];
    wanted.sort_unstable();
    assert_eq!(references(&world, &ada, WEEK).await, wanted);
    assert!(references(&world, &ada, "2027-W10").await.is_empty());
}

#[tokio::test]
async fn what_takes_the_same_aircraft_at_the_same_time_overlaps_and_lies_below() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    let day = |from: &str, to: &str| (format!("2026-11-18T{from}"), format!("2026-11-18T{to}"));
    for (reference, aircraft, (starts, ends)) in [
        ("A", "N1", day("09:00", "11:00")),
        ("B", "N1", day("10:00", "12:00")),
        ("C", "N1", day("12:00", "13:00")),
        ("D", "N2", day("09:00", "11:00")),
        ("E", "", day("09:00", "11:00")),
        ("F", "", day("09:30", "11:00")),
    ] {
        book(&world, &ada, (reference, aircraft), (&starts, &ends)).await;
    }
    let cancelled = book(&world, &ada, ("G", "N2"), ("2026-11-18T09:00", "2026-11-18T10:00")).await;
    assert_eq!(references(&world, &ada, WEEK).await, ["A", "B", "C", "D", "E", "F", "G"]);
    change(&world, &ada, "bookings", cancelled, &[("status", "Cancelled")]).await.expect("cancelled");

    let of = |reference: &str, lane, overlaps| (reference.to_owned(), lane, overlaps);
    assert_eq!(
        planned(&world, &ada, WEEK).await,
        [
            vec![of("A", 0, 1), of("B", 1, 1), of("C", 0, 0)],
            vec![of("D", 0, 0)],
            // Without an aircraft nothing is taken twice; nothing hides another either.
            vec![of("E", 0, 0), of("F", 1, 0)],
        ]
    );
    let gone = ids(&world, &ada, "bookings", &Query { search: "A".into(), ..Query::default() }).await;
    remove(&world, &ada, "bookings", gone[0]).await.expect("removed");
    assert_eq!(planned(&world, &ada, WEEK).await[0], [of("B", 0, 0), of("C", 0, 0)]);
}

#[tokio::test]
async fn of_a_week_that_is_too_full_the_first_are_shown_and_it_says_how_many_there_are() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    for at in 0..=MOST {
        let starts = format!("2026-11-{}T{:02}:{:02}", 16 + at / 60, 12 + at % 60 / 10, at % 10);
        book(&world, &ada, (&format!("R{at}"), ""), (&starts, "2026-11-22T00:00")).await;
    }
    let full = try_planned(&world, &ada, "bookings", WEEK).await.expect("a week");
    let shown: Vec<_> = full.rows.iter().flat_map(|row| &row.taken).collect();
    assert_eq!((shown.len(), full.all), (MOST, MOST as u64 + 1));
    let last = format!("R{MOST}");
    assert!(shown.iter().all(|taken| taken.line.content.first("reference") != Some(last.as_str())));
    // Day by day they are all there.
    let reader = may::<rights::RecordsRead>(&world, &ada).await;
    let shape = Shape::of(&reader, world.accounts(), "bookings").expect("bookings");
    let monday = Days::Day(date!(2026 - 11 - 16));
    let monday = schedule::planned(&reader, world.accounts(), &shape, monday).await.expect("a day");
    let on_monday: usize = monday.rows.iter().map(|row| row.taken.len()).sum();
    assert_eq!((on_monday, monday.all), (60, 60));
}

/// Whoever signs up with this profile lives in New York, five hours behind UTC in winter.
#[tokio::test]
async fn a_week_is_the_one_on_the_wall_of_whoever_reads_it() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    book(&world, &ada, ("late on Sunday", "N1"), ("2026-11-16T04:30:00Z", "2026-11-16T04:59:00Z")).await;
    book(&world, &ada, ("early on Monday", "N1"), ("2026-11-16T00:30", "2026-11-16T01:30")).await;

    assert_eq!(references(&world, &ada, "2026-W46").await, ["late on Sunday"]);
    assert_eq!(references(&world, &ada, WEEK).await, ["early on Monday"]);
    let week = try_planned(&world, &ada, "bookings", WEEK).await.expect("a week");
    let monday = &week.rows[0].taken[0];
    assert_eq!((monday.from.date(), monday.from.hour()), (date!(2026 - 11 - 16), 0));
    assert_eq!(monday.line.content.first("starts"), Some("2026-11-16T05:30:00Z"));
}

/// On the first of November 2026 the clock in New York says half past one twice.
#[tokio::test]
async fn a_form_shows_the_time_on_the_wall_and_what_it_only_sends_back_stays_the_same_instant() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    let id = book(&world, &ada, ("A", "N1"), ("2026-11-01T06:30:00Z", "2026-11-01T08:00:00Z")).await;
    let whole = seen(&world, &ada, "bookings", id).await.expect("the booking");
    let reader = may::<rights::RecordsRead>(&world, &ada).await;
    let shape = Shape::of(&reader, world.accounts(), "bookings").expect("bookings");
    let field = shape.field("starts").expect("a field");
    let kept = whole.content.first("starts").expect("an instant");
    assert_eq!(whole.behind.typed(field, kept), "2026-11-01T01:30");
    assert_eq!(whole.behind.said(field, kept), "1 November 2026, 01:30 EST");

    let form = [("reference", "B"), ("starts", "2026-11-01T01:30")];
    change(&world, &ada, "bookings", id, &form).await.expect("a change");
    let whole = seen(&world, &ada, "bookings", id).await.expect("the booking");
    assert_eq!((whole.content.first("reference"), whole.content.first("starts")), (Some("B"), Some(kept)));
}

#[tokio::test]
async fn what_is_booked_ends_after_it_begins_however_it_is_written() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    let (nine, ten) = ("2026-11-18T09:00", "2026-11-18T10:00");
    let fields = |starts: &'static str, ends: &'static str| {
        [("reference", "X"), ("student", "Amelia"), ("starts", starts), ("ends", ends), ("status", "Confirmed")]
    };
    for (starts, ends) in [(ten, nine), (nine, nine)] {
        assert_eq!(blamed(&try_make(&world, &ada, "bookings", &fields(starts, ends)).await), ["ends"], "{ends}");
    }
    let id = book(&world, &ada, ("A", "N1"), (nine, ten)).await;
    for wrong in [("starts", ten), ("ends", nine)] {
        assert_eq!(blamed(&change(&world, &ada, "bookings", id, &[wrong]).await), ["ends"], "{wrong:?}");
    }
    let other = book(&world, &ada, ("B", "N2"), ("2026-11-20T09:00", "2026-11-20T10:00")).await;
    for (field, to) in [("ends", "2026-11-19T00:00"), ("starts", "2026-11-19T00:00")] {
        let editor = may::<rights::RecordsWrite>(&world, &ada).await;
        let to = typed(&[(field, to)]);
        let many = bulk::edit(&editor, world.accounts(), "bookings", &[id, other], &to, &here(), world.now).await;
        assert_eq!(blamed(&many), [field], "{many:?}");
    }
    for id in [id, other] {
        assert_eq!(seen(&world, &ada, "bookings", id).await.expect("it").version, 1, "nothing was changed");
    }
    change(&world, &ada, "bookings", id, &[("ends", "2026-11-18T11:00")]).await.expect("a longer one");
}

#[tokio::test]
async fn a_file_with_a_booking_that_ends_before_it_begins_is_refused_with_its_line_and_column() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    book(&world, &ada, ("taken", "N1"), ("2026-11-18T09:00", "2026-11-18T10:00")).await;
    let csv = "reference,student,starts,ends,status\n\
               taken,Amelia,2026-11-18T09:00,2026-11-18T10:00,Confirmed\n\
               A,Amelia,2026-11-18T09:00,2026-11-18T08:00,Confirmed\n\
               B,Amelia,2026-11-18T09:00,2026-11-18T10:00,Confirmed\n\
               C,Amelia,2026-11-18T09:00,2026-11-18T09:00,Confirmed\n";
    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let report = imports::check(&editor, world.accounts(), "bookings", csv.as_bytes()).await.expect("a report");

    let wrong: Vec<(u64, &str)> = report.wrong.iter().map(|wrong| (wrong.line, wrong.field.as_str())).collect();
    assert_eq!(wrong, [(2, "reference"), (3, "ends"), (5, "ends")]);
    assert_eq!(report.wrong[1].said, "this has to be after \u{201c}Starts\u{201d}");
}

#[tokio::test]
async fn a_week_shows_a_member_the_records_within_reach_and_nobody_another_organisations() {
    let (world, ada) = school(profile("stratuslog", &[])).await;
    let (north, south) = (unit(&world, &ada, "North").await, unit(&world, &ada, "South").await);
    role(&world, &ada, "Clerk", "organisation_read records_read").await;
    let grace = joins(&world, &ada, GRACE, "Clerk").await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let target = (Some(north.as_str()), None);
    server::organisations::members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now)
        .await
        .expect("reach");
    for (reference, unit) in [("hers", &north), ("not hers", &south)] {
        let id = book(&world, &ada, (reference, "N1"), ("2026-11-18T09:00", "2026-11-18T10:00")).await;
        change(&world, &ada, "bookings", id, &[("unit", unit)]).await.expect("a unit");
    }
    let one = |reference: &str, overlaps| vec![vec![(reference.to_owned(), 0, overlaps)]];
    assert_eq!(planned(&world, &grace, WEEK).await, one("hers", 0));
    let eve = founder(&world, EVE, "Rival Engines").await;
    assert!(planned(&world, &eve, WEEK).await.is_empty());
    assert_eq!(references(&world, &ada, WEEK).await, ["hers", "not hers"]);
}

#[tokio::test]
async fn whoever_may_not_read_what_a_week_goes_by_gets_none_of_it() {
    // Instructors may read the aircraft for this, but not when a booking ends.
    let hidden = ("id = \"ends\"\nlabel = \"Ends\"", "id = \"ends\"\nlabel = \"Ends\"\nread = \"members_read\"");
    let (world, ada) = school(profile("stratuslog", &[hidden])).await;
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    book(&world, &ada, ("A", "N1"), ("2026-11-18T09:00", "2026-11-18T10:00")).await;
    assert_eq!(references(&world, &ada, WEEK).await, ["A"]);
    let refused = try_planned(&world, &grace, "bookings", WEEK).await;
    assert!(matches!(refused, Err(Refusal::NotFound)), "{refused:?}");
    let none = try_planned(&world, &ada, "aircraft", WEEK).await;
    assert!(matches!(none, Err(Refusal::NotFound)), "{none:?}");
}

#[tokio::test]
async fn whoever_may_not_read_which_aircraft_it_is_sees_no_rows_and_no_overlap() {
    let aircraft = "id = \"aircraft\"\nlabel = \"Aircraft\"\nkind = \"link\"\nlinks_to = \"aircraft\"";
    let hidden = format!("{aircraft}\nread = \"members_read\"");
    let (world, ada) = school(profile("stratuslog", &[(aircraft, &hidden)])).await;
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    for (reference, aircraft) in [("A", "N1"), ("B", "N1"), ("C", "N2")] {
        book(&world, &ada, (reference, aircraft), ("2026-11-18T09:00", "2026-11-18T10:00")).await;
    }
    assert_eq!(planned(&world, &ada, WEEK).await.len(), 2);
    let seen = planned(&world, &grace, WEEK).await;
    assert_eq!(seen.len(), 1);
    assert!(seen[0].iter().all(|(_, _, overlaps)| *overlaps == 0), "{seen:?}");
    let reader = may::<rights::RecordsRead>(&world, &grace).await;
    let shape = Shape::of(&reader, world.accounts(), "bookings").expect("bookings");
    assert!(Plan::of(&shape).expect("a timetable").by.is_none());
}
