//! The timetable of a register through its page, as a browser without script sees it.

use contract::access::Stage;
use contract::standing::Standing;
use server::testing::profile;

use crate::common::{Browser, Served, of_profile, status};

const BOOKINGS: &str = "/o/ours/registers/bookings";

pub struct School {
    // Keeps the server.
    _served: Served,
    browser: Browser,
}

pub async fn school() -> School {
    let wide = [
        ("reads_per_minute = 600", "reads_per_minute = 600000"),
        ("changes_per_minute = 120", "changes_per_minute = 120000"),
    ];
    let mut served = of_profile(profile("stratuslog", &wide)).await;
    served.world.now = time::OffsetDateTime::now_utc();
    let ours = served.world.stage_organisation("ours", "Ours", Standing::Active).await;
    let person = served.world.stage_person(Some((&ours, "Owner")), Stage::SteppedUp).await;
    let mut browser = Browser::new(served.address);
    browser.sign_in_with(&person.session);
    let mut school = School { _served: served, browser };
    school.add("aircraft", &[("registration", "N1"), ("model", "Cessna 172"), ("status", "Available")]).await;
    school.add("students", &[("name", "Amelia"), ("course", "Private pilot"), ("status", "Active")]).await;
    school
}

impl School {
    pub async fn add(&mut self, register: &str, fields: &[(&str, &str)]) {
        let place = format!("/api/o/ours/registers/{register}/create-record");
        let made = self.browser.send("/account", &place, fields).await;
        assert_eq!(status(&made), 200, "{made}");
    }

    pub async fn book(&mut self, reference: &str, (starts, ends): (&str, &str)) {
        let fields = [
            ("reference", reference),
            ("student", "Amelia"),
            ("aircraft", "N1"),
            ("starts", starts),
            ("ends", ends),
            ("status", "Confirmed"),
        ];
        self.add("bookings", &fields).await;
    }

    pub async fn page(&mut self, path: &str) -> String {
        self.browser.get(path, "accept: text/html\r\n").await
    }
}

#[tokio::test]
async fn the_list_of_bookings_shows_when_each_ends() {
    let mut school = school().await;
    school.book("B1", ("2026-11-18T09:00", "2026-11-18T10:30")).await;
    let page = school.page(BOOKINGS).await;
    for head in ["Student", "Aircraft", "Starts", "Ends", "Status"] {
        assert!(page.contains(&format!("<th scope=\"col\">{head}</th>")), "{head}: {page}");
    }
}

#[tokio::test]
async fn a_week_is_shown_as_a_picture_and_as_a_table_and_overlap_is_said_in_both() {
    let mut school = school().await;
    school.book("BK-1", ("2026-11-18T09:00", "2026-11-18T10:30")).await;
    school.book("BK-2 <b>", ("2026-11-18T10:00", "2026-11-19T01:00")).await;
    school.book("BK-3", ("2026-11-25T10:00", "2026-11-25T11:00")).await;

    let list = school.page(BOOKINGS).await;
    assert!(list.contains(&format!("href=\"{BOOKINGS}/schedule\"")), "{list}");
    let week = school.page(&format!("{BOOKINGS}/schedule?week=2026-W47")).await;
    assert_eq!(status(&week), 200, "{week}");
    for said in [
        "Bookings: week 47 of 2026",
        "16 November 2026 to 22 November 2026. Times are as in America/New_York, ",
        "Left out: Cancelled.",
        ">BK-1</text>",
        "href=\"/o/ours/registers/bookings/schedule?day=2026-11-18\"",
        "<title>BK-1, Wed 18 Nov, 09:00 to 10:30</title>",
        "<span>Wed 18 Nov, 10:00</span> <span>to Thu 19 Nov, 01:00</span>",
        "N1</span><span class=\"small\">2 records, 2 overlapping",
        "schedule?week=2026-W46",
        "schedule?week=2026-W48",
        "BK-2 &lt;b&gt;</a>",
    ] {
        assert!(week.contains(said), "{said}: {week}");
    }
    assert_eq!(week.matches("class=\"week-bar overlaps\"").count(), 2, "{week}");
    assert_eq!(week.matches("data-overlaps=\"1\"").count(), 2, "{week}");
    assert!(week.contains("Overlaps</span> with BK-2 &lt;b&gt;<"), "{week}");
    assert!(!week.contains("BK-3") && !week.contains("<b>\""), "{week}");
    assert!(!week.contains("style=\"") && !week.contains("<script"), "{week}");

    let alone = school.page(&format!("{BOOKINGS}/schedule?week=2026-W48")).await;
    assert!(alone.contains("BK-3") && alone.contains("data-overlaps=\"0\""), "{alone}");
    assert!(!alone.contains("week-bar overlaps"), "{alone}");
}

