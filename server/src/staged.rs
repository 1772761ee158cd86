//! People and organisations for tests that are about something else than how they came to be: written down at once, as far in as the test
//! wants them. And many at once, in `crowd`.

pub mod archives;
pub mod crowd;
mod ending;

pub use self::ending::Canary;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::audit::log::{Action, Event};
use crate::clock::to_ms;
use crate::crypto::totp::TotpSecret;
use crate::entity::{environment, membership, organisation, session, totp};
use crate::files;
use crate::guard::{AccountId, Actor, PERSON_KIND, TenantId, Where};
use crate::identity::address::Address;
use crate::identity::second_factor::secret_place;
use crate::identity::{Origin, sessions, sign_up};
use crate::organisations::founding;
use crate::profile::format::Register;
use crate::registers;
use crate::testing::World;
use contract::access::Stage;
use contract::standing::Standing;

/// The table whose filter a test has taken away, to see that it is missed. In test builds only, and for the whole process.
static UNFILTERED: std::sync::OnceLock<&'static str> = std::sync::OnceLock::new();

/// Takes the tenant's filter of one table away.
pub fn take_filter_away(table: &'static str) {
    let _ = UNFILTERED.set(table);
}

pub(crate) fn lacks_filter(table: &str) -> bool {
    UNFILTERED.get().is_some_and(|lacking| *lacking == table)
}

/// An organisation of a test.
#[derive(Clone, Debug)]
pub struct Staged {
    pub tenant: TenantId,
    pub slug: String,
}

/// Somebody in it, or in none.
#[derive(Clone, Debug)]
pub struct Insider {
    pub account: Uuid,
    pub address: String,
    /// What the cookie holds.
    pub session: String,
    pub session_hash: String,
}

impl World {
    /// An organisation without anybody in it.
    pub async fn stage_organisation(&self, slug: &str, name: &str, standing: Standing) -> Staged {
        let (operator, accounts) = (self.operator(), self.accounts());
        let tenant = TenantId(Uuid::now_v7());
        let location = operator.provision(tenant).await.expect("a database of its own");
        let key = accounts.vault.new_key(tenant, self.now).expect("key");
        let mut row = founding::row(accounts, tenant, slug, name, self.now).expect("row");
        standing.word().clone_into(&mut row.standing);
        let change = operator.begin_account().await.expect("begin");
        change.insert(row.into_active_model().reset_all()).await.expect("organisation");
        change.insert(key.row).await.expect("key");
        change.commit_housekeeping().await.expect("commit");
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await.expect("sealer");
        let change = operator.begin_in(tenant, Actor::System, sealer).await.expect("begin");
        if let Some(location) = location {
            let row = environment::ActiveModel { location: ActiveValue::Set(location), ..Default::default() };
            change.insert(row).await.expect("environment");
        }
        change.commit(&Event::of(Action::OrganisationMade, tenant.0), self.now).await.expect("commit");
        Staged { tenant, slug: slug.to_owned() }
    }

    /// Sets where an organisation stands, without a record; one that is cancelled is closed, as it always is.
    pub async fn stage_standing(&self, staged: &Staged, standing: Standing) {
        let closed = (standing == Standing::Cancelled).then(|| to_ms(self.now));
        let change = self.operator().begin_account().await.expect("begin");
        let set = organisation::Entity::update_many()
            .col_expr(organisation::Column::Standing, Expr::value(standing.word()))
            .col_expr(organisation::Column::ClosedAtMs, Expr::value(closed))
            .col_expr(organisation::Column::PurgeAtMs, Expr::value(closed.map(|at| at + 86_400_000)))
            .filter(organisation::Column::Id.eq(staged.tenant.0));
        change.update(set).await.expect("standing");
        change.commit_housekeeping().await.expect("commit");
    }

