//! Flags, `AVOUCH_*` and `avouch.toml` become one checked configuration. Nothing is written while it is read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use app::http::client::Networks;
use serde::Deserialize;
use server::clock::Clock;
use server::controls::Mode;
use server::crypto::keys::Reference;
use server::guard::Where;

use crate::cli::Options;
use crate::failure::Failure;

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
    pub listen: SocketAddr,
    /// `None`: derived from the address that was bound.
    pub public_url: Option<String>,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub trusted_proxies: Networks,
    pub master_key: Option<Reference>,
    pub clock: Clock,
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
}

impl Config {
    /// # Errors
    /// One line that names the setting and says what would be right.
    pub fn read(options: &Options) -> Result<Self, Failure> {
        let file = read_file(options.config.as_deref())?;
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
            Some(file) if environment == Environment::Test => Clock::Shifted(file),
            Some(_) => {
                return Err(Failure::usage(
                    "a clock file is for the environment \"test\" only; take AVOUCH_CLOCK_FILE away",
                ));
            }
        };
        let data = path(&options.data, file.data).unwrap_or_else(|| "./data".into());
        let place = match given(&options.database_url, file.database_url) {
            None => Where::Embedded(data.clone()),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                let admin_url =
                    given(&options.admin_database_url, file.admin_database_url).unwrap_or_else(|| url.clone());
                Where::Postgres { url, admin_url }
            }
            Some(_) => {
                return Err(Failure::usage(
                    "the database is given as postgres://…; leave it empty for the embedded SQLite",
                ));
            }
        };
        let config = Self {
            environment,
            profile: given(&options.profile, file.profile).unwrap_or_else(|| "aertous".into()),
            data,
            place,
            listen,
            public_url,
            tls,
            trusted_proxies,
            master_key,
            clock,
        };
        config.fit_for_production()?;
        Ok(config)
    }

    fn fit_for_production(&self) -> Result<(), Failure> {
        match self.environment {
            Environment::Development | Environment::Test => return Ok(()),
            Environment::Production => {}
        }
        if self.master_key.is_none() {
            return Err(Failure::usage(
                "production needs a master key: set AVOUCH_MASTER_KEY to env:NAME, file:PATH or command:…",
            ));
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

fn read_file(named: Option<&Path>) -> Result<File, Failure> {
    let default = Path::new("avouch.toml");
    let path = named.unwrap_or(default);
    if named.is_none() && !default.exists() {
        return Ok(File::default());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| {
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
    })
}

fn check_url(url: &str) -> Result<String, Failure> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        Some(host) if !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c)) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        Some(_) | None => Err(Failure::usage(format!(
            "the public address \"{url}\" is an origin such as https://trust.example.com, without a path"
        ))),
    }
}
