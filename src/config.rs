//! Flags, `AVOUCH_*` and `avouch.toml` become one checked configuration. Nothing is written while it is read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use app::http::client::Networks;
use serde::Deserialize;
use server::backups::Destination;
use server::blobs::{Blobs, Place};
use server::clock::Clock;
use server::controls::Mode;
use server::crypto::keys::{self, Origin, Reference};
use server::guard::Where;
use server::mail::{Post, Smtp};
use url::Url;

use crate::cli::Options;
use crate::failure::Failure;
use crate::misspelt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    Development,
    Test,
    Production,
}

impl Environment {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Production => "production",
        }
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        [Self::Development, Self::Test, Self::Production]
            .into_iter()
            .find(|environment| environment.word() == text)
            .ok_or_else(|| {
                Failure::usage(format!("there is no environment \"{text}\"; it is development, test or production"))
            })
    }
}

#[derive(Debug)]
pub struct Config {
    pub environment: Environment,
    pub profile: String,
    pub data: PathBuf,
    pub place: Where,
    /// Secrets beside the master key, and where each came from.
    pub secrets: Vec<(&'static str, Origin)>,
    pub listen: SocketAddr,
    /// `None`: derived from the address that was bound.
    pub public_url: Option<String>,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub trusted_proxies: Networks,
    pub master_key: Option<Reference>,
    pub clock: Clock,
    pub mail: Mail,
    /// A list of passwords known from breaches.
    pub breached: Option<PathBuf>,
    /// Where attached files and archives lie.
    pub objects: Place,
    /// Where backups go.
    pub backup_to: Vec<Destination>,
    /// What is set in the environment and is no setting, with what may have been meant.
    pub misspelt: Vec<String>,
}

/// Where letters go.
#[derive(Clone, Debug)]
pub enum Mail {
    /// Letters wait in the queue, sealed: production without a mail server.
    Nowhere,
    /// A file for each.
    Folder(PathBuf),
    /// An address that may hold a password, so never shown.
    Smtp(SmtpAddress),
}

#[derive(Clone)]
pub struct SmtpAddress(Url);

impl SmtpAddress {
    pub fn server(&self) -> Smtp<'_> {
        let Self(url) = self;
        let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = url.password().map(|password| (plain(url.username()), plain(password)));
        let implicit_tls = url.scheme() == "smtps";
        Smtp { host: url.host_str().unwrap_or_default(), port: url.port(), implicit_tls, login }
    }
}

impl std::fmt::Debug for SmtpAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SmtpAddress(…)")
    }
}

impl Mail {
    fn parse(text: &str, from_file: bool) -> Result<(Self, Option<Origin>), Failure> {
        let wrong = || {
            Failure::usage(
                "mail is given as smtp://…, smtps://…, dir:PATH, or a reference to one of these (env:NAME, file:PATH, command:…)",
            )
        };
        if let Some(path) = text.strip_prefix("dir:").filter(|path| !path.is_empty()) {
            return Ok((Self::Folder(path.into()), None));
        }
        let (text, origin) = match Reference::parse(text) {
            Ok(reference) if !text.starts_with("smtp") => {
                let fetched = reference.fetch().map_err(|error| Failure::usage(error.to_string()))?;
                (fetched.trim().to_owned(), Some(reference.origin()))
            }
            Ok(_) | Err(_) => (text.to_owned(), None),
        };
        let url = Url::parse(&text).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "smtp" | "smtps") || !url.has_host() {
            return Err(wrong());
        }
        if url.password().is_some() && origin.is_none() && from_file {
            return Err(Failure::usage(
                "a mail address with a password is a secret: in the file give a reference (env:NAME, file:PATH, command:…)",
            ));
        }
        let secret = url.password().is_some().then(|| origin.unwrap_or(Origin::InMemory));
        Ok((Self::Smtp(SmtpAddress(url)), secret))
    }

    /// Ready to send, if there is a way to.
    ///
    /// # Errors
    /// When the folder cannot be made, or TLS not be set up.
    pub fn post(&self) -> Result<Option<Post>, Failure> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Folder(path) => Post::folder(path).map(Some).map_err(|error| {
                Failure::usage(format!("the folder for letters, {}, cannot be made: {error}", path.display()))
            }),
            Self::Smtp(address) => Post::smtp(address.server())
                .map(Some)
                .map_err(|error| Failure::usage(format!("the mail server cannot be used: {error}"))),
        }
    }
}

