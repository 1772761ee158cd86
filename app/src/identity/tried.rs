//! What somebody tried in vain at this account, told to whoever comes in next.

use contract::access::Stage;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::rule;
use server::identity::{moment, record};

use crate::http::visit::Visit;
use crate::ui::words::count;

/// On a page where people arrive: for as long as the sign-in is fresh.
pub async fn at_arrival(visit: &Visit) -> Result<Option<AnyView>, Problem> {
    if visit.stage() == Stage::SteppedUp { told(visit).await } else { Ok(None) }
}

/// The notice, if there is something to tell.
pub async fn told(visit: &Visit) -> Result<Option<AnyView>, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let Some(tried) = record::tried(&owner, &visit.site.accounts).await? else { return Ok(None) };
    let when = |at| moment::moment(at, &owner.date_style, &owner.time_zone);
    let what: Vec<String> = [(tried.passwords, "wrong password"), (tried.codes, "wrong code")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| count(number, what))
        .collect();
    let since = tried
        .since
        .map_or_else(|| "Before your first sign-in".to_owned(), |at| format!("Since your sign-in of {}", when(at)));
    let number = tried.passwords + tried.codes;
    Ok(Some(
        view! {
            <p class="notice" data-tried=number.to_string()>{since}": "{what.join(" and ")}", the last on "{when(tried.newest)}", from "{tried.networks.join(", ")}". If that was not you, "<a class="link" href="/account#h-password">"change your password"</a>"."</p>
        }
        .into_any(),
    ))
}