#[tokio::test]
async fn a_week_without_records_says_so_and_one_that_is_none_is_told() {
    let mut school = school().await;
    let empty = school.page(&format!("{BOOKINGS}/schedule?week=2027-W01")).await;
    assert!(empty.contains("Nothing in this week") && empty.contains("4 January 2027 to 10 January 2027"), "{empty}");
    assert!(empty.contains("schedule?week=2026-W53"), "{empty}");
    for wrong in ["week=2025-W53", "day=2026-02-29", "week=2026-W47&day=2026-11-18", "sort=starts"] {
        let page = school.page(&format!("{BOOKINGS}/schedule?{wrong}")).await;
        assert!(status(&page) == 400 && page.contains(&format!("{BOOKINGS}/schedule")), "{wrong}: {page}");
    }
    let current = school.page(&format!("{BOOKINGS}/schedule")).await;
    // Nobody has said where they are: the clock is the profile's, where Monday begins hours later than in UTC.
    let now = server::zone::Zone::named("America/New_York").local(time::OffsetDateTime::now_utc());
    let (year, number, _) = now.date().to_iso_week_date();
    assert!(current.contains(&format!("Bookings: week {number} of {year}")), "{current}");
}

#[tokio::test]
async fn a_day_is_shown_hour_by_hour_with_the_ways_to_others() {
    let mut school = school().await;
    school.book("BK-1", ("2026-11-18T09:00", "2026-11-18T10:30")).await;
    school.book("BK-2", ("2026-11-19T09:00", "2026-11-19T10:30")).await;

    let day = school.page(&format!("{BOOKINGS}/schedule?day=2026-11-18")).await;

    assert_eq!(status(&day), 200, "{day}");
    for said in [
        "Bookings: Wednesday, 18 November 2026",
        "<title>BK-1, Wed 18 Nov, 09:00 to 10:30</title>",
        "<span>09:00</span>",
        "schedule?day=2026-11-17",
        "schedule?day=2026-11-19",
        "schedule?week=2026-W47",
        "aria-current=\"date\"",
    ] {
        assert!(day.contains(said), "{said}: {day}");
    }
    assert!(!day.contains("BK-2"), "{day}");
}

#[tokio::test]
async fn a_booking_that_ends_before_it_begins_is_refused_beside_its_end() {
    let mut school = school().await;
    let fields = [
        ("reference", "BK-1"),
        ("student", "Amelia"),
        ("starts", "2026-11-18T09:00"),
        ("ends", "2026-11-18T09:00"),
        ("status", "Confirmed"),
    ];
    let place = "/api/o/ours/registers/bookings/create-record";
    let page = school.browser.form(&format!("{BOOKINGS}/new"), place, &fields).await;
    assert!(status(&page) == 422 && page.contains("id=\"f-ends-wrong\""), "{page}");
    assert!(page.contains("This has to be after \u{201c}Starts\u{201d}."), "{page}");
    assert!(page.contains("As it is in America/New_York, your time zone."), "{page}");
}

#[tokio::test]
async fn a_register_without_a_schedule_has_no_page_of_one() {
    let mut school = school().await;
    assert_eq!(status(&school.page("/o/ours/registers/aircraft/schedule").await), 404);
    let list = school.page("/o/ours/registers/aircraft").await;
    assert!(!list.contains("/schedule"), "{list}");
}
