//! The account that the self-test makes for a moment, so that it can look from inside as well. Its sessions are good for probes only,
//! and it is gone when the look is over; what a crash left behind goes with the next one.

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::address::index_of;
use super::second_factor::secret_place;
use super::sign_up::{address_place, name_place};
use super::{Accounts, Origin, Refusal, sessions};
use crate::clock::to_ms;
use crate::crypto::random;
use crate::crypto::totp::TotpSecret;
use crate::entity::{account, data_key, organisation, session, totp};
use crate::guard::{AccountChange, AccountId, Operator, PROBE_KIND, SessionId, TenantId};
use crate::organisations::founding;
use crate::vault::owner_of;

/// No organisation of people has a full stop in its slug, and to LIKE it is no wildcard as an underscore would be.
const SLUG: &str = ".probe-";

/// Longer than any look lasts.
const LEFT_BEHIND: Duration = Duration::minutes(1);

/// How far in it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// Without a second factor.
    Unenrolled,
    /// With one that is still to be given.
    HalfWay,
    /// With one that was just given.
    SteppedUp,
}

#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) account: AccountId,
    organisation: Uuid,
    pub(crate) session: SessionId,
    pub(crate) secret: TotpSecret,
    pub(crate) address: String,
}

impl StandIn {
    pub(crate) async fn make(
        operator: &Operator,
        accounts: &Accounts,
        role: &str,
        how: As,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let (id, organisation) = (Uuid::now_v7(), Uuid::now_v7());
        let (account, tenant) = (AccountId(id), TenantId(organisation));
        let address = format!("probe-{id}@probe.invalid");
        let change = operator.begin_account().await?;
        clear(&change, now).await?;
        change.insert(row(accounts, account, &address, now)?.into_active_model().reset_all()).await?;
        let key = accounts.vault.new_key(tenant, now)?;
        let slug = format!("{SLUG}{}", organisation.simple());
        change.insert(founding::row(accounts, tenant, &slug, "probe", now)?.into_active_model().reset_all()).await?;
        change.insert(key.row).await?;
        change.enter(tenant).await?;
        let mut member = founding::first_member(account, role, now);
        member.tenant_id = ActiveValue::Set(organisation);
        change.insert(member).await?;
        let secret = TotpSecret::new(random()?);
        if how != As::Unenrolled {
            change
                .insert(totp::ActiveModel {
                    account_id: ActiveValue::Set(id),
                    secret: ActiveValue::Set(accounts.vault.seal(&secret_place(account), secret.bytes())?),
                    last_step: ActiveValue::Set(0),
                    confirmed_at_ms: ActiveValue::Set(to_ms(now)),
                })
                .await?;
        }
        let origin = Origin::new([127, 0, 0, 1].into(), "probe".into(), "", None);
        let session = sessions::begin(&change, accounts, account, None, &origin, now).await?;
        if how == As::SteppedUp {
            let given = session::Entity::update_many()
                .col_expr(session::Column::FactorAtMs, sea_orm::sea_query::Expr::value(Some(to_ms(now))))
                .filter(session::Column::IdHash.eq(session.hash()));
            change.update(given).await?;
        }
        change.commit_housekeeping().await?;
        Ok(Self { account, organisation, session, secret, address })
    }

    /// The slug of the organisation that was made with it.
    pub(crate) fn slug(&self) -> String {
        format!("{SLUG}{}", self.organisation.simple())
    }

    pub(crate) async fn remove(self, operator: &Operator) -> Result<(), Refusal> {
        let change = operator.begin_account().await?;
        change.delete(account::Entity::delete_many().filter(account::Column::Id.eq(self.account.0))).await?;
        let key = data_key::Column::Owner.eq(owner_of(TenantId(self.organisation)));
        change.delete(data_key::Entity::delete_many().filter(key)).await?;
        change
            .delete(organisation::Entity::delete_many().filter(organisation::Column::Id.eq(self.organisation)))
            .await?;
        Ok(change.commit_housekeeping().await?)
    }
}

/// The row of an account that nobody can sign in to: no password has its hash.
pub(crate) fn row(
    accounts: &Accounts,
    account: AccountId,
    address: &str,
    now: OffsetDateTime,
) -> Result<account::Model, Refusal> {
    Ok(account::Model {
        id: account.0,
        kind: PROBE_KIND.to_owned(),
        address_index: index_of(accounts.vault.hashes(), address),
        address: accounts.vault.seal(&address_place(account), address.as_bytes())?,
        name: accounts.vault.seal(&name_place(account), b"probe")?,
        password_hash: accounts.hasher.nobody().to_owned(),
        password_set_at_ms: to_ms(now),
        created_at_ms: to_ms(now),
        disabled_at_ms: None,
        factor_changed_at_ms: 0,
        date_style: "iso".to_owned(),
        time_zone: "UTC".to_owned(),
        seen_at_ms: None,
        must_enrol: 0,
    })
}

async fn clear(change: &AccountChange, now: OffsetDateTime) -> Result<(), Refusal> {
    let before = to_ms(now - LEFT_BEHIND);
    // One from the future was made while the clock was wrong.
    let after = to_ms(now + LEFT_BEHIND);
    let accounts = account::Entity::delete_many()
        .filter(account::Column::Kind.eq(PROBE_KIND))
        .filter(account::Column::CreatedAtMs.lt(before).or(account::Column::CreatedAtMs.gt(after)));
    change.delete(accounts).await?;
    let organisations = organisation::Entity::delete_many()
        .filter(organisation::Column::Slug.starts_with(SLUG))
        .filter(organisation::Column::CreatedAtMs.lt(before).or(organisation::Column::CreatedAtMs.gt(after)));
    change.delete(organisations).await?;
    Ok(())
}
