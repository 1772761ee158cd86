//! Lists: each record once, in the right order, whatever it is looked for by.

use std::collections::BTreeMap;

use server::registers::counts;
use server::registers::list::Between;

use super::*;

const STATES: &[&str] = &["Requested", "Confirmed", "Flown", "Cancelled"];

/// What a record of the list was made with: reference, state, day and passengers.
type Made = (String, usize, u32, i64);

/// More than two pages of trips, in no order.
async fn trips(world: &World, who: &Somebody) -> BTreeMap<Uuid, Made> {
    make(world, who, "clients", SIMPLE[2].2).await;
    let mut made = BTreeMap::new();
    for at in 0..117_u32 {
        let (state, day, seats) = ((at * 7 % 4) as usize, at * 31 % 28 + 1, i64::from(at * 13 % 9));
        let reference = format!("T-{at} {}", if at % 3 == 0 { "Genève" } else { "Oslo" });
        let departs = format!("2026-12-{day:02}T{:02}:30", at % 24);
        let seats_text = seats.to_string();
        let fields = [
            ("reference", reference.as_str()),
            ("client", "łukasz aviation"),
            ("status", STATES[state]),
            ("origin", "LSGG"),
            ("destination", "ENGM"),
            ("departs", departs.as_str()),
            ("passengers", seats_text.as_str()),
        ];
        let id = make(world, who, "trips", &fields).await;
        made.insert(id, (reference, state, day, seats));
    }
    made
}

#[tokio::test]
async fn every_list_has_each_record_that_it_should_once_and_in_order() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = trips(&world, &ada).await;
    let of = |wanted: &dyn Fn(&Made) -> bool| -> Vec<Uuid> {
        made.iter().filter(|(_, made)| wanted(made)).map(|(id, _)| *id).rev().collect()
    };

    assert_eq!(ids(&world, &ada, "trips", &Query::default()).await, of(&|_| true), "newest first");
    assert_eq!(search(&world, &ada, "trips", "geneve").await, of(&|made| made.0.ends_with("Genève")));
    assert_eq!(search(&world, &ada, "trips", "OSLO t 7").await, of(&|made| made.0 == "T-7 Oslo"));
    assert!(search(&world, &ada, "trips", "atlantis").await.is_empty());
    let with = |state: usize| Query { with: vec![("status".into(), STATES[state].into())], ..Query::default() };
    for state in 0..STATES.len() {
        assert_eq!(ids(&world, &ada, "trips", &with(state)).await, of(&|made| made.1 == state), "{state}");
    }
    let both = Query { search: "oslo".into(), ..with(1) };
    assert_eq!(ids(&world, &ada, "trips", &both).await, of(&|made| made.1 == 1 && made.0.ends_with("Oslo")));
    let between = Between { field: "departs".into(), from: "2026-12-05".into(), to: "2026-12-09".into() };
    let within = Query { between: Some(between), ..Query::default() };
    assert_eq!(ids(&world, &ada, "trips", &within).await, of(&|made| (5..=9).contains(&made.2)));
    for sort in ["passengers", "-passengers"] {
        let sorted = ids(&world, &ada, "trips", &Query { sort: sort.into(), ..Query::default() }).await;
        let mut expected: Vec<Uuid> = made.keys().copied().collect();
        expected.sort_by_key(|id| (made[id].3, *id));
        if sort.starts_with('-') {
            expected.reverse();
        }
        assert_eq!(sorted, expected, "{sort}");
    }
}

#[tokio::test]
async fn choices_are_sorted_as_the_profile_declares_them_page_by_page() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = trips(&world, &ada).await;
    for (sort, search) in [("status", ""), ("-status", ""), ("status", "oslo"), ("-status", "oslo t")] {
        let mut expected: Vec<Uuid> =
            made.iter().filter(|(_, made)| search.is_empty() || made.0.ends_with("Oslo")).map(|(id, _)| *id).collect();
        expected.sort_by_key(|id| (made[id].1, *id));
        if sort.starts_with('-') {
            expected.reverse();
        }
        let query = Query { sort: sort.into(), search: search.into(), ..Query::default() };
        assert_eq!(ids(&world, &ada, "trips", &query).await, expected, "{sort} {search}");
    }
    let one = Query { with: vec![("status".into(), STATES[2].into())], sort: "status".into(), ..Query::default() };
    let mut expected: Vec<Uuid> = made.iter().filter(|(_, made)| made.1 == 2).map(|(id, _)| *id).collect();
    expected.sort_unstable();
    assert_eq!(ids(&world, &ada, "trips", &one).await, expected);
}

