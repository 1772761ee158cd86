//! One decision on many items. It is asked twice: the second time it says about how many, and takes no other number.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use uuid::Uuid;

use super::desk::Desk;
use super::item::MANY;
use super::narrow::Narrow;
use crate::http::people::Typed;
use crate::organisation::frame;
use crate::ui::chart::number;
use crate::ui::form::hidden;

/// The field that repeats how many it is about.
const SURE: &str = "sure";

/// What was asked for and has to be confirmed, if that is why the page is drawn again: how many it would be, and what goes along.
fn asked(typed: &Typed) -> Option<(u64, &[String])> {
    let Problem::Unconfirmed { number, along } = typed.problem.as_ref()? else { return None };
    Some((*number, along))
}

/// Whether the page is drawn again to ask that.
pub fn asks(typed: &Typed) -> bool {
    asked(typed).is_some()
}

/// The form for the ticked ones, or for all that the list is narrowed to.
pub fn section(
    desk: &Desk<'_>,
    review: Uuid,
    narrow: &Narrow,
    (roles, people): (&[String], &[(String, String)]),
    typed: &Typed,
    elsewhere: Option<AnyView>,
) -> AnyView {
    if let Some(asked) = asked(typed) {
        return confirming(desk, review, asked, typed);
    }
    let row = frame::row_of(Act::DecideItems);
    // Refused once, it stands as it was sent; an item's own form has fields of the same names.
    let again = typed.problem.is_some() && typed.value("item").is_empty() && typed.values.contains_key("decision");
    let sent = if again { typed.clone() } else { Typed::default() };
    let none = [(String::new(), "None".to_owned())];
    let roles = none.into_iter().chain(roles.iter().map(|role| (role.clone(), role.clone()))).collect();
    let decisions = [("keep", "Keep"), ("revoke", "Revoke"), ("change", "Change the role")].map(|(value, said)| {
        let is = sent.value("decision") == value;
        view! { <option value=value selected=is>{said}</option> }
    });
    let every = !sent.value("narrowing").is_empty();
    let (action, token) = (desk.visit.fill(row.path), desk.visit.token.text.clone());
    let all = if narrow.narrows() { "All that the list is narrowed to" } else { "All in this review" };
    view! {
        <details class="instead" id="decide-many" open=again><summary>"Decide on many at once"</summary>
            <p class="small">"Tick items in the list, or take all that are undecided and yours to decide among those that it is narrowed to. Before anything happens you are told how many it is about."<b data-ticked=""></b></p>
            <form class="form roomy" id=MANY method="post" action=action data-action=row.name>
                <input type="hidden" name="csrf" value=token/>
                {hidden("review", review.to_string())}
                {elsewhere}
                <div class="field"><label for="many-which">"Which"</label>
                    <select class="select" id="many-which" name="narrowing">
                        <option value="">"The ticked ones"</option>
                        <option value=narrow.whole_text() selected=every>{all}</option>
                    </select></div>
                <div class="field"><label for="many-decision">"Decision"</label>
                    <select class="select" id="many-decision" name="decision" required>
                        <option value="">"Choose one"</option>{decisions}
                    </select></div>
                {super::opening::choice("many-role", "role", "New role (to change it)", roles, &sent)}
                <div class="field whole"><label for="many-note">"Why (needed to revoke, and to keep what permits much)"</label>
                    <input class="input" id="many-note" name="note" maxlength="500" autocomplete="off" value=sent.value("note")/></div>
                <button class="btn" type="submit">"Go on"</button>
            </form>
            {desk.manages.then(|| reassigning(desk, people))}
        </details>
    }
    .into_any()
}