/// `avouch.toml`: the same names as the flags, with underscores.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
struct File {
    environment: Option<String>,
    profile: Option<String>,
    data: Option<String>,
    database_url: Option<String>,
    admin_database_url: Option<String>,
    listen: Option<String>,
    public_url: Option<String>,
    tls_cert: Option<String>,
    tls_key: Option<String>,
    trusted_proxies: Option<String>,
    master_key: Option<String>,
    clock_file: Option<String>,
    mail: Option<String>,
    breached_passwords: Option<String>,
    objects: Option<String>,
    objects_credentials: Option<String>,
    backup_to: Option<String>,
}

impl Config {
    /// # Errors
    /// One line that names the setting and says what would be right.
    pub fn read(options: &Options) -> Result<Self, Failure> {
        let (file, text) = read_file(options.config.as_deref())?;
        let given = |flag: &Option<String>, file: Option<String>| flag.clone().or(file).filter(|text| !text.is_empty());
        let path = |flag: &Option<String>, file: Option<String>| given(flag, file).map(PathBuf::from);

        let environment = given(&options.environment, file.environment)
            .map_or(Ok(Environment::Development), |text| Environment::parse(&text))?;
        let listen = given(&options.listen, file.listen).unwrap_or_else(|| "127.0.0.1:3000".into());
        let listen = listen.parse().map_err(|_| {
            Failure::usage(format!("the address to bind, \"{listen}\", is not of the form 127.0.0.1:3000"))
        })?;
        let public_url = given(&options.public_url, file.public_url).map(|url| check_url(&url)).transpose()?;
        let proxies = given(&options.trusted_proxies, file.trusted_proxies).unwrap_or_default();
        let trusted_proxies = proxies.parse().map_err(|wrong| Failure::usage(format!("trusted proxies: {wrong}")))?;
        let master_key = given(&options.master_key, file.master_key).map(|text| Reference::parse(&text)).transpose();
        let master_key = master_key.map_err(|error| Failure::usage(format!("the master key: {error}")))?;
        let tls = match (path(&options.tls_cert, file.tls_cert), path(&options.tls_key, file.tls_key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Failure::usage(
                    "TLS takes both a certificate (AVOUCH_TLS_CERT) and its key (AVOUCH_TLS_KEY)",
                ));
            }
        };
        let clock = match path(&options.clock_file, file.clock_file) {
            None => Clock::Real,
            Some(file) if environment == Environment::Test => Clock::shifted(file),
            Some(_) => {
                return Err(Failure::usage(
                    "a clock file is for the environment \"test\" only; take AVOUCH_CLOCK_FILE away",
                ));
            }
        };
        let data = path(&options.data, file.data).unwrap_or_else(|| "./data".into());
        let database = Secret::of(options.database_url.as_ref(), file.database_url.as_ref());
        let admin = Secret::of(options.admin_database_url.as_ref(), file.admin_database_url.as_ref());
        let (database, admin) =
            (database.map(|secret| secret.address()).transpose()?, admin.map(|secret| secret.address()).transpose()?);
        let mut secrets: Vec<(&'static str, Origin)> = Vec::new();
        secrets.extend(database.iter().chain(&admin).map(|(_, origin)| ("the database's address", *origin)));
        secrets.extend(tls.iter().map(|(_, key)| ("the TLS key", keys::origin_of_file(key))));
        let from_file = options.mail.as_deref().is_none_or(str::is_empty);
        let (mail, secret) = match given(&options.mail, file.mail) {
            Some(text) => Mail::parse(&text, from_file)?,
            None if environment == Environment::Production => (Mail::Nowhere, None),
            None => (Mail::Folder(data.join("mail")), None),
        };
        secrets.extend(secret.map(|origin| ("the mail server's password", origin)));
        let entry = given(&options.objects_credentials, file.objects_credentials).map(|text| Reference::parse(&text));
        let entry = entry.transpose().map_err(|error| Failure::usage(format!("the store's credentials: {error}")))?;
        secrets.extend(entry.iter().map(|entry| ("the credentials of the store of files", entry.origin())));
        let objects = match given(&options.objects, file.objects) {
            Some(address) => Place::parse(&address, entry.as_ref()).map_err(Failure::usage)?,
            None => Place::below(&data),
        };
        let backup_to = places(given(&options.backup_to, file.backup_to), environment, &data)?;
        let breached = path(&options.breached_passwords, file.breached_passwords);
        let place = match database {
            None => Where::Embedded(data.clone()),
            Some((url, _)) => Where::Postgres { admin_url: admin.map_or_else(|| url.clone(), |(url, _)| url), url },
        };
        let config = Self {
            environment,
            profile: given(&options.profile, file.profile).unwrap_or_else(|| "aertous".into()),
            data,
            place,
            secrets,
            listen,
            public_url,
            tls,
            trusted_proxies,
            master_key,
            clock,
            mail,
            breached,
            objects,
            backup_to,
            misspelt: misspelt::said(&text),
        };
        config.fit_for_production()?;
        Ok(config)
    }

