//! The vendor's staff: few, outside of every organisation, let in by its hand for hours, and always in its log.

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::{ConnectionTrait, QueryResult};
use server::audit::{verify_platform, view};
use server::guard::{Asks, Barred, rights};
use server::identity::{Refusal, recovery};
use server::operators;
use server::organisations::{founding, help, members, standing, tell, upkeep};
use server::testing::World;
use time::Duration;

use crate::common::*;
use crate::entries::{Log, Row};

pub const OP: &str = "op@vendor.example";

/// One of the staff, all the way in.
pub async fn operator(world: &World, email: &str) -> Somebody {
    let (accounts, visitor) = (world.accounts(), world.visitor());
    let link = operators::add(&world.operator(), accounts, email, world.now).await.expect("a seat");
    let token = link.split("token=").nth(1).expect("a token");
    recovery::reset(&visitor, accounts, token, PASSWORD, &here(), world.now).await.expect("a password");
    enters(world, email, None).await
}

pub async fn open(world: &World, by: &Somebody, role: &str, hours: &str) -> Result<(), Refusal> {
    let giver = may::<rights::HelpGrant>(world, by).await;
    let form = help::Form { operator: OP, role, hours, reason: "The report is empty" };
    help::open(&giver, world.accounts(), &form, &here(), world.now).await
}

async fn last(world: &World, of: &Somebody) -> Row {
    Log::read(world, of.tenant).await.rows.pop().expect("an entry")
}

/// Of the platform's log: which organisation was looked at, and by whom.
async fn looked_at(world: &World) -> Vec<(String, String)> {
    let database = world.behind().await;
    let sql = "select subject, detail from platform_entry where action = 'organisation-looked-at' order by seq";
    let rows = database.query_all_raw(statement(&database, sql, Vec::new())).await.expect("entries");
    let text = |row: &QueryResult, at| row.try_get_by_index::<String>(at).expect("a text");
    rows.iter().map(|row| (text(row, 0), text(row, 1))).collect()
}

#[tokio::test]
async fn there_are_no_more_operators_than_the_profile_says() {
    let world = world("stratuslog").await;
    let (staff, accounts) = (world.operator(), world.accounts());
    for number in 0..3 {
        operators::add(&staff, accounts, &format!("op{number}@vendor.example"), world.now).await.expect("a seat");
    }
    let full = operators::add(&staff, accounts, "op3@vendor.example", world.now).await;
    assert!(matches!(full, Err(Refusal::Conflict(_))), "{full:?}");
    let seats = operators::seats(&staff, accounts).await.expect("seats");
    assert_eq!((seats.taken, seats.most), (3, Some(3)));
    operators::remove(&staff, accounts, "op0@vendor.example", world.now).await.expect("a free seat");
    operators::add(&staff, accounts, "op3@vendor.example", world.now).await.expect("a seat");
}

