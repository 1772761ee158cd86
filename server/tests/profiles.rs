//! The profile reader: what ships is right, and what is wrong is told with its place and what would be right.

use std::collections::BTreeMap;

use contract::claim::Kind;
use server::controls::{self, Check};
use server::profile::{Binding, Source, check, shipped};
use server::testing::START;

fn checked(name: &str, old: &str, new: &str) -> (String, server::profile::Checked) {
    let source = Source::named(name).expect("shipped");
    let text = source.text().expect("text");
    assert!(text.contains(old), "{old:?} is not in {name}");
    let text = text.replacen(old, new, 1);
    let checked = check(&source, &text, START.date());
    (text, checked)
}

/// Changes a shipped profile and expects exactly this complaint, at the place where `marked` stands.
fn refused(name: &str, old: &str, new: &str, marked: &str, complaint: &str) {
    let (text, checked) = checked(name, old, new);
    assert!(checked.profile.is_none(), "{new:?} was accepted");
    let found = checked.errors.iter().find(|flaw| flaw.message.contains(complaint));
    let flaw = found.unwrap_or_else(|| unreachable!("no {complaint:?} in {:?}", checked.errors));
    let line = text.lines().nth(flaw.line - 1).unwrap_or_default();
    assert!(line.contains(marked), "{flaw} points at {line:?}");
    assert!(flaw.column >= 1 && flaw.column <= line.chars().count() + 1, "{flaw}");
}

#[test]
fn every_shipped_profile_is_without_error() {
    for name in shipped() {
        let source = Source::named(name).expect("shipped");
        let checked = check(&source, &source.text().expect("text"), START.date());
        assert!(checked.profile.is_some(), "{name}: {:?}", checked.errors);
    }
}

#[test]
#[ignore = "the list of promises lies outside the product; AVOUCH_PROMISES hands it in"]
fn every_promise_is_a_claim_of_its_profile_with_its_kind_and_control() {
    let path = std::env::var("AVOUCH_PROMISES").expect("AVOUCH_PROMISES names the list of promises");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in std::fs::read_to_string(path).expect("the list").lines().skip(1) {
        let mut columns = line.split(',');
        let (id, profile) = (columns.next().expect("id"), columns.next().expect("profile"));
        let (kind, control) = (columns.next().expect("kind"), columns.next().expect("control"));
        let loaded = server::testing::profile(profile, &[]);
        let claim = loaded.claim(id).unwrap_or_else(|| unreachable!("{id} is not in {profile}"));
        assert_eq!(Some(claim.binding.kind()), Kind::parse(kind), "{id}");
        let bound = match &claim.binding {
            Binding::Checks { control, .. } => (*control).to_owned(),
            Binding::Coming { control, .. } => control.clone(),
            Binding::Evidence { .. } | Binding::Milestone { .. } | Binding::Published { .. } => String::new(),
        };
        assert_eq!(bound, control, "{id}");
        *counts.entry(profile.to_owned()).or_default() += 1;
    }
    for (profile, count) in &counts {
        assert_eq!(server::testing::profile(profile, &[]).claims.len(), *count, "{profile}");
    }
    assert_eq!(counts.values().sum::<usize>(), 197);
}

#[test]
fn a_claim_without_a_binding_is_refused() {
    refused("aertous", "control = \"mfa\"\n", "\n", "id = \"P0", "is not bound to anything");
}

#[test]
fn a_claim_with_two_bindings_is_refused() {
    refused(
        "aertous",
        "control = \"mfa\"\n",
        "control = \"mfa\"\nconfirmed = 2026-01-01\n",
        "id = \"P0",
        "more than one binding",
    );
}

#[test]
fn a_number_typed_into_a_sentence_is_refused_in_digits_and_in_words() {
    for typed in ["after 90 days", "after ninety days", "every day, that is daily,", "within two hours"] {
        let (_, checked) = checked("aertous", "text = \"No account", &format!("text = \"Gone {typed}: no account"));
        assert!(checked.errors.iter().any(|flaw| flaw.message.contains("number")), "{typed}: {:?}", checked.errors);
    }
}

