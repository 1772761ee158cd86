//! The one part of the account pages that needs a program in the browser: how strong a new password looks, while it is typed.

use contract::strength::estimate;
use leptos::prelude::*;

/// The field for a new password. Without script it is the plain field; with it, a meter and words follow what is typed.
/// Nothing leaves the page.
#[island]
pub fn NewPassword(least: u32, wrong: Option<String>) -> impl IntoView {
    let strength = RwSignal::new(None);
    let at_fault = wrong.is_some();
    let described = if at_fault { "f-password-rule f-password-wrong" } else { "f-password-rule" };
    let typed = move |text: String| {
        strength.set((!text.is_empty()).then(|| estimate(&text, least)));
    };
    view! {
        <div class="field">
            <label for="f-password">"New password"</label>
            <input class="input" id="f-password" name="password" type="password" autocomplete="new-password" required
                autofocus=at_fault aria-invalid=at_fault.then_some("true") aria-describedby=described
                on:input=move |event| typed(event_target_value(&event))/>
            <p class="wrong" id="f-password-wrong" hidden=!at_fault>{wrong.unwrap_or_default()}</p>
            <div class="strength" hidden=move || strength.get().is_none()>
                <meter min="0" max="4" low="2" high="3" optimum="4" aria-label="Strength of the password"
                    prop:value=move || strength.get().map_or(0.0, |strength| f64::from(strength.level()))></meter>
                <span role="status">{move || strength.get().map_or("", contract::strength::Strength::said)}</span>
            </div>
            <p class="small" id="f-password-rule">{format!("At least {least} characters, of any kind. A few unrelated words are strong and easy to remember; a password manager is welcome.")}</p>
        </div>
    }
}
