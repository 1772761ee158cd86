//! In a review nobody takes away more than they have themselves, as on the page of the members.

use server::guard::rights;
use server::identity::Refusal;
use server::reviews::{self, Barred, Form, ManyForm};

use super::deciding::{REVIEWER, REVIEWS};
use super::*;

#[tokio::test]
async fn whoever_may_less_than_an_owner_neither_revokes_nor_changes_the_owner_and_is_told_who_can() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        role(&world, &ada, REVIEWER, REVIEWS).await;
        let grace = joins(&world, &ada, GRACE, REVIEWER).await;
        joins_as(&world, &ada, EVE, REVIEWER, "Eve").await;
        let id = review(&world, &ada).await;
        let (owner, eve) = (item_of(&world, &ada, id, &ada).await, items(&world, &ada, id).await);
        let eve = eve.into_iter().find(|item| item.address == EVE).expect("Eve's");
        let most = owner.role.clone().expect("a role");
        for (decision, role) in [("revoke", None), ("change", Some(REVIEWER))] {
            let refused = decide(&world, &grace, owner.id, decision, role, Some("No")).await;
            assert!(
                matches!(&refused, Err(Refusal::Conflict(said)) if said.contains(&format!("one of these roles can: {most}."))),
                "{mode} {decision}: {refused:?}"
            );
        }
        let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
        let (review, both) = (id.to_string(), [owner.id.to_string(), eve.id.to_string()]);
        let both = both.each_ref().map(String::as_str);
        let form = ManyForm {
            review: &review,
            items: &both,
            decision: "revoke",
            note: Some("No"),
            sure: Some(1),
            ..ManyForm::default()
        };
        let many = reviews::decide_many(&reviewer, world.accounts(), &form, &here(), world.now).await.expect("one");
        assert_eq!((many.decided, many.left_out), (1, vec![(Barred::Beyond, 1)]), "{mode}");
        decide(&world, &grace, owner.id, "keep", None, Some("Needed")).await.expect("to keep takes nothing away");
    }
}

#[tokio::test]
async fn silence_takes_nobody_away_who_may_more_than_whoever_closes() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        role(&world, &ada, "Closer", &format!("{REVIEWS} reviews_manage")).await;
        let grace = joins(&world, &ada, GRACE, "Closer").await;
        let most = item_of(&world, &ada, review(&world, &ada).await, &ada).await.role.expect("a role");
        joins_as(&world, &ada, EVE, &most, "Eve").await;
        let form = Form { name: "Silent", due: DUE, silence: "revoke", ..Form::default() };
        let id = open(&world, &grace, &form).await.expect("open");
        for who in [&ada, &grace] {
            let item = item_of(&world, &ada, id, who).await.id;
            let by = if who.account == ada.account { &grace } else { &ada };
            decide(&world, by, item, "keep", None, Some("Needed")).await.expect("keep");
        }
        let close = async |by: &Somebody| {
            let manager = may::<rights::ReviewsManage>(&world, by).await;
            reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await
        };
        let refused = close(&grace).await;
        assert!(
            matches!(&refused, Err(Refusal::Conflict(said)) if said.contains("may more than yours")),
            "{mode}: {refused:?}"
        );
        assert_eq!(close(&ada).await.expect("close").counts.revoke, 1, "{mode}");
    }
}
