//! What a reader would stumble over: vague words without a number, and promises that contradict each other.

use super::format::{Claim, Tables};
use super::place::Flaws;
use super::policy::Isolation;

/// Words that sound like a promise and cannot be checked.
const VAGUE: &[&str] = &[
    "periodically",
    "promptly",
    "reasonable",
    "reasonably",
    "modern",
    "small",
    "few",
    "timely",
    "regularly",
    "regular",
    "continual",
    "continually",
    "continuous",
    "continuously",
    "appropriate",
    "adequate",
    "robust",
    "state-of-the-art",
    "best-in-class",
    "industry-leading",
    "military-grade",
    "soon",
    "frequently",
    "occasionally",
    "undue",
    "reputable",
    "proactively",
    "world-class",
    "several",
    "most",
];

/// Companies that a sentence may name as handling data, to be found in the register when they do.
const VENDORS: &[&str] = &[
    "Salesforce",
    "Azure",
    "Microsoft",
    "Google",
    "Stripe",
    "Resend",
    "Cloudflare",
    "Vercel",
    "Supabase",
    "BetterStack",
    "Better Stack",
    "Calendly",
    "Dependabot",
    "GitHub",
    "AWS",
    "Amazon",
    "Apple",
    "Twilio",
    "SendGrid",
    "Datadog",
    "Sentry",
];

pub fn look(tables: &Tables, flaws: &mut Flaws<'_>) {
    for claim in &tables.claims {
        vague(claim, flaws);
        vendors(claim, tables, flaws);
        one_region(claim, tables, flaws);
    }
    two_clocks(tables, flaws);
    isolation(tables, flaws);
}

fn vague(claim: &Claim, flaws: &mut Flaws<'_>) {
    let sentence = claim.text.get_ref().to_lowercase();
    let words: Vec<&str> = sentence.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
    for word in VAGUE.iter().filter(|word| words.contains(word)) {
        flaws.warn(
            claim.text.span(),
            format!("{}: \"{word}\" promises nothing that can be checked; say a number", claim.id.get_ref()),
        );
    }
}

fn vendors(claim: &Claim, tables: &Tables, flaws: &mut Flaws<'_>) {
    let sentence = claim.text.get_ref();
    for vendor in VENDORS.iter().filter(|vendor| sentence.contains(**vendor)) {
        let listed = tables.sub_processors.iter().any(|one| one.name.contains(vendor));
        if !listed {
            flaws.warn(
                claim.text.span(),
                format!(
                    "{}: {vendor} is named in the sentence and missing from [[sub_processors]]",
                    claim.id.get_ref()
                ),
            );
        }
    }
}

/// A sentence that puts all data into one region, beside a sub-processor that is elsewhere or nowhere.
fn one_region(claim: &Claim, tables: &Tables, flaws: &mut Flaws<'_>) {
    let sentence = claim.text.get_ref();
    let lower = sentence.to_lowercase();
    let Some(home) = tables
        .sub_processors
        .iter()
        .find(|one| sentence.contains(&format!("{{sub_processors.{}.region}}", one.id.get_ref())))
    else {
        return;
    };
    let all_of_it = ["all ", "every ", "each ", "only ", "entire", "single"].iter().any(|word| lower.contains(word));
    if !all_of_it {
        return;
    }
    for other in tables.sub_processors.iter().filter(|other| other.region != home.region) {
        let place =
            other.region.as_deref().map_or_else(|| "has no region".to_owned(), |region| format!("is in {region}"));
        flaws.warn(
            claim.text.span(),
            format!("{}: one region for all data, and the sub-processor {} {place}", claim.id.get_ref(), other.name),
        );
    }
}

fn two_clocks(tables: &Tables, flaws: &mut Flaws<'_>) {
    if let Some(clocks) = &tables.clocks
        && let (Some(hours), Some(business)) =
            (clocks.get_ref().offboarding_hours, clocks.get_ref().offboarding_business_hours)
    {
        flaws.warn(
            clocks.span(),
            format!(
                "offboarding has two clocks, {hours} hours and {business} business hours; whichever ends first governs"
            ),
        );
    }
}

fn isolation(tables: &Tables, flaws: &mut Flaws<'_>) {
    let Some(tenancy) = &tables.tenancy else { return };
    match tenancy.isolation.get_ref() {
        Isolation::Scoped | Isolation::Dedicated => {}
        Isolation::RowLevel => flaws.warn(
            tenancy.isolation.span(),
            "row-level isolation needs PostgreSQL; on the embedded SQLite its claims read unavailable",
        ),
    }
}
