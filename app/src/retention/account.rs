//! The end of one's own account.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::clock::rfc3339;
use server::guard::rule;
use server::retention::{accounts, keeping};

use crate::http::cookie;
use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::{SESSION, Visit};
use crate::identity::pages::Middle;
use crate::ui::form::{Input, form, hidden, input, trouble, with_button};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let outlook = accounts::outlook(&owner, &visit.site.visitor, &visit.site.accounts, visit.now).await?;
    let when = match outlook.days {
        0 => "at once".to_owned(),
        1 => "after 1 day".to_owned(),
        days => format!("after {days} days"),
    };
    let alone = (!outlook.alone_in.is_empty()).then(|| {
        let named = outlook.alone_in.join(", ");
        view! { <div class="trouble"><p><b>"Hand over first. "</b>"You are the last person who can manage the members of "{named}". Give somebody else your role on the page of members, or cancel its subscription."</p></div> }
    });
    let held: Vec<_> = outlook.holds.iter().map(|(_, hold)| hold.clone()).collect();
    let password = Input::new("password", "Your password", "password", "current-password");
    let code = Input::new("code", "Code of your authenticator app", "text", "one-time-code");
    let code = owner.enrolled.then(|| input(code, typed));
    let button = view! { <button class="btn" type="submit">"Delete my account"</button> };
    let form = with_button(Act::DeleteAccount, &visit.token.text, button, view! { {input(password, typed)}{code} });
    Ok(Middle::new(
        "Delete your account",
        view! {
            <h1>"Delete your account"</h1>
            {trouble(typed)}
            <p>"You are signed out everywhere at once, and nobody sees anything of this account any more. Your name, your address, your second factor and the record of your account are erased "{when}". What you did in an organisation stays there without your name."</p>
            {(outlook.days > 0).then(|| view! { <p>"If you think better of it, sign in before then: you are shown the day, and can keep the account."</p> })}
            {alone}
            {super::holds::notice(visit, &owner, &held)}
            {form}
            <p class="small"><a class="link" href="/account">"Keep the account"</a></p>
        },
    ))
}

pub async fn delete(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let form = accounts::Form { password: fields.get("password"), code: fields.optional("code") };
    let (visitor, known) = (&visit.site.visitor, &visit.site.accounts);
    accounts::ask(&owner, visitor, known, form, &visit.origin, visit.now).await?;
    let gone = cookie::build(SESSION, "", 0).ok();
    Ok(Done { cookies: gone.into_iter().collect(), ..Done::go("/sign-in?done=account-ends") })
}

/// Whoever gave the password of a closed account: the day on which it is erased, and the way back.
pub async fn keeping(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let token = typed.value("token");
    let inner = match keeping::until(&visit.site.visitor, &token, visit.now).await? {
        Some(until) => {
            let machine = rfc3339(until);
            let (date, time) = (until.date(), format!("{:02}:{:02}", until.hour(), until.minute()));
            view! {
                <h1>"This account is closed"</h1>
                {trouble(typed)}
                <p>"You asked for its end. On "<time data-erased-at=machine.clone() datetime=machine>{date.to_string()}" at "{time}" UTC"</time>" your name, your address and everything else about you is erased."</p>
                {form(Act::KeepAccount, &visit.token.text, "Keep my account", hidden("token", token))}
                <p class="small">"Then everything is as it was, and you sign in as always. If you do nothing, it ends as you asked."</p>
            }
            .into_any()
        }
        None => view! {
            <h1>"There is nothing to keep here"</h1>
            {trouble(typed)}
            <p>"This was used, or its hour is over. Sign in once more; if the account can still be kept, you are asked."</p>
            <p class="go"><a class="btn btn-primary" href="/sign-in">"Sign in"</a></p>
        }
        .into_any(),
    };
    Ok(Middle::new("Keep your account", inner))
}

pub async fn keep(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    keeping::keep(&visit.site.visitor, &visit.site.accounts, fields.get("token"), &visit.origin, visit.now).await?;
    Ok(Done::go("/sign-in?done=account-kept"))
}
