//! Registers: what organisations may keep, field by field.

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
        for field in &register.fields {
            self::field(field, &known, flaws);
        }
    }
}

fn field(field: &format::Field, registers: &[&str], flaws: &mut Flaws<'_>) {
    use format::FieldKind::{Choice, Choices, Date, File, Instant, Link, LongText, Number, Person, Requirement, Text};
    let id = field.id.get_ref();
    let span = field.id.span();
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
