//! Stand-ins, other reviewers, and people who decide about each other.

use server::guard::rights;
use server::identity::Refusal;
use server::reviews::{self, Barred, Form, ManyForm};
use server::testing::{World, profile};

use super::deciding::{REVIEWER, REVIEWS};
use super::*;

async fn bench(world: &World) -> (Somebody, Somebody, Somebody) {
    let ada = ada(world).await;
    role(world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(world, &ada, GRACE, REVIEWER).await;
    let eve = joins_as(world, &ada, EVE, REVIEWER, "Eve").await;
    (ada, grace, eve)
}

#[tokio::test]
async fn a_stand_in_decides_for_a_reviewer_but_not_about_them() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let stages = [vec![GRACE]];
    let form = Form { name: "Yearly", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let about_ada = item_of(&world, &ada, id, &ada).await.id;
    let not_asked = decide(&world, &eve, about_ada, "keep", None, Some("Needed")).await;
    assert!(matches!(not_asked, Err(Refusal::Conflict(_))), "{not_asked:?}");

    let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
    reviews::delegate(&reviewer, world.accounts(), &id.to_string(), Some(EVE), &here(), world.now).await.expect("eve");
    decide(&world, &eve, about_ada, "keep", None, Some("Needed")).await.expect("in Grace's place");
    let about_grace = item_of(&world, &eve, id, &grace).await;
    assert_eq!(about_grace.may_decide, Err(Barred::Delegator));
    let refused = decide(&world, &eve, about_grace.id, "keep", None, Some("Of course")).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn two_people_do_not_decide_about_each_other_where_the_profile_forbids_it() {
    let strict = profile("aertous", &[("access_days = 365", "access_days = 365\nmutual = false")]);
    let world = World::with(strict).await;
    let (ada, grace, _) = bench(&world).await;
    let id = review(&world, &ada).await;
    let about_grace = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, about_grace, "keep", None, Some("Needed")).await.expect("keep");
    let about_ada = item_of(&world, &grace, id, &ada).await;
    assert_eq!(about_ada.may_decide, Err(Barred::Mutual));
    let refused = decide(&world, &grace, about_ada.id, "keep", None, Some("Needed too")).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn whoever_was_decided_on_under_one_account_does_not_decide_back_under_another_nor_about_another() {
    let strict = profile("aertous", &[("access_days = 365", "access_days = 365\nmutual = false")]);
    let world = World::with(strict).await;
    let (ada, grace, eve) = bench(&world).await;
    let second = joins(&world, &ada, SECOND, REVIEWER).await;
    let other_ada = joins_as(&world, &ada, "ada+second@acme.example", REVIEWER, "Ada").await;
    invite(&world, &ada, "ada+third@acme.example", REVIEWER).await.expect("invite");
    let id = review(&world, &ada).await;
    let about_second = item_of(&world, &ada, id, &second).await.id;
    decide(&world, &ada, about_second, "keep", None, Some("Needed")).await.expect("keep");
    // Ada decided on Grace's second account. Neither account of Grace's decides on anything that is Ada's.
    for by in [&grace, &second] {
        let found = items(&world, by, id).await;
        let of_ada: Vec<_> = found.iter().filter(|item| item.address.starts_with("ada")).collect();
        assert_eq!(of_ada.len(), 3);
        for item in of_ada {
            assert_eq!(item.may_decide, Err(Barred::Mutual), "{}", item.address);
            let refused = decide(&world, by, item.id, "keep", None, Some("Needed too")).await;
            assert!(matches!(refused, Err(Refusal::Conflict(_))), "{}: {refused:?}", item.address);
        }
        let reviewer = may::<rights::ReviewsDecide>(&world, by).await;
        let review = id.to_string();
        let form = ManyForm { review: &review, decision: "keep", note: Some("All"), ..ManyForm::default() };
        let refused = reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await;
        assert!(matches!(refused, Err(Refusal::Unconfirmed(1, _))), "only Eve is left: {refused:?}");
    }
    let about_ada = item_of(&world, &eve, id, &other_ada).await;
    assert_eq!(about_ada.may_decide, Ok(()), "{}", about_ada.address);
}

#[tokio::test]
async fn an_invitation_of_ones_own_mailbox_makes_whoever_decided_on_it_a_judge() {
    let strict = profile("aertous", &[("access_days = 365", "access_days = 365\nmutual = false")]);
    let world = World::with(strict).await;
    let (ada, grace, _) = bench(&world).await;
    invite(&world, &ada, SECOND, "Employee").await.expect("invite");
    let id = review(&world, &ada).await;
    let found = items(&world, &ada, id).await;
    let invited = found.iter().find(|item| item.address == SECOND).expect("the invitation").id;
    decide(&world, &ada, invited, "keep", None, None).await.expect("keep");
    assert_eq!(item_of(&world, &grace, id, &ada).await.may_decide, Err(Barred::Mutual));
}

#[tokio::test]
async fn the_fallback_decides_on_a_second_account_of_the_only_reviewer() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let second = joins(&world, &ada, SECOND, REVIEWER).await;
    let stages = [vec![GRACE]];
    let form = Form { name: "Yearly", due: DUE, reviewers: &stages, fallback: Some(EVE), ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    assert_eq!(item_of(&world, &grace, id, &second).await.may_decide, Err(Barred::Own));
    let about_second = item_of(&world, &eve, id, &second).await;
    assert_eq!(about_second.may_decide, Ok(()));
    decide(&world, &eve, about_second.id, "keep", None, Some("Needed")).await.expect("keep");
}

#[tokio::test]
async fn what_was_given_to_one_reviewer_is_for_them() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let id = review(&world, &ada).await;
    let about_ada = item_of(&world, &ada, id, &ada).await.id;
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let (review, item) = (id.to_string(), about_ada.to_string());
    let given = reviews::reassign(&manager, world.accounts(), (&review, &[&item]), EVE, &here(), world.now).await;
    assert_eq!(given.expect("given"), 1);
    let refused = decide(&world, &grace, about_ada, "keep", None, Some("Needed")).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    decide(&world, &eve, about_ada, "keep", None, Some("Needed")).await.expect("Eve");
}

#[tokio::test]
async fn the_fallback_decides_when_the_reviewer_has_left() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let stages = [vec![GRACE]];
    let form = Form { name: "Yearly", due: DUE, reviewers: &stages, fallback: Some(EVE), ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let about_ada = item_of(&world, &ada, id, &ada).await.id;
    assert!(decide(&world, &eve, about_ada, "keep", None, Some("Needed")).await.is_err());
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let gone = server::organisations::leaving::Form { member: &grace.id(), successor: None, at: None };
    server::organisations::leaving::offboard(&manager, world.accounts(), &gone, &here(), world.now)
        .await
        .expect("gone");
    decide(&world, &eve, about_ada, "keep", None, Some("Needed")).await.expect("the fallback");
}

#[tokio::test]
async fn ones_own_decision_can_be_taken_back_until_it_was_done() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let id = review(&world, &ada).await;
    let undo = |by: Somebody, item: uuid::Uuid| {
        let world = &world;
        async move {
            let reviewer = may::<rights::ReviewsDecide>(world, &by).await;
            reviews::undo(&reviewer, world.accounts(), &item.to_string(), &here(), world.now).await
        }
    };
    let about_grace = item_of(&world, &ada, id, &grace).await.id;
    decide(&world, &ada, about_grace, "keep", None, Some("Needed")).await.expect("keep");
    let ada_again = ada.again(&world).await;
    undo(ada_again, about_grace).await.expect("taken back");
    assert_eq!(item_of(&world, &ada, id, &grace).await.decision, None);
    let about_eve = item_of(&world, &ada, id, &eve).await.id;
    revoke(&world, &ada, about_eve).await.expect("revoke");
    let ada_again = ada.again(&world).await;
    let refused = undo(ada_again, about_eve).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

const SECOND: &str = "grace+second@acme.example";

#[tokio::test]
async fn a_stand_in_does_not_decide_about_a_second_account_or_an_invitation_of_whoever_they_stand_in_for() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let second = joins(&world, &ada, SECOND, REVIEWER).await;
    invite(&world, &ada, "grace+third@acme.example", REVIEWER).await.expect("invite");
    let stages = [vec![GRACE]];
    let form = Form { name: "Yearly", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
    reviews::delegate(&reviewer, world.accounts(), &id.to_string(), Some(EVE), &here(), world.now).await.expect("eve");
    let found = items(&world, &eve, id).await;
    let theirs: Vec<_> = found.iter().filter(|item| item.address.starts_with("grace+")).collect();
    assert_eq!(theirs.len(), 2);
    for item in theirs {
        assert_eq!(item.may_decide, Err(Barred::Delegator), "{}", item.address);
        let refused = decide(&world, &eve, item.id, "keep", None, Some("Of course")).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{}: {refused:?}", item.address);
    }
    assert_eq!(item_of(&world, &eve, id, &second).await.decision, None);
}

#[tokio::test]
async fn a_bulk_act_leaves_out_every_account_of_ones_own_and_of_whoever_one_stands_in_for() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    joins(&world, &ada, SECOND, REVIEWER).await;
    joins_as(&world, &ada, "eve+second@rival.example", REVIEWER, "Eve").await;
    invite(&world, &ada, "eve+third@rival.example", REVIEWER).await.expect("invite");
    let stages = [vec![GRACE]];
    let form = Form { name: "Yearly", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
    reviews::delegate(&reviewer, world.accounts(), &id.to_string(), Some(EVE), &here(), world.now).await.expect("eve");
    let reviewer = may::<rights::ReviewsDecide>(&world, &eve).await;
    let review = id.to_string();
    let form = |sure| ManyForm { review: &review, decision: "keep", note: Some("Yearly"), sure, ..ManyForm::default() };
    let done = reviews::decide_many(&reviewer, world.accounts(), &form(Some(1)), &here(), world.now).await;
    let done = done.expect("one is left: Ada");
    let mut left_out = done.left_out;
    left_out.sort_by_key(|(_, number)| *number);
    assert_eq!((done.decided, left_out), (1, vec![(Barred::Delegator, 2), (Barred::Own, 3)]));
    assert!(item_of(&world, &eve, id, &ada).await.decision.is_some());
    for item in items(&world, &ada, id).await.iter().filter(|item| item.account != Some(ada.account.0)) {
        assert_eq!(item.decision, None, "{}", item.address);
    }
    assert_eq!(item_of(&world, &eve, id, &grace).await.may_decide, Err(Barred::Delegator));
}

#[tokio::test]
async fn whoever_decided_in_one_stage_does_not_decide_in_the_next_with_a_second_account() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let second = joins(&world, &ada, SECOND, REVIEWER).await;
    let stages = [vec![GRACE], vec![SECOND, ADA]];
    let form = Form { name: "Twice", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let about_eve = item_of(&world, &ada, id, &eve).await.id;
    revoke(&world, &grace, about_eve).await.expect("the first stage");
    assert_eq!(item_of(&world, &second, id, &eve).await.may_decide, Err(Barred::EarlierStage));
    let refused = revoke(&world, &second, about_eve).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    assert!(of_session(&world, eve.session).await.is_some());
    revoke(&world, &ada, about_eve).await.expect("somebody else");
}

#[tokio::test]
async fn whoever_decided_on_many_in_one_stage_does_not_in_the_next_with_a_second_account() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let second = joins(&world, &ada, SECOND, REVIEWER).await;
    let stages = [vec![GRACE], vec![SECOND, ADA]];
    let form = Form { name: "Twice", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let (review, about_eve) = (id.to_string(), item_of(&world, &ada, id, &eve).await.id.to_string());
    let items = [about_eve.as_str()];
    let many = async |who: &Somebody, sure| {
        let reviewer = may::<rights::ReviewsDecide>(&world, who).await;
        let (review, items, note, sure) = (review.as_str(), items.as_slice(), Some("Yearly"), Some(sure));
        let form = ManyForm { review, items, decision: "revoke", note, sure, ..ManyForm::default() };
        reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await
    };
    assert_eq!(many(&grace, 1).await.expect("the first stage").decided, 1);
    let again = many(&second, 0).await.expect("nothing");
    assert_eq!((again.decided, again.left_out), (0, vec![(Barred::EarlierStage, 1)]));
    let refused = many(&second, 1).await;
    assert!(matches!(refused, Err(Refusal::Unconfirmed(0, _))), "{refused:?}");
    assert!(of_session(&world, eve.session).await.is_some());
    assert_eq!(many(&ada, 1).await.expect("somebody else").decided, 1);
    assert!(of_session(&world, eve.session).await.is_none());
}

#[tokio::test]
async fn a_remark_stands_at_its_item_with_whoever_left_it_until_the_review_is_closed() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &eve).await.id;
    let text = item.to_string();
    for (who, said) in [(&ada, "Does she still need it?"), (&grace, "Until March")] {
        let reviewer = may::<rights::ReviewsDecide>(&world, who).await;
        reviews::comment(&reviewer, world.accounts(), &text, said, &here(), world.now).await.expect("a remark");
        let empty = reviews::comment(&reviewer, world.accounts(), &text, "  ", &here(), world.now).await;
        assert!(matches!(empty, Err(Refusal::Field("text", _))), "{empty:?}");
    }
    let reader = may::<rights::ReviewsRead>(&world, &grace).await;
    let remarks = reviews::remarks(&reader, world.accounts(), item).await.expect("remarks");
    let mut said: Vec<_> = remarks.iter().map(|remark| (remark.who.as_str(), remark.text.as_str())).collect();
    said.sort_unstable();
    assert_eq!(said, [("Ada Lovelace", "Does she still need it?"), ("Grace Hopper", "Until March")]);
    let found = item_of(&world, &ada, id, &eve).await;
    assert_eq!((found.remarks, found.decision), (2, None));
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
    let late = reviews::comment(&reviewer, world.accounts(), &text, "Too late", &here(), world.now).await;
    assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
}

