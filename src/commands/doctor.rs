//! `avouch doctor`.

use std::path::Path;
use std::sync::Arc;

use server::blobs::{Blobs, Place};
use server::guard::{Operator, Store, Where, owner_lacks};
use server::profile::Profile;
use server::storage::{self, Room};
use server::trust::Facts;

use crate::config::{Config, Environment, Mail};
use crate::failure::{Failure, say};
use crate::opened;

/// Clocks that disagree by more than this make one-time codes fail.
const CLOCK_SLACK_SECONDS: u64 = 30;

pub async fn run(config: &Config) -> Result<(), Failure> {
    let mut troubles = 0;
    let mut tell = |what: &str, found: Result<String, String>| match found {
        Ok(said) => say(format!("ok       {what:<14}{said}")),
        Err(said) => {
            troubles += 1;
            say(format!("trouble  {what:<14}{said}"));
        }
    };
    tell("environment", Ok(config.environment.word().to_owned()));
    let profile = opened::profile(config);
    tell(
        "profile",
        profile
            .as_ref()
            .map(|profile| format!("{} with {} claims", profile.id, profile.claims.len()))
            .map_err(|_| format!("it has errors; see avouch profile check {}", config.profile)),
    );
    if let Ok(profile) = &profile {
        let served = server::served::refuse_another(&config.place, profile).await;
        tell("data", served.map(|()| format!("of {}", profile.id)).map_err(|error| error.to_string()));
    }
    for said in &config.misspelt {
        tell("settings", Err(said.clone()));
    }
    tell("data folder", writable(config));
    tell("disk", disk(config));
    tell("master key", key(config).await);
    tell("mail", mail(config).await);
    tell("files", files(config).await);
    if config.backup_to.is_empty() {
        tell("backups", Err("no place for them; set AVOUCH_BACKUP_TO".into()));
    }
    for place in &config.backup_to {
        let found = place.answers().await;
        let said = |copies| format!("{} can be reached, with {copies} copies", place.label);
        tell("backups", found.map(said).map_err(|error| error.to_string()));
    }
    let schema = schema(config, profile.as_ref().ok()).await;
    tell("schema", schema);
    if let (Ok(profile), Where::Postgres { .. }) = (&profile, &config.place) {
        tell("owner's login", owner(config, profile).await);
    }
    tell("clock", clock(config).await);
    tell(
        "style sheet",
        super::serve::assets()
            .map(|_| "found".to_owned())
            .map_err(|_| "missing; build with make build, or set LEPTOS_SITE_ROOT".to_owned()),
    );
    if troubles == 0 { Ok(()) } else { Err(Failure::check(format!("{troubles} troubles"))) }
}

fn writable(config: &Config) -> Result<String, String> {
    let shown = config.data.display();
    if !config.data.exists() {
        return Err(format!("{shown} does not exist yet; avouch serve makes it"));
    }
    let cannot =
        |error| format!("{shown} cannot be written: {error}; change its owner, or choose another with AVOUCH_DATA");
    storage::usable(&config.data).map(|()| shown.to_string()).map_err(cannot)
}

fn disk(config: &Config) -> Result<String, String> {
    let there = config.data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let room = Room::at(there).map_err(|error| format!("its room cannot be told: {error}"))?;
    let mib = |bytes: u64| bytes / 1024 / 1024;
    let said = format!("{} MiB of {} MiB are free", mib(room.free), mib(room.all));
    if room.is_little() {
        return Err(format!("{said}; make room: on a full disk (storage) nothing can be saved"));
    }
    Ok(said)
}

/// Whether the key is there is not enough: another one would be a key as well.
async fn key(config: &Config) -> Result<String, String> {
    let master = opened::master_if_there(config).map_err(|error| error.to_string())?;
    let from = match (&config.master_key, config.environment) {
        (Some(reference), _) => format!("comes from {}", reference.kind()),
        (None, Environment::Production) => return Err("none; set AVOUCH_MASTER_KEY to a reference".into()),
        (None, Environment::Development | Environment::Test) => {
            "kept beside the data; production takes a reference".to_owned()
        }
    };
    let Some(store) = there(config).await else { return Ok(from) };
    let operator = Operator::at_the_command_line(&store);
    let Some(master) = master else {
        return Err("none beside the data any more; put master.key back, or give AVOUCH_MASTER_KEY".into());
    };
    match server::vault::keys::open(&operator, &master, config.environment.word()).await {
        Ok(0) => Ok(from),
        Ok(_) => Ok(format!("{from}; opens this data")),
        Err(error) => Err(error.to_string()),
    }
}

