//! Registers: what organisations may keep, field by field.

use std::collections::BTreeSet;

use contract::permission::Permission;
use toml::Spanned;

use super::check::slugs_once;
use super::format::{self, Tables};
use super::place::{Flaws, did_you_mean};

pub(super) fn registers(tables: &Tables, flaws: &mut Flaws<'_>) {
    slugs_once("register", tables.registers.iter().map(|register| &register.id), flaws);
    let known: Vec<&str> = tables.registers.iter().map(|register| register.id.get_ref().as_str()).collect();
    for register in &tables.registers {
        slugs_once("field", register.fields.iter().map(|field| &field.id), flaws);
        if register.fields.iter().filter(|field| field.names_record).count() != 1 {
            flaws.error(
                register.id.span(),
                format!("exactly one field of \"{}\" has names_record = true", register.id.get_ref()),
            );
        }
        for needed in [&register.read, &register.write, &register.delete].into_iter().flatten() {
            permission(needed, flaws);
        }
        for field in &register.fields {
            self::field(field, &known, flaws);
        }
        slots(register, flaws);
    }
}

/// Names that the forms of a record use for themselves.
const RESERVED: &[&str] = &["record", "unit", "version", "csrf", "field", "act", "month", "made", "id"];

/// How many clear values of a record the database keeps.
pub const SLOTS: u8 = 5;

fn permission(needed: &Spanned<String>, flaws: &mut Flaws<'_>) {
    let words = Permission::ALL.iter().map(|permission| permission.word());
    if Permission::parse(needed.get_ref()).is_none() {
        let hint = did_you_mean(needed.get_ref(), words);
        flaws.error(needed.span(), format!("there is no permission \"{}\"{hint}", needed.get_ref()));
    }
}

/// Each clear field has a slot of its own.
fn slots(register: &format::Register, flaws: &mut Flaws<'_>) {
    let mut taken = BTreeSet::new();
    for field in &register.fields {
        let id = field.id.get_ref();
        match (&field.slot, field.clear) {
            (Some(slot), true) if !(1..=SLOTS).contains(slot.get_ref()) => {
                flaws.error(slot.span(), format!("a slot is a number from 1 to {SLOTS}"));
            }
            (Some(slot), true) if !taken.insert(*slot.get_ref()) => {
                flaws.error(slot.span(), format!("slot {} is taken by another field of this register", slot.get_ref()));
            }
            (Some(_), true) | (None, false) => {}
            (Some(slot), false) => flaws.error(slot.span(), format!("\"{id}\" is not clear, so it has no slot")),
            (None, true) => {
                flaws.error(field.id.span(), format!("\"{id}\" is clear: give it a slot from 1 to {SLOTS}"));
            }
        }
    }
}

fn field(field: &format::Field, registers: &[&str], flaws: &mut Flaws<'_>) {
    use format::FieldKind::{Choice, Choices, Date, File, Instant, Link, LongText, Number, Person, Requirement, Text};
    let id = field.id.get_ref();
    let span = field.id.span();
    if RESERVED.contains(&id.as_str()) {
        flaws.error(span.clone(), format!("\"{id}\" is a name that every record's form uses itself; choose another"));
    }
    for needed in [&field.read, &field.write].into_iter().flatten() {
        permission(needed, flaws);
    }
    if field.clear && !matches!(field.kind, Number | Date | Instant | Choice) {
        flaws.error(span.clone(), format!("\"{id}\": only numbers, dates, instants and single choices can be clear"));
    }
    if field.ends_proof && !(field.clear && matches!(field.kind, Date | Instant)) {
        flaws.error(span.clone(), format!("\"{id}\": only a clear date or instant can end what a record proves"));
    }
    if field.unique && !matches!(field.kind, Text | Number | Date) {
        flaws.error(span.clone(), format!("\"{id}\": only texts, numbers and dates can be unique"));
    }
    if field.choices.iter().any(|choice| choice.contains([';', '\n'])) {
        flaws.error(
            span.clone(),
            format!("\"{id}\": a choice has no semicolon, because lists of them are written with one"),
        );
    }
    match (field.kind, field.choices.is_empty()) {
        (Choice | Choices, true) => flaws.error(span.clone(), format!("\"{id}\" is a choice and has no choices")),
        (Choice | Choices, false) | (_, true) => {}
        (_, false) => flaws.error(span.clone(), format!("\"{id}\" has choices and is not of kind choice or choices")),
    }
    match (field.kind, &field.links_to) {
        (Link, Some(to)) if registers.contains(&to.get_ref().as_str()) => {}
        (Link, Some(to)) => flaws.error(
            to.span(),
            format!(
                "there is no register \"{}\"{}",
                to.get_ref(),
                did_you_mean(to.get_ref(), registers.iter().copied())
            ),
        ),
        (Link, None) => flaws.error(span.clone(), format!("\"{id}\" is a link: links_to names the register")),
        (_, Some(to)) => flaws.error(to.span(), format!("\"{id}\" is not of kind link")),
        (_, None) => {}
    }
    let sealed_kind = match field.kind {
        Text | LongText | Person | File => true,
        Number | Date | Instant | Choice | Choices | Link | Requirement => false,
    };
    if field.clear && sealed_kind {
        flaws.error(span.clone(), format!("\"{id}\": text, people and files are always sealed; take clear away"));
    }
    if field.health && field.kind != Date {
        flaws.error(span, format!("\"{id}\" says something about health: it may only be a date"));
    }
}
