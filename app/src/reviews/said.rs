//! What these pages say of a review and of an item, in words.

use contract::access::Page;
use contract::permission::Permission;
use leptos::prelude::*;
use server::guard::Person;
use server::reviews::{Advice, Along, Campaign, Counts, Decision, Item, Kind, Scope, Silence, State, Status, WhenDue};
use time::OffsetDateTime;

use super::desk::Desk;
use super::item::{Shown, Stands};
use crate::organisation::frame::{badge, may, when};
use crate::ui::chart::number;
use crate::ui::form::sentence;

/// Value and label of everything that there is of one kind of word.
macro_rules! options {
    ($type:ident) => {
        $type::ALL.iter().map(|one| (one.word().to_owned(), one.said().to_owned())).collect()
    };
}

pub fn kinds() -> Vec<(String, String)> {
    Kind::ALL
        .iter()
        .filter(|kind| **kind != Kind::Seat)
        .map(|kind| (kind.word().to_owned(), kind.said().to_owned()))
        .collect()
}

pub fn advice() -> Vec<(String, String)> {
    options!(Advice)
}

/// What was decided, and that nothing was.
pub fn stands() -> Vec<(String, String)> {
    let decisions: Vec<(String, String)> = options!(Decision);
    [("undecided".to_owned(), "Nothing yet".to_owned())].into_iter().chain(decisions).collect()
}

pub const fn of_decision(decision: Option<Decision>) -> Stands {
    match decision {
        None => Stands::Undecided,
        Some(Decision::Keep) => Stands::Keep,
        Some(Decision::Revoke) => Stands::Revoke,
        Some(Decision::Change) => Stands::Change,
    }
}

/// What a review is about.
pub fn scope(scope: &Scope, unit: Option<&str>) -> String {
    match scope {
        Scope::All => "everything that grants anything".to_owned(),
        Scope::Role(role) => format!("the role {role}"),
        Scope::Unit(_) => unit.map_or_else(|| "one unit".to_owned(), |unit| format!("the unit {unit}")),
        Scope::Privileged => "what permits much".to_owned(),
        Scope::Unused => "what was not used for 90 days".to_owned(),
    }
}

/// The same as a form says it.
pub fn scope_word(scope: &Scope) -> String {
    match scope {
        Scope::Role(role) => format!("{}:{role}", scope.word()),
        Scope::Unit(unit) => format!("{}:{unit}", scope.word()),
        Scope::All | Scope::Privileged | Scope::Unused => scope.word().to_owned(),
    }
}

/// A kind by its word.
pub fn kind(word: &str) -> String {
    Kind::parse(word).map_or_else(|| word.to_owned(), |kind| kind.said().to_owned())
}

pub fn status(campaign: &Campaign) -> AnyView {
    standing(campaign.status, campaign.overdue)
}

pub fn standing(status: Status, overdue: bool) -> AnyView {
    match status {
        Status::Draft => badge("Draft", "unproven"),
        Status::Open if overdue => badge("Overdue", "failing"),
        Status::Open => badge("Open", "stated"),
        Status::Closed => badge("Closed", "proven"),
    }
}

/// How many were decided, in whatever way.
pub const fn decided(counts: &Counts) -> u64 {
    counts.items.saturating_sub(counts.pending)
}

/// How many were kept and are what they were. What ended otherwise, or with a membership, was decided to be kept, too; so was what nobody else
/// could decide on, which is a fact of its own.
pub const fn kept(counts: &Counts) -> u64 {
    counts.keep.saturating_sub(counts.ended_otherwise).saturating_sub(counts.ended).saturating_sub(counts.alone)
}