    /// The live store of files, where it is not the folder below the data.
    ///
    /// # Errors
    /// When what is configured is not enough to reach it.
    pub fn bucket(&self) -> Result<Option<Blobs>, Failure> {
        match &self.objects {
            Place::Folder(_) => Ok(None),
            Place::Cloud(_) => Blobs::open(&self.objects).map(Some).map_err(|error| Failure::usage(error.to_string())),
        }
    }

    /// A copy that goes when what it is a copy of goes is none.
    fn apart(&self, destination: &Destination) -> Result<(), Failure> {
        if destination.is_below(&self.data) {
            return Err(Failure::usage(format!(
                "backups go to {}, which lies in the data folder and goes when the data goes; give AVOUCH_BACKUP_TO another place",
                destination.label
            )));
        }
        let of_bucket = |bucket: &String| {
            let rest = destination.label.strip_prefix(bucket.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self.objects.bucket().filter(of_bucket) {
            None => Ok(()),
            Some(bucket) => Err(Failure::usage(format!(
                "backups and the files themselves both go to {bucket}; give AVOUCH_BACKUP_TO a bucket of its own"
            ))),
        }
    }

    fn fit_for_production(&self) -> Result<(), Failure> {
        match self.environment {
            Environment::Development | Environment::Test => return Ok(()),
            Environment::Production => {}
        }
        for destination in &self.backup_to {
            self.apart(destination)?;
        }
        if self.master_key.is_none() {
            return Err(Failure::usage(
                "production needs a master key: set AVOUCH_MASTER_KEY to env:NAME, file:PATH or command:…",
            ));
        }
        if self.tls.is_some() && !self.public_url.as_deref().is_some_and(|url| url.starts_with("https://")) {
            return Err(Failure::usage("production needs the https address that people use: set AVOUCH_PUBLIC_URL"));
        }
        if self.mode() == Mode::Plain {
            return Err(Failure::usage(
                "production needs TLS: set AVOUCH_TLS_CERT and AVOUCH_TLS_KEY, or an https AVOUCH_PUBLIC_URL with AVOUCH_TRUSTED_PROXIES",
            ));
        }
        Ok(())
    }

    pub fn mode(&self) -> Mode {
        let public_https = self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        match (&self.tls, public_https && !self.trusted_proxies.is_empty()) {
            (Some(_), _) => Mode::OwnTls,
            (None, true) => Mode::BehindProxy,
            (None, false) => Mode::Plain,
        }
    }

    /// The origin that people use.
    pub fn origin(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            let host =
                if bound.ip().is_unspecified() { format!("127.0.0.1:{}", bound.port()) } else { bound.to_string() };
            format!("{scheme}://{host}")
        })
    }
}

