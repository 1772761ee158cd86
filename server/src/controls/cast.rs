//! Which of the profile's roles plays which part in a look: no check knows a role by its name.

use contract::permission::Permission;

use super::Seen;
use crate::profile::Profile;

/// The role that may most: of several, the first by name.
pub(super) fn most(profile: &Profile) -> Option<&str> {
    let most = profile.roles.values().map(|role| role.grants.len()).max()?;
    profile.roles.iter().find(|(_, role)| role.grants.len() == most).map(|(name, _)| name.as_str())
}

/// Of the roles with a permission, the one that may most.
pub(super) fn with(profile: &Profile, permission: Permission) -> Option<&str> {
    let holders = profile.roles.iter().filter(|(_, role)| role.grants.contains(&permission));
    holders.max_by_key(|(_, role)| role.grants.len()).map(|(name, _)| name.as_str())
}

/// Of the roles without a permission, the one that may most: the nearest to having it.
pub(super) fn without(profile: &Profile, permission: Permission) -> Option<&str> {
    let others = profile.roles.iter().filter(|(_, role)| !role.grants.contains(&permission));
    others.max_by_key(|(_, role)| role.grants.len()).map(|(name, _)| name.as_str())
}

/// What there is to say when the profile has no role for a part.
pub(super) fn nobody(permission: Permission, has: bool) -> Seen {
    let part = if has { "No role of this profile may" } else { "Every role of this profile may" };
    Seen::Unavailable(format!("{part}: {}.", permission.said().to_lowercase()))
}