pub fn in_words(counts: &Counts) -> String {
    let parts = [
        (kept(counts), "kept"),
        (counts.alone, "kept: nobody else could decide"),
        (counts.change, "changed"),
        (counts.revoke, "revoked"),
        (counts.ended_otherwise, "to be kept, ended otherwise and explained"),
        (counts.ended, "ended with the membership"),
        (counts.gone.saturating_sub(counts.ended_otherwise), "gone before anybody decided"),
        (counts.pending, "not decided"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(value, _)| *value > 0)
        .map(|(value, said)| format!("{} {said}", number(*value)))
        .collect();
    if parts.is_empty() { "Nothing in it".to_owned() } else { parts.join(", ") }
}

/// An item as the list shows it.
pub fn shown(desk: &Desk<'_>, person: &Person, item: &Item, roles: &[String], open: bool) -> Shown {
    let visit = desk.visit;
    let mut signs: Vec<(String, &'static str)> = Vec::new();
    if item.account == Some(person.account.0) {
        signs.push(("You".to_owned(), "stated"));
    }
    if item.orphaned {
        signs.push(("Nobody who is known".to_owned(), "failing"));
    }
    if item.privileged {
        signs.push(("Permits much".to_owned(), "ageing"));
    }
    match item.state {
        State::Gone => signs.push(("Gone since".to_owned(), "unproven")),
        State::Changed => signs.push(("Changed since".to_owned(), "ageing")),
        State::Ended => signs.push(("Ended with the membership".to_owned(), "unproven")),
        State::Pending | State::Decided | State::Applied => {}
    }
    let page = |id| format!("{}/{id}", visit.path_of(Page::Members));
    let opens = may(visit, Permission::MembersRead) && item.kind != Kind::Invitation && !item.orphaned;
    let changeable = matches!(item.kind, Kind::Membership | Kind::Invitation) && item.role.is_some();
    Shown {
        id: item.id,
        review: item.review,
        who: item.who.clone(),
        href: item.account.filter(|_| opens).map(page),
        signs,
        what: what(item),
        privileged: item.privileged,
        context: context(person, item),
        advice: advised(item),
        stands: of_decision(item.decision),
        said: decision(person, item),
        note: item.note.clone(),
        remarks: Vec::new(),
        remark_count: item.remarks,
        barred: item.may_decide.as_ref().err().map(|barred| barred.said().to_owned()),
        open,
        roles: if changeable { roles.to_vec() } else { Vec::new() },
        role: item.role.clone().unwrap_or_default(),
    }
}

/// What is granted.
fn what(item: &Item) -> String {
    let role = item.role.as_ref().map(|role| format!(": {role}"));
    let target = item.target.as_ref().map(|target| format!(", only {target}"));
    let address = if item.address.is_empty() || item.address == item.who {
        String::new()
    } else {
        format!("{} \u{b7} ", item.address)
    };
    format!("{address}{}{}{}", item.kind.said(), role.unwrap_or_default(), target.unwrap_or_default())
}

fn context(person: &Person, item: &Item) -> Vec<(&'static str, String)> {
    let at = |at: OffsetDateTime| when(person, at);
    let used = item.last_used.map_or_else(|| "Never".to_owned(), at);
    let by = item.granted_by.as_ref().map_or_else(|| "nobody wrote down by whom".to_owned(), |by| format!("by {by}"));
    let mut facts = vec![("Granted", format!("{}, {by}", at(item.granted_at)))];
    // Whoever was only invited has not been here yet.
    if item.kind != Kind::Invitation {
        facts.insert(0, ("Last used", used));
        facts.push(("Second factor", if item.second_factor { "Set up" } else { "None" }.to_owned()));
    }
    if item.role.is_some() {
        let peers = match item.peers {
            0 => "Nobody else".to_owned(),
            1 => "1 other".to_owned(),
            many => format!("{} others", number(many)),
        };
        facts.push(("Same role", peers));
    }
    facts.extend(item.ends_at.map(|ends| ("Ends", at(ends))));
    facts.extend(along(item));
    facts.push(("Last time", item.previous.map_or("Not reviewed", Decision::said).to_owned()));
    facts.extend(item.reviewer.clone().map(|reviewer| ("Given to", reviewer)));
    for vote in &item.votes {
        let role = vote.role.as_ref().map(|role| format!(" to {role}")).unwrap_or_default();
        let note = vote.note.as_ref().map(|note| format!(": \u{201c}{note}\u{201d}")).unwrap_or_default();
        facts.push(("Earlier stage", format!("{}{role}, {}{note}", vote.decision.said(), vote.who)));
    }
    facts
}

/// What a decision does beyond what it is about: whoever decides reads that first.
fn along(item: &Item) -> Option<(&'static str, String)> {
    let Along { goes, kept, ends } = item.along;
    if ends && item.state != State::Ended {
        return Some((
            "Hangs on",
            "A membership that is revoked in this review. This ends with it, also if it is kept".to_owned(),
        ));
    }
    if goes == 0 {
        return None;
    }
    let what =
        if goes == 1 { "1 unit, record or secret address ends" } else { "units, records or secret addresses end" };
    let what = if goes == 1 { what.to_owned() } else { format!("{} {what}", number(goes)) };
    let kept = match kept {
        0 => String::new(),
        1 => "; 1 was decided to be kept and ends all the same".to_owned(),
        many => format!("; {} were decided to be kept and end all the same", number(many)),
    };
    Some(("If revoked", format!("{what} with it{kept}")))
}

fn advised(item: &Item) -> Option<(String, String)> {
    let why = sentence(item.reason.said());
    matches!(item.state, State::Pending | State::Decided).then(|| (format!("{}?", item.recommendation.said()), why))
}

/// How an item stands.
fn decision(person: &Person, item: &Item) -> String {
    let role = item.new_role.as_ref().map(|role| format!(" to {role}")).unwrap_or_default();
    let said = match item.decision {
        None => {
            return if item.state == State::Gone { "Gone before anybody decided" } else { "Not decided" }.to_owned();
        }
        Some(Decision::Keep) => "Kept".to_owned(),
        Some(Decision::Revoke) => "Revoked".to_owned(),
        Some(Decision::Change) => format!("Changed{role}"),
    };
    let by = match (&item.decided_by, item.silent) {
        (_, true) if item.alone => ": nobody else could decide".to_owned(),
        (_, true) => " by silence".to_owned(),
        (Some(by), false) => format!(" by {by}"),
        (None, false) => String::new(),
    };
    let at = item.decided_at.map(|at| format!(", {}", when(person, at))).unwrap_or_default();
    let many = if item.bulk { ", with others" } else { "" };
    let done =
        if item.state == State::Decided && item.decision != Some(Decision::Keep) { "; takes effect later" } else { "" };
    let ended = if item.state == State::Ended { "; ended with the membership" } else { "" };
    let differs = explained(person, item).map(|said| format!("; {said}")).unwrap_or_default();
    format!("{said}{by}{at}{many}{done}{ended}{differs}")
}

/// What became of an item other than was decided, and who explained that how.
pub fn explained(person: &Person, item: &Item) -> Option<String> {
    let (became, settled) = item.differed()?;
    let became = became.said(|at| when(person, at));
    Some(format!(
        "{became}, explained by {} ({}): \u{201c}{}\u{201d}",
        settled.by,
        when(person, settled.at),
        settled.reason
    ))
}

/// An item whose end was explained, as a line of the report.
pub fn explanation(person: &Person, item: &Item) -> Option<String> {
    explained(person, item)?;
    Some(format!("{} ({}): {}", item.who, item.kind.said().to_lowercase(), decision(person, item)))
}

/// Who closed it, or that nobody had to.
pub fn closed_by(campaign: &Campaign) -> String {
    campaign.closed_by.as_ref().map_or_else(|| " by itself".to_owned(), |by| format!(" by {by}"))
}

/// That nobody may decide on some items, what becomes of them, and what to do about it.
pub fn alone(items: u64, silence: Silence) -> Option<String> {
    let (which, it) = match items {
        0 => return None,
        1 => ("1 item".to_owned(), "it"),
        many => (format!("{} items", number(many)), "each of them"),
    };
    let becomes = match silence {
        Silence::Keep => format!("{it} is kept, and the report says \u{201c}kept: nobody else could decide\u{201d}"),
        Silence::Revoke => format!("{it} is revoked, unless nobody would be left then who can manage the members"),
        Silence::Recommended => format!(
            "{it} becomes what is recommended; where that is to keep, the report says \u{201c}kept: nobody else could decide\u{201d}"
        ),
    };
    Some(format!(
        "Nobody may decide on {which}: whoever could is the one whose access it is, or decides in another stage. When the review is closed, {becomes}. To have somebody look at it, name another reviewer: give another person a role that decides in reviews."
    ))
}

/// What happens on the last day.
pub const fn when_due(campaign: &Campaign) -> &'static str {
    match campaign.when_due {
        WhenDue::Wait => "On the last day it waits for somebody to close it",
        WhenDue::Close => "On the last day it closes by itself, unless something differs from what was decided",
    }
}
