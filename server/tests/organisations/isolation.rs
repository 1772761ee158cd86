//! One organisation knows nothing of another: not by its ids, not by its address, not by anything it reads.

use contract::access::ENDPOINTS;
use server::audit::view::{self, Form, Query};
use server::files;
use server::guard::{Asks, Barred, rights};
use server::organisations::{dashboard, help, invitations, leaving, members, ownership, reset, roles, units};
use server::registers::shape::{self, Shape};
use server::registers::{bulk, coverage, edit, record};
use server::testing::World;
use uuid::Uuid;

use crate::common::*;
use crate::operators::operator;

/// Stands in everything that is confidential of the second organisation.
const CANARY: &str = "Xylophone";

/// One id of each kind.
struct Ids {
    member: String,
    invitation: String,
    unit: String,
    departure: String,
    grant: String,
    record: String,
}

impl Ids {
    /// Of nothing.
    fn random() -> Self {
        let id = || Uuid::now_v7().to_string();
        Self { member: id(), invitation: id(), unit: id(), departure: id(), grant: id(), record: id() }
    }
}

/// Fields of a form in which an id stands.
const ID_FIELDS: &[&str] = &["member", "invitation", "unit", "departure", "grant", "successor", "record", "target"];

/// What every act that takes an id answers to these ids, called as the endpoint and its field.
async fn answers(world: &World, ada: &Somebody, own: &str, ids: &Ids) -> Vec<(&'static str, String)> {
    let (accounts, origin, now) = (world.accounts(), &here(), world.now);
    let manager = may::<rights::MembersManage>(world, ada).await;
    let of_units = may::<rights::UnitsManage>(world, ada).await;
    let owner = may::<rights::OrganisationManage>(world, ada).await;
    let resetter = may::<rights::MfaReset>(world, ada).await;
    let ender = may::<rights::HelpEnd>(world, ada).await;
    let auditor = may::<rights::AuditRead>(world, ada).await;
    let writer = may::<rights::RecordsWrite>(world, ada).await;
    let remover = may::<rights::RecordsDelete>(world, ada).await;
    let reader = may::<rights::RecordsRead>(world, ada).await;
    let register = world.profile.registers[0].id.get_ref().as_str();
    let shape = Shape::of(&reader, accounts, register).expect("a register");
    let Ids { member, invitation, unit, departure, grant, record } = ids;
    let (typed, many) = (edit::Typed::default(), [record.parse().expect("an id")]);
    let set: edit::Typed =
        [(shape::naming(shape.register).expect("a name").id.get_ref().clone(), "Mine".to_owned())].into();
    let accepted = files::accept(1, "note.txt", "text/plain", "A note.".into()).expect("a text");
    let onto = files::Onto { record: many[0], field: None };
    let plain = &world.profile.policy.sign_up.first_role;
    let to_unit = invitations::Form { email: "new@acme.example", role: plain, unit: Some(unit) };
    let leaves = leaving::Form { member, successor: None, at: None };
    let succeeds = leaving::Form { member: own, successor: Some(member), at: None };
    let by_actor = view::Query { actor: Some(member.clone()), ..view::Query::default() };
    let uuid = |text: &str| text.parse::<Uuid>().expect("an id");
    macro_rules! said {
        ($($name:literal $act:expr;)*) => { vec![$(($name, format!("{:?}", $act.await))),*] };
    }
    said! {
        "invite-member unit" invitations::invite(&manager, accounts, &to_unit, origin, now);
        "resend-invitation invitation" invitations::resend(&manager, accounts, invitation, origin, now);
        "withdraw-invitation invitation" invitations::withdraw(&manager, accounts, invitation, origin, now);
        "change-role member" members::change_role(&manager, accounts, member, plain, origin, now);
        "offboard-member member" leaving::offboard(&manager, accounts, &leaves, origin, now);
        "offboard-member successor" leaving::offboard(&manager, accounts, &succeeds, origin, now);
        "cancel-offboarding departure" leaving::cancel(&manager, accounts, departure, origin, now);
        "reset-member-mfa member" reset::member_mfa(&resetter, accounts, member, "Lost it", origin, now);
        "transfer-ownership member" ownership::transfer(&owner, accounts, member, plain, origin, now);
        "delete-unit unit" units::delete(&of_units, accounts, unit, origin, now);
        "grant-reach member" members::grant_reach(&of_units, accounts, member, (None, None), origin, now);
        "grant-reach unit" members::grant_reach(&of_units, accounts, own, (Some(unit), None), origin, now);
        "grant-reach record" members::grant_reach(&of_units, accounts, own, (None, Some(record)), origin, now);
        "withdraw-reach target" members::withdraw_reach(&of_units, accounts, own, departure, origin, now);
        "withdraw-reach member" members::withdraw_reach(&of_units, accounts, member, unit, origin, now);
        "end-help grant" help::end(&ender, accounts, grant, origin, now);
        "edit-record record" edit::edit(&writer, accounts, register, uuid(record), None, &typed, origin, now);
        "delete-record record" edit::remove(&remover, accounts, register, uuid(record), origin, now);
        "restore-record record" edit::restore(&remover, accounts, register, uuid(record), origin, now);
        "attach-file record" files::attach(&writer, accounts, onto, &accepted, origin, now);
        "remove-file record" files::remove(&writer, accounts, uuid(record), origin, now);
        "map-requirements record" coverage::map(&writer, accounts, record, "CC6.1", origin, now);
        "edit-records records" bulk::edit(&writer, accounts, register, &many, &set, origin, now);
        "delete-records records" bulk::remove(&remover, accounts, register, &many, origin, now);
        "page of a record" record::whole(&reader, accounts, &shape, uuid(record));
        "page of a member" members::whole(&manager, accounts, uuid(member));
        "log of a person" view::list(&auditor, accounts, &by_actor);
    }
}

