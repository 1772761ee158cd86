//! The end of a review: what is equals what was decided, or it is named.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use server::guard::{Asks, rights};
use server::identity::Refusal;
use server::organisations::{leaving, members, roles};
use server::reviews::{self, Form, How, Outcome, State, Status};
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use super::deciding::{REVIEWER, REVIEWS};
use super::*;

pub async fn close(world: &World, by: &Somebody, review: Uuid) -> Result<Outcome, Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::close(&manager, world.accounts(), &review.to_string(), &here(), world.now).await
}

pub async fn offboard(world: &World, by: &Somebody, member: &Somebody) {
    let manager = may::<rights::MembersManage>(world, by).await;
    let form = leaving::Form { member: &member.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
}

async fn drift(world: &World, by: &Somebody, review: Uuid) -> Vec<(How, Option<Uuid>)> {
    let reader = may::<rights::ReviewsRead>(world, by).await;
    let all = reviews::drift(&reader, world.accounts(), review).await.expect("database");
    all.iter().map(|drift| (drift.how, drift.item.account)).collect()
}

pub async fn accept(world: &World, by: &Somebody, item: Uuid) -> Result<(), Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::resolve(&manager, world.accounts(), (&item.to_string(), false), "Known", &here(), world.now).await
}

#[tokio::test]
async fn silence_keeps_what_nobody_decided_on_and_the_report_says_so() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let outcome = close(&world, &ada, id).await.expect("close");
    assert_eq!((outcome.silent, outcome.counts.keep, outcome.counts.pending), (2, 2, 0));
    assert_eq!(campaign(&world, &ada, id).await.status, Status::Closed);
}

#[tokio::test]
async fn silence_that_revokes_spares_the_last_who_can_manage_the_members() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let form = Form { name: "Strict", due: DUE, silence: "revoke", effect: "at_close", ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let outcome = close(&world, &ada, id).await.expect("close");
    assert_eq!((outcome.counts.revoke, outcome.counts.applied, outcome.spared), (1, 1, 1));
    assert!(of_session(&world, grace.session).await.is_none());
    assert!(of_session(&world, ada.session).await.is_some());
}

#[tokio::test]
async fn what_is_decided_at_close_is_done_at_close() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let form = Form { name: "Later", due: DUE, effect: "at_close", ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    assert!(of_session(&world, grace.session).await.is_some());
    close(&world, &ada, id).await.expect("close");
    assert!(of_session(&world, grace.session).await.is_none());
}

#[tokio::test]
async fn a_person_removed_in_the_middle_is_named_and_has_to_be_settled() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, item, "keep", None, None).await.expect("keep");
    offboard(&world, &ada, &grace).await;
    let refused = close(&world, &ada, id).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("Grace Hopper")), "{refused:?}");
    assert_eq!(drift(&world, &ada, id).await, [(How::Gone, Some(grace.account.0))]);
    accept(&world, &ada, item).await.expect("accept");
    let outcome = close(&world, &ada, id).await.expect("close");
    assert_eq!((outcome.counts.gone, outcome.since.gone), (1, 1));
}

#[tokio::test]
async fn a_person_removed_before_anybody_decided_is_gone_and_nothing_else() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    offboard(&world, &ada, &grace).await;
    let outcome = close(&world, &ada, id).await.expect("close");
    assert_eq!((outcome.counts.gone, outcome.silent), (1, 1));
}

#[tokio::test]
async fn access_that_was_given_again_is_named_and_can_be_taken_again() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    revoke(&world, &ada, item).await.expect("revoke");
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let token = token_to(&world, GRACE).await;
    world.now += Duration::minutes(2);
    let again = grace.again(&world).await;
    answer(&world, Some(&of_session(&world, again.session).await.expect("in")), &token, "Grace").await.expect("back");
    assert_eq!(drift(&world, &ada, id).await, [(How::Back, Some(grace.account.0))]);
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let again = (item.to_string(), true);
    reviews::resolve(&manager, world.accounts(), (&again.0, again.1), "Not again", &here(), world.now)
        .await
        .expect("again");
    assert!(drift(&world, &ada, id).await.is_empty());
    close(&world, &ada, id).await.expect("close");
}

