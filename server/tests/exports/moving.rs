//! Bringing an organisation into another instance: whole or not at all, and with everything that it had.

use server::exports::asking::Kind;
use server::exports::import::{Imported, Wanted, import};
use server::guard::{AccountId, rights};
use server::organisations::{help, leaving, members};
use server::registers::edit;
use server::retention::holds;
use server::testing::{World, profile};

use crate::common::*;
use crate::download::record;
use crate::reading::*;

async fn taken(world: &World, bytes: &[u8]) -> Result<Imported, String> {
    let path = file(world, "taken.zip", bytes);
    let wanted = Wanted { file: &path, slug: None, approval: None };
    import(&world.operator(), world.accounts(), &wanted, world.now).await.map_err(|error| error.to_string())
}

/// Who somebody is in the instance that the organisation was moved to, with the password that they were told to set there.
pub async fn arrived(there: &World, who: &Somebody) -> Somebody {
    use server::identity::recovery;
    recovery::request(&there.visitor(), there.accounts(), &who.email, &here(), there.now).await.expect("reset");
    let token = token_to(there, &who.email).await;
    recovery::reset(&there.visitor(), there.accounts(), &token, PASSWORD, &here(), there.now).await.expect("password");
    enters(there, &who.email, None).await
}

#[tokio::test]
async fn an_organisation_that_was_moved_gives_the_same_archive_again() {
    for (mode, plain) in MODES {
        let (from, to) = (world(mode).await, world(mode).await);
        let ada = ada(&from).await;
        joins(&from, &ada, GRACE, plain).await;
        invite(&from, &ada, EVE, plain).await.expect("invite");
        role(&from, &ada, "Watcher", "organisation_read audit_read").await;
        unit(&from, &ada, "North").await;
        for number in 0..3 {
            record(&from, &ada, &format!("=Record {number}"), &format!("p{number}@school.example")).await;
        }
        server::audit::heads::sign_all(&from.operator(), &from.vault, from.now).await.expect("sign");
        let first = archive(&from, &ada, Kind::Whole).await;
        from.stage_on_another_server(ada.tenant).await;
        let imported = taken(&to, &first).await.expect("import");
        assert_eq!((imported.members, imported.linked, imported.records), (2, 0, 3), "{mode}");

        let moved = arrived(&to, &ada).await;
        assert_eq!((moved.account, moved.tenant), (ada.account, ada.tenant), "{mode}");
        let second = archive(&to, &moved, Kind::Whole).await;
        let (before, after) = (read(&from, &first), read(&to, &second));
        assert_eq!(before["manifest"]["content_sha256"], after["manifest"]["content_sha256"], "{mode}");
        for section in before["manifest"]["sections"].as_array().expect("sections") {
            let name = section["name"].as_str().expect("a name");
            assert_eq!(before["sections"][name], after["sections"][name], "{mode}: {name}");
        }
        // The log of the time before is there as it was, and a new one has begun.
        let entries = &before["texts"]["log/entries.jsonl"];
        assert_eq!(&after["texts"]["former-log/log/entries.jsonl"], entries, "{mode}");
        let begun = after["texts"]["log/entries.jsonl"].as_str().expect("entries");
        assert!(begun.lines().next().is_some_and(|line| line.contains("organisation-imported")), "{mode}: {begun}");
    }
}

#[tokio::test]
async fn an_archive_that_was_changed_cut_or_taken_in_before_leaves_nothing() {
    for (mode, _) in MODES {
        let (from, to) = (world(mode).await, world(mode).await);
        let ada = ada(&from).await;
        record(&from, &ada, "Kept", "kept@school.example").await;
        let whole = archive(&from, &ada, Kind::Whole).await;
        from.stage_on_another_server(ada.tenant).await;
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        for wrong in [&whole[..whole.len() - 1], &changed, b"no archive", &[]] {
            taken(&to, wrong).await.expect_err("refused");
        }
        let empty = counted(&to, &ada, "membership", "").await;
        assert_eq!(empty, 0, "{mode}");
        taken(&to, &whole).await.expect("import");
        let again = taken(&to, &whole).await.expect_err("twice");
        assert!(again.contains("is here already"), "{mode}: {again}");
        // And what is there now is still whole.
        assert_eq!(counted(&to, &ada, "membership", "").await, 1, "{mode}");
        assert_eq!(counted(&to, &ada, "record", "").await, 1, "{mode}");
    }
}

#[tokio::test]
async fn an_archive_of_another_profile_is_refused_by_name() {
    let (from, to) = (world("aertous").await, world("stratuslog").await);
    let ada = ada(&from).await;
    let refused = taken(&to, &archive(&from, &ada, Kind::Whole).await).await.expect_err("another profile");
    assert!(refused.contains("it is of the profile aertous"), "{refused}");
}

