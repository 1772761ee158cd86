//! Asking somebody to join, and joining.

use server::guard::rights;
use server::identity::Refusal;
use server::organisations::{invitations, members, units};
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use crate::common::*;

/// The id of the one invitation that waits.
async fn waiting(world: &World, by: &Somebody) -> Uuid {
    let pending = invitations::list(&may::<rights::MembersRead>(world, by).await, world.accounts()).await;
    let pending = pending.expect("invitations");
    assert_eq!(pending.len(), 1, "{pending:?}");
    pending[0].id
}

async fn members_of(world: &World, by: &Somebody) -> usize {
    let reader = may::<rights::MembersRead>(world, by).await;
    members::list(&reader, world.accounts(), &members::Query::default()).await.expect("members").members.len()
}

fn is_dead(answered: &Result<(), Refusal>) -> bool {
    matches!(answered, Err(Refusal::Field("token", _)))
}

#[tokio::test]
async fn somebody_without_an_account_joins_by_the_link_in_the_role_of_the_invitation() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let caller = caller(&world, &grace).await;
        let belongs = &caller.person().belongs;
        assert_eq!((belongs.len(), belongs[0].role.as_str(), belongs[0].tenant), (1, *plain, ada.tenant), "{mode}");
        assert_eq!(members_of(&world, &ada).await, 2, "{mode}");
    }
}

#[tokio::test]
async fn somebody_with_an_account_joins_signed_in_and_belongs_to_both() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
        invite(&world, &ada, EVE, plain).await.expect("invite");
        let token = token_to(&world, EVE).await;
        let offer =
            invitations::offer(&world.visitor(), world.accounts(), None, &token, world.now).await.expect("offer");
        assert!(offer.is_some_and(|offer| offer.known && offer.organisation == "Analytical Engines"), "{mode}");
        let unknown = answer(&world, None, &token, "Eve").await;
        assert!(matches!(unknown, Err(Refusal::SignedOut)), "{mode}: {unknown:?}");

        let eve = caller(&world, &eve).await;
        answer(&world, Some(&eve), &token, "Eve").await.expect("accept");
        assert!(is_dead(&answer(&world, Some(&eve), &token, "Eve").await), "{mode}: the link is used up");
    }
}

#[tokio::test]
async fn an_invitation_is_for_its_own_address_only() {
    let world = world("aertous").await;
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let token = token_to(&world, GRACE).await;
    let stolen = answer(&world, Some(&caller(&world, &eve).await), &token, "Eve").await;
    assert!(matches!(stolen, Err(Refusal::Conflict(_))), "{stolen:?}");
    assert_eq!(members_of(&world, &ada).await, 1);
}

#[tokio::test]
async fn a_personal_address_is_no_more_invited_than_it_may_sign_up() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    for email in ["ada@gmail.com", "ada+work@GMail.com", "ada@mail.yahoo.com", "ada@proton.me."] {
        let refused = invite(&world, &ada, email, "Employee").await;
        assert!(matches!(refused, Err(Refusal::Field("email", _))), "{email}: {refused:?}");
    }
}

#[tokio::test]
async fn nobody_invites_to_a_role_that_may_more_than_theirs() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let manager = joins(&world, &ada, GRACE, "Manager").await;
    for role in ["CISO", "Auditor", "No such role"] {
        let refused = invite(&world, &manager, "eve@acme.example", role).await;
        assert!(matches!(refused, Err(Refusal::Field("role", _))), "{role}: {refused:?}");
    }
    invite(&world, &manager, "eve@acme.example", "Employee").await.expect("a role below");
}

#[tokio::test]
async fn whoever_is_a_member_or_invited_is_not_invited_again() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    let member = invite(&world, &ada, "GRACE@acme.example", "Employee").await;
    assert!(matches!(member, Err(Refusal::Conflict(_))), "{member:?}");
    invite(&world, &ada, EVE, "Employee").await.expect("invite");
    let invited = invite(&world, &ada, EVE, "Auditor").await;
    assert!(matches!(invited, Err(Refusal::Conflict(_))), "{invited:?}");
}

