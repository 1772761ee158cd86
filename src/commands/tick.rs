//! `avouch tick`.

use server::guard::Operator;
use server::identity::housekeeping;
use server::jobs::{self, Line};
use server::mail::queue;

use super::{migrates, temporary};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::{Opened, open};

pub async fn run(config: &Config) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let (instance, _listening) = temporary::reachable(&opened, config).await?;
    for line in jobs::tick(&instance).await? {
        say(serde_json::to_string(&line).unwrap_or_default());
    }
    for line in upkeep(&opened, config).await? {
        say(serde_json::to_string(&line).unwrap_or_default());
    }
    Ok(())
}

/// Letters that are due, and what has run out.
async fn upkeep(opened: &Opened, config: &Config) -> Result<Vec<Line>, Failure> {
    let (operator, now) = (Operator::at_the_command_line(&opened.store), config.clock.now());
    let line = |job: &str, detail: String| Line { job: job.into(), outcome: "done", detail, took_ms: 0 };
    let letters = match config.mail.post()? {
        Some(post) => {
            let round = queue::deliver(&operator, &opened.vault, &post, now).await?;
            line("letters", format!("{} sent, {} to be tried again, {} failed", round.sent, round.later, round.failed))
        }
        None => Line { outcome: "waiting", ..line("letters", "no mail server is configured; set AVOUCH_MAIL".into()) },
    };
    let gone = housekeeping::clear(&operator, now).await.map_err(|refused| Failure::usage(refused.to_string()))?;
    let cleared = line("accounts", format!("{} sessions and {} links had run out", gone.sessions, gone.links));
    Ok(vec![letters, cleared])
}
