//! One's own account: profile, password, second factor, what happened lately, and the sessions.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Person, rule};
use server::identity::{backup_codes, moment, profile, record, sessions};
use time::OffsetDateTime;

use super::entrance::new_password;
use super::pages::{Middle, done};
use super::tried;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::ui::form::{Input, form, hidden, input, trouble, with_button};

/// How many of one's own events the page shows.
const EVENTS: u64 = 20;

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Brussels",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Amsterdam",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Asia/Dubai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
];

fn when(person: &Person, at: OffsetDateTime) -> String {
    moment::moment(at, &person.date_style, &person.time_zone)
}

pub async fn account(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let accounts = &visit.site.accounts;
    let (address, name) = (profile::open_address(accounts, &owner)?, profile::open_name(accounts, &owner)?);
    let events = record::newest(&owner, accounts, EVENTS).await?;
    let codes = backup_codes::left(&owner).await?;
    let tried = tried::told(visit).await?;
    let token = &visit.token.text;
    let settings = settings(&owner, name, typed);
    let current = Input::new("current_password", "Present password", "password", "current-password");
    let email = Input::new("email", "New e-mail address", "email", "email").prefix("e");
    let untroubled = Typed::default();
    let typed_email = if typed.values.contains_key("email") { typed } else { &untroubled };
    let set_at = when(&owner, owner.password_set_at);
    Ok(Middle::new(
        "Your account",
        view! {
            <h1>"Your account"</h1>
            {done(typed)}
            {trouble(typed)}
            {tried}
            <section aria-labelledby="h-profile">
                <h2 id="h-profile">"Profile"</h2>
                {form(Act::ChangeProfile, token, "Save", settings)}
            </section>
            <section aria-labelledby="h-address">
                <h2 id="h-address">"Address"</h2>
                <p>"You sign in as "<b>{address}</b>"."</p>
                <details class="instead"><summary>"Change the address"</summary>
                    <p class="small">"A link goes to the new address; you are signed out everywhere when it is used."</p>
                    {form(Act::ChangeEmail, token, "Send the link", input(email, typed_email))}
                </details>
            </section>
            <section aria-labelledby="h-password">
                <h2 id="h-password">"Password"</h2>
                <p class="small">"Set "{set_at}"."</p>
                {form(Act::ChangePassword, token, "Change the password", view! { {input(current, typed)}{new_password(visit, typed)} })}
            </section>
            <section aria-labelledby="h-factor">
                <h2 id="h-factor">"Second factor"</h2>
                {second_factor(&owner, token, codes)}
            </section>
            <section aria-labelledby="h-events">
                <h2 id="h-events">"What happened lately"</h2>
                {happened(&owner, events)}
            </section>
            <section aria-labelledby="h-end">
                <h2 id="h-end">"The end"</h2>
                <p>"You can delete your account whenever you want. "<a class="link" href="/account/delete">"Delete my account"</a></p>
            </section>
        },
    )
    .with_script())
}

fn settings(owner: &Person, name: String, typed: &Typed) -> impl IntoView + use<> {
    let or = |field: &str, stored: &str| typed.values.get(field).cloned().unwrap_or_else(|| stored.to_owned());
    let (style, zone) = (or("date_style", &owner.date_style), or("time_zone", &owner.time_zone));
    let mut shown = typed.clone();
    shown.values.entry("name".into()).or_insert(name);
    shown.values.insert("time_zone".into(), zone);
    let options = profile::DATE_STYLES.iter().map(|(value, example)| {
        let chosen = *value == style;
        view! { <option value=*value selected=chosen>{*example}</option> }
    });
    let options = options.collect_view();
    view! {
        {input(Input::new("name", "Your name", "text", "name"), &shown)}
        <div class="field">
            <label for="f-date_style">"Dates are written as"</label>
            <select class="select" id="f-date_style" name="date_style">{options}</select>
        </div>
        {input(Input::new("time_zone", "Time zone", "text", "off").hint("For example Europe/Brussels or UTC."), &shown)}
        <datalist id="zones">{ZONES.iter().map(|zone| view! { <option value=*zone></option> }).collect_view()}</datalist>
    }
}

