//! The closed list of what a person may be told when something fails.

use serde::{Deserialize, Serialize};

/// A failure in words that may be public. Causes go to the log, under the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Problem {
    /// A value that the form or the address does not allow.
    Invalid {
        field: String,
        message: String,
    },
    NotFound,
    MethodNotAllowed,
    /// The request was meant for another host.
    OtherHost,
    TooLarge {
        limit_kib: u32,
    },
    TooSlow,
    TooMany {
        retry_after_seconds: u64,
    },
    /// Something broke here; the reference finds its cause in the log.
    Internal {
        reference: String,
    },
    NotReady,
}

impl Problem {
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 422,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::OtherHost => 421,
            Self::TooLarge { .. } => 413,
            Self::TooSlow => 408,
            Self::TooMany { .. } => 429,
            Self::Internal { .. } => 500,
            Self::NotReady => 503,
        }
    }

    /// The last part of the problem's `type` (RFC 9457).
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::OtherHost => "other-host",
            Self::TooLarge { .. } => "too-large",
            Self::TooSlow => "too-slow",
            Self::TooMany { .. } => "too-many",
            Self::Internal { .. } => "internal",
            Self::NotReady => "not-ready",
        }
    }

    pub const fn title(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "That value does not fit",
            Self::NotFound => "There is nothing here",
            Self::MethodNotAllowed => "This address does not take that method",
            Self::OtherHost => "This server does not answer for that host",
            Self::TooLarge { .. } => "That is too large",
            Self::TooSlow => "That took too long",
            Self::TooMany { .. } => "Too many requests",
            Self::Internal { .. } => "Something broke on our side",
            Self::NotReady => "Not ready yet",
        }
    }

    /// What happened and what to do next.
    pub fn detail(&self) -> String {
        match self {
            Self::Invalid { message, .. } => message.clone(),
            Self::NotFound => {
                "The address may be mistyped, or the page may have moved. Start from the trust page.".into()
            }
            Self::MethodNotAllowed => "Open the page in the ordinary way instead.".into(),
            Self::OtherHost => "Use the address under which this page is published.".into(),
            Self::TooLarge { limit_kib } => format!("Send at most {limit_kib} KiB in one request."),
            Self::TooSlow => "The request did not arrive or finish in time. Try again.".into(),
            Self::TooMany { retry_after_seconds } => {
                let unit = if *retry_after_seconds == 1 { "second" } else { "seconds" };
                format!("Wait {retry_after_seconds} {unit}, then try again.")
            }
            Self::Internal { reference } => {
                format!("It has been recorded. If you write to us about it, name this reference: {reference}.")
            }
            Self::NotReady => "The server is starting or cannot reach its database. Try again in a moment.".into(),
        }
    }
}
