//! The command line, and where everything is put together.

mod cli;
mod commands;
mod config;
mod failure;
mod misspelt;
mod opened;
mod tls;

use std::process::ExitCode;

use clap::Parser;

use self::cli::Cli;

/// What is freed on another thread than it was asked for on, as all rows of a database are, costs the system's allocator most of an import.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::usage(format!("the runtime cannot start: {error}")).report(),
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
