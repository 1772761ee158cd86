//! What one may still decide is counted by the rules that decide; and what nobody may decide on is told before, meanwhile and afterwards.

use std::collections::BTreeSet;

use server::guard::rights;
use server::organisations::leaving;
use server::reviews::{self, Form, Preview};
use server::testing::{World, profile};

use super::asking::mine;
use super::deciding::{REVIEWER, REVIEWS};
use super::*;

const SECOND: &str = "grace+second@acme.example";

async fn preview(world: &World, by: &Somebody, form: &Form<'_>) -> Preview {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::preview(&manager, world.accounts(), form, &here(), world.now).await.expect("a preview")
}

#[tokio::test]
async fn what_is_ones_own_under_a_second_account_or_an_invitation_is_not_counted_as_ones_own_to_decide() {
    let world = World::with(profile("aertous", &[])).await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(&world, &ada, GRACE, REVIEWER).await;
    joins(&world, &ada, SECOND, "Employee").await;
    invite(&world, &ada, "grace+third@acme.example", "Employee").await.expect("invite");
    let everybody = review(&world, &ada).await;
    // Ada's membership alone; all else is Grace's.
    assert_eq!(mine(&world, &grace, everybody).await, 1);
    assert_eq!(mine(&world, &ada, everybody).await, 3);
    let stages = [vec![GRACE]];
    let form = Form { name: "Named", due: DUE, reviewers: &stages, ..Form::default() };
    let named = open(&world, &ada, &form).await.expect("open");
    assert_eq!((mine(&world, &grace, named).await, mine(&world, &ada, named).await), (1, 3));
}

#[tokio::test]
async fn what_is_gone_meanwhile_is_nobodys_to_decide() {
    let world = World::with(profile("aertous", &[])).await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    let id = review(&world, &ada).await;
    assert_eq!(mine(&world, &ada, id).await, 2);
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
    assert_eq!(mine(&world, &ada, id).await, 1);
}

#[tokio::test]
async fn what_two_may_not_decide_about_each_other_is_not_counted_either() {
    let strict = profile("aertous", &[("access_days = 365", "access_days = 365\nmutual = false")]);
    let world = World::with(strict).await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(&world, &ada, GRACE, REVIEWER).await;
    let id = review(&world, &ada).await;
    assert_eq!(mine(&world, &grace, id).await, 1);
    let about_grace = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, about_grace, "keep", None, Some("Needed")).await.expect("keep");
    assert_eq!(mine(&world, &grace, id).await, 0);
    // Grace is the only other who could decide on Ada's.
    assert_eq!(campaign(&world, &ada, id).await.undecidable, 1);
}

#[tokio::test]
async fn where_only_one_may_decide_their_own_access_is_told_of_before_and_named_in_the_report() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        // A second account of Ada's own mailbox is nobody else.
        joins_as(&world, &ada, "ada+second@acme.example", plain, "Ada").await;
        let form = Form { name: "Yearly", due: DUE, ..Form::default() };
        assert_eq!(preview(&world, &ada, &form).await.undecidable, 2, "{mode}");
        let id = open(&world, &ada, &form).await.expect("open");
        assert_eq!(campaign(&world, &ada, id).await.undecidable, 2, "{mode}");
        let manager = may::<rights::ReviewsManage>(&world, &ada).await;
        let closed = reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await;
        assert_eq!(closed.expect("close").counts.alone, 2, "{mode}");
        let items = items(&world, &ada, id).await;
        let alone: BTreeSet<_> = items.iter().filter(|item| item.alone).map(|item| item.address.as_str()).collect();
        assert_eq!(alone, BTreeSet::from([ADA, "ada+second@acme.example"]), "{mode}");
        archived::holds(&archived::archive(&world, &ada, id).await);
        let printed = archived::part(&world, &ada, id, "report.html").await;
        assert!(printed.contains("<td>silence: nobody else could decide</td>"), "{mode}: {printed}");
    }
}

#[tokio::test]
async fn with_somebody_else_who_may_decide_nothing_is_left_that_nobody_could() {
    let world = World::with(profile("aertous", &[])).await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    joins(&world, &ada, GRACE, REVIEWER).await;
    let form = Form { name: "Yearly", due: DUE, ..Form::default() };
    assert_eq!(preview(&world, &ada, &form).await.undecidable, 0);
    let id = review(&world, &ada).await;
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let closed = reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    assert_eq!((closed.counts.alone, closed.silent), (0, 2));
}

#[tokio::test]
async fn every_stage_is_looked_at_for_somebody_else_who_may_decide() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        role(&world, &ada, REVIEWER, REVIEWS).await;
        let grace = joins(&world, &ada, GRACE, REVIEWER).await;
        // Whoever decides in both stages is needed twice, about everybody.
        let twice = [vec![ADA], vec![ADA]];
        let form = Form { name: "Twice", due: DUE, reviewers: &twice, ..Form::default() };
        assert_eq!(preview(&world, &ada, &form).await.undecidable, 2, "{mode}");
        // The second stage has nobody but Grace, whose own access it is; with Ada as well, the first stage has nobody else.
        let second = [vec![ADA], vec![GRACE]];
        let form = Form { name: "Second", due: DUE, reviewers: &second, ..Form::default() };
        assert_eq!(preview(&world, &ada, &form).await.undecidable, 2, "{mode}");
        // Everybody in each: two of them are enough for a third, and not for each other.
        let eve = joins_as(&world, &ada, EVE, REVIEWER, "Eve").await;
        let open_to_all = [vec![], vec![]];
        let form = Form { name: "All", due: DUE, reviewers: &open_to_all, ..Form::default() };
        assert_eq!(preview(&world, &ada, &form).await.undecidable, 0, "{mode}");
        let id = open(&world, &ada, &form).await.expect("open");
        let about_grace = item_of(&world, &ada, id, &grace).await.id;
        decide(&world, &ada, about_grace, "keep", None, Some("Needed")).await.expect("keep");
        assert_eq!(campaign(&world, &ada, id).await.undecidable, 0, "{mode}");
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let form = leaving::Form { member: &eve.id(), successor: None, at: None };
        leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
        // Whoever decided in the first stage does not decide in the second; and about Ada there is nobody but Grace for both.
        assert_eq!(campaign(&world, &ada, id).await.undecidable, 2, "{mode}");
    }
}
