//! The looks that ask the database and not the network: upheld where all is well, failing where it is not, and gone without a trace.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};
use time::Duration;
use uuid::Uuid;

use super::run::look;
use super::{Check, Instance, Seen};
use crate::audit::log::{Action, Event};
use crate::clock::{Clock, to_ms};
use crate::entity::{data_key, departure, organisation, platform_entry};
use crate::guard::{PROBE_KIND, PROBE_STAFF_KIND, TenantId, Where};
use crate::identity::stand_in::{As, StandIn};
use crate::testing::{World, profile};

/// What is looked at from inside, of organisations and their people.
const INSIDE: &[Check] = &[
    Check::Cryptoperiods,
    Check::RowSecurityInForce,
    Check::Environments,
    Check::OffboardingOnTime,
    Check::LogChains,
    Check::LogRecorded,
    Check::LogRetention,
    Check::OperatorCap,
    Check::OperatorAudited,
];

async fn seen(world: &World, check: Check) -> Seen {
    look(check, &world.instance()).await.seen
}

fn failing(seen: &Seen) -> bool {
    matches!(seen, Seen::Failing(_))
}

/// An organisation that upkeep and controls see, with one entry in its log.
async fn organisation(world: &World, instance: &Instance) -> StandIn {
    let role = world.profile.roles.keys().next().expect("a role").clone();
    let mut house =
        StandIn::make(&instance.operator, &instance.accounts, &role, As::HalfWay, world.now).await.expect("made");
    house.settle().await.expect("settled");
    let change = house.change().await.expect("change");
    let named = organisation::Entity::update_many()
        .col_expr(organisation::Column::Slug, Expr::value("harbour"))
        .filter(organisation::Column::Id.eq(house.tenant().0));
    change.unscoped("a test's own").update(named).await.expect("named");
    change.commit(&Event::of(Action::OrganisationMade, house.tenant().0), world.now).await.expect("entry");
    house
}

fn drop_trigger(world: &World, name: &str) -> String {
    match &world.place {
        Where::Embedded(_) => format!("drop trigger {name}"),
        Where::Postgres { .. } => format!("drop trigger {name} on entry"),
    }
}

#[tokio::test]
async fn what_is_looked_at_from_inside_is_upheld_and_leaves_nothing() {
    for name in ["aertous", "stack-aero", "stratuslog"] {
        let world = World::with(profile(name, &[])).await;
        // The keys of the platform are made at the first use.
        let instance = world.instance();
        let keys = instance.operator.all(data_key::Entity::find()).await.expect("keys").len();
        for check in INSIDE {
            let seen = look(*check, &instance).await.seen;
            assert!(!failing(&seen), "{name}: {}: {seen:?}", check.path());
            for kind in [PROBE_KIND, PROBE_STAFF_KIND] {
                assert!(world.accounts_of_kind(kind).await.is_empty(), "{name}: {}", check.path());
            }
            let organisations = instance.operator.all(organisation::Entity::find()).await.expect("organisations");
            let left = instance.operator.all(data_key::Entity::find()).await.expect("keys").len();
            assert!(organisations.is_empty() && left == keys, "{name}: {}", check.path());
        }
        assert!(world.letters().await.is_empty(), "{name}");
        let own = std::fs::read_dir(world.folder.join("organisations")).map_or(0, Iterator::count);
        assert_eq!(own, 0, "{name}");
    }
}

