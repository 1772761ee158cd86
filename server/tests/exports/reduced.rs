//! What is taken along of an organisation of which legal holds keep single records.

use server::exports::asking::Kind;
use server::retention::holds::{self, Form};
use server::retention::{self, closing};
use time::Duration;

use crate::common::*;
use crate::download::record;
use crate::reading::*;

#[tokio::test]
async fn an_export_of_what_is_left_has_exactly_the_held_records_and_a_log_that_holds() {
    for (mode, plain) in MODES {
        let mut world = world(mode).await;
        let ada = ada(&world).await;
        joins(&world, &ada, GRACE, plain).await;
        unit(&world, &ada, "North").await;
        let held = record(&world, &ada, "Kept", "words-of-the-kept").await;
        record(&world, &ada, "Gone", "words-of-the-gone").await;
        made(&world, &ada, Kind::Whole).await;
        let form = Form {
            kind: "record",
            subject: Some(&held),
            basis: "Article 6 of a law",
            scope: "one record",
            until: "2027-12-31",
        };
        holds::place_by_operator(&world.operator(), world.accounts(), &ada.slug, &form, world.now)
            .await
            .expect("a hold");
        let owner = may::<server::guard::rights::BillingManage>(&world, &ada).await;
        closing::cancel(&owner, world.accounts(), &here(), world.now).await.expect("cancel");
        world.now += Duration::days(121);
        let round = retention::due(&world.operator(), world.accounts(), world.now).await.expect("a round");
        assert_eq!((round.reduced, round.broken), (1, 0), "{mode}");

        let ada = ada.again(&world).await;
        let bytes = archive(&world, &ada, Kind::Whole).await;
        let read = read(&world, &bytes);
        let sections = read["sections"].as_object().expect("sections");
        let records = sections.iter().filter(|(name, _)| name.starts_with("records/"));
        let records: Vec<_> = records.flat_map(|(_, rows)| rows.as_array().expect("rows")).collect();
        assert_eq!(records.len(), 1, "{mode}");
        assert_eq!(records[0]["id"].as_str(), Some(held.as_str()), "{mode}");
        assert!(records[0].to_string().contains("words-of-the-kept"), "{mode}");
        assert_eq!(sections["holds"][0]["basis"], "Article 6 of a law", "{mode}");
        for (section, rows) in [("members", 1), ("units", 0), ("acts", 0), ("invitations", 0), ("files", 0)] {
            assert_eq!(sections[section].as_array().map(Vec::len), Some(rows), "{mode}: {section}");
        }
        assert!(!read.to_string().contains("words-of-the-gone"), "{mode}");
        let said = log_verified(&world, &read);
        assert!(said.starts_with("holds: "), "{mode}: {said}");
    }
}
