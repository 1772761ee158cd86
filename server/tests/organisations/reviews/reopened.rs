//! The database, opened anew after a review: every grant in it is what the report says, of whatever kind.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, QueryResult};
use server::guard::{Store, rights};
use server::identity::Refusal;
use server::organisations::members;
use server::reviews::{self, Decision, Form, Item, Kind, Outcome, State, feed};
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use super::deciding::{REVIEWER, REVIEWS};
use super::*;
use crate::operators;

/// A grant as both sides name it: its kind, whose it is or which one, and the role.
type Grant = (Kind, Uuid, Uuid, String);

/// Every grant that is there, as somebody finds it who opens the database anew.
async fn there(world: &World) -> BTreeSet<Grant> {
    // Whatever a second server does when it starts is done too.
    Store::open_as(&world.place, false, world.profile.isolation).await.expect("another server");
    let database = world.behind().await;
    let mut all = BTreeSet::new();
    for (kind, sql) in [
        (Kind::Membership, "select account_id, account_id, role from membership where kind = 'member'"),
        (Kind::Help, "select account_id, account_id, role from membership where kind = 'help'"),
        (Kind::Reach, "select account_id, target, '' from reach"),
        (Kind::Invitation, "select id, id, role from invitation"),
        (Kind::Token, "select account_id, account_id, '' from calendar_key"),
    ] {
        let rows = database.query_all_raw(statement(&database, sql, Vec::new())).await.expect("rows");
        let id = |row: &QueryResult, at| row.try_get_by_index::<Uuid>(at).expect("an id");
        let role = |row: &QueryResult| row.try_get_by_index::<String>(2).expect("a text");
        all.extend(rows.iter().map(|row| (kind, id(row, 0), id(row, 1), role(row))));
    }
    database.close().await.expect("close");
    all
}

/// Every grant that there has to be, as the archive of the review says.
fn told(items: &[serde_json::Value]) -> BTreeSet<Grant> {
    let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let id = |item: &serde_json::Value, name: &str| text(item, name).parse::<Uuid>().unwrap_or_default();
    let stays = items.iter().filter(|item| {
        let revoked = text(item, "decision") == Decision::Revoke.word();
        !(revoked || text(item, "state") == State::Gone.word())
    });
    let grant = |item: &serde_json::Value| {
        let kind = Kind::parse(&text(item, "kind")).expect("a kind");
        let role = if text(item, "decision") == "change" { text(item, "new_role") } else { text(item, "role") };
        match kind {
            Kind::Membership | Kind::Help => (kind, id(item, "account"), id(item, "account"), role),
            Kind::Reach => (kind, id(item, "account"), id(item, "target_id"), String::new()),
            Kind::Invitation => (kind, id(item, "target_id"), id(item, "target_id"), role),
            Kind::Token => (kind, id(item, "account"), id(item, "account"), String::new()),
            Kind::Seat => unreachable!("an organisation has none"),
        }
    };
    stays.map(grant).collect()
}

struct House {
    ada: Somebody,
    grace: Somebody,
    eve: Somebody,
    helper: Somebody,
}

/// People, units, invitations, secret addresses and the vendor's help: every kind of grant, and each more than once where that can be.
async fn furnished(world: &World, plain: &str) -> House {
    let ada = ada(world).await;
    role(world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(world, &ada, GRACE, REVIEWER).await;
    let eve = joins_as(world, &ada, EVE, REVIEWER, "Eve").await;
    joins_as(world, &ada, "dora@acme.example", plain, "Dora").await;
    for (who, name) in [(&grace, "North"), (&grace, "South"), (&eve, "East")] {
        let unit = unit(world, &ada, name).await;
        let manager = may::<rights::UnitsManage>(world, &ada).await;
        let target = (Some(unit.as_str()), None);
        members::grant_reach(&manager, world.accounts(), &who.id(), target, &here(), world.now).await.expect("reach");
    }
    for address in ["x@acme.example", "y@acme.example", "z@acme.example"] {
        invite(world, &ada, address, plain).await.expect("invite");
    }
    let helper = operators::operator(world, operators::OP).await;
    operators::open(world, &ada, plain, "4").await.expect("help");
    for who in [&ada, &grace, &eve] {
        let reviewer = may::<rights::ReviewsDecide>(world, who).await;
        feed::share(&reviewer, world.accounts(), &here(), world.now).await.expect("an address");
    }
    House { ada, grace, eve, helper }
}

async fn close(world: &World, by: &Somebody, review: Uuid) -> Result<Outcome, Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::close(&manager, world.accounts(), &review.to_string(), &here(), world.now).await
}

