//! What every exported column and every field of a register is, as far as people are concerned: one table. A masked archive is made by it, and
//! what does not stand in it stops a masked archive by name.

use crate::profile::format::{Field, Register};

/// What a column says, and so what becomes of it in a masked archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Of nobody in particular.
    Plain,
    /// Somebody's account: another id, the same one everywhere.
    Account,
    /// What somebody or something is called.
    Name,
    Address,
    /// Written freely by somebody: anybody may be named in it.
    Words,
}

/// The sections that a masked archive does not have, and why nothing of them could be masked.
const LEFT_OUT: &[(&str, &str)] = &[
    ("files", "what is in a file is of any form, and who is in it cannot be told"),
    ("log", "its proof covers every byte: masked, it would prove nothing"),
    ("heads", "they prove the log, which is left out"),
    ("former-log", "as the log"),
];

/// The columns of the sections that a masked archive has.
const COLUMNS: &[(&str, &[(&str, Class)])] = &[
    (
        "organisation",
        &[
            ("name", Class::Name),
            ("created_at", Class::Plain),
            ("standing", Class::Plain),
            ("standing_since", Class::Plain),
            ("standing_until", Class::Plain),
        ],
    ),
    (
        "members",
        &[
            ("account_id", Class::Account),
            ("name", Class::Name),
            ("address", Class::Address),
            ("role", Class::Plain),
            ("since", Class::Plain),
            ("scope", Class::Plain),
            ("ends_at", Class::Plain),
            ("granted_by", Class::Account),
            ("granted_at", Class::Plain),
        ],
    ),
    ("roles", &[("name", Class::Plain), ("permissions", Class::Plain), ("made_at", Class::Plain)]),
    ("units", &[("id", Class::Plain), ("name", Class::Name), ("made_at", Class::Plain)]),
    (
        "reach",
        &[
            ("account_id", Class::Account),
            ("kind", Class::Plain),
            ("target", Class::Plain),
            ("granted_by", Class::Account),
            ("granted_at", Class::Plain),
        ],
    ),
    (
        "invitations",
        &[
            ("id", Class::Plain),
            ("address", Class::Address),
            ("role", Class::Plain),
            ("unit_id", Class::Plain),
            ("invited_by", Class::Account),
            ("made_at", Class::Plain),
            ("ends_at", Class::Plain),
        ],
    ),
    (
        "departures",
        &[
            ("id", Class::Plain),
            ("account_id", Class::Account),
            ("name", Class::Name),
            ("successor_id", Class::Account),
            ("asked_by", Class::Account),
            ("asked_at", Class::Plain),
            ("at", Class::Plain),
            ("due_at", Class::Plain),
            ("due_rule", Class::Plain),
            ("done_at", Class::Plain),
            // A role and numbers.
            ("receipt", Class::Plain),
        ],
    ),
    (
        "help",
        &[
            ("id", Class::Plain),
            ("account_id", Class::Account),
            ("role", Class::Plain),
            ("reason", Class::Words),
            ("given_by", Class::Account),
            ("given_at", Class::Plain),
            ("ends_at", Class::Plain),
            ("ended_at", Class::Plain),
        ],
    ),
    (
        "holds",
        &[
            ("id", Class::Plain),
            ("kind", Class::Plain),
            // Ids of the organisation and of records stay; a person's is another one before it gets here.
            ("subject", Class::Plain),
            ("basis", Class::Words),
            ("scope", Class::Words),
            ("placed_kind", Class::Plain),
            ("placed_by", Class::Account),
            ("placed_at", Class::Plain),
            ("ends_at", Class::Plain),
            ("lifted_at", Class::Plain),
        ],
    ),
    ("days", &[("day", Class::Plain), ("what", Class::Plain), ("count", Class::Plain)]),
    (
        "records",
        &[
            ("id", Class::Plain),
            ("unit_id", Class::Plain),
            ("version", Class::Plain),
            ("made_at", Class::Plain),
            ("made_by", Class::Account),
            ("changed_at", Class::Plain),
            ("removed_at", Class::Plain),
            ("act_id", Class::Plain),
        ],
    ),
    (
        "history",
        &[
            ("record_id", Class::Plain),
            ("version", Class::Plain),
            ("kind", Class::Plain),
            ("at", Class::Plain),
            ("changed_by", Class::Account),
            ("act_id", Class::Plain),
        ],
    ),
    (
        "acts",
        &[
            ("id", Class::Plain),
            ("kind", Class::Plain),
            ("register", Class::Plain),
            ("state", Class::Plain),
            ("made_at", Class::Plain),
            ("made_by", Class::Account),
            ("rows", Class::Plain),
            ("done_rows", Class::Plain),
            ("first_id", Class::Plain),
            ("last_id", Class::Plain),
            ("touched_at", Class::Plain),
            ("trouble", Class::Words),
        ],
    ),
    (
        "reviews",
        &[
            ("id", Class::Plain),
            ("name", Class::Words),
            ("scope", Class::Plain),
            ("scope_of", Class::Plain),
            ("silence", Class::Plain),
            ("effect", Class::Plain),
            ("state", Class::Plain),
            ("origin", Class::Plain),
            ("stages", Class::Plain),
            ("fallback_id", Class::Account),
            ("made_by", Class::Account),
            ("made_at", Class::Plain),
            ("opened_at", Class::Plain),
            ("due_at", Class::Plain),
            ("closed_at", Class::Plain),
            ("closed_by", Class::Account),
            ("items", Class::Plain),
            ("population_sha256", Class::Plain),
            ("found", Class::Plain),
            ("outcome", Class::Plain),
            ("reminded", Class::Plain),
            ("escalated_at", Class::Plain),
            ("when_due", Class::Plain),
            ("held_back_at", Class::Plain),
        ],
    ),
    (
        "review-reviewers",
        &[
            ("review_id", Class::Plain),
            ("stage", Class::Plain),
            ("account_id", Class::Account),
            ("delegate_id", Class::Account),
            ("since", Class::Plain),
        ],
    ),
    (
        "review-items",
        &[
            ("id", Class::Plain),
            ("review_id", Class::Plain),
            ("kind", Class::Plain),
            ("account_id", Class::Account),
            // Some are accounts, and an id does not tell of what it is one.
            ("target_id", Class::Account),
            ("target_kind", Class::Plain),
            ("address", Class::Address),
            ("role", Class::Plain),
            ("granted_at", Class::Plain),
            ("granted_by", Class::Account),
            ("ends_at", Class::Plain),
            ("last_used", Class::Plain),
            ("has_factor", Class::Plain),
            ("privileged", Class::Plain),
            ("orphaned", Class::Plain),
            ("previous", Class::Plain),
            ("advice", Class::Plain),
            ("reason", Class::Plain),
            ("stage", Class::Plain),
            ("reviewer_id", Class::Account),
            ("decision", Class::Plain),
            ("new_role", Class::Plain),
            ("decided_by", Class::Account),
            ("decided_at", Class::Plain),
            ("note_id", Class::Plain),
            ("act_id", Class::Plain),
            ("silent", Class::Plain),
            ("state", Class::Plain),
            ("applied_at", Class::Plain),
            ("settled_by", Class::Account),
            ("settled_at", Class::Plain),
            ("settled_note_id", Class::Plain),
            ("ended_at", Class::Plain),
            ("alone", Class::Plain),
        ],
    ),
    (
        "review-votes",
        &[
            ("item_id", Class::Plain),
            ("stage", Class::Plain),
            ("review_id", Class::Plain),
            ("decision", Class::Plain),
            ("new_role", Class::Plain),
            ("decided_by", Class::Account),
            ("decided_at", Class::Plain),
            ("note_id", Class::Plain),
            ("act_id", Class::Plain),
        ],
    ),
    (
        "review-notes",
        &[
            ("id", Class::Plain),
            ("review_id", Class::Plain),
            ("item_id", Class::Plain),
            ("kind", Class::Plain),
            ("by_id", Class::Account),
            ("at", Class::Plain),
            ("content", Class::Words),
            ("salt", Class::Plain),
        ],
    ),
];

