//! Whoever loses a membership in a review leaves as whoever is offboarded: with a receipt, and with somebody who takes over.

use server::guard::rights;
use server::identity::Refusal;
use server::organisations::leaving::{self, Receipt, Shown};
use server::organisations::members;
use server::organisations::upkeep;
use server::registers::{edit, record, shape::Shape};
use server::reviews::{self, Form, ManyForm};
use server::testing::World;
use time::Duration;

use super::*;

/// A register of a profile, the field in which a record names somebody, and what else has to be in it.
type Named = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const TASKS: Named = (
    "aertous",
    "tasks",
    "assignee",
    &[("title", "Patch"), ("status", "Open"), ("priority", "High"), ("due", "2026-12-01")],
);
const CLIENTS: Named = ("stack-aero", "clients", "account_manager", &[("name", "Acme"), ("category", "Broker")]);

async fn names(world: &World, by: &Somebody, (_, register, field, fields): Named, whom: &str) -> Uuid {
    let mut typed: edit::Typed = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    typed.insert(field.into(), whom.into());
    let editor = may::<rights::RecordsWrite>(world, by).await;
    edit::create(&editor, world.accounts(), register, &typed, &here(), world.now).await.expect("a record")
}

async fn named(world: &World, by: &Somebody, (_, register, field, _): Named, id: Uuid) -> String {
    let reader = may::<rights::RecordsRead>(world, by).await;
    let shape = Shape::of(&reader, world.accounts(), register).expect("a register");
    let whole = record::whole(&reader, world.accounts(), &shape, id).await.expect("a look").expect("the record");
    whole.content.first(field).unwrap_or_default().to_owned()
}

async fn departures(world: &World, by: &Somebody) -> Vec<Shown> {
    let reader = may::<rights::MembersRead>(world, by).await;
    leaving::list(&reader, world.accounts(), 50).await.expect("departures")
}

#[tokio::test]
async fn what_a_revoked_member_is_named_in_goes_to_whoever_manages_the_members() {
    for of in [TASKS, CLIENTS] {
        let world = world(of.0).await;
        let ada = ada(&world).await;
        let role = MODES.iter().find(|(known, _)| *known == of.0).expect("a mode").1;
        let grace = joins(&world, &ada, GRACE, role).await;
        let record = names(&world, &ada, of, GRACE).await;
        let id = review(&world, &ada).await;
        revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
        assert_eq!(named(&world, &ada, of, record).await, ada.id(), "{}", of.0);
        let shown = departures(&world, &ada).await;
        assert_eq!(shown.len(), 1, "{}", of.0);
        let told = (shown[0].name.as_str(), shown[0].asked_by.as_str(), shown[0].successor.as_deref());
        assert_eq!(told, ("Grace Hopper", "Ada Lovelace", Some("Ada Lovelace")), "{}", of.0);
        let wanted = Receipt { role: role.to_owned(), memberships: 1, sessions: 1, ..Receipt::default() };
        assert_eq!((shown[0].done, shown[0].receipt.clone()), (Some(world.now), Some(wanted)), "{}", of.0);
    }
}

#[tokio::test]
async fn what_a_closed_review_takes_away_is_handed_over_by_the_clock() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let record = names(&world, &ada, TASKS, GRACE).await;
    let form = Form { name: "Later", due: DUE, effect: "at_close", ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    assert_eq!(departures(&world, &ada).await.len(), 0, "nobody has left yet");
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    assert_eq!(named(&world, &ada, TASKS, record).await, grace.id());
    world.now += Duration::MINUTE;
    upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
    assert_eq!(named(&world, &ada, TASKS, record).await, ada.id());
}

#[tokio::test]
async fn an_end_that_was_planned_comes_with_the_revoke_and_keeps_its_successor() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let eve = joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    let record = names(&world, &ada, TASKS, GRACE).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let (leaver, heir) = (grace.id(), eve.id());
    let form = leaving::Form { member: &leaver, successor: Some(&heir), at: Some("2026-12-24") };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("planned");
    let id = review(&world, &ada).await;
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    assert_eq!(named(&world, &ada, TASKS, record).await, eve.id());
    let shown = departures(&world, &ada).await;
    let told: Vec<_> = shown.iter().map(|one| (one.done, one.successor.as_deref())).collect();
    assert_eq!(told, [(Some(world.now), Some("Eve"))]);
}

#[tokio::test]
async fn what_goes_along_with_many_revokes_is_said_before_they_are_confirmed() {
    for of in [TASKS, CLIENTS] {
        let world = world(of.0).await;
        let ada = ada(&world).await;
        let role = MODES.iter().find(|(known, _)| *known == of.0).expect("a mode").1;
        let grace = joins(&world, &ada, GRACE, role).await;
        invite(&world, &ada, EVE, role).await.expect("invite");
        let unit = unit(&world, &ada, "North").await;
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let target = (Some(unit.as_str()), None);
        names(&world, &ada, of, GRACE).await;
        members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
        let id = review(&world, &ada).await.to_string();
        let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
        let form = ManyForm { review: &id, decision: "revoke", note: Some("Over"), ..ManyForm::default() };
        let asked = reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await;
        let Err(Refusal::Unconfirmed(3, along)) = asked else { unreachable!("{asked:?}") };
        let wanted = [
            "1 session ends.",
            "1 grant to a unit or a record goes.",
            "1 invitation is withdrawn.",
            "1 record that names them moves to Ada Lovelace.",
        ];
        assert_eq!(along, wanted, "{}", of.0);
        let kept = ManyForm { decision: "keep", ..form };
        let asked = reviews::decide_many(&reviewer, world.accounts(), &kept, &here(), world.now).await;
        assert!(matches!(&asked, Err(Refusal::Unconfirmed(3, along)) if along.is_empty()), "{asked:?}");
    }
}
