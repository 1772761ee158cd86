//! `avouch tick`.

use server::jobs;

use super::{migrates, temporary};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    opened.is_served_here().await?;
    let (instance, _listening) = temporary::reachable(&opened, config).await?;
    for line in jobs::tick(&instance).await? {
        say(serde_json::to_string(&line).unwrap_or_default());
    }
    Ok(())
}
