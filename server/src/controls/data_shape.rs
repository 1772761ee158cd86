//! Shape of the data: what says something about a person's health is a date and nothing else.

use super::{Instance, Seen};
use crate::profile::format::{FieldKind, Register};

/// Words that give a field away as being about health, in identifiers and labels.
pub(crate) const HEALTH_WORDS: &[&str] =
    &["medical", "health", "illness", "diagnos", "medication", "disab", "allerg", "disease", "blood"];

pub fn health_fields(instance: &Instance) -> Seen {
    look(&instance.profile.registers)
}

/// Looks at every field of every register.
pub fn look(registers: &[Register]) -> Seen {
    let mut dates = Vec::new();
    let mut fields = 0;
    for register in registers {
        for field in &register.fields {
            fields += 1;
            let words = format!("{} {}", field.id.get_ref(), field.label).to_lowercase();
            let about_health = field.health || HEALTH_WORDS.iter().any(|word| words.contains(word));
            match (about_health, field.kind == FieldKind::Date) {
                (true, true) => dates.push(format!("{}.{}", register.id.get_ref(), field.id.get_ref())),
                (true, false) => {
                    return Seen::Failing(format!(
                        "The field \"{}\" of \"{}\" is about health and is not a date.",
                        field.label, register.title
                    ));
                }
                (false, _) => {}
            }
        }
    }
    Seen::Upheld(format!(
        "{fields} fields looked at; about health: {}, dates only.",
        crate::profile::figures::list(dates)
    ))
}
