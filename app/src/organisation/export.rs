//! Everything of the organisation as one archive: asked for, watched, taken along.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::ACCEPT;
use contract::access::{Act, Needs, Page};
use contract::problem::Problem;
use futures::StreamExt;
use leptos::prelude::*;
use server::exports::asking::{self, Kind, Shown as Archive, Stands};
use server::exports::offered::{self, Offered};
use server::guard::{Asks, Person, rights};
use server::problem::internal;

use super::frame::{self, badge, button, when};
use crate::http::attachment::{self, Attachment, Kept, Wanted};
use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, Shown, done};
use crate::ui::form::{hidden, trouble};
use crate::ui::list::{empty, table};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::ExportCreate>(Asks::ToSee)?;
    let archives = asking::list(&reader, &visit.site.accounts).await?;
    let running = archives.iter().any(|archive| matches!(archive.stands, Stands::Waiting | Stands::Running(..)));
    let base = visit.path_of(Page::Export);
    let rows: Vec<AnyView> = archives.iter().map(|archive| row(&reader, archive, &base)).collect();
    let list = if rows.is_empty() {
        empty("No archives yet", "The first one appears here as soon as you ask for it.", None)
    } else {
        table("Archives", &["Asked for", "What", "Where it stands", "Take it along"], rows)
    };
    let hours = visit.site.profile.policy.retention.export_hours;
    let view = view! {
        <h1>"Export"</h1>
        {done(typed)}
        {trouble(typed)}
        <p>"Everything that the "{visit.site.profile.organisation.clone()}" keeps in one ZIP: members, roles and units, every record with its history, attached files and the audit log with its proofs, each as a table (CSV) and as JSON Lines. It works in every standing of the subscription."</p>
        <p class="small">"An archive shows one instant, is kept encrypted, and can be fetched for "{hours.get()}" hours by whoever may export then. That it was asked for and fetched stands in the audit log."</p>
        {frame::form(visit, Act::RequestExport, button("Export everything"), ())}
        <section aria-labelledby="h-archives"><h2 id="h-archives">"Archives"</h2>{list}</section>
        <details class="instead"><summary>"A copy for testing"</summary>
            <p class="small">"Names, addresses, dates of people and everything written freely are replaced; files and the log are left out. A test instance takes such a copy only after two of the vendor's staff have approved it."</p>
            {frame::form(visit, Act::RequestExport, frame::small("Make a masked copy", "for testing"), hidden("masked", "yes".into()))}
        </details>
    };
    Ok(Middle::new("Export", view).wide().again(running))
}

fn row(person: &Person, archive: &Archive, base: &str) -> AnyView {
    let what = if archive.masked { "Masked copy" } else { "Everything" };
    let href = format!("{base}/{}/archive.zip", archive.id);
    let (stands, take) = match &archive.stands {
        Stands::Waiting => (badge("Waiting", "stated"), None),
        Stands::Running(done, total) => (progress(*done, *total), None),
        Stands::Ready { bytes, sha256, until } => {
            let sum = view! { {badge("Ready", "proven")}<span class="small facts">{size(*bytes)}" until "{when(person, *until)}<br/>"SHA-256 "<code>{sha256.clone()}</code></span> };
            let take = view! { <a class="btn btn-sm" href=href aria-label=format!("Download the archive of {}", when(person, archive.asked_at))>"Download"</a> };
            (sum.into_any(), Some(take))
        }
        Stands::Failed(why) => {
            (view! { {badge("Not made", "failing")}<span class="small facts">{why.clone()}</span> }.into_any(), None)
        }
        Stands::Expired => (badge("Removed after its time", "stated"), None),
    };
    view! {
        <tr data-export=archive.id.to_string()>
            <td>{when(person, archive.asked_at)}<span class="small facts">{archive.by.clone()}</span></td>
            <td>{what}</td>
            <td>{stands}</td>
            <td>{take}</td>
        </tr>
    }
    .into_any()
}

/// How far it is: the estimate may be a little short, so it never says that all is done.
fn progress(done: u64, total: u64) -> AnyView {
    let total = total.max(1);
    let done = done.min(total);
    let percent = (done * 100 / total).min(99);
    view! {
        <label>{badge("Being made", "stated")}" "{percent}"%"
            <progress max=total.to_string() value=done.to_string()>{percent}"%"</progress>
        </label>
    }
    .into_any()
}

