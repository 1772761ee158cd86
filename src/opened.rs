//! What every command that touches data needs, opened in the order in which it can fail: profile, folder, key, database, vault.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use app::http::Settings;
use server::backups::Backups;
use server::blobs::Blobs;
use server::controls::{Instance, Serving};
use server::crypto::keys::{self, MasterKey, Origin};
use server::crypto::password::Hasher;
use server::crypto::seal::SecretKey;
use server::guard::{OpenError, Operator, Store, Where};
use server::identity::Accounts;
use server::identity::password_rules::Breached;
use server::profile::policy::Isolation;
use server::profile::{Profile, Source, check};
use server::served;
use server::vault::Vault;

use crate::config::{Config, Environment};
use crate::failure::Failure;

#[derive(Debug)]
pub struct Opened {
    pub profile: Arc<Profile>,
    pub store: Arc<Store>,
    pub master: Arc<MasterKey>,
    pub vault: Vault,
}

/// Reads and checks the profile; touches nothing.
///
/// # Errors
/// The first error with its place, and how many more there are.
pub fn profile(config: &Config) -> Result<Profile, Failure> {
    let source = Source::named(&config.profile).map_err(Failure::usage)?;
    let text = source.text().map_err(Failure::usage)?;
    let checked = check(&source, &text, config.clock.now().date());
    let label = source.label();
    checked.profile.ok_or_else(|| {
        let more = checked.errors.len().saturating_sub(1);
        let first = checked.errors.first().map(ToString::to_string).unwrap_or_default();
        let rest = if more == 0 {
            String::new()
        } else {
            format!(" (and {more} more; see avouch profile check {})", config.profile)
        };
        Failure::usage(format!("{label}:{first}{rest}"))
    })
}

/// The master key, if one is given or lies beside the data; none is made.
///
/// # Errors
/// When what is there is no key.
pub fn master_if_there(config: &Config) -> Result<Option<MasterKey>, Failure> {
    if let Some(reference) = &config.master_key {
        return MasterKey::from_reference(reference).map(Some).map_err(|error| Failure::usage(error.to_string()));
    }
    if config.environment == Environment::Production || !config.data.join("master.key").exists() {
        return Ok(None);
    }
    key_beside_data(config).map(Some)
}

/// Opening makes an instance where there is none. What asks for something that is in it already must not: the folder is then most likely another.
///
/// # Errors
/// When there is no database.
pub fn is_there(config: &Config) -> Result<(), Failure> {
    if let Where::Embedded(folder) = &config.place
        && !folder.join("avouch.db").exists()
    {
        return Err(Failure::usage(format!(
            "there is no database yet in {}; set AVOUCH_DATA if it lies elsewhere; avouch serve makes a new one, of the profile that it is given",
            folder.display()
        )));
    }
    Ok(())
}

/// # Errors
/// One line that says what to do.
pub async fn open(config: &Config, migrate: bool) -> Result<Opened, Failure> {
    let profile = Arc::new(profile(config)?);
    // A reference that leads nowhere is refused before anything is written.
    let given = config.master_key.as_ref().map(MasterKey::from_reference).transpose();
    let given = given.map_err(|error| Failure::usage(error.to_string()))?;
    served::refuse_another(&config.place, &profile).await?;
    open_unasked(config, profile, given, migrate).await
}

/// Opens what may be of another profile until now, and takes this one for it. What is refused was only looked at: the database is brought up
/// for this profile's mode once it is taken.
///
/// # Errors
/// One line that says what to do.
pub async fn adopt(config: &Config) -> Result<Option<String>, Failure> {
    let profile = profile(config)?;
    is_there(config)?;
    let behind = "the schema is not up to date; run avouch migrate with the profile that this data is of, and adopt this one then";
    let store = Store::open(&config.place, false).await;
    let store = store
        .map_err(|error| if matches!(error, OpenError::Behind) { Failure::usage(behind) } else { error.into() })?;
    let store = Arc::new(store);
    store.could_be(profile.isolation).await?;
    let operator = Operator::at_the_command_line(&store);
    let before = served::adopt(&operator, &profile, config.clock.now()).await?;
    Store::open_as(&config.place, true, profile.isolation).await.map_err(|error| {
        Failure::usage(format!(
            "this data is of the profile {} from now on, and not brought up for it: {error}",
            profile.id
        ))
    })?;
    Ok(before)
}

async fn open_unasked(
    config: &Config,
    profile: Arc<Profile>,
    given: Option<MasterKey>,
    migrate: bool,
) -> Result<Opened, Failure> {
    folder(&config.data)?;
    let master = Arc::new(given.map_or_else(|| key_beside_data(config), Ok)?);
    let store = Arc::new(Store::open_as(&config.place, migrate, profile.isolation).await?);
    let operator = Operator::at_the_command_line(&store);
    served::take(&operator, &profile, config.clock.now()).await?;
    let vault =
        Vault::open(&operator, Arc::clone(&master), config.environment.word(), &config.data, config.clock.now())
            .await?;
    Ok(Opened { profile, store, master, vault })
}

