//! `avouch selftest`.

use serde_json::json;
use server::controls::{Check, Seen};
use server::jobs;

use super::{migrates, temporary};
use crate::config::Config;
use crate::failure::{Failure, say};
use crate::opened::open;

pub async fn run(config: &Config, as_json: bool) -> Result<(), Failure> {
    let opened = open(config, migrates(config, false)).await?;
    let (instance, _listening) = temporary::reachable(&opened, config).await?;
    let ran = jobs::run_checks(&instance, Check::ALL).await?;
    jobs::observe(&instance).await?;
    let lines: Vec<jobs::Line> = ran.iter().map(jobs::Line::from).collect();
    let failing: Vec<String> =
        ran.iter().filter(|ran| matches!(ran.seen, Seen::Failing(_))).map(|ran| ran.check.path()).collect();
    if as_json {
        let checks: Vec<_> = ran
            .iter()
            .zip(&lines)
            .map(|(ran, line)| json!({ "control": ran.check.about().control, "check": ran.check.name(), "outcome": line.outcome, "finding": line.detail, "took_ms": line.took_ms }))
            .collect();
        say(
            json!({ "profile": instance.profile.id, "failing": failing, "running_server": !instance.serving.temporary, "checks": checks }),
        );
    } else {
        if instance.serving.temporary {
            say("No running server answered; what is asked over the network was asked of a temporary listener.");
        }
        for (ran, line) in ran.iter().zip(&lines) {
            say(format!("{:<12}{:<32}{}", line.outcome, ran.check.path(), line.detail));
        }
    }
    if failing.is_empty() { Ok(()) } else { Err(Failure::check(format!("failing: {}", failing.join(", ")))) }
}
