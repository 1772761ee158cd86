//! Roles: those of the profile, and those that an organisation adds. A role that is added never has more than whoever adds it.

use std::collections::{BTreeMap, BTreeSet};

use contract::permission::Permission;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::unknown;
use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::entity::{custom_role, invitation, membership, organisation};
use crate::guard::{Allowed, Belonging, Change, Operator, Right, TenantDb, TenantId, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::profile::Profile;

/// Most roles that an organisation may add.
const MOST: u64 = 50;

/// Where a role comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Profile,
    /// The organisation added it itself.
    Own,
    /// The same, and the profile has a role of its name by now, which counts in its place: this one permits nothing.
    Hidden,
}

/// One role as the matrix shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    pub permissions: BTreeSet<Permission>,
    pub whose: Whose,
    pub privileged: bool,
    pub needs_factor: bool,
}

/// All roles that this organisation has: the profile's, by how much they may, then its own.
///
/// # Errors
/// When the database does not answer.
pub async fn list<R: Right>(reader: &Allowed<R>, accounts: &Accounts) -> Result<Vec<Role>, Refusal> {
    of(&reader.read().await?, &accounts.profile).await
}

pub(crate) async fn of(view: &TenantDb, profile: &Profile) -> Result<Vec<Role>, Refusal> {
    let own = view.all(custom_role::Entity::find()).await?;
    Ok(all(profile, own))
}

pub(crate) fn all(profile: &Profile, own: Vec<custom_role::Model>) -> Vec<Role> {
    let mut roles: Vec<Role> = profile
        .roles
        .iter()
        .map(|(name, role)| Role {
            name: name.clone(),
            permissions: role.grants.clone(),
            whose: Whose::Profile,
            privileged: role.privileged,
            needs_factor: profile.demands_factor([name.as_str()]),
        })
        .collect();
    roles.sort_by_key(|role| std::cmp::Reverse(role.permissions.len()));
    roles.extend(own.into_iter().map(|row| {
        let hidden = profile.roles.contains_key(&row.name);
        Role {
            permissions: if hidden { BTreeSet::new() } else { Permission::kept(&row.permissions) },
            whose: if hidden { Whose::Hidden } else { Whose::Own },
            privileged: false,
            needs_factor: profile.demands_factor([row.name.as_str()]),
            name: row.name,
        }
    }));
    roles
}

/// Roles that organisations added before the profile had one of the same name: the organisation's slug, and the role.
///
/// # Errors
/// When the database does not answer.
pub async fn hidden(operator: &Operator, profile: &Profile) -> Result<Vec<(String, String)>, Refusal> {
    let mut found = Vec::new();
    for row in operator.organisations().await? {
        let roles = of(&operator.view(TenantId(row.id)).await?, profile).await?;
        let names = roles.into_iter().filter(|role| role.whose == Whose::Hidden).map(|role| role.name);
        found.extend(names.map(|name| (row.slug.clone(), name)));
    }
    Ok(found)
}

/// What a role permits, inside a change. `None`: there is no such role.
pub(crate) async fn permissions(
    change: &Change,
    profile: &Profile,
    name: &str,
) -> Result<Option<BTreeSet<Permission>>, Refusal> {
    if let Some(role) = profile.roles.get(name) {
        return Ok(Some(role.grants.clone()));
    }
    let row = change.one(custom_role::Entity::find().filter(custom_role::Column::Name.eq(name))).await?;
    Ok(row.map(|row| Permission::kept(&row.permissions)))
}

/// The one rule of giving: nobody gives, or takes from somebody, what they do not have themselves.
pub(crate) async fn within_reach(
    change: &Change,
    profile: &Profile,
    giver: &Belonging,
    role: &str,
) -> Result<(), Refusal> {
    let wanted = permissions(change, profile, role).await?.ok_or_else(|| unknown("role"))?;
    covers(giver, role, &wanted)
}

/// The same of a role that somebody has. One that is gone permits nothing, so everybody may take it away.
pub(crate) async fn within_reach_of(
    change: &Change,
    profile: &Profile,
    giver: &Belonging,
    held: &str,
) -> Result<(), Refusal> {
    covers(giver, held, &permissions(change, profile, held).await?.unwrap_or_default())
}

fn covers(giver: &Belonging, role: &str, wanted: &BTreeSet<Permission>) -> Result<(), Refusal> {
    match wanted.difference(&giver.permissions).next() {
        None => Ok(()),
        Some(more) => Err(Refusal::Field(
            "role",
            format!(
                "the role {role} may more than yours ({}): somebody who has that has to do this",
                more.said().to_lowercase()
            ),
        )),
    }
}

/// The names of all roles that have a permission, for finding who has it.
pub(crate) async fn with(change: &Change, profile: &Profile, permission: Permission) -> Result<Vec<String>, Refusal> {
    let own = change.all(custom_role::Entity::find()).await?;
    let roles = all(profile, own);
    Ok(roles.into_iter().filter(|role| role.permissions.contains(&permission)).map(|role| role.name).collect())
}