    /// Somebody with a session as far in as `stage`, and a membership if there is an organisation.
    pub async fn stage_person(&self, member: Option<(&Staged, &str)>, stage: Stage) -> Insider {
        let (operator, accounts, now) = (self.operator(), self.accounts(), self.now);
        let address = Address::parse(&format!("p{}@acme.example", Uuid::now_v7().simple())).expect("address");
        let index = address.index(accounts.vault.hashes());
        let hash = accounts.hasher.nobody().to_owned();
        let row =
            sign_up::person(accounts, PERSON_KIND, (address.as_str(), &index), "Somebody", hash, now).expect("row");
        let account = AccountId(row.id);
        let change = operator.begin_account().await.expect("begin");
        change.insert(row.into_active_model().reset_all()).await.expect("account");
        if stage != Stage::Enrolling {
            let secret = TotpSecret::new([7; 20]);
            let sealed = accounts.vault.seal(&secret_place(account), secret.bytes()).expect("seal");
            let row = totp::ActiveModel {
                account_id: ActiveValue::Set(account.0),
                secret: ActiveValue::Set(sealed),
                last_step: ActiveValue::Set(0),
                confirmed_at_ms: ActiveValue::Set(to_ms(now)),
            };
            change.insert(row).await.expect("totp");
        }
        let origin = Origin::new([127, 0, 0, 1].into(), "test".into(), "", None);
        let id = sessions::begin(&change, accounts, account, None, &origin, now).await.expect("session");
        let factor_at = match stage {
            Stage::SignedOut | Stage::PasswordGiven | Stage::Enrolling => None,
            Stage::Complete => Some(to_ms(now) - 3_600_000),
            Stage::SteppedUp => Some(to_ms(now)),
        };
        let set = session::Entity::update_many()
            .col_expr(session::Column::FactorAtMs, Expr::value(factor_at))
            .filter(session::Column::IdHash.eq(id.hash()));
        change.update(set).await.expect("factor");
        if let Some((staged, role)) = member {
            change.enter(staged.tenant).await.expect("enter");
            let mut row = founding::first_member(account, role, now);
            row.tenant_id = ActiveValue::Set(staged.tenant.0);
            change.insert(row).await.expect("membership");
        }
        change.commit_housekeeping().await.expect("commit");
        Insider {
            account: account.0,
            address: address.as_str().to_owned(),
            session: id.text(),
            session_hash: id.hash(),
        }
    }

    /// A record with this name and nothing else in the first register that asks for no permission of its own.
    pub async fn stage_record(&self, tenant: TenantId, by: Uuid, name: &str) -> (String, Uuid) {
        let open = |register: &&Register| register.read.is_none();
        let register = self.profile.registers.iter().find(open).expect("an open register");
        let sealer = self.accounts().sealer(tenant, &Origin::of_program()).await.expect("sealer");
        let change = self.operator().begin_kept(tenant, Actor::System, sealer).await.expect("begin");
        let id = registers::plant(&change, register, name, AccountId(by), self.now).await.expect("record");
        change.commit_housekeeping().await.expect("commit");
        (register.id.get_ref().clone(), id)
    }

    /// As if this world lay on another server than the one that an organisation moves to: there, two cannot have a database of one name.
    pub async fn stage_on_another_server(&self, tenant: TenantId) {
        if matches!(self.place, Where::Postgres { .. }) {
            self.operator().remove_own(tenant).await.expect("removed");
        }
    }

    /// A file on a record.
    pub async fn stage_file(&self, tenant: TenantId, by: Uuid, record: Uuid) -> Uuid {
        let sealer = self.accounts().sealer(tenant, &Origin::of_program()).await.expect("sealer");
        let change = self.operator().begin_kept(tenant, Actor::System, sealer).await.expect("begin");
        let id =
            files::plant(&change, self.accounts(), record, "staged", AccountId(by), self.now).await.expect("a file");
        change.commit_housekeeping().await.expect("commit");
        id
    }

    /// Takes somebody out of an organisation without ending their sessions.
    pub async fn stage_leaving(&self, staged: &Staged, person: &Insider) {
        let change = self.operator().begin_account().await.expect("begin");
        change.enter(staged.tenant).await.expect("enter");
        let gone = membership::Entity::delete_many()
            .filter(membership::Column::TenantId.eq(staged.tenant.0))
            .filter(membership::Column::AccountId.eq(person.account));
        change.delete(gone).await.expect("membership");
        change.commit_housekeeping().await.expect("commit");
    }
}
