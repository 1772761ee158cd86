//! Where a failure of ours becomes something a person may be told.

use contract::problem::Problem;
use uuid::Uuid;

use crate::storage;

/// The cause goes to the log under the reference that the person sees. That there is no room left is no secret.
pub fn internal(cause: &dyn std::fmt::Display) -> Problem {
    if storage::is_full(&cause.to_string()) {
        tracing::error!(%cause, "there is no room left: {cause}");
        return Problem::Full;
    }
    let reference = Uuid::now_v7().simple().to_string();
    tracing::error!(reference, %cause, "a request failed: {cause}");
    Problem::Internal { reference }
}