/// The store, if there is one that is up to date.
async fn there(config: &Config) -> Option<Arc<Store>> {
    if let Where::Embedded(folder) = &config.place
        && !folder.join("avouch.db").exists()
    {
        return None;
    }
    Store::open(&config.place, false).await.ok().map(Arc::new)
}

async fn mail(config: &Config) -> Result<String, String> {
    match &config.mail {
        Mail::Nowhere => {
            Err("none; letters wait in the queue until AVOUCH_MAIL is set to smtps://… or smtp://…".into())
        }
        Mail::Folder(path) => {
            let shown = path.display();
            storage::usable(path).map_err(|error| format!("no letter can be written to {shown}: {error}"))?;
            Ok(format!("one file per letter in {shown}"))
        }
        Mail::Smtp(address) => {
            let server = address.server();
            let place = format!("{}, port {}", server.host, server.port());
            let cannot = |error| format!("the mail server at {place} cannot be reached: {error}; see AVOUCH_MAIL");
            server.answers().await.map(|()| format!("the mail server at {place} answers")).map_err(cannot)
        }
    }
}

async fn files(config: &Config) -> Result<String, String> {
    match &config.objects {
        Place::Folder(path) => Ok(format!("{}", path.display())),
        Place::Cloud(_) => {
            let blobs = Blobs::open(&config.objects).map_err(|error| error.to_string())?;
            blobs.reachable().await.map_err(|error| error.to_string())?;
            Ok("the object store answers".into())
        }
    }
}

/// The mode that the profile asks for is looked at too: without a profile, only whether the schema is up to date.
async fn schema(config: &Config, profile: Option<&Profile>) -> Result<String, String> {
    if let Where::Embedded(folder) = &config.place
        && !folder.join("avouch.db").exists()
    {
        return Ok("no database yet; avouch serve makes it".into());
    }
    let opened = match profile {
        Some(profile) => Store::open_as(&config.place, false, profile.isolation).await,
        None => Store::open(&config.place, false).await,
    };
    opened.map(|_| "up to date".to_owned()).map_err(|error| error.to_string())
}

/// Copies and drills, dedicated databases: what would fail later for want of a privilege.
async fn owner(config: &Config, profile: &Profile) -> Result<String, String> {
    let lacks = owner_lacks(&config.place, profile.isolation, !config.backup_to.is_empty()).await;
    let lacks = lacks.map_err(|error| error.to_string())?;
    if lacks.is_empty() {
        return Ok("may do what this profile's mode and its copies take".into());
    }
    Err(format!("it may too little; as a superuser run: {}", lacks.join("; ")))
}

/// The newest finding cannot be from the future unless the clock has gone back.
async fn clock(config: &Config) -> Result<String, String> {
    let now = config.clock.now();
    let Ok(profile) = opened::profile(config) else { return Ok(server::clock::rfc3339(now)) };
    let Some(store) = there(config).await else { return Ok(server::clock::rfc3339(now)) };
    let operator = Operator::at_the_command_line(&store);
    let facts = Facts::read(&operator.visitor(), &profile.id).await.map_err(|error| error.to_string())?;
    let newest = facts.findings.values().flatten().map(|finding| finding.at).max();
    match newest {
        Some(newest) if newest - now > std::time::Duration::from_secs(CLOCK_SLACK_SECONDS) => Err(format!(
            "it says {} and the newest finding is of {}; set the clock",
            server::clock::rfc3339(now),
            server::clock::rfc3339(newest)
        )),
        Some(_) | None => Ok(server::clock::rfc3339(now)),
    }
}
