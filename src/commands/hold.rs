//! `avouch hold`.

use server::guard::Operator;
use server::retention::holds::{self, Form};

use super::{migrates, refused};
use crate::cli::HoldCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: HoldCommand) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let accounts = opened.accounts(config, &config.origin(config.listen))?;
    let (operator, now) = (Operator::at_the_command_line(&opened.store), config.clock.now());
    match command {
        HoldCommand::Place { organisation, kind, subject, basis, scope, until } => {
            let form = Form { kind: &kind, subject: subject.as_deref(), basis: &basis, scope: &scope, until: &until };
            let placed = holds::place_by_operator(&operator, &accounts, &organisation, &form, now).await;
            say(format!("hold {} is in force until the end of {until}", placed.map_err(refused)?));
        }
        HoldCommand::Lift { organisation, hold } => {
            holds::lift_by_operator(&operator, &accounts, &organisation, &hold, now).await.map_err(refused)?;
            say(format!("hold {hold} is lifted"));
        }
        HoldCommand::List { organisation } => {
            for hold in holds::list_by_operator(&operator, &accounts, &organisation).await.map_err(refused)? {
                let state = if hold.in_force(now) { "in force" } else { "ended" };
                let until = server::clock::rfc3339(hold.lifted.unwrap_or(hold.ends));
                let (id, kind, subject) = (hold.id, hold.kind.word(), hold.subject);
                say(format!("{id}  {state} until {until}  {kind} {subject}  {}  ({})", hold.basis, hold.scope));
            }
        }
    }
    Ok(())
}
