//! One item: who has what, what is known of it, and the form that decides. The same for an organisation's grants and for the vendor's seats.

use contract::access::Act;
use leptos::prelude::*;
use uuid::Uuid;

use super::desk::{Deed, Desk};
use crate::http::people::Typed;
use crate::organisation::frame::{self, badge, small};
use crate::ui::form::{hidden, sentence, ticked};

/// The form that the boxes of the items belong to.
pub const MANY: &str = "many";

/// What has been decided so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Undecided,
    Keep,
    Revoke,
    Change,
}

impl Stands {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Keep => "keep",
            Self::Revoke => "revoke",
            Self::Change => "change",
        }
    }
}

/// One item as it is shown: everything in words.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: Uuid,
    pub review: Uuid,
    pub who: String,
    /// Their page, where there is one that the reader may open.
    pub href: Option<String>,
    /// Signs beside the name, each with its class.
    pub signs: Vec<(String, &'static str)>,
    pub what: String,
    pub privileged: bool,
    /// What is known of it: the name of the fact, and the fact.
    pub context: Vec<(&'static str, String)>,
    /// What is recommended, and why.
    pub advice: Option<(String, String)>,
    pub stands: Stands,
    /// How it stands, in words.
    pub said: String,
    pub note: Option<String>,
    /// Who said what about it, oldest first.
    pub remarks: Vec<String>,
    pub remark_count: u64,
    /// Why this person cannot decide on it, if they cannot.
    pub barred: Option<String>,
    /// Whether the review still takes decisions.
    pub open: bool,
    /// Roles that it can be changed to; none where there is no role.
    pub roles: Vec<String>,
    pub role: String,
}

/// One item of a list. What was typed into its form last stands there again when it was refused.
pub fn item(desk: &Desk<'_>, shown: &Shown, place: &str, typed: &Typed) -> AnyView {
    let refused = typed.problem.is_some() && typed.value("item") == shown.id.to_string();
    let was_ticked = ticked(typed, "items").contains(&shown.id.to_string());
    let typed = if refused { typed.clone() } else { Typed::default() };
    let wrong = typed.problem.as_ref().map(|problem| {
        let blamed: Vec<String> = problem.blames().into_iter().map(|(_, said)| sentence(&said)).collect();
        if blamed.is_empty() { sentence(&problem.detail()) } else { blamed.join(" ") }
    });
    let id = shown.id.to_string();
    let signs: Vec<AnyView> = shown.signs.iter().map(|(said, class)| badge(said.clone(), class)).collect();
    let name = match shown.href.clone() {
        Some(href) => view! { <a class="link" href=href>{shown.who.clone()}</a> }.into_any(),
        None => shown.who.clone().into_any(),
    };
    let decides = shown.open && desk.decides && shown.barred.is_none();
    let tick = (decides && !desk.seats).then(|| {
        let (value, label) = (id.clone(), format!("Choose {}", shown.who));
        view! { <input class="choose" type="checkbox" name="items" value=value form=MANY checked=was_ticked aria-label=label/>" " }
    });
    let advice = shown.advice.clone().map(|(said, why)| view! { <p class="advice"><b>{said}</b>" "{why}</p> });
    let note = shown.note.clone().map(|note| view! { <span class="small">{format!("\u{201c}{note}\u{201d}")}</span> });
    let barred = shown.open.then(|| shown.barred.clone()).flatten();
    let barred = barred.map(|why| view! { <p class="small">{sentence(&why)}</p> });
    let privileged = shown.privileged.then_some("");
    view! {
        <li class="item" id=format!("i-{id}") data-item=id data-stands=shown.stands.word() data-who=shown.who.clone() data-privileged=privileged tabindex="-1">
            <div>
                <h3>{tick}{name}{signs}</h3>
                <p>{shown.what.clone()}</p>
                {advice}
                <p class="stands"><span data-stands-said="">{shown.said.clone()}</span>" "{note}</p>
            </div>
            {context(shown)}
            <div>
                <p class="wrong" data-wrong="">{wrong}</p>
                {decides.then(|| deciding(desk, shown, place, &typed))}
                {barred}
                {others(desk, shown, place, decides)}
            </div>
        </li>
    }
    .into_any()
}

fn context(shown: &Shown) -> AnyView {
    let facts: Vec<AnyView> =
        shown.context.iter().map(|(name, fact)| view! { <dt>{*name}</dt><dd>{fact.clone()}</dd> }.into_any()).collect();
    view! { <dl class="context">{facts}</dl> }.into_any()
}

/// The three decisions in one form with one button: by keyboard, by script and by reading aloud the same.
fn deciding(desk: &Desk<'_>, shown: &Shown, place: &str, typed: &Typed) -> AnyView {
    let id = shown.id.to_string();
    let chosen = match typed.value("decision") {
        typed if typed.is_empty() => shown.stands.word().to_owned(),
        typed => typed,
    };
    let mut decisions = vec![("keep", "Keep"), ("revoke", "Revoke")];
    if !shown.roles.is_empty() {
        decisions.push(("change", "Change the role"));
    }
    let decisions: Vec<AnyView> = decisions
        .into_iter()
        .map(|(word, said)| view! { <option value=word selected=chosen == word>{said}</option> }.into_any())
        .collect();
    let role = (!shown.roles.is_empty()).then(|| roles(shown, &typed.value("role")));
    let (decision_id, note_id) = (format!("d-{id}"), format!("n-{id}"));
    let typed_note = typed.value("note");
    let inner = view! {
        {hidden("item", id.clone())}
        {hidden("review", shown.review.to_string())}
        {hidden("narrowing", place.to_owned())}
        <div class="field"><label for=decision_id.clone()>"Decision"</label>
            <select class="select" id=decision_id name="decision" required><option value="">"Choose one"</option>{decisions}</select></div>
        {role}
        <div class="field"><label for=note_id.clone()>{if shown.privileged { "Why (always needed here)" } else { "Why (needed to revoke)" }}</label>
            <input class="input" id=note_id name="note" maxlength="1000" autocomplete="off" value=typed_note/></div>
    };
    desk.form(Deed::Decide, small("Save", &shown.who), inner)
}

fn roles(shown: &Shown, typed: &str) -> AnyView {
    let id = format!("r-{}", shown.id);
    let options: Vec<AnyView> = shown
        .roles
        .iter()
        .filter(|role| **role != shown.role)
        .map(|role| view! { <option value=role.clone() selected=typed == role>{role.clone()}</option> }.into_any())
        .collect();
    view! {
        <div class="field"><label for=id.clone()>"New role"</label>
            <select class="select" id=id name="role"><option value="">"None"</option>{options}</select></div>
    }
    .into_any()
}

/// Taking back, and what people remark.
fn others(desk: &Desk<'_>, shown: &Shown, place: &str, decides: bool) -> AnyView {
    let (id, review) = (shown.id.to_string(), shown.review.to_string());
    let undo = decides.then(|| {
        let inner = view! { {hidden("item", id.clone())}{hidden("review", review.clone())}{hidden("narrowing", place.to_owned())} };
        desk.form(Deed::Undo, small("Take back", &shown.who), inner)
    });
    let remarks: Vec<AnyView> = shown.remarks.iter().map(|said| view! { <li>{said.clone()}</li> }.into_any()).collect();
    let count = shown.remark_count;
    let list = (!remarks.is_empty()).then(|| view! { <ul class="remarks">{remarks}</ul> });
    let form = (shown.open && desk.decides && !desk.seats).then(|| {
        let field = format!("c-{id}");
        let inner = view! {
            {hidden("item", id.clone())}
            {hidden("review", review.clone())}
            {hidden("narrowing", place.to_owned())}
            <div class="field"><label for=field.clone()>"Remark"</label><input class="input" id=field name="text" required maxlength="120" autocomplete="off"/></div>
        };
        frame::form(desk.visit, Act::CommentItem, small("Add the remark", &shown.who), inner)
    });
    let remarked = (list.is_some() || form.is_some()).then(|| {
        let label = match count {
            0 => "Remark".to_owned(),
            1 => "1 remark".to_owned(),
            many => format!("{many} remarks"),
        };
        let spoken = format!("{label} on {}", shown.who);
        view! { <details><summary aria-label=spoken>{label}</summary>{list}{form}</details> }
    });
    view! { <div class="does">{undo}{remarked}</div> }.into_any()
}