#[tokio::test]
async fn records_without_the_value_that_a_list_is_sorted_by_come_last_in_either_direction() {
    let world = world("stratuslog").await;
    let ada = ada(&world).await;
    let mut made: Vec<(Option<u32>, Uuid)> = Vec::new();
    for at in 0..130_u32 {
        let registration = format!("N{at}");
        let day = (at % 3 > 0).then_some(at * 11 % 28 + 1);
        let next = day.map(|day| format!("2027-02-{day:02}")).unwrap_or_default();
        let fields = [
            ("registration", registration.as_str()),
            ("model", "Cessna 172"),
            ("status", "Available"),
            ("next_inspection", &next),
        ];
        made.push((day, make(&world, &ada, "aircraft", &fields).await));
    }
    for (sort, up) in [("next_inspection", true), ("-next_inspection", false)] {
        let mut expected = made.clone();
        expected.sort_unstable();
        if !up {
            expected.reverse();
        }
        expected.sort_by_key(|(day, _)| day.is_none());
        let expected: Vec<Uuid> = expected.into_iter().map(|(_, id)| id).collect();
        let sorted = Query { sort: sort.into(), ..Query::default() };
        assert_eq!(ids(&world, &ada, "aircraft", &sorted).await, expected, "{sort}");
    }
    // Whoever asks for days asks for records that have one.
    let february = Between { field: "next_inspection".into(), from: "2027-02-01".into(), to: "2027-02-28".into() };
    let bounded = Query { between: Some(february), sort: "next_inspection".into(), ..Query::default() };
    let dated = made.iter().filter(|(day, _)| day.is_some()).count();
    assert_eq!(ids(&world, &ada, "aircraft", &bounded).await.len(), dated);
}

#[tokio::test]
async fn a_choice_that_the_profile_no_longer_declares_keeps_its_records_in_the_list() {
    let four = "choices = [\"Requested\", \"Confirmed\", \"Flown\", \"Cancelled\"]";
    let profile = server::testing::profile("stack-aero", &[(four, "choices = [\"Flown\", \"Requested\"]")]);
    let mut world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = trips(&world, &ada).await;
    world.follows(profile);
    let sorted = Query { sort: "status".into(), ..Query::default() };
    let found = ids(&world, &ada, "trips", &sorted).await;
    let place = |id: &Uuid| match made[id].1 {
        2 => 0,
        0 => 1,
        _ => 2,
    };
    assert!(found.iter().map(place).is_sorted());
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>().len(), made.len());
    assert_eq!(found.len(), made.len());
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_told_so() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let one = |field: &str, value: &str| Query { with: vec![(field.into(), value.into())], ..Query::default() };
    let (world, ada) = (&world, &ada);
    let ask = |query: Query| async move { blamed(&try_listed(world, ada, "trips", &query).await) };

    assert_eq!(ask(one("nothing", "x")).await, ["nothing"]);
    assert_eq!(ask(one("reference", "T-1")).await, ["reference"]);
    assert_eq!(ask(one("dispatcher", "' or 1=1 --")).await, ["dispatcher"]);
    assert_eq!(ask(Query { sort: "reference".into(), ..Query::default() }).await, ["sort"]);
    assert_eq!(ask(Query { after: Some("x".into()), ..Query::default() }).await, ["after"]);
    assert_eq!(ask(one("status", "Nonsense")).await, ["status"]);
    let between = |by: &str, from: &str, to: &str| {
        let between = Between { field: by.into(), from: from.into(), to: to.into() };
        Query { between: Some(between), ..Query::default() }
    };
    assert_eq!(ask(between("departs", "garbage", "")).await, ["from"]);
    assert_eq!(ask(between("departs", "2026-12-02", "2026-12-01")).await, ["to"]);
    assert_eq!(ask(between("colour", "2026-12-02", "")).await, ["by"]);
    let unknown = try_listed(world, ada, "nowhere", &Query::default()).await;
    assert!(matches!(unknown, Err(Refusal::NotFound)), "{unknown:?}");
}

#[tokio::test]
async fn the_picture_counts_what_the_lists_show() {
    let world = world("stack-aero").await;
    let ada = ada(&world).await;
    let made = trips(&world, &ada).await;
    let (first, second) = {
        let mut ids = made.keys();
        (*ids.next().expect("one"), *ids.next().expect("two"))
    };
    change(&world, &ada, "trips", first, &[("status", "Cancelled")]).await.expect("a change");
    remove(&world, &ada, "trips", second).await.expect("removed");

    let reader = may::<rights::RecordsRead>(&world, &ada).await;
    let shape = Shape::of(&reader, world.accounts(), "trips").expect("trips");
    let counts = counts::of(&reader, &shape).await.expect("counts").expect("all of them");

    assert_eq!(counts.total, 116);
    assert_eq!(counts.by_month, [(202_611, 116)]);
    let (_, _, by_status) = &counts.by_choice[0];
    for (state, count) in by_status {
        let query = Query { with: vec![("status".into(), state.clone())], ..Query::default() };
        assert_eq!(ids(&world, &ada, "trips", &query).await.len() as u64, *count, "{state}");
    }
}
