//! `avouch control`.

use server::controls::{COMING, CONTROLS, Check};
use server::guard::Operator;
use server::profile::place::did_you_mean;
use server::trust::{Facts, switch};

use super::migrates;
use crate::cli::ControlCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: ControlCommand) -> Result<(), Failure> {
    let refused = |error: switch::SwitchError| Failure::usage(error.to_string());
    let now = config.clock.now();
    match command {
        ControlCommand::List => list(config).await,
        ControlCommand::Off { check, reason } => {
            let check = find(&check)?;
            let operator = Operator::at_the_command_line(&open(config, migrates(config, false)).await?.store);
            switch::off(&operator, check, &reason, now).await.map_err(refused)?;
            say(format!("{} is off; its claims say so now", check.path()));
            Ok(())
        }
        ControlCommand::On { check } => {
            let check = find(&check)?;
            let operator = Operator::at_the_command_line(&open(config, migrates(config, false)).await?.store);
            switch::on(&operator, check, now).await.map_err(refused)?;
            say(format!("{} is on", check.path()));
            Ok(())
        }
    }
}

fn find(path: &str) -> Result<Check, Failure> {
    let known: Vec<String> = Check::ALL.iter().map(|check| check.path()).collect();
    Check::by_path(path).ok_or_else(|| {
        Failure::usage(format!("there is no check \"{path}\"{}", did_you_mean(path, known.iter().map(String::as_str))))
    })
}

async fn list(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let operator = Operator::at_the_command_line(&opened.store);
    let facts = Facts::read(&operator.visitor(), &opened.profile.id).await?;
    for control in CONTROLS {
        say(format!("{}: {}", control.id, control.title));
        for check in control.checks() {
            let about = check.about();
            let switch = match (about.mandatory, facts.switched_off.get(&check)) {
                (true, _) => "mandatory".to_owned(),
                (false, None) => "tuneable, on".to_owned(),
                (false, Some((_, reason))) => format!("tuneable, OFF: {reason}"),
            };
            say(format!("  {:<28}{switch}", check.path()));
        }
    }
    say("still to come:");
    for coming in COMING {
        let path =
            coming.check.map_or_else(|| coming.control.to_owned(), |check| format!("{}/{check}", coming.control));
        say(format!("  {path:<36}{}", coming.why));
    }
    Ok(())
}
