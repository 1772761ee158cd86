//! The words in which a claim's condition is told, in pages and in `/trust.json` alike.

use serde::{Deserialize, Serialize};

/// What a claim rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A control of the running system.
    Enforced,
    /// A dated record, or a milestone that awaits one.
    Evidenced,
    /// A fact that the vendor states and confirms.
    Published,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Enforced, Self::Evidenced, Self::Published];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Evidenced => "evidenced",
            Self::Published => "published",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What may be said of a claim now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A check failed, or evidence or a milestone is overdue.
    Failing,
    /// Was proven, but nothing has looked for longer than its limit.
    Ageing,
    /// Nothing has been checked or recorded yet.
    Unproven,
    /// This instance runs in a mode that cannot keep it.
    Unavailable,
    /// The last check passed and is fresh, or evidence is on record and in time.
    Proven,
    /// A published fact, with the date it was last confirmed.
    Stated,
    /// No longer promised, with date and reason.
    Withdrawn,
}

impl State {
    /// Worst first: the order in which a reader should meet them.
    pub const ALL: [Self; 7] =
        [Self::Failing, Self::Ageing, Self::Unproven, Self::Unavailable, Self::Proven, Self::Stated, Self::Withdrawn];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Ageing => "ageing",
            Self::Unproven => "unproven",
            Self::Unavailable => "unavailable",
            Self::Proven => "proven",
            Self::Stated => "stated",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// One sentence for the legend.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Failing => "A check failed, or evidence or a milestone is overdue.",
            Self::Ageing => "It was proven, but no check has run for longer than its limit.",
            Self::Unproven => "Nothing has been checked or recorded yet.",
            Self::Unavailable => "This instance runs in a mode that cannot keep it.",
            Self::Proven => "The last check passed and is fresh, or evidence is on record and in time.",
            Self::Stated => "A published fact, with the date it was last confirmed.",
            Self::Withdrawn => "No longer promised, with date and reason.",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_kind_is_found_by_its_word() {
        assert!(State::ALL.into_iter().all(|state| State::parse(state.word()) == Some(state)));
        assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.word()) == Some(kind)));
    }
}