#[tokio::test]
async fn a_role_deleted_in_the_middle_is_named() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Visitor", "organisation_read").await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let form = Form { name: "Later", due: DUE, effect: "at_close", ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let item = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, item, "change", Some("Visitor"), None).await.expect("change");
    let remover = may::<rights::RolesManage>(&world, &ada).await;
    roles::delete(&remover, world.accounts(), "Visitor", &here(), world.now).await.expect("delete");
    assert_eq!(drift(&world, &ada, id).await, [(How::NoSuchRole, Some(grace.account.0))]);
    assert!(matches!(close(&world, &ada, id).await, Err(Refusal::Conflict(_))));
    decide(&world, &ada, item, "keep", None, None).await.expect("another decision");
    close(&world, &ada, id).await.expect("close");
}

#[tokio::test]
async fn a_role_changed_in_the_middle_is_named() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Visitor", "organisation_read").await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    decide(&world, &ada, item_of(&world, &ada, id, &grace).await.id, "keep", None, None).await.expect("keep");
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    members::change_role(&manager, world.accounts(), &grace.id(), "Visitor", &here(), world.now).await.expect("role");
    assert_eq!(drift(&world, &ada, id).await, [(How::OtherRole, Some(grace.account.0))]);
}

#[tokio::test]
async fn a_decision_after_the_last_day_stands_and_is_told_as_late() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    world.now = campaign(&world, &ada, id).await.due + Duration::SECOND;
    let ada = ada.again(&world).await;
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("late");
    assert_eq!(close(&world, &ada, id).await.expect("close").late, 1);
}

#[tokio::test]
async fn after_closing_every_grant_in_the_database_is_what_the_report_says() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let eve = joins_as(&world, &ada, EVE, plain, "Eve").await;
        let id = review(&world, &ada).await;
        revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
        decide(&world, &ada, item_of(&world, &ada, id, &eve).await.id, "keep", None, Some("Needed"))
            .await
            .expect("keep");
        close(&world, &ada, id).await.expect("close");
        let told: BTreeMap<Uuid, Option<String>> = items(&world, &ada, id)
            .await
            .into_iter()
            .filter_map(|item| Some((item.account?, item.role.filter(|_| item.state != State::Applied))))
            .collect();
        // The database as somebody else finds it who opens it anew.
        let database = world.behind().await;
        let sql = "select account_id, role from membership";
        let rows = database.query_all_raw(statement(&database, sql, Vec::new())).await.expect("rows");
        let there: BTreeMap<Uuid, String> = rows
            .iter()
            .map(|row| (row.try_get_by_index(0).expect("id"), row.try_get_by_index(1).expect("role")))
            .collect();
        let kept = told.iter().filter_map(|(id, role)| Some((*id, role.clone()?))).collect::<BTreeMap<_, _>>();
        assert_eq!(there, kept, "{mode}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_database_refuses_whoever_was_revoked() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    let id = review(&world, &ada).await;
    let other = std::sync::Arc::new(
        server::guard::Store::open_as(&world.place, false, world.profile.isolation).await.expect("another server"),
    );
    let ask = || async {
        let visitor = server::guard::Visitor::of(&other);
        let caller = visitor.caller(&world.profile, &grace.session.hash(), world.now).await.expect("database");
        caller.is_some_and(|caller| caller.may::<rights::OrganisationRead>(&grace.slug, Asks::ToSee).is_ok())
    };
    assert!(ask().await);
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    assert!(!ask().await);
}

#[tokio::test]
async fn a_change_of_role_counts_from_the_next_request() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, item, "change", Some(REVIEWER), Some("Decides now")).await.expect("change");
    assert!(of_session(&world, grace.session).await.is_none());
    world.now += Duration::minutes(2);
    let back = grace.again(&world).await;
    assert!(try_may::<rights::ReviewsDecide>(&world, &back).await.is_ok());
    assert!(try_may::<rights::RecordsWrite>(&world, &back).await.is_err());
}