/// A second organisation with a canary in everything that it keeps, and the ids of what it keeps.
async fn rival(world: &World, plain: &str) -> (Somebody, Ids) {
    let accounts = world.accounts();
    let eve = founder(world, EVE, &format!("{CANARY} Engines")).await;
    let unit = unit(world, &eve, &format!("{CANARY} hall")).await;
    role(world, &eve, &format!("{CANARY} keeper"), "organisation_read").await;
    let mallory = joins_as(world, &eve, "mallory@rival.example", plain, &format!("{CANARY} Mallory")).await;
    invite(world, &eve, "xylophone@rival.example", plain).await.expect("invite");
    operator(world, "op@vendor.example").await;
    let giver = may::<rights::HelpGrant>(world, &eve).await;
    let reason = format!("{CANARY} is out of tune");
    let help_form = help::Form { operator: "op@vendor.example", role: plain, hours: "4", reason: &reason };
    help::open(&giver, accounts, &help_form, &here(), world.now).await.expect("help");
    let manager = may::<rights::MembersManage>(world, &eve).await;
    let form = leaving::Form { member: &mallory.id(), successor: None, at: Some("2026-12-24") };
    leaving::offboard(&manager, accounts, &form, &here(), world.now).await.expect("plan");
    let ids = Ids {
        member: mallory.id(),
        invitation: invitations::list(&manager, accounts).await.expect("invitations")[0].id.to_string(),
        unit,
        departure: leaving::list(&manager, accounts, 1).await.expect("departures")[0].id.to_string(),
        grant: help::list(&giver, accounts, 1).await.expect("help")[0].id.to_string(),
        record: world.stage_record(eve.tenant, eve.account.0, CANARY).await.1.to_string(),
    };
    (eve, ids)
}

