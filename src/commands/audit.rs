//! `avouch audit verify`.

use server::audit::verify_platform;
use server::guard::Operator;
use server::identity::record;
use server::trust::history;

use super::migrates;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn verify(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let operator = Operator::at_the_command_line(&opened.store);
    let platform = verify_platform(&operator)
        .await?
        .map_err(|at| Failure::check(format!("the platform's log is broken at entry {at}")))?;
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
