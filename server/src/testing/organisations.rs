//! What tests of organisations need beside the front door: many members at once, and a way behind everybody's back.

use sea_orm::{ActiveModelTrait, ActiveValue, Database, DatabaseConnection, IntoActiveModel};
use time::Duration;
use uuid::Uuid;

use super::World;
use crate::clock::to_ms;
use crate::entity::totp;
use crate::guard::{AccountId, Actor, PERSON_KIND, TenantId, Where};
use crate::identity::address::Address;
use crate::identity::{Origin, sign_up};
use crate::organisations::founding;
use crate::profile::policy::Isolation;

impl World {
    /// A connection of the owner to the platform's database.
    pub async fn behind(&self) -> DatabaseConnection {
        let url = match &self.place {
            Where::Embedded(folder) => format!("sqlite://{}", folder.join("avouch.db").display()),
            Where::Postgres { admin_url, .. } => admin_url.clone(),
        };
        Database::connect(url).await.expect("a connection of its own")
    }

    /// A connection of the owner to where an organisation's log lies.
    pub async fn behind_log(&self, tenant: TenantId) -> DatabaseConnection {
        if self.profile.isolation != Isolation::Dedicated {
            return self.behind().await;
        }
        let url = match &self.place {
            Where::Embedded(_) => format!("sqlite://{}", self.own_file(tenant).display()),
            Where::Postgres { admin_url, .. } => {
                let host = admin_url.rsplit_once('/').map_or(admin_url.as_str(), |(host, _)| host);
                format!("{host}/avouch_o_{}", tenant.0.simple())
            }
        };
        Database::connect(url).await.expect("a connection of its own")
    }

    /// In dedicated mode without a server: the file of one organisation.
    pub fn own_file(&self, tenant: TenantId) -> std::path::PathBuf {
        self.folder.join("organisations").join(format!("avouch_o_{}.db", tenant.0.simple()))
    }

    /// Many members at once, in these roles by turns, every third with a second factor; nobody can sign in as one of them.
    /// Seven join in each second, and five were seen in each.
    pub async fn crowd(&self, tenant: TenantId, number: u32, roles: &[&str]) {
        let accounts = self.accounts();
        let sealer = accounts.sealer(tenant, &Origin::of_program()).await.expect("keys");
        let change = self.operator().begin_in(tenant, Actor::System, sealer).await.expect("a change");
        let people = change.unscoped("the people of a test");
        for (which, role) in (0..number).zip(roles.iter().cycle()) {
            let address = format!("crowd-{which}@acme.example");
            let index = Address::parse(&address).expect("an address").index(accounts.vault.hashes());
            let (name, nobody) = (format!("Crowd {which}"), accounts.hasher.nobody().to_owned());
            let mut person =
                sign_up::person(accounts, PERSON_KIND, (&address, &index), &name, nobody, self.now).expect("a row");
            let id: Uuid = person.id;
            person.seen_at_ms = (which % 4 != 0).then(|| to_ms(self.now - Duration::seconds((which / 5).into())));
            people.insert(person.into_active_model().reset_all()).await.expect("a person");
            if which % 3 == 0 {
                let factor = totp::ActiveModel {
                    account_id: ActiveValue::Set(id),
                    secret: ActiveValue::Set(vec![0]),
                    last_step: ActiveValue::Set(0),
                    confirmed_at_ms: ActiveValue::Set(to_ms(self.now)),
                };
                people.insert(factor).await.expect("a factor");
            }
            let since = self.now + Duration::seconds((which / 7).into());
            change.insert(founding::first_member(AccountId(id), role, since)).await.expect("a member");
        }
        change.commit_housekeeping().await.expect("commit");
    }
}
