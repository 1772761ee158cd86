//! What a check may look at: this instance, and how to reach it from outside.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::backups::Backups;
use crate::clock::Clock;
use crate::crypto::keys::Origin;
use crate::guard::Operator;
use crate::identity::Accounts;
use crate::profile::Profile;
use crate::vault::Vault;

/// How people's connections reach this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Plain HTTP on this machine, for development.
    Plain,
    /// This program speaks TLS itself.
    OwnTls,
    /// A proxy in a trusted network speaks TLS.
    BehindProxy,
}

/// Where this instance answers.
#[derive(Clone, Debug)]
pub struct Serving {
    pub address: SocketAddr,
    pub mode: Mode,
    pub public_url: String,
    /// What probes show to be told from visitors; nobody without the master key can make it.
    pub probe_token: Arc<str>,
    /// Whether it is the running server, or a listener opened just for this look.
    pub temporary: bool,
}

#[derive(Clone, Debug)]
pub struct Instance {
    pub profile: Arc<Profile>,
    pub operator: Operator,
    pub vault: Vault,
    pub backups: Arc<Backups>,
    pub accounts: Accounts,
    pub clock: Clock,
    pub serving: Serving,
    /// Secrets beside the master key, and where each came from.
    pub secrets: Vec<(&'static str, Origin)>,
}
