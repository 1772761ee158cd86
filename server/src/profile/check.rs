//! From tables to a `Profile`: refuses what could not be kept or would not be true, and says what would be right.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use contract::permission::Permission;
use contract::text::{EmailAddress, is_safe_link, is_slug};
use time::Date;
use toml::Spanned;

use super::figures::Figures;
use super::format::{self, Tables};
use super::place::{Flaws, did_you_mean};
use super::policy::{Limits, MfaRule, Policy};

use super::{
    Checked, Contacts, Document, Profile, Role, Section, Source, claims, components, read, registers, warnings,
};

use crate::frameworks::{self, Framework};

/// Checks a profile's text against what this program can do, on the day `today`.
pub fn check(source: &Source, text: &str, today: Date) -> Checked {
    let mut flaws = Flaws::new(text);
    let tables = read::tables(text, &mut flaws);
    let profile = assemble(source, &tables, today, &mut flaws);
    let Flaws { mut errors, mut warnings, .. } = flaws;
    errors.sort();
    warnings.sort();
    Checked { profile: profile.filter(|_| errors.is_empty()), errors, warnings }
}

fn assemble(source: &Source, tables: &Tables, today: Date, flaws: &mut Flaws<'_>) -> Option<Profile> {
    let policy = policy(tables, flaws);
    let frameworks = load_frameworks(tables, flaws);
    contacts(tables, flaws);
    let roles = roles(tables, flaws);
    registers::registers(tables, flaws);
    slugs_once("sub-processor", tables.sub_processors.iter().map(|one| &one.id), flaws);
    let components = components::components(tables, flaws);
    let documents = documents(source, tables, today, flaws);
    let sections = sections(tables, flaws);
    for (what, missing) in [
        ("id", tables.id.is_none()),
        ("brand", tables.brand.is_none()),
        ("contacts", tables.contacts.is_none()),
        ("tenancy", tables.tenancy.is_none()),
        ("mfa", tables.mfa.is_none()),
    ] {
        if missing && flaws.errors.is_empty() {
            flaws.error(0..0, format!("the profile has no \"{what}\"; see the reference of the format"));
        }
    }
    if let Some(id) = tables.id.as_ref().filter(|id| !is_slug(id.get_ref())) {
        flaws.error(id.span(), "the id is a slug: a-z, 0-9 and hyphens");
    }
    let policy = policy?;
    let figures = Figures::gather(tables, &policy, &frameworks);
    let claims = claims::claims(tables, &figures, today, flaws);
    warnings::look(tables, flaws);

    let (brand, contacts, tenancy) = (tables.brand.as_ref()?, tables.contacts.as_ref()?, tables.tenancy.as_ref()?);
    Some(Profile {
        id: tables.id.as_ref()?.get_ref().clone(),
        name: brand.name.clone(),
        legal_entity: brand.legal_entity.clone(),
        line: brand.line.clone(),
        effective: brand.effective.0,
        contacts: Contacts {
            security: contacts.security.get_ref().clone(),
            security_subject: contacts.security_subject.clone(),
            privacy: contacts.privacy.as_ref().map(|text| text.get_ref().clone()),
            general: contacts.general.as_ref().map(|text| text.get_ref().clone()),
        },
        links: tables.links.iter().map(|link| (link.title.clone(), link.url.get_ref().clone())).collect(),
        isolation: *tenancy.isolation.get_ref(),
        organisation: tenancy.organisation.clone(),
        organisations: tenancy.organisations.clone(),
        unit: tenancy.unit.clone(),
        units: tenancy.units.clone(),
        mfa: tables.mfa.as_ref()?.rule,
        policy,
        roles,
        registers: tables.registers.clone(),
        frameworks,
        sub_processors: tables.sub_processors.clone(),
        components,
        documents,
        sections,
        claims,
    })
}

