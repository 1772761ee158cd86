//! Who may what, who may give it, and who is never left without an administrator.

use contract::permission::Permission;
use server::guard::{Asks, Barred, rights};
use server::identity::Refusal;
use server::organisations::{members, ownership, roles};
use server::testing::{World, profile};

use crate::common::*;

async fn change(world: &World, by: &Somebody, member: &Somebody, role: &str) -> Result<(), Refusal> {
    let manager = may::<rights::MembersManage>(world, by).await;
    members::change_role(&manager, world.accounts(), &member.id(), role, &here(), world.now).await
}

async fn delete(world: &World, by: &Somebody, role: &str) -> Result<(), Refusal> {
    let remover = may::<rights::RolesManage>(world, by).await;
    roles::delete(&remover, world.accounts(), role, &here(), world.now).await
}

async fn create(world: &World, by: &Somebody, name: &str, words: &str) -> Result<(), Refusal> {
    let giver = may::<rights::RolesManage>(world, by).await;
    roles::create(&giver, world.accounts(), name, words, &here(), world.now).await
}

/// What somebody may, asked permission by permission.
async fn permitted(world: &World, who: &Somebody) -> Vec<Permission> {
    let caller = caller(world, who).await;
    let may = |permission: &Permission| caller.enters(&who.slug, *permission, Asks::ToSee).is_ok();
    Permission::ALL.iter().copied().filter(may).collect()
}

#[tokio::test]
async fn a_new_role_counts_from_the_next_request_on() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        assert!(matches!(try_may::<rights::MembersManage>(&world, &grace).await, Err(Barred::Forbidden)), "{mode}");
        role(&world, &ada, "Deputy", "organisation_read members_read members_manage").await;
        change(&world, &ada, &grace, "Deputy").await.expect("change");
        let grace = grace.again(&world).await;
        try_may::<rights::MembersManage>(&world, &grace).await.expect("may now");
        change(&world, &ada, &grace, plain).await.expect("change back");
        assert!(matches!(try_may::<rights::MembersManage>(&world, &grace).await, Err(Barred::Forbidden)), "{mode}");
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_do_not_have() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let manager = joins(&world, &ada, GRACE, "Manager").await;
    let employee = joins(&world, &ada, EVE, "Employee").await;
    for (member, role) in [(&employee, "CISO"), (&employee, "Auditor"), (&manager, "CISO"), (&ada, "Employee")] {
        let refused = change(&world, &manager, member, role).await;
        assert!(matches!(refused, Err(Refusal::Field("role", _))), "{} to {role}: {refused:?}", member.email);
    }
    change(&world, &manager, &employee, "Engineer").await.expect("a role below");
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        let refused = change(&world, &ada, &ada, plain).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{mode}: {refused:?}");
    }
}

#[tokio::test]
async fn two_administrators_who_demote_each_other_at_once_leave_one() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let first = world.profile.policy.sign_up.first_role.clone();
        let grace = joins(&world, &ada, GRACE, &first).await;
        // Both are administrators when they set out.
        let (of_ada, of_grace) = (may::<rights::MembersManage>(&world, &ada).await, may(&world, &grace).await);
        let (accounts, origin, ids) = (world.accounts(), here(), (ada.id(), grace.id()));
        let (one, two) = tokio::join!(
            members::change_role(&of_ada, accounts, &ids.1, plain, &origin, world.now),
            members::change_role(&of_grace, accounts, &ids.0, plain, &origin, world.now)
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{mode}: {one:?} {two:?}");
        let mut left = Vec::new();
        for somebody in [&ada, &grace] {
            left.push(try_may::<rights::MembersManage>(&world, somebody).await.is_ok());
        }
        assert_eq!(left.iter().filter(|may| **may).count(), 1, "{mode}");
    }
}

#[tokio::test]
async fn a_role_of_ones_own_names_each_permission_and_none_that_its_maker_lacks() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Deputy", "organisation_read members_read members_manage roles_manage").await;
    let deputy = joins(&world, &ada, GRACE, "Deputy").await;
    for words in ["audit_read", "organisation_read audit_read", "*", "all", "members_*", "", " , "] {
        let refused = create(&world, &deputy, "More", words).await;
        assert!(matches!(refused, Err(Refusal::Field("permissions", _))), "{words:?}: {refused:?}");
    }
    for name in ["Deputy", "deputy", "ciso", "", &"x".repeat(65)] {
        let refused = create(&world, &deputy, name, "organisation_read").await;
        assert!(matches!(refused, Err(Refusal::Field("name", _))), "{name:?}: {refused:?}");
    }
    create(&world, &deputy, "Less", "organisation_read,members_read").await.expect("a part of it");
}

