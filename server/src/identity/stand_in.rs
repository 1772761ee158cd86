//! The people that the self-test makes for a moment, so that it can look from inside as well. Their sessions are good for probes only, and
//! they are gone when the look is over, with their organisation, its log and its database; what a crash left behind goes with the next one.

mod person;
pub(crate) mod traces;

use std::ops::Deref;

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::person::{As, NO_MAILBOX, Someone, row};
use super::{Accounts, Origin, Refusal};
use crate::clock::to_ms;
use crate::entity::{account, custom_role, environment, membership, organisation};
use crate::files;
use crate::guard::{AccountChange, AccountId, Actor, Change, Operator, PROBE_KIND, TenantId};
use crate::organisations::{founding, members, units};
use crate::profile::format::Register;
use crate::profile::policy::Isolation;
use crate::registers;

/// No organisation of people has a full stop in its slug, and to LIKE it is no wildcard as an underscore would be.
pub(crate) const SLUG: &str = ".probe-";

/// An organisation of the self-test's own, and its first member.
#[derive(Debug)]
pub(crate) struct StandIn {
    first: Someone,
    tenant: TenantId,
    slug: String,
    people: Vec<Uuid>,
    /// Whether it may have a database of its own.
    settled: bool,
    held: traces::Held,
    operator: Operator,
    accounts: Accounts,
}

impl Deref for StandIn {
    type Target = Someone;

    fn deref(&self) -> &Someone {
        &self.first
    }
}

impl StandIn {
    pub(crate) async fn make(
        operator: &Operator,
        accounts: &Accounts,
        role: &str,
        how: As,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        traces::clear_organisations(operator, accounts, now).await?;
        let tenant = TenantId(Uuid::now_v7());
        let held = traces::Held::organisation(tenant.0);
        let slug = format!("{SLUG}{}", tenant.0.simple());
        let change = operator.begin_account().await?;
        traces::clear_people(&change, now).await?;
        let key = accounts.vault.new_key(tenant, now)?;
        change.insert(founding::row(accounts, tenant, &slug, "probe", now)?.into_active_model().reset_all()).await?;
        change.insert(key.row).await?;
        let first = member(&change, accounts, tenant, role, how, now).await?;
        change.commit_housekeeping().await?;
        let people = vec![first.account.0];
        let (operator, accounts) = (operator.clone(), accounts.clone());
        Ok(Self { first, tenant, slug, people, settled: false, held, operator, accounts })
    }

