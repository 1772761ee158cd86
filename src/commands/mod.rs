//! One file per command.

mod audit;
mod backup;
mod billing;
mod certificate;
mod control;
mod doctor;
mod evidence;
mod hold;
mod import;
mod keys;
mod mail;
mod migrate;
mod operator;
mod profile;
mod selftest;
mod serve;
mod temporary;
mod tick;

use std::io::IsTerminal;

use server::logged;
use tracing_subscriber::EnvFilter;

use crate::cli::{AuditCommand, CertificateCommand, Cli, Command, ProfileCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::opened::is_there;

pub async fn run(cli: Cli) -> Result<(), Failure> {
    // Logs go to standard error, so that what a command prints can be piped.
    let filter = EnvFilter::try_from_env("AVOUCH_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,avouch=info,app=info,server=info"));
    logged::watch();
    // Colours are for somebody who looks; in a file they are rubbish.
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| logged::Watched);
    log.with_ansi(colours).with_target(false).init();
    if let Command::Profile(ProfileCommand::Check { file }) = &cli.command {
        return profile::check(file);
    }
    if let Command::Certificate(CertificateCommand::Verify { file, key: Some(key) }) = &cli.command {
        return certificate::offline(file, key);
    }
    let config = Config::read(&cli.options)?;
    let of_what_is_there = matches!(
        &cli.command,
        Command::Billing(_) | Command::Hold(_) | Command::Audit(_) | Command::Backup { .. } | Command::Drill
    );
    if of_what_is_there {
        is_there(&config)?;
    }
    match cli.command {
        Command::Serve { migrate, accept_unavailable } => serve::run(config, migrate, accept_unavailable).await,
        Command::Migrate { status } => migrate::run(&config, status).await,
        Command::Profile(ProfileCommand::Check { file }) => profile::check(&file),
        Command::Profile(ProfileCommand::Adopt) => profile::adopt(&config).await,
        Command::Tick => tick::run(&config).await,
        Command::Selftest { json } => selftest::run(&config, json).await,
        Command::Evidence(command) => evidence::run(&config, command).await,
        Command::Control(command) => control::run(&config, command).await,
        Command::Audit(AuditCommand::Verify { organisation }) => audit::verify(&config, organisation.as_deref()).await,
        Command::Audit(AuditCommand::Key) => audit::key(&config).await,
        Command::Operator(command) => operator::run(&config, command).await,
        Command::Billing(command) => billing::run(&config, command).await,
        Command::Hold(command) => hold::run(&config, command).await,
        Command::Certificate(command) => certificate::run(&config, command).await,
        Command::Keys(command) => keys::run(&config, command).await,
        Command::Import { from, slug, approval } => {
            import::run(&config, &from, slug.as_deref(), approval.as_deref()).await
        }
        Command::Mail { json } => mail::run(&config, json).await,
        Command::Backup { to } => backup::take(&config, &to).await,
        Command::Restore { from, keys } => backup::restore(&config, &from, keys.as_deref()).await,
        Command::Drill => backup::drill(&config).await,
        Command::Doctor => doctor::run(&config).await,
    }
}

/// Outside production the schema is brought up without being asked.
fn migrates(config: &Config, asked: bool) -> bool {
    match config.environment {
        crate::config::Environment::Development | crate::config::Environment::Test => true,
        crate::config::Environment::Production => asked,
    }
}

/// A refusal as a line that says what to do.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(refusal: server::identity::Refusal) -> Failure {
    if let server::identity::Refusal::Field(_, said) | server::identity::Refusal::Conflict(said) = &refusal {
        return Failure::usage(said.clone());
    }
    Failure::usage(refusal.to_string())
}