fn find(items: &[Item], kind: Kind, who: impl Fn(&Item) -> bool) -> &Item {
    items.iter().find(|item| item.kind == kind && who(item)).unwrap_or_else(|| unreachable!("{kind:?}"))
}

/// The lines of the archive about items.
async fn archived(world: &World, by: &Somebody, review: Uuid) -> Vec<serde_json::Value> {
    let text = super::archived::part(world, by, review, "items.jsonl").await;
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn decided(world: &World, house: &House, effect: &str) -> Uuid {
    let House { ada, grace, eve, helper } = house;
    let form = Form { name: "Everything", due: DUE, effect, ..Form::default() };
    let id = open(world, ada, &form).await.expect("open");
    let found = items(world, ada, id).await;
    let of = |who: &Somebody| {
        let account = who.account.0;
        move |item: &Item| item.account == Some(account)
    };
    // Grace goes; what hangs on her membership nobody decides on. Eve stays, and loses her unit and her secret address.
    revoke(world, ada, find(&found, Kind::Membership, of(grace)).id).await.expect("membership");
    revoke(world, ada, find(&found, Kind::Reach, of(eve)).id).await.expect("reach");
    revoke(world, ada, find(&found, Kind::Token, of(eve)).id).await.expect("token");
    revoke(world, ada, find(&found, Kind::Help, of(helper)).id).await.expect("help");
    let invited = |address: &'static str| move |item: &Item| item.address == address;
    revoke(world, ada, find(&found, Kind::Invitation, invited("x@acme.example")).id).await.expect("invitation");
    let other = find(&found, Kind::Invitation, invited("y@acme.example")).id;
    decide(world, ada, other, "change", Some(REVIEWER), Some("Decides now")).await.expect("another role");
    let dora = find(&found, Kind::Membership, |item| item.address == "dora@acme.example").id;
    decide(world, ada, dora, "change", Some(REVIEWER), Some("Decides now")).await.expect("another role");
    let eves = find(&found, Kind::Membership, of(eve));
    assert_eq!(eves.role.as_deref(), Some(REVIEWER));
    decide(world, ada, eves.id, "keep", None, Some("Needed")).await.expect("keep");
    id
}

#[tokio::test]
async fn every_grant_of_every_kind_is_what_the_report_says_when_the_database_is_opened_anew() {
    for (mode, plain) in MODES {
        for effect in ["at_once", "at_close"] {
            let mut world = world(mode).await;
            let house = furnished(&world, plain).await;
            let before = there(&world).await;
            let id = decided(&world, &house, effect).await;
            if effect == "at_close" {
                assert_eq!(there(&world).await, before, "{mode}: nothing is done before the end");
            }
            close(&world, &house.ada, id).await.unwrap_or_else(|why| unreachable!("{mode} {effect}: {why:?}"));
            world.now += Duration::minutes(1);
            let lines = archived(&world, &house.ada, id).await;
            super::archived::holds(&world.folder.join("review.zip"));
            assert_eq!(lines.len(), before.len(), "{mode} {effect}");
            let now = there(&world).await;
            assert_eq!(now, told(&lines), "{mode} {effect}");
            let kinds: BTreeSet<Kind> = now.iter().map(|(kind, ..)| *kind).collect();
            let left = [Kind::Membership, Kind::Invitation, Kind::Token];
            assert_eq!(kinds, left.into(), "{mode} {effect}");
            // A review that follows finds what the one before left.
            let next = review(&world, &house.ada).await;
            let found = campaign(&world, &house.ada, next).await.found;
            assert_eq!(found.grants(), now.len() as u64, "{mode} {effect}");
        }
    }
}
