//! `avouch keys rotate` and `list`.

use server::guard::Operator;
use server::vault::keys as of;

use super::{migrates, refused};
use crate::cli::KeysCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: KeysCommand) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let operator = Operator::at_the_command_line(&opened.store);
    let now = config.clock.now();
    match command {
        KeysCommand::List => {
            for key in of::list(&operator, now).await.map_err(|error| Failure::usage(error.to_string()))? {
                let use_of = if key.in_use { "in use" } else { "opens only" };
                say(format!("{:<52}{}  {:>5} days  {use_of}", key.owner, key.id, key.days));
            }
        }
        KeysCommand::Rotate { organisation, all } => {
            let which = match (&organisation, all) {
                (Some(slug), _) => of::Which::Organisation(slug),
                (None, true) => of::Which::All,
                (None, false) => of::Which::Platform,
            };
            let made = of::rotate(&operator, &accounts, which, now).await.map_err(refused)?;
            say(format!("{made} new keys; they seal from a minute from now, and running servers know them by then"));
        }
    }
    Ok(())
}
