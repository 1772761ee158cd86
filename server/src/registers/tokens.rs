//! Keyed tokens: the database finds a record by what it says without being able to read it.
//!
//! The key is derived from the organisation's first data key, so that tokens outlive a rotation and end with the keys. A token tells whether
//! two records of one organisation share a word, and how many do; nothing across organisations, and nothing of words that nobody looks for.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use super::content::Content;
use super::shape::{naming, slot};
use crate::crypto::secret::MacKey;
use crate::profile::format::{Field, FieldKind, Register};

/// Of one record. A text of five pages has fewer different words; whatever comes after is not found by word.
const MOST_TOKENS: usize = 400;

/// A longer word is looked for by its beginning.
const WORD_CHARS: usize = 40;

/// The words of a text: letters and digits, without case and accents.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).filter(|word| !word.is_empty()).map(|word| {
        if word.is_ascii() {
            return word.chars().take(WORD_CHARS).map(|c| c.to_ascii_lowercase()).collect();
        }
        let plain = word.nfkd().filter(|c| !is_combining_mark(*c));
        plain.flat_map(char::to_lowercase).take(WORD_CHARS).collect()
    })
}

/// A name as it is looked up: without case, accents and double spaces.
fn folded(name: &str) -> String {
    words(name).collect::<Vec<_>>().join(" ")
}

/// Makes the tokens of one organisation.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(MacKey);

impl Tokens {
    pub(crate) fn new(key: MacKey) -> Self {
        Self(key)
    }

    fn token(&self, kind: &str, register: &str, text: &str) -> i64 {
        let mac = self.0.mac(kind, &[register.as_bytes(), text.as_bytes()]);
        let first: [u8; 8] = mac[..8].try_into().unwrap_or_default();
        i64::from_be_bytes(first)
    }

    /// Of a word as [`words`] gives it.
    pub(crate) fn word(&self, register: &str, word: &str) -> i64 {
        self.token("record-word/1", register, word)
    }

    pub(crate) fn name(&self, register: &str, name: &str) -> i64 {
        self.token("record-name/1", register, &folded(name))
    }

    /// Of a person, in whatever register and field.
    pub(crate) fn person(&self, account: Uuid) -> i64 {
        self.token("record-person/1", "", &account.to_string())
    }

    /// Of a record that others lead to.
    pub(crate) fn link(&self, record: Uuid) -> i64 {
        self.token("record-link/1", "", &record.to_string())
    }

    pub(crate) fn requirement(&self, requirement: &str) -> i64 {
        self.token("record-requirement/1", "", requirement)
    }

    /// Of a choice that is not declared clear.
    pub(crate) fn choice(&self, register: &str, field: &str, choice: &str) -> i64 {
        self.token("record-choice/1", register, &format!("{field}={choice}"))
    }

    pub(crate) fn unique(&self, register: &str, field: &str, value: &str) -> Vec<u8> {
        self.0.mac("record-unique/1", &[register.as_bytes(), field.as_bytes(), folded(value).as_bytes()])[..16].to_vec()
    }

    /// Everything by which a record is found.
    pub(crate) fn of(&self, register: &Register, content: &Content) -> BTreeSet<i64> {
        let id = register.id.get_ref();
        let mut tokens = BTreeSet::new();
        let name = naming(register).and_then(|field| content.first(field.id.get_ref()));
        tokens.extend(name.map(|name| self.name(id, name)));
        for field in &register.fields {
            for value in content.all(field.id.get_ref()) {
                self.of_value(id, field, value, &mut tokens);
            }
        }
        tokens
    }

    fn of_value(&self, register: &str, field: &Field, value: &str, tokens: &mut BTreeSet<i64>) {
        match field.kind {
            FieldKind::Text | FieldKind::LongText => {
                for word in words(value) {
                    if tokens.len() >= MOST_TOKENS {
                        break;
                    }
                    tokens.insert(self.word(register, &word));
                }
            }
            FieldKind::Person => tokens.extend(value.parse().map(|account| self.person(account))),
            FieldKind::Link => tokens.extend(value.parse().map(|record| self.link(record))),
            FieldKind::Requirement => {
                tokens.insert(self.requirement(value));
            }
            FieldKind::Choice | FieldKind::Choices if slot(field).is_none() => {
                tokens.insert(self.choice(register, field.id.get_ref(), value));
            }
            FieldKind::Choice
            | FieldKind::Choices
            | FieldKind::Number
            | FieldKind::Date
            | FieldKind::Instant
            | FieldKind::File => {}
        }
    }

    /// The values of a record that no other of its register may have.
    pub(crate) fn uniques(&self, register: &Register, content: &Content) -> Vec<(String, Vec<u8>)> {
        let unique = register.fields.iter().filter(|field| field.unique);
        unique
            .filter_map(|field| {
                let id = field.id.get_ref();
                content.first(id).map(|value| (id.clone(), self.unique(register.id.get_ref(), id, value)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case_and_accents() {
        let of = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(of("Zoë O'Brien-Łukasz, N123AB"), ["zoe", "o", "brien", "łukasz", "n123ab"]);
        assert_eq!(of("ÉCOLE école E\u{301}cole"), ["ecole"; 3]);
        assert!(of(" -- ").is_empty());
    }
}
