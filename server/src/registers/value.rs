//! One value of a field: how it is read from what people type, kept as text, and laid into a number where the database must sort it.

use sha2::{Digest, Sha256};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use unicode_normalization::UnicodeNormalization;

use super::content::Content;
use super::shape::{Shape, several};
use crate::clock::{parse_date, to_ms};
use crate::controls::data_shape::HEALTH_WORDS;
use crate::frameworks::Framework;
use crate::profile::format::{Field, FieldKind};
use crate::zone::Zone;

/// Characters of a text in one line: a name, a reference.
pub const TEXT_CHARS: usize = 200;
/// Characters of a text with paragraphs: five pages.
pub const LONG_TEXT_CHARS: usize = 10_000;
/// Values of a field that takes several.
const MOST_VALUES: usize = 100;
/// Digits after the point that a number keeps. With these and twelve before it, a number fits a 64-bit integer.
const DECIMALS: u32 = 4;
const LARGEST: i64 = 1_000_000_000_000;

/// What it takes to understand what somebody typed.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    pub frameworks: &'a [Framework],
    /// In which they write times.
    pub zone: &'a str,
}

/// What somebody typed as it is kept: nothing, one value, or several. People, links and files are still as typed.
///
/// # Errors
/// A sentence that says what would be right.
pub fn parse(reading: Reading<'_>, field: &Field, typed: &str) -> Result<Vec<String>, String> {
    let one = |typed: &str| value(reading, field, typed);
    let values = if several(field.kind) {
        let parts = typed.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty());
        let mut values = parts.map(one).collect::<Result<Vec<_>, _>>()?;
        values.sort();
        values.dedup();
        values
    } else {
        let typed = typed.trim();
        if typed.is_empty() { Vec::new() } else { vec![one(typed)?] }
    };
    match values.len() {
        0 if field.required => Err("fill this in".into()),
        count if count > MOST_VALUES => Err(format!("at most {MOST_VALUES} of these")),
        _ => Ok(values),
    }
}

fn value(reading: Reading<'_>, field: &Field, typed: &str) -> Result<String, String> {
    match field.kind {
        FieldKind::LongText => text(typed, LONG_TEXT_CHARS, true),
        FieldKind::Number => number(typed).map(decimal),
        FieldKind::Date => parse_date(typed)
            .map(|date| date.to_string())
            .map_err(|_| "write the date as year-month-day, such as 2026-04-30".into()),
        FieldKind::Instant => instant(typed, reading.zone).map(crate::clock::rfc3339),
        FieldKind::Choice | FieldKind::Choices => choice(field, typed),
        FieldKind::Requirement => requirement(typed, reading.frameworks),
        FieldKind::Text | FieldKind::Person | FieldKind::Link | FieldKind::File => text(typed, TEXT_CHARS, false),
    }
}

fn text(typed: &str, most: usize, lines: bool) -> Result<String, String> {
    let text: String = typed.replace("\r\n", "\n").nfc().collect();
    let count = text.chars().count();
    if count > most {
        return Err(format!("at most {most} characters; this has {count}"));
    }
    let odd = |c: char| (c.is_control() && !(lines && (c == '\n' || c == '\t'))) || contract::text::misleads(c);
    if text.chars().any(odd) {
        return Err("this has a character that cannot be seen; type it again without".into());
    }
    Ok(text)
}