#[test]
fn a_placeholder_for_what_is_not_promised_is_refused() {
    refused("stack-aero", "purge_days = 120", "audit_extra = 1", "audit_extra", "unknown field");
    refused(
        "aertous",
        "patch_high_days = 7\n",
        "",
        "{clocks.patch_high_days}",
        "names a value that this profile does not set",
    );
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_known_one() {
    refused("aertous", "purge_days = 90", "purge_dayz = 90", "purge_dayz", "did you mean \"purge_days\"");
    refused("aertous", "[retention]", "[retenshun]", "[retenshun]", "did you mean \"retention\"");
}

#[test]
fn a_permission_nobody_knows_is_told_with_the_nearest_known_one() {
    refused("aertous", "\"members_read\"", "\"members_raed\"", "members_raed", "did you mean \"members_read\"");
}

#[test]
fn a_role_that_grants_nothing_or_everything_is_refused() {
    let start = "[roles.Nobody]\ngrants = []\n\n[roles.CISO]";
    refused("aertous", "[roles.CISO]", start, "grants = []", "grants nothing");
    let start = "[roles.Root]\ngrants = [\"*\"]\n\n[roles.CISO]";
    refused("aertous", "[roles.CISO]", start, "grants = [\"*\"]", "wildcards are refused");
}

#[test]
fn a_schedule_goes_from_one_clear_instant_to_another_in_rows_of_what_can_be_taken() {
    let whole = "schedule = { from = \"starts\", to = \"ends\", by = \"aircraft\", without = { field = \"status\", choices = [\"Cancelled\"] } }";
    for (wrong, complaint) in [
        ("{ from = \"start\", to = \"ends\" }", "this register has no field \"start\"; did you mean \"starts\""),
        ("{ from = \"starts\", to = \"student\" }", "\"student\" is no clear instant"),
        ("{ from = \"starts\", to = \"starts\" }", "this is the same twice"),
        ("{ from = \"starts\" }", "missing field `to`"),
        ("{ from = \"starts\", to = \"ends\", by = \"reference\" }", "\"reference\" makes no rows"),
        ("{ from = \"starts\", to = \"ends\", by = \"plane\" }", "this register has no field \"plane\""),
        (
            "{ from = \"starts\", to = \"ends\", without = { field = \"aircraft\", choices = [] } }",
            "\"aircraft\" is no clear choice",
        ),
        (
            "{ from = \"starts\", to = \"ends\", without = { field = \"status\", choices = [\"Canceled\"] } }",
            "there is no choice \"Canceled\" of this field; did you mean \"Cancelled\"",
        ),
        ("{ from = \"starts\", to = \"ends\", colour = \"red\" }", "unknown field `colour`"),
    ] {
        refused("stratuslog", whole, &format!("schedule = {wrong}"), "schedule =", complaint);
    }
}

#[test]
fn a_control_nobody_knows_is_told_with_the_nearest_known_one() {
    refused("aertous", "control = \"transport\"", "control = \"transprot\"", "transprot", "did you mean \"transport\"");
    refused("aertous", "checks = [\"hsts\"]", "checks = [\"hstss\"]", "hstss", "did you mean \"hsts\"");
}

#[test]
fn what_cannot_be_is_refused() {
    refused("aertous", "minimum_length = 12", "minimum_length = 200", "[passwords]", "nobody could choose a password");
    refused("aertous", "attempts = 10", "attempts = 101", "[passwords]", "at most 100");
    refused("aertous", "hsts_days = 730", "hsts_days = 30", "[transport]", "at least 365");
    refused("aertous", "late_after_hours = 26", "late_after_hours = 2", "[backups]", "would fail between two backups");
    refused("aertous", "purge_days = 90", "purge_days = 0", "purge_days = 0", "nonzero");
    refused("aertous", "purge_days = 90", "purge_days = -1", "purge_days = -1", "nonzero");
    refused("aertous", "body_kib = 256", "body_kib = 4000000000", "[limits]", "held in memory");
    refused("aertous", "body_kib = 256", "body_kib = 256\nupload_kib = 65537", "[limits]", "upload_kib is at most");
    refused("aertous", "date = 2026-09-30", "date = 9999-12-31", "id = \"P0", "between the years");
    refused("aertous", "cadence_days = 365", "cadence_days = 4000000", "id = \"P", "a cadence above");
    refused("aertous", "Europe/Brussels", "Europe/Bruxelles", "[calendar]", "not an IANA name");
    refused("aertous", "security@aertous.example", "security", "security = \"security\"", "has an @ in it");
    refused(
        "aertous",
        "https://status.aertous.example",
        "javascript:alert(1)",
        "javascript:",
        "neither an https:// address",
    );
    refused("aertous", "confirmed = 2026-04-30", "confirmed = 2027-04-30", "2027-04-30", "has not come yet");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let source = Source::named("aertous").expect("shipped");
    let text = source.text().expect("text").replacen("purge_days = 90", "purge_dayz = 90", 1).replacen(
        "\"members_read\"",
        "\"members_raed\"",
        1,
    );
    let errors = check(&source, &text, START.date()).errors;
    assert!(errors.iter().any(|flaw| flaw.message.contains("purge_days")), "{errors:?}");
    assert!(errors.iter().any(|flaw| flaw.message.contains("members_read")), "{errors:?}");
}

#[test]
fn the_contradictions_of_the_originals_are_listed() {
    let warned = |name: &str, complaint: &str| {
        let source = Source::named(name).expect("shipped");
        let warnings = check(&source, &source.text().expect("text"), START.date()).warnings;
        assert!(
            warnings.iter().any(|flaw| flaw.message.contains(complaint)),
            "{name}: no {complaint:?} in {warnings:?}"
        );
    };
    warned("stack-aero", "two clocks");
    warned("aertous", "P118: one region for all data");
    warned("aertous", "BetterStack is named in the sentence and missing");
    warned("stratuslog", "row-level isolation needs PostgreSQL");
    warned("stratuslog", "\"periodically\" promises nothing");
    warned("stratuslog", "\"promptly\" promises nothing");
}

#[test]
fn a_health_field_that_is_not_a_date_is_refused() {
    refused(
        "stratuslog",
        "kind = \"date\"\npersonal = true\nhealth = true",
        "kind = \"text\"\npersonal = true\nhealth = true",
        "medical_expiry",
        "may only be a date",
    );
}

#[test]
fn a_text_that_is_to_be_kept_clear_is_refused() {
    let (_, checked) = checked("aertous", "kind = \"text\"\n", "kind = \"text\"\nclear = true\n");
    assert!(checked.errors.iter().any(|flaw| flaw.message.contains("always sealed")), "{:?}", checked.errors);
}

#[test]
fn figures_in_sentences_come_from_the_policy() {
    let said = |days: u32| {
        let profile =
            server::testing::profile("aertous", &[("patch_high_days = 7", &format!("patch_high_days = {days}"))]);
        let claim = profile.claim("P116").expect("P116").clone();
        format!("{:?}", claim.sentence)
    };
    assert!(said(7).contains("7 days") && said(9).contains("9 days") && !said(9).contains("7 days"));
}

#[test]
fn every_control_of_a_profile_is_here_or_said_to_be_coming() {
    for name in shipped() {
        for claim in &server::testing::profile(name, &[]).claims {
            match &claim.binding {
                Binding::Checks { control, checks } => {
                    assert!(controls::find(control).is_some(), "{control}");
                    assert!(!checks.is_empty() && checks.iter().all(|check: &Check| check.about().control == *control));
                }
                Binding::Coming { control, checks, .. } => {
                    assert!(controls::coming(control, checks.first().map(String::as_str)).is_some(), "{control}");
                }
                Binding::Evidence { .. } | Binding::Milestone { .. } | Binding::Published { .. } => {}
            }
        }
    }
}
