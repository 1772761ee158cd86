//! What tests of the end of things need: things that can be found again, and a purge that stops in the middle.

use sea_orm::{ActiveValue, EntityTrait};
use uuid::Uuid;

use crate::clock::to_ms;
use crate::entity::{organisation, purge, record};
use crate::guard::{Actor, TenantId};
use crate::identity::Origin;
use crate::retention::purge::{Step, condemn, go_on};
use crate::retention::reduce::{self, Keeps};
use crate::testing::World;

/// Something sealed, as an old copy of the database would have it.
#[derive(Clone, Debug)]
pub struct Canary {
    pub id: Uuid,
    pub sealed: Vec<u8>,
}

fn place(id: Uuid) -> String {
    format!("canary/{id}")
}

impl World {
    /// Records of one organisation: every second one sealed as the product does it, the others in the open, so that a search can find them.
    pub async fn stage_canaries(&self, tenant: TenantId, marker: &str, number: u32) -> Vec<Canary> {
        let sealer = self.accounts().sealer(tenant, &Origin::of_program()).await.expect("keys");
        let ring = std::sync::Arc::clone(&sealer.key);
        let change = self.operator().begin_kept(tenant, Actor::System, sealer).await.expect("a change");
        let (mut rows, mut sealed) = (Vec::new(), Vec::new());
        for which in 0..number {
            let (id, plain) = (Uuid::now_v7(), format!("{marker}-{which}"));
            let content = if which % 2 == 0 {
                let content = ring.seal(&place(id), plain.as_bytes()).expect("seal");
                sealed.push(Canary { id, sealed: content.clone() });
                content
            } else {
                plain.into_bytes()
            };
            rows.push(self.record(id, content, None));
        }
        change.insert_many(rows).await.expect("records");
        change.commit_housekeeping().await.expect("commit");
        sealed
    }

    fn record(&self, id: Uuid, content: Vec<u8>, removed_at_ms: Option<i64>) -> record::ActiveModel {
        record::ActiveModel {
            tenant_id: ActiveValue::NotSet,
            id: ActiveValue::Set(id),
            register: ActiveValue::Set("canaries".to_owned()),
            unit_id: ActiveValue::Set(None),
            content: ActiveValue::Set(content),
            k1: ActiveValue::Set(None),
            k2: ActiveValue::Set(None),
            k3: ActiveValue::Set(None),
            k4: ActiveValue::Set(None),
            k5: ActiveValue::Set(None),
            version: ActiveValue::Set(1),
            made_at_ms: ActiveValue::Set(to_ms(self.now)),
            made_by: ActiveValue::Set(Uuid::nil()),
            changed_at_ms: ActiveValue::Set(to_ms(self.now)),
            act_id: ActiveValue::Set(None),
            removed_at_ms: ActiveValue::Set(removed_at_ms),
        }
    }

    /// A record that lies in the bin since now.
    pub async fn stage_removed(&self, tenant: TenantId) -> Uuid {
        let sealer = self.accounts().sealer(tenant, &Origin::of_program()).await.expect("keys");
        let change = self.operator().begin_kept(tenant, Actor::System, sealer).await.expect("a change");
        let id = Uuid::now_v7();
        change.insert(self.record(id, b"removed".to_vec(), Some(to_ms(self.now)))).await.expect("a record");
        change.commit_housekeeping().await.expect("commit");
        id
    }

    /// How many of them open with the keys that there are now.
    pub async fn opens(&self, tenant: TenantId, canaries: &[Canary]) -> usize {
        // Without keys nothing opens.
        let Ok(ring) = self.vault.tenant(tenant).await else { return 0 };
        canaries.iter().filter(|canary| ring.open(&place(canary.id), &canary.sealed).is_ok()).count()
    }

    /// How many rows of an organisation are left in all tables.
    pub async fn rows_left(&self, tenant: TenantId) -> u64 {
        self.operator().rows_of(tenant).await.expect("rows").iter().map(|(_, rows)| rows).sum()
    }

    /// Begins a purge as the schedule would. Whether it began.
    pub async fn begin_purge(&self, tenant: TenantId) -> bool {
        let row = self.operator().all(organisation::Entity::find_by_id(tenant.0)).await.expect("rows");
        let row = row.first().expect("the organisation");
        matches!(condemn(&self.operator(), self.accounts(), row, self.now).await, Ok(true))
    }

    /// Goes on with a purge and stops after a step, as a crash would.
    pub async fn purge_until(&self, tenant: TenantId, step: Step) {
        let row = self.operator().all(purge::Entity::find_by_id(tenant.0)).await.expect("rows");
        let row = row.first().expect("a purge under way");
        go_on(&self.operator(), self.accounts(), row, step, self.now).await.expect("steps");
    }

    /// The same where legal holds keep some records.
    pub async fn reduce_until(&self, tenant: TenantId, step: reduce::Step) {
        let row = self.operator().all(purge::Entity::find_by_id(tenant.0)).await.expect("rows");
        let row = row.first().expect("a purge under way");
        let keeps = Keeps::of(row).expect("what stays").expect("something stays");
        reduce::go_on(&self.operator(), self.accounts(), row, &keeps, step, self.now).await.expect("steps");
    }
}