fn policy(tables: &Tables, flaws: &mut Flaws<'_>) -> Option<Policy> {
    if let Some(passwords) = &tables.passwords {
        let (span, rules) = (passwords.span(), passwords.get_ref());
        if rules.minimum_length > rules.maximum_length {
            flaws.error(span.clone(), "minimum_length is above maximum_length: nobody could choose a password");
        }
        if rules.attempts.get() > 100 {
            flaws.error(span.clone(), "attempts is at most 100 (NIST SP 800-63B section 5.2.2)");
        }
        if rules.argon2_memory_kib.get() < 19_456 || rules.argon2_passes.get() < 2 {
            flaws.error(span, "argon2 takes at least argon2_memory_kib = 19456 with argon2_passes = 2 (OWASP Password Storage Cheat Sheet)");
        }
    }
    if let Some(backups) =
        tables.backups.as_ref().filter(|backups| backups.get_ref().late_after_hours < backups.get_ref().every_hours)
    {
        flaws.error(backups.span(), "late_after_hours is below every_hours: the claim would fail between two backups");
    }
    if let Some(mfa) = &tables.mfa {
        second_factor(mfa, flaws);
    }
    if let Some(transport) = tables.transport.as_ref().filter(|transport| transport.get_ref().hsts_days.get() < 365) {
        flaws.error(transport.span(), "hsts_days is at least 365: browsers' preload lists take nothing shorter");
    }
    if let Some(limits) = tables.limits.as_ref() {
        let Limits { body_kib, upload_kib, .. } = limits.get_ref();
        for (name, kib) in [("body_kib", body_kib), ("upload_kib", upload_kib)] {
            if kib.get() > 65_536 {
                flaws.error(limits.span(), format!("{name} is at most 65536: it is held in memory"));
            }
        }
    }
    if let Some(calendar) = &tables.calendar {
        check_calendar(calendar, flaws);
    }
    let Tables {
        sign_up,
        sessions,
        passwords,
        retention,
        clocks,
        calendar,
        reviews,
        billing,
        backups,
        keys,
        operators,
        limits,
        certificates,
        transport,
        mfa,
        ..
    } = tables;
    let complete = flaws.errors.is_empty();
    let mut needed = |name: &str, there: bool| {
        if !there && complete {
            flaws.error(0..0, format!("the profile has no table [{name}]; see the reference of the format"));
        }
    };
    for (name, there) in [
        ("sign_up", sign_up.is_some()),
        ("sessions", sessions.is_some()),
        ("passwords", passwords.is_some()),
        ("retention", retention.is_some()),
        ("calendar", calendar.is_some()),
        ("backups", backups.is_some()),
        ("keys", keys.is_some()),
        ("limits", limits.is_some()),
        ("transport", transport.is_some()),
    ] {
        needed(name, there);
    }
    Some(Policy {
        sign_up: sign_up.as_ref().map(|sign_up| super::policy::SignUp {
            work_addresses_only: sign_up.work_addresses_only,
            first_role: sign_up.first_role.get_ref().clone(),
            verification_hours: sign_up.verification_hours,
            invitation_days: sign_up.invitation_days,
        })?,
        sessions: sessions.clone()?,
        passwords: passwords.as_ref()?.get_ref().clone(),
        retention: retention.clone()?,
        clocks: clocks.as_ref().map(|clocks| clocks.get_ref().clone()).unwrap_or_default(),
        calendar: calendar.as_ref()?.get_ref().clone(),
        reviews: reviews.clone().unwrap_or_default(),
        billing: billing.clone().unwrap_or_default(),
        backups: backups.as_ref()?.get_ref().clone(),
        keys: keys.clone()?,
        operators: operators.clone(),
        mfa: mfa.as_ref().map(|mfa| super::policy::Mfa {
            code_seconds: *mfa.code_seconds.get_ref(),
            code_skew_steps: *mfa.code_skew_steps.get_ref(),
            backup_codes: *mfa.backup_codes.get_ref(),
        })?,
        limits: limits.as_ref()?.get_ref().clone(),
        certificates: certificates.clone(),
        transport: transport.as_ref()?.get_ref().clone(),
    })
}

