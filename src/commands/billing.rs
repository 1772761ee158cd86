//! `avouch billing standing`.

use contract::standing::Standing;
use server::guard::Operator;
use server::organisations::standing;

use super::{migrates, refused};
use crate::cli::BillingCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: BillingCommand) -> Result<(), Failure> {
    let BillingCommand::Standing { organisation, state } = command;
    let to = Standing::parse(&state).ok_or_else(|| {
        let known: Vec<&str> = Standing::ALL.iter().map(|standing| standing.word()).collect();
        Failure::usage(format!("there is no standing \"{state}\"; give one of {}", known.join(", ")))
    })?;
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    let before = standing::set(&operator, &accounts, &organisation, to, config.clock.now()).await.map_err(refused)?;
    say(format!("{organisation}: {} before, {} now", before.word(), to.word()));
    Ok(())
}
