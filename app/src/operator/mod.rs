//! The vendor's own pages: metadata only. What an organisation keeps cannot be reached from here.

pub mod evidence;
pub mod recovery;

use contract::access::Page;
use contract::claim::State;
use contract::problem::Problem;
use leptos::prelude::*;
use server::exports::approval;
use server::jobs::kept::{self, Last};
use server::mail::queue;
use server::operators::{self, Customer};
use server::problem::internal;

use crate::http::asked::Asked;
use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{badge, when};
use crate::ui::form::{Input, input, trouble};
use crate::ui::list::{empty, pages, table};

pub async fn overview(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let accounts = &visit.site.accounts;
    let seats = operators::seats(&staff.operator(), accounts).await?;
    let asked = Asked::of(Page::Operate.row().path, typed);
    let after = asked.text("after").unwrap_or_default();
    if !after.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(asked.refuse("after", "this is no place in the list; start from the first page"));
    }
    let (customers, next) = operators::customers(&staff, accounts, &after).await?;
    let rows: Vec<AnyView> = customers.iter().map(|customer| row(&staff, customer)).collect();
    let list = if rows.is_empty() {
        empty("No organisations yet", "They appear here when somebody signs up.", None)
    } else {
        table("Organisations", &["Organisation", "Standing", "Since"], rows)
    };
    let board = visit.site.current().await;
    let due: Vec<_> = board
        .board
        .claims
        .iter()
        .filter(|claim| matches!(claim.state, State::Failing | State::Ageing | State::Unproven))
        .map(|claim| {
            let href = format!("/trust/claims/{}", claim.id);
            let due = claim.due_at.map(|at| format!(" Due {}.", when(&staff, at)));
            view! { <li><a class="link" href=href>{claim.id.clone()}</a>" "{badge(claim.state.word(), claim.state.word())}" "<span class="small">{claim.text.clone()}{due}</span></li> }
        })
        .collect();
    let jobs: Vec<AnyView> =
        kept::last(&staff).await.map_err(|cause| internal(&cause))?.into_iter().map(|last| job(&staff, last)).collect();
    let jobs = if jobs.is_empty() {
        empty("No job has run yet", "The first round is made within a minute of the start.", None)
    } else {
        table("Scheduled jobs", &["Job", "Last run", "How it went"], jobs)
    };
    let recovery = recovery::section(visit, &staff, typed).await?;
    let most = seats.most.map(|most| format!(" of {most}"));
    let view = view! {
        <h1>"Operator"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"Seats taken: "{seats.taken}{most}". You see that organisations are there, not what they keep; opening one stands in its log."</p>
        <p class="go"><a class="btn" href="/operator/evidence">"Evidence"</a>" "<a class="btn" href="/operator/mail">"Mail queue"</a>" "<a class="btn" href="/operator/approvals">"Copies for testing"</a>" "<a class="btn" href="/operator/reviews">"Reviews of seats"</a></p>
        <section aria-labelledby="h-organisations"><h2 id="h-organisations">"Organisations"</h2>{list}{pages("/operator", &[], next, after.is_empty())}</section>
        <section aria-labelledby="h-claims"><h2 id="h-claims">"Claims that want attention"</h2><ul class="due-list">{due}</ul></section>
        <section aria-labelledby="h-jobs"><h2 id="h-jobs">"Jobs"</h2>{jobs}</section>
        {recovery}
    };
    Ok(Middle::new("Operator", view).wide())
}

/// What a failure came from names places of the machine: it stands in the server's log only.
fn job(person: &server::guard::Person, last: Last) -> AnyView {
    let went = if last.done {
        last.said.into_any()
    } else {
        view! { {badge("Failed", "failing")}" The server's log says why." }.into_any()
    };
    view! { <tr data-job=last.job.clone()><th scope="row">{last.job.clone()}</th><td>{when(person, last.at)}</td><td>{went}</td></tr> }
        .into_any()
}

fn row(person: &server::guard::Person, customer: &Customer) -> AnyView {
    let href = format!("/operator/organisations/{}", customer.slug);
    view! {
        <tr data-organisation=customer.slug.clone()>
            <th scope="row"><a class="link" href=href>{customer.name.clone()}</a><span class="small">{customer.slug.clone()}</span></th>
            <td>{customer.standing.word()}</td>
            <td>{when(person, customer.made)}</td>
        </tr>
    }
    .into_any()
}

