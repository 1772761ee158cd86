//! Forms: every one posts below `/api/`, carries its token, and shows what was wrong beside the field and once at the top, where
//! screen readers begin.

use std::collections::BTreeSet;

use contract::access::{Act, ENDPOINTS};
use contract::problem::Problem;
use leptos::prelude::*;

use crate::http::people::Typed;

/// The parts of one input.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: &'static str,
    /// What browsers and password managers should fill in (HTML autofill names).
    pub autocomplete: &'static str,
    pub hint: &'static str,
    /// More than one form on a page may have a field of this name.
    pub prefix: &'static str,
}

impl Input {
    pub const fn new(name: &'static str, label: &'static str, kind: &'static str, autocomplete: &'static str) -> Self {
        Self { name, label, kind, autocomplete, hint: "", prefix: "f" }
    }

    #[must_use]
    pub const fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    #[must_use]
    pub const fn prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }
}

/// Label, input, hint, and what was wrong with it last time.
pub fn input(input: Input, typed: &Typed) -> AnyView {
    let Input { name, label, kind, autocomplete, hint, prefix } = input;
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field(name));
    let id = format!("{prefix}-{name}");
    let (hint_id, wrong_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let described: Vec<String> =
        [(!hint.is_empty()).then(|| hint_id.clone()), wrong.is_some().then(|| wrong_id.clone())]
            .into_iter()
            .flatten()
            .collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    let secret = kind == "password" || name == "code";
    let value = (!secret).then(|| typed.value(name));
    let numeric = (name == "code" && autocomplete == "one-time-code").then_some("numeric");
    let at_fault = wrong.is_some();
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {(!hint.is_empty()).then(|| view! { <p class="small" id=hint_id>{hint}</p> })}
            <input class="input" id=id name=name type=kind value=value autocomplete=autocomplete inputmode=numeric required
                autofocus=at_fault aria-invalid=at_fault.then_some("true") aria-describedby=described/>
            {wrong.map(|said| view! { <p class="wrong" id=wrong_id>{sentence(&said)}</p> })}
        </div>
    }
    .into_any()
}

/// What went wrong, for people who see the page from the top.
pub fn trouble(typed: &Typed) -> Option<impl IntoView + use<>> {
    let problem = typed.problem.as_ref()?;
    let (title, detail) = (problem.title(), sentence(&problem.detail()));
    Some(view! { <div class="trouble" role="alert"><p><b>{title}"."</b>" "{detail}</p></div> })
}

/// A form of one act. `inner` are its fields; the button comes last.
pub fn form(act: Act, token: &str, button: &'static str, inner: impl IntoView + 'static) -> AnyView {
    with_button(act, token, view! { <button class="btn btn-primary" type="submit">{button}</button> }, inner)
}

pub fn with_button(act: Act, token: &str, button: impl IntoView + 'static, inner: impl IntoView + 'static) -> AnyView {
    // Every act has its row: both are written by one macro.
    let row = ENDPOINTS.iter().find(|row| row.act == act).unwrap_or(&ENDPOINTS[0]);
    view! {
        <form class="form" method="post" action=row.path data-action=row.name>
            <input type="hidden" name="csrf" value=token.to_owned()/>
            {inner}
            {button}
        </form>
    }
    .into_any()
}

pub fn hidden(name: &'static str, value: String) -> impl IntoView {
    view! { <input type="hidden" name=name value=value/> }
}

/// Which boxes of a list were ticked in a form that was refused: they stay ticked.
pub fn ticked(typed: &Typed, name: &str) -> BTreeSet<String> {
    // While it is asked whether that is meant, the question carries them.
    let refused = typed.problem.as_ref().filter(|problem| !matches!(problem, Problem::Unconfirmed { .. }));
    let of_refused = refused.map(|_| typed.value(name)).unwrap_or_default();
    of_refused.split('\n').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Those of them that the page does not show, because the list begins anew after a refusal. They go along, and it says so; the list at
/// `path` has none ticked. Where they are what was refused, they do not: nobody could untick the one that is gone.
pub fn ticked_elsewhere(
    typed: &Typed,
    name: &'static str,
    shown: impl IntoIterator<Item = String>,
    path: &str,
) -> Option<AnyView> {
    if typed.problem.as_ref().is_some_and(|problem| problem.blames_field(name).is_some()) {
        return None;
    }
    let mut rest = ticked(typed, name);
    for one in shown {
        rest.remove(&one);
    }
    let said = match rest.len() {
        0 => return None,
        1 => "1 more is ticked that this page does not show.".to_owned(),
        many => format!("{many} more are ticked that this page does not show."),
    };
    let boxes: Vec<_> = rest.into_iter().map(|one| hidden(name, one)).collect();
    let path = path.to_owned();
    Some(
        view! { {boxes}<p class="small" data-elsewhere="">{said}" "<a class="link" href=path>"Untick all"</a></p> }
            .into_any(),
    )
}

/// With a capital at its start and a full stop at its end.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::list::html;

    fn refused(problem: Problem) -> Typed {
        Typed { values: [("items".to_owned(), "a\nb\nc".to_owned())].into(), problem: Some(problem) }
    }

    fn elsewhere(typed: &Typed, shown: &[&str]) -> Option<String> {
        ticked_elsewhere(typed, "items", shown.iter().map(|one| (*one).to_owned()), "/list").map(html)
    }

    #[test]
    fn what_was_ticked_and_is_not_shown_goes_along_and_is_counted() {
        let typed = refused(Problem::field("note", "say why"));
        assert_eq!(ticked(&typed, "items").len(), 3);
        let html = elsewhere(&typed, &["b"]).expect("two more");
        assert!(html.contains("2 more are ticked") && html.contains("href=\"/list\""), "{html}");
        assert!(["a", "c"].iter().all(|one| html.contains(&format!("name=\"items\" value=\"{one}\""))), "{html}");
        assert!(!html.contains("value=\"b\""), "{html}");
        assert_eq!(elsewhere(&typed, &["a", "b", "c"]), None);
    }

    #[test]
    fn nothing_goes_along_that_was_refused_itself_or_is_being_asked_about() {
        let blamed = refused(Problem::field("items", "one of them is gone"));
        assert_eq!((ticked(&blamed, "items").len(), elsewhere(&blamed, &[])), (3, None));
        let asked = refused(Problem::Unconfirmed { number: 3, along: Vec::new() });
        assert_eq!((ticked(&asked, "items").len(), elsewhere(&asked, &[])), (0, None));
    }
}