#[tokio::test]
async fn whoever_holds_a_role_of_ones_own_may_exactly_what_it_says() {
    use Permission::{AuditRead, OrganisationRead, RecordsDelete};
    for (mode, _) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        role(&world, &ada, "Odd one", "records_delete audit_read organisation_read").await;
        let grace = joins(&world, &ada, GRACE, "Odd one").await;
        assert_eq!(permitted(&world, &grace).await, [OrganisationRead, RecordsDelete, AuditRead], "{mode}");
    }
}

#[tokio::test]
async fn a_role_is_not_removed_while_somebody_has_it_or_is_invited_to_it() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Guest", "organisation_read").await;
    invite(&world, &ada, GRACE, "Guest").await.expect("invite");
    let invited = delete(&world, &ada, "Guest").await;
    assert!(matches!(invited, Err(Refusal::Conflict(_))), "{invited:?}");
    let token = token_to(&world, GRACE).await;
    answer(&world, None, &token, "Grace").await.expect("accept");
    let held = delete(&world, &ada, "Guest").await;
    assert!(matches!(held, Err(Refusal::Conflict(_))), "{held:?}");
    let grace = enters(&world, GRACE, None).await;
    change(&world, &ada, &grace, "Employee").await.expect("change");
    delete(&world, &ada, "Guest").await.expect("nobody has it");
    let of_profile = delete(&world, &ada, "Auditor").await;
    assert!(matches!(of_profile, Err(Refusal::Field("role", _))), "{of_profile:?}");
}

#[tokio::test]
async fn a_role_that_is_gone_permits_nothing_and_its_holder_can_still_be_given_another() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        role(&world, &ada, "Guest", "organisation_read records_read").await;
        let grace = joins(&world, &ada, GRACE, "Guest").await;
        world.tamper("delete from custom_role").await;
        assert_eq!(permitted(&world, &grace).await, [], "{mode}");
        change(&world, &ada, &grace, plain).await.expect("another role");
    }
}

#[tokio::test]
async fn an_organisation_is_handed_over_with_ones_own_role() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let owner = may::<rights::OrganisationManage>(&world, &ada).await;
        let itself = ownership::transfer(&owner, world.accounts(), &ada.id(), plain, &here(), world.now).await;
        assert!(matches!(itself, Err(Refusal::Field("member", _))), "{mode}: {itself:?}");
        ownership::transfer(&owner, world.accounts(), &grace.id(), plain, &here(), world.now).await.expect("transfer");
        assert_eq!(permitted(&world, &grace.again(&world).await).await, Permission::ALL, "{mode}");
        assert!(!permitted(&world, &ada).await.contains(&Permission::MembersManage), "{mode}");
    }
}

#[tokio::test]
async fn whoever_hands_over_takes_nothing_from_somebody_who_may_more() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Figurehead", "organisation_read organisation_manage").await;
    let figurehead = joins(&world, &ada, GRACE, "Figurehead").await;
    let owner = may::<rights::OrganisationManage>(&world, &figurehead).await;
    let refused = ownership::transfer(&owner, world.accounts(), &ada.id(), "Employee", &here(), world.now).await;
    assert!(matches!(refused, Err(Refusal::Field("role", _))), "{refused:?}");
    assert_eq!(permitted(&world, &ada).await, Permission::ALL);
}

#[tokio::test]
async fn a_role_of_ones_own_that_the_profile_overtakes_permits_nothing_is_told_and_can_be_removed() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Deputy", "organisation_read members_manage").await;
    let told = async |world: &World| roles::hidden(&world.operator(), &world.profile).await.expect("told");
    assert!(told(&world).await.is_empty());
    let newer = (
        "[roles.Employee]",
        "[roles.Deputy]\nprivileged = false\nmfa = true\ngrants = [\"organisation_read\"]\n\n[roles.Employee]",
    );
    world.follows(profile("aertous", &[newer]));
    assert_eq!(told(&world).await, vec![(ada.slug.clone(), "Deputy".to_owned())]);
    let reader = may::<rights::OrganisationRead>(&world, &ada).await;
    let named: Vec<_> = roles::list(&reader, world.accounts()).await.expect("roles");
    let named: Vec<_> = named.into_iter().filter(|role| role.name == "Deputy").collect();
    let permits: Vec<_> = named.iter().map(|role| (role.whose, role.permissions.len())).collect();
    assert_eq!(permits, [(roles::Whose::Profile, 1), (roles::Whose::Hidden, 0)]);
    // It goes although somebody has the profile's role of this name.
    joins(&world, &ada, GRACE, "Deputy").await;
    delete(&world, &ada, "Deputy").await.expect("removed");
    assert!(told(&world).await.is_empty());
}