/// Refuses to leave an organisation without anybody who can manage its members.
pub(crate) async fn keeps_an_administrator(change: &Change, profile: &Profile, without: Uuid) -> Result<(), Refusal> {
    // Of two who take each other away at once, the second has to see what the first did.
    let one_by_one = organisation::Entity::find_by_id(change.tenant().0);
    change
        .unscoped("the organisation's own row, held while its administrators are counted")
        .one_held(one_by_one)
        .await?;
    let managing = with(change, profile, Permission::MembersManage).await?;
    let others = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(managing))
        .filter(membership::Column::AccountId.ne(without));
    if change.count(others).await? == 0 {
        return Err(Refusal::Conflict(
            "This is the last person who can manage the members. Give somebody else such a role first.".into(),
        ));
    }
    Ok(())
}

/// How many members could manage the members, seen by one change at a time.
pub(crate) async fn administrators(change: &Change, profile: &Profile) -> Result<u64, Refusal> {
    let one_by_one = organisation::Entity::find_by_id(change.tenant().0);
    change
        .unscoped("the organisation's own row, held while its administrators are counted")
        .one_held(one_by_one)
        .await?;
    let managing = with(change, profile, Permission::MembersManage).await?;
    let members = membership::Entity::find()
        .filter(membership::Column::Kind.eq("member"))
        .filter(membership::Column::Role.is_in(managing));
    Ok(change.count(members).await?)
}

/// Adds a role.
///
/// # Errors
/// [`Refusal::Field`] on `name` or `permissions`: empty, taken, unknown, a wildcard, or more than the giver has.
pub async fn create(
    giver: &Allowed<rights::RolesManage>,
    accounts: &Accounts,
    name: &str,
    words: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let name = super::members::short("name", name)?;
    if name.len() > 64 {
        return Err(Refusal::Field("name", "a role's name has at most 64 characters".into()));
    }
    let wanted = wanted(words)?;
    if let Some(more) = wanted.difference(&giver.here().permissions).next() {
        return Err(Refusal::Field(
            "permissions",
            format!("you cannot give what you do not have: {}", more.said().to_lowercase()),
        ));
    }
    let taken = || Refusal::Field("name", "there is a role of this name".into());
    if accounts.profile.roles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(taken());
    }
    let change = giver.begin(accounts, origin).await?;
    let own = change.all(custom_role::Entity::find()).await?;
    if own.iter().any(|row| row.name.eq_ignore_ascii_case(&name)) {
        return Err(taken());
    }
    let held = change.count(membership::Entity::find().filter(membership::Column::Role.eq(&name))).await?
        + change.count(invitation::Entity::find().filter(invitation::Column::Role.eq(&name))).await?;
    if held > 0 {
        return Err(Refusal::Field(
            "name",
            "somebody still has a role of this name that is gone; give them another first".into(),
        ));
    }
    if own.len() as u64 >= MOST {
        return Err(Refusal::Conflict(format!("An organisation has at most {MOST} roles of its own.")));
    }
    let permissions = wanted.iter().map(|permission| permission.word()).collect::<Vec<_>>().join(" ");
    let row = custom_role::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        name: ActiveValue::Set(name.clone()),
        permissions: ActiveValue::Set(permissions.clone()),
        made_at_ms: ActiveValue::Set(to_ms(now)),
    };
    change.insert(row).await?;
    let event = Event::of(Action::RoleMade, Uuid::nil()).with("role", name).with("permissions", permissions);
    Ok(change.commit(&event, now).await?)
}

/// Named one by one; there is no word for "all".
fn wanted(words: &str) -> Result<BTreeSet<Permission>, Refusal> {
    let named = words.split([' ', ',']).filter(|word| !word.is_empty());
    let wanted: Result<BTreeSet<_>, _> = named
        .map(|word| {
            Permission::parse(word).ok_or_else(|| {
                Refusal::Field("permissions", "permissions are named one by one, and one of these is not known".into())
            })
        })
        .collect();
    let wanted = Permission::with_implied(wanted?);
    if wanted.is_empty() {
        return Err(Refusal::Field("permissions", "choose at least one permission".into()));
    }
    Ok(wanted)
}

/// Removes a role that nobody has.
///
/// # Errors
/// [`Refusal::Conflict`] while somebody has it or is invited to it.
pub async fn delete(
    remover: &Allowed<rights::RolesManage>,
    accounts: &Accounts,
    name: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let change = remover.begin(accounts, origin).await?;
    let holders = change.count(membership::Entity::find().filter(membership::Column::Role.eq(name))).await?;
    let invited = change.count(invitation::Entity::find().filter(invitation::Column::Role.eq(name))).await?;
    // Whoever has it has the profile's of this name.
    let hidden = accounts.profile.roles.contains_key(name);
    if !hidden && holders + invited > 0 {
        return Err(Refusal::Conflict(
            "Somebody has this role or is invited to it. Give them another one first.".into(),
        ));
    }
    let gone = change.delete(custom_role::Entity::delete_many().filter(custom_role::Column::Name.eq(name))).await?;
    if gone == 0 {
        return Err(unknown("role"));
    }
    Ok(change.commit(&Event::of(Action::RoleRemoved, Uuid::nil()).with("role", name), now).await?)
}

/// What one person may, and through what: the answer to "what can this person see".
pub fn explained(role: &str, roles: &[Role]) -> BTreeMap<Permission, bool> {
    let has = roles.iter().find(|known| known.name == role).map(|known| known.permissions.clone()).unwrap_or_default();
    Permission::ALL.iter().map(|permission| (*permission, has.contains(permission))).collect()
}
