//! Taking people out of an archive that is meant for a test. The same value becomes the same other value within one archive, so that what belongs
//! together stays together; the key is made for one archive and thrown away, so that nobody can go back or try names out.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::ExportError;
use super::classes::{self, Class, Says};
use super::table::Cell;
use crate::crypto::hex;
use crate::crypto::seal::SecretKey;
use crate::crypto::secret::MacKey;
use crate::profile::format::{Field, FieldKind, Register};

/// Makes other values.
#[derive(Debug)]
pub(crate) struct Mask(MacKey);

impl Mask {
    pub(crate) fn new() -> Result<Self, ExportError> {
        Ok(Self(MacKey::new(SecretKey::random()?)))
    }

    fn bytes(&self, kind: &str, value: &str) -> [u8; 32] {
        self.0.mac(kind, &[value.as_bytes()])
    }

    fn letters(&self, kind: &str, value: &str) -> String {
        hex(&self.bytes(kind, value)[..6])
    }

    fn number(&self, kind: &str, value: &str) -> u64 {
        let first: [u8; 8] = self.bytes(kind, value)[..8].try_into().unwrap_or_default();
        u64::from_be_bytes(first)
    }

    pub(crate) fn account(&self, id: Uuid) -> Uuid {
        if id.is_nil() {
            return id;
        }
        let half: [u8; 16] = self.bytes("account", &id.to_string())[..16].try_into().unwrap_or_default();
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }

    fn name(&self, value: &str) -> String {
        format!("Name {}", self.letters("name", value))
    }

    fn address(&self, value: &str) -> String {
        format!("person-{}@masked.example", self.letters("address", value))
    }

    fn text(&self, value: &str) -> String {
        format!("Text {}", self.letters("text", value))
    }

    /// A cell as it may go into a masked archive.
    pub(crate) fn cell(&self, class: Class, cell: Cell) -> Cell {
        match (class, cell) {
            (_, Cell::Nothing) => Cell::Nothing,
            (Class::Plain, cell) => cell,
            (Class::Account, Cell::Id(id)) => Cell::Id(self.account(id)),
            (Class::Name, Cell::Text(text)) => Cell::Text(self.name(&text)),
            (Class::Address, Cell::Text(text)) => Cell::Text(self.address(&text)),
            (Class::Words, Cell::Text(text)) => Cell::Text(self.text(&text)),
            // Of another form than its class says: nothing of it is kept.
            (
                Class::Account | Class::Name | Class::Address | Class::Words,
                Cell::Id(_) | Cell::Text(_) | Cell::Number(_) | Cell::At(_) | Cell::Json(_),
            ) => Cell::Nothing,
        }
    }

    /// What a record says, without people.
    ///
    /// # Errors
    /// [`ExportError::Unclassified`] for a value of which nobody said whether it is personal.
    pub(crate) fn content(
        &self,
        register: &Register,
        content: &mut BTreeMap<String, Vec<String>>,
    ) -> Result<(), ExportError> {
        for (id, values) in content.iter_mut() {
            let field = register.fields.iter().find(|field| field.id.get_ref() == id);
            let unknown = || ExportError::Unclassified(format!("{}.{id}", register.id.get_ref()));
            let field = field.ok_or_else(unknown)?;
            let says = classes::field(register, field).ok_or_else(unknown)?;
            *values = std::mem::take(values).into_iter().filter_map(|value| self.value(field, says, value)).collect();
        }
        content.retain(|_, values| !values.is_empty());
        Ok(())
    }

    fn value(&self, field: &Field, says: Says, value: String) -> Option<String> {
        match (field.kind, says) {
            // Files are left out, whatever is in them.
            (FieldKind::File, _) | (FieldKind::Requirement, Says::Personal) => None,
            (FieldKind::LongText, _) | (FieldKind::Text, Says::Personal) => Some(self.text(&value)),
            (FieldKind::Person, _) => {
                Some(value.parse().map_or_else(|_| self.text(&value), |id| self.account(id).to_string()))
            }
            // Another record: what is personal of it is masked there.
            (FieldKind::Link, _) | (_, Says::NotPersonal) => Some(value),
            (FieldKind::Date | FieldKind::Instant, Says::Personal) => first_of_month(&value),
            (FieldKind::Number, Says::Personal) => Some((self.number("number", &value) % 1_000_000).to_string()),
            (FieldKind::Choice | FieldKind::Choices, Says::Personal) => self.choice(field, &value),
        }
    }

    fn choice(&self, field: &Field, value: &str) -> Option<String> {
        let number = self.number("choice", value) % (field.choices.len().max(1) as u64);
        field.choices.get(usize::try_from(number).unwrap_or(0)).cloned()
    }
}

/// A day or an instant without its day.
fn first_of_month(value: &str) -> Option<String> {
    let month = value.get(..7)?;
    let rest = value.get(10..).unwrap_or_default();
    let time = if rest.is_empty() { "" } else { "T00:00:00Z" };
    Some(format!("{month}-01{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::profile;

    #[test]
    fn the_same_value_becomes_the_same_other_one_within_an_archive_only() {
        let (one, other) = (Mask::new().expect("random"), Mask::new().expect("random"));
        let name = |mask: &Mask| mask.cell(Class::Name, Cell::Text("Ada Lovelace".into()));
        assert_eq!(name(&one), name(&one));
        assert_ne!(name(&one), name(&other));
        let id = Uuid::now_v7();
        assert!(one.account(id) == one.account(id) && one.account(id) != id);
    }

    #[test]
    fn nothing_personal_of_a_record_is_left_and_what_is_not_stays() {
        let profile = profile("stratuslog", &[]);
        let students = profile.registers.iter().find(|register| register.id.get_ref() == "students").expect("students");
        let said = [
            ("name", "Marker Person"),
            ("email", "marker@school.example"),
            ("course", "Instrument rating"),
            ("medical_expiry", "2026-05-17"),
            ("status", "Active"),
        ];
        let mut content: BTreeMap<String, Vec<String>> =
            said.iter().map(|(field, value)| ((*field).to_owned(), vec![(*value).to_owned()])).collect();
        Mask::new().expect("random").content(students, &mut content).expect("classified");
        let text = format!("{content:?}");
        assert!(!text.contains("arker") && !text.contains("05-17"), "{text}");
        assert_eq!(content["course"], ["Instrument rating"]);
        assert_eq!(content["medical_expiry"], ["2026-05-01"]);

        content.insert("nickname".into(), vec!["Markie".into()]);
        let stopped = Mask::new().expect("random").content(students, &mut content).expect_err("unclassified");
        assert_eq!(stopped.to_string(), "nobody has said whether students.nickname is personal");
    }

    #[test]
    fn a_day_becomes_the_first_of_its_month() {
        assert_eq!(first_of_month("2026-05-17").as_deref(), Some("2026-05-01"));
        assert_eq!(first_of_month("2026-05-17T10:11:12Z").as_deref(), Some("2026-05-01T00:00:00Z"));
        assert_eq!(first_of_month("soon"), None);
    }
}
