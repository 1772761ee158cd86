//! Registers: what organisations may keep, field by field.

use std::collections::BTreeSet;

use contract::permission::Permission;
use toml::Spanned;

use super::check::slugs_once;
use super::format::{self, FieldKind, Tables};
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
        if let Some(schedule) = &register.schedule {
            self::schedule(register, schedule, flaws);
        }
    }
}

/// A timetable is asked for by the columns that begin and end it, so both are clear.
fn schedule(register: &format::Register, schedule: &format::Schedule, flaws: &mut Flaws<'_>) {
    let format::Schedule { from, to, by, without } = schedule;
    for edge in [from, to] {
        if let Some(field) = named(register, edge, flaws)
            && !(field.clear && field.kind == FieldKind::Instant)
        {
            let said = format!("\"{}\" is no clear instant: a schedule goes from one to another", edge.get_ref());
            flaws.error(edge.span(), said);
        }
    }
    if from.get_ref() == to.get_ref() {
        flaws.error(to.span(), "a schedule goes from one field to another; this is the same twice");
    }
    if let Some(by) = by
        && let Some(field) = named(register, by, flaws)
        && !matches!(field.kind, FieldKind::Link | FieldKind::Person | FieldKind::Choice)
    {
        let said = format!("\"{}\" makes no rows of a schedule: name a link, a person or a choice", by.get_ref());
        flaws.error(by.span(), said);
    }
    if let Some(without) = without
        && let Some(field) = named(register, &without.field, flaws)
    {
        left_out(field, without, flaws);
    }
}

fn left_out(field: &format::Field, without: &format::Without, flaws: &mut Flaws<'_>) {
    if !(field.clear && field.kind == FieldKind::Choice) {
        let said = format!("\"{}\" is no clear choice, so nothing can be left out by it", without.field.get_ref());
        flaws.error(without.field.span(), said);
        return;
    }
    for choice in without.choices.iter().filter(|choice| !field.choices.contains(choice.get_ref())) {
        let near = did_you_mean(choice.get_ref(), field.choices.iter().map(String::as_str));
        flaws.error(choice.span(), format!("there is no choice \"{}\" of this field{near}", choice.get_ref()));
    }
}

fn named<'a>(register: &'a format::Register, id: &Spanned<String>, flaws: &mut Flaws<'_>) -> Option<&'a format::Field> {
    let found = register.fields.iter().find(|field| field.id.get_ref() == id.get_ref());
    if found.is_none() {
        let near = did_you_mean(id.get_ref(), register.fields.iter().map(|field| field.id.get_ref().as_str()));
        flaws.error(id.span(), format!("this register has no field \"{}\"{near}", id.get_ref()));
    }
    found
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
