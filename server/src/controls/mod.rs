//! What the running system enforces, and the looking that proves it: each control is a set of checks of *this* instance.

pub mod access_review;
pub mod audit_chain;
pub mod backups;
pub mod billing;
mod cast;
mod check;
pub mod claim_engine;
mod coming;
pub mod data_shape;
pub mod environments;
pub mod forgeries;
pub mod identity;
mod instance;
pub mod isolation;
pub mod mfa;
pub mod mfa_reset;
pub mod non_production;
pub mod offboarding;
pub mod operator_seats;
pub mod passwords;
pub mod probe;
pub mod rbac;
pub mod recovery;
pub mod retention;
pub mod row_level;
pub mod run;
pub mod sealed_storage;
pub mod tenant_export;
#[cfg(test)]
mod tests;
pub mod transport;
mod walk;
pub mod web_hygiene;

use std::time::Duration;

pub use self::check::{About, Check};
pub use self::coming::{COMING, Coming, coming};
pub use self::instance::{Instance, Mode, Serving};

/// What one look at the running system saw. The words are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Upheld(String),
    Failing(String),
    /// This instance runs in a mode that cannot keep it.
    Unavailable(String),
}

/// Something the system enforces.
#[derive(Debug)]
pub struct Control {
    pub id: &'static str,
    pub title: &'static str,
}

/// A finding older than this many intervals no longer proves anything: two runs may be missed, not three.
pub const FRESH_INTERVALS: u32 = 3;

/// A check that takes longer has failed. Long enough for a machine that is busy with something else: a sentence
/// must not change because a disk was slow for a moment.
pub const CHECK_LIMIT: Duration = Duration::from_secs(30);

pub const CONTROLS: &[Control] = &[
    Control { id: "claim-engine", title: "The page tells what is" },
    Control { id: "transport", title: "Encryption in transit" },
    Control { id: "sealed-storage", title: "Sealed storage" },
    Control { id: "web-hygiene", title: "Web hygiene" },
    Control { id: "passwords", title: "Passwords" },
    Control { id: "mfa", title: "Second factor" },
    Control { id: "identity", title: "Who is who" },
    Control { id: "rbac", title: "Roles" },
    Control { id: "isolation-scoped", title: "Isolation in shared tables" },
    Control { id: "isolation-row-level", title: "Isolation by the database" },
    Control { id: "isolation-dedicated", title: "A database for each" },
    Control { id: "mfa-reset", title: "Resetting a second factor" },
    Control { id: "offboarding", title: "The end of access" },
    Control { id: "access-review", title: "Access reviews" },
    Control { id: "audit-chain", title: "The audit log" },
    Control { id: "operator-seats", title: "The vendor's staff" },
    Control { id: "billing", title: "Subscriptions" },
    Control { id: "tenant-export", title: "Taking everything along" },
    Control { id: "non-production-guard", title: "Production data stays in production" },
    Control { id: "retention", title: "How long things are kept" },
    Control { id: "backups", title: "Backups" },
    Control { id: "recovery-objectives", title: "Recovery" },
    Control { id: "data-shape", title: "Shape of the data" },
];

impl Control {
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        Check::ALL.iter().copied().filter(|check| check.about().control == self.id)
    }
}

pub fn find(id: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.id == id)
}

/// All names that a profile may use.
pub fn names() -> impl Iterator<Item = &'static str> {
    CONTROLS
        .iter()
        .map(|control| control.id)
        .chain(COMING.iter().filter(|coming| coming.check.is_none()).map(|coming| coming.control))
}
