//! The pages in front of the door: signing up, signing in, getting back in, and help.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::identity::links::{self, Purpose};

use super::pages::{Middle, done};
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::islands::NewPassword;
use crate::ui::form::{Input, form, hidden, input, sentence, trouble};

pub fn sign_up(visit: &Visit, typed: &Typed) -> Middle {
    let profile = &visit.site.profile;
    let work_only = profile.policy.sign_up.work_addresses_only;
    let email_hint =
        if work_only { "Your address at your organisation. Personal mailboxes are not taken." } else { "" };
    let fields = view! {
        {input(Input::new("email", "E-mail address", "email", "username").hint(email_hint), typed)}
        {input(Input::new("name", "Your name", "text", "name"), typed)}
        {input(Input::new("organisation", "Organisation", "text", "organization"), typed)}
        {new_password(visit, typed)}
    };
    Middle::new(
        "Sign up",
        view! {
            <h1>"Sign up"</h1>
            {trouble(typed)}
            {form(Act::SignUp, &visit.token.text, "Create the account", fields)}
            <p>"You have an account? "<a class="link" href="/sign-in">"Sign in"</a></p>
        },
    )
    .with_script()
}

/// The field for a new password, with its rule in words.
pub fn new_password(visit: &Visit, typed: &Typed) -> AnyView {
    let least = visit.site.profile.policy.passwords.minimum_length.get();
    let wrong = typed.problem.as_ref().and_then(|problem| problem.blames_field("password")).map(|said| sentence(&said));
    view! { <NewPassword least=least wrong=wrong/> }.into_any()
}

pub fn sign_up_sent(visit: &Visit) -> Middle {
    let hours = visit.site.profile.policy.sign_up.verification_hours.get();
    Middle::new(
        "Look into your mailbox",
        view! {
            <h1>"Look into your mailbox"</h1>
            <p>"We have written to the address that you gave. Open the link in that letter to go on; it works once, for "{hours}" hours."</p>
            <p class="small">"Nothing came? Look into the folder for unwanted mail, or "<a class="link" href="/sign-up">"try again"</a>" in a few minutes."</p>
        },
    )
}

pub async fn verify_email(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let token = typed.value("token");
    let good = links::is_good(&visit.site.visitor, Purpose::Verify, &token, visit.now).await?;
    let middle = if good {
        let fields = hidden("token", token);
        view! {
            <h1>"Confirm your address"</h1>
            {trouble(typed)}
            <p>"Press the button only if it was you who asked for the account or for the new address."</p>
            {form(Act::VerifyEmail, &visit.token.text, "Confirm this address", fields)}
        }
        .into_any()
    } else {
        view! {
            <h1>"This link cannot be used"</h1>
            {trouble(typed)}
            <p>"It has been used, its time is over, or it was not copied whole. If you have confirmed your address already, sign in; otherwise sign up once more for a new link."</p>
            <p class="go"><a class="btn btn-primary" href="/sign-in">"Sign in"</a>" "<a class="btn" href="/sign-up">"Sign up"</a></p>
        }
        .into_any()
    };
    Ok(Middle::new("Confirm your address", middle))
}

pub fn sign_in(visit: &Visit, typed: &Typed) -> Middle {
    let next = contract::text::local_path(&typed.value("next")).unwrap_or_default().to_owned();
    let fields = view! {
        {input(Input::new("email", "E-mail address", "email", "username"), typed)}
        {input(Input::new("password", "Password", "password", "current-password"), typed)}
        {hidden("next", next)}
    };
    Middle::new(
        "Sign in",
        view! {
            <h1>"Sign in"</h1>
            {done(typed)}
            {trouble(typed)}
            {form(Act::SignIn, &visit.token.text, "Sign in", fields)}
            <p><a class="link" href="/sign-in/forgot">"Forgot your password?"</a></p>
            <p>"No account yet? "<a class="link" href="/sign-up">"Sign up"</a></p>
        },
    )
}

pub fn forgot(visit: &Visit, typed: &Typed) -> Middle {
    let fields = input(Input::new("email", "E-mail address", "email", "username"), typed);
    Middle::new(
        "Set a new password",
        view! {
            <h1>"Forgot your password?"</h1>
            <p>"Give your address; if there is an account with it, we write to it with a link to set a new password. Your second factor stays as it is."</p>
            {trouble(typed)}
            {form(Act::RequestReset, &visit.token.text, "Send the link", fields)}
            <p><a class="link" href="/sign-in">"Back to sign-in"</a></p>
        },
    )
}

pub fn forgot_sent(_: &Visit) -> Middle {
    Middle::new(
        "Look into your mailbox",
        view! {
            <h1>"Look into your mailbox"</h1>
            <p>"If there is an account with that address, a letter with a link is on its way. The link works once, for an hour."</p>
            <p class="small">"Nothing came? Look into the folder for unwanted mail, and check the address that you gave."</p>
            <p><a class="link" href="/sign-in">"Back to sign-in"</a></p>
        },
    )
}

pub async fn reset(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let token = typed.value("token");
    let good = links::is_good(&visit.site.visitor, Purpose::Reset, &token, visit.now).await?;
    let middle = if good {
        let fields = view! { {hidden("token", token)}{new_password(visit, typed)} };
        view! {
            <h1>"Set a new password"</h1>
            {trouble(typed)}
            {form(Act::ResetPassword, &visit.token.text, "Set the password", fields)}
            <p class="small">"Every session of the account ends. You will be asked for your second factor when you sign in."</p>
        }
        .into_any()
    } else {
        view! {
            <h1>"This link cannot be used"</h1>
            {trouble(typed)}
            <p>"It has been used, its hour is over, or it was not copied whole."</p>
            <p class="go"><a class="btn btn-primary" href="/sign-in/forgot">"Ask for a new link"</a></p>
        }
        .into_any()
    };
    let middle = Middle::new("Set a new password", middle);
    Ok(if good { middle.with_script() } else { middle })
}

pub fn help(visit: &Visit) -> Middle {
    let security = visit.site.profile.contacts.security.clone();
    let contact = visit.site.profile.contacts.general.clone();
    Middle::new(
        "Help",
        view! {
            <h1>"Help with getting in"</h1>
            <section aria-labelledby="h-app">
                <h2 id="h-app">"What is an authenticator app?"</h2>
                <p>"A program on your phone or computer that shows a new six-digit code every half minute. Any app for time-based codes (TOTP, RFC 6238) works: those of password managers, of your phone's maker, or a separate one. No camera is needed: the key can be typed in."</p>
            </section>
            <section aria-labelledby="h-code">
                <h2 id="h-code">"My code is refused"</h2>
                <p>"Each code works once: wait for the next one. If that is refused too, the clock of your device is probably wrong; let it be set by the network."</p>
            </section>
            <section aria-labelledby="h-lost">
                <h2 id="h-lost">"I have lost my phone"</h2>
                <p>"On the page that asks for the code, use one of your backup codes instead; then set up the app on the new device. Without a backup code, an administrator of your organisation has to help you."</p>
            </section>
            <section aria-labelledby="h-password">
                <h2 id="h-password">"I have forgotten my password"</h2>
                <p><a class="link" href="/sign-in/forgot">"Ask for a link"</a>" to your mailbox."</p>
            </section>
            <section aria-labelledby="h-else">
                <h2 id="h-else">"Something else"</h2>
                <p>
                    {contact.map(|page| view! { <a class="link" href=page>"Write to us"</a>". " })}
                    "If you believe that somebody else is in your account, write to "<a class="link" href=format!("mailto:{security}")>{security.clone()}</a>"."
                </p>
            </section>
        },
    )
}
