//! Which profile this data is of. It is written down at the first start: under another one the same people have roles that permit
//! nothing, so another one is refused unless somebody changes it on purpose.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use crate::audit::Event;
use crate::clock::to_ms;
use crate::entity::{custom_role, environment, help_grant, instance, invitation, membership};
use crate::guard::{Operator, TenantDb, TenantId, Where, recorded_profile};
use crate::profile::Profile;
use crate::profile::policy::Isolation;
use crate::trust::history;

/// The only row of its table.
const ONLY: i64 = 1;

/// Why this data is not worked on with this profile.
#[derive(Debug, thiserror::Error)]
pub enum ServedError {
    #[error(
        "this data is of the profile {recorded}, not of {given}; name {recorded} with --profile (AVOUCH_PROFILE), or another place with --data or --database-url; to change the profile of this data on purpose, run avouch profile adopt --profile {given}"
    )]
    Another { recorded: String, given: String },
    #[error(
        "somebody in the organisation {organisation} has the role \"{role}\", which the profile {given} does not know, so nothing would be permitted to them; name the profile that this data was made with, or give them another role first"
    )]
    UnknownRole { given: String, organisation: String, role: String },
    #[error(
        "the organisation {organisation} {lies}, and the profile {given} keeps organisations otherwise; name the profile that this data was made with"
    )]
    LiesElsewhere { given: String, organisation: String, lies: &'static str },
    #[error("the database did not answer: {0}")]
    Database(#[from] DbErr),
}

/// Refuses a profile that is not the one written down, before anything is opened, made or brought up.
///
/// # Errors
/// [`ServedError::Another`] says both ways out.
pub async fn refuse_another(place: &Where, profile: &Profile) -> Result<(), ServedError> {
    match recorded_profile(place).await {
        Some(recorded) => same(recorded, profile),
        None => Ok(()),
    }
}

/// Writes the profile down, where none is. Data from before there was such a record takes it only if it is what the data was made with,
/// as far as the public history and the roles of people tell.
///
/// # Errors
/// See [`ServedError`].
pub async fn take(operator: &Operator, profile: &Profile, now: OffsetDateTime) -> Result<(), ServedError> {
    if let Some(row) = operator.all(instance::Entity::find()).await?.into_iter().next() {
        return same(row.profile, profile);
    }
    let known = history::profiles(&operator.visitor()).await?;
    if !known.is_empty() && !known.contains(&profile.id) {
        return Err(ServedError::Another { recorded: known.join(", "), given: profile.id.clone() });
    }
    // Where no other was ever served, a role that nobody knows is one that the profile had once.
    if known != [profile.id.clone()] {
        fits(operator, profile).await?;
    }
    let change = operator.begin().await?;
    // Of two instances that start at once, the second finds what the first wrote.
    if let Some(row) = change.one(instance::Entity::find_by_id(ONLY)).await? {
        return same(row.profile, profile);
    }
    change.insert(row(profile, now)).await?;
    Ok(change.commit(Event::ProfileTaken { profile: profile.id.clone(), before: None }, now).await?)
}

/// Takes this profile in place of the one that the data was of. Which one that was, if it was written down.
///
/// # Errors
/// When people have roles that this profile does not know, or organisations lie where it would not look for them.
pub async fn adopt(operator: &Operator, profile: &Profile, now: OffsetDateTime) -> Result<Option<String>, ServedError> {
    fits(operator, profile).await?;
    let change = operator.begin().await?;
    let before = change.one(instance::Entity::find_by_id(ONLY)).await?.map(|row| row.profile);
    if before.as_ref() == Some(&profile.id) {
        return Ok(before);
    }
    if before.is_some() {
        let columns = instance::Entity::update_many()
            .col_expr(instance::Column::Profile, Expr::value(&profile.id))
            .col_expr(instance::Column::SinceMs, Expr::value(to_ms(now)));
        change.update(columns).await?;
    } else {
        change.insert(row(profile, now)).await?;
    }
    change.commit(Event::ProfileTaken { profile: profile.id.clone(), before: before.clone() }, now).await?;
    Ok(before)
}

/// Which profile is written down.
///
/// # Errors
/// When the database does not answer.
pub async fn recorded(operator: &Operator) -> Result<Option<String>, DbErr> {
    Ok(operator.all(instance::Entity::find()).await?.into_iter().next().map(|row| row.profile))
}

fn row(profile: &Profile, now: OffsetDateTime) -> instance::ActiveModel {
    instance::ActiveModel {
        id: ActiveValue::Set(ONLY),
        profile: ActiveValue::Set(profile.id.clone()),
        since_ms: ActiveValue::Set(to_ms(now)),
    }
}

fn same(recorded: String, profile: &Profile) -> Result<(), ServedError> {
    if recorded == profile.id {
        return Ok(());
    }
    Err(ServedError::Another { recorded, given: profile.id.clone() })
}

/// Whether everybody's role is one that this profile or their organisation has, and whether it would look for them where they lie.
async fn fits(operator: &Operator, profile: &Profile) -> Result<(), ServedError> {
    for row in operator.organisations().await? {
        let (given, organisation) = (profile.id.clone(), row.slug);
        let view = operator.view(TenantId(row.id)).await?;
        let apart = view.one(environment::Entity::find()).await?.is_some();
        let lies = match (profile.isolation, apart) {
            (Isolation::Dedicated, true) | (Isolation::Scoped | Isolation::RowLevel, false) => None,
            (Isolation::Dedicated, false) => Some("lies in the database that all share"),
            (Isolation::Scoped | Isolation::RowLevel, true) => Some("has a database of its own"),
        };
        if let Some(lies) = lies {
            return Err(ServedError::LiesElsewhere { given, organisation, lies });
        }
        if let Some(role) = unknown_role(&view, profile).await? {
            return Err(ServedError::UnknownRole { given, organisation, role });
        }
    }
    Ok(())
}

/// A role that somebody here has, is invited to or helps in, and that is neither of the profile nor of the organisation.
async fn unknown_role(view: &TenantDb, profile: &Profile) -> Result<Option<String>, DbErr> {
    let own: BTreeSet<String> = view.all(custom_role::Entity::find()).await?.into_iter().map(|row| row.name).collect();
    let known = profile.roles.keys().chain(&own).cloned().collect::<Vec<_>>();
    let held = membership::Entity::find().filter(membership::Column::Role.is_not_in(known.clone()));
    if let Some(row) = view.one(held).await? {
        return Ok(Some(row.role));
    }
    let invited = invitation::Entity::find().filter(invitation::Column::Role.is_not_in(known.clone()));
    if let Some(row) = view.one(invited).await? {
        return Ok(Some(row.role));
    }
    let helping = help_grant::Entity::find()
        .filter(help_grant::Column::Role.is_not_in(known))
        .filter(help_grant::Column::EndedAtMs.is_null());
    Ok(view.one(helping).await?.map(|row| row.role))
}