fn second_factor(owner: &Person, token: &str, codes: usize) -> impl IntoView + use<> {
    if !owner.enrolled {
        return view! {
            <p>"Your password alone lets you in. A second factor keeps others out even if they know it."</p>
            <p class="go"><a class="btn btn-primary" href="/account/mfa/enrol">"Set up an authenticator app"</a></p>
        }
        .into_any();
    }
    let since = when(owner, owner.factor_changed_at);
    let away = (!owner.must_have_factor).then(|| {
        with_button(
            Act::RemoveTotp,
            token,
            view! { <button class="btn" type="submit">"Take the second factor away"</button> },
            (),
        )
    });
    view! {
        <p>"An authenticator app is connected since "{since}". "{codes}" backup codes are left."</p>
        <p class="go"><a class="btn" href="/account/mfa/enrol">"Replace the app"</a>" "<a class="btn" href="/account/backup-codes">"Backup codes"</a></p>
        {away}
    }
    .into_any()
}

fn happened(owner: &Person, events: Vec<record::Line>) -> impl IntoView + use<> {
    let rows: Vec<_> = events
        .into_iter()
        .map(|line| {
            view! {
                <tr><td>{when(owner, line.at)}</td><th scope="row">{line.said}</th><td>{line.place.device}</td><td>{line.place.network}</td></tr>
            }
        })
        .collect();
    view! {
        <div class="scroll" role="region" aria-label="Table of events" tabindex="0"><table class="table">
            <thead><tr><th scope="col">"When"</th><th scope="col">"What"</th><th scope="col">"Device"</th><th scope="col">"Network"</th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <p class="small">"The newest "{EVENTS}" entries. Something here was not you? Change your password; it ends every other session."</p>
    }
}

pub async fn sessions(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let owner = visit.prove::<rule::SignedIn>()?;
    let listed = sessions::list(&owner, &visit.site.accounts, visit.now).await?;
    let several = listed.len() > 1;
    let token = visit.token.text.clone();
    let rows: Vec<_> = listed
        .into_iter()
        .map(|session| {
            let id = session.id.to_string();
            let note = match (session.this, session.half_way) {
                (true, _) => "This session",
                (false, true) => "Waiting for a code",
                (false, false) => "",
            };
            let end = (!session.this).then(|| {
                with_button(
                    Act::RevokeSession,
                    &token,
                    view! { <button class="btn btn-sm" type="submit" aria-label=format!("End the session of {}", session.place.device)>"End"</button> },
                    hidden("session", id.clone()),
                )
            });
            view! {
                <tr data-session=id>
                    <th scope="row">{session.place.device}<span class="small">{note}</span></th>
                    <td>{session.place.network}</td>
                    <td>{when(&owner, session.began)}</td>
                    <td>{when(&owner, session.seen)}</td>
                    <td>{end}</td>
                </tr>
            }
        })
        .collect();
    Ok(Middle::new(
        "Your sessions",
        view! {
            <h1 id="h-sessions">"Your sessions"</h1>
            {done(typed)}
            {trouble(typed)}
            <p>"Wherever you are signed in. A session ends by itself after a while without use; of the place only the network is kept."</p>
            <div class="scroll" role="region" aria-labelledby="h-sessions" tabindex="0"><table class="table">
                <thead><tr><th scope="col">"Device"</th><th scope="col">"Network"</th><th scope="col">"Began"</th><th scope="col">"Last used"</th><th scope="col"><span class="sr-only">"End it"</span></th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            {several.then(|| form(Act::RevokeOtherSessions, &visit.token.text, "End all other sessions", ()))}
        },
    ))
}
