//! One decision on many items. It is asked twice: the second time it says about how many, and takes no other number.

use contract::access::Act;
use leptos::prelude::*;
use uuid::Uuid;

use super::desk::Desk;
use super::item::MANY;
use super::narrow::Narrow;
use crate::http::people::Typed;
use crate::organisation::frame;
use crate::ui::form::hidden;

/// The field that repeats how many it is about.
pub const SURE: &str = "sure";

/// What was asked for and has to be confirmed, if that is why the page is drawn again.
fn asked(typed: &Typed) -> Option<String> {
    typed.problem.as_ref()?.blames_field(SURE)
}

/// Whether the page is drawn again to ask that.
pub fn asks(typed: &Typed) -> bool {
    asked(typed).is_some()
}

/// How many a refusal for want of the number is about: the number in its words.
fn counted(said: &str) -> String {
    said.chars().filter(char::is_ascii_digit).collect()
}

/// The form for the ticked ones, or for all that the list is narrowed to.
pub fn section(desk: &Desk<'_>, review: Uuid, narrow: &Narrow, typed: &Typed) -> AnyView {
    if let Some(said) = asked(typed) {
        return confirming(desk, review, &said, typed);
    }
    let row = frame::row_of(Act::DecideItems);
    let (action, token) = (desk.visit.fill(row.path), desk.visit.token.text.clone());
    let all = if narrow.narrows() { "All that the list is narrowed to" } else { "All in this review" };
    view! {
        <details class="instead" id="decide-many"><summary>"Decide on many at once"</summary>
            <p class="small">"Tick items in the list, or take all that are undecided and yours to decide among those that it is narrowed to. Before anything happens you are told how many it is about."<b data-ticked=""></b></p>
            <form class="form roomy" id=MANY method="post" action=action data-action=row.name>
                <input type="hidden" name="csrf" value=token/>
                {hidden("review", review.to_string())}
                <div class="field"><label for="many-which">"Which"</label>
                    <select class="select" id="many-which" name="narrowing">
                        <option value="">"The ticked ones"</option>
                        <option value=narrow.whole_text()>{all}</option>
                    </select></div>
                <div class="field"><label for="many-decision">"Decision"</label>
                    <select class="select" id="many-decision" name="decision" required>
                        <option value="">"Choose one"</option><option value="keep">"Keep"</option><option value="revoke">"Revoke"</option>
                    </select></div>
                <div class="field whole"><label for="many-note">"Why (needed to revoke, and to keep what permits much)"</label>
                    <input class="input" id="many-note" name="note" maxlength="500" autocomplete="off" value=typed.value("note")/></div>
                <button class="btn" type="submit">"Go on"</button>
            </form>
        </details>
    }
    .into_any()
}

/// The second question.
fn confirming(desk: &Desk<'_>, review: Uuid, said: &str, typed: &Typed) -> AnyView {
    let count = counted(said);
    let (decision, note) = (typed.value("decision"), typed.value("note"));
    let (verb, class) = match decision.as_str() {
        "revoke" => ("Revoke", "btn btn-primary danger"),
        _ => ("Keep", "btn btn-primary"),
    };
    let label = format!("{verb} all {count}");
    let items: Vec<AnyView> = typed
        .value("items")
        .split('\n')
        .filter(|id| !id.is_empty())
        .map(|id| hidden("items", id.to_owned()).into_any())
        .collect();
    let back = desk.path(review);
    let inner = view! {
        {hidden("review", review.to_string())}
        {items}
        {hidden("narrowing", typed.value("narrowing"))}
        {hidden("decision", decision)}
        {hidden("note", note)}
        {hidden(SURE, count)}
    };
    let button = view! { <button class=class type="submit" autofocus>{label}</button>" "<a class="btn" href=back>"No, go back"</a> }.into_any();
    view! {
        <section class="sure" aria-labelledby="h-sure">
            <h2 id="h-sure">"Is that right?"</h2>
            <p>{crate::ui::form::sentence(said)}</p>
            {frame::form(desk.visit, Act::DecideItems, button, inner)}
        </section>
    }
    .into_any()
}

/// Handing on what one has to decide.
pub fn delegating(desk: &Desk<'_>, review: Uuid, people: &[(String, String)], typed: &Typed) -> AnyView {
    let inner = view! { {hidden("review", review.to_string())}{super::opening::person("delegate-to", "to", "To whom", people, typed, true)} };
    view! {
        <details class="instead"><summary>"Let somebody else decide in your place"</summary>
            <p class="small">"They get what is yours to decide here, and never decide on your own access."</p>
            {frame::form(desk.visit, Act::DelegateReview, frame::small("Hand it on", "what is mine to decide"), inner)}
        </details>
    }
    .into_any()
}

/// Giving what nobody has decided to somebody else.
pub fn reassigning(desk: &Desk<'_>, review: Uuid, people: &[(String, String)], typed: &Typed) -> AnyView {
    let inner = view! { {hidden("review", review.to_string())}{super::opening::person("reassign-to", "to", "To whom", people, typed, true)} };
    view! {
        <details class="instead"><summary>"Give what is undecided to somebody else"</summary>
            <p class="small">"They are written to. What was decided stays as it is."</p>
            {frame::form(desk.visit, Act::ReassignItems, frame::small("Give it to them", "what is undecided"), inner)}
        </details>
    }
    .into_any()
}
