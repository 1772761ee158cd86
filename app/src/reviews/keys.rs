//! What the keyboard does on a page of items. Shown by the script that does it; without script there is nothing to explain.

use leptos::prelude::*;
use server::reviews::Effect;

const CHANGE: &str = "c";

const KEYS: &[(&str, &str)] = &[
    ("j", "Next"),
    ("k", "Before"),
    ("y", "Keep"),
    ("r", "Revoke: write why, then press Enter"),
    (CHANGE, "Change the role: choose it, press Enter, and confirm"),
    ("u", "Take the decision back"),
    ("n", "Write a note"),
    ("x", "Tick or untick"),
    ("Esc", "From a field back to the list"),
    ("?", "This list"),
];

/// The bar above the items: whether keys are on, and what they do. Somebody who speaks to their machine turns them off (WCAG 2.1.4).
/// `changes` is when a changed role counts; where nothing has a role, nothing is said of the key that changes one.
pub fn bar(changes: Option<Effect>) -> AnyView {
    let roles = changes.is_some();
    let keys = KEYS.iter().filter(|(key, _)| roles || *key != CHANGE);
    let change = roles.then(|| view! { <kbd>{CHANGE}</kbd>" change, " });
    let list: Vec<AnyView> =
        keys.map(|(key, does)| view! { <dt><kbd>{*key}</kbd></dt><dd>{*does}</dd> }.into_any()).collect();
    view! {
        <div class="keys" data-keys="on" hidden>
            <button class="btn btn-sm" type="button" data-turn="" aria-pressed="true">"Keys"</button>
            <button class="btn btn-sm" type="button" data-show-help="">"What the keys do"</button>
            <span class="small"><kbd>"j"</kbd>" next, "<kbd>"y"</kbd>" keep, "<kbd>"r"</kbd>" revoke, "{change}<kbd>"u"</kbd>" take back"</span>
        </div>
        <p class="sr-only" role="status" data-told=""></p>
        <dialog data-help="" aria-labelledby="h-keys">
            <h2 id="h-keys">"What the keys do"</h2>
            <dl class="keylist">{list}</dl>
            <button class="btn btn-primary" type="button" data-close="">"Close"</button>
        </dialog>
        {changes.map(confirming)}
    }
    .into_any()
}

/// Asked before a role is changed from the list: it signs somebody out everywhere. Without script the form itself is what asks: nothing happens
/// before a decision, a role and the button were chosen.
fn confirming(effect: Effect) -> AnyView {
    let when = match effect {
        Effect::AtOnce => "It counts at once, and signs them out everywhere.",
        Effect::AtClose => "It counts when the review is closed, and signs them out everywhere then.",
    };
    view! {
        <dialog data-change="" aria-labelledby="h-change">
            <h2 id="h-change" data-change-said="">"Change the role?"</h2>
            <p>{when}</p>
            <div class="does">
                <button class="btn btn-primary" type="button" data-yes="">"Change the role"</button>
                <button class="btn" type="button" data-no="">"No, go back"</button>
            </div>
        </dialog>
    }
    .into_any()
}
