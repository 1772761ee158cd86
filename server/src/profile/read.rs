//! From text to tables: every table, role, register and claim is decoded on its own, so that all mistakes are told at once.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::format::{KEYS, Tables};
use super::place::{Flaws, did_you_mean};

type Value<'i> = Spanned<DeValue<'i>>;

/// Reads all tables; what cannot be read is left out and told.
pub fn tables(text: &str, flaws: &mut Flaws<'_>) -> Tables {
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        flaws.error(error.span().unwrap_or(0..0), first_line(error.message()));
    }
    let mut tables = Tables::default();
    if !broken.is_empty() {
        return tables;
    }
    for (key, value) in root.into_inner() {
        table(&mut tables, key.get_ref().as_ref(), key.span(), value, flaws);
    }
    tables
}

fn table(tables: &mut Tables, key: &str, span: Range<usize>, value: Value<'_>, flaws: &mut Flaws<'_>) {
    match key {
        "id" => tables.id = one(value, flaws),
        "brand" => tables.brand = one(value, flaws),
        "contacts" => tables.contacts = one(value, flaws),
        "links" => tables.links = many(value, flaws),
        "tenancy" => tables.tenancy = one(value, flaws),
        "mfa" => tables.mfa = one(value, flaws),
        "sign_up" => tables.sign_up = one(value, flaws),
        "sessions" => tables.sessions = one(value, flaws),
        "passwords" => tables.passwords = one(value, flaws),
        "retention" => tables.retention = one(value, flaws),
        "clocks" => tables.clocks = one(value, flaws),
        "calendar" => tables.calendar = one(value, flaws),
        "reviews" => tables.reviews = one(value, flaws),
        "billing" => tables.billing = one(value, flaws),
        "backups" => tables.backups = one(value, flaws),
        "keys" => tables.keys = one(value, flaws),
        "operators" => tables.operators = one(value, flaws),
        "limits" => tables.limits = one(value, flaws),
        "certificates" => tables.certificates = one(value, flaws),
        "transport" => tables.transport = one(value, flaws),
        "frameworks" => tables.frameworks = one(value, flaws),
        "names" => tables.names = named(value, flaws),
        "roles" => tables.roles = named(value, flaws),
        "registers" => tables.registers = many(value, flaws),
        "sub_processors" => tables.sub_processors = many(value, flaws),
        "components" => tables.components = many(value, flaws),
        "documents" => tables.documents = many(value, flaws),
        "sections" => tables.sections = many(value, flaws),
        "claims" => tables.claims = many(value, flaws),
        unknown => {
            flaws.error(span, format!("unknown key \"{unknown}\"{}", did_you_mean(unknown, KEYS.iter().copied())));
        }
    }
}

fn one<'i, T: Deserialize<'i>>(value: Value<'i>, flaws: &mut Flaws<'_>) -> Option<T> {
    let whole = value.span();
    match T::deserialize(toml::de::ValueDeserializer::from(value)) {
        Ok(read) => Some(read),
        Err(error) => {
            flaws.error(error.span().unwrap_or(whole), explain(error.message()));
            None
        }
    }
}

fn many<'i, T: Deserialize<'i>>(value: Value<'i>, flaws: &mut Flaws<'_>) -> Vec<T> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(items) => items.into_iter().filter_map(|item| one(item, flaws)).collect(),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => {
            flaws.error(span, "expected a list of tables, each headed by double brackets such as [[claims]]");
            Vec::new()
        }
    }
}

/// A table whose keys are names that the writer chose; they keep the order of the file.
fn named<'i, T: Deserialize<'i>>(value: Value<'i>, flaws: &mut Flaws<'_>) -> Vec<(Spanned<String>, T)> {
    let span = value.span();
    let DeValue::Table(table) = value.into_inner() else {
        flaws.error(span, "expected a table of names");
        return Vec::new();
    };
    let mut rows: Vec<_> = table
        .into_iter()
        .filter_map(|(key, value)| {
            let name = Spanned::new(key.span(), key.get_ref().to_string());
            one(value, flaws).map(|read| (name, read))
        })
        .collect();
    rows.sort_by_key(|(name, _)| name.span().start);
    rows
}

/// The decoder's words, with a suggestion where it lists what it would have taken.
fn explain(message: &str) -> String {
    let message = first_line(message);
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((written, known)) if message.starts_with("unknown") && !known.is_empty() => {
            format!("{message}{}", did_you_mean(written, known.iter().copied()))
        }
        Some(_) | None => message,
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
