//! What the keyboard does on a page of items. Shown by the script that does it; without script there is nothing to explain.

use leptos::prelude::*;

const CHANGE: &str = "c";

const KEYS: &[(&str, &str)] = &[
    ("j", "Next"),
    ("k", "Before"),
    ("y", "Keep"),
    ("r", "Revoke: write why, then press Enter"),
    (CHANGE, "Change the role: choose it, then press Enter"),
    ("u", "Take the decision back"),
    ("n", "Write a note"),
    ("x", "Tick or untick"),
    ("Esc", "From a field back to the list"),
    ("?", "This list"),
];

/// The bar above the items: whether keys are on, and what they do. Somebody who speaks to their machine turns them off (WCAG 2.1.4).
/// Where nothing has a role, nothing is said of the key that changes one.
pub fn bar(roles: bool) -> AnyView {
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
    }
    .into_any()
}
