//! The clock of business hours: it runs while the calendar says that somebody is at work, and stands otherwise.
//! It knows no public holidays, so it is never later than one that does.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use time::{Duration, OffsetDateTime};

use crate::profile::policy::{Calendar, Clocks, Weekday};

/// When something has to be done, and by which promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub at: OffsetDateTime,
    /// For people, such as "24 hours".
    pub rule: String,
}

/// When a person who left has to be out of everything: the earlier of the two promises, whichever that is today.
///
/// `None` if neither is promised.
pub fn offboarding_due(clocks: &Clocks, calendar: &Calendar, from: OffsetDateTime) -> Option<Due> {
    let plain = clocks
        .offboarding_hours
        .map(|hours| Due { at: after_plain_hours(from, hours.get()), rule: counted(hours.get().into(), "hour") });
    let business = clocks.offboarding_business_hours.map(|hours| Due {
        at: after_business_hours(calendar, from, hours.get()),
        rule: counted(hours.get().into(), "business hour"),
    });
    match (plain, business) {
        (Some(plain), Some(business)) => Some(stricter(plain, business)),
        (one, other) => one.or(other),
    }
}

fn stricter(plain: Due, business: Due) -> Due {
    let (first, second) = if plain.at <= business.at { (plain, business) } else { (business, plain) };
    let than = if first.at == second.at { "here the same as" } else { "stricter than" };
    Due { at: first.at, rule: format!("{}, {than} {}", first.rule, second.rule) }
}

/// The instant at which `hours` business hours have passed since `from`.
///
/// An hour is 3600 seconds that passed, so a day on which the clocks change is as long as it was. What would end at
/// closing time ends then and not at the next opening; no hours at all end at `from`. A calendar that cannot be read
/// counts plain hours, which is the stricter reading.
pub fn after_business_hours(calendar: &Calendar, from: OffsetDateTime, hours: u32) -> OffsetDateTime {
    let (Some(opening), Some(start)) = (Opening::read(calendar), to_timestamp(from)) else {
        return after_plain_hours(from, hours);
    };
    if hours == 0 {
        return from;
    }
    let mut left = SignedDuration::from_hours(i64::from(hours));
    for day in opening.days_from(start) {
        let begins = day.opens.max(start);
        let open = begins.duration_until(day.closes).max(SignedDuration::ZERO);
        if left <= open {
            return to_instant(begins.checked_add(left).unwrap_or(Timestamp::MAX), from);
        }
        left = left.saturating_sub(open);
    }
    to_instant(Timestamp::MAX, from)
}

/// The end of the working day that is `days` working days after the day of `from`, in the calendar's zone.
///
/// With no days at all it is the first closing time that `from` has not missed. A calendar that cannot be read counts
/// days of 24 hours.
pub fn after_business_days(calendar: &Calendar, from: OffsetDateTime, days: u32) -> OffsetDateTime {
    let (Some(opening), Some(start)) = (Opening::read(calendar), to_timestamp(from)) else {
        return from.saturating_add(Duration::days(i64::from(days)));
    };
    let today = opening.date_of(start);
    let mut closings = opening
        .days_from(start)
        .filter(|day| if days == 0 { day.closes >= start } else { day.date > today })
        .map(|day| day.closes);
    let before = usize::try_from(days.saturating_sub(1)).unwrap_or(usize::MAX);
    to_instant(closings.nth(before).unwrap_or(Timestamp::MAX), from)
}

