//! The same for the vendor's own seats: there are few of them, so one page has them all.

use axum::response::Response;
use contract::problem::Problem;
use leptos::prelude::*;
use serde_json::json;
use server::guard::{Person, Staff};
use server::reviews::seats::{self, SeatDrift, SeatForm, SeatItem, SeatReport, SeatReview};
use server::reviews::{Decision, Kind, Silence, State, Status};
use time::Duration;

use super::desk::{Deed, Desk, id};
use super::item::{self, Shown, Stands};
use super::since::Differs;
use super::{doing, keys, opening, picture, report, said, since};
use crate::http::fields::Fields;
use crate::http::people::{Done, Typed};
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{badge, button, when};
use crate::ui::chart::number;
use crate::ui::entry::{Entry, line, summary};
use crate::ui::form::{hidden, sentence, trouble};
use crate::ui::list::{empty, table};

/// How long there is where nobody says otherwise.
const DAYS: i64 = 16;

pub async fn all(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let desk = Desk::of_staff(visit);
    let campaigns = seats::campaigns(&staff, &visit.site.accounts, visit.now).await?;
    let rows: Vec<AnyView> = campaigns.iter().map(|one| row(&desk, &staff, one)).collect();
    let list = if rows.is_empty() {
        empty("No reviews yet", "Open the first one below.", None)
    } else {
        table("Reviews of seats", &["Review", "How far", "When"], rows)
    };
    let every = visit.site.profile.policy.reviews.operator_days;
    let every = every.map(|days| format!(" One opens by itself at the latest {days} days after the one before."));
    let labels = [("name", "Name"), ("due", "Due at the end of"), ("silence", "What nobody decided on")];
    let labels: Vec<(String, String)> = labels.map(|(name, label)| (name.into(), label.into())).into();
    let view = view! {
        <p class="crumbs"><a class="link" href="/operator">"Operator"</a></p>
        <h1>"Reviews of seats"</h1>
        {done(typed)}
        {summary(typed, &labels)}
        <p>"Every seat of our own staff is looked at anew, by somebody else, and what is not needed is taken away at once."{every}</p>
        {list}
        {form(&desk, typed)}
    };
    Ok(Middle::new("Reviews of seats", view).wide())
}

fn row(desk: &Desk<'_>, person: &Person, review: &SeatReview) -> AnyView {
    let href = desk.path(review.id);
    let at = match review.closed {
        Some(at) => format!("Closed {}", when(person, at)),
        None => format!("Due {}", when(person, review.due)),
    };
    let itself = review.by_itself.then(|| badge("By itself", "stated"));
    view! {
        <tr data-review=review.id.to_string() data-status=review.status.word()>
            <th scope="row"><a class="link" href=href>{review.name.clone()}</a>" "{status(review)}{itself}</th>
            <td>{said::in_words(&review.counts)}</td>
            <td>{at}</td>
        </tr>
    }
    .into_any()
}

fn status(review: &SeatReview) -> AnyView {
    said::standing(review.status, review.overdue)
}

fn form(desk: &Desk<'_>, typed: &Typed) -> AnyView {
    let due = (desk.visit.now + Duration::days(DAYS)).date().to_string();
    let name = Entry::new("name", "Name", typed, String::new()).required(true);
    let due = Entry::new("due", "Due at the end of", typed, due).required(true);
    let silences =
        Silence::ALL.iter().map(|one| (one.word().to_owned(), sentence(&format!("it {}", one.said())))).collect();
    let inner = view! {
        {line(&name, "text", None, &[])}
        {line(&due, "date", None, &[])}
        {opening::choice("f-silence", "silence", "What nobody decided on", silences, typed)}
    };
    view! {
        <section aria-labelledby="h-open">
            <h2 id="h-open">"Open a review"</h2>
            {desk.form(Deed::Open, button("Open the review"), inner)}
        </section>
    }
    .into_any()
}

