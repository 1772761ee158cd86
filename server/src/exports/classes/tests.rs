//! Nothing leaves in an archive of which nobody said what it is.

use std::collections::BTreeSet;

use super::*;
use crate::exports::making::SECTIONS;
use crate::exports::{attached, people, records, reviews};
use crate::guard::{Leaves, TENANT_TABLES};
use crate::profile::shipped;
use crate::testing::profile;

/// Every section whose rows have columns, and these.
const WRITTEN: &[(&str, &[&str])] = &[
    ("organisation", people::ORGANISATION),
    ("roles", people::ROLES),
    ("units", people::UNITS),
    ("members", people::MEMBERS),
    ("reach", people::REACH),
    ("invitations", people::INVITATIONS),
    ("departures", people::DEPARTURES),
    ("help", people::HELP),
    ("holds", people::HOLDS),
    ("days", people::DAYS),
    ("records", records::RECORDS),
    ("history", records::HISTORY),
    ("acts", records::ACTS),
    ("files", attached::FILES),
    ("reviews", reviews::REVIEWS),
    ("review-reviewers", reviews::REVIEWERS),
    ("review-items", reviews::ITEMS),
    ("review-votes", reviews::VOTES),
    ("review-notes", reviews::NOTES),
];

/// Columns of the database that are in no archive as such, and why.
const STAYS: &[(&str, &str, &str)] = &[
    ("membership", "kind", "only members go along"),
    ("unit", "name_index", "a keyed hash of the name"),
    ("invitation", "address_index", "a keyed hash of the address"),
    ("invitation", "token_hash", "the link stays where it was made"),
    ("former_log", "name", "it is the name of the file in the archive"),
    ("former_log", "blob", "where it lies here"),
    ("former_log", "bytes", "in the manifest"),
    ("former_log", "sha256", "in the manifest"),
    ("record", "register", "it is the name of the section"),
    ("record", "content", "field by field, as each register classifies them"),
    ("record", "k1", "numbers that the content has as well"),
    ("record", "k2", "as k1"),
    ("record", "k3", "as k1"),
    ("record", "k4", "as k1"),
    ("record", "k5", "as k1"),
    ("record_change", "content", "field by field, as each register classifies them"),
    ("file", "facts", "opened into name, media_type and sha256"),
];

/// Columns that are made of others.
const MADE: &[(&str, &str)] =
    &[("members", "name"), ("members", "address"), ("files", "name"), ("files", "media_type"), ("files", "sha256")];

fn columns_of(section: &str) -> Option<&'static [&'static str]> {
    WRITTEN.iter().find(|(name, _)| *name == section).map(|(_, columns)| *columns)
}

#[test]
fn every_section_is_either_masked_column_by_column_or_left_out_for_a_reason() {
    for section in SECTIONS {
        let classified = COLUMNS.iter().any(|(name, _)| name == section);
        assert_ne!(classified, LEFT_OUT.iter().any(|(name, _)| name == section), "{section}");
    }
    for (section, columns) in WRITTEN.iter().filter(|(section, _)| masked_has(section)) {
        let (_, classes) = COLUMNS.iter().find(|(name, _)| name == section).expect(section);
        let classes: Vec<_> = classes.iter().map(|(column, _)| *column).collect();
        assert_eq!(&classes, columns, "{section}");
    }
    assert!(LEFT_OUT.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn a_column_of_the_database_leaves_in_a_section_with_a_class_or_stays_for_a_reason() {
    let mut stayed = BTreeSet::new();
    for table in TENANT_TABLES {
        let Leaves::As(section) = table.leaves else { continue };
        // The log has a form of its own, byte by byte.
        if ["log", "heads"].contains(&section) {
            continue;
        }
        for column in table.columns() {
            let plain = column.strip_suffix("_ms").unwrap_or(&column).to_owned();
            let leaves = columns_of(section).is_some_and(|columns| columns.contains(&plain.as_str()));
            let stays = STAYS.iter().find(|(name, stays, _)| (*name, *stays) == (table.name, column.as_str()));
            stayed.extend(stays.map(|(name, column, _)| (*name, *column)));
            assert!(column == "tenant_id" || leaves != stays.is_some(), "{}.{column}", table.name);
        }
        for column in columns_of(section).unwrap_or_default() {
            let there = |kept: &String| kept == column || kept.strip_suffix("_ms") == Some(column);
            let made = MADE.contains(&(section, *column));
            assert!(made || table.columns().iter().any(there), "{section}.{column} is in no table");
        }
    }
    assert_eq!(stayed.len(), STAYS.len(), "one of STAYS is not there any more");
}

#[test]
fn every_field_of_every_shipped_profile_is_known_for_what_it_says() {
    for name in shipped() {
        for register in &profile(name, &[]).registers {
            for one in &register.fields {
                let known = field(register, one);
                assert!(known.is_some(), "{name}: {}.{}", register.id.get_ref(), one.id.get_ref());
            }
        }
    }
}

#[test]
fn a_field_that_nobody_classified_is_unknown() {
    let wide = profile("stratuslog", &[("id = \"hobbs\"", "id = \"nickname\"")]);
    let aircraft = wide.registers.iter().find(|register| register.id.get_ref() == "aircraft").expect("aircraft");
    let unknown: Vec<_> = aircraft.fields.iter().filter(|one| field(aircraft, one).is_none()).collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].id.get_ref(), "nickname");
    assert_eq!(column("members", "nickname"), None);
}
