//! Choosing an organisation, making one, and answering an invitation.

use contract::access::{Act, Stage};
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::rule;
use server::organisations::{invitations, names};

use super::frame::badge;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::entrance::new_password;
use crate::identity::pages::{Middle, done};
use crate::identity::tried;
use crate::ui::form::{Input, form, hidden, input, trouble};
use crate::ui::list::empty;

pub async fn organisations(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let person = visit.prove::<rule::SignedIn>()?;
    let tried = tried::at_arrival(visit).await?;
    let kind = visit.site.profile.organisation.clone();
    let title = format!("Your {}", visit.site.profile.organisations);
    let rows: Vec<_> = person
        .belongs
        .iter()
        .map(|belonging| {
            let (href, name) = (format!("/o/{}", belonging.slug), names::of_organisation(&visit.site.accounts, belonging));
            let note = belonging.is_help.then(|| badge("Help", "stated"));
            let closed = belonging.closed.is_some().then(|| badge("Closed", "failing"));
            view! { <li class="card"><a class="link" href=href>{name}</a>" "<span class="small">{belonging.role.clone()}</span>" "{note}" "{closed}</li> }
        })
        .collect();
    let list = if rows.is_empty() {
        let hint = format!("Make your own {kind}, or ask somebody to invite you.");
        empty(&format!("You are in no {kind} yet"), &hint, None)
    } else {
        view! { <ul class="cards">{rows}</ul> }.into_any()
    };
    let make = (!person.is_operator).then(|| {
        let name = Input::new("name", "Name", "text", "organization");
        view! {
            <section aria-labelledby="h-new">
                <h2 id="h-new">{format!("Make another {kind}")}</h2>
                {form(Act::CreateOrganisation, &visit.token.text, "Make it", input(name, typed))}
            </section>
        }
    });
    let view = view! {
        <h1>{title.clone()}</h1>
        {tried}
        {done(typed)}
        {trouble(typed)}
        {list}
        {make}
    };
    Ok(Middle::new(title, view))
}

pub async fn invitation(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let token = typed.value("token");
    let (visitor, accounts) = (&visit.site.visitor, &visit.site.accounts);
    let offer = invitations::offer(visitor, accounts, visit.caller.as_ref(), &token, visit.now).await?;
    let Some(offer) = offer else {
        let hint = "It was answered or withdrawn, or it is too old. Ask whoever invited you to send it again.";
        let view = view! { <h1>"This invitation cannot be used"</h1><p>{hint}</p><p class="go"><a class="btn btn-primary" href="/sign-in">"Sign in"</a></p> };
        return Ok(Middle::new("Invitation", view));
    };
    offer.is_open()?;
    let inside = matches!(visit.stage(), Stage::Complete | Stage::SteppedUp);
    let back: String = form_urlencoded::byte_serialize(format!("/invitation?token={token}").as_bytes()).collect();
    let answer = match (offer.known, offer.is_caller, inside) {
        (true, true, true) => form(Act::AcceptInvitation, &visit.token.text, "Join", hidden("token", token)),
        (true, false, true) | (false, _, true) => {
            view! { <p>"The invitation is for another address than the one you are signed in with. Sign out, then open the link again."</p> }.into_any()
        }
        (true, _, false) => {
            let href = format!("/sign-in?next={back}");
            view! { <p>"There is an account with the invited address. Sign in with it to join."</p><p class="go"><a class="btn btn-primary" href=href>"Sign in to join"</a></p> }.into_any()
        }
        (false, _, false) => {
            let name = Input::new("name", "Your name", "text", "name");
            let fields = view! { {hidden("token", token)}{input(name, typed)}{new_password(visit, typed)} };
            form(Act::AcceptInvitation, &visit.token.text, "Make an account and join", fields)
        }
    };
    let scripted = !offer.known && !inside;
    let view = view! {
        <h1>{format!("Join {}", offer.organisation)}</h1>
        {trouble(typed)}
        <p>"You are invited to "<b>{offer.organisation.clone()}</b>" in the role "<b>{offer.role.clone()}</b>"."</p>
        {answer}
    };
    let middle = Middle::new("Invitation", view);
    Ok(if scripted { middle.with_script() } else { middle })
}