/// Giving the ticked ones to somebody else: sent with the same ticks, to another address.
fn reassigning(desk: &Desk<'_>, people: &[(String, String)]) -> AnyView {
    let to = desk.visit.fill(frame::row_of(Act::ReassignItems).path);
    let options: Vec<AnyView> = people
        .iter()
        .cloned()
        .map(|(address, said)| view! { <option value=address>{said}</option> }.into_any())
        .collect();
    view! {
        <div class="form">
            <div class="field"><label for="many-reviewer">"Or give the ticked ones to somebody else"</label>
                <input class="input" id="many-reviewer" name="reviewer" type="text" list="many-reviewer-list" autocomplete="off" form=MANY/>
                <datalist id="many-reviewer-list">{options}</datalist></div>
            <button class="btn" type="submit" form=MANY formaction=to formnovalidate data-action="reassign-items">"Give them to this person"</button>
        </div>
    }
    .into_any()
}

/// The second question.
fn confirming(desk: &Desk<'_>, review: Uuid, (count, along): (u64, &[String]), typed: &Typed) -> AnyView {
    let (decision, note) = (typed.value("decision"), typed.value("note"));
    let (verb, class) = match decision.as_str() {
        "revoke" => ("Revoke", "btn btn-primary danger"),
        "change" => ("Change", "btn btn-primary"),
        _ => ("Keep", "btn btn-primary"),
    };
    let label = if count == 1 { format!("{verb} it") } else { format!("{verb} all {}", number(count)) };
    let items: Vec<AnyView> = typed
        .value("items")
        .split('\n')
        .filter(|id| !id.is_empty())
        .map(|id| hidden("items", id.to_owned()).into_any())
        .collect();
    let said = match count {
        1 => "This decides about 1 item.".to_owned(),
        many => format!("This decides about {} items at once.", number(many)),
    };
    let along: Vec<AnyView> = along.iter().map(|said| view! { <li>{said.clone()}</li> }.into_any()).collect();
    let along = (!along.is_empty()).then(|| view! { <p>"With it:"</p><ul class="due-list" data-along="">{along}</ul> });
    let back = desk.path(review);
    let inner = view! {
        {hidden("review", review.to_string())}
        {items}
        {hidden("narrowing", typed.value("narrowing"))}
        {hidden("decision", decision)}
        {hidden("role", typed.value("role"))}
        {hidden("note", note)}
        {hidden(SURE, count.to_string())}
    };
    let button = view! { <button class=class type="submit" autofocus>{label}</button>" "<a class="btn" href=back>"No, go back"</a> }.into_any();
    view! {
        <section class="sure" aria-labelledby="h-sure">
            <h2 id="h-sure">"Is that right?"</h2>
            <p>{said}</p>
            {along}
            {frame::form(desk.visit, Act::DecideItems, button, inner)}
        </section>
    }
    .into_any()
}

/// Handing on what one has to decide, or taking that back.
pub fn delegating(desk: &Desk<'_>, review: Uuid, people: &[(String, String)], typed: &Typed) -> AnyView {
    let inner = view! {
        {hidden("review", review.to_string())}
        {super::opening::person("delegate-to", "delegate", "To whom (nobody: you decide again)", people, typed, false)}
    };
    view! {
        <details class="instead"><summary>"Let somebody else decide in your place"</summary>
            <p class="small">"They get what is yours to decide here, and never decide on your own access."</p>
            {frame::form(desk.visit, Act::DelegateReview, frame::small("Hand it on", "what is mine to decide"), inner)}
        </details>
    }
    .into_any()
}

/// Taking many decisions back at once, right after they were made.
pub fn undoing(desk: &Desk<'_>, review: Uuid, typed: &Typed) -> Option<AnyView> {
    let act: Uuid = typed.value("together").parse().ok()?;
    let inner = view! { {hidden("review", review.to_string())}{hidden("act", act.to_string())} };
    let form =
        frame::form(desk.visit, Act::UndoDecisions, frame::small("Take all of it back", "the last decisions"), inner);
    Some(view! { <div class="notice row-actions"><p>"What you decided together can be taken back, as far as it has not been done."</p>{form}</div> }.into_any())
}