/// Everything that somebody can read of the organisation that they mean, in one text.
async fn everything(world: &World, who: &Somebody) -> String {
    let accounts = world.accounts();
    let reader = may::<rights::MembersRead>(world, who).await;
    let auditor = may::<rights::AuditRead>(world, who).await;
    let opens = may::<rights::OrganisationRead>(world, who).await;
    let mut text = String::new();
    macro_rules! read {
        ($($read:expr),* $(,)?) => { $(text.push_str(&format!("{:?}\n", $read.await.expect("read")));)* };
    }
    read!(
        members::list(&reader, accounts, &members::Query::default()),
        members::whole(&reader, accounts, who.account.0),
        members::choice(&reader, accounts, 500),
        roles::list(&reader, accounts),
        units::list(&reader, accounts),
        invitations::list(&reader, accounts),
        leaving::list(&reader, accounts, 500),
        help::list(&reader, accounts, 500),
        dashboard::read(&opens, accounts, world.now),
        view::list(&auditor, accounts, &view::Query::default()),
        view::counts(&auditor, world.now),
        view::piece(&auditor, accounts, (Form::Csv, &Query::default()), (0, i64::MAX)),
        view::piece(&auditor, accounts, (Form::JsonLines, &Query::default()), (0, i64::MAX)),
        view::heads(&auditor),
    );
    text
}

#[tokio::test]
async fn an_id_of_another_organisation_answers_exactly_like_one_of_nothing() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let (_, foreign) = rival(&world, plain).await;
        let theirs = answers(&world, &ada, &grace.id(), &foreign).await;
        let nothings = answers(&world, &ada, &grace.id(), &Ids::random()).await;
        assert_eq!(theirs, nothings, "{mode}");
        let done: Vec<_> = theirs.iter().filter(|(_, said)| said == "Ok(())").map(|(name, _)| *name).collect();
        assert_eq!(done, [""; 0], "{mode}");
    }
}

#[tokio::test]
async fn every_field_that_takes_an_id_is_tried_with_a_foreign_one() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let tried = answers(&world, &ada, &grace.id(), &Ids::random()).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who.permission().is_some()) {
        for field in endpoint.fields.iter().filter(|field| ID_FIELDS.contains(field)) {
            let name = format!("{} {field}", endpoint.name);
            assert!(tried.iter().any(|(tried, _)| *tried == name), "{name}");
        }
    }
}

#[tokio::test]
async fn an_organisation_of_others_is_no_more_there_than_one_of_nobody() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let (eve, _) = rival(&world, plain).await;
        let caller = caller(&world, &ada).await;
        for slug in [eve.slug.as_str(), "nobody", "", ".probe", &eve.slug.to_uppercase(), &ada.slug.to_uppercase()] {
            for permission in contract::permission::Permission::ALL {
                for asks in [Asks::ToSee, Asks::ToDo] {
                    let barred = caller.enters(slug, *permission, asks).err();
                    assert_eq!(barred, Some(Barred::Unknown), "{mode}: {slug:?}");
                }
            }
        }
        assert_eq!(caller.staff().err(), Some(Barred::Unknown), "{mode}");
    }
}

#[tokio::test]
async fn nothing_that_an_organisation_reads_holds_anything_of_another() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let (eve, ids) = rival(&world, plain).await;
        // Somebody who belongs to both carries nothing over.
        invite(&world, &eve, ADA, &format!("{CANARY} keeper")).await.expect("invite");
        let token = token_to(&world, ADA).await;
        answer(&world, Some(&caller(&world, &ada).await), &token, "Ada").await.expect("accept");

        let own = everything(&world, &eve).await.to_lowercase();
        for thing in ["hall", "keeper", "mallory", "is out of tune"] {
            assert!(own.contains(&format!("xylophone {thing}")), "{mode}: {thing}");
        }
        assert!(own.contains("xylophone@rival.example"), "{mode}");
        let read = everything(&world, &ada).await.to_lowercase();
        assert!(!read.contains("xylophone"), "{mode}: {read}");
        let Ids { member, invitation, unit, departure, grant, record } = ids;
        for id in [member, invitation, unit, departure, grant, record, eve.tenant.0.to_string(), eve.id()] {
            assert!(!read.contains(&id), "{mode}: {id}");
        }
    }
}