/// What a column is; nothing when nobody said.
pub(crate) fn column(section: &str, column: &str) -> Option<Class> {
    let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == section)?;
    columns.iter().find(|(name, _)| *name == column).map(|(_, class)| *class)
}

/// Whether a masked archive has this section at all.
pub(crate) fn masked_has(section: &str) -> bool {
    !LEFT_OUT.iter().any(|(name, _)| *name == section)
}

/// Whether a field of a register says something of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Personal,
    NotPersonal,
}

/// What a field is; nothing when nobody said. What the profile calls personal is personal, whatever stands here.
pub(crate) fn field(register: &Register, field: &Field) -> Option<Says> {
    if field.personal || field.health {
        return Some(Says::Personal);
    }
    let stands = |table: &[(&str, &str)]| {
        let fields = table.iter().find(|(id, _)| id == register.id.get_ref()).map(|(_, fields)| *fields);
        fields.is_some_and(|fields| fields.split(' ').any(|id| id == field.id.get_ref()))
    };
    match (stands(WRITTEN_FREELY), stands(NOT_PERSONAL)) {
        (true, _) => Some(Says::Personal),
        (false, true) => Some(Says::NotPersonal),
        (false, false) => None,
    }
}

/// Fields that the profile does not call personal and in which people may be named all the same, by register.
const WRITTEN_FREELY: &[(&str, &str)] = &[
    ("controls", "description"),
    ("risks", "title description"),
    ("vendors", "service"),
    ("evidence", "title note"),
    ("tasks", "title details"),
    ("quotes", "conditions"),
    ("documents", "title"),
];

/// The fields that say nothing of a person, by register.
const NOT_PERSONAL: &[(&str, &str)] = &[
    ("controls", "name requirement status nature policy review_interval next_review"),
    ("risks", "likelihood impact treatment control exposure next_review"),
    ("policies", "title edition status approved_on next_review document"),
    ("vendors", "name criticality data agreement contract_ends next_review"),
    ("evidence", "control file collected_at valid_until"),
    ("tasks", "due priority status effort control risk"),
    ("clients", "category client_since"),
    ("trips", "reference status origin destination departs passengers"),
    ("quotes", "reference trip status amount currency valid_until"),
    ("documents", "category trip received expires"),
    ("students", "course status"),
    ("aircraft", "registration model hobbs next_inspection status"),
    ("bookings", "reference aircraft starts ends status"),
    ("flights", "reference aircraft departed duration landings route"),
    ("progress", "lesson flight completed"),
    ("invoices", "stripe_invoice status status_seen"),
];

#[cfg(test)]
mod tests;