/// What is left, in its two largest units and rounded down: nobody is told of more time than there is.
pub fn in_words(left: Duration) -> String {
    let minutes = left.unsigned_abs().as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let (large, small) = if days > 0 {
        (counted(days, "day"), (hours > 0).then(|| counted(hours, "hour")))
    } else if hours > 0 {
        (counted(hours, "hour"), (minutes > 0).then(|| counted(minutes, "minute")))
    } else if minutes > 0 {
        (counted(minutes, "minute"), None)
    } else {
        ("less than a minute".to_owned(), None)
    };
    let overdue = if left.is_negative() { "overdue by " } else { "" };
    small.map_or_else(|| format!("{overdue}{large}"), |small| format!("{overdue}{large} {small}"))
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// A calendar that could be read, and whose clock does run.
struct Opening {
    zone: TimeZone,
    workdays: Vec<jiff::civil::Weekday>,
    opens: Time,
    closes: Time,
}

struct WorkingDay {
    date: Date,
    opens: Timestamp,
    closes: Timestamp,
}

impl Opening {
    fn read(calendar: &Calendar) -> Option<Self> {
        let Calendar { time_zone, workdays, opens, closes } = calendar;
        let opening = Self {
            zone: TimeZone::get(time_zone).ok()?,
            workdays: workdays.iter().copied().map(weekday).collect(),
            opens: opens.parse().ok()?,
            closes: closes.parse().ok()?,
        };
        (opening.opens < opening.closes && !opening.workdays.is_empty()).then_some(opening)
    }

    fn date_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// The working days from the day of `start` on. They end with the last date that can be written (year 9999), so
    /// that no walk over them goes on for ever.
    fn days_from(&self, start: Timestamp) -> impl Iterator<Item = WorkingDay> {
        std::iter::successors(Some(self.date_of(start)), |date| date.tomorrow().ok())
            .filter(|date| self.workdays.contains(&date.weekday()))
            .filter_map(|date| self.working_day(date))
    }

    /// `None` for a date that the zone left out, as Samoa did with 30 December 2011. A time that the change to summer
    /// time skips is later by what was skipped; one that comes twice is the first of the two (RFC 5545).
    fn working_day(&self, date: Date) -> Option<WorkingDay> {
        let opens = date.to_datetime(self.opens).to_zoned(self.zone.clone()).ok()?;
        let closes = date.to_datetime(self.closes).to_zoned(self.zone.clone()).ok()?;
        (opens.date() == date).then(|| WorkingDay { date, opens: opens.timestamp(), closes: closes.timestamp() })
    }
}

fn weekday(day: Weekday) -> jiff::civil::Weekday {
    match day {
        Weekday::Monday => jiff::civil::Weekday::Monday,
        Weekday::Tuesday => jiff::civil::Weekday::Tuesday,
        Weekday::Wednesday => jiff::civil::Weekday::Wednesday,
        Weekday::Thursday => jiff::civil::Weekday::Thursday,
        Weekday::Friday => jiff::civil::Weekday::Friday,
        Weekday::Saturday => jiff::civil::Weekday::Saturday,
        Weekday::Sunday => jiff::civil::Weekday::Sunday,
    }
}

fn after_plain_hours(from: OffsetDateTime, hours: u32) -> OffsetDateTime {
    from.saturating_add(Duration::hours(i64::from(hours)))
}

fn to_timestamp(at: OffsetDateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(at.unix_timestamp_nanos()).ok()
}

/// Every instant of jiff's is one of `time`'s too; `from` only stands in for the error that the types allow.
fn to_instant(at: Timestamp, from: OffsetDateTime) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(at.as_nanosecond()).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use time::macros::datetime;

    use super::*;

    const WEEK: [Weekday; 5] =
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

    fn calendar(zone: &str, workdays: &[Weekday], opens: &str, closes: &str) -> Calendar {
        Calendar {
            time_zone: zone.to_owned(),
            workdays: workdays.to_vec(),
            opens: opens.to_owned(),
            closes: closes.to_owned(),
        }
    }

    fn office(zone: &str) -> Calendar {
        calendar(zone, &WEEK, "09:00", "17:00")
    }

    fn promised(plain: u32, business: u32) -> Clocks {
        Clocks {
            offboarding_hours: NonZeroU32::new(plain),
            offboarding_business_hours: NonZeroU32::new(business),
            ..Clocks::default()
        }
    }

    #[test]
    fn the_clock_stands_outside_opening_hours() {
        let brussels = office("Europe/Brussels");
        // Asked on Friday 16 January at 16:00 and 18:00, on Saturday at noon, on Monday at 07:00 and 09:00.
        for (from, due) in [
            (datetime!(2026-01-16 15:00 UTC), datetime!(2026-01-19 09:00 UTC)),
            (datetime!(2026-01-16 17:00 UTC), datetime!(2026-01-19 10:00 UTC)),
            (datetime!(2026-01-17 11:00 UTC), datetime!(2026-01-19 10:00 UTC)),
            (datetime!(2026-01-19 06:00 UTC), datetime!(2026-01-19 10:00 UTC)),
            (datetime!(2026-01-19 08:00 UTC), datetime!(2026-01-19 10:00 UTC)),
        ] {
            assert_eq!(after_business_hours(&brussels, from, 2), due, "from {from}");
        }
    }

    #[test]
    fn what_ends_at_closing_time_does_not_wait_for_the_next_opening() {
        let from = datetime!(2026-01-19 08:00:00.000_000_001 UTC);
        let brussels = office("Europe/Brussels");
        assert_eq!(
            after_business_hours(&brussels, datetime!(2026-01-19 08:00 UTC), 8),
            datetime!(2026-01-19 16:00 UTC)
        );
        assert_eq!(after_business_hours(&brussels, from, 8), datetime!(2026-01-20 08:00:00.000_000_001 UTC));
    }

    #[test]
    fn a_weekend_in_which_the_clocks_change_moves_nothing_in_local_time() {
        let (brussels, new_york) = (office("Europe/Brussels"), office("America/New_York"));
        for (calendar, from, due) in [
            (&brussels, datetime!(2026-03-27 15:00 UTC), datetime!(2026-03-30 08:00 UTC)),
            (&brussels, datetime!(2026-10-23 14:00 UTC), datetime!(2026-10-26 09:00 UTC)),
            (&new_york, datetime!(2026-03-06 21:00 UTC), datetime!(2026-03-09 14:00 UTC)),
            (&new_york, datetime!(2026-10-30 20:00 UTC), datetime!(2026-11-02 15:00 UTC)),
        ] {
            assert_eq!(after_business_hours(calendar, from, 2), due, "{} from {from}", calendar.time_zone);
        }
    }

    #[test]
    fn a_working_night_in_which_the_clocks_change_is_as_long_as_it_was() {
        let night = |zone| calendar(zone, &[Weekday::Sunday], "00:00", "06:00");
        for (zone, from, hours, due) in [
            // Five hours on 29 March, the sixth a week later.
            ("Europe/Brussels", datetime!(2026-03-28 23:00 UTC), 5, datetime!(2026-03-29 04:00 UTC)),
            ("Europe/Brussels", datetime!(2026-03-28 23:00 UTC), 6, datetime!(2026-04-04 23:00 UTC)),
            ("Europe/Brussels", datetime!(2026-10-24 22:00 UTC), 7, datetime!(2026-10-25 05:00 UTC)),
            ("America/New_York", datetime!(2026-03-08 05:00 UTC), 5, datetime!(2026-03-08 10:00 UTC)),
            ("America/New_York", datetime!(2026-11-01 04:00 UTC), 7, datetime!(2026-11-01 11:00 UTC)),
        ] {
            assert_eq!(after_business_hours(&night(zone), from, hours), due, "{hours} hours in {zone} from {from}");
        }
    }

    #[test]
    fn opening_times_that_the_change_skips_or_turns_round_cost_nothing_but_that_day() {
        // 02:30 becomes 03:30, after closing: nobody works on 29 March.
        let skipped = calendar("Europe/Brussels", &[Weekday::Sunday], "02:30", "03:15");
        let from = datetime!(2026-03-28 12:00 UTC);
        assert_eq!(after_business_hours(&skipped, from, 1), datetime!(2026-04-12 00:45 UTC));
        // Samoa had no Friday 30 December 2011.
        let samoa = calendar("Pacific/Apia", &[Weekday::Friday], "09:00", "17:00");
        let due = after_business_hours(&samoa, datetime!(2011-12-29 12:00 UTC), 1);
        assert_eq!(due, datetime!(2012-01-05 20:00 UTC));
    }

    #[test]
    fn a_leap_day_is_a_working_day() {
        let (brussels, from) = (office("Europe/Brussels"), datetime!(2028-02-28 15:00 UTC));
        assert_eq!(after_business_hours(&brussels, from, 9), datetime!(2028-02-29 16:00 UTC));
        assert_eq!(after_business_hours(&brussels, from, 10), datetime!(2028-03-01 09:00 UTC));
        assert_eq!(after_business_days(&brussels, from, 2), datetime!(2028-03-01 16:00 UTC));
    }

    #[test]
    fn no_hours_are_over_at_once_and_a_years_worth_takes_219_weeks() {
        let (brussels, saturday) = (office("Europe/Brussels"), datetime!(2026-01-17 11:00 UTC));
        assert_eq!(after_business_hours(&brussels, saturday, 0), saturday);
        let due = after_business_hours(&brussels, datetime!(2026-01-05 08:00 UTC), 8760);
        assert_eq!(due, datetime!(2030-03-15 16:00 UTC));
    }

    #[test]
    fn business_days_end_at_closing_time() {
        let brussels = office("Europe/Brussels");
        let monday = datetime!(2026-01-19 16:00 UTC);
        // Friday 10:00, Friday 18:00, Saturday, and Friday 00:30, which is still Thursday in UTC.
        for (from, days, due) in [
            (datetime!(2026-01-16 09:00 UTC), 1, monday),
            (datetime!(2026-01-16 17:00 UTC), 1, monday),
            (datetime!(2026-01-17 11:00 UTC), 1, monday),
            (datetime!(2026-01-15 23:30 UTC), 1, monday),
            (datetime!(2026-01-16 09:00 UTC), 6, datetime!(2026-01-26 16:00 UTC)),
            (datetime!(2026-03-27 09:00 UTC), 1, datetime!(2026-03-30 15:00 UTC)),
            (datetime!(2026-01-16 09:00 UTC), 0, datetime!(2026-01-16 16:00 UTC)),
            (datetime!(2026-01-16 17:00 UTC), 0, monday),
        ] {
            assert_eq!(after_business_days(&brussels, from, days), due, "{days} days from {from}");
        }
    }

    #[test]
    fn a_calendar_that_cannot_be_read_counts_plain_time() {
        let from = datetime!(2026-01-16 17:00 UTC);
        for broken in [
            office("Europe/Bruxelles"),
            calendar("Europe/Brussels", &[], "09:00", "17:00"),
            calendar("Europe/Brussels", &WEEK, "17:00", "09:00"),
            calendar("Europe/Brussels", &WEEK, "09:00", "09:00"),
            calendar("Europe/Brussels", &WEEK, "nine", "17:00"),
        ] {
            assert_eq!(after_business_hours(&broken, from, 24), datetime!(2026-01-17 17:00 UTC), "{broken:?}");
            assert_eq!(after_business_days(&broken, from, 2), datetime!(2026-01-18 17:00 UTC), "{broken:?}");
        }
    }

    #[test]
    fn more_hours_than_there_is_time_end_with_the_last_date() {
        let (brussels, from) = (office("Europe/Brussels"), datetime!(9998-01-05 08:00 UTC));
        assert!(after_business_hours(&brussels, from, u32::MAX) > datetime!(9999-12-30 00:00 UTC));
        assert!(after_business_days(&brussels, from, u32::MAX) > datetime!(9999-12-30 00:00 UTC));
        let beyond = datetime!(9999-12-31 23:59 UTC);
        assert!(after_business_hours(&brussels, beyond, u32::MAX) >= beyond);
    }

    #[test]
    fn the_stricter_of_two_promises_governs_and_says_so() {
        let (friday, morning) = (datetime!(2026-01-16 15:00 UTC), datetime!(2026-01-16 09:00 UTC));
        for (plain, business, from, at, rule) in [
            (24, 0, friday, datetime!(2026-01-17 15:00 UTC), "24 hours"),
            (0, 24, friday, datetime!(2026-01-21 15:00 UTC), "24 business hours"),
            (24, 24, friday, datetime!(2026-01-17 15:00 UTC), "24 hours, stricter than 24 business hours"),
            (72, 1, friday, datetime!(2026-01-16 16:00 UTC), "1 business hour, stricter than 72 hours"),
            (1, 1, morning, datetime!(2026-01-16 10:00 UTC), "1 hour, here the same as 1 business hour"),
        ] {
            let due = offboarding_due(&promised(plain, business), &office("Europe/Brussels"), from);
            assert_eq!(due, Some(Due { at, rule: rule.to_owned() }));
        }
        assert_eq!(offboarding_due(&promised(0, 0), &office("Europe/Brussels"), friday), None);
    }

    #[test]
    fn what_is_left_is_said_in_at_most_two_units() {
        for (left, words) in [
            (Duration::hours(51), "2 days 3 hours"),
            (Duration::minutes(45), "45 minutes"),
            (Duration::hours(-3), "overdue by 3 hours"),
            (Duration::seconds(86_400 + 3_600 + 60), "1 day 1 hour"),
            (Duration::minutes(2 * 1440 + 5), "2 days"),
            (Duration::seconds(3_600 + 119), "1 hour 1 minute"),
            (Duration::seconds(-59), "overdue by less than a minute"),
            (Duration::ZERO, "less than a minute"),
            (Duration::MIN, "overdue by 106751991167300 days 15 hours"),
        ] {
            assert_eq!(in_words(left), words, "{left}");
        }
    }

    /// The slow way: looks at every minute in between.
    fn open_minutes(calendar: &Calendar, from: OffsetDateTime, to: OffsetDateTime) -> u32 {
        let opening = Opening::read(calendar).unwrap();
        let minutes = (from.unix_timestamp()..to.unix_timestamp()).step_by(60);
        let open = minutes.filter(|second| {
            let local = Timestamp::from_second(*second).unwrap().to_zoned(opening.zone.clone());
            let time = local.time();
            opening.workdays.contains(&local.weekday()) && opening.opens <= time && time < opening.closes
        });
        u32::try_from(open.count()).unwrap()
    }

    #[test]
    fn the_clock_never_runs_backwards_and_counts_every_open_minute() {
        let calendars = [
            office("Europe/Brussels"),
            office("America/New_York"),
            office("Asia/Kathmandu"),
            calendar("Europe/Brussels", &[Weekday::Saturday, Weekday::Sunday], "00:00", "23:59"),
            calendar("America/New_York", &[Weekday::Sunday, Weekday::Wednesday], "00:30", "06:15"),
        ];
        for (calendar, week) in calendars.iter().flat_map(|calendar| (0..60).map(move |week| (calendar, week))) {
            // 10 111 minutes are a week and a little, so that the starts drift through the week and both changes.
            let from = datetime!(2026-02-20 00:00 UTC) + Duration::minutes(week * 10_111);
            let mut last = from;
            for hours in 0..40 {
                let due = after_business_hours(calendar, from, hours);
                assert!(due >= last, "{hours} hours from {from}: {due} is before {last} in {calendar:?}");
                last = due;
            }
            let due = after_business_hours(calendar, from, 11);
            assert_eq!(open_minutes(calendar, from, due), 11 * 60, "from {from} in {calendar:?}");
            let days = (0..12).map(|days| after_business_days(calendar, from, days)).collect::<Vec<_>>();
            assert!(days.is_sorted() && days[0] >= from, "from {from} in {calendar:?}: {days:?}");
        }
    }
}
