//! Everything one can be allowed in an organisation. Roles are data: a name and a set of these.

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A closed list: a profile that names another one does not start.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Permission { $($(#[$doc])* #[serde(rename = $word)] $name),* }

        impl Permission {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

permissions! {
    OrganisationRead = "organisation_read",
    OrganisationManage = "organisation_manage",
    MembersRead = "members_read",
    MembersManage = "members_manage",
    RolesManage = "roles_manage",
    MfaReset = "mfa_reset",
    UnitsManage = "units_manage",
    RecordsRead = "records_read",
    RecordsWrite = "records_write",
    RecordsDelete = "records_delete",
    AuditRead = "audit_read",
    ExportCreate = "export_create",
    ReviewsRead = "reviews_read",
    ReviewsManage = "reviews_manage",
    ReviewsDecide = "reviews_decide",
    BillingManage = "billing_manage",
    SettingsManage = "settings_manage",
    HelpGrant = "help_grant",
}

impl Permission {
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.word() == word)
    }
}
