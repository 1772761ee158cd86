//! `avouch profile check`.

use server::profile::{Source, check as check_profile};
use time::OffsetDateTime;

use crate::failure::{Failure, say};

pub fn check(file: &str) -> Result<(), Failure> {
    let source = Source::named(file).map_err(Failure::usage)?;
    let text = source.text().map_err(Failure::usage)?;
    let label = source.label();
    let checked = check_profile(&source, &text, OffsetDateTime::now_utc().date());
    for flaw in &checked.errors {
        say(format!("{label}:{flaw} [error]"));
    }
    for flaw in &checked.warnings {
        say(format!("{label}:{flaw} [warning]"));
    }
    let (errors, warnings) = (checked.errors.len(), checked.warnings.len());
    let counts = format!("{errors} errors, {warnings} warnings");
    match checked.profile {
        Some(profile) => {
            say(format!("{label}: {} claims, {counts}", profile.claims.len()));
            Ok(())
        }
        None => Err(Failure::check(format!("{label}: {counts}"))),
    }
}
