//! One record.

use server::guard::rights;
use server::identity::Refusal;
use server::registers::edit;
use server::registers::record::Kind;
use server::testing::{World, profile};

use super::*;

#[tokio::test]
async fn a_record_says_what_was_typed_in_each_mode() {
    for (mode, register, fields) in SIMPLE {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let id = make(&world, &ada, register, fields).await;

        let whole = seen(&world, &ada, register, id).await.expect("the record");
        for (field, value) in *fields {
            assert_eq!(whole.content.first(field), Some(*value), "{mode} {field}");
        }
        assert_eq!(whole.made_by, "Ada Lovelace");
    }
}

#[tokio::test]
async fn everything_that_does_not_fit_is_said_at_once_and_nothing_is_kept() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let refused = try_make(
        &world,
        &ada,
        "students",
        &[("name", ""), ("course", "Astronaut"), ("medical_expiry", "asthma"), ("role", "Owner"), ("status", "Active")],
    )
    .await;
    let mut fields = blamed(&refused);
    fields.sort();
    assert_eq!(fields, ["course", "medical_expiry", "name", "role"]);
    assert!(ids(&world, &ada, "students", &Query::default()).await.is_empty());
}

#[tokio::test]
async fn what_must_be_the_only_one_is_so_until_the_record_goes() {
    for (mode, register, fields) in &SIMPLE[..2] {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let first = make(&world, &ada, register, fields).await;
        let loud: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, value.to_uppercase())).collect();
        let loud: Vec<(&str, &str)> = loud.iter().map(|(name, value)| (*name, value.as_str())).collect();

        assert_eq!(blamed(&try_make(&world, &ada, register, &loud).await), [fields[0].0], "{mode}");
        remove(&world, &ada, register, first).await.expect("removed");
        make(&world, &ada, register, fields).await;
        assert_eq!(blamed(&restore(&world, &ada, register, first).await), [fields[0].0], "{mode}");
    }
}

#[tokio::test]
async fn whoever_saves_second_is_told_and_saves_nothing() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let (_, register, fields) = SIMPLE[1];
    let id = make(&world, &ada, register, fields).await;
    let opened = seen(&world, &ada, register, id).await.expect("a record").version;
    change(&world, &ada, register, id, &[("hobbs", "1200.5")]).await.expect("the first");

    let editor = may::<rights::RecordsWrite>(&world, &ada).await;
    let late = typed(&[("hobbs", "7")]);
    let second = edit::edit(&editor, world.accounts(), register, id, Some(opened), &late, &here(), world.now).await;

    assert!(matches!(second, Err(Refusal::Conflict(_))), "{second:?}");
    let now = seen(&world, &ada, register, id).await.expect("a record");
    assert_eq!(now.content.first("hobbs"), Some("1200.5"));
}

#[tokio::test]
async fn the_history_says_who_changed_which_field_from_what_to_what() {
    for (mode, register, fields) in SIMPLE {
        let world = world(mode).await;
        let ada = ada(&world).await;
        let id = make(&world, &ada, register, fields).await;
        let (name, before) = fields[0];
        change(&world, &ada, register, id, &[(name, "Second name")]).await.expect("a change");
        change(&world, &ada, register, id, &[(name, "Third name")]).await.expect("a change");
        change(&world, &ada, register, id, &[(name, "Third name")]).await.expect("no change");
        remove(&world, &ada, register, id).await.expect("removed");
        restore(&world, &ada, register, id).await.expect("brought back");

        let history = seen(&world, &ada, register, id).await.expect("the record").history;
        let told: Vec<_> = history
            .iter()
            .map(|change| {
                (change.kind, change.fields.iter().map(|(_, was, is)| format!("{was}>{is}")).collect::<Vec<_>>())
            })
            .collect();
        let expected = vec![
            (Kind::Restored, vec![]),
            (Kind::Removed, vec![]),
            (Kind::Changed, vec!["Second name>Third name".to_owned()]),
            (Kind::Changed, vec![format!("{before}>Second name")]),
        ];
        assert_eq!(told, expected, "{mode}");
        assert!(history.iter().all(|change| change.by == "Ada Lovelace"), "{mode}");
    }
}

#[tokio::test]
async fn a_field_that_needs_a_permission_more_is_hidden_from_whoever_lacks_it_also_in_the_past() {
    let guarded = "id = \"medical_expiry\"\nread = \"records_delete\"";
    let world = World::with(profile("stratuslog", &[("id = \"medical_expiry\"", guarded)])).await;
    let ada = ada(&world).await;
    let desk = joins(&world, &ada, GRACE, "Front desk").await;
    let fields =
        [("name", "Amelia"), ("course", "Private pilot"), ("status", "Active"), ("medical_expiry", "2027-01-01")];
    let id = make(&world, &ada, "students", &fields).await;
    change(&world, &ada, "students", id, &[("medical_expiry", "2028-01-01")]).await.expect("a change");

    let hers = seen(&world, &desk, "students", id).await.expect("the record");
    let reader = may::<rights::RecordsRead>(&world, &desk).await;
    let shape = Shape::of(&reader, world.accounts(), "students").expect("students");
    assert!(shape.field("medical_expiry").is_none());
    assert!(hers.history.iter().all(|change| change.fields.is_empty()), "{:?}", hers.history);
    let refused = change_as(&world, &desk, id).await;
    assert_eq!(blamed(&refused), ["medical_expiry"]);
    assert_eq!(
        seen(&world, &ada, "students", id).await.expect("it").content.first("medical_expiry"),
        Some("2028-01-01")
    );
}

async fn change_as(world: &World, who: &Somebody, id: Uuid) -> Result<(), Refusal> {
    change(world, who, "students", id, &[("medical_expiry", "2030-01-01")]).await
}

#[tokio::test]
async fn a_record_leads_to_others_and_they_lead_back() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let student =
        make(&world, &ada, "students", &[("name", "Amelia"), ("course", "Private pilot"), ("status", "Active")]).await;
    let plane = make(&world, &ada, "aircraft", SIMPLE[1].2).await;
    let fields = [
        ("reference", "B-1"),
        ("student", "amelia"),
        ("aircraft", "n123ab"),
        ("instructor", ADA),
        ("starts", "2026-12-01T09:00"),
        ("ends", "2026-12-01T11:00"),
        ("status", "Confirmed"),
    ];
    let booking = make(&world, &ada, "bookings", &fields).await;

    let whole = seen(&world, &ada, "bookings", booking).await.expect("it");
    assert_eq!(whole.content.first("student"), Some(student.to_string().as_str()));
    assert_eq!(whole.content.first("instructor"), Some(ada.id().as_str()));
    for (register, id) in [("students", student), ("aircraft", plane)] {
        let leading = seen(&world, &ada, register, id).await.expect("it").leading;
        assert_eq!(leading, [("bookings".to_owned(), booking, "B-1".to_owned())], "{register}");
    }
    let refused = change(&world, &ada, "bookings", booking, &[("aircraft", "N999"), ("instructor", EVE)]).await;
    assert_eq!(blamed(&refused), ["aircraft", "instructor"]);
}
