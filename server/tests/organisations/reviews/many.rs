//! Many at once: the same rules, an entry for each, and a guard before it.

use server::audit::view;
use server::guard::rights;
use server::identity::Refusal;
use server::reviews::{self, Advice, Barred, Many, ManyForm, Narrowing};
use server::testing::World;
use uuid::Uuid;

use super::*;

pub async fn many(
    world: &World,
    by: &Somebody,
    review: Uuid,
    decision: &str,
    sure: Option<u64>,
) -> Result<Many, Refusal> {
    let reviewer = may::<rights::ReviewsDecide>(world, by).await;
    let review = review.to_string();
    let form = ManyForm { review: &review, decision, note: Some("Yearly"), sure, ..ManyForm::default() };
    reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await
}

#[tokio::test]
async fn many_are_decided_at_once_but_ones_own_and_each_has_its_entries() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        world.crowd(ada.tenant, 40, &[plain]).await;
        let id = review(&world, &ada).await;
        let done = many(&world, &ada, id, "revoke", Some(40)).await.expect("revoke");
        assert_eq!((done.decided, done.left_out.as_slice()), (40, [(Barred::Own, 1)].as_slice()), "{mode}");
        assert_eq!(campaign(&world, &ada, id).await.counts.applied, 40, "{mode}");
        let auditor = may::<rights::AuditRead>(&world, &ada).await;
        let query = view::Query { action: Some("member-offboarded".into()), ..view::Query::default() };
        let entries = view::list(&auditor, world.accounts(), &query).await.expect("log");
        assert_eq!(entries.lines.len(), 40, "{mode}");
        let walked = server::audit::heads::verify(&world.operator(), world.accounts(), ada.tenant).await;
        assert!(matches!(walked, Ok(server::audit::heads::Walked::Holds { .. })), "{mode}: {walked:?}");
    }
}

#[tokio::test]
async fn the_number_that_was_shown_has_to_be_the_number_that_it_is() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.crowd(ada.tenant, 3, &["Employee"]).await;
    let id = review(&world, &ada).await;
    for sure in [None, Some(2), Some(4)] {
        let refused = many(&world, &ada, id, "keep", sure).await;
        assert!(matches!(&refused, Err(Refusal::Unconfirmed(3, _))), "{refused:?}");
    }
    assert_eq!(campaign(&world, &ada, id).await.counts.pending, 4);
}

#[tokio::test]
async fn what_was_decided_together_and_not_done_can_be_taken_back_together() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.crowd(ada.tenant, 5, &["Employee"]).await;
    let id = review(&world, &ada).await;
    let done = many(&world, &ada, id, "keep", Some(5)).await.expect("keep");
    let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
    let (review, act) = (id.to_string(), done.act.to_string());
    let back = reviews::undo_act(&reviewer, world.accounts(), &review, &act, &here(), world.now).await;
    assert_eq!(back.expect("undo"), 5);
    assert_eq!(campaign(&world, &ada, id).await.counts.pending, 6);
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    world.crowd(ada.tenant, 120, &["Employee", "Contractor"]).await;
    let id = review(&world, &ada).await;
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let narrowing = Narrowing { undecided: true, advice: Some(Advice::Keep), ..Narrowing::default() };
        let page = reviews::items(&reader, world.accounts(), id, &narrowing, after, world.now).await.expect("database");
        let page = page.expect("the review");
        seen.extend(page.items.iter().map(|item| item.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 121);
    assert!(seen.is_sorted());
}
