//! What hangs on a membership that goes: said before it is decided, and explained afterwards.

use server::guard::rights;
use server::organisations::members;
use server::reviews::{self, Along, Decision, Form, Item, Kind, Outcome, State, Status};
use server::testing::World;

use super::*;

/// Ada, Grace who is let to a unit, and a review.
async fn reaching(mode: &str, plain: &str, form: &Form<'_>) -> (World, Somebody, Somebody, Uuid) {
    let world = world(mode).await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, plain).await;
    let unit = unit(&world, &ada, "North").await;
    let manager = may::<rights::UnitsManage>(&world, &ada).await;
    let target = (Some(unit.as_str()), None);
    members::grant_reach(&manager, world.accounts(), &grace.id(), target, &here(), world.now).await.expect("reach");
    let id = open(&world, &ada, form).await.expect("open");
    (world, ada, grace, id)
}

/// Grace's membership, and what hangs on it.
async fn two(world: &World, ada: &Somebody, id: Uuid, grace: &Somebody) -> (Item, Item) {
    let all = items(world, ada, id).await;
    let of = |kind: Kind| all.iter().find(|item| item.account == Some(grace.account.0) && item.kind == kind).cloned();
    (of(Kind::Membership).expect("a membership"), of(Kind::Reach).expect("a reach"))
}

async fn close(world: &World, by: &Somebody, id: Uuid) -> Outcome {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close")
}

async fn keep(world: &World, by: &Somebody, item: &Item) {
    decide(world, by, item.id, "keep", None, None).await.expect("keep");
}

async fn drifts(world: &World, by: &Somebody, id: Uuid) -> usize {
    let reader = may::<rights::ReviewsRead>(world, by).await;
    reviews::drift(&reader, world.accounts(), id).await.expect("database").len()
}

fn forms() -> [Form<'static>; 2] {
    ["at_once", "at_close"].map(|effect| Form { name: "Yearly", due: DUE, effect, ..Form::default() })
}

#[tokio::test]
async fn what_was_kept_and_hung_on_a_revoked_membership_ended_with_it_and_the_review_closes() {
    for (mode, plain) in MODES {
        for form in forms() {
            for reach_first in [true, false] {
                let (world, ada, grace, id) = reaching(mode, plain, &form).await;
                let (membership, reach) = two(&world, &ada, id, &grace).await;
                if reach_first {
                    keep(&world, &ada, &reach).await;
                }
                revoke(&world, &ada, membership.id).await.expect("revoke");
                let ada = ada.again(&world).await;
                if !reach_first {
                    keep(&world, &ada, &reach).await;
                }
                let which = format!("{mode}, {}, {reach_first}", form.effect);
                assert_eq!(drifts(&world, &ada, id).await, 0, "{which}");
                let outcome = close(&world, &ada, id).await;
                assert_eq!((outcome.counts.keep, outcome.counts.revoke, outcome.counts.ended), (2, 1, 1), "{which}");
                let (membership, reach) = two(&world, &ada, id, &grace).await;
                assert_eq!(membership.state, State::Applied, "{which}");
                // What the reviewer said stays what they said.
                let said = (reach.decision, reach.decided_by.as_deref(), reach.state);
                assert_eq!(said, (Some(Decision::Keep), Some("Ada Lovelace"), State::Ended), "{which}");
                assert_eq!(campaign(&world, &ada, id).await.status, Status::Closed, "{which}");
            }
        }
    }
}

#[tokio::test]
async fn before_somebody_decides_it_is_said_what_goes_with_a_membership() {
    let [_, form] = forms();
    let (world, ada, grace, id) = reaching("aertous", "Employee", &form).await;
    let along = async || {
        let (membership, reach) = two(&world, &ada, id, &grace).await;
        (membership.along, reach.along)
    };
    let nothing = Along::default();
    assert_eq!(along().await, (Along { goes: 1, ..nothing }, nothing));
    let (membership, reach) = two(&world, &ada, id, &grace).await;
    keep(&world, &ada, &reach).await;
    assert_eq!(along().await, (Along { goes: 1, kept: 1, ends: false }, nothing));
    revoke(&world, &ada, membership.id).await.expect("revoke");
    assert_eq!(along().await.1, Along { ends: true, ..nothing });
    let own = item_of(&world, &ada, id, &ada).await.along;
    assert_eq!(own, nothing, "nothing hangs on Ada's");
}

#[tokio::test]
async fn what_was_kept_and_is_gone_for_another_reason_still_has_to_be_settled() {
    let [form, _] = forms();
    let (world, ada, grace, id) = reaching("aertous", "Employee", &form).await;
    let (membership, reach) = two(&world, &ada, id, &grace).await;
    keep(&world, &ada, &reach).await;
    keep(&world, &ada, &membership).await;
    world.tamper("delete from reach").await;
    assert_eq!(drifts(&world, &ada, id).await, 1);
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let refused = reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await;
    assert!(matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("is gone")), "{refused:?}");
}

#[tokio::test]
async fn decided_together_it_ends_as_well_and_the_auditor_reads_it_in_the_archive() {
    let [form, _] = forms();
    let (world, ada, grace, id) = reaching("aertous", "Employee", &form).await;
    let (membership, reach) = two(&world, &ada, id, &grace).await;
    revoke(&world, &ada, membership.id).await.expect("revoke");
    let reviewer = may::<rights::ReviewsDecide>(&world, &ada).await;
    let (review, item) = (id.to_string(), reach.id.to_string());
    let items = [item.as_str()];
    let form =
        reviews::ManyForm { review: &review, items: &items, decision: "keep", sure: Some(1), ..Default::default() };
    reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await.expect("kept");
    assert_eq!(two(&world, &ada, id, &grace).await.1.state, State::Ended);
    close(&world, &ada, id).await;
    let said = archived::holds(&archived::archive(&world, &ada, id).await);
    assert!(said.contains("3 items"), "{said}");
    let lines = archived::part(&world, &ada, id, "items.jsonl").await;
    let line = lines.lines().find(|line| line.contains(&item)).expect("the item");
    assert!(line.contains("\"decision\":\"keep\"") && line.contains("\"state\":\"ended\""), "{line}");
    let table = archived::part(&world, &ada, id, "items.csv").await;
    assert!(table.lines().any(|line| line.starts_with(&item) && line.contains(",ended,")), "{table}");
    let report = archived::part(&world, &ada, id, "report.json").await;
    assert!(report.contains("\"ended\": 1"), "{report}");
    let printed = archived::part(&world, &ada, id, "report.html").await;
    assert!(printed.contains("Kept, and ended with the membership</th><td>1<"), "{printed}");
}
