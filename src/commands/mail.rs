//! `avouch mail`.

use server::guard::Operator;
use server::mail::queue;

use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

/// As many as fit a screen or two.
const NEWEST: u64 = 50;

pub async fn run(config: &Config, json: bool) -> Result<(), Failure> {
    let opened = open(config, false).await?;
    let letters = queue::newest(&Operator::at_the_command_line(&opened.store), NEWEST).await?;
    if json {
        say(serde_json::to_string(&letters).unwrap_or_default());
        return Ok(());
    }
    if letters.is_empty() {
        say("No letter has been queued yet.");
    }
    for letter in letters {
        let at = server::clock::rfc3339(letter.queued_at);
        let trouble = letter.trouble.map(|trouble| format!(" ({trouble})")).unwrap_or_default();
        say(format!("{at}  {:<22} {:<7} tries {}{trouble}", letter.kind, letter.state, letter.tries));
    }
    Ok(())
}