pub async fn one(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let desk = Desk::of_staff(visit);
    let report = seats::report(&staff, &visit.site.accounts, id(visit)?, visit.now).await?;
    let report = report.ok_or(Problem::NotFound)?;
    let (review, items, differs) = (&report.review, &report.items, differs(&report));
    let open = review.status == Status::Open;
    let rows: Vec<AnyView> = items.iter().map(|one| item::item(&desk, &shown(&staff, one, open), "", typed)).collect();
    let counts = &review.counts;
    let (decided, words) = (said::decided(counts), said::in_words(counts));
    let at = match review.closed {
        Some(at) => format!("Closed {}.", when(&staff, at)),
        None => format!("Due {}.", when(&staff, review.due)),
    };
    let close = open.then(|| {
        view! {
            <section aria-labelledby="h-close">
                <h2 id="h-close">"Close it"</h2>
                <p>{format!("Whatever is not decided by then {}. What stands is then compared with what was decided.", review.silence.said())}</p>
                {desk.form(Deed::Close, button("Close the review"), hidden("review", review.id.to_string()))}
            </section>
        }
    });
    let name = review.name.clone();
    let view = view! {
        {desk.crumbs(None)}
        <h1>{name.clone()}</h1>
        {done(typed)}
        {trouble(typed)}
        <p>{status(review)}" "{format!("Begun {}. {at}", when(&staff, review.opened))}</p>
        {since::named(&desk, &differs)}
        <div class="progress" data-progress="">
            <p><label for="progress"><b data-decided="">{number(decided)}</b>" of "{number(counts.items)}" decided."</label></p>
            <progress id="progress" max=counts.items.max(1) value=decided></progress>
            <p class="small"><span data-words="">{words}</span>"."</p>
        </div>
        {ways(&desk, review)}
        <section aria-labelledby="h-items">
            <h2 id="h-items">"Seats"</h2>
            {open.then(|| keys::bar(None))}
            <ol class="items" data-items="">{rows}</ol>
        </section>
        {close}
        <p class="small">"SHA-256 of what was found: "<code class="hash">{review.population_sha256.clone()}</code></p>
    };
    Ok(Middle::new(name, view).wide().with_script())
}

fn ways(desk: &Desk<'_>, review: &SeatReview) -> AnyView {
    let path = desk.path(review.id);
    let (report, archive) = (format!("{path}/report"), format!("{path}/archive.zip"));
    let archive =
        (review.status == Status::Closed).then(|| view! { " "<a class="btn" href=archive>"Signed archive"</a> });
    view! { <p class="go"><a class="btn" href=report>"Report"</a>{archive}</p> }.into_any()
}

fn differs(report: &SeatReport) -> Vec<Differs> {
    let one = |one: &SeatDrift| Differs {
        item: one.item.id,
        review: one.item.review,
        who: one.item.who.clone(),
        kind: Kind::Seat,
        how: one.how,
    };
    report.drift.iter().map(one).collect()
}

pub async fn report(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let staff = visit.staff()?;
    let report = seats::report(&staff, &visit.site.accounts, id(visit)?, visit.now).await?;
    let report = report.ok_or(Problem::NotFound)?;
    let desk = Desk::of_staff(visit);
    let (review, counts) = (&report.review, &report.review.counts);
    let differs: Vec<String> = differs(&report).iter().map(Differs::said).collect();
    let explained: Vec<String> = report.items.iter().filter_map(|item| explanation(&staff, item)).collect();
    let title = format!("Report: {}", review.name);
    let words = said::in_words(counts);
    let view = view! {
        {desk.crumbs(Some((review.id, &review.name)))}
        <h1>{title.clone()}</h1>
        {done(typed)}
        <p>{status(review)}" "{report::standing(review.status, differs.is_empty(), explained.len() as u64)}</p>
        {picture::bar(counts, words.clone())}
        <p><b>{words}"."</b></p>
        {report::taking_along(&desk, review.id, review.status)}
        {about(&staff, &report)}
        {report::found(&report.found, Some(&review.population_sha256))}
        {report::equals(&differs, (&explained, explained.len() as u64), &report.since)}
        {report::quality(&report.reviewers)}
    };
    Ok(Middle::new(title, view).wide().with_script())
}

