//! Where a failure of ours becomes something a person may be told.

use contract::problem::Problem;
use uuid::Uuid;

/// The cause goes to the log under the reference that the person sees.
pub fn internal(cause: &dyn std::fmt::Display) -> Problem {
    let reference = Uuid::now_v7().simple().to_string();
    tracing::error!(reference, %cause, "a request failed: {cause}");
    Problem::Internal { reference }
}