    pub(crate) fn slug(&self) -> &str {
        &self.slug
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Gives the organisation a database of its own where each has one. What only meets doors does without.
    pub(crate) async fn settle(&mut self) -> Result<(), Refusal> {
        self.settled = true;
        let Some(location) = self.operator.provision(self.tenant).await? else { return Ok(()) };
        let change = self.change().await?;
        change.insert(environment::ActiveModel { location: ActiveValue::Set(location), ..Default::default() }).await?;
        Ok(change.commit_housekeeping().await?)
    }

    /// Another member.
    pub(crate) async fn join(&mut self, role: &str, how: As, now: OffsetDateTime) -> Result<Someone, Refusal> {
        let change = self.operator.begin_account().await?;
        let other = member(&change, &self.accounts, self.tenant, role, how, now).await?;
        change.commit_housekeeping().await?;
        self.people.push(other.account.0);
        Ok(other)
    }

    /// Takes somebody in who belongs to another of the self-test's organisations.
    pub(crate) async fn admit(&self, someone: &Someone, role: &str, now: OffsetDateTime) -> Result<(), Refusal> {
        let change = self.operator.begin_account().await?;
        belong(&change, self.tenant, someone.account, role, now).await?;
        Ok(change.commit_housekeeping().await?)
    }

    pub(crate) async fn change(&self) -> Result<Change, Refusal> {
        let sealer = self.accounts.sealer(self.tenant, &Origin::of_program()).await?;
        Ok(self.operator.begin_in(self.tenant, Actor::System, sealer).await?)
    }

    /// As if somebody with the right to had changed the role a moment ago.
    pub(crate) async fn set_role(&self, account: AccountId, role: &str) -> Result<(), Refusal> {
        let change = self.change().await?;
        let by = (self.first.account.0, OffsetDateTime::now_utc());
        members::set_role(&change, account.0, role, by).await?;
        Ok(change.commit_housekeeping().await?)
    }

    pub(crate) async fn set_standing(&self, to: Standing) -> Result<(), Refusal> {
        let change = self.change().await?;
        let closed = (to == Standing::Cancelled).then(|| to_ms(OffsetDateTime::now_utc()));
        let set = organisation::Entity::update_many()
            .col_expr(organisation::Column::ClosedAtMs, Expr::value(closed))
            .col_expr(organisation::Column::PurgeAtMs, Expr::value(None::<i64>))
            .col_expr(organisation::Column::Standing, Expr::value(to.word()))
            .col_expr(organisation::Column::StandingUntilMs, Expr::value(None::<i64>))
            .filter(organisation::Column::Id.eq(self.tenant.0));
        change.unscoped("the stand-in's own organisation").update(set).await?;
        Ok(change.commit_housekeeping().await?)
    }

    /// As if it had been cancelled then, to be destroyed then.
    pub(crate) async fn close(&self, at: OffsetDateTime, purge_at: OffsetDateTime) -> Result<(), Refusal> {
        let change = self.change().await?;
        let set = organisation::Entity::update_many()
            .col_expr(organisation::Column::Standing, Expr::value(Standing::Cancelled.word()))
            .col_expr(organisation::Column::ClosedAtMs, Expr::value(Some(to_ms(at))))
            .col_expr(organisation::Column::PurgeAtMs, Expr::value(Some(to_ms(purge_at))))
            .filter(organisation::Column::Id.eq(self.tenant.0));
        change.unscoped("the stand-in's own organisation").update(set).await?;
        Ok(change.commit_housekeeping().await?)
    }

    pub(crate) async fn unit(&self, name: &str, now: OffsetDateTime) -> Result<Uuid, Refusal> {
        let (change, id) = (self.change().await?, Uuid::now_v7());
        change.insert(units::row(&change, &self.accounts, id, name, now)?).await?;
        change.commit_housekeeping().await?;
        Ok(id)
    }

    /// A record with this name and nothing else.
    pub(crate) async fn record(&self, register: &Register, name: &str, now: OffsetDateTime) -> Result<Uuid, Refusal> {
        let sealer = self.accounts.sealer(self.tenant, &Origin::of_program()).await?;
        let change = self.operator.begin_kept(self.tenant, Actor::System, sealer).await?;
        let id = registers::plant(&change, register, name, self.first.account, now).await?;
        change.commit_housekeeping().await?;
        Ok(id)
    }

    /// A file on a record.
    pub(crate) async fn file(&self, record: Uuid, name: &str, now: OffsetDateTime) -> Result<Uuid, Refusal> {
        let sealer = self.accounts.sealer(self.tenant, &Origin::of_program()).await?;
        let change = self.operator.begin_kept(self.tenant, Actor::System, sealer).await?;
        let id = files::plant(&change, &self.accounts, record, name, self.first.account, now).await?;
        change.commit_housekeeping().await?;
        Ok(id)
    }

    /// From now on this member reaches one unit and nothing else.
    pub(crate) async fn narrow(&self, account: AccountId, unit: Uuid) -> Result<(), Refusal> {
        let change = self.change().await?;
        let some = membership::Entity::update_many()
            .col_expr(membership::Column::Scope, Expr::value("some"))
            .filter(membership::Column::AccountId.eq(account.0));
        change.update(some).await?;
        let now = OffsetDateTime::now_utc();
        change.insert(units::reaches(account.0, ("unit", unit), self.first.account.0, now)).await?;
        Ok(change.commit_housekeeping().await?)
    }

    /// A role of the organisation's own.
    pub(crate) async fn add_role(&self, name: &str, grants: &[Permission], now: OffsetDateTime) -> Result<(), Refusal> {
        let words: Vec<&str> = grants.iter().map(|permission| permission.word()).collect();
        let change = self.change().await?;
        let row = custom_role::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            name: ActiveValue::Set(name.to_owned()),
            permissions: ActiveValue::Set(words.join(" ")),
            made_at_ms: ActiveValue::Set(to_ms(now)),
        };
        change.insert(row).await?;
        Ok(change.commit_housekeeping().await?)
    }

    pub(crate) async fn remove(mut self, operator: &Operator) -> Result<(), Refusal> {
        if self.settled || operator.store().mode() != Isolation::Dedicated {
            traces::erase_kept(operator, &self.accounts, self.tenant, OffsetDateTime::now_utc()).await?;
        }
        let change = operator.begin_account().await?;
        change.delete(account::Entity::delete_many().filter(account::Column::Id.is_in(self.people))).await?;
        traces::erase_rows(&change, self.tenant).await?;
        change.commit_housekeeping().await?;
        self.held.let_go();
        Ok(())
    }
}

async fn member(
    change: &AccountChange,
    accounts: &Accounts,
    tenant: TenantId,
    role: &str,
    how: As,
    now: OffsetDateTime,
) -> Result<Someone, Refusal> {
    let made = person::person(change, accounts, PROBE_KIND, how, now).await?;
    belong(change, tenant, made.account, role, now).await?;
    Ok(made)
}

async fn belong(
    change: &AccountChange,
    tenant: TenantId,
    account: AccountId,
    role: &str,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    change.enter(tenant).await?;
    let mut row = founding::first_member(account, role, now);
    row.tenant_id = ActiveValue::Set(tenant.0);
    Ok(change.insert(row).await?)
}
