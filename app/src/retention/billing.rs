//! The subscription: where it stands, cancelling it, and bringing everything back.

use contract::access::Act;
use contract::permission::Permission;
use contract::problem::Problem;
use contract::standing::Standing;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, Closed, rights};
use server::organisations::help;
use server::retention::holds::{self, Shown};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{self, badge};
use crate::organisation::settings::{self, GRANTS};
use crate::ui::form::trouble;

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::BillingManage>(Asks::ToSee)?;
    let here = reader.here();
    let (word, meaning) = match here.standing {
        Standing::Trialing => ("Trial", "Everything can be used."),
        Standing::Active => ("Active", "Everything can be used."),
        Standing::PastDue => ("Payment missing", "Everything can be used until the days of grace are over."),
        Standing::Lapsed => {
            ("Lapsed", "Everything can be read, and the log taken along; nothing can be changed until it is paid.")
        }
        Standing::Cancelled => ("Cancelled", "Nobody sees what is in here any more."),
    };
    let until = here.standing_until.filter(|_| here.standing.runs_out()).map(|at| {
        let at = frame::when(&reader, at);
        view! { <p>"Until "{at}". Whoever manages the subscription is written to "{frame::reminders()}" days before."</p> }
    });
    let held: Vec<Shown> = holds::list(&reader, &visit.site.accounts).await?;
    let held: Vec<Shown> = held.into_iter().filter(|hold| hold.in_force(visit.now)).collect();
    let end = match here.closed {
        Some(Closed { reduced: Some((at, certificate)), .. }) => {
            reduced(&reader, at, certificate, here.permissions.contains(&Permission::ExportCreate))
        }
        Some(closed) => restoring(visit, &reader, closed),
        None => cancelling(visit),
    };
    // The settings, where help is given and ended, cannot be seen any more.
    let helped = if here.closed.is_some() { helped(visit, &reader).await? } else { None };
    let contacts = &visit.site.profile.contacts;
    let contact = contacts.general.clone().unwrap_or_else(|| contacts.security.clone());
    // A page of theirs, or an address.
    let to = if contact.contains('@') { format!("mailto:{contact}") } else { contact.clone() };
    let class = match here.standing {
        Standing::Trialing | Standing::Active => "proven",
        Standing::PastDue => "ageing",
        Standing::Lapsed | Standing::Cancelled => "failing",
    };
    let view = view! {
        <h1>"Subscription"</h1>
        {done(typed)}
        {trouble(typed)}
        <p><span data-standing=here.standing.word()>{badge(word, class)}</span>" "{meaning}</p>
        {until}
        <h2>"How to renew"</h2>
        <p>"Payment is arranged with us directly: "<a class="link" href=to>{contact}</a>". As soon as it is settled, everything can be changed again."</p>
        <p class="small">"Your own account never depends on the subscription."</p>
        {end}
        {helped}
        {super::holds::notice(visit, &reader, &held)}
    };
    Ok(Middle::new("Subscription", view))
}

/// Whoever of the staff is still let in.
async fn helped(visit: &Visit, reader: &Allowed<rights::BillingManage>) -> Result<Option<AnyView>, Problem> {
    let grants = help::list(reader, &visit.site.accounts, GRANTS).await?;
    let open = grants.into_iter().filter(|grant| grant.ended.is_none() && grant.ends > visit.now).collect();
    let table = settings::given(visit, reader, open);
    Ok(table.map(|table| view! { <section><h2>"Help by our staff"</h2>{table}</section> }.into_any()))
}

fn cancelling(visit: &Visit) -> AnyView {
    let days = visit.site.profile.policy.retention.purge_days;
    let after = days.map_or_else(
        || "Everything stays until we are told to destroy it.".to_owned(),
        |days| format!("For {days} days you can restore it from this page; then all of it is destroyed, with the accounts of those who belong to nothing else, and you get the signed proof."),
    );
    let button = view! { <button class="btn" type="submit">"Yes, cancel the subscription"</button> }.into_any();
    view! {
        <section aria-labelledby="h-cancel">
            <h2 id="h-cancel">"Cancel"</h2>
            <p>"From that moment on nobody sees what is in here, members and programs alike. "{after}</p>
            <details class="instead"><summary>"Cancel\u{2026}"</summary>
                {frame::form(visit, Act::CancelSubscription, button, ())}
            </details>
        </section>
    }
    .into_any()
}

/// Where only what is held is left.
fn reduced(reader: &Allowed<rights::BillingManage>, at: OffsetDateTime, certificate: Uuid, exports: bool) -> AnyView {
    let (machine, at) = (server::clock::rfc3339(at), frame::when(reader, at));
    let proof = format!("/certificates/{certificate}");
    let along = exports.then(|| {
        let export = format!("/o/{}/export", reader.here().slug);
        view! { <p>"Until the last hold ends you can "<a class="link" href=export>"take the held records along"</a>"."</p> }
    });
    view! {
        <section aria-labelledby="h-reduced">
            <h2 id="h-reduced">"Destroyed, but for held records"</h2>
            <p>"On "<time data-reduced-at=machine.clone() datetime=machine>{at}</time>" everything in here was destroyed but the records that a legal hold keeps, so it can no longer be restored. "<a class="link" href=proof>"The signed proof"</a>"."</p>
            {along}
        </section>
    }
    .into_any()
}

fn restoring(visit: &Visit, reader: &Allowed<rights::BillingManage>, closed: Closed) -> AnyView {
    let since = frame::when(reader, closed.at);
    let late = closed.purge_at.is_some_and(|at| at <= visit.now);
    let until = closed.purge_at.map(|at| {
        let (machine, at) = (server::clock::rfc3339(at), frame::when(reader, at));
        view! { <p>"Everything in it is destroyed on "<time data-purge-at=machine.clone() datetime=machine>{at}</time>", with the accounts of those who belong to nothing else."</p> }
    });
    let form = (!late).then(|| {
        view! {
            <p>"Until then you can bring all of it back, exactly as it was."</p>
            {frame::form(visit, Act::RestoreOrganisation, frame::button("Restore the organisation"), ())}
        }
    });
    view! {
        <section aria-labelledby="h-restore">
            <h2 id="h-restore">"Restore"</h2>
            <p>"The subscription was cancelled on "{since}"."</p>
            {until}
            {form}
        </section>
    }
    .into_any()
}
