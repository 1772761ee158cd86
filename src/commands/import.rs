//! `avouch import`.

use std::path::Path;

use server::exports::import::{Wanted, import};
use server::guard::Operator;

use super::migrates;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, from: &Path, slug: Option<&str>, approval: Option<&Path>) -> Result<(), Failure> {
    let cannot =
        |path: &Path, error: &std::io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let approval = approval.map(|path| std::fs::read(path).map_err(|error| cannot(path, &error))).transpose()?;
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    let wanted = Wanted { file: from, slug, approval: approval.as_deref() };
    let taken = import(&operator, &accounts, &wanted, config.clock.now()).await;
    let taken = taken.map_err(|error| Failure::usage(error.to_string()))?;
    say(format!(
        "/o/{}: {} members ({} had an account here), {} records. Members without an account get in by asking for a new password.",
        taken.slug, taken.members, taken.linked, taken.records
    ));
    Ok(())
}