#[tokio::test]
async fn two_who_want_the_last_seat_at_once_get_one() {
    let world = world("stratuslog").await;
    let (staff, accounts) = (world.operator(), world.accounts());
    for number in 0..2 {
        operators::add(&staff, accounts, &format!("op{number}@vendor.example"), world.now).await.expect("a seat");
    }
    let (one, two) = tokio::join!(
        operators::add(&staff, accounts, "op2@vendor.example", world.now),
        operators::add(&staff, accounts, "op3@vendor.example", world.now)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn an_operator_belongs_to_nothing_makes_nothing_and_joins_nothing() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        let as_op = caller(&world, &op).await;
        assert!(as_op.person().is_operator && as_op.person().belongs.is_empty(), "{mode}");
        let barred = as_op.enters(&ada.slug, Permission::OrganisationRead, Asks::ToSee).err();
        assert_eq!(barred, Some(Barred::Unknown), "{mode}");

        let (visitor, accounts, origin) = (world.visitor(), world.accounts(), here());
        let signed_in = as_op.prove::<server::guard::rule::SignedIn>().expect("signed in");
        let made = founding::create(&signed_in, &visitor, accounts, "Own Engines", &origin, world.now).await;
        assert!(matches!(made, Err(Refusal::Conflict(_))), "{mode}: {made:?}");
        invite(&world, &ada, OP, plain).await.expect("the address is like any other");
        let token = token_to(&world, OP).await;
        let joined = answer(&world, Some(&as_op), &token, "Op").await;
        assert!(matches!(joined, Err(Refusal::Conflict(_))), "{mode}: {joined:?}");
        assert!(caller(&world, &op).await.person().belongs.is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn help_lets_in_with_exactly_its_role_until_its_hour_and_not_a_second_longer() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        open(&world, &ada, plain, "2").await.expect("open");
        let twice = open(&world, &ada, plain, "2").await;
        assert!(matches!(twice, Err(Refusal::Conflict(_))), "{mode}: {twice:?}");
        let inside = op.again(&world).await.in_the_place_of(&ada);
        let as_op = caller(&world, &inside).await;
        let may = |permission: &Permission| as_op.enters(&ada.slug, *permission, Asks::ToSee).is_ok();
        let permitted: std::collections::BTreeSet<_> = Permission::ALL.iter().copied().filter(may).collect();
        assert_eq!(permitted, world.profile.roles[*plain].grants, "{mode}");

        world.now += Duration::hours(2) - Duration::seconds(1);
        let inside = inside.again(&world).await;
        assert!(try_may::<rights::OrganisationRead>(&world, &inside).await.is_ok(), "{mode}: the last second");
        world.now += Duration::seconds(1);
        let over = try_may::<rights::OrganisationRead>(&world, &inside).await.err();
        assert_eq!(over, Some(Barred::Unknown), "{mode}: the hour");
        let round = upkeep::all(&world.operator(), world.accounts(), world.now).await.expect("upkeep");
        assert_eq!(round.help_ended, 1, "{mode}");
        let ended = last(&world, &ada).await;
        assert_eq!((ended.action.as_str(), ended.subject), ("help-ended", op.account.0), "{mode}");
    }
}

#[tokio::test]
async fn what_an_operator_does_inside_stands_in_the_log_as_an_operators() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        role(&world, &ada, "Reader", "organisation_read audit_read").await;
        open(&world, &ada, "Reader", "2").await.expect("open");
        let opened = last(&world, &ada).await;
        assert_eq!(
            (opened.action.as_str(), opened.actor, opened.subject),
            ("help-opened", ada.account.0, op.account.0)
        );
        let inside = op.again(&world).await.in_the_place_of(&ada);
        let reader = may::<rights::AuditRead>(&world, &inside).await;
        let form = view::Form::Csv;
        let all = (form, &view::Query::default());
        view::begin_export(&reader, world.accounts(), all, &here(), world.now).await.expect("taken along");
        let made = last(&world, &ada).await;
        assert_eq!((made.actor_kind.as_str(), made.actor), ("operator", op.account.0), "{mode}");
    }
}

#[tokio::test]
async fn help_ends_at_once_when_the_organisation_says_so() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        open(&world, &ada, plain, "72").await.expect("open");
        let inside = op.again(&world).await.in_the_place_of(&ada);
        let giver = may::<rights::HelpEnd>(&world, &ada).await;
        let grant = help::list(&giver, world.accounts(), 1).await.expect("help")[0].id.to_string();
        help::end(&giver, world.accounts(), &grant, &here(), world.now).await.expect("end");
        let after = try_may::<rights::OrganisationRead>(&world, &inside).await.err();
        assert_eq!(after, Some(Barred::Unknown), "{mode}");
        let again = help::end(&giver, world.accounts(), &grant, &here(), world.now).await;
        assert!(matches!(again, Err(Refusal::Field("grant", _))), "{mode}: {again:?}");
        open(&world, &ada, plain, "1").await.expect("and can be given anew");
    }
}

#[tokio::test]
async fn who_does_not_pay_can_still_show_the_vendor_out_and_let_nobody_in() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        role(&world, &ada, "Host", "organisation_read help_grant").await;
        let host = joins(&world, &ada, "host@acme.example", "Host").await;
        open(&world, &ada, plain, "72").await.expect("open");
        let (vendor, accounts) = (world.operator(), world.accounts());
        let reader = may::<rights::OrganisationRead>(&world, &ada).await;
        let grant = help::list(&reader, accounts, 1).await.expect("help")[0].id.to_string();
        standing::set(&vendor, accounts, &ada.slug, Standing::Lapsed, world.now).await.expect("set");
        let barred = Some(Barred::Lapsed(ada.slug.clone()));
        let inside = op.again(&world).await.in_the_place_of(&ada);
        assert!(try_may::<rights::OrganisationRead>(&world, &inside).await.is_ok(), "{mode}");
        for giver in [&ada, &host] {
            assert_eq!(try_may::<rights::HelpGrant>(&world, giver).await.err(), barred, "{mode}");
        }
        let ender = may::<rights::HelpEnd>(&world, &host).await;
        help::end(&ender, accounts, &grant, &here(), world.now).await.expect("end");
        let after = try_may::<rights::OrganisationRead>(&world, &inside).await.err();
        assert_eq!(after, Some(Barred::Unknown), "{mode}");
    }
}

