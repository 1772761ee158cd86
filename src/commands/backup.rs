//! `avouch backup`, `restore` and `drill`.

use std::path::Path;

use server::backups::{Backups, Destination, drill, restore, take};
use server::guard::Operator;

use super::{migrates, refused};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::{self, open};

pub async fn take(config: &Config, to: &[String]) -> Result<(), Failure> {
    let named: Vec<Destination> = to.iter().map(|place| Destination::parse(place)).collect::<Result<_, _>>()?;
    let opened = open(config, migrates(config, false)).await?;
    let (backups, operator) = (opened.backups(config)?, Operator::at_the_command_line(&opened.store));
    let places = if named.is_empty() { &backups.destinations } else { &named };
    let taken = take::take(&operator, &backups, &opened.profile.id, places, &config.clock).await?;
    for place in &taken.good {
        say(format!("{} is at {place}: {} bytes, SHA-256 {}", taken.object, taken.sealed.bytes, taken.sealed.sha256));
    }
    match taken.failed.first() {
        None => Ok(()),
        Some((place, why)) => Err(Failure::check(format!("not at {place}: {why}"))),
    }
}

pub async fn restore(config: &Config, from: &Path, keys: Option<&Path>) -> Result<(), Failure> {
    if !from.is_file() {
        return Err(Failure::usage(format!("there is no file {}", from.display())));
    }
    let master = opened::master_if_there(config)?.ok_or_else(no_key)?;
    let backups = Backups::new((&config.data, &config.place), config.environment.word(), &master, Vec::new())
        .with_objects(config.bucket()?)
        .of_profile(&opened::profile(config)?.id);
    let back = restore::restore(&backups, from, keys).await?;
    // Opening it is the last look; it also brings an older schema up.
    let opened = open(config, true).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    let object = from.file_name().unwrap_or_default().to_string_lossy();
    let gone = restore::begin_again(&operator, &accounts, &object, config.clock.now()).await.map_err(refused)?;
    say(format!(
        "restored into {}: {} files and databases, {} rows, each as it was copied; {} keys",
        config.data.display(),
        back.manifest.parts.len(),
        back.rows,
        back.keys
    ));
    if gone > 0 {
        say(format!("{gone} organisations whose keys were destroyed since are gone from it"));
    }
    say("start it with the same master key: avouch serve");
    Ok(())
}

fn no_key() -> Failure {
    Failure::usage(
        "without the master key nothing in a backup can be opened: set AVOUCH_MASTER_KEY (in development it is master.key in the old data folder; file:PATH names it)",
    )
}

pub async fn drill(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let (backups, operator) = (opened.backups(config)?, Operator::at_the_command_line(&opened.store));
    let drilled = drill::drill(&operator, &backups, &opened.vault, &config.clock).await?;
    say(drilled.told());
    Ok(())
}

impl From<server::backups::BackupError> for Failure {
    fn from(error: server::backups::BackupError) -> Self {
        if error.is_of_the_copy() { Self::check(error.to_string()) } else { Self::usage(error.to_string()) }
    }
}
