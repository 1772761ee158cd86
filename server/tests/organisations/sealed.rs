//! What is confidential is nowhere in the open, and stays readable when keys change.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use server::guard::{TenantId, rights};
use server::organisations::{help, invitations, leaving, ownership, reset, units};
use server::testing::World;
use server::vault::Vault;
use time::Duration;
use uuid::Uuid;

use crate::common::*;
use crate::operators::operator;

/// Why a test about two keys of one owner cannot pass yet.
const ONE_KEY: &str = "data_key.owner is unique since m0001: a second key of an owner cannot be stored";

#[tokio::test]
async fn what_is_confidential_stands_nowhere_in_the_open() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (accounts, origin, now) = (world.accounts(), here(), world.now);
        // The address of an organisation is made from its first name and is no secret: it is in lower case.
        let ada = founder(&world, ADA, "Quixotic Engines").await;
        let owner = may::<rights::OrganisationManage>(&world, &ada).await;
        ownership::rename(&owner, accounts, "Quixotic Mills", &origin, now).await.expect("rename");
        unit(&world, &ada, "Quixotic harbour").await;
        let first = world.profile.policy.sign_up.first_role.clone();
        let grace = joins_as(&world, &ada, "quixotic.grace@acme.example", &first, "Quixotic Grace").await;
        invite(&world, &ada, "quixotic.guest@acme.example", plain).await.expect("invite");
        operator(&world, "quixotic.op@vendor.example").await;
        let giver = may::<rights::HelpGrant>(&world, &ada).await;
        let form = help::Form {
            operator: "quixotic.op@vendor.example",
            role: plain,
            hours: "4",
            reason: "Quixotic windmills have broken",
        };
        help::open(&giver, accounts, &form, &origin, now).await.expect("help");
        let actor = may::<rights::MfaReset>(&world, &ada).await;
        reset::member_mfa(&actor, accounts, &grace.id(), "Quixotic telephone", &origin, now).await.expect("reset");
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let leaves = leaving::Form { member: &grace.id(), successor: None, at: None };
        leaving::offboard(&manager, accounts, &leaves, &origin, now).await.expect("offboard");

        for needle in ["Quixotic", "quixotic.grace", "quixotic.guest", "quixotic.op", "windmills", "telephone"] {
            assert!(!world.holds(needle.as_bytes()).await, "{mode}: {needle}");
        }
        assert!(world.holds(b"quixotic-engines").await, "{mode}: it is looked for where it would be");
        let letters = world.letters().await;
        assert!(letters.iter().any(|(_, text)| text.contains("Quixotic")), "{mode}: whom it is for reads it");
    }
}

#[tokio::test]
async fn a_sealed_value_opens_in_its_own_place_only() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    unit(&world, &ada, "North").await;
    unit(&world, &eve, "South").await;
    let database = world.behind().await;
    let swap = "update unit set name = (select u.name from unit u where u.tenant_id <> unit.tenant_id)";
    database.execute_raw(statement(&database, swap, Vec::new())).await.expect("swap");
    let reader = may::<rights::MembersRead>(&world, &ada).await;
    let read = units::list(&reader, world.accounts()).await;
    assert!(matches!(read, Err(server::identity::Refusal::Seal(_))), "{read:?}");
}

/// The key ids under which the names of units, or of people, are sealed, oldest first.
async fn keys_of(world: &World, table: &str, time: &str) -> Vec<Uuid> {
    let database = world.behind().await;
    let all = statement(&database, &format!("select name from {table} order by {time}, id"), Vec::new());
    let rows = database.query_all_raw(all).await.expect("rows");
    let key = |row: &sea_orm::QueryResult| {
        let sealed = row.try_get_by_index::<Vec<u8>>(0).expect("sealed");
        Uuid::from_slice(&sealed[1..17]).expect("a key id")
    };
    rows.iter().map(key).collect()
}

async fn second_instance(world: &World) -> Vault {
    let (operator, master) = (world.operator(), Arc::clone(&world.master));
    Vault::open(&operator, master, "test", &world.folder, world.now).await.expect("a vault")
}

#[tokio::test]
async fn a_new_key_seals_from_a_minute_later_on_and_the_old_one_still_opens() {
    for (mode, _) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        unit(&world, &ada, "North").await;
        let (of_tenant, of_platform) = (
            world.vault.rotate(Some(ada.tenant), world.now).await.expect(ONE_KEY),
            world.vault.rotate(None, world.now).await.expect(ONE_KEY),
        );
        world.now += Duration::seconds(59);
        world.vault.refresh(world.now).await.expect("refresh");
        unit(&world, &ada, "South").await;
        world.now += Duration::seconds(2);
        world.vault.refresh(world.now).await.expect("refresh");
        unit(&world, &ada, "West").await;
        founder(&world, EVE, "Rival Engines").await;

        let keys = keys_of(&world, "unit", "made_at_ms").await;
        assert!(keys[0] == keys[1] && keys[2] == of_tenant, "{mode}: {keys:?} {of_tenant}");
        assert_eq!(keys_of(&world, "account", "created_at_ms").await.last(), Some(&of_platform), "{mode}");
        let reader = may::<rights::MembersRead>(&world, &ada).await;
        let names: Vec<_> = units::list(&reader, world.accounts()).await.expect("units");
        assert_eq!(
            names.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>(),
            ["North", "South", "West"],
            "{mode}"
        );
        assert!(invitations::list(&reader, world.accounts()).await.is_ok(), "{mode}");
    }
}

#[tokio::test]
async fn what_one_instance_seals_during_a_rotation_the_other_opens() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let other = second_instance(&world).await;
    let opens = async |world: &World, tenant: TenantId, sealed: &[u8]| {
        let ring = world.vault.tenant(tenant).await.expect("keys");
        world.vault.open_sealed("here", sealed).is_ok() || ring.open("here", sealed).is_ok()
    };
    for second in 0..120 {
        if second == 10 {
            other.rotate(Some(ada.tenant), world.now).await.expect(ONE_KEY);
            other.rotate(None, world.now).await.expect(ONE_KEY);
        }
        // Each hears of new keys whenever it looks, and never later than a few seconds after they are there.
        other.refresh(world.now).await.expect("refresh");
        let ring = other.tenant(ada.tenant).await.expect("keys");
        for sealed in [other.seal("here", b"x").expect("seal"), ring.seal("here", b"x").expect("seal")] {
            assert!(opens(&world, ada.tenant, &sealed).await, "second {second}");
        }
        if second % 20 == 15 {
            world.vault.refresh(world.now).await.expect("refresh");
        }
        world.now += Duration::seconds(1);
    }
    assert_ne!(other.key_id(), oldest_key(&world).await, "the new key seals");
}

/// The platform's oldest key.
async fn oldest_key(world: &World) -> Uuid {
    let database = world.behind().await;
    let sql = "select id from data_key where owner = 'platform' order by made_at_ms, id";
    let row = database.query_one_raw(statement(&database, sql, Vec::new())).await.expect("keys").expect("a key");
    row.try_get_by_index(0).expect("an id")
}
