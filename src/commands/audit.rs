//! `avouch audit verify` and `key`.

use server::audit::heads::{self, Walked};
use server::audit::verify_platform;
use server::guard::Operator;
use server::identity::record;
use server::trust::history;

use super::{migrates, refused};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn verify(config: &Config, only: Option<&str>) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let operator = Operator::at_the_command_line(&opened.store);
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let walked = heads::verify_all(&operator, &accounts, only).await.map_err(refused)?;
    let mut entries = 0;
    for (slug, walked) in &walked {
        match walked {
            Walked::Holds { entries: held, .. } => entries += held,
            Walked::Broken { at, why } => {
                return Err(Failure::check(format!("the log of {slug} is broken at entry {at}: {why}")));
            }
        }
    }
    say(format!("the logs of {} organisations hold: {entries} entries", walked.len()));
    if only.is_some() {
        return Ok(());
    }
    let platform = verify_platform(&operator)
        .await?
        .map_err(|at| Failure::check(format!("the platform's log is broken at entry {at}")))?;
    if let Some(at) = heads::platform_differs(&operator, &opened.vault).await? {
        return Err(Failure::check(format!("the platform's log is not the one that was signed, at entry {at}")));
    }
    let public = history::verify(&operator.visitor(), &opened.profile.id)
        .await?
        .map_err(|at| Failure::check(format!("the public history is broken at entry {at}")))?;
    let accounts = record::verify_all(&operator)
        .await?
        .map_err(|(account, at)| Failure::check(format!("the record of account {account} is broken at entry {at}")))?;
    say(format!("the records of accounts hold: {accounts} entries"));
    say(format!("the platform's log holds: {platform} entries"));
    say(format!("the public history of {} holds: {public} entries", opened.profile.id));
    Ok(())
}

pub async fn key(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    say(opened.vault.signing().public_hex());
    Ok(())
}
