//! One's own copy of everything that is kept about oneself.

use contract::access::{Act, Needs};
use contract::problem::Problem;
use leptos::prelude::*;
use server::exports::personal;
use server::guard::rule;

use super::pages::{Middle, Shown, done};
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::organisation::export::{sent, size, stepping_up};
use crate::organisation::frame::when;
use crate::ui::form::{form, trouble};
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let copies = personal::list(&owner, visit.now).await?;
    let rows: Vec<AnyView> = copies
        .iter()
        .map(|copy| {
            let (at, until) = (when(&owner, copy.made_at), when(&owner, copy.until));
            let href = format!("/account/export/{}/copy.zip", copy.id);
            let label = format!("Download the copy of {at}");
            view! {
                <tr data-export=copy.id.to_string()>
                    <td>{at}</td>
                    <td>{size(copy.bytes)}<span class="small facts">"SHA-256 "<code>{copy.sha256.clone()}</code></span></td>
                    <td>{until}</td>
                    <td><a class="btn btn-sm" href=href aria-label=label>"Download"</a></td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let list = if rows.is_empty() {
        empty("No copies yet", "Ask for one, and it is here at once.", None)
    } else {
        table("Copies", &["Made", "Size", "Until", "Take it along"], rows)
    };
    let view = view! {
        <h1>"Your data"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"A copy of everything that is kept about you: your account, where you are signed in, the organisations that you belong to, what you did there, and the records that name you, as far as you may read them. As tables and as JSON Lines, in one ZIP."</p>
        {form(Act::RequestCopy, &visit.token.text, "Make a copy", ())}
        <section aria-labelledby="h-copies"><h2 id="h-copies">"Copies"</h2>{list}</section>
    };
    Ok(Middle::new("Your data", view))
}

pub async fn request(visit: &Visit) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::Fresh>()?;
    let caller = visit.caller.as_ref().ok_or(Problem::needs(Needs::SignIn))?;
    personal::make(&owner, caller, &visit.site.accounts, &visit.origin, visit.now).await?;
    Ok(Done::go("/account/export?done=copy"))
}

pub async fn copy(visit: &Visit) -> Result<Shown, Problem> {
    let owner = match visit.prove::<rule::Fresh>() {
        Ok(owner) => owner,
        Err(problem) => return stepping_up(visit, problem),
    };
    let offered = personal::download(&owner, &visit.site.accounts, visit.param("export"), visit.now).await?;
    sent(visit, &offered, || async { true })
}
