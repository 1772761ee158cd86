//! `avouch certificate verify`.

use std::path::Path;

use server::retention::certificate::Signed;

use super::migrates;
use crate::cli::CertificateCommand;
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, command: CertificateCommand) -> Result<(), Failure> {
    let CertificateCommand::Verify { file, key } = command;
    let key = key.as_deref().map(hexadecimal).transpose()?;
    let signed = read(&file)?;
    let key = match key {
        Some(key) => key,
        None => open(config, migrates(config, false)).await?.vault.signing().public_hex(),
    };
    verify(&signed, &key)
}

/// With a key that is named, nothing of this instance is asked.
pub fn offline(file: &Path, key: &str) -> Result<(), Failure> {
    let key = hexadecimal(key)?;
    verify(&read(file)?, &key)
}

/// A key as it is published: 32 bytes in lower case.
fn hexadecimal(key: &str) -> Result<String, Failure> {
    let key = key.trim();
    if key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(key.to_ascii_lowercase());
    }
    Err(Failure::usage("the key is not 64 hexadecimal digits; avouch audit key prints it, and /keys shows it"))
}

fn read(file: &Path) -> Result<Signed, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display())))?;
    Signed::parse(&text).map_err(|invalid| Failure::check(format!("{}: {invalid}", file.display())))
}

fn verify(signed: &Signed, key: &str) -> Result<(), Failure> {
    signed.verify(key).map_err(|invalid| Failure::check(invalid.to_string()))?;
    let told = &signed.certificate;
    let rows: u64 = told.rows.values().sum();
    say(format!(
        "certificate {} holds: {} {} was destroyed at {}: {rows} rows, {} files, {} keys",
        told.number,
        told.kind.word(),
        told.subject,
        told.destroyed_at,
        told.files,
        told.keys.len()
    ));
    Ok(())
}
