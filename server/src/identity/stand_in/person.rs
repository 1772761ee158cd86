//! The self-test's own people: accounts that nobody can sign in to, with a session that is as far in as wanted.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::traces::{self, Held};
use crate::clock::to_ms;
use crate::crypto::random;
use crate::crypto::totp::TotpSecret;
use crate::entity::{account, session, totp};
use crate::guard::{AccountChange, AccountId, Operator, PROBE_KIND, PROBE_STAFF_KIND, SessionId};
use crate::identity::address::index_of;
use crate::identity::second_factor::secret_place;
use crate::identity::sign_up::{address_place, name_place};
use crate::identity::trace;
use crate::identity::{Accounts, Origin, Refusal, sessions};

/// Where no letter can go (RFC 2606), and none is queued.
pub(crate) const NO_MAILBOX: &str = "@probe.invalid";

/// How far in somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// Without a second factor.
    Unenrolled,
    /// With one that is still to be given.
    HalfWay,
    /// With one that was given too long ago for what demands it fresh.
    LongAgo,
    /// With one that was just given.
    SteppedUp,
}

/// One person of the self-test.
#[derive(Debug)]
pub(crate) struct Someone {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
    pub(crate) secret: TotpSecret,
    pub(crate) address: String,
    _held: Held,
}

impl Someone {
    /// In the place of one of the vendor's staff: a member of nothing, in no seat.
    pub(crate) async fn of_staff(
        operator: &Operator,
        accounts: &Accounts,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let change = operator.begin_account().await?;
        traces::clear_people(&change, now).await?;
        let made = person(&change, accounts, PROBE_STAFF_KIND, As::SteppedUp, now).await?;
        change.commit_housekeeping().await?;
        Ok(made)
    }

    pub(crate) async fn remove(self, operator: &Operator) -> Result<(), Refusal> {
        let change = operator.begin_account().await?;
        change.delete(account::Entity::delete_many().filter(account::Column::Id.eq(self.account.0))).await?;
        Ok(change.commit_housekeeping().await?)
    }
}

/// The account, its second factor, and a session that is as far in as wanted.
pub(super) async fn person(
    change: &AccountChange,
    accounts: &Accounts,
    kind: &str,
    how: As,
    now: OffsetDateTime,
) -> Result<Someone, Refusal> {
    let account = AccountId(Uuid::now_v7());
    let held = Held::person(account.0);
    let address = format!("probe-{}{NO_MAILBOX}", account.0);
    let mut row = row(accounts, account, &address, now)?;
    kind.clone_into(&mut row.kind);
    change.insert(row.into_active_model().reset_all()).await?;
    let secret = TotpSecret::new(random()?);
    if how != As::Unenrolled {
        let factor = totp::ActiveModel {
            account_id: ActiveValue::Set(account.0),
            secret: ActiveValue::Set(accounts.vault.seal(&secret_place(account), secret.bytes())?),
            last_step: ActiveValue::Set(0),
            confirmed_at_ms: ActiveValue::Set(to_ms(now)),
        };
        change.insert(factor).await?;
    }
    let origin = Origin::new([127, 0, 0, 1].into(), "probe".into(), "", None);
    let session = sessions::begin(change, accounts, account, None, &origin, now).await?;
    let long = Duration::minutes(i64::from(accounts.profile.policy.sessions.step_up_minutes.get()) + 1);
    let given = match how {
        As::Unenrolled | As::HalfWay => None,
        As::LongAgo => Some(to_ms(now - long)),
        As::SteppedUp => Some(to_ms(now)),
    };
    let set = session::Entity::update_many()
        .col_expr(session::Column::FactorAtMs, Expr::value(given))
        .filter(session::Column::IdHash.eq(session.hash()));
    change.update(set).await?;
    Ok(Someone { account, session, secret, address, _held: held })
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
        delete_asked_at_ms: None,
        delete_at_ms: None,
        certificate_id: None,
        trace: Some(trace::fresh(accounts, account.0)?),
    })
}
