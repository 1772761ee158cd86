//! The closed list of what a person may be told when something fails.

use serde::{Deserialize, Serialize};

use crate::access::Needs;

/// A failure in words that may be public. Causes go to the log, under the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// A value that the form or the address does not allow.
    Invalid {
        field: String,
        message: String,
    },
    /// Several values that do not fit, each with its field.
    InvalidFields {
        errors: Vec<(String, String)>,
    },
    /// A part of the address, or the body, that cannot be understood at all.
    NotUnderstood {
        /// The name of the parameter, or `body`.
        name: String,
        /// What is wrong with it, and what would be right.
        message: String,
        /// The same address without it; empty where there is none.
        instead: String,
    },
    /// Not signed in, or not far enough. With a message: what was offered as proof is not one.
    Unproven {
        needs: Needs,
        field: Option<String>,
        message: Option<String>,
    },
    /// The form's token is missing, foreign or too old, or another site sent the form.
    Forged,
    /// A member whose role does not permit it; only ever said of what they may know exists.
    Forbidden,
    /// The subscription of this organisation has lapsed, and this would change something.
    Lapsed {
        slug: String,
    },
    /// The subscription of this organisation ended: it is hidden, and restored or destroyed later.
    Gone {
        slug: String,
        /// Until when it can be restored, as its reader tells the time.
        until: Option<String>,
        /// Since when only what legal holds keep is left of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reduced: Option<String>,
    },
    NotFound,
    /// It was there, and was removed after its time.
    NotKept {
        message: String,
    },
    MethodNotAllowed,
    /// The state of things does not allow it.
    Conflict {
        message: String,
    },
    /// It is about so many at once, which has to be said back before it is done.
    Unconfirmed {
        number: u64,
        /// What goes along with it, each in a sentence.
        along: Vec<String>,
    },
    /// The request was meant for another host.
    OtherHost,
    TooLarge {
        limit_kib: u32,
    },
    /// The body is neither a form nor JSON.
    OtherType,
    /// A file of a kind that is not taken.
    NotTaken {
        field: String,
        message: String,
    },
    TooSlow,
    TooMany {
        retry_after_seconds: u64,
    },
    /// As many as the machine can bear are at it already.
    Busy {
        retry_after_seconds: u64,
    },
    /// Something broke here; the reference finds its cause in the log.
    Internal {
        reference: String,
    },
    /// The disk of the data is full.
    Full,
    NotReady,
}

