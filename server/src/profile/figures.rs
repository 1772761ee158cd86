//! The values that a sentence may name. They are read off the same `Policy` that the code enforces.

use std::collections::BTreeMap;

use serde_json::Value;
use time::Date;

use super::format::Tables;
use super::policy::Policy;
use crate::frameworks::Framework;

/// Constants of the program, not of a profile: what the code uses, so what a sentence may say it uses.
const CONSTANTS: &[(&str, &str)] = &[
    ("storage.cipher", crate::crypto::seal::CIPHER),
    ("storage.family", "AES-256"),
    ("passwords.scheme", crate::crypto::password::SCHEME),
    ("backup_codes.digest", crate::crypto::secret::BACKUP_CODE_DIGEST),
];

/// One value: how it reads in a sentence, and as a cadence where it is a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub said: String,
    pub every: Option<String>,
    /// Where it leads, when it is the name of a link.
    pub href: Option<String>,
}

impl Figure {
    pub fn plain(said: impl Into<String>) -> Self {
        Self { said: said.into(), every: None, href: None }
    }
}

/// All figures of a profile, by the name that a placeholder uses.
#[derive(Clone, Debug, Default)]
pub struct Figures(BTreeMap<String, Figure>);

impl Figures {
    pub fn get(&self, name: &str) -> Option<&Figure> {
        self.0.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn say(&mut self, name: impl Into<String>, said: impl Into<String>) {
        self.0.insert(name.into(), Figure::plain(said));
    }

    /// Everything that is known before a record is looked at.
    pub fn gather(tables: &Tables, policy: &Policy, frameworks: &[Framework]) -> Self {
        let mut figures = Self::default();
        for (name, said) in CONSTANTS {
            figures.say(*name, *said);
        }
        if let Ok(Value::Object(tables)) = serde_json::to_value(policy) {
            for (table, keys) in tables {
                figures.policy_table(&table, &keys);
            }
        }
        figures.facts(tables);
        figures.say("roles.count", tables.roles.len().to_string());
        figures.say("roles.names", list(tables.roles.iter().map(|(name, _)| name.get_ref().as_str())));
        figures.say("frameworks.count", frameworks.len().to_string());
        figures.say("frameworks.names", list(frameworks.iter().map(|framework| framework.name.as_str())));
        figures
    }

    fn policy_table(&mut self, table: &str, keys: &Value) {
        let Value::Object(keys) = keys else { return };
        for (key, value) in keys {
            if let Some(figure) = read(key, value) {
                self.0.insert(format!("{table}.{key}"), figure);
            }
        }
    }

    fn facts(&mut self, tables: &Tables) {
        if let Some(brand) = &tables.brand {
            self.say("brand.name", &brand.name);
            self.say("brand.legal_entity", &brand.legal_entity);
            self.say("brand.effective", day(brand.effective.0));
        }
        if let Some(contacts) = &tables.contacts {
            self.say("contacts.security", contacts.security.get_ref());
            for (name, value) in [("contacts.privacy", &contacts.privacy), ("contacts.general", &contacts.general)] {
                if let Some(value) = value {
                    self.say(name, value.get_ref());
                }
            }
            if let Some(subject) = &contacts.security_subject {
                self.say("contacts.security_subject", subject);
            }
        }
        if let Some(tenancy) = &tables.tenancy {
            self.say("tenancy.organisation", &tenancy.organisation);
            self.say("tenancy.organisations", &tenancy.organisations);
            self.say("tenancy.unit", &tenancy.unit);
            self.say("tenancy.units", &tenancy.units);
        }
        if let Some(mfa) = &tables.mfa {
            self.say("mfa.code_seconds", count(mfa.code_seconds.get_ref().get().into(), "second"));
            self.say("mfa.code_skew_steps", count((*mfa.code_skew_steps.get_ref()).into(), "step"));
            self.say("mfa.backup_codes", mfa.backup_codes.get_ref().to_string());
        }
        for link in &tables.links {
            let figure = Figure { said: lower_first(&link.title), every: None, href: Some(link.url.get_ref().clone()) };
            self.0.insert(format!("links.{}", link.id.get_ref()), figure);
        }
        for (name, value) in &tables.names {
            self.say(format!("names.{}", name.get_ref()), value);
        }
        self.sub_processors(tables);
    }

    fn sub_processors(&mut self, tables: &Tables) {
        let all = &tables.sub_processors;
        self.say(
            "sub_processors.names",
            list(all.iter().map(|one| format!("{} ({})", one.name, lower_first(&one.purpose)))),
        );
        for one in all {
            let id = one.id.get_ref();
            self.say(format!("sub_processors.{id}.name"), &one.name);
            self.say(format!("sub_processors.{id}.purpose"), lower_first(&one.purpose));
            if let Some(region) = &one.region {
                self.say(format!("sub_processors.{id}.region"), region);
            }
        }
    }
}

/// A policy value in words. The unit comes from the key's own name.
fn read(key: &str, value: &Value) -> Option<Figure> {
    match value {
        Value::Number(number) => {
            let number = number.as_u64()?;
            Some(Figure { said: with_unit(key, number), every: cadence(key, number), href: None })
        }
        Value::String(text) if key == "tls" => Some(Figure::plain(format!("TLS {text}"))),
        Value::String(text) => Some(Figure::plain(text)),
        Value::Array(items) => {
            let numbers: Vec<_> = items.iter().filter_map(Value::as_u64).collect();
            let unit = unit_of(key)?;
            (!numbers.is_empty())
                .then(|| Figure::plain(format!("{} {unit}s", list(numbers.iter().map(u64::to_string)))))
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn unit_of(key: &str) -> Option<&'static str> {
    const UNITS: &[(&str, &str)] = &[
        ("_business_days", "business day"),
        ("_business_hours", "business hour"),
        ("_days", "day"),
        ("_hours", "hour"),
        ("_minutes", "minute"),
        ("_seconds", "second"),
    ];
    UNITS.iter().find(|(suffix, _)| key.ends_with(suffix)).map(|(_, unit)| *unit)
}

fn with_unit(key: &str, number: u64) -> String {
    match unit_of(key) {
        Some(unit) => count(number, unit),
        None if key.ends_with("_kib") => format!("{number} KiB"),
        None if key.ends_with("_per_minute") => format!("{number} per minute"),
        None => number.to_string(),
    }
}

fn cadence(key: &str, number: u64) -> Option<String> {
    match unit_of(key)? {
        "day" => Some(every_days(number)),
        "hour" if number.is_multiple_of(24) => Some(every_days(number / 24)),
        unit => Some(format!("every {}", count(number, unit))),
    }
}

/// Days as people say them: a year is 365 or 366 days, a quarter 90 to 92, a month 30 or 31.
pub fn every_days(days: u64) -> String {
    match days {
        1 => "every day".into(),
        7 => "every week".into(),
        30 | 31 => "every month".into(),
        90..=92 => "every quarter".into(),
        365 | 366 => "every year".into(),
        days => format!("every {days} days"),
    }
}

/// `1 day`, `2 days`.
pub fn count(number: u64, unit: &str) -> String {
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    match items.split_last() {
        None => "none".into(),
        Some((only, [])) => only.as_ref().to_owned(),
        Some((last, rest)) => {
            let rest: Vec<_> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

/// `30 April 2026`.
pub fn day(date: Date) -> String {
    format!("{} {} {}", date.day(), date.month(), date.year())
}

/// `Q3 2026` when the date ends a quarter, else the day.
pub fn quarter_or_day(date: Date) -> String {
    let month = u8::from(date.month());
    if month % 3 == 0 && date.next_day().is_some_and(|next| next.day() == 1) {
        format!("Q{} {}", month / 3, date.year())
    } else {
        day(date)
    }
}

/// Keeps abbreviations: only a word that goes on in lower case loses its capital.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        (_, _) => text.to_owned(),
    }
}
