//! `avouch evidence`: put on record, listed, withdrawn.

use std::collections::BTreeMap;

use server::clock::parse_date;
use server::guard::Operator;
use server::trust::evidence::{self, LARGEST_FILE, NewEvidence};
use server::trust::{recorded, withdrawn};

use super::migrates;
use crate::cli::{AddEvidence, EvidenceCommand};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: EvidenceCommand) -> Result<(), Failure> {
    match command {
        EvidenceCommand::Add(new) => add(config, new).await,
        EvidenceCommand::List => list(config).await,
        EvidenceCommand::Withdraw { record, reason } => withdraw(config, &record, &reason).await,
    }
}

/// How many records are listed, the newest first.
const RECORDS: u64 = 1000;

async fn list(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    for record in recorded::newest(&operator, &accounts, RECORDS).await? {
        let stands = match (record.withdrawn, record.until) {
            (Some(gone), _) => format!("withdrawn {}: {}", gone.at.date(), gone.reason),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => "reached".to_owned(),
        };
        say(format!("{} {} of {} {stands}", record.id, record.claim, record.dated));
    }
    Ok(())
}

async fn withdraw(config: &Config, record: &str, reason: &str) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let operator = Operator::at_the_command_line(&opened.store);
    let done = withdrawn::withdraw(&operator, &opened.profile, record, reason, None, config.clock.now()).await;
    let claim = done.map_err(|error| Failure::usage(error.to_string()))?;
    say(format!("withdrew {record} for {claim} of {}", opened.profile.id));
    Ok(())
}

async fn add(config: &Config, add: AddEvidence) -> Result<(), Failure> {
    let new = read(add)?;
    let opened = open(config, migrates(config, false)).await?;
    let operator = Operator::at_the_command_line(&opened.store);
    let claim = new.claim.clone();
    let id = evidence::add(&operator, &opened.vault, &opened.profile, new, config.clock.now())
        .await
        .map_err(|error| Failure::usage(error.to_string()))?;
    say(format!("recorded {id} for {claim} of {}", opened.profile.id));
    Ok(())
}

fn read(add: AddEvidence) -> Result<NewEvidence, Failure> {
    let AddEvidence { claim, date, note, file, field, certifies, expires } = add;
    let mut fields = BTreeMap::new();
    for pair in field {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--field \"{pair}\" is not of the form name=value")))?;
        fields.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    let file = file
        .map(|path| {
            let cannot = |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
            if std::fs::metadata(&path).map_err(cannot)?.len() > LARGEST_FILE {
                return Err(Failure::usage(format!(
                    "{} is larger than {} MiB",
                    path.display(),
                    LARGEST_FILE / 1024 / 1024
                )));
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Ok((name, std::fs::read(&path).map_err(cannot)?))
        })
        .transpose()?;
    Ok(NewEvidence {
        claim,
        dated: Some(parse_date(&date).map_err(Failure::usage)?),
        note,
        fields,
        file,
        certifies,
        by: None,
        expires: expires.map(|text| parse_date(&text)).transpose().map_err(Failure::usage)?,
    })
}
