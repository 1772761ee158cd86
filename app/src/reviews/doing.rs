//! What each form of a review does: the proof, then the use case.

use contract::access::{Act, Page};
use contract::problem::Problem;
use server::guard::{Asks, rights};
use server::identity::Refusal;
use server::reviews::{self, DecideForm, Form};
use serde_json::{Value, json};
use uuid::Uuid;

use super::narrow::Narrow;
use super::{said, seats};
use crate::http::fields::Fields;
use crate::http::people::Done;
use crate::http::visit::Visit;

#[expect(clippy::wildcard_enum_match_arm, reason = "whoever calls this has matched every act")]
pub async fn perform(act: Act, visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    match act {
        Act::OpenReview => open(visit, fields).await,
        Act::StartReview => start(visit, fields).await,
        Act::DiscardReview => discard(visit, fields).await,
        Act::DecideItem => decide(visit, fields).await,
        Act::DecideItems => decide_many(visit, fields).await,
        Act::UndoDecision => undo(visit, fields).await,
        Act::CommentItem => comment(visit, fields).await,
        Act::ReassignItems => reassign(visit, fields).await,
        Act::DelegateReview => delegate(visit, fields).await,
        Act::CloseReview => close(visit, fields).await,
        Act::OpenSeatReview => seats::open(visit, fields).await,
        Act::DecideSeat => seats::decide(visit, fields).await,
        Act::UndoSeatDecision => seats::undo(visit, fields).await,
        Act::CloseSeatReview => seats::close(visit, fields).await,
        // The table leads no other act here.
        _ => Err(Problem::NotFound),
    }
}

/// The ids of reviews and items come from our own pages: one that is not there is not there, and no mistake in a field.
pub fn told(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Field("review" | "item", _) => Problem::NotFound,
        other => other.into(),
    }
}

/// Several people in one field: a line or a comma for each.
fn people(text: &str) -> Vec<&str> {
    text.split(['\n', ',', ';']).map(str::trim).filter(|one| !one.is_empty()).collect()
}

/// Everything that a form of ours has beside a program's: where on the list one was, and at which item.
pub fn back(path: String, fields: &Fields, done: &str) -> String {
    let place = Narrow::parse(fields.get("narrowing")).place();
    let item = fields.get("item").parse::<Uuid>().map(|item| format!("#i-{item}")).unwrap_or_default();
    let and = if place.is_empty() { "" } else { "&" };
    format!("{path}?{place}{and}done={done}{item}")
}

fn review_path(visit: &Visit, review: &str) -> String {
    format!("{}/{review}", visit.path_of(Page::Reviews))
}

async fn open(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let draft = match fields.optional("draft") {
        None => false,
        Some("yes") => true,
        Some(_) => return Err(Problem::field("draft", "send yes, or leave it out")),
    };
    let mut stages = vec![people(fields.get("reviewer"))];
    stages.extend(["second", "third"].map(|name| people(fields.get(name))).into_iter().filter(|stage| !stage.is_empty()));
    let form = Form {
        name: fields.get("name"),
        scope: fields.get("scope"),
        reviewers: &stages,
        fallback: fields.optional("fallback"),
        due: fields.get("due"),
        silence: fields.get("silence"),
        effect: fields.get("effect"),
        draft,
    };
    let id = reviews::open(&manager, &visit.site.accounts, &form, &visit.origin, visit.now).await?;
    let done = if draft { "review-drafted" } else { "review-opened" };
    let next = format!("{}?done={done}", review_path(visit, &id.to_string()));
    Ok(Done { told: Some(("review", id.to_string().into())), ..Done::go(next) })
}

async fn start(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let review = fields.get("review");
    reviews::start(&manager, &visit.site.accounts, review, &visit.origin, visit.now).await.map_err(told)?;
    Ok(Done::go(format!("{}?done=review-opened", review_path(visit, review))))
}

async fn discard(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let review = fields.get("review");
    reviews::discard(&manager, &visit.site.accounts, review, &visit.origin, visit.now).await.map_err(told)?;
    Ok(Done::go(format!("{}?done=review-discarded", visit.path_of(Page::Reviews))))
}

async fn decide(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let form = DecideForm {
        item: fields.get("item"),
        decision: fields.get("decision"),
        role: fields.optional("role"),
        note: fields.optional("note"),
    };
    reviews::decide(&reviewer, &visit.site.accounts, &form, &visit.origin, visit.now).await.map_err(told)?;
    decided(visit, fields, form.decision, "decided").await
}

/// Back to the list for a person; a script is told what stands in the list now.
async fn decided(visit: &Visit, fields: &Fields, stands: &str, done: &str) -> Result<Done, Problem> {
    let review = fields.get("review").parse::<Uuid>().ok();
    let next = match review {
        Some(review) => back(review_path(visit, &review.to_string()), fields, done),
        None => format!("{}?done={done}", visit.path_of(Page::Reviews)),
    };
    let item = match review {
        Some(review) => in_list(visit, review, fields.get("item"), stands).await?,
        None => Value::Null,
    };
    Ok(Done { told: Some(("item", item)), ..Done::go(next) })
}

/// What a script puts into the list, so that it need not be drawn again.
async fn in_list(visit: &Visit, review: Uuid, item: &str, stands: &str) -> Result<Value, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let campaign = reviews::campaign(&reader, &visit.site.accounts, review, visit.now).await?;
    let Some(campaign) = campaign else { return Ok(Value::Null) };
    let said = match stands {
        "undecided" => "Not decided",
        _ if campaign.stages > 1 => "Your decision is recorded",
        "keep" => "Kept by you",
        "revoke" => "Revoked by you",
        _ => "Changed by you",
    };
    let decided = said::decided(&campaign.counts);
    Ok(json!({ "item": item, "stands": stands, "said": said, "decided": decided, "total": campaign.counts.items }))
}
