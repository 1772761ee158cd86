//! Who decides, who does not, and what a decision does.

use server::guard::rights;
use server::identity::Refusal;
use server::organisations::{leaving, members};
use server::reviews::{self, Form, State};

use super::*;

/// A role that decides in reviews, made for the test where the profile has none but the founder's.
pub const REVIEWER: &str = "Reviewer";
pub const REVIEWS: &str = "organisation_read members_read reviews_read reviews_decide";

#[tokio::test]
async fn a_revoke_is_the_removal_and_the_next_request_is_refused() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let id = review(&world, &ada).await;
        let item = item_of(&world, &ada, id, &grace).await;
        assert!(of_session(&world, grace.session).await.is_some(), "{mode}");
        revoke(&world, &ada, item.id).await.expect("revoke");
        assert!(of_session(&world, grace.session).await.is_none(), "{mode}");
        let item = item_of(&world, &ada, id, &grace).await;
        assert_eq!(item.state, State::Applied, "{mode}");
        assert_eq!(item.note.as_deref(), Some("Not needed any more"), "{mode}");
    }
}

#[tokio::test]
async fn nobody_decides_on_their_own_access() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let id = review(&world, &ada).await;
    let own = item_of(&world, &ada, id, &ada).await;
    assert_eq!(own.may_decide, Err(server::reviews::Barred::Own));
    let refused = decide(&world, &ada, own.id, "keep", None, Some("Of course")).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn a_second_account_of_the_same_mailbox_is_nobody_else() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let second = joins(&world, &ada, "ada+second@acme.example", REVIEWER).await;
    let id = review(&world, &ada).await;
    let own = item_of(&world, &second, id, &ada).await;
    let refused = decide(&world, &second, own.id, "keep", None, Some("Of course")).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn of_two_who_decide_the_second_is_told_what_the_first_decided() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(&world, &ada, GRACE, REVIEWER).await;
    let eve = joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &eve).await.id;
    let (one, other) = tokio::join!(revoke(&world, &ada, item), decide(&world, &grace, item, "keep", None, None));
    let said = match (&one, &other) {
        (Ok(()), Err(Refusal::Conflict(said))) | (Err(Refusal::Conflict(said)), Ok(())) => said.clone(),
        _ => unreachable!("{one:?} {other:?}"),
    };
    let winner = if one.is_ok() { "decided to revoke" } else { "decided to keep" };
    assert!(said.contains(winner), "{said}");
}

#[tokio::test]
async fn what_is_taken_away_needs_a_reason() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    let refused = decide(&world, &ada, item, "revoke", None, Some("  ")).await;
    assert!(matches!(refused, Err(Refusal::Field("note", _))), "{refused:?}");
}

#[tokio::test]
async fn a_second_stage_decides_what_the_first_proposed() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, REVIEWER, REVIEWS).await;
    let grace = joins(&world, &ada, GRACE, REVIEWER).await;
    let eve = joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    let stages = [vec![GRACE], vec![ADA]];
    let form = Form { name: "Twice", due: DUE, reviewers: &stages, ..Form::default() };
    let id = open(&world, &ada, &form).await.expect("open");
    let item = item_of(&world, &ada, id, &eve).await.id;
    let early = revoke(&world, &ada, item).await;
    assert!(matches!(early, Err(Refusal::Conflict(_))), "{early:?}");
    revoke(&world, &grace, item).await.expect("the first stage");
    assert!(of_session(&world, eve.session).await.is_some());
    let again = revoke(&world, &grace, item).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    let between = item_of(&world, &ada, id, &eve).await;
    assert_eq!((between.stage, between.votes.len(), between.decision), (2, 1, None));
    revoke(&world, &ada, item).await.expect("the second stage");
    assert!(of_session(&world, eve.session).await.is_none());
}

#[tokio::test]
async fn a_role_that_permits_much_is_given_with_a_reason() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let item = item_of(&world, &ada, id, &grace).await.id;
    let refused = decide(&world, &ada, item, "change", Some("CISO"), None).await;
    assert!(matches!(refused, Err(Refusal::Field("note", _))), "{refused:?}");
    decide(&world, &ada, item, "change", Some("CISO"), Some("Takes over")).await.expect("with a reason");
}

#[tokio::test]
async fn what_is_gone_is_neither_kept_nor_changed_and_does_not_count_as_gone_by_other_ways_where_it_went_along() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let (grace, eve) = (joins(&world, &ada, GRACE, "Employee").await, joins(&world, &ada, EVE, "Employee").await);
    let north = unit(&world, &ada, "North").await;
    let units = may::<rights::UnitsManage>(&world, &ada).await;
    let target = (Some(north.as_str()), None);
    members::grant_reach(&units, world.accounts(), &eve.id(), target, &here(), world.now).await.expect("reach");
    let id = review(&world, &ada).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
    let item = item_of(&world, &ada, id, &grace).await.id;
    let refused = decide(&world, &ada, item, "keep", None, None).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("gone already")), "{refused:?}");
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    assert_eq!(reviews::since(&reader, id).await.expect("since").gone, 1);
    revoke(&world, &ada, item_of(&world, &ada, id, &eve).await.id).await.expect("revoke");
    assert_eq!(reviews::since(&reader, id).await.expect("since").gone, 1, "that one went by a decision");
}
