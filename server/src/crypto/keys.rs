//! The master key, by reference only, and the data keys that it wraps.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::seal::{SealError, SecretKey};
use super::secret::MacKey;

/// Where a secret is to be found. The secret itself never stands in a file or on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// An environment variable's name.
    Env(String),
    /// A file's path.
    File(String),
    /// A command whose standard output is the secret.
    Command(String),
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a secret is given as a reference: env:NAME, file:PATH or command:…; a literal secret is refused")]
    Literal,
    #[error("the secret {0} is not there")]
    Missing(String),
    #[error("the master key from {0} is not 32 bytes in base64; make one with: openssl rand -base64 32")]
    Malformed(String),
    #[error(
        "the master key is not the one that this data was sealed with; give the right one, or start with an empty data folder"
    )]
    Wrong,
    #[error("this data belongs to the environment \"{found}\" and this instance is \"{here}\"")]
    OtherEnvironment { found: String, here: String },
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Reference {
    /// # Errors
    /// [`KeyError::Literal`] when it is not a reference; the text is not repeated, it may be the secret.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("command", line)) if !line.trim().is_empty() => Ok(Self::Command(line.to_owned())),
            Some(_) | None => Err(KeyError::Literal),
        }
    }

    /// Kind only: the rest may tell more than the public should know.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Env(_) => "an environment variable",
            Self::File(_) => "a file",
            Self::Command(_) => "a command",
        }
    }

    /// Where what it leads to lies.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Env(_) | Self::Command(_) => Origin::InMemory,
            Self::File(path) => origin_of_file(Path::new(path)),
        }
    }

    /// # Errors
    /// [`KeyError::Missing`] names the reference and never the secret.
    pub fn fetch(&self) -> Result<Zeroizing<String>, KeyError> {
        let (found, label) = match self {
            Self::Env(name) => (std::env::var(name).ok(), format!("env:{name}")),
            Self::File(path) => (std::fs::read_to_string(path).ok(), format!("file:{path}")),
            Self::Command(line) => (run(line), "command:…".to_owned()),
        };
        found.map(Zeroizing::new).filter(|text| !text.trim().is_empty()).ok_or(KeyError::Missing(label))
    }
}

fn run(line: &str) -> Option<String> {
    let output = std::process::Command::new("sh").arg("-c").arg(line).output().ok()?;
    if output.status.success() { String::from_utf8(output.stdout).ok() } else { None }
}

/// Where this instance's master key came from; what the page may say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made at first start, kept beside the data. Development and test only.
    BesideData,
    OnDisk,
    /// Handed over in memory: a variable, a command, or a file on a memory file system.
    InMemory,
}

#[derive(Clone, Debug)]
pub struct MasterKey {
    key: SecretKey,
    pub origin: Origin,
}

impl MasterKey {
    pub fn new(key: SecretKey, origin: Origin) -> Self {
        Self { key, origin }
    }

    /// # Errors
    /// When the reference leads nowhere, or to something that is not a key.
    pub fn from_reference(reference: &Reference) -> Result<Self, KeyError> {
        let text = reference.fetch()?;
        let key = decode(&text).ok_or_else(|| KeyError::Malformed(reference.kind().to_owned()))?;
        Ok(Self { key, origin: reference.origin() })
    }

    /// What probes of this instance show to be told from visitors: another use of the key, separated by its label.
    pub fn probe_token(&self) -> String {
        let labelled = Zeroizing::new([b"avouch/probe-token/1/".as_slice(), self.key.bytes()].concat());
        super::sha256_hex(&labelled)
    }

    /// What backups are sealed with: another use of the key, separated by its label.
    pub fn backup_key(&self) -> SecretKey {
        SecretKey::new(MacKey::new(self.key.clone()).mac("avouch/backup-key/1", &[]))
    }

    /// Wraps a data key for one owner in one environment.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn wrap(&self, id: Uuid, owner: &str, environment: &str, key: &SecretKey) -> Result<Vec<u8>, SealError> {
        self.key.seal(&place(id, owner, environment), key.bytes())
    }

    /// # Errors
    /// [`KeyError::Wrong`] when this is not the key that wrapped it.
    pub fn unwrap_key(&self, id: Uuid, owner: &str, environment: &str, wrapped: &[u8]) -> Result<SecretKey, KeyError> {
        let plain = self.key.open(&place(id, owner, environment), wrapped).map_err(|_| KeyError::Wrong)?;
        let bytes: [u8; 32] = plain.as_slice().try_into().map_err(|_| KeyError::Wrong)?;
        Ok(SecretKey::new(bytes))
    }
}

fn place(id: Uuid, owner: &str, environment: &str) -> String {
    format!("data-key/{environment}/{owner}/{id}")
}

/// 32 bytes in base64, white space around them allowed.
pub fn decode(text: &str) -> Option<SecretKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
    Some(SecretKey::new(bytes))
}

pub fn encode(key: &SecretKey) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(key.bytes()))
}

/// On a disk, unless its file system lives in memory.
pub fn origin_of_file(path: &Path) -> Origin {
    if in_memory(path) { Origin::InMemory } else { Origin::OnDisk }
}

/// Whether the path lies on a file system that lives in memory, as secrets mounted by an orchestrator do.
fn in_memory(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        })
        .filter(|(at, _)| path.starts_with(at))
        .max_by_key(|(at, _)| at.len())
        .is_some_and(|(_, kind)| matches!(kind, "tmpfs" | "ramfs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for literal in ["c2VjcmV0", "sk_live_abc", "https://x", "env:", ""] {
            let refused = Reference::parse(literal).expect_err(literal).to_string();
            assert!(literal.len() < 5 || !refused.contains(literal), "{refused}");
        }
    }

    #[test]
    fn a_data_key_opens_for_its_owner_and_environment_only() {
        let master = MasterKey::new(SecretKey::random().expect("random"), Origin::InMemory);
        let (id, key) = (Uuid::nil(), SecretKey::random().expect("random"));
        let wrapped = master.wrap(id, "platform", "test", &key).expect("wrap");

        let opened = master.unwrap_key(id, "platform", "test", &wrapped).expect("unwrap");
        assert_eq!(opened.bytes(), key.bytes());
        assert!(master.unwrap_key(id, "platform", "production", &wrapped).is_err());
        assert!(master.unwrap_key(id, "other", "test", &wrapped).is_err());
    }
}
