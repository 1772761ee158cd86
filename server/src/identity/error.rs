//! Why an act about an account was refused.

use contract::access::Needs;
use contract::problem::Problem;
use sea_orm::{DbErr, SqlErr};
use time::OffsetDateTime;

use crate::blobs::BlobError;
use crate::crypto::password::HashError;
use crate::crypto::seal::SealError;
use crate::problem::internal;
use crate::vault::VaultError;

/// Why nothing happened. Whatever the reason, nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the field {0} does not fit: {1}")]
    Field(&'static str, String),
    /// Several fields, whose names the profile gives.
    #[error("{} fields do not fit", .0.len())]
    Fields(Vec<(String, String)>),
    /// Unknown, foreign, or not to be known.
    #[error("there is no such thing, or none that this person may know of")]
    NotFound,
    #[error("the role does not permit it")]
    Forbidden,
    /// It was there, and is not kept any more.
    #[error("it is not kept any more: {0}")]
    NotKept(String),
    /// A file that is larger than this many KiB.
    #[error("larger than {0} KiB")]
    TooLarge(u32),
    /// A file of a kind that is not taken.
    #[error("the file in {0} is not taken: {1}")]
    NotTaken(&'static str, String),
    /// What was offered as proof is none.
    #[error("not proven ({needs:?}): {said}")]
    NotProven { needs: Needs, field: &'static str, said: String },
    /// The account is closed by its owner's word, and can be kept until it is erased.
    #[error("the account is closed and is erased at {until}")]
    Leaving { until: OffsetDateTime, said: String, keep: String },
    /// The session ended meanwhile.
    #[error("the session has ended")]
    SignedOut,
    #[error("the subscription of the organisation has lapsed")]
    Lapsed,
    #[error("the state does not allow it: {0}")]
    Conflict(String),
    /// It is about so many at once, and that was not said back.
    #[error("it is about {0} at once, which was not confirmed")]
    Unconfirmed(u64, Vec<String>),
    #[error("too many tries; wait {0} s")]
    TooMany(u64),
    #[error("too many at once; come back in {0} s")]
    Busy(u64),
    #[error("hashing failed: {0}")]
    Hashing(String),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Vault(VaultError),
    #[error(transparent)]
    Database(DbErr),
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Database(error) => error.into(),
            VaultError::Destroyed => {
                Self::NotKept("This organisation is closed, and what it kept is being destroyed.".into())
            }
            VaultError::Key(_) | VaultError::Seal(_) | VaultError::Folder(_) => Self::Vault(error),
        }
    }
}

impl From<HashError> for Refusal {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(seconds) => Self::Busy(seconds),
            HashError::Broken(cause) => Self::Hashing(cause),
        }
    }
}

impl From<DbErr> for Refusal {
    /// Two who do the same at once: the second is told to try again, and finds what the first has done.
    fn from(error: DbErr) -> Self {
        let said = error.to_string();
        let raced = matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
            || ["deadlock detected", "could not serialize"].iter().any(|words| said.contains(words));
        if raced { Self::Busy(1) } else { Self::Database(error) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Field(field, message) => Self::field(field, message),
            Refusal::Fields(errors) => Self::InvalidFields { errors },
            Refusal::NotFound => Self::NotFound,
            Refusal::Forbidden => Self::Forbidden,
            Refusal::NotKept(message) => Self::NotKept { message },
            Refusal::TooLarge(limit_kib) => Self::TooLarge { limit_kib },
            Refusal::NotTaken(field, message) => Self::NotTaken { field: field.to_owned(), message },
            Refusal::NotProven { needs, field, said } => {
                Self::Unproven { needs, field: Some(field.to_owned()), message: Some(said) }
            }
            Refusal::Lapsed => Self::Lapsed { slug: String::new() },
            Refusal::Leaving { until: _, said, keep } => Self::Conflict {
                message: format!("This account is closed and is erased on {said}. To keep it, open {keep}."),
            },
            Refusal::SignedOut => Self::needs(Needs::SignIn),
            Refusal::Conflict(message) => Self::Conflict { message },
            Refusal::Unconfirmed(number, along) => Self::Unconfirmed { number, along },
            Refusal::TooMany(retry_after_seconds) => Self::TooMany { retry_after_seconds },
            Refusal::Busy(retry_after_seconds) => Self::Busy { retry_after_seconds },
            Refusal::Hashing(cause) => internal(&cause),
            Refusal::Seal(cause) => internal(&cause),
            Refusal::Blob(cause) => internal(&cause),
            Refusal::Vault(cause) => internal(&cause),
            Refusal::Database(cause) => internal(&cause),
        }
    }
}
