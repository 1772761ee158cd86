//! What nobody gets by a detour: more than a role has, access that outlives it, or somebody else's account.

use contract::permission::Permission;
use contract::standing::Standing;
use server::guard::{Asks, rights};
use server::identity::Refusal;
use server::organisations::{leaving, members, reset, standing, units};
use server::testing::World;

use crate::common::{GRACE, ada, answer, caller, here, invite, joins, may, role, token_to, try_may, unit, world};
use crate::operators::{OP, open, operator};

#[tokio::test]
async fn help_in_the_highest_role_decides_nothing_about_who_else_gets_in() {
    let world = world("aertous").await;
    let (ada, op) = (ada(&world).await, operator(&world, OP).await);
    open(&world, &ada, "CISO", "2").await.expect("open");
    let inside = op.again(&world).await.in_the_place_of(&ada);
    let as_op = caller(&world, &inside).await;
    for permission in Permission::ALL {
        let let_in = as_op.enters(&ada.slug, *permission, Asks::ToSee).is_ok();
        assert_eq!(let_in, !permission.administers(), "{permission:?}");
    }
}

#[tokio::test]
async fn an_operators_account_is_out_of_a_customers_reach() {
    let world = world("aertous").await;
    let (ada, op) = (ada(&world).await, operator(&world, OP).await);
    open(&world, &ada, "Employee", "2").await.expect("open");
    let actor = may::<rights::MfaReset>(&world, &ada).await;
    let taken = reset::member_mfa(&actor, world.accounts(), &op.id(), "because", &here(), world.now).await;
    assert!(matches!(taken, Err(Refusal::Conflict(_))), "{taken:?}");
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &op.id(), successor: None, at: None };
    let ended = leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await;
    assert!(matches!(ended, Err(Refusal::Conflict(_))), "{ended:?}");
    assert!(caller(&world, &op).await.person().enrolled);
}

#[tokio::test]
async fn whoever_reaches_only_some_records_gives_no_reach_and_invites_nobody() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let north = unit(&world, &ada, "North").await;
    role(&world, &ada, "Steward", "organisation_read members_read members_manage units_manage").await;
    let grace = joins(&world, &ada, GRACE, "Steward").await;
    let all = may::<rights::UnitsManage>(&world, &ada).await;
    let (accounts, origin) = (world.accounts(), here());
    members::grant_reach(&all, accounts, &grace.id(), (Some(&north), None), &origin, world.now)
        .await
        .expect("narrowed");

    let narrow = may::<rights::UnitsManage>(&world, &grace).await;
    let widened = members::grant_reach(&narrow, accounts, &grace.id(), (None, None), &origin, world.now).await;
    assert!(matches!(widened, Err(Refusal::Conflict(_))), "{widened:?}");
    let made = units::create(&narrow, accounts, "South", &origin, world.now).await;
    assert!(matches!(made, Err(Refusal::Conflict(_))), "{made:?}");
    let gone = units::delete(&narrow, accounts, &north, &origin, world.now).await;
    assert!(matches!(gone, Err(Refusal::Conflict(_))), "{gone:?}");
    let asked = invite(&world, &grace, "other@acme.example", "Employee").await;
    assert!(matches!(asked, Err(Refusal::Conflict(_))), "{asked:?}");
}

async fn manager_who_invited(world: &World) -> (crate::common::Somebody, crate::common::Somebody, String) {
    let ada = ada(world).await;
    let grace = joins(world, &ada, GRACE, "CISO").await;
    invite(world, &grace, "second@acme.example", "CISO").await.expect("invite");
    let token = token_to(world, "second@acme.example").await;
    (ada, grace, token)
}

#[tokio::test]
async fn an_invitation_does_not_outlive_the_right_of_whoever_made_it() {
    let world = world("aertous").await;
    let (ada, grace, token) = manager_who_invited(&world).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let demoted = members::change_role(&manager, world.accounts(), &grace.id(), "Employee", &here(), world.now).await;
    demoted.expect("demoted");
    let joined = answer(&world, None, &token, "Second").await;
    assert!(matches!(joined, Err(Refusal::Field("token", _))), "{joined:?}");
}

#[tokio::test]
async fn the_invitations_of_somebody_who_leaves_go_with_them_and_stand_on_the_receipt() {
    let world = world("aertous").await;
    let (ada, grace, token) = manager_who_invited(&world).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: None };
    leaving::offboard(&manager, world.accounts(), &form, &here(), world.now).await.expect("offboard");
    let joined = answer(&world, None, &token, "Second").await;
    assert!(matches!(joined, Err(Refusal::Field("token", _))), "{joined:?}");
    let reader = may::<rights::MembersRead>(&world, &ada).await;
    let listed = leaving::list(&reader, world.accounts(), 1).await.expect("departures");
    assert_eq!(listed[0].receipt.as_ref().map(|receipt| receipt.invitations), Some(1));
}

#[tokio::test]
async fn a_lapsed_organisation_takes_nobody_in_until_it_is_paid() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let token = token_to(&world, GRACE).await;
    let set =
        async |to| standing::set(&world.operator(), world.accounts(), &ada.slug, to, world.now).await.expect("set");
    set(Standing::Lapsed).await;
    let refused = answer(&world, None, &token, "Grace").await;
    assert!(matches!(refused, Err(Refusal::Lapsed)), "{refused:?}");
    set(Standing::Active).await;
    answer(&world, None, &token, "Grace").await.expect("joined");
}

#[tokio::test]
async fn a_change_that_waited_while_its_maker_was_demoted_is_refused() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "CISO").await;
    // The proof is from before, the change begins after.
    let waiting = may::<rights::MembersManage>(&world, &grace).await;
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    members::change_role(&manager, world.accounts(), &grace.id(), "Employee", &here(), world.now)
        .await
        .expect("demoted");
    let late = members::change_role(&waiting, world.accounts(), &ada.id(), "Employee", &here(), world.now).await;
    assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
    assert!(try_may::<rights::MembersManage>(&world, &ada).await.is_ok());
}
