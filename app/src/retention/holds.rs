//! Legal holds: on the settings of an organisation, and before whoever asks for deletion.

use contract::access::Act;
use leptos::prelude::*;
use server::guard::Person;
use server::retention::holds::{Kind, Shown};

use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::organisation::frame::{self, badge, button, select, small, when};
use crate::ui::form::{Input, hidden, input};
use crate::ui::list::table;

/// `organisation` as the profile calls it.
fn about(kind: Kind, organisation: &str) -> String {
    match kind {
        Kind::Organisation => format!("The {organisation}"),
        Kind::Person => "A person".to_owned(),
        Kind::Record => "A record".to_owned(),
    }
}

/// What a hold keeps when everything is to be destroyed.
fn keeps(organisation: &str) -> String {
    format!(
        "When the {organisation} is to be destroyed, a hold on it, or on a person, keeps all of it, because what somebody did runs through the whole log. Where only records are held, those stay, with their history and files, and the rest is destroyed."
    )
}

/// The part of the settings with all holds, and a form for another one.
pub fn section(visit: &Visit, person: &Person, typed: &Typed, held: Vec<Shown>, places: bool) -> AnyView {
    let called = &visit.site.profile.organisation;
    let rows: Vec<AnyView> = held
        .into_iter()
        .map(|hold| {
            let open = hold.in_force(visit.now);
            let state = if open { badge("In force", "failing") } else { badge("Ended", "unproven") };
            let lift = (open && hold.own && places)
                .then(|| frame::form(visit, Act::LiftHold, small("Lift", &hold.basis), hidden("hold", hold.id.to_string())));
            view! { <tr data-hold=hold.id.to_string()><th scope="row">{about(hold.kind, called)}" "{state}</th><td>{hold.basis.clone()}</td><td>{hold.scope.clone()}</td><td>{when(person, hold.lifted.unwrap_or(hold.ends))}<span class="small">"by "{hold.placed_by.clone()}</span></td><td>{lift}</td></tr> }.into_any()
        })
        .collect();
    let list = (!rows.is_empty()).then(|| table("Legal holds", &["What", "Basis", "Scope", "Until", ""], rows));
    view! {
        <section aria-labelledby="h-holds">
            <h2 id="h-holds">"Legal holds"</h2>
            <p>"What a law or an order requires to be kept is not destroyed before the hold ends, whoever asks for it. Whoever asks is shown the hold."</p>
            <p>{keeps(called)}</p>
            {list}
            {places.then(|| form(visit, typed))}
        </section>
    }
    .into_any()
}

fn form(visit: &Visit, typed: &Typed) -> AnyView {
    let called = &visit.site.profile.organisation;
    let kinds = Kind::ALL.iter().map(|kind| (kind.word().to_owned(), about(*kind, called))).collect();
    let typed_subject = typed.value("subject");
    let basis = Input::new("basis", "Legal basis", "text", "off").hint("The law, the order or the case.");
    let scope = Input::new("scope", "Scope", "text", "off").hint("What has to be kept.");
    let until = Input::new("until", "Until the end of", "date", "off");
    let fields = view! {
        {select("hold-kind", "kind", "What is held", kinds, &typed.value("kind"), true)}
        <div class="field">
            <label for="f-subject">"Id of the person or the record"</label>
            <p class="small" id="f-subject-hint">"It is at the end of the address of their page. Leave it empty for the "{called.clone()}"."</p>
            <input class="input" id="f-subject" name="subject" type="text" autocomplete="off" value=typed_subject aria-describedby="f-subject-hint"/>
        </div>
        {input(basis, typed)}{input(scope, typed)}{input(until, typed)}
    };
    view! { <details class="instead"><summary>"Place a hold"</summary>{frame::form(visit, Act::PlaceHold, button("Place the hold"), fields)}</details> }.into_any()
}

/// What puts a deletion off, for whoever asks for it.
pub fn notice(visit: &Visit, person: &Person, held: &[Shown]) -> Option<AnyView> {
    let called = &visit.site.profile.organisation;
    // Of an account only holds on its person are shown.
    let records = held.iter().all(|hold| hold.kind == Kind::Record);
    let what = match (held.is_empty(), records) {
        (true, _) => return None,
        (false, true) => {
            "These records are kept until the last of these holds has ended. Everything else is destroyed in its time."
        }
        (false, false) => "This is not destroyed before these holds have ended. It goes on by itself then.",
    };
    let rows = held
        .iter()
        .map(|hold| {
            let until = when(person, hold.ends);
            view! { <li data-hold=hold.id.to_string()><b>{about(hold.kind, called)}</b>": "{hold.basis.clone()}" ("{hold.scope.clone()}"), until "{until}"."</li> }
        })
        .collect_view();
    Some(
        view! {
            <section aria-labelledby="h-held">
                <h2 id="h-held">"Kept by law"</h2>
                <p>{what}</p>
                <ul>{rows}</ul>
            </section>
        }
        .into_any(),
    )
}