pub async fn organisation(visit: &Visit) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let slug = visit.param("slug");
    let found = operators::look_at(&staff, &visit.site.accounts, slug, &visit.origin, visit.now).await?;
    let customer = found.ok_or(Problem::NotFound)?;
    let until = customer.standing_until.map(|at| when(&staff, at));
    let command = format!("avouch billing standing --organisation {slug} active");
    let view = view! {
        <p><a class="link" href="/operator">"All organisations"</a></p>
        <h1>{customer.name.clone()}</h1>
        <p>"Standing: "<b>{customer.standing.word()}</b>{until.map(|at| format!(" until {at}"))}". Made "{when(&staff, customer.made)}"."</p>
        <p class="small">"That you opened this page stands in the organisation's log and in ours. The standing is set with "<code>{command}</code>"."</p>
    };
    Ok(Middle::new(customer.name.clone(), view))
}

/// How many letters the page shows.
const LETTERS: u64 = 100;

pub async fn mail(visit: &Visit) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let letters = queue::newest(&staff.operator(), LETTERS).await.map_err(|cause| internal(&cause))?;
    let rows: Vec<AnyView> = letters
        .into_iter()
        .map(|letter| view! { <tr><td>{when(&staff, letter.queued_at)}</td><th scope="row">{letter.kind}</th><td>{letter.state}</td><td>{letter.tries}</td><td>{letter.trouble.unwrap_or_default()}</td></tr> }.into_any())
        .collect();
    let list = if rows.is_empty() {
        empty("No letters", "Nothing has been written to anybody lately.", None)
    } else {
        table("Letters", &["Queued", "Kind", "State", "Tries", "Trouble"], rows)
    };
    let view = view! {
        <p><a class="link" href="/operator">"Operator"</a></p>
        <h1>"Mail queue"</h1>
        <p>"When, what kind, and how it went; neither to whom nor what it says."</p>
        {list}
    };
    Ok(Middle::new("Mail queue", view).wide())
}

/// Saying yes to a masked archive for a test: two different people, each with a factor given lately.
pub async fn approvals(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let approved = approval::list(&staff, &visit.site.accounts, visit.now).await?;
    let rows: Vec<AnyView> = approved
        .iter()
        .map(|one| {
            let stands = match &one.file {
                Some(file) => view! { {badge("Approved", "proven")}<pre>{file.clone()}</pre> }.into_any(),
                None => badge("One more has to approve", "stated"),
            };
            view! {
                <tr data-archive=one.archive.clone()>
                    <td><code>{one.archive.clone()}</code><span class="small">{one.purposes.join("; ")}</span></td>
                    <td>{when(&staff, one.until)}</td>
                    <td>{stands}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let list = if rows.is_empty() {
        empty("Nothing is approved", "What somebody approves appears here until it runs out.", None)
    } else {
        table("Approvals", &["Archive", "Until", "Where it stands"], rows)
    };
    let fields = view! {
        {input(Input::new("archive", "SHA-256 of the archive", "text", "off"), typed)}
        {input(Input::new("purpose", "What for", "text", "off"), typed)}
        {input(Input::new("days", "For how many days", "number", "off"), typed)}
    };
    let view = view! {
        <p><a class="link" href="/operator">"Operator"</a></p>
        <h1>"Copies for testing"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"A test instance takes an organisation's data only as a masked copy, and only when two different people have approved that very file. Save what appears here and give it to the import with --approval."</p>
        {crate::ui::form::form(contract::access::Act::ApproveCopy, &visit.token.text, "Approve this copy", fields)}
        <section aria-labelledby="h-approved"><h2 id="h-approved">"Approvals"</h2>{list}</section>
    };
    Ok(Middle::new("Copies for testing", view).wide())
}

pub async fn approve(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    if staff.stage != contract::access::Stage::SteppedUp {
        return Err(Problem::needs(contract::access::Needs::StepUp));
    }
    let (archive, purpose, days) = (fields.get("archive"), fields.get("purpose"), fields.get("days"));
    approval::approve(&staff, &visit.site.accounts, archive, purpose, days, visit.now).await?;
    Ok(Done::go("/operator/approvals?done=approved"))
}