fn check_calendar(calendar: &Spanned<super::policy::Calendar>, flaws: &mut Flaws<'_>) {
    let (span, days) = (calendar.span(), calendar.get_ref());
    if jiff::tz::TimeZone::get(&days.time_zone).is_err() {
        flaws.error(
            span.clone(),
            format!("time_zone \"{}\" is not an IANA name such as \"Europe/Brussels\"", days.time_zone),
        );
    }
    let time = |text: &str| text.parse::<jiff::civil::Time>().ok();
    match (time(&days.opens), time(&days.closes)) {
        (Some(opens), Some(closes)) if opens < closes => {}
        (_, _) => flaws.error(
            span.clone(),
            "opens and closes are times of one day such as \"09:00\" and \"17:00\", in that order",
        ),
    }
    if days.workdays.is_empty() {
        flaws.error(span, "workdays names at least one day: a business clock would never run");
    }
}

fn load_frameworks(tables: &Tables, flaws: &mut Flaws<'_>) -> Vec<Framework> {
    let wanted = tables.frameworks.as_ref().map(|frameworks| frameworks.load.as_slice()).unwrap_or_default();
    let mut loaded = Vec::new();
    for id in wanted {
        match frameworks::load(id.get_ref()) {
            Some(framework) => loaded.push(framework),
            None => flaws.error(
                id.span(),
                format!(
                    "there is no framework \"{}\"{}",
                    id.get_ref(),
                    did_you_mean(id.get_ref(), frameworks::known())
                ),
            ),
        }
    }
    loaded
}

fn contacts(tables: &Tables, flaws: &mut Flaws<'_>) {
    if let Some(contacts) = &tables.contacts {
        for address in [Some(&contacts.security), contacts.privacy.as_ref()].into_iter().flatten() {
            if let Err(wrong) = EmailAddress::parse(address.get_ref()) {
                flaws.error(address.span(), format!("\"{}\": {wrong}", address.get_ref()));
            }
        }
        if let Some(page) = &contacts.general {
            link(page, flaws);
        }
    }
    for one in &tables.links {
        link(&one.url, flaws);
    }
    slugs_once("link", tables.links.iter().map(|link| &link.id), flaws);
}

fn link(url: &Spanned<String>, flaws: &mut Flaws<'_>) {
    if !is_safe_link(url.get_ref()) {
        flaws
            .error(url.span(), format!("\"{}\" is neither an https:// address nor a path on this site", url.get_ref()));
    }
}

/// What an authenticator app can follow, and what cannot be guessed in the time that a code lives.
fn second_factor(mfa: &format::Mfa, flaws: &mut Flaws<'_>) {
    if !(15..=120).contains(&mfa.code_seconds.get_ref().get()) {
        flaws.error(
            mfa.code_seconds.span(),
            "code_seconds is 15 to 120; 30 is what every app knows (RFC 6238 section 5.2)",
        );
    }
    if *mfa.code_skew_steps.get_ref() > 2 {
        flaws.error(
            mfa.code_skew_steps.span(),
            "code_skew_steps is at most 2: each step gives a guesser two more codes",
        );
    }
    if !(1..=50).contains(&mfa.backup_codes.get_ref().get()) {
        flaws.error(mfa.backup_codes.span(), "backup_codes is 1 to 50");
    }
}

/// Names of one kind: a slug each, and each once.
pub(super) fn slugs_once<'t>(what: &str, ids: impl Iterator<Item = &'t Spanned<String>>, flaws: &mut Flaws<'_>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        let name = id.get_ref();
        if !is_slug(&name.replace('_', "-")) {
            flaws.error(
                id.span(),
                format!("the {what} id \"{name}\" has something else in it than a-z, 0-9, hyphens and underscores"),
            );
        }
        if !seen.insert(name) {
            flaws.error(id.span(), format!("the {what} id \"{name}\" is used twice"));
        }
    }
}