/// Where backups go. Outside production they have a place without being given one, which goes when the data goes; production refuses that.
fn places(given: Option<String>, environment: Environment, data: &Path) -> Result<Vec<Destination>, Failure> {
    match (given, environment) {
        (Some(places), _) => Ok(places.split(',').map(Destination::parse).collect::<Result<_, _>>()?),
        (None, Environment::Production) => Ok(Vec::new()),
        (None, Environment::Development | Environment::Test) => Ok(vec![Destination::folder(&data.join("backups"))?]),
    }
}

/// A database address as it was given: it may hold a password.
struct Secret<'a> {
    text: &'a str,
    from_file: bool,
}

impl<'a> Secret<'a> {
    fn of(flag: Option<&'a String>, file: Option<&'a String>) -> Option<Self> {
        let flag = flag.filter(|text| !text.is_empty()).map(|text| Self { text, from_file: false });
        flag.or_else(|| file.filter(|text| !text.is_empty()).map(|text| Self { text, from_file: true }))
    }

    /// The address itself, by reference if it is one. What is wrong is said without repeating it.
    fn address(&self) -> Result<(String, Origin), Failure> {
        let (text, origin) = match Reference::parse(self.text) {
            Ok(reference) => (
                reference.fetch().map_err(|error| Failure::usage(error.to_string()))?.trim().to_owned(),
                reference.origin(),
            ),
            Err(_) => (self.text.to_owned(), if self.from_file { Origin::OnDisk } else { Origin::InMemory }),
        };
        let url =
            Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host());
        let Some(url) = url else {
            return Err(Failure::usage(
                "the database is given as postgres://…, with special characters of the password percent-encoded, or as a reference to that (env:NAME, file:PATH, command:…); leave it empty for the embedded SQLite",
            ));
        };
        match (url.password().is_some(), origin) {
            (true, Origin::OnDisk) if Reference::parse(self.text).is_err() => Err(Failure::usage(
                "a database address with a password is a secret: in the file give a reference (env:NAME, file:PATH, command:…)",
            )),
            (true, _) => Ok((text, origin)),
            (false, _) => Ok((text, Origin::InMemory)),
        }
    }
}

fn read_file(named: Option<&Path>) -> Result<(File, String), Failure> {
    let default = Path::new("avouch.toml");
    let path = named.unwrap_or(default);
    if named.is_none() && !default.exists() {
        return Ok((File::default(), String::new()));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    let read = toml::from_str(&text).map_err(|error| {
        let place = error.span().map(|span| {
            let before = &text[..text.floor_char_boundary(span.start)];
            format!(
                "{}:{}: ",
                before.matches('\n').count() + 1,
                before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
            )
        });
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let near = match quoted.split_first() {
            Some((written, known)) if message.starts_with("unknown") => {
                server::profile::place::did_you_mean(written, known.iter().copied())
            }
            Some(_) | None => String::new(),
        };
        let said =
            if near.is_empty() { message.as_str() } else { message.split(", expected").next().unwrap_or_default() };
        Failure::usage(format!("{}:{}{said}{near}", path.display(), place.unwrap_or_default()))
    })?;
    Ok((read, text))
}

/// Browsers leave the default port out of what they ask for.
fn without_default_port(url: &str) -> String {
    let default = if url.starts_with("https://") { ":443" } else { ":80" };
    url.strip_suffix(default).unwrap_or(url).to_owned()
}

fn check_url(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        Some(host) if !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c)) => {
            Ok(without_default_port(url.trim_end_matches('/')))
        }
        Some(_) | None => Err(Failure::usage(format!(
            "the public address \"{url}\" is an origin such as https://trust.example.com, without a path"
        ))),
    }
}
