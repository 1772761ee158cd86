//! A claim's sentence: words, and figures that no one may type by hand.

use std::ops::Range;

use time::Date;

use super::figures::{Figures, count, every_days, quarter_or_day};
use super::place::{Flaws, did_you_mean};

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Words(String),
    /// A value of the profile or the program, with the name it goes by.
    Figure {
        name: String,
        said: String,
        href: Option<String>,
    },
    /// Month and year of the claim's newest record; only known when it is read.
    Recorded,
    /// Certificates on record that have not expired; only known when it is read.
    CertificationsHeld,
}

/// Figures that belong to one claim rather than to the profile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own {
    pub cadence_days: Option<u32>,
    pub milestone: Option<Date>,
}

/// Numbers in disguise: what such a word says must come from the policy too.
const NUMBER_WORDS: &[&str] = &[
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "fifteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "ninety",
    "hundred",
    "thousand",
    "dozen",
    "twice",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annual",
    "annually",
];

/// Reads a sentence; what is wrong is told at its place in the file.
pub fn parse(text: &toml::Spanned<String>, own: Own, figures: &Figures, flaws: &mut Flaws<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text.get_ref().as_str();
    // The opening quotation mark is part of the span.
    let place = |offset: usize| -> Range<usize> {
        let start = (text.span().start + 1 + offset).min(text.span().end);
        start..start
    };
    let offset = |rest: &str| text.get_ref().len() - rest.len();
    while let Some(open) = rest.find('{') {
        words(&rest[..open], place(offset(rest)), &mut parts, flaws);
        rest = &rest[open..];
        let Some(close) = rest.find('}') else {
            flaws.error(place(offset(rest)), "a placeholder is opened with { and never closed");
            return parts;
        };
        match figure(&rest[1..close], own, figures) {
            Ok(part) => parts.push(part),
            Err(message) => flaws.error(place(offset(rest)), message),
        }
        rest = &rest[close + 1..];
    }
    words(rest, place(offset(rest)), &mut parts, flaws);
    parts
}

fn words(text: &str, place: Range<usize>, parts: &mut Vec<Part>, flaws: &mut Flaws<'_>) {
    if text.is_empty() {
        return;
    }
    let at = |offset: usize| place.start + offset..place.start + offset;
    if let Some(offset) = text.find(char::is_numeric) {
        flaws.error(at(offset), "a number is typed into the sentence; let a placeholder name the policy value, such as {clocks.patch_high_days}, or {names.…} for a proper name");
    }
    if text.contains('}') {
        flaws.error(place.clone(), "a } without its {");
    }
    let letters = |c: char| !c.is_alphabetic();
    for word in text.split(letters).filter(|word| NUMBER_WORDS.contains(&word.to_lowercase().as_str())) {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        flaws.error(at(offset), format!("\"{word}\" is a number typed into the sentence; let a placeholder name the policy value, such as {{every backups.every_hours}}"));
    }
    parts.push(Part::Words(text.to_owned()));
}

fn figure(name: &str, own: Own, figures: &Figures) -> Result<Part, String> {
    let said = |said: String| Ok(Part::Figure { name: name.to_owned(), said, href: None });
    match (name, own) {
        ("recorded", Own { cadence_days: Some(_), .. }) => return Ok(Part::Recorded),
        ("recorded", _) => return Err("{recorded} belongs to a claim with evidence".into()),
        ("certifications.held", _) => return Ok(Part::CertificationsHeld),
        ("cadence", Own { cadence_days: Some(days), .. }) => return said(count(days.into(), "day")),
        ("every cadence", Own { cadence_days: Some(days), .. }) => return said(every_days(days.into())),
        ("cadence" | "every cadence", _) => return Err("{cadence} belongs to a claim with evidence".into()),
        ("milestone", Own { milestone: Some(date), .. }) => return said(quarter_or_day(date)),
        ("milestone", _) => return Err("{milestone} belongs to a claim with a milestone".into()),
        (_, _) => {}
    }
    let (key, every) = name.strip_prefix("every ").map_or((name, false), |key| (key, true));
    match figures.get(key) {
        Some(figure) if every => match &figure.every {
            Some(cadence) => said(cadence.clone()),
            None => Err(format!("{{{name}}}: \"{key}\" is not a span of time; write {{{key}}}")),
        },
        Some(figure) => {
            Ok(Part::Figure { name: name.to_owned(), said: figure.said.clone(), href: figure.href.clone() })
        }
        None => Err(format!(
            "{{{name}}} names a value that this profile does not set{}",
            did_you_mean(key, figures.names())
        )),
    }
}