#[tokio::test]
async fn interleaved_readers_of_two_organisations_see_their_own_only() {
    for (mode, _) in MODES {
        let world = world(mode).await;
        let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
        unit(&world, &ada, "Ours").await;
        unit(&world, &eve, "Theirs").await;
        let (of_ada, of_eve) =
            (may::<rights::OrganisationRead>(&world, &ada).await, may::<rights::OrganisationRead>(&world, &eve).await);
        let reads = (0..200).map(|turn| {
            let (reader, name) = if turn % 2 == 0 { (&of_ada, "Ours") } else { (&of_eve, "Theirs") };
            let accounts = world.accounts();
            async move {
                let units = units::list(reader, accounts).await.expect("units");
                assert!(units.len() == 1 && units[0].name == name, "{units:?}");
            }
        });
        futures::future::join_all(reads).await;
    }
}

/// Lets somebody to one unit only.
async fn lets_to(world: &World, by: &Somebody, who: &Somebody, unit: &str) {
    let manager = may::<rights::UnitsManage>(world, by).await;
    let target = (Some(unit), None);
    members::grant_reach(&manager, world.accounts(), &who.id(), target, &here(), world.now).await.expect("reach");
}

async fn units_seen(world: &World, who: &Somebody) -> Vec<String> {
    let reader = may::<rights::OrganisationRead>(world, who).await;
    let units = units::list(&reader, world.accounts()).await.expect("units");
    units.into_iter().map(|unit| unit.name).collect()
}

#[tokio::test]
async fn a_narrowed_member_sees_the_units_they_reach_and_an_emptied_reach_shows_none() {
    for (mode, plain) in MODES {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let grace = joins(&world, &ada, GRACE, plain).await;
        let (north, _) = (unit(&world, &ada, "North").await, unit(&world, &ada, "South").await);
        assert_eq!(units_seen(&world, &grace).await, ["North", "South"], "{mode}");
        lets_to(&world, &ada, &grace, &north).await;
        assert_eq!(units_seen(&world, &grace).await, ["North"], "{mode}");
        let manager = may::<rights::UnitsManage>(&world, &ada).await;
        let (accounts, origin) = (world.accounts(), here());
        members::withdraw_reach(&manager, accounts, &grace.id(), &north, &origin, world.now).await.expect("withdraw");
        assert_eq!(units_seen(&world, &grace).await, [""; 0], "{mode}");
        assert_eq!(units_seen(&world, &ada).await, ["North", "South"], "{mode}");
    }
}

#[tokio::test]
async fn postgresql_keeps_a_narrowed_member_to_their_units_when_the_program_forgets_to() {
    let world = world("stratuslog").await;
    if !world.store.rows_are_secured() {
        return; // SQLite has no row security.
    }
    let (ada, eve) = (ada(&world).await, founder(&world, EVE, "Rival Engines").await);
    let grace = joins(&world, &ada, GRACE, "Instructor").await;
    let (north, _) = (unit(&world, &ada, "North").await, unit(&world, &ada, "South").await);
    unit(&world, &eve, "Elsewhere").await;
    lets_to(&world, &ada, &grace, &north).await;
    server::staged::take_filter_away("unit");
    // In turn over the same connections: what one transaction was narrowed to does not stay for the next.
    let turns = (0..100).map(|turn| {
        let (world, ada, grace) = (&world, &ada, &grace);
        async move {
            let (who, wanted): (_, &[&str]) =
                if turn % 2 == 0 { (ada, &["North", "South"]) } else { (grace, &["North"]) };
            assert_eq!(units_seen(world, who).await, wanted);
        }
    });
    futures::future::join_all(turns).await;
}