/// What the page says that somebody is asked about, and what a list of exactly that shows.
pub async fn mine(world: &World, who: &Somebody, review: uuid::Uuid) -> u64 {
    let who = who.again(world).await;
    let reader = may::<rights::ReviewsRead>(world, &who).await;
    let narrowing = reviews::Narrowing { mine: true, ..reviews::Narrowing::default() };
    let page = reviews::items(&reader, world.accounts(), review, &narrowing, None, world.now).await.expect("database");
    let listed = page.expect("the review").items.len() as u64;
    let counted = campaign(world, &who, review).await.mine;
    assert_eq!(counted, listed, "{}", who.email);
    counted
}

#[tokio::test]
async fn the_number_that_one_is_asked_about_is_that_of_the_list() {
    let world = World::with(profile("aertous", &[])).await;
    let (ada, grace, eve) = bench(&world).await;
    let everybody = review(&world, &ada).await;
    for who in [&ada, &grace, &eve] {
        assert_eq!(mine(&world, who, everybody).await, 2);
    }
    let about_eve = item_of(&world, &ada, everybody, &eve).await.id;
    revoke(&world, &grace.again(&world).await, about_eve).await.expect("revoked");
    assert_eq!((mine(&world, &ada, everybody).await, mine(&world, &grace, everybody).await), (1, 1));

    let eve = joins_as(&world, &ada, "rosa@acme.example", REVIEWER, "Rosa").await;
    let stages = [vec![GRACE], vec!["rosa@acme.example"]];
    let form = Form { name: "By stages", due: DUE, reviewers: &stages, fallback: Some(ADA), ..Form::default() };
    let staged = open(&world, &ada, &form).await.expect("open");
    let before =
        (mine(&world, &ada, staged).await, mine(&world, &grace, staged).await, mine(&world, &eve, staged).await);
    // Grace's own access is for the fallback; the second stage has not come.
    assert_eq!(before, (1, 2, 0));
    let reviewer = may::<rights::ReviewsDecide>(&world, &grace.again(&world).await).await;
    reviews::delegate(&reviewer, world.accounts(), &staged.to_string(), Some("rosa@acme.example"), &here(), world.now)
        .await
        .expect("delegated");
    assert!(mine(&world, &eve, staged).await > 0);
    let about_ada = item_of(&world, &ada, staged, &ada).await.id;
    decide(&world, &grace.again(&world).await, about_ada, "keep", None, Some("Needed")).await.expect("keep");
    for who in [&ada, &grace, &eve] {
        mine(&world, who, staged).await;
    }
}
