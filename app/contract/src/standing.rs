//! Where an organisation's subscription stands, and what that permits: the whole lapse rule.

use serde::{Deserialize, Serialize};

use crate::permission::Effect;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Trialing,
    Active,
    /// A payment is missing; the days of grace run.
    PastDue,
    Lapsed,
    Cancelled,
}

impl Standing {
    pub const ALL: &[Self] = &[Self::Trialing, Self::Active, Self::PastDue, Self::Lapsed, Self::Cancelled];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Lapsed => "lapsed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|standing| standing.word() == word)
    }

    /// Whether it runs out at a date into `Lapsed`.
    pub const fn runs_out(self) -> bool {
        match self {
            Self::Trialing | Self::PastDue => true,
            Self::Active | Self::Lapsed | Self::Cancelled => false,
        }
    }

    pub const fn permits(self, effect: Effect) -> bool {
        match (self, effect) {
            (Self::Trialing | Self::Active | Self::PastDue, _)
            | (Self::Lapsed | Self::Cancelled, Effect::Read | Effect::Settle) => true,
            (Self::Lapsed | Self::Cancelled, Effect::Change) => false,
        }
    }
}
