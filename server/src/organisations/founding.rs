//! Making an organisation: its row, its key, its database where each has one, its first member, and the first entry of its log.

use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::name_place;
use crate::audit::log::{Action, Event, Sealer};
use crate::clock::to_ms;
use crate::entity::{environment, membership, organisation};
use crate::guard::{AccountChange, AccountId, Actor, SignedIn, TenantId, Visitor};
use crate::identity::record::Happened;
use crate::identity::trace::{self, Trace};
use crate::identity::{Accounts, Origin, Refusal};
use crate::vault::NewKey;
use contract::standing::Standing;
use contract::text::ShortText;

/// Most organisations that one person may make in a day: a database of its own is not free.
const MOST_A_DAY: u64 = 10;

/// What has to be there before the transaction begins.
#[derive(Debug)]
pub(crate) struct Founding {
    pub(crate) tenant: TenantId,
    key: NewKey,
    location: Option<String>,
}

impl Founding {
    pub(crate) async fn prepare(visitor: &Visitor, accounts: &Accounts, now: OffsetDateTime) -> Result<Self, Refusal> {
        let tenant = TenantId(Uuid::now_v7());
        let key = accounts.vault.new_key(tenant, now)?;
        Ok(Self { tenant, key, location: visitor.provision(tenant).await? })
    }

    /// Writes everything and commits, with `happened` in the founder's own record.
    pub(crate) async fn commit(
        self,
        visitor: &Visitor,
        accounts: &Accounts,
        change: AccountChange,
        by: &Founder<'_>,
        happened: &Happened<'_>,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let tenant = self.tenant;
        let made = self.write(visitor, accounts, change, by, happened, now).await;
        if made.is_err() {
            // Nobody comes back for a database without an organisation.
            visitor.remove_own(tenant).await?;
        }
        made
    }

    async fn write(
        self,
        visitor: &Visitor,
        accounts: &Accounts,
        change: AccountChange,
        by: &Founder<'_>,
        happened: &Happened<'_>,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let Self { tenant, key, location } = self;
        let slug = free_slug(&change, by.organisation, tenant.0).await?;
        change.insert(row(accounts, tenant, &slug, by.organisation, now)?.into_active_model().reset_all()).await?;
        change.insert(key.row).await?;
        let sealer = Sealer { key: key.ring, place: by.origin.place.clone(), trace: by.trace.clone() };
        let entering = visitor.entering(tenant, Actor::Person(by.account), sealer);
        let change = change.into_organisation(entering, happened).await?;
        if let Some(location) = location {
            let environment = environment::ActiveModel { location: ActiveValue::Set(location), ..Default::default() };
            change.insert(environment).await?;
        }
        let role = &accounts.profile.policy.sign_up.first_role;
        change.insert(first_member(by.account, role, now)).await?;
        let event = Event::of(Action::OrganisationMade, tenant.0).with("role", role);
        change.commit(&event, now).await?;
        Ok(slug)
    }
}

/// Who makes an organisation, and how it is to be called.
#[derive(Debug)]
pub(crate) struct Founder<'a> {
    pub(crate) account: AccountId,
    pub(crate) organisation: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) trace: Option<Trace>,
}

/// Whoever makes an organisation gave themselves their role.
pub(crate) fn first_member(account: AccountId, role: &str, now: OffsetDateTime) -> membership::ActiveModel {
    membership::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        account_id: ActiveValue::Set(account.0),
        role: ActiveValue::Set(role.to_owned()),
        since_ms: ActiveValue::Set(to_ms(now)),
        kind: ActiveValue::Set("member".to_owned()),
        scope: ActiveValue::Set("all".to_owned()),
        ends_at_ms: ActiveValue::Set(None),
        granted_by: ActiveValue::Set(Some(account.0)),
        granted_at_ms: ActiveValue::Set(Some(to_ms(now))),
    }
}

/// Makes another organisation, of somebody who is signed in.
///
/// # Errors
/// [`Refusal::Field`] when the name does not fit, [`Refusal::TooMany`] after ten on one day.
pub async fn create(
    founder: &SignedIn,
    visitor: &Visitor,
    accounts: &Accounts,
    name: &str,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<String, Refusal> {
    use crate::identity::record::{Action as Own, Entry};
    let name = ShortText::parse(name).map_err(|said| Refusal::Field("name", said.into()))?;
    if founder.is_operator {
        return Err(Refusal::Conflict("An operator's account belongs to no organisation.".into()));
    }
    let today = now - Duration::days(1);
    let made = founder.belongs.iter().filter(|belonging| belonging.since > today).count();
    if made as u64 >= MOST_A_DAY {
        return Err(Refusal::TooMany(86_400));
    }
    let founding = Founding::prepare(visitor, accounts, now).await?;
    let entry = Entry::of(accounts, Some(founder.account), Own::OrganisationMade, origin, now)?;
    let trace = trace::open(accounts, founder.account.0, founder.sealed_trace.as_deref());
    let by = Founder { account: founder.account, organisation: name.as_str(), origin, trace };
    founding.commit(visitor, accounts, founder.begin().await?, &by, &entry.happened(), now).await
}

/// The row of an organisation whose trial begins now.
pub(crate) fn row(
    accounts: &Accounts,
    tenant: TenantId,
    slug: &str,
    name: &str,
    now: OffsetDateTime,
) -> Result<organisation::Model, Refusal> {
    let trial = accounts.profile.policy.billing.trial_days.map(|days| now + Duration::days(days.get().into()));
    Ok(organisation::Model {
        id: tenant.0,
        slug: slug.to_owned(),
        name: accounts.vault.seal(&name_place(tenant), name.as_bytes())?,
        created_at_ms: to_ms(now),
        standing: Standing::Trialing.word().to_owned(),
        standing_since_ms: to_ms(now),
        standing_until_ms: trial.map(to_ms),
        reminded: 0,
        closed_at_ms: None,
        purge_at_ms: None,
        purge_began_at_ms: None,
        certificate_id: None,
        standing_before: None,
        standing_before_until_ms: None,
        reduced_at_ms: None,
        reduced_certificate_id: None,
    })
}

/// The name as it can stand in an address; with a few letters of the id when another organisation has it.
async fn free_slug(change: &AccountChange, name: &str, id: Uuid) -> Result<String, Refusal> {
    let letters: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = letters.split('-').filter(|part| !part.is_empty()).collect();
    let plain: String = parts.join("-").chars().take(48).collect();
    let plain = plain.trim_end_matches('-');
    let plain = if plain.is_empty() { "organisation" } else { plain };
    let taken = change.one(organisation::Entity::find().filter(organisation::Column::Slug.eq(plain))).await?.is_some();
    let tail = id.simple().to_string().split_off(24);
    Ok(if taken { format!("{plain}-{tail}") } else { plain.to_owned() })
}
