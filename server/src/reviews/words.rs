//! The words of a review, as they stand in forms and in the database.

use uuid::Uuid;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $said:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// As people read it.
            pub const fn said(self) -> &'static str {
                match self { $(Self::$variant => $said),* }
            }

            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }
        }
    };
}

words! {
    /// What grants something.
    Kind {
        Membership "membership" "Membership",
        Reach "reach" "Unit or record",
        Invitation "invitation" "Invitation",
        Help "help" "Help by the vendor's staff",
        Token "token" "Secret address of a calendar",
        Seat "seat" "Seat of the vendor's staff",
    }
}

words! {
    Decision {
        Keep "keep" "Keep",
        Revoke "revoke" "Revoke",
        Change "change" "Change the role",
    }
}

words! {
    /// What is recommended.
    Advice {
        Keep "keep" "Keep",
        Revoke "revoke" "Revoke",
    }
}

words! {
    /// Why it is recommended.
    Reason {
        Used "used" "used or given lately",
        Unused "unused" "not used for 90 days",
        NoFactor "no-factor" "may much, and has no second factor",
        Orphaned "orphaned" "nobody is known who has it",
        Over "over" "its time is over",
        Waiting "waiting" "not answered yet",
    }
}

words! {
    /// What becomes of an item that nobody decided on, when the review is closed.
    Silence {
        Keep "keep" "is kept",
        Revoke "revoke" "is revoked",
        Recommended "recommended" "becomes what is recommended",
    }
}

words! {
    /// When a decision takes effect.
    Effect {
        AtOnce "at_once" "at once",
        AtClose "at_close" "when the review is closed",
    }
}

words! {
    /// What happens on the last day.
    WhenDue {
        Wait "wait" "it waits for somebody to close it",
        Close "close" "it closes by itself, if nothing differs from what was decided",
    }
}

words! {
    /// Where a review stands.
    Status {
        Draft "draft" "Draft",
        Open "open" "Open",
        Closed "closed" "Closed",
    }
}

words! {
    /// Where an item stands.
    State {
        Pending "pending" "Not decided",
        Decided "decided" "Decided",
        Applied "applied" "Done",
        Gone "gone" "Was gone already",
        Changed "changed" "Differs, and that was settled",
        Ended "ended" "Ended with the membership",
    }
}

/// What a review covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    All,
    /// Whoever has this role or is invited to it.
    Role(String),
    /// Whoever is let to this unit.
    Unit(Uuid),
    Privileged,
    /// What was not used for 90 days.
    Unused,
}

impl Scope {
    /// `all`, `role:NAME`, `unit:ID`, `privileged` or `unused`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => match text {
                "" | "all" => Some(Self::All),
                "privileged" => Some(Self::Privileged),
                "unused" => Some(Self::Unused),
                _ => None,
            },
            Some(("role", name)) => Some(Self::Role(name.to_owned())),
            Some(("unit", id)) => id.parse().ok().map(Self::Unit),
            Some(_) => None,
        }
    }

    pub const fn word(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Role(_) => "role",
            Self::Unit(_) => "unit",
            Self::Privileged => "privileged",
            Self::Unused => "unused",
        }
    }

    /// Which role or unit.
    pub(crate) fn of(&self) -> Option<String> {
        match self {
            Self::Role(name) => Some(name.clone()),
            Self::Unit(id) => Some(id.to_string()),
            Self::All | Self::Privileged | Self::Unused => None,
        }
    }

    pub(crate) fn stored(word: &str, of: Option<&str>) -> Self {
        let text = of.map_or_else(|| word.to_owned(), |of| format!("{word}:{of}"));
        Self::parse(&text).unwrap_or_default()
    }
}

/// What is stored and cannot be read is taken for the first of its kind.
macro_rules! stored {
    ($($name:ident),*) => { $(
        impl $name {
            pub(crate) fn stored(word: &str) -> Self {
                Self::parse(word).unwrap_or(Self::ALL[0])
            }
        }
    )* };
}

stored!(Kind, Decision, Advice, Reason, Silence, Effect, WhenDue, Status, State);
