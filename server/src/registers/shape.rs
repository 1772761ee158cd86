//! What a register is made of, as far as one reader may see it.

use std::collections::BTreeSet;

use contract::permission::Permission;

use crate::guard::{Allowed, Right};
use crate::identity::{Accounts, Refusal};
use crate::profile::Profile;
use crate::profile::format::{Field, FieldKind, Register};
use crate::zone::Zone;

use super::value::Reading;

/// A register of the profile, with what one person may do to it.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    pub register: &'a Register,
    profile: &'a Profile,
    permissions: &'a BTreeSet<Permission>,
    /// In which this person reads and types times.
    zone: &'a str,
}

fn holds(permissions: &BTreeSet<Permission>, needed: Option<&toml::Spanned<String>>) -> bool {
    // The profile's check has refused every word that is no permission.
    needed.is_none_or(|word| Permission::parse(word.get_ref()).is_some_and(|needed| permissions.contains(&needed)))
}

impl<'a> Shape<'a> {
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such register, or none that this person may know of.
    pub fn of<R: Right>(reader: &'a Allowed<R>, accounts: &'a Accounts, register: &str) -> Result<Self, Refusal> {
        all(reader, &accounts.profile).into_iter().find(|shape| shape.id() == register).ok_or(Refusal::NotFound)
    }

    pub fn id(&self) -> &'a str {
        self.register.id.get_ref()
    }

    pub fn title(&self) -> &'a str {
        &self.register.title
    }

    pub fn profile(&self) -> &'a Profile {
        self.profile
    }

    pub(super) fn reading(&self) -> Reading<'a> {
        Reading { frameworks: &self.profile.frameworks, zone: self.zone }
    }

    pub fn zone(&self) -> Zone {
        Zone::named(self.zone)
    }

    /// The zone's name, to be said beside times.
    pub fn zone_name(&self) -> &'a str {
        self.zone
    }

    pub fn writes_any(&self) -> bool {
        self.permissions.contains(&Permission::RecordsWrite) && holds(self.permissions, self.register.write.as_ref())
    }

    pub fn deletes(&self) -> bool {
        self.permissions.contains(&Permission::RecordsDelete) && holds(self.permissions, self.register.delete.as_ref())
    }

    pub fn reads(&self, field: &Field) -> bool {
        holds(self.permissions, field.read.as_ref())
    }

    pub fn writes(&self, field: &Field) -> bool {
        self.writes_any() && self.reads(field) && holds(self.permissions, field.write.as_ref())
    }

    /// The fields that this person may read.
    pub fn fields(&self) -> impl Iterator<Item = &'a Field> + use<'a> {
        let (permissions, register) = (self.permissions, self.register);
        register.fields.iter().filter(move |field| holds(permissions, field.read.as_ref()))
    }

    pub fn field(&self, id: &str) -> Option<&'a Field> {
        self.fields().find(|field| field.id.get_ref() == id)
    }

    pub(crate) fn demand_writing(&self) -> Result<(), Refusal> {
        if self.writes_any() { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    pub(crate) fn demand_deleting(&self) -> Result<(), Refusal> {
        if self.deletes() { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// The registers that this person may read, in the profile's order.
pub fn all<'a, R: Right>(reader: &'a Allowed<R>, profile: &'a Profile) -> Vec<Shape<'a>> {
    let (permissions, zone) = (&reader.here().permissions, reader.time_zone.as_str());
    if !permissions.contains(&Permission::RecordsRead) {
        return Vec::new();
    }
    let shape = |register| Shape { register, profile, permissions, zone };
    profile.registers.iter().filter(|register| holds(permissions, register.read.as_ref())).map(shape).collect()
}

/// The register of this id, whoever asks: for what the program does itself.
pub(crate) fn find<'a>(profile: &'a Profile, id: &str) -> Option<&'a Register> {
    profile.registers.iter().find(|register| register.id.get_ref() == id)
}

/// The field that names a record.
pub fn naming(register: &Register) -> Option<&Field> {
    register.fields.iter().find(|field| field.names_record)
}

/// The column in which the database keeps a clear field.
pub(crate) fn slot(field: &Field) -> Option<usize> {
    field.slot.as_ref().filter(|_| field.clear).map(|slot| usize::from(*slot.get_ref()))
}

/// Whether a field takes several values.
pub const fn several(kind: FieldKind) -> bool {
    match kind {
        FieldKind::Choices | FieldKind::Requirement => true,
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::Instant
        | FieldKind::Choice
        | FieldKind::Person
        | FieldKind::Link
        | FieldKind::File => false,
    }
}
