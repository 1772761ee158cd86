//! How a command ends when it does not end well: one clear line on standard error, and a status.

use std::io::Write;
use std::process::ExitCode;

use server::guard::{OpenError, ReadError};
use server::served::ServedError;
use server::vault::VaultError;

#[derive(Debug)]
pub struct Failure {
    status: u8,
    said: String,
}

impl Failure {
    /// Wrong usage or configuration: exit status 2.
    pub fn usage(said: impl Into<String>) -> Self {
        Self { status: 2, said: said.into() }
    }

    /// A check failed: exit status 3.
    pub fn check(said: impl Into<String>) -> Self {
        Self { status: 3, said: said.into() }
    }

    pub fn report(&self) -> ExitCode {
        // If standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "avouch: {}", self.said);
        ExitCode::from(self.status)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::usage(format!("the database did not answer: {error}"))
    }
}

impl From<ServedError> for Failure {
    fn from(error: ServedError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::usage(error.to_string())
    }
}

/// Prints one line. A closed pipe ends the telling, not the program.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
