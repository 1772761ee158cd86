//! `avouch serve`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use app::http::assets::Assets;
use app::http::layers::Front;
use app::http::{Site, serve, site};
use server::audit::heads;
use server::controls::Instance;
use server::guard::{Operator, Visitor};
use server::identity::{Accounts, trace};
use server::jobs;
use server::organisations::roles;
use server::profile::Profile;
use server::trust::Facts;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::migrates;
use crate::config::{Config, Environment, Mail};
use crate::failure::{Failure, say};
use crate::opened::{self, Opened, isolation_fits, open, settings};
use crate::tls;

pub async fn run(config: Config, migrate: bool, accept_unavailable: bool) -> Result<(), Failure> {
    for said in &config.misspelt {
        tracing::warn!("{said}");
    }
    // Everything that can be refused is looked at before anything is written.
    isolation_fits(&config, &opened::profile(&config)?, accept_unavailable)?;
    let assets = assets()?;
    let tls = config
        .tls
        .as_ref()
        .map(|(certificate, key)| tls::acceptor(certificate, key, opened::profile(&config)?.policy.transport.tls))
        .transpose()?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| taken(&config, &error))?;
    let address = listener.local_addr().map_err(|error| taken(&config, &error))?;

    let opened = open(&config, migrates(&config, migrate)).await?;
    opened.store.reaches_its_own().await?;
    server::storage::lies_in(&config.data);
    let instance = opened.instance(&config, Operator::scheduled(&opened.store), address, false)?;
    // What changed while nobody served, a claim that left the profile among it, is on record before the first visitor.
    if instance_has_history(&instance).await? {
        jobs::observe(&instance).await?;
    }
    // Accounts of an earlier release have none yet.
    trace::fill(&instance.operator, &instance.accounts).await.map_err(super::refused)?;
    let site = Arc::new(
        site(&opened, &config, settings(&config, &instance.serving), assets, instance.accounts.clone()).await?,
    );
    let (stop, stopping) = watch::channel(false);
    let serving = tokio::spawn(serve::serve(listener, tls, Front::new(Arc::clone(&site)), stopping));
    let checked = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(site::watch(Arc::clone(&site), instance.clone(), Arc::clone(&checked)));
    let post = config.mail.post()?;
    if post.is_none() {
        tracing::warn!("no mail server is configured: letters wait in the queue until AVOUCH_MAIL is set");
    }
    let (operator, profile) = (instance.operator.clone(), Arc::clone(&opened.profile));
    tokio::spawn(async move { overtaken(&operator, &profile).await });
    let delivering = post.map(|post| tokio::spawn(site::deliver(Arc::clone(&site), instance.operator.clone(), post)));
    let destroying = tokio::spawn(site::destroy(Arc::clone(&site), instance.operator.clone()));
    let copying = tokio::spawn(site::copy(instance.clone()));
    let sweeping = tokio::spawn(site::sweep(Arc::clone(&site), instance.operator.clone()));
    let exporting = tokio::spawn(site::export(Arc::clone(&site), instance.operator.clone()));
    let scheduling = tokio::spawn(site::schedule(Arc::clone(&site), instance.clone(), checked));
    welcome(&config, &instance.serving.public_url, &opened.profile.name);

    told_to_stop().await;
    // Nobody looks at a server that is leaving, and nothing of such a look is stored.
    server::controls::run::leave();
    scheduling.abort();
    copying.abort();
    let _ = stop.send(true);
    let _ = serving.await;
    watching.abort();
    if let Some(delivering) = delivering {
        delivering.abort();
    }
    sweeping.abort();
    exporting.abort();
    destroying.abort();
    // What was written since the last signature is signed before the server leaves.
    let operator = Operator::scheduled(&opened.store);
    heads::sign_all(&operator, &opened.vault, config.clock.now()).await.map_err(super::refused)?;
    Ok(())
}

async fn instance_has_history(instance: &Instance) -> Result<bool, Failure> {
    let facts = Facts::read(&instance.operator.visitor(), &instance.profile.id).await?;
    Ok(!facts.newest.is_empty())
}

pub async fn site(
    opened: &Opened,
    config: &Config,
    settings: app::http::Settings,
    assets: Assets,
    accounts: Accounts,
) -> Result<Site, Failure> {
    let visitor = Visitor::of(&opened.store);
    Ok(Site::open(Arc::clone(&opened.profile), visitor, config.clock.clone(), settings, assets, accounts).await?)
}

/// The style sheet and its companions, from beside the program.
pub fn assets() -> Result<Assets, Failure> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join("site")))
        .unwrap_or_else(|| PathBuf::from("site"));
    let folder = std::env::var_os("LEPTOS_SITE_ROOT").map_or(beside, PathBuf::from);
    Assets::load(&folder).map_err(|missing| {
        Failure::usage(format!(
            "{} is missing; build with make build, or set LEPTOS_SITE_ROOT to the folder that has it",
            missing.display()
        ))
    })
}

fn taken(config: &Config, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "cannot listen on {}: {error}; stop what listens there, or choose another address with AVOUCH_LISTEN",
        config.listen
    ))
}

fn welcome(config: &Config, url: &str, name: &str) {
    say(format!("Avouch serves the trust page of {name} ({}).", config.environment.word()));
    say(format!("Open {url}/trust first."));
    match config.environment {
        Environment::Development | Environment::Test => {
            if let Mail::Folder(letters) = &config.mail {
                say(format!("Sign up at {url}/sign-up; the letters it sends are files in {}.", letters.display()));
            }
            say(format!("Data is in {}. Stop with Ctrl-C.", config.data.display()));
        }
        Environment::Production => {}
    }
}

async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// A role that an organisation made itself and that the profile has by now counts no longer: whoever changed the profile is told.
async fn overtaken(operator: &Operator, profile: &Profile) {
    match roles::hidden(operator, profile).await {
        Ok(found) => {
            for (organisation, role) in found {
                tracing::warn!(
                    organisation,
                    role,
                    "the profile's role counts in place of the organisation's own of this name"
                );
            }
        }
        Err(cause) => tracing::error!(%cause, "the organisations' own roles could not be looked at"),
    }
}