#[tokio::test]
async fn an_import_that_is_cut_short_leaves_all_or_nothing_and_can_be_begun_again() {
    for (mode, _) in MODES {
        let (from, to) = (world(mode).await, world(mode).await);
        let ada = ada(&from).await;
        record(&from, &ada, "Kept", "kept@school.example").await;
        let path = file(&to, "archive.zip", &archive(&from, &ada, Kind::Whole).await);
        from.stage_on_another_server(ada.tenant).await;
        let wanted = Wanted { file: &path, slug: None, approval: None };
        let (operator, accounts) = (to.operator(), to.accounts());
        let mut finished = false;
        for polls in [2, 5, 9, 14, 20, 27, 35] {
            let mut importing = Box::pin(import(&operator, accounts, &wanted, to.now));
            for _ in 0..polls {
                if futures::poll!(&mut importing).is_ready() {
                    finished = true;
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_micros(500)).await;
            }
            drop(importing);
            if finished {
                break;
            }
            // One that is dropped while it is committed is there whole, as what follows shows.
            finished = counted(&to, &ada, "membership", "").await > 0;
            if finished {
                break;
            }
        }
        if !finished {
            import(&operator, accounts, &wanted, to.now).await.expect("begun again");
        }
        assert_eq!(counted(&to, &ada, "record", "").await, 1, "{mode}");
        let moved = arrived(&to, &ada).await;
        let reader = may::<rights::MembersRead>(&to, &moved).await;
        let choice = members::choice(&reader, accounts, 10).await.expect("members");
        assert_eq!(choice.iter().map(|(id, _)| AccountId(*id)).collect::<Vec<_>>(), [ada.account], "{mode}");
    }
}

#[tokio::test]
async fn a_member_who_has_an_account_here_is_linked_to_it() {
    let (from, to) = (world("stratuslog").await, world("stratuslog").await);
    let ada_there = ada(&from).await;
    let known = founder(&to, ADA, "Something else").await;
    record(&from, &ada_there, "Kept", "kept@school.example").await;
    let imported = taken(&to, &archive(&from, &ada_there, Kind::Whole).await).await.expect("import");
    assert_eq!((imported.members, imported.linked), (1, 1));
    let known = known.in_the_place_of(&ada_there);
    let reader = may::<rights::MembersRead>(&to, &known).await;
    let choice = members::choice(&reader, to.accounts(), 10).await.expect("members");
    assert_eq!(choice.iter().map(|(id, _)| AccountId(*id)).collect::<Vec<_>>(), [known.account]);
}

/// What can be masked and names people: an invitation, a departure, help, a hold, and what a record said before.
async fn much_about_people(from: &World, ada: &Somebody, plain: &str) {
    let grace = joins_as(from, ada, GRACE, plain, "Grace Marker").await;
    invite(from, ada, "invited-marker@acme.example", plain).await.expect("invite");
    unit(from, ada, "Marker Unit").await;
    let id = record(from, ada, "Marker Person", "marker@school.example").await;
    let editor = may::<rights::RecordsWrite>(from, ada).await;
    let (register, field) = match from.profile.id.as_str() {
        "aertous" => ("vendors", "contact"),
        "stratuslog" => ("students", "email"),
        _ => ("clients", "contact"),
    };
    let typed = [(field.to_owned(), "later-marker@school.example".to_owned())].into();
    let named = id.parse().expect("an id");
    edit::edit(&editor, from.accounts(), register, named, None, &typed, &here(), from.now).await.expect("edited");
    let giver = may::<rights::HelpGrant>(from, ada).await;
    server::operators::add(&from.operator(), from.accounts(), "op@vendor.example", from.now).await.expect("a seat");
    let helper = help::Form { operator: "op@vendor.example", role: plain, hours: "1", reason: "Ask for Marker" };
    help::open(&giver, from.accounts(), &helper, &here(), from.now).await.expect("help");
    let manager = may::<rights::MembersManage>(from, ada).await;
    let form = leaving::Form { member: &grace.id(), successor: None, at: Some("2027-06-01") };
    leaving::offboard(&manager, from.accounts(), &form, &here(), from.now).await.expect("planned");
    for (kind, subject) in [("organisation", None), ("person", Some(grace.id())), ("record", Some(id))] {
        let form = holds::Form {
            kind,
            subject: subject.as_deref(),
            basis: "Order of Marker",
            scope: "All about Marker",
            until: "2027-12-31",
        };
        holds::place_by_operator(&from.operator(), from.accounts(), &ada.slug, &form, from.now).await.expect("a hold");
    }
}

