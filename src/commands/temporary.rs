//! For commands that look at the instance from outside: the running server if one answers, else a listener just for the look.

use std::net::SocketAddr;
use std::sync::Arc;

use app::http::layers::Front;
use app::http::serve;
use server::controls::Instance;
use server::controls::probe::Probe;
use server::guard::Operator;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::serve::{assets, site};
use crate::config::Config;
use crate::failure::Failure;
use crate::opened::{Opened, settings};
use crate::tls;

/// The instance, reachable. The sender keeps a temporary listener alive; drop it when done.
pub async fn reachable(opened: &Opened, config: &Config) -> Result<(Instance, watch::Sender<bool>), Failure> {
    let (stop, stopping) = watch::channel(false);
    let running = opened.instance(config, Operator::at_the_command_line(&opened.store), config.listen, false)?;
    if is_ours(&running).await {
        return Ok((running, stop));
    }
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .map_err(|error| Failure::usage(format!("cannot listen on this machine: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::usage(error.to_string()))?;
    let instance = opened.instance(config, Operator::at_the_command_line(&opened.store), address, true)?;
    let tls = config
        .tls
        .as_ref()
        .map(|(certificate, key)| tls::acceptor(certificate, key, opened.profile.policy.transport.tls))
        .transpose()?;
    let site = Arc::new(
        site(opened, config, settings(config, &instance.serving), assets()?, instance.accounts.clone()).await?,
    );
    let watched = Arc::clone(&site);
    let mut stopped = stopping.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(std::time::Duration::from_millis(250)) => watched.look().await,
                _ = stopped.changed() => return,
            }
        }
    });
    tokio::spawn(serve::serve(listener, tls, Front::new(site), stopping));
    Ok((instance, stop))
}

/// Whether what answers there has our data and our profile, and not another instance's.
async fn is_ours(instance: &Instance) -> bool {
    let Ok(mut probe) = Probe::connect(&instance.serving).await else { return false };
    let Ok(answer) = probe.get("/trust.json").await else { return false };
    let wanted = format!("\"profile\":\"{}\"", instance.profile.id);
    probe.recognised(&answer) && answer.body.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}