#[tokio::test]
async fn what_a_look_that_was_cut_short_left_behind_goes_with_the_next() {
    for name in ["aertous", "stack-aero"] {
        let world = World::with(profile(name, &[])).await;
        let instance = world.instance();
        let role = world.profile.roles.keys().next().expect("a role").clone();
        let make = async |now| {
            StandIn::make(&instance.operator, &instance.accounts, &role, As::HalfWay, now).await.expect("made")
        };
        let mut left = make(world.now).await;
        left.settle().await.expect("settled");
        let event = Event::of(Action::OrganisationMade, left.tenant().0);
        left.change().await.expect("change").commit(&event, world.now).await.expect("entry");
        drop(left);
        make(world.now + Duration::minutes(2)).await.remove(&instance.operator).await.expect("removed");

        let organisations = instance.operator.all(organisation::Entity::find()).await.expect("organisations");
        assert!(organisations.is_empty() && world.accounts_of_kind(PROBE_KIND).await.is_empty(), "{name}");
        let own = std::fs::read_dir(world.folder.join("organisations")).map_or(0, Iterator::count);
        assert_eq!(own, 0, "{name}");
    }
}

#[tokio::test]
async fn a_changed_entry_and_an_unsigned_one_break_the_chains() {
    let mut world = World::new().await;
    organisation(&world, &world.instance()).await;
    let whole = seen(&world, Check::LogChains).await;
    assert!(matches!(whole, Seen::Upheld(_)), "{whole:?}");

    world.now += Duration::hours(2);
    let unsigned = seen(&world, Check::LogChains).await;
    assert!(failing(&unsigned), "{unsigned:?}");
    world.now -= Duration::hours(2);

    world.tamper(&drop_trigger(&world, "entry_is_final")).await;
    world.tamper("update entry set outcome = 'refused'").await;
    let broken = seen(&world, Check::LogChains).await;
    assert!(failing(&broken), "{broken:?}");
}

#[tokio::test]
async fn a_purge_that_keeps_or_takes_the_wrong_account_fails_its_check() {
    let sound = seen(&World::new().await, Check::PurgedInTime).await;
    assert!(matches!(&sound, Seen::Upheld(said) if said.contains("went with it and the other stays")), "{sound:?}");
    let all = "update account set disabled_at_ms = new.disabled_at_ms, delete_at_ms = new.delete_at_ms";
    for (when, embedded, server, told) in [
        ("before update of delete_at_ms", "select raise(ignore)", "return null", "nowhere else was kept"),
        ("after update of delete_at_ms", all, all, "somebody who belongs elsewhere too"),
        ("before delete", "select raise(ignore)", "return null", "Erasing an account left"),
    ] {
        let world = World::new().await;
        match &world.place {
            Where::Embedded(_) => {
                world.tamper(&format!("create trigger drift {when} on account begin {embedded}; end")).await;
            }
            Where::Postgres { .. } => {
                let once =
                    format!("begin if pg_trigger_depth() > 1 then return new; end if; {server}; return null; end");
                world
                    .tamper(&format!("create function drift() returns trigger language plpgsql as $$ {once} $$"))
                    .await;
                let each = "for each row execute function drift()";
                world.tamper(&format!("create trigger drift {when} on account {each}")).await;
            }
        }
        let drifted = seen(&world, Check::PurgedInTime).await;
        assert!(matches!(&drifted, Seen::Failing(said) if said.contains(told)), "{told}: {drifted:?}");
    }
}

#[tokio::test]
async fn a_log_without_its_head_is_broken() {
    let world = World::new().await;
    organisation(&world, &world.instance()).await;
    world.tamper("delete from log_head").await;
    let cut = seen(&world, Check::LogChains).await;
    assert!(failing(&cut), "{cut:?}");
}

#[tokio::test]
async fn a_log_that_the_database_does_not_keep_fails_its_check() {
    for trigger in ["entry_is_kept", "entry_is_final"] {
        let world = World::new().await;
        world.tamper(&drop_trigger(&world, trigger)).await;
        let loose = seen(&world, Check::LogRetention).await;
        assert!(failing(&loose), "{trigger}: {loose:?}");
    }
}

#[tokio::test]
async fn an_act_without_its_entry_fails_its_check() {
    let world = World::new().await;
    if let Where::Embedded(_) = &world.place {
        let swallow = "create trigger swallow before insert on entry when new.action = 'unit-made' begin select raise(ignore); end";
        world.tamper(swallow).await;
        let lost = seen(&world, Check::LogRecorded).await;
        assert!(failing(&lost), "{lost:?}");
    }
}

