//! What differed from a decision and was explained, or was done again: what became of it, by whom, and why.

use time::OffsetDateTime;
use uuid::Uuid;

use super::items::Item;
use super::words::{Decision, State};

/// Who explained a difference, and why it may be.
#[derive(Clone, Debug)]
pub struct Settled {
    pub by: String,
    pub account: Uuid,
    pub at: OffsetDateTime,
    pub reason: String,
    /// What the reason was hashed with for the log, in hexadecimal.
    pub salt: Option<String>,
    /// When the access ended that was to be kept; nothing where the log does not tell.
    pub ended: Option<OffsetDateTime>,
}

/// What became of an item other than was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was to stay, and its access ended then, by something else than this review.
    Ended(Option<OffsetDateTime>),
    OtherRole,
    /// It was taken away, and was given again.
    Back,
    /// What was decided was done once more.
    DoneAgain,
}

impl Became {
    /// In words; an instant as whoever reads writes it.
    pub fn said(self, at: impl Fn(OffsetDateTime) -> String) -> String {
        match self {
            Self::Ended(Some(ended)) => format!("access ended otherwise, {}", at(ended)),
            Self::Ended(None) => "access ended otherwise; the log does not say when".to_owned(),
            Self::OtherRole => "has another role than was decided".to_owned(),
            Self::Back => "was given again".to_owned(),
            Self::DoneAgain => "differed, and what was decided was done again".to_owned(),
        }
    }
}

impl Item {
    /// What became of it other than was decided, and who said why.
    pub fn differed(&self) -> Option<(Became, &Settled)> {
        let settled = self.settled.as_ref()?;
        let became = match (self.state, self.decision) {
            (State::Gone, _) => Became::Ended(settled.ended),
            (State::Changed, Some(Decision::Revoke)) => Became::Back,
            (State::Changed, Some(Decision::Keep | Decision::Change) | None) => Became::OtherRole,
            (State::Applied | State::Decided | State::Pending | State::Ended, _) => Became::DoneAgain,
        };
        Some((became, settled))
    }
}
