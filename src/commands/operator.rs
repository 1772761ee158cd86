//! `avouch operator add` and `remove`.

use server::guard::Operator;
use server::operators;

use super::{migrates, refused};
use crate::cli::OperatorCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: OperatorCommand) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    let now = config.clock.now();
    match command {
        OperatorCommand::Add { email } => {
            let link = operators::add(&operator, &accounts, &email, now).await.map_err(refused)?;
            say(
                "Hand this link to them; it works once, for 24 hours. They choose a password, then set up a second factor.",
            );
            say(link);
        }
        OperatorCommand::Remove { email } => {
            operators::remove(&operator, &accounts, &email, now).await.map_err(refused)?;
            say("The seat is free; the account is disabled and signed out.");
        }
    }
    let seats = operators::seats(&operator, &accounts).await.map_err(refused)?;
    let most = seats.most.map(|most| format!(" of {most}")).unwrap_or_default();
    say(format!("seats taken: {}{most}", seats.taken));
    Ok(())
}