#[tokio::test]
async fn an_old_key_fails_its_check() {
    let world = World::new().await;
    world.tamper("update data_key set made_at_ms = 0 where owner = 'platform-hashes'").await;
    assert!(!failing(&seen(&world, Check::Cryptoperiods).await));
    world.tamper("update data_key set made_at_ms = 0 where owner = 'platform'").await;
    assert!(failing(&seen(&world, Check::Cryptoperiods).await));
}

#[tokio::test]
async fn more_people_than_seats_fail_the_check_of_seats() {
    let mut world = World::new().await;
    for number in 0..2 {
        let address = format!("staff{number}@vendor.example");
        crate::operators::add(&world.operator(), world.accounts(), &address, world.now).await.expect("a seat");
    }
    let mut fewer = (*world.profile).clone();
    fewer.policy.operators = Some(crate::profile::policy::Operators { seats: std::num::NonZeroU32::MIN });
    world.profile = std::sync::Arc::new(fewer);
    let mut instance = world.instance();
    instance.accounts.profile = std::sync::Arc::clone(&world.profile);
    let over = look(Check::OperatorCap, &instance).await.seen;
    assert!(failing(&over), "{over:?}");
}

#[tokio::test]
async fn a_look_that_the_organisation_does_not_know_of_fails_its_check() {
    let world = World::new().await;
    let instance = world.instance();
    let house = organisation(&world, &instance).await;
    let change = instance.operator.begin().await.expect("change");
    let event = crate::audit::Event::OrganisationLookedAt { operator: Uuid::now_v7(), organisation: house.tenant().0 };
    change.commit(event, world.now).await.expect("entry");
    let entries = instance.operator.all(platform_entry::Entity::find()).await.expect("entries");
    assert!(entries.iter().any(|entry| entry.action == "organisation-looked-at"));
    let secret = seen(&world, Check::OperatorAudited).await;
    assert!(failing(&secret), "{secret:?}");
}

#[tokio::test]
async fn an_end_of_access_that_is_late_fails_its_check() {
    let world = World::with(profile("stack-aero", &[])).await;
    let instance = world.instance();
    let house = organisation(&world, &instance).await;
    let at = to_ms(world.now - Duration::minutes(6));
    let row = departure::Model {
        tenant_id: house.tenant().0,
        id: Uuid::now_v7(),
        account_id: house.account.0,
        name: Vec::new(),
        successor_id: None,
        asked_by: house.account.0,
        asked_at_ms: at,
        at_ms: at,
        due_at_ms: None,
        due_rule: None,
        done_at_ms: None,
        receipt: None,
    };
    assert!(!failing(&seen(&world, Check::OffboardingOnTime).await));
    let change = house.change().await.expect("change");
    change.insert(row.into_active_model().reset_all()).await.expect("departure");
    change.commit_housekeeping().await.expect("commit");
    let late = seen(&world, Check::OffboardingOnTime).await;
    assert!(failing(&late), "{late:?}");
}

#[tokio::test]
async fn a_table_without_forced_row_security_fails_its_check() {
    let world = World::with(profile("stratuslog", &[])).await;
    let Where::Postgres { .. } = &world.place else {
        assert!(matches!(seen(&world, Check::RowSecurityInForce).await, Seen::Unavailable(_)));
        return;
    };
    let secured = seen(&world, Check::RowSecurityInForce).await;
    assert!(matches!(secured, Seen::Upheld(_)), "{secured:?}");
    world.tamper("alter table unit no force row level security").await;
    let loose = seen(&world, Check::RowSecurityInForce).await;
    assert!(failing(&loose), "{loose:?}");
}