#[tokio::test]
async fn help_is_given_to_staff_for_1_to_72_hours_in_a_role_within_ones_own() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    operator(&world, OP).await;
    for hours in ["0", "73", "-1", "1.5", "", "for ever"] {
        let refused = open(&world, &ada, "Employee", hours).await;
        assert!(matches!(refused, Err(Refusal::Field("hours", _))), "{hours:?}: {refused:?}");
    }
    let giver = may::<rights::HelpGrant>(&world, &ada).await;
    for nobody in [GRACE, ADA, "nobody@vendor.example"] {
        let form = help::Form { operator: nobody, role: "Employee", hours: "1", reason: "Help" };
        let refused = help::open(&giver, world.accounts(), &form, &here(), world.now).await;
        assert!(matches!(refused, Err(Refusal::Field("operator", _))), "{nobody}: {refused:?}");
    }
    role(&world, &ada, "Host", "organisation_read help_grant").await;
    let host = joins(&world, &ada, "host@acme.example", "Host").await;
    let above = open(&world, &host, "Auditor", "1").await;
    assert!(matches!(above, Err(Refusal::Field("role", _))), "{above:?}");
}

#[tokio::test]
async fn help_is_no_membership_to_be_changed_or_inherited() {
    let world = world("aertous").await;
    let (ada, op) = (ada(&world).await, operator(&world, OP).await);
    open(&world, &ada, "Employee", "2").await.expect("open");
    let manager = may::<rights::MembersManage>(&world, &ada).await;
    let changed = members::change_role(&manager, world.accounts(), &op.id(), "CISO", &here(), world.now).await;
    assert!(matches!(changed, Err(Refusal::Conflict(_))), "{changed:?}");
}

#[tokio::test]
async fn an_operator_whose_seat_is_taken_away_is_out_also_where_they_help() {
    let world = world("aertous").await;
    let (ada, op) = (ada(&world).await, operator(&world, OP).await);
    open(&world, &ada, "Employee", "72").await.expect("open");
    operators::remove(&world.operator(), world.accounts(), OP, world.now).await.expect("remove");
    assert!(of_session(&world, op.session).await.is_none());
}

#[tokio::test]
async fn an_operator_who_looks_is_in_both_logs() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        let staff = caller(&world, &op).await.staff().expect("staff");
        let seen = operators::look_at(&staff, world.accounts(), &ada.slug, &here(), world.now).await.expect("look");
        assert_eq!(seen.map(|customer| customer.name).as_deref(), Some("Analytical Engines"), "{mode}");
        let entry = last(&world, &ada).await;
        let entry = (entry.action.as_str(), entry.actor_kind.as_str(), entry.actor);
        assert_eq!(entry, ("operator-looked", "operator", op.account.0), "{mode}");
        assert_eq!(looked_at(&world).await, [(ada.tenant.0.to_string(), op.id())], "{mode}");
        assert!(verify_platform(&world.operator()).await.expect("database").is_ok(), "{mode}");
        let nothing = operators::look_at(&staff, world.accounts(), "nobody", &here(), world.now).await.expect("look");
        assert!(nothing.is_none(), "{mode}");
    }
}

#[tokio::test]
async fn an_operator_who_was_turned_away_is_in_the_log_of_whoever_turned_them_away() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let (ada, op) = (ada(&world).await, operator(&world, OP).await);
        let (visitor, accounts) = (world.visitor(), world.accounts());
        let before = Log::read(&world, ada.tenant).await.rows.len();
        let as_ada = caller(&world, &ada).await;
        tell::operator_refused(&visitor, accounts, &as_ada, &ada.slug, &here(), world.now).await.expect("nothing");
        assert_eq!(Log::read(&world, ada.tenant).await.rows.len(), before, "{mode}: a member is no operator");
        let as_op = caller(&world, &op).await;
        tell::operator_refused(&visitor, accounts, &as_op, &ada.slug, &here(), world.now).await.expect("told");
        tell::operator_refused(&visitor, accounts, &as_op, "nobody", &here(), world.now).await.expect("nothing");
        let entry = last(&world, &ada).await;
        let said = (entry.action.as_str(), entry.actor_kind.as_str(), entry.outcome.as_str(), entry.actor);
        assert_eq!(said, ("operator-refused", "operator", "refused", op.account.0), "{mode}");
    }
}

#[tokio::test]
async fn what_a_role_does_not_permit_is_refused_and_written_down() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let as_grace = caller(&world, &grace).await;
        let (visitor, accounts) = (world.visitor(), world.accounts());
        tell::denied(&visitor, accounts, &as_grace, &ada.slug, "change-role", &here(), world.now).await.expect("told");
        let entry = last(&world, &ada).await;
        let said = (entry.action.as_str(), entry.actor_kind.as_str(), entry.outcome.as_str(), entry.actor);
        assert_eq!(said, ("access-denied", "person", "refused", grace.account.0), "{mode}");
    }
}
