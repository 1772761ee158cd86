//! Weeks as ISO 8601 counts them: they begin on Monday, and the first of a year is the one with its first Thursday.

use std::fmt;

use time::{Date, Duration, Weekday};

/// Nobody plans before or after. The calendar of the program itself ends with the year 9999.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// A week, written `2026-W47`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    monday: Date,
}

impl Week {
    pub fn of(day: Date) -> Self {
        let since = Duration::days(day.weekday().number_days_from_monday().into());
        Self { monday: day.checked_sub(since).unwrap_or(day) }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (year, number) = text.split_once("-W")?;
        let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(number, 2) {
            return None;
        }
        let year = year.parse().ok().filter(|year| YEARS.contains(year))?;
        let monday = Date::from_iso_week_date(year, number.parse().ok()?, Weekday::Monday).ok()?;
        Some(Self { monday })
    }

    pub fn number(self) -> u8 {
        self.monday.iso_week()
    }

    /// The year that the week counts for; not always the one of its Monday.
    pub fn year(self) -> i32 {
        self.monday.to_iso_week_date().0
    }

    pub fn monday(self) -> Date {
        self.monday
    }

    pub fn days(self) -> impl Iterator<Item = Date> {
        (0..7).filter_map(move |at| self.monday.checked_add(Duration::days(at)))
    }

    pub fn sunday(self) -> Date {
        self.days().last().unwrap_or(self.monday)
    }

    pub fn earlier(self) -> Option<Self> {
        self.moved(-7)
    }

    pub fn later(self) -> Option<Self> {
        self.moved(7)
    }

    fn moved(self, days: i64) -> Option<Self> {
        let week = Self { monday: self.monday.checked_add(Duration::days(days))? };
        YEARS.contains(&week.year()).then_some(week)
    }
}

/// What a timetable is about: a week, or one day of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    Week(Week),
    Day(Date),
}

impl Days {
    pub fn week(self) -> Week {
        match self {
            Self::Week(week) => week,
            Self::Day(day) => Week::of(day),
        }
    }

    pub fn first(self) -> Date {
        match self {
            Self::Week(week) => week.monday(),
            Self::Day(day) => day,
        }
    }

    pub fn last(self) -> Date {
        match self {
            Self::Week(week) => week.sunday(),
            Self::Day(day) => day,
        }
    }

    pub fn earlier(self) -> Option<Self> {
        match self {
            Self::Week(week) => week.earlier().map(Self::Week),
            Self::Day(day) => day.previous_day().and_then(Self::day),
        }
    }

    pub fn later(self) -> Option<Self> {
        match self {
            Self::Week(week) => week.later().map(Self::Week),
            Self::Day(day) => day.next_day().and_then(Self::day),
        }
    }

    /// A day of a week that there is.
    pub fn day(day: Date) -> Option<Self> {
        YEARS.contains(&Week::of(day).year()).then_some(Self::Day(day))
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-W{:02}", self.year(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn around_new_year_a_day_is_in_the_week_that_iso_8601_says() {
        for (day, week) in [
            (date!(2026 - 11 - 22), "2026-W47"),
            (date!(2026 - 12 - 31), "2026-W53"),
            (date!(2027 - 01 - 01), "2026-W53"),
            (date!(2027 - 01 - 03), "2026-W53"),
            (date!(2027 - 01 - 04), "2027-W01"),
            (date!(2024 - 12 - 29), "2024-W52"),
            (date!(2024 - 12 - 30), "2025-W01"),
            (date!(2023 - 01 - 01), "2022-W52"),
            (date!(2020 - 12 - 31), "2020-W53"),
        ] {
            assert_eq!(Week::of(day).to_string(), week, "{day}");
            assert_eq!(Week::parse(week), Some(Week::of(day)), "{day}");
        }
    }

    #[test]
    fn a_week_that_the_year_does_not_have_is_none() {
        for text in [
            "2025-W53",
            "2026-W54",
            "2026-W00",
            "2026-W7",
            "2026W47",
            "2026-w47",
            "-026-W47",
            "+026-W47",
            "0001-W01",
            "9999-W52",
            "3000-W01",
            "2026-W47 ",
            "",
            "next",
        ] {
            assert_eq!(Week::parse(text), None, "{text}");
        }
        assert!(Week::parse("2026-W53").is_some());
    }

    #[test]
    fn weeks_follow_one_another_over_new_year_and_end_where_the_next_begins() {
        let last = Week::parse("2026-W53").expect("a week");
        let next = last.later().expect("the next");
        assert_eq!(next.to_string(), "2027-W01");
        assert_eq!(next.earlier(), Some(last));
        assert_eq!(Days::Week(last).last().next_day(), Some(Days::Week(next).first()));
        assert_eq!((last.monday(), last.sunday()), (date!(2026 - 12 - 28), date!(2027 - 01 - 03)));
        assert_eq!(last.days().count(), 7);
    }

    #[test]
    fn before_the_first_and_after_the_last_week_there_is_none() {
        assert_eq!(Week::parse("1900-W01").expect("the first").earlier(), None);
        assert_eq!(Week::parse("2999-W52").expect("the last").later(), None);
        let day = Week::parse("2999-W52").expect("the last").sunday();
        assert_eq!((Days::Day(day).later(), Days::Day(day).week().number()), (None, 52));
    }
}
