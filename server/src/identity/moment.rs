//! Instants as a person wants to read them: in their time zone, in their language.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use time::OffsetDateTime;

const GERMAN: [&str; 12] = [
    "Januar",
    "Februar",
    "M\u{e4}rz",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FRENCH: [&str; 12] = [
    "janvier",
    "f\u{e9}vrier",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "ao\u{fb}t",
    "septembre",
    "octobre",
    "novembre",
    "d\u{e9}cembre",
];
const DUTCH: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// To the minute, with the zone's abbreviation. A zone that is unknown here is UTC.
pub fn moment(at: OffsetDateTime, style: &str, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let local = Timestamp::from_second(at.unix_timestamp()).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone);
    let (year, day, hour, minute) = (local.year(), local.day(), local.hour(), local.minute());
    let month = |names: [&'static str; 12]| names[usize::from(local.month().unsigned_abs()).saturating_sub(1) % 12];
    let clock = format!("{hour:02}:{minute:02} {}", local.strftime("%Z"));
    match style {
        "iso" => format!("{} {clock}", local.date()),
        "en-US" => {
            let (twelve, half) = (if hour % 12 == 0 { 12 } else { hour % 12 }, if hour < 12 { "AM" } else { "PM" });
            format!("{} {day}, {year}, {twelve}:{minute:02} {half} {}", month(ENGLISH), local.strftime("%Z"))
        }
        "de" => format!("{day}. {} {year}, {clock}", month(GERMAN)),
        "fr" => format!("{day} {} {year}, {clock}", month(FRENCH)),
        "nl" => format!("{day} {} {year}, {clock}", month(DUTCH)),
        _ => format!("{day} {} {year}, {clock}", month(ENGLISH)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_instant_is_told_in_the_persons_zone_and_language() {
        let at = datetime!(2026-03-01 23:05 UTC);
        assert_eq!(moment(at, "en-GB", "Europe/Brussels"), "2 March 2026, 00:05 CET");
        assert_eq!(moment(at, "en-US", "America/New_York"), "March 1, 2026, 6:05 PM EST");
        assert_eq!(moment(at, "de", "UTC"), "1. M\u{e4}rz 2026, 23:05 UTC");
        assert_eq!(moment(at, "iso", "nowhere"), "2026-03-01 23:05 UTC");
    }
}
