//! Everything one can be allowed in an organisation. Roles are data: a name and a set of these.

use std::collections::BTreeSet;

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
    HelpEnd = "help_end",
}

/// What exercising a permission does to the organisation. One whose subscription has lapsed keeps `Read` and `Settle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Read,
    Change,
    /// Payment, export, deletion, showing the vendor out: possible in every standing.
    Settle,
}

impl Permission {
    /// The whole of what lapse is about: everything is a change unless it is a read or settles the account.
    pub const fn effect(self) -> Effect {
        match self {
            Self::OrganisationRead | Self::MembersRead | Self::RecordsRead | Self::AuditRead | Self::ReviewsRead => {
                Effect::Read
            }
            Self::ExportCreate | Self::BillingManage | Self::HelpEnd => Effect::Settle,
            Self::OrganisationManage
            | Self::MembersManage
            | Self::RolesManage
            | Self::MfaReset
            | Self::UnitsManage
            | Self::RecordsWrite
            | Self::RecordsDelete
            | Self::ReviewsManage
            | Self::ReviewsDecide
            | Self::SettingsManage
            | Self::HelpGrant => Effect::Change,
        }
    }

    /// Whether the person's own second factor must have been given lately.
    pub const fn fresh(self) -> bool {
        matches!(self, Self::MfaReset | Self::OrganisationManage | Self::HelpGrant | Self::ExportCreate)
    }

    /// Whether it decides who else gets in, and how far: never part of help by the vendor's staff.
    pub const fn administers(self) -> bool {
        matches!(
            self,
            Self::OrganisationManage
                | Self::MembersManage
                | Self::RolesManage
                | Self::MfaReset
                | Self::UnitsManage
                | Self::SettingsManage
                | Self::HelpGrant
                | Self::HelpEnd
                | Self::ReviewsManage
                | Self::ReviewsDecide
        )
    }

    /// What it lets somebody do, as the matrix of roles says it.
    pub const fn said(self) -> &'static str {
        match self {
            Self::OrganisationRead => "Open the organisation and its dashboard",
            Self::OrganisationManage => "Hand the organisation over and rename it",
            Self::MembersRead => "See the members and their roles",
            Self::MembersManage => "Invite members, change their roles, end their access",
            Self::RolesManage => "Make and remove roles of the organisation's own",
            Self::MfaReset => "Reset a member's second factor",
            Self::UnitsManage => "Make and remove units, and say who reaches them",
            Self::RecordsRead => "Read records",
            Self::RecordsWrite => "Add and change records",
            Self::RecordsDelete => "Delete records",
            Self::AuditRead => "Read the audit log and take it along",
            Self::ExportCreate => "Export everything",
            Self::ReviewsRead => "See access reviews",
            Self::ReviewsManage => "Open and close access reviews",
            Self::ReviewsDecide => "Decide in access reviews",
            Self::BillingManage => "See and settle the subscription",
            Self::SettingsManage => "Change the organisation's settings",
            Self::HelpGrant => "Let the vendor's staff in for a while",
            Self::HelpEnd => "End the help of the vendor's staff at once",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.word() == word)
    }

    /// All that a role permits that names these. Whoever may let help in may end it, also by a role from before that was said apart.
    #[must_use]
    pub fn with_implied(mut named: BTreeSet<Self>) -> BTreeSet<Self> {
        if named.contains(&Self::HelpGrant) {
            named.insert(Self::HelpEnd);
        }
        named
    }

    /// A role of an organisation's own, as it is kept.
    pub fn kept(words: &str) -> BTreeSet<Self> {
        Self::with_implied(words.split(' ').filter_map(Self::parse).collect())
    }
}