/// A seat whose difference was explained, as a line of the report.
fn explanation(staff: &Staff, item: &SeatItem) -> Option<String> {
    explained(staff, item)?;
    Some(format!("{}: {}", item.who, decision(staff, item)))
}

/// What a seat is other than was decided, and why that may be.
fn explained(staff: &Person, item: &SeatItem) -> Option<String> {
    let became = match (item.state, item.decision) {
        (State::Gone, Some(_)) => "gone all the same",
        (State::Changed, _) => "held all the same",
        (State::Gone | State::Pending | State::Decided | State::Applied | State::Ended, _) => return None,
    };
    // Before the two were kept apart, what was said last stood in the place of the reason.
    let why = match &item.settled {
        Some(one) => format!("explained by {} ({}): \u{201c}{}\u{201d}", one.by, when(staff, one.at), one.reason),
        None => format!("explained: \u{201c}{}\u{201d}", item.note.as_deref().unwrap_or_default()),
    };
    Some(format!("{became}, {why}"))
}

fn about(staff: &Staff, report: &SeatReport) -> AnyView {
    let review = &report.review;
    let at = |at| when(staff, at);
    let origin =
        if review.by_itself { "by itself, as it was time".to_owned() } else { format!("by {}", report.made_by) };
    let closed = review.closed.map(|closed| {
        let by = report.closed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        report::fact("Closed", format!("{}{by}", at(closed)))
    });
    let half = report.median_decide_ms.map(|median| report::fact("Half was decided within", report::within(median)));
    view! {
        <section aria-labelledby="h-facts"><h2 id="h-facts">"Facts"</h2><dl class="facts">
            {report::fact("About", "Every seat of our own staff".to_owned())}
            {report::fact("Begun", format!("{} {origin}", at(review.opened)))}
            {report::fact("Due", at(review.due))}
            {closed}
            {report::fact("Silence", sentence(&format!("what nobody decides on {}", review.silence.said())))}
            {report::fact("Effect", "A seat that is revoked is taken away at once".to_owned())}
            {report::fact("Decided after the last day", number(report.late))}
            {report::fact("Decided by silence", number(report.silent))}
            {half}
        </dl></section>
    }
    .into_any()
}

/// Everything that an auditor needs, in one file.
pub async fn archive(visit: &Visit) -> Result<Response, Problem> {
    let (staff, id) = (visit.staff()?, id(visit)?);
    let archive = seats::archive(&staff, &visit.site.accounts, id, visit.now).await?.ok_or(Problem::NotFound)?;
    Ok(report::download(id, archive))
}

fn shown(staff: &Staff, item: &SeatItem, open: bool) -> Shown {
    let own = (item.account == staff.account.0).then(|| ("You".to_owned(), "stated"));
    let gone = (item.state == State::Gone).then(|| ("Gone since".to_owned(), "unproven"));
    let used = item.last_used.map_or_else(|| "Never".to_owned(), |at| when(staff, at));
    Shown {
        id: item.id,
        review: item.review,
        who: item.who.clone(),
        href: None,
        signs: own.into_iter().chain(gone).collect(),
        what: format!("{} \u{b7} Seat of our staff", item.address),
        // Each of them may much, so each decision wants a reason.
        privileged: true,
        context: vec![
            ("Last used", used),
            ("Granted", when(staff, item.granted_at)),
            ("Second factor", if item.second_factor { "Set up" } else { "None" }.to_owned()),
            ("Last time", item.previous.map_or("Not reviewed", Decision::said).to_owned()),
        ],
        advice: matches!(item.state, State::Pending | State::Decided)
            .then(|| (format!("{}?", item.recommendation.said()), sentence(item.reason.said()))),
        stands: said::of_decision(item.decision),
        said: decision(staff, item),
        note: item.note.clone(),
        remarks: Vec::new(),
        remark_count: 0,
        barred: item.may_decide.as_ref().err().map(|barred| barred.said().to_owned()),
        open,
        roles: Vec::new(),
        role: String::new(),
    }
}

