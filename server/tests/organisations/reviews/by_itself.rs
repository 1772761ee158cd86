//! A review that closes by itself: at its due moment, by the clock, and never over what differs.

use server::guard::rights;
use server::organisations::leaving;
use server::reviews::{self, Form, Status};
use time::Duration;

use super::clock::at;
use super::*;

async fn form_opened(world: &World, by: &Somebody, when_due: &str) -> Uuid {
    let form = Form { name: "Quarterly", due: DUE, when_due, silence: "revoke", effect: "at_close", ..Form::default() };
    open(world, by, &form).await.expect("open")
}

#[tokio::test]
async fn a_review_that_is_to_close_by_itself_does_at_its_due_moment_and_silence_is_heard_then() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let id = form_opened(&world, &ada, "close").await;
        let due = campaign(&world, &ada, id).await.due;
        at(&mut world, due - Duration::minutes(2)).await;
        let again = ada.again(&world).await;
        assert_eq!(campaign(&world, &again, id).await.status, Status::Open, "{mode}");
        at(&mut world, due).await;
        let ada = ada.again(&world).await;
        let closed = campaign(&world, &ada, id).await;
        assert_eq!((closed.status, closed.closed, closed.closed_by), (Status::Closed, Some(due), None), "{mode}");
        assert!(of_session(&world, grace.session).await.is_none(), "{mode}: silence took it away");
        assert!(closed.escalated.is_none(), "{mode}");
        archived::holds(&archived::archive(&world, &ada, id).await);
    }
}

#[tokio::test]
async fn a_review_of_which_nobody_said_so_waits_for_somebody() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let id = form_opened(&world, &ada, "").await;
    let due = campaign(&world, &ada, id).await.due;
    at(&mut world, due + Duration::DAY).await;
    let ada = ada.again(&world).await;
    assert_eq!(campaign(&world, &ada, id).await.status, Status::Open);
}

#[tokio::test]
async fn over_what_differs_it_stays_open_and_those_in_charge_read_what_it_is_until_that_is_explained() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = form_opened(&world, &ada, "close").await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, item, "keep", None, None).await.expect("keep");
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
    let due = campaign(&world, &ada, id).await.due;
    at(&mut world, due).await;
    at(&mut world, due + Duration::MINUTE).await;
    let ada = ada.again(&world).await;
    assert_eq!(campaign(&world, &ada, id).await.status, Status::Open);
    let letters = world.letters().await;
    let told: Vec<_> = letters.iter().filter(|(_, text)| text.contains("stays open")).collect();
    assert_eq!(told.len(), 1, "once, and to nobody else: {letters:?}");
    assert!(told[0].0 == ADA && told[0].1.contains("Grace Hopper"), "{told:?}");

    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::resolve(&manager, world.accounts(), (&item.to_string(), false), "She left", &here(), world.now)
        .await
        .expect("explained");
    at(&mut world, due + Duration::minutes(2)).await;
    let ada = ada.again(&world).await;
    assert_eq!(campaign(&world, &ada, id).await.status, Status::Closed);
}