fn roles(tables: &Tables, flaws: &mut Flaws<'_>) -> BTreeMap<String, Role> {
    if tables.roles.is_empty() && flaws.errors.is_empty() {
        flaws.error(0..0, "the profile has no roles: nobody could do anything");
    }
    let forced = |privileged: bool| match tables.mfa.as_ref().map(|mfa| mfa.rule) {
        Some(MfaRule::Everyone) => true,
        Some(MfaRule::Privileged) => privileged,
        Some(MfaRule::Offered) | None => false,
    };
    let mut roles = BTreeMap::new();
    for (name, role) in &tables.roles {
        let mut grants = BTreeSet::new();
        if role.grants.get_ref().is_empty() {
            flaws.error(
                role.grants.span(),
                format!("the role \"{}\" grants nothing; give it at least one permission", name.get_ref()),
            );
        }
        for grant in role.grants.get_ref() {
            match Permission::parse(grant.get_ref()) {
                Some(permission) => {
                    grants.insert(permission);
                }
                None if grant.get_ref().contains('*') => flaws.error(
                    grant.span(),
                    "wildcards are refused: name each permission, so that a new one is never granted by accident",
                ),
                None => flaws.error(
                    grant.span(),
                    format!(
                        "there is no permission \"{}\"{}",
                        grant.get_ref(),
                        did_you_mean(grant.get_ref(), Permission::ALL.iter().map(|permission| permission.word()))
                    ),
                ),
            }
        }
        roles.insert(
            name.get_ref().clone(),
            Role {
                privileged: role.privileged,
                mfa: role.mfa || forced(role.privileged),
                grants: Permission::with_implied(grants),
            },
        );
    }
    if let Some(first) = tables.sign_up.as_ref().map(|sign_up| &sign_up.first_role)
        && !roles.contains_key(first.get_ref())
        && !roles.is_empty()
    {
        let near = did_you_mean(first.get_ref(), roles.keys().map(String::as_str));
        flaws.error(first.span(), format!("there is no role \"{}\"{near}", first.get_ref()));
    }
    roles
}

fn documents(source: &Source, tables: &Tables, today: Date, flaws: &mut Flaws<'_>) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut seen = BTreeSet::new();
    for document in &tables.documents {
        let version = document.version.get_ref().0;
        not_after(version, today, document.version.span(), flaws);
        if !seen.insert((document.kind, version)) {
            flaws.error(document.version.span(), "this version of the document is listed twice");
        }
        match source.document(document.file.get_ref()) {
            Ok(markdown) => documents.push(Document { kind: document.kind, version, markdown }),
            Err(wrong) => flaws.error(document.file.span(), wrong),
        }
    }
    for (kind, name) in [(format::DocumentKind::Privacy, "privacy"), (format::DocumentKind::Terms, "terms")] {
        if flaws.errors.is_empty() && !documents.iter().any(|document| document.kind == kind) {
            flaws.error(0..0, format!("the profile has no document of kind \"{name}\""));
        }
    }
    documents
}

fn sections(tables: &Tables, flaws: &mut Flaws<'_>) -> Vec<Section> {
    slugs_once("section", tables.sections.iter().map(|section| &section.id), flaws);
    for section in &tables.sections {
        let used = tables.claims.iter().any(|claim| claim.section.get_ref() == section.id.get_ref());
        if !used && !tables.claims.is_empty() {
            flaws.error(section.id.span(), format!("no claim stands in the section \"{}\"", section.id.get_ref()));
        }
    }
    tables
        .sections
        .iter()
        .map(|section| Section {
            id: section.id.get_ref().clone(),
            title: section.title.clone(),
            line: section.line.as_ref().map(|line| line.get_ref().clone()),
        })
        .collect()
}

pub(super) fn not_after(date: Date, today: Date, span: Range<usize>, flaws: &mut Flaws<'_>) {
    if date > today {
        flaws.error(span, format!("{date} has not come yet (today is {today})"));
    }
}