impl Problem {
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), message: message.into() }
    }

    /// A body that cannot be read.
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::NotUnderstood { name: "body".into(), message: message.into(), instead: String::new() }
    }

    pub const fn needs(needs: Needs) -> Self {
        Self::Unproven { needs, field: None, message: None }
    }

    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } | Self::InvalidFields { .. } => 422,
            Self::NotUnderstood { .. } => 400,
            Self::Unproven { .. } => 401,
            Self::Lapsed { .. } => 402,
            Self::Forged | Self::Forbidden => 403,
            Self::Gone { .. } | Self::NotKept { .. } => 410,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict { .. } | Self::Unconfirmed { .. } => 409,
            Self::OtherHost => 421,
            Self::TooLarge { .. } => 413,
            Self::OtherType | Self::NotTaken { .. } => 415,
            Self::TooSlow => 408,
            Self::TooMany { .. } => 429,
            Self::Internal { .. } => 500,
            Self::Full => 507,
            Self::Busy { .. } | Self::NotReady => 503,
        }
    }

    /// The last part of the problem's `type` (RFC 9457).
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. } | Self::InvalidFields { .. } => "invalid",
            Self::NotUnderstood { .. } => "not-understood",
            Self::Unproven { needs: Needs::SignIn, .. } => "sign-in",
            Self::Unproven { needs: Needs::SecondFactor, .. } => "second-factor",
            Self::Unproven { needs: Needs::Enrol, .. } => "enrol",
            Self::Unproven { needs: Needs::StepUp, .. } => "step-up",
            Self::Forged => "forged",
            Self::Forbidden => "forbidden",
            Self::Lapsed { .. } => "lapsed",
            Self::Gone { .. } => "gone",
            Self::NotFound => "not-found",
            Self::NotKept { .. } => "not-kept",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict { .. } => "conflict",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::OtherHost => "other-host",
            Self::TooLarge { .. } => "too-large",
            Self::OtherType => "other-type",
            Self::NotTaken { .. } => "not-taken",
            Self::TooSlow => "too-slow",
            Self::TooMany { .. } => "too-many",
            Self::Busy { .. } => "busy",
            Self::Internal { .. } => "internal",
            Self::Full => "storage",
            Self::NotReady => "not-ready",
        }
    }

    pub const fn title(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "That value does not fit",
            Self::InvalidFields { .. } => "Some values do not fit",
            Self::NotUnderstood { .. } => "That was not understood",
            Self::Unproven { message: Some(_), .. } => "That was not right",
            Self::Unproven { needs: Needs::SignIn, .. } => "Sign in first",
            Self::Unproven { needs: Needs::SecondFactor, .. } => "Your code is still missing",
            Self::Unproven { needs: Needs::Enrol, .. } => "Set up your second factor first",
            Self::Unproven { needs: Needs::StepUp, .. } => "Confirm that it is you",
            Self::Forged => "This form was not sent from our page",
            Self::Forbidden => "Your role does not permit that",
            Self::Lapsed { .. } => "The subscription has lapsed",
            Self::Gone { .. } => "This organisation is closed",
            Self::NotFound => "There is nothing here",
            Self::NotKept { .. } => "That is gone",
            Self::MethodNotAllowed => "This address does not take that method",
            Self::Conflict { .. } => "That is not possible now",
            Self::Unconfirmed { .. } => "Is that right?",
            Self::OtherHost => "This server does not answer for that host",
            Self::TooLarge { .. } => "That is too large",
            Self::OtherType => "That is not a form",
            Self::NotTaken { .. } => "That file is not taken",
            Self::TooSlow => "That took too long",
            Self::TooMany { .. } => "Too many requests",
            Self::Busy { .. } => "Much is going on just now",
            Self::Internal { .. } => "Something broke on our side",
            Self::Full => "There is no room left",
            Self::NotReady => "Not ready yet",
        }
    }

    /// What happened and what to do next.
    pub fn detail(&self) -> String {
        match self {
            Self::Invalid { message, .. }
            | Self::NotUnderstood { message, .. }
            | Self::NotTaken { message, .. }
            | Self::NotKept { message }
            | Self::Conflict { message }
            | Self::Unproven { message: Some(message), .. } => message.clone(),
            Self::InvalidFields { errors } => {
                format!("{} of them are marked below. Nothing was saved.", errors.len())
            }
            Self::Unproven { needs, .. } => match needs {
                Needs::SignIn => "This is for people who are signed in. Sign in, then try again.",
                Needs::SecondFactor => "Enter the code of your authenticator app to go on.",
                Needs::Enrol => "Your account needs a second factor. Set up an authenticator app to go on.",
                Needs::StepUp => "This needs your second factor once more. Confirm it, then go on where you were.",
            }
            .into(),
            Self::Forged => "Its token is missing or too old. Open the page again and send the form once more.".into(),
            Self::Forbidden => "Ask an administrator of your organisation: the page of roles says who may what.".into(),
            Self::Lapsed { .. } => {
                "Everything can still be read, and your own account works as before. To change something again, somebody who manages the subscription renews it on the billing page.".into()
            }
            Self::Gone { reduced: Some(at), .. } => {
                format!(
                    "Its subscription was cancelled. On {at} everything in it was destroyed but the records that a legal hold keeps. Whoever may export can take those along until the hold ends."
                )
            }
            Self::Gone { until, reduced: None, .. } => {
                let until = until.as_deref().map_or_else(|| "it is destroyed".to_owned(), |at| format!("{at}, when everything in it is destroyed"));
                format!(
                    "Its subscription was cancelled. Somebody who manages the subscription can restore it on the billing page, or take everything along, until {until}."
                )
            }
            Self::NotFound => {
                "The address may be mistyped, or the page may have moved. Start from the trust page.".into()
            }
            Self::Unconfirmed { number, along } => {
                let along = along.iter().fold(String::new(), |all, said| all + said + " ");
                format!("This decides about {number} at once. {along}Confirm that number to go on.")
            }
            Self::MethodNotAllowed => "Open the page in the ordinary way instead.".into(),
            Self::OtherHost => "Use the address under which this page is published.".into(),
            Self::TooLarge { limit_kib } => format!("Send at most {limit_kib} KiB in one request."),
            Self::OtherType => {
                "Send application/x-www-form-urlencoded, or application/json with one object of texts.".into()
            }
            Self::TooSlow => "The request did not arrive or finish in time. Try again.".into(),
            Self::TooMany { retry_after_seconds } | Self::Busy { retry_after_seconds } => {
                let unit = if *retry_after_seconds == 1 { "second" } else { "seconds" };
                format!("Wait {retry_after_seconds} {unit}, then try again.")
            }
            Self::Internal { reference } => {
                format!("It has been recorded. If you write to us about it, name this reference: {reference}.")
            }
            Self::Full => "The storage of this server is full, so nothing was saved. What was there before is unharmed. Whoever runs it has to make room; try again after that.".into(),
            Self::NotReady => "The server is starting or cannot reach its database. Try again in a moment.".into(),
        }
    }

    /// The fields that are to blame, each with what is wrong with it.
    pub fn blames(&self) -> Vec<(&str, String)> {
        match self {
            Self::Invalid { field, .. } | Self::NotTaken { field, .. } | Self::Unproven { field: Some(field), .. } => {
                vec![(field.as_str(), self.detail())]
            }
            Self::NotUnderstood { name, .. } => vec![(name.as_str(), self.detail())],
            Self::InvalidFields { errors } => {
                errors.iter().map(|(field, said)| (field.as_str(), said.clone())).collect()
            }
            Self::Unproven { field: None, .. }
            | Self::Forged
            | Self::Forbidden
            | Self::Lapsed { .. }
            | Self::Gone { .. }
            | Self::NotFound
            | Self::NotKept { .. }
            | Self::MethodNotAllowed
            | Self::Conflict { .. }
            | Self::Unconfirmed { .. }
            | Self::OtherHost
            | Self::TooLarge { .. }
            | Self::OtherType
            | Self::TooSlow
            | Self::TooMany { .. }
            | Self::Busy { .. }
            | Self::Internal { .. }
            | Self::Full
            | Self::NotReady => Vec::new(),
        }
    }

    /// What is wrong with this field, if it is to blame.
    pub fn blames_field(&self, name: &str) -> Option<String> {
        self.blames().into_iter().find(|(field, _)| *field == name).map(|(_, said)| said)
    }

    /// Seconds to wait, where waiting helps.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after_seconds } | Self::Busy { retry_after_seconds } => Some(*retry_after_seconds),
            Self::NotReady => Some(5),
            Self::Full => Some(60),
            Self::Invalid { .. }
            | Self::InvalidFields { .. }
            | Self::NotUnderstood { .. }
            | Self::Unproven { .. }
            | Self::Forged
            | Self::Forbidden
            | Self::Lapsed { .. }
            | Self::Gone { .. }
            | Self::NotFound
            | Self::NotKept { .. }
            | Self::MethodNotAllowed
            | Self::Conflict { .. }
            | Self::Unconfirmed { .. }
            | Self::OtherHost
            | Self::TooLarge { .. }
            | Self::OtherType
            | Self::NotTaken { .. }
            | Self::TooSlow
            | Self::Internal { .. } => None,
        }
    }
}
