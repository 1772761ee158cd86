//! What letters say of access reviews.

/// What there is to tell of an access review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewNews {
    Opened,
    /// So many of what somebody is asked about is undecided.
    Reminder {
        left: u64,
    },
    Delegated,
    /// Its last day is over.
    Overdue,
    /// It was to close by itself, and this is why it did not.
    HeldBack {
        why: String,
    },
}

impl ReviewNews {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Opened => "review-opened",
            Self::Reminder { .. } => "review-reminder",
            Self::Delegated => "review-delegated",
            Self::Overdue => "review-overdue",
            Self::HeldBack { .. } => "review-held-back",
        }
    }

    pub(super) fn said(&self, organisation: &str, name: &str, due: &str) -> (&'static str, [String; 2]) {
        let where_ = format!("In \"{organisation}\" the access review \"{name}\"");
        match self {
            Self::Opened => (
                "Access is to be reviewed",
                [format!("{where_} has begun, and you are asked to decide."), format!("It is due on {due}.")],
            ),
            Self::Reminder { left } => (
                "Access is still to be reviewed",
                [format!("{where_} is due on {due}."), format!("Still to be decided: {left}.")],
            ),
            Self::Delegated => (
                "You stand in for a reviewer",
                [format!("{where_} asks you to decide in somebody's place."), format!("It is due on {due}.")],
            ),
            Self::Overdue => (
                "An access review is overdue",
                [
                    format!("{where_} was due on {due} and is not closed."),
                    "What nobody decides on is decided by what was agreed on silence, when it is closed.".to_owned(),
                ],
            ),
            Self::HeldBack { why } => (
                "An access review did not close by itself",
                [
                    format!("{where_} was due on {due} and stays open. {why}"),
                    "It closes as soon as what is equals what was decided; whoever manages reviews can also close it by hand."
                        .to_owned(),
                ],
            ),
        }
    }
}
