//! The time zone of whoever reads or types: what the clock on their wall says at an instant, and which instant they mean.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// A zone of the IANA database. One that is unknown here is UTC.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    pub fn named(name: &str) -> Self {
        Self(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// The same instant, as the wall says it.
    pub fn local(&self, at: OffsetDateTime) -> OffsetDateTime {
        let offset = Timestamp::from_second(at.unix_timestamp()).map(|at| self.0.to_offset(at).seconds());
        let offset = offset.ok().and_then(|seconds| UtcOffset::from_whole_seconds(seconds).ok());
        at.checked_to_offset(offset.unwrap_or(UtcOffset::UTC)).unwrap_or(at)
    }

    /// The instant at which the wall says this. `None` where it never does, because the clock is set forward over it; where it does so twice,
    /// because the clock is set back, the first.
    pub fn instant(&self, wall: PrimitiveDateTime) -> Option<OffsetDateTime> {
        let ambiguous = self.0.to_ambiguous_timestamp(civil(wall)?);
        let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let at = ambiguous.compatible().ok().filter(|_| !skipped)?;
        OffsetDateTime::from_unix_timestamp(at.as_second()).ok()
    }

    /// The first instant of a day: midnight, or what comes after it where the clock is set forward over midnight.
    pub fn begins(&self, day: Date) -> OffsetDateTime {
        let midnight = day.midnight();
        let at = civil(midnight).and_then(|wall| self.0.to_ambiguous_timestamp(wall).compatible().ok());
        let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at.as_second()).ok());
        at.unwrap_or(midnight.assume_utc())
    }
}

fn civil(wall: PrimitiveDateTime) -> Option<DateTime> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(wall.year()).ok()?;
    let (month, day) = (small(wall.month().into())?, small(wall.day())?);
    let (hour, minute, second) = (small(wall.hour())?, small(wall.minute())?, small(wall.second())?);
    DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn what_the_wall_says_is_the_instant_it_was_taken_from() {
        for name in ["UTC", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"] {
            let zone = Zone::named(name);
            for at in [datetime!(2026-01-15 12:00 UTC), datetime!(2026-07-15 23:59:30 UTC)] {
                let wall = zone.local(at);
                assert_eq!(zone.instant(PrimitiveDateTime::new(wall.date(), wall.time())), Some(at), "{name}");
            }
        }
        let zone = Zone::named("America/New_York");
        assert_eq!(zone.local(datetime!(2026-11-18 14:00 UTC)).hour(), 9);
        assert_eq!(zone.local(datetime!(2026-07-18 14:00 UTC)).hour(), 10);
    }

    #[test]
    fn an_hour_that_the_clock_leaves_out_is_none_and_one_that_comes_twice_is_the_first() {
        let zone = Zone::named("Europe/Brussels");
        assert_eq!(zone.instant(datetime!(2026-03-29 02:30)), None);
        assert_eq!(zone.instant(datetime!(2026-10-25 02:30)), Some(datetime!(2026-10-25 00:30 UTC)));
    }

    #[test]
    fn a_day_begins_at_midnight_and_is_as_long_as_the_clock_makes_it() {
        let zone = Zone::named("Europe/Brussels");
        assert_eq!(zone.begins(date!(2026 - 11 - 16)), datetime!(2026-11-15 23:00 UTC));
        let hours = |day: Date, next: Date| (zone.begins(next) - zone.begins(day)).whole_hours();
        assert_eq!(hours(date!(2026 - 03 - 29), date!(2026 - 03 - 30)), 23);
        assert_eq!(hours(date!(2026 - 10 - 25), date!(2026 - 10 - 26)), 25);
        // There the clock was set forward at midnight.
        assert_eq!(Zone::named("America/Santiago").begins(date!(2025 - 09 - 07)), datetime!(2025-09-07 04:00 UTC));
    }

    #[test]
    fn a_zone_that_nobody_knows_is_utc() {
        let at = datetime!(2026-11-18 14:00 UTC);
        assert_eq!(Zone::named("Europe/Atlantis").local(at), at);
    }
}