#[tokio::test]
async fn a_masked_archive_names_nobody_and_can_be_taken_in() {
    for (mode, plain) in MODES {
        let (from, to) = (world(mode).await, world(mode).await);
        let ada = ada(&from).await;
        much_about_people(&from, &ada, plain).await;
        let masked = archive(&from, &ada, Kind::Masked).await;
        let read = read(&from, &masked);
        let left_out: Vec<_> = read["manifest"]["left_out"].as_array().expect("a list").iter().collect();
        assert_eq!(left_out, ["files", "log"], "{mode}");
        for (section, rows) in [("invitations", 1), ("departures", 1), ("help", 1), ("holds", 3), ("history", 1)] {
            assert_eq!(read["sections"][section].as_array().map(Vec::len), Some(rows), "{mode}: {section}");
        }
        let found = read.to_string();
        let own = ada.account.0.to_string();
        for personal in [
            ADA,
            GRACE,
            "Ada Lovelace",
            "Grace Marker",
            "invited-marker",
            "Marker Unit",
            "marker@school",
            "Order of Marker",
            "All about Marker",
            "Ask for Marker",
            "Analytical",
            &own,
        ] {
            let at = found.find(personal).map(|at| &found[at.saturating_sub(300)..at]);
            assert!(at.is_none(), "{mode}: {personal} after {at:?}");
        }
        if mode != &"aertous" {
            assert!(!found.contains("Marker"), "{mode}");
        }
        from.stage_on_another_server(ada.tenant).await;
        let imported = taken(&to, &masked).await.expect("import");
        assert_eq!((imported.members, imported.records), (2, 1), "{mode}");
        for (table, rows) in [("invitation", 1), ("departure", 1), ("help_grant", 1), ("legal_hold", 3)] {
            assert_eq!(counted(&to, &ada, table, "").await, rows, "{mode}: {table}");
        }
    }
}

#[tokio::test]
async fn an_organisation_that_another_instance_on_the_same_server_keeps_is_left_alone() {
    let (from, to) = (world("stack-aero").await, world("stack-aero").await);
    let ada = ada(&from).await;
    record(&from, &ada, "Kept", "kept@school.example").await;
    let bytes = archive(&from, &ada, Kind::Whole).await;
    let imported = taken(&to, &bytes).await;
    // Files have a folder for each instance.
    let shared = on_postgres(&from.behind().await);
    assert_eq!(imported.is_err(), shared, "{imported:?}");
    assert_eq!(counted(&from, &ada, "record", "").await, 1);
    assert!(read(&from, &archive(&from, &ada, Kind::Whole).await).to_string().contains("Kept"));
}

/// Such records are from before the order was checked: they are kept as they are, and whoever changes something else is not stopped by it.
#[tokio::test]
async fn a_booking_that_ends_before_it_begins_comes_along_and_can_be_put_right() {
    let schedule = "schedule = { from = \"starts\", to = \"ends\", by = \"aircraft\", without = { field = \"status\", choices = [\"Cancelled\"] } }";
    let from = World::with(profile("stratuslog", &[(schedule, "")])).await;
    let to = world("stratuslog").await;
    let ada = ada(&from).await;
    record(&from, &ada, "Amelia", "amelia@school.example").await;
    let (nine, eight) = ("2026-11-18T09:00:00Z", "2026-11-18T08:00:00Z");
    let fields =
        [("reference", "B"), ("student", "Amelia"), ("starts", nine), ("ends", eight), ("status", "Confirmed")];
    let typed = |fields: &[(&str, &str)]| -> edit::Typed {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let editor = may::<rights::RecordsWrite>(&from, &ada).await;
    let made = edit::create(&editor, from.accounts(), "bookings", &typed(&fields), &here(), from.now).await;
    let booking = made.expect("an odd booking");
    let archive = archive(&from, &ada, Kind::Whole).await;
    from.stage_on_another_server(ada.tenant).await;

    taken(&to, &archive).await.expect("import");

    let moved = arrived(&to, &ada).await;
    let editor = may::<rights::RecordsWrite>(&to, &moved).await;
    for (fields, fits) in [
        ([("status", "Flown")], true),
        ([("ends", "2026-11-18T08:30:00Z")], false),
        ([("ends", "2026-11-18T09:30:00Z")], true),
    ] {
        let typed = typed(&fields);
        let done = edit::edit(&editor, to.accounts(), "bookings", booking, None, &typed, &here(), to.now).await;
        assert_eq!(done.is_ok(), fits, "{fields:?}: {done:?}");
    }
}