#[tokio::test]
async fn the_newest_entries_are_walked_from_a_signed_head() {
    use crate::audit::walk::{Walked, verify, verify_newest};
    let world = World::new().await;
    let instance = world.instance();
    let house = organisation(&world, &instance).await;
    let tenant: TenantId = house.tenant();
    let event = Event::of(Action::OrganisationRenamed, tenant.0);
    crate::audit::heads::sign_all(&instance.operator, &instance.vault, world.now).await.expect("signed");
    for _ in 0..3 {
        house.change().await.expect("change").commit(&event, world.now).await.expect("entry");
    }
    let all = verify(&instance.operator, &instance.accounts, tenant).await.expect("walked");
    let newest = verify_newest(&instance.operator, &instance.accounts, tenant, 2).await.expect("walked");
    // One head stands in the database and in its file.
    assert_eq!((all, newest), (Walked::Holds { entries: 4, heads: 2 }, Walked::Holds { entries: 3, heads: 2 }));
}

#[tokio::test]
async fn what_a_look_holds_is_not_cleared_when_the_clock_leaps_and_what_it_left_behind_is() {
    let world = World::new().await;
    let (operator, accounts) = (world.operator(), world.accounts().clone());
    let role = world.profile.roles.keys().next().expect("a role").clone();
    let made = async |hours| {
        StandIn::make(&operator, &accounts, &role, As::HalfWay, world.now + Duration::hours(hours)).await.expect("made")
    };
    let there = async || {
        let rows = organisation::Entity::find().filter(organisation::Column::Slug.starts_with(".probe-"));
        let rows = operator.all(rows).await.expect("organisations");
        (rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), world.accounts_of_kind(PROBE_KIND).await)
    };
    let first = made(0).await;
    let (tenant, person) = (first.tenant().0, first.account.0);
    let second = made(1).await;
    let (houses, people) = there().await;
    assert!(houses.contains(&tenant) && people.contains(&person), "{houses:?} {people:?}");
    // A look that is stopped does not come to its end.
    drop(first);
    made(2).await.remove(&operator).await.expect("removed");
    let (houses, people) = there().await;
    assert_eq!((houses, people), (vec![second.tenant().0], vec![second.account.0]));
}

#[tokio::test]
async fn what_a_round_left_behind_that_was_cut_short_is_gone_before_the_next_one_with_its_key_and_database() {
    let world = World::with(profile("stack-aero", &[])).await;
    let instance = world.instance();
    let role = world.profile.roles.keys().next().expect("a role").clone();
    let mut house =
        StandIn::make(&instance.operator, &instance.accounts, &role, As::HalfWay, world.now).await.expect("made");
    house.settle().await.expect("a database of its own");
    let tenant = house.tenant();
    let own = async || match &world.place {
        Where::Embedded(folder) => {
            folder.join("organisations").join(format!("avouch_o_{}.db", tenant.0.simple())).exists()
        }
        Where::Postgres { admin_url, .. } => {
            let server = sea_orm::Database::connect(admin_url).await.expect("server");
            let ask = format!("select 1 from pg_database where datname = 'avouch_o_{}'", tenant.0.simple());
            let ask = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, ask);
            server.query_one_raw(ask).await.expect("databases").is_some()
        }
    };
    assert!(own().await);
    drop(house);
    let later = Instance { clock: Clock::Fixed(world.now + Duration::seconds(20)), ..world.instance() };
    crate::jobs::run_checks(&later, &[Check::OperatorCap]).await.expect("a round");
    let key = data_key::Column::Owner.eq(format!("organisation/{}", tenant.0));
    let keys = instance.operator.all(data_key::Entity::find().filter(key)).await.expect("keys");
    let rows = organisation::Entity::find().filter(organisation::Column::Id.eq(tenant.0));
    let rows = instance.operator.all(rows).await.expect("organisations");
    assert!(keys.is_empty() && rows.is_empty() && !own().await, "{keys:?} {rows:?}");
}