fn decision(person: &Person, item: &SeatItem) -> String {
    let said = match item.decision {
        None => return "Not decided".to_owned(),
        Some(Decision::Keep) => "Kept",
        Some(Decision::Revoke) => "Revoked",
        Some(Decision::Change) => "Changed",
    };
    let by = match (&item.decided_by, item.silent) {
        (_, true) => " by silence".to_owned(),
        (Some(by), false) => format!(" by {by}"),
        (None, false) => String::new(),
    };
    let at = item.decided_at.map(|at| format!(", {}", when(person, at))).unwrap_or_default();
    let differs = explained(person, item).map(|said| format!("; {said}")).unwrap_or_default();
    format!("{said}{by}{at}{differs}")
}

pub async fn open(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let form = SeatForm { name: fields.get("name"), due: fields.get("due"), silence: fields.get("silence") };
    let id = seats::open(&staff, &visit.site.accounts, &form, visit.now).await?;
    let next = format!("{}?done=review-opened", Desk::of_staff(visit).path(id));
    Ok(Done { told: Some(("review", id.to_string().into())), ..Done::go(next) })
}

pub async fn decide(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let (accounts, which) = (&visit.site.accounts, (fields.get("item"), fields.get("decision")));
    seats::decide(&staff, accounts, which, fields.optional("note"), visit.now).await.map_err(doing::told)?;
    let revoked = which.1 == "revoke";
    decided(visit, fields, which.1, (if revoked { "Revoked by you" } else { "Kept by you" }, "decided")).await
}

pub async fn undo(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    seats::undo(&visit.staff()?, fields.get("item"), visit.now).await.map_err(doing::told)?;
    decided(visit, fields, Stands::Undecided.word(), ("Not decided", "taken-back")).await
}

/// Back to the list for a person; a script is told what stands in the list now.
async fn decided(visit: &Visit, fields: &Fields, stands: &str, (said, done): (&str, &str)) -> Result<Done, Problem> {
    let desk = Desk::of_staff(visit);
    let Ok(review) = fields.get("review").parse() else {
        return Ok(Done::go(format!("{}?done={done}", desk.all())));
    };
    let next = doing::back(&desk.path(review), fields, done);
    let found = seats::campaign(&visit.staff()?, &visit.site.accounts, review, visit.now).await?;
    let counts = found.map(|(review, _)| review.counts).unwrap_or_default();
    let item = json!({
        "item": fields.get("item"), "stands": stands, "said": said, "done": stands == Stands::Revoke.word(),
        "decided": said::decided(&counts), "total": counts.items, "words": said::in_words(&counts),
    });
    Ok(Done { told: Some(("item", item)), ..Done::go(next) })
}

pub async fn resolve(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let which = (fields.get("item"), doing::ticked(fields, "again")?);
    let accounts = &visit.site.accounts;
    seats::resolve(&staff, accounts, which, fields.get("note"), visit.now).await.map_err(doing::told)?;
    let all = Desk::of_staff(visit).all();
    let path = fields.optional("review").map_or_else(|| all.clone(), |review| format!("{all}/{review}"));
    Ok(Done::go(format!("{path}?done=settled")))
}

pub async fn close(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let staff = visit.staff()?;
    let review = fields.get("review");
    seats::close(&staff, &visit.site.accounts, review, visit.now).await.map_err(doing::told)?;
    Ok(Done::go(format!("{}/{review}/report?done=review-closed", Desk::of_staff(visit).all())))
}
