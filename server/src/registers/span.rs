//! What takes its place from one instant to another ends after it begins: the order that a register's schedule declares.

use super::content::Content;
use super::shape::Shape;
use super::value::key;
use crate::profile::format::{Field, Register};

/// The two fields of a schedule, from when and to when.
fn edges(register: &Register) -> Option<(&Field, &Field)> {
    let schedule = register.schedule.as_ref()?;
    let named = |id: &str| register.fields.iter().find(|field| field.id.get_ref() == id);
    named(schedule.from.get_ref()).zip(named(schedule.to.get_ref()))
}

/// Whether this says of itself that it ends before or when it begins. What lacks one of the two says nothing.
pub fn ends_too_soon(register: &Register, content: &Content) -> bool {
    let at = |field: &Field| content.first(field.id.get_ref()).and_then(|value| key(field, value));
    edges(register).is_some_and(|(from, to)| at(from).zip(at(to)).is_some_and(|(from, to)| to <= from))
}

/// What is wrong with the order of an altered record, and the field to blame: the end, unless this person may only set the beginning. What was
/// in the wrong order before and is not touched is not their fault.
pub(super) fn refusal(shape: &Shape<'_>, before: &Content, after: &Content) -> Option<(String, String)> {
    let (from, to) = edges(shape.register)?;
    let touched = |field: &Field| before.all(field.id.get_ref()) != after.all(field.id.get_ref());
    if !ends_too_soon(shape.register, after) || !(touched(from) || touched(to)) {
        return None;
    }
    Some(if shape.writes(to) {
        (to.id.get_ref().clone(), format!("this has to be after \u{201c}{}\u{201d}", said(shape, from)))
    } else {
        (from.id.get_ref().clone(), format!("this has to be before \u{201c}{}\u{201d}", said(shape, to)))
    })
}

/// The same of one field that many records are to have: the sentence is about that one, whichever it is.
pub(super) fn refusal_of(shape: &Shape<'_>, set: &str, before: &Content, after: &Content) -> Option<String> {
    let (from, to) = edges(shape.register)?;
    refusal(shape, before, after)?;
    Some(if to.id.get_ref() == set {
        format!("of each of them this has to be after \u{201c}{}\u{201d}", said(shape, from))
    } else {
        format!("of each of them this has to be before \u{201c}{}\u{201d}", said(shape, to))
    })
}

/// What a field is called, for those who may know of it.
fn said<'a>(shape: &Shape<'_>, field: &'a Field) -> &'a str {
    if shape.reads(field) { &field.label } else { "another field" }
}