/// A number in ten-thousandths.
fn number(typed: &str) -> Result<i64, String> {
    let wrong = || format!("write a number such as 12 or 12.5, with at most {DECIMALS} digits after the point");
    let (minus, digits) = typed.strip_prefix('-').map_or((false, typed), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) || part.len() > DECIMALS as usize {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    if whole >= LARGEST {
        return Err("this number is too large: at most twelve digits before the point".into());
    }
    let part: i64 = format!("{part:0<4}").parse().map_err(|_| wrong())?;
    let value = whole * 10_i64.pow(DECIMALS) + part;
    Ok(if minus { -value } else { value })
}

fn decimal(value: i64) -> String {
    let one = 10_i64.pow(DECIMALS);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, part) = ((value / one).abs(), (value % one).abs());
    let text = format!("{sign}{whole}.{part:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With an offset, or as a browser's field for date and time writes it: then it is what the wall says in the zone of whoever typed it.
fn instant(typed: &str, zone: &str) -> Result<OffsetDateTime, String> {
    let exact = OffsetDateTime::parse(typed, &Rfc3339).map(|at| at.to_offset(UtcOffset::UTC));
    let at = exact.or_else(|_| on_the_wall(typed, zone))?;
    at.replace_nanosecond(0).map_err(|_| shape_of_instant(zone))
}

fn on_the_wall(typed: &str, zone: &str) -> Result<OffsetDateTime, String> {
    let local = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let spaced = format_description!("[year]-[month]-[day] [hour]:[minute]");
    let wall = PrimitiveDateTime::parse(typed, &local)
        .or_else(|_| PrimitiveDateTime::parse(typed, &seconds))
        .or_else(|_| PrimitiveDateTime::parse(typed, &spaced))
        .or_else(|_| parse_date(typed).map(|date| PrimitiveDateTime::new(date, Time::MIDNIGHT)));
    let wall = wall.map_err(|_| shape_of_instant(zone))?;
    Zone::named(zone)
        .instant(wall)
        .ok_or_else(|| format!("the clock in {zone} is set forward over this time, so it never comes; write another"))
}

fn shape_of_instant(zone: &str) -> String {
    format!(
        "write date and time such as 2026-04-30T14:30, as it is in {zone}, or with an offset such as 2026-04-30T14:30:00Z"
    )
}

/// An instant as it is kept.
pub(super) fn kept_instant(value: &str) -> Option<OffsetDateTime> {
    instant(value, "UTC").ok()
}

/// What a browser's field for date and time takes: without offset, and without seconds where there are none.
pub(super) fn wall(local: OffsetDateTime) -> String {
    let seconds = if local.second() == 0 { String::new() } else { format!(":{:02}", local.second()) };
    format!("{}T{:02}:{:02}{seconds}", local.date(), local.hour(), local.minute())
}

/// From which key on, or up to which, a list is bounded by what was typed: for a day, its first instant or its last.
pub(super) fn bound(reading: Reading<'_>, field: &Field, typed: &str, last: bool) -> Option<i64> {
    if field.kind != FieldKind::Instant {
        return key(field, typed);
    }
    let zone = Zone::named(reading.zone);
    match parse_date(typed) {
        Ok(day) if last => Some(to_ms(zone.begins(day.next_day()?)) - 1),
        Ok(day) => Some(to_ms(zone.begins(day))),
        Err(_) => instant(typed, reading.zone).ok().map(to_ms),
    }
}

fn choice(field: &Field, typed: &str) -> Result<String, String> {
    let found = field.choices.iter().find(|choice| choice.to_lowercase() == typed.to_lowercase());
    found.cloned().ok_or_else(|| format!("choose one of: {}", field.choices.join(", ")))
}

/// Framework and identifier, such as `soc-2:CC6.1`; the identifier alone if only one framework has it.
fn requirement(typed: &str, frameworks: &[Framework]) -> Result<String, String> {
    let found: Vec<String> = match typed.split_once(':') {
        Some((framework, identifier)) => named(frameworks, framework, identifier.trim()),
        None => frameworks.iter().flat_map(|framework| named(frameworks, &framework.id, typed)).collect(),
    };
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(format!("no framework here has the requirement \"{typed}\"")),
        several => Err(format!("several frameworks have this; write one of: {}", several.join(", "))),
    }
}

fn named(frameworks: &[Framework], framework: &str, identifier: &str) -> Vec<String> {
    let of = frameworks.iter().filter(|known| known.id.eq_ignore_ascii_case(framework));
    let has = |known: &Framework| {
        known.requirements.iter().find(|(id, _)| id.eq_ignore_ascii_case(identifier)).map(|(id, _)| id.clone())
    };
    of.filter_map(|known| Some(format!("{}:{}", known.id, has(known)?))).collect()
}

/// What the database sorts and compares a clear value by. Of what does not parse: nothing.
pub(crate) fn key(field: &Field, value: &str) -> Option<i64> {
    match field.kind {
        FieldKind::Number => number(value).ok(),
        FieldKind::Date => parse_date(value).ok().map(day_key),
        FieldKind::Instant => kept_instant(value).map(to_ms),
        FieldKind::Choice => Some(choice_key(value)),
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Choices
        | FieldKind::Person
        | FieldKind::Link
        | FieldKind::File
        | FieldKind::Requirement => None,
    }
}

pub(crate) fn day_key(date: Date) -> i64 {
    i64::from(date.to_julian_day())
}

/// The same for the same word, whatever stands before it in the profile's list.
pub fn choice_key(choice: &str) -> i64 {
    let digest = Sha256::digest(choice.as_bytes());
    let first: [u8; 8] = digest[..8].try_into().unwrap_or_default();
    i64::from_be_bytes(first)
}

/// The labels of free texts in which something may stand about somebody's health, where the profile keeps of health dates only. A word tells
/// little: whoever wrote it is asked to look again, and nothing is refused.
pub fn warnings(shape: &Shape<'_>, content: &Content) -> Vec<String> {
    let keeps_health =
        shape.profile().registers.iter().any(|register| register.fields.iter().any(|field| field.health));
    if !keeps_health {
        return Vec::new();
    }
    let free = |field: &&Field| matches!(field.kind, FieldKind::Text | FieldKind::LongText);
    let tells = |field: &&Field| {
        let said = content.all(field.id.get_ref()).join(" ").to_lowercase();
        HEALTH_WORDS.iter().any(|word| said.contains(word))
    };
    shape.fields().filter(free).filter(tells).map(|field| field.label.clone()).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::profile::format::Register;

    fn field(text: &str) -> Field {
        let register: Register =
            toml::from_str(&format!("id = \"r\"\ntitle = \"R\"\n[[fields]]\nid = \"f\"\nlabel = \"F\"\n{text}"))
                .expect("a field");
        register.fields.into_iter().next().expect("one")
    }

    fn one(field: &Field, typed: &str) -> Result<String, String> {
        parse(Reading { frameworks: &[], zone: "UTC" }, field, typed).map(|values| values.join("|"))
    }

    #[test]
    fn a_number_keeps_what_was_typed_and_nothing_more() {
        let number = field("kind = \"number\"");
        for (typed, kept) in [
            ("12", "12"),
            ("12.50", "12.5"),
            ("-0.0001", "-0.0001"),
            ("000", "0"),
            ("999999999999.9999", "999999999999.9999"),
        ] {
            assert_eq!(one(&number, typed).as_deref(), Ok(kept), "{typed}");
        }
        for bad in ["1e5", "1,5", "NaN", "inf", "--1", ".5", "5.", "1.00001", "1000000000000", "0x10", "١٢"] {
            assert!(one(&number, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar_and_nothing_else() {
        let date = field("kind = \"date\"");
        assert_eq!(one(&date, "2028-02-29").as_deref(), Ok("2028-02-29"));
        for bad in ["2027-02-29", "class 2, glasses", "29.02.2028", "2028-02-29T10:00", "1", "tomorrow"] {
            assert!(one(&date, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_instant_is_kept_in_utc() {
        let instant = field("kind = \"instant\"");
        assert!(one(&instant, "2026-04-30T14:30+02:00:00").is_err());
        assert_eq!(one(&instant, "2026-04-30T14:30:00+02:00").as_deref(), Ok("2026-04-30T12:30:00Z"));
        assert_eq!(one(&instant, "2026-04-30T14:30").as_deref(), Ok("2026-04-30T14:30:00Z"));
        assert_eq!(one(&instant, "2026-04-30T14:30:15").as_deref(), Ok("2026-04-30T14:30:15Z"));
    }

    #[test]
    fn a_time_without_an_offset_is_the_one_on_the_wall_of_whoever_typed_it() {
        let instant = field("kind = \"instant\"");
        let there = |typed: &str| parse(Reading { frameworks: &[], zone: "America/New_York" }, &instant, typed);
        for (typed, kept) in [
            ("2026-11-18T09:00", "2026-11-18T14:00:00Z"),
            ("2026-07-18 09:00", "2026-07-18T13:00:00Z"),
            ("2026-11-18", "2026-11-18T05:00:00Z"),
            ("2026-11-18T09:00:00Z", "2026-11-18T09:00:00Z"),
        ] {
            assert_eq!(there(typed), Ok(vec![kept.to_owned()]), "{typed}");
        }
        assert!(there("2026-03-08T02:30").expect_err("a time that never comes").contains("set forward"));
        assert_eq!(wall(datetime!(2026-11-18 9:00 -5)), "2026-11-18T09:00");
        assert_eq!(wall(datetime!(2026-11-18 9:00:07 -5)), "2026-11-18T09:00:07");
    }

    #[test]
    fn a_text_has_a_length_and_no_character_that_hides() {
        let text = field("kind = \"text\"");
        assert!(one(&text, &"x".repeat(TEXT_CHARS)).is_ok());
        for bad in ["x".repeat(TEXT_CHARS + 1), "a\u{202e}b".into(), "a\u{0}b".into(), "two\nlines".into()] {
            assert!(one(&text, &bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_and_dates_sort_as_their_keys_do() {
        let (number, date) = (field("kind = \"number\""), field("kind = \"date\""));
        let ordered = |field: &Field, values: &[&str]| values.iter().map(|value| key(field, value)).is_sorted();
        assert!(ordered(&number, &["-10", "-9.5", "0", "0.0001", "9", "10"]));
        assert!(ordered(&date, &["1969-12-31", "1970-01-01", "2026-11-22", "2027-01-01"]));
    }

    #[test]
    fn a_requirement_names_its_framework_or_is_the_only_one_of_its_name() {
        let frameworks: Vec<Framework> = crate::frameworks::known().filter_map(crate::frameworks::load).collect();
        let requirement = field("kind = \"requirement\"");
        let reading = Reading { frameworks: &frameworks, zone: "UTC" };
        let parse = |typed: &str| parse(reading, &requirement, typed).map(|values| values.join("|"));
        assert_eq!(parse("cc6.1").as_deref(), Ok("soc-2:CC6.1"));
        assert_eq!(parse("soc-2:CC6.1; soc-2:CC6.1\nsoc-2:CC6.2").as_deref(), Ok("soc-2:CC6.1|soc-2:CC6.2"));
        assert!(parse("soc-2:CC99").is_err());
    }
}
