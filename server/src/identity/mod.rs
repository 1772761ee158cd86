//! People: how they sign up, prove who they are, stay signed in, and get back in. What they may do then is for their roles.

pub mod address;
pub mod backup_codes;
pub mod enrolment;
mod error;
pub mod housekeeping;
pub mod limits;
pub mod links;
pub mod moment;
pub mod origin;
pub mod password_rules;
pub mod profile;
pub mod record;
pub mod recovery;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;
pub mod sign_up;
pub(crate) mod stand_in;
pub mod trace;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::error::Refusal;
pub use self::origin::Origin;
use self::password_rules::Breached;
use crate::audit::log::Sealer;
use crate::blobs::Blobs;
use crate::crypto::password::Hasher;
use crate::guard::{Person, TenantId};
use crate::profile::Profile;
use crate::vault::Vault;

/// What every act about an account works with.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub profile: Arc<Profile>,
    pub vault: Vault,
    pub hasher: Hasher,
    /// Links in letters begin with it, whatever a request says of its host.
    pub public_url: String,
    pub breached: Breached,
    /// Where attached files and archives lie.
    pub blobs: Blobs,
    /// Rung when a letter is queued.
    pub bell: Arc<Notify>,
}

impl Accounts {
    /// What seals the entries that one request causes in an organisation's log.
    ///
    /// # Errors
    /// When the organisation's keys cannot be had.
    pub async fn sealer(&self, tenant: TenantId, origin: &Origin) -> Result<Sealer, Refusal> {
        let key = self.vault.tenant(tenant).await?;
        Ok(Sealer { key, place: origin.place.clone(), trace: None })
    }

    /// The same for what this person does: from where, only for as long as they are not erased.
    ///
    /// # Errors
    /// When the organisation's keys cannot be had.
    pub(crate) async fn sealer_of(
        &self,
        tenant: TenantId,
        person: &Person,
        origin: &Origin,
    ) -> Result<Sealer, Refusal> {
        let trace = trace::open(self, person.account.0, person.sealed_trace.as_deref());
        Ok(Sealer { trace, ..self.sealer(tenant, origin).await? })
    }

    /// A path of ours in full.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }
}