impl Opened {
    /// What copying and restoring work with.
    ///
    /// # Errors
    /// When the store of files cannot be reached with what is configured.
    pub fn backups(&self, config: &Config) -> Result<Backups, Failure> {
        let environment = config.environment.word();
        let backups = Backups::new((&config.data, &config.place), environment, &self.master, config.backup_to.clone());
        Ok(backups.with_objects(config.bucket()?))
    }

    /// What acts about accounts work with; starts the hashing threads.
    ///
    /// # Errors
    /// When the list of breached passwords cannot be used.
    pub fn accounts(&self, config: &Config, public_url: &str) -> Result<Accounts, Failure> {
        let breached = config.breached.clone().map_or_else(|| Ok(Breached::default()), Breached::from_file);
        Ok(Accounts {
            profile: Arc::clone(&self.profile),
            vault: self.vault.clone(),
            hasher: Hasher::start(&self.profile.policy.passwords).map_err(|error| Failure::usage(error.to_string()))?,
            public_url: public_url.to_owned(),
            breached: breached.map_err(Failure::usage)?,
            blobs: Blobs::open(&config.objects).map_err(|error| Failure::usage(error.to_string()))?,
            bell: Arc::default(),
        })
    }

    /// The instance as checks see it, reached at `address`.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn instance(
        &self,
        config: &Config,
        operator: Operator,
        address: SocketAddr,
        temporary: bool,
    ) -> Result<Instance, Failure> {
        let serving = Serving {
            address,
            mode: config.mode(),
            public_url: config.origin(address),
            probe_token: Arc::from(self.master.probe_token()),
            temporary,
        };
        Ok(Instance {
            profile: Arc::clone(&self.profile),
            operator,
            vault: self.vault.clone(),
            backups: Arc::new(self.backups(config)?),
            accounts: self.accounts(config, &serving.public_url)?,
            clock: config.clock.clone(),
            serving,
            secrets: config.secrets.clone(),
        })
    }
}

/// What the HTTP side needs to know of the configuration.
pub fn settings(config: &Config, serving: &Serving) -> Settings {
    let port = serving.address.port();
    let mut hosts = vec![server::controls::probe::authority(&serving.public_url).to_owned()];
    if config.environment != Environment::Production || config.public_url.is_none() {
        hosts.extend([
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
            serving.address.to_string(),
        ]);
    }
    Settings { serving: serving.clone(), hosts, trusted_proxies: config.trusted_proxies.clone() }
}

/// Refuses a profile whose isolation this store cannot give, unless told to go on.
///
/// # Errors
/// Says both ways out.
pub fn isolation_fits(config: &Config, profile: &Profile, accepted: bool) -> Result<(), Failure> {
    let embedded = matches!(config.place, server::guard::Where::Embedded(_));
    match profile.isolation {
        Isolation::RowLevel if embedded && !accepted => Err(Failure::usage(
            "this profile promises row-level isolation, which the embedded SQLite cannot give; set AVOUCH_DATABASE_URL, or start with --accept-unavailable",
        )),
        Isolation::RowLevel | Isolation::Scoped | Isolation::Dedicated => Ok(()),
    }
}

fn folder(data: &Path) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::usage(format!(
            "the data folder {} cannot be written: {error}; choose another with AVOUCH_DATA, or change its owner",
            data.display()
        ))
    };
    if !data.exists() {
        std::fs::create_dir_all(data).map_err(cannot)?;
        private(data, 0o700).map_err(cannot)?;
    }
    let probe = data.join(".avouch-can-write");
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(cannot)
}

fn private(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Outside production a key is made at the first start and kept beside the data.
fn key_beside_data(config: &Config) -> Result<MasterKey, Failure> {
    let path = config.data.join("master.key");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(&path)?,
        Err(error) => return Err(Failure::usage(format!("{} cannot be read: {error}", path.display()))),
    };
    let key = keys::decode(&text).ok_or_else(|| {
        Failure::usage(format!(
            "{} does not hold 32 bytes in base64; restore it, or start with an empty data folder",
            path.display()
        ))
    })?;
    Ok(MasterKey::new(key, Origin::BesideData))
}

fn make_key(path: &Path) -> Result<String, Failure> {
    let key = SecretKey::random().map_err(|error| Failure::usage(error.to_string()))?;
    let text = keys::encode(&key).to_string();
    std::fs::write(path, &text)
        .and_then(|()| private(path, 0o600))
        .map_err(|error| Failure::usage(format!("{} cannot be written: {error}", path.display())))?;
    tracing::warn!("made a master key at {}; production takes one by reference instead", path.display());
    Ok(text)
}