#[tokio::test]
async fn an_invitation_sent_again_has_another_link_and_the_old_one_is_dead() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let old = token_to(&world, GRACE).await;
    let id = waiting(&world, &ada).await.to_string();
    let manager = may::<rights::MembersManage>(&world, &ada).await;

    world.now += Duration::seconds(10);
    invitations::resend(&manager, world.accounts(), &id, &here(), world.now).await.expect("resend");
    let new = token_to(&world, GRACE).await;
    assert!(is_dead(&answer(&world, None, &old, "Grace").await), "the old link");
    // Its time began anew.
    world.now += Duration::days(7) - Duration::seconds(1);
    answer(&world, None, &new, "Grace").await.expect("the new link");
}

#[tokio::test]
async fn a_withdrawn_invitation_has_no_link() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        invite(&world, &ada, GRACE, plain).await.expect("invite");
        let token = token_to(&world, GRACE).await;
        let id = waiting(&world, &ada).await.to_string();
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        invitations::withdraw(&manager, world.accounts(), &id, &here(), world.now).await.expect("withdraw");
        assert!(is_dead(&answer(&world, None, &token, "Grace").await), "{mode}");
        let again = invitations::withdraw(&manager, world.accounts(), &id, &here(), world.now).await;
        assert!(matches!(again, Err(Refusal::Field("invitation", _))), "{mode}: {again:?}");
    }
}

#[tokio::test]
async fn an_invitation_ends_with_its_time() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    invite(&world, &ada, GRACE, "Employee").await.expect("invite");
    let token = token_to(&world, GRACE).await;
    world.now += Duration::days(7);
    assert!(is_dead(&answer(&world, None, &token, "Grace").await));
}

#[tokio::test]
async fn a_link_that_two_use_at_once_lets_one_in() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        invite(&world, &ada, GRACE, plain).await.expect("invite");
        let token = token_to(&world, GRACE).await;
        let (one, two) = tokio::join!(answer(&world, None, &token, "Grace"), answer(&world, None, &token, "Hopper"));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{mode}: {one:?} {two:?}");
        assert_eq!(members_of(&world, &ada).await, 2, "{mode}");
    }
}

#[tokio::test]
async fn whoever_is_invited_to_a_unit_reaches_that_unit_only() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let (north, _south) = (unit(&world, &ada, "North").await, unit(&world, &ada, "South").await);
        let manager = may::<rights::MembersManage>(&world, &ada).await;
        let form = invitations::Form { email: GRACE, role: plain, unit: Some(&north) };
        invitations::invite(&manager, world.accounts(), &form, &here(), world.now).await.expect("invite");
        let token = token_to(&world, GRACE).await;
        answer(&world, None, &token, "Grace").await.expect("accept");
        let grace = may::<rights::OrganisationRead>(&world, &enters(&world, GRACE, None).await).await;
        assert!(!grace.here().reaches_all, "{mode}");
        let seen = units::list(&grace, world.accounts()).await.expect("units");
        assert!(seen.len() == 1 && seen[0].name == "North", "{mode}: {seen:?}");
    }
}

#[tokio::test]
async fn nobody_joins_what_is_closed_and_the_link_is_good_again_when_it_is_restored() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        invite(&world, &ada, GRACE, plain).await.expect("invite");
        let token = token_to(&world, GRACE).await;
        crate::closing::cancel(&world, &ada).await.expect("cancel");
        let refused = answer(&world, None, &token, "Grace Hopper").await;
        let Err(Refusal::NotKept(said)) = &refused else { unreachable!("{mode}: {refused:?}") };
        assert!(said.contains("Analytical Engines is closed"), "{mode}: {said}");
        assert_eq!(world.accounts_of_kind("person").await.len(), 1, "{mode}: and no account is made");

        world.now += time::Duration::minutes(2);
        let ada = ada.again(&world).await;
        crate::closing::restore(&world, &ada).await.expect("restore");
        answer(&world, None, &token, "Grace Hopper").await.expect("joined");
    }
}
