//! One file's worth of promises, roles, policy, registers and facts; parsed and checked once, at start-up.
//! The reference of the format is `server/profiles/README.md`.

mod check;
mod claims;
mod components;
pub mod figures;
pub mod format;
pub mod place;
pub mod policy;
mod read;
mod registers;
pub mod sentence;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use contract::claim::Kind;
use contract::permission::Permission;
use time::Date;

pub use self::check::check;
use self::format::{DocumentKind, Register, SubProcessor};
pub use self::place::Flaw;
use self::policy::{Isolation, MfaRule, Policy};
use self::sentence::Part;
use crate::backups::components::Component;
use crate::controls::Check;
use crate::frameworks::Framework;

/// Everything that one instance publishes and enforces.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The history is kept under this name.
    pub id: String,
    pub name: String,
    pub legal_entity: String,
    pub line: String,
    pub effective: Date,
    pub contacts: Contacts,
    pub links: Vec<(String, String)>,
    pub isolation: Isolation,
    /// How the vendor calls whoever signs up, one and several.
    pub organisation: String,
    pub organisations: String,
    pub unit: String,
    pub units: String,
    pub mfa: MfaRule,
    pub policy: Policy,
    pub roles: BTreeMap<String, Role>,
    pub registers: Vec<Register>,
    pub frameworks: Vec<Framework>,
    pub sub_processors: Vec<SubProcessor>,
    pub components: Vec<Component>,
    pub documents: Vec<Document>,
    pub sections: Vec<Section>,
    pub claims: Vec<Claim>,
}

#[derive(Clone, Debug)]
pub struct Contacts {
    pub security: String,
    pub security_subject: Option<String>,
    pub privacy: Option<String>,
    pub general: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub privileged: bool,
    pub mfa: bool,
    pub grants: BTreeSet<Permission>,
}

/// One version of a document that the site serves.
#[derive(Clone, Debug)]
pub struct Document {
    pub kind: DocumentKind,
    pub version: Date,
    pub markdown: String,
}

#[derive(Clone, Debug)]
pub struct Section {
    pub id: String,
    pub title: String,
    pub line: Option<String>,
}

/// A sentence and what it is bound to.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: String,
    pub section: String,
    pub sentence: Vec<Part>,
    pub binding: Binding,
    pub withdrawn: Option<(Date, String)>,
}

/// What a claim rests on. There is no variant for "nothing".
#[derive(Clone, Debug)]
pub enum Binding {
    /// Checks of the running system, all of which must pass.
    Checks {
        control: &'static str,
        checks: Vec<Check>,
    },
    /// A control that this program does not have yet.
    Coming {
        control: String,
        checks: Vec<String>,
        why: &'static str,
    },
    Evidence {
        owner: String,
        cadence_days: NonZeroU32,
        record: String,
        requires: Vec<String>,
        recorded: Option<Date>,
    },
    Milestone {
        owner: String,
        date: Date,
        record: String,
    },
    Published {
        confirmed: Date,
    },
}

impl Binding {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Checks { .. } | Self::Coming { .. } => Kind::Enforced,
            Self::Evidence { .. } | Self::Milestone { .. } => Kind::Evidenced,
            Self::Published { .. } => Kind::Published,
        }
    }
}

impl Profile {
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// Whether somebody with these roles needs a second factor; with none, whether everybody does.
    pub fn demands_factor<'r>(&self, roles: impl IntoIterator<Item = &'r str>) -> bool {
        let everybody = match self.mfa {
            MfaRule::Everyone => true,
            MfaRule::Privileged | MfaRule::Offered => false,
        };
        // A role that the profile does not know is one we know nothing good of.
        everybody || roles.into_iter().any(|name| self.roles.get(name).is_none_or(|role| role.mfa))
    }

    /// The documents of one kind, newest first.
    pub fn documents(&self, kind: DocumentKind) -> Vec<&Document> {
        let mut found: Vec<_> = self.documents.iter().filter(|document| document.kind == kind).collect();
        found.sort_by_key(|document| std::cmp::Reverse(document.version));
        found
    }
}

/// Where a profile and the documents beside it come from.
#[derive(Clone, Debug)]
pub enum Source {
    Shipped(&'static str),
    File(PathBuf),
}

struct Shipped {
    name: &'static str,
    text: &'static str,
    documents: &'static [(&'static str, &'static str)],
}

macro_rules! shipped {
    ($($name:literal: [$($document:literal),* $(,)?]),* $(,)?) => {
        &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../../profiles/", $name, ".toml")),
            documents: &[$(($document, include_str!(concat!("../../profiles/", $document)))),*],
        }),*]
    };
}

const SHIPPED: &[Shipped] = shipped! {
    "aertous": ["aertous/privacy-2026-01-01.md", "aertous/privacy-2026-04-30.md", "aertous/terms-2026-01-01.md"],
    "stack-aero": ["stack-aero/privacy-2026-01-01.md", "stack-aero/terms-2026-01-01.md"],
    "stratuslog": ["stratuslog/privacy-2026-01-01.md", "stratuslog/terms-2026-01-01.md"],
};

/// The names of the profiles that come with the program.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|profile| profile.name)
}

impl Source {
    /// A shipped profile's name, or a path.
    ///
    /// # Errors
    /// When it is neither; the message names what there is.
    pub fn named(name: &str) -> Result<Self, String> {
        if let Some(found) = shipped().find(|shipped| *shipped == name) {
            return Ok(Self::Shipped(found));
        }
        let path = PathBuf::from(name);
        if path.is_file() {
            return Ok(Self::File(path));
        }
        Err(format!(
            "there is no profile \"{name}\"{}; give one of {} or the path of a file",
            place::did_you_mean(name, shipped()),
            figures::list(shipped()),
        ))
    }

    /// How messages call it.
    pub fn label(&self) -> String {
        match self {
            Self::Shipped(name) => format!("{name}.toml"),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// # Errors
    /// When the file cannot be read as text.
    pub fn text(&self) -> Result<String, String> {
        match self {
            Self::Shipped(name) => SHIPPED
                .iter()
                .find(|shipped| shipped.name == *name)
                .map(|shipped| shipped.text.to_owned())
                .ok_or_else(|| format!("there is no profile \"{name}\"")),
            Self::File(path) => {
                std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
            }
        }
    }

    /// A document beside the profile. Only names that stay below its folder.
    fn document(&self, file: &str) -> Result<String, String> {
        let inside = !file.starts_with('/') && file.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        if !inside {
            return Err(format!("\"{file}\" must be a path below the profile's own folder"));
        }
        match self {
            Self::Shipped(_) => SHIPPED
                .iter()
                .flat_map(|shipped| shipped.documents)
                .find(|(name, _)| *name == file)
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| format!("there is no document \"{file}\"")),
            Self::File(path) => {
                let beside = path.parent().unwrap_or(path).join(file);
                std::fs::read_to_string(&beside)
                    .map_err(|error| format!("{} cannot be read: {error}", beside.display()))
            }
        }
    }
}

/// What a check of a profile came to: a profile when there is no error, and what was noticed.
#[derive(Debug)]
pub struct Checked {
    pub profile: Option<Profile>,
    pub errors: Vec<Flaw>,
    pub warnings: Vec<Flaw>,
}