/// A size as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..=9_999 => format!("{bytes} bytes"),
        10_000..=9_999_999 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

pub async fn request(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let requester = visit.may::<rights::ExportCreate>(Asks::ToDo)?;
    let kind = match fields.optional("masked") {
        None => Kind::Whole,
        Some("yes") => Kind::Masked,
        Some(_) => return Err(Problem::field("masked", "send yes, or leave it out")),
    };
    let id = asking::request(&requester, &visit.site.accounts, kind, &visit.origin, visit.now).await?;
    let next = format!("{}?done=export", visit.path_of(Page::Export));
    Ok(Done { told: Some(("export", id.to_string().into())), ..Done::go(next) })
}

/// The archive itself, or a part of it. Whoever gave no factor lately is asked for one first.
pub async fn archive(visit: &Visit) -> Result<Shown, Problem> {
    let taker = match visit.may::<rights::ExportCreate>(Asks::ToDo) {
        Ok(taker) => taker,
        Err(problem) => return stepping_up(visit, problem),
    };
    let (accounts, from) = (&visit.site.accounts, attachment::first(&visit.headers));
    let id = visit.param("export");
    let offered = offered::download(&taker, accounts, id, from, &visit.origin, visit.now).await?;
    let (site, slug) = (Arc::clone(&visit.site), visit.param("slug").to_owned());
    let session = visit.session_hash.clone().unwrap_or_default();
    // Whoever loses the right while it is under way gets no more of it.
    let still = move || {
        let (site, slug, session) = (Arc::clone(&site), slug.clone(), session.clone());
        async move {
            let caller = site.visitor.caller(&site.profile, &session, site.clock.now()).await.ok().flatten();
            caller.is_some_and(|caller| caller.may::<rights::ExportCreate>(&slug, Asks::ToSee).is_ok())
        }
    };
    sent(visit, &offered, still)
}

/// A person is led to give their factor once more, and back; a program is told.
pub fn stepping_up(visit: &Visit, problem: Problem) -> Result<Shown, Problem> {
    let browser = visit.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let lacks = matches!(problem, Problem::Unproven { needs: Needs::StepUp, .. });
    if !(lacks && browser.is_some_and(|types| types.contains("text/html"))) {
        return Err(problem);
    }
    // Back to the page with the link, and not into a download that leaves the confirmation standing there.
    let of_organisation = visit.params.contains_key("slug");
    let page = visit.path_of(if of_organisation { Page::Export } else { Page::AccountExport });
    let next: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
    Ok(Shown::Elsewhere(format!("/account/confirm?next={next}")))
}

/// The answer, piece by piece, for as long as `still` says so.
pub fn sent<F, S>(visit: &Visit, offered: &Offered, still: F) -> Result<Shown, Problem>
where
    F: Fn() -> S + Send + 'static,
    S: Future<Output = bool> + Send,
{
    let attachment = Attachment {
        name: &offered.name,
        media_type: "application/zip",
        bytes: offered.bytes(),
        sha256: &offered.sha256,
        kept: Kept::Never,
    };
    let wanted = attachment.wanted(&visit.headers);
    let body = match &wanted {
        Wanted::Nothing | Wanted::NoSuchPart => Body::empty(),
        Wanted::Whole => piecewise(offered, 0..offered.bytes(), still)?,
        Wanted::Part(range) => piecewise(offered, range.clone(), still)?,
    };
    Ok(Shown::Download(attachment.answer(&wanted, body)))
}

fn piecewise<F, S>(offered: &Offered, range: Range<u64>, still: F) -> Result<Body, Problem>
where
    F: Fn() -> S + Send + 'static,
    S: Future<Output = bool> + Send,
{
    let pieces = offered.part(range).map_err(|cause| internal(&cause))?;
    let checked = futures::stream::try_unfold((pieces, still), |(mut pieces, still)| async move {
        let Some(piece) = pieces.next().await else { return Ok::<_, std::io::Error>(None) };
        if !still().await {
            return Err(std::io::Error::other("the right to take it along has ended"));
        }
        let piece = piece.map_err(|cause| std::io::Error::other(internal(&cause).detail()))?;
        Ok(Some((piece, (pieces, still))))
    });
    Ok(Body::from_stream(checked))
}
