//! `avouch profile check` and `adopt`.

use server::profile::{Source, check as check_profile};
use time::OffsetDateTime;

use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened;

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

pub async fn adopt(config: &Config) -> Result<(), Failure> {
    let before = opened::adopt(config).await?;
    let after = opened::profile(config)?.id;
    match before.filter(|before| *before != after) {
        Some(before) => say(format!("this data was of the profile {before}, and is of {after} from now on")),
        None => say(format!("this data is of the profile {after} already")),
    }
    Ok(())
}
