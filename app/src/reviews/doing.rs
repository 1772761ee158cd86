//! What each form of a review does: the proof, then the use case.

use contract::access::{Act, Page};
use contract::problem::Problem;
use serde_json::{Value, json};
use server::guard::{Asks, rights};
use server::identity::Refusal;
use server::reviews::{self, DecideForm, Effect, Form, ManyForm, Narrowing};
use uuid::Uuid;

use super::campaign::narrowing;
use super::narrow::Narrow;
use super::{calendar, said, seats};
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
        Act::UndoDecisions => undo_many(visit, fields).await,
        Act::CommentItem => comment(visit, fields).await,
        Act::ReassignItems => reassign(visit, fields).await,
        Act::DelegateReview => delegate(visit, fields).await,
        Act::ResolveDrift => resolve(visit, fields).await,
        Act::OpenSeatReview => seats::open(visit, fields).await,
        Act::DecideSeat => seats::decide(visit, fields).await,
        Act::UndoSeat => seats::undo(visit, fields).await,
        Act::ResolveSeatDrift => seats::resolve(visit, fields).await,
        Act::CloseSeatReview => seats::close(visit, fields).await,
        Act::ShareCalendar => calendar::share(visit).await,
        Act::CloseCalendar => calendar::close(visit).await,
        Act::CloseReview => close(visit, fields).await,
        // The table leads no other act here.
        _ => Err(Problem::NotFound),
    }
}

/// The ids of reviews and items come from our own pages: one that is not there is not there, and no mistake in a field.
pub fn told(refusal: Refusal) -> Problem {
    let nobodys = matches!(&refusal, Refusal::Field("review" | "item", _));
    if nobodys { Problem::NotFound } else { refusal.into() }
}

/// Several people in one field: a line or a comma for each.
fn people(text: &str) -> Vec<&str> {
    text.split(['\n', ',', ';']).map(str::trim).filter(|one| !one.is_empty()).collect()
}

/// A box that is ticked or not.
pub fn ticked(fields: &Fields, name: &'static str) -> Result<bool, Problem> {
    match fields.optional(name) {
        None => Ok(false),
        Some("yes") => Ok(true),
        Some(_) => Err(Problem::field(name, "send yes, or leave it out")),
    }
}

/// Everything that a form of ours has beside a program's: where on the list one was, and at which item.
pub fn back(path: &str, fields: &Fields, done: &str) -> String {
    let place = Narrow::parse(fields.get("narrowing")).unwrap_or_default().place();
    let item = fields.get("item").parse::<Uuid>().map(|item| format!("#i-{item}")).unwrap_or_default();
    let and = if place.is_empty() { "" } else { "&" };
    format!("{path}?{place}{and}done={done}{item}")
}

fn review_path(visit: &Visit, review: &str) -> String {
    format!("{}/{review}", visit.path_of(Page::Reviews))
}

async fn open(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let draft = ticked(fields, "draft")?;
    let mut stages = vec![people(fields.get("reviewer"))];
    stages
        .extend(["second", "third"].map(|name| people(fields.get(name))).into_iter().filter(|stage| !stage.is_empty()));
    let form = Form {
        name: fields.get("name"),
        scope: fields.get("scope"),
        reviewers: &stages,
        fallback: fields.optional("fallback"),
        due: fields.get("due"),
        silence: fields.get("silence"),
        effect: fields.get("effect"),
        when_due: fields.get("when_due"),
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
    reviews::start(&manager, &visit.site.accounts, (review, fields.optional("due")), &visit.origin, visit.now)
        .await
        .map_err(told)?;
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
        Some(review) => back(&review_path(visit, &review.to_string()), fields, done),
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
    // What was taken away or changed at once cannot be taken back.
    let done = campaign.effect == Effect::AtOnce && campaign.stages == 1 && matches!(stands, "revoke" | "change");
    Ok(
        json!({ "item": item, "stands": stands, "said": said, "done": done, "decided": decided, "total": campaign.counts.items, "words": said::in_words(&campaign.counts), "mine": campaign.mine }),
    )
}

async fn undo(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    reviews::undo(&reviewer, &visit.site.accounts, fields.get("item"), &visit.origin, visit.now).await.map_err(told)?;
    decided(visit, fields, "undecided", "taken-back").await
}

/// What many are chosen by.
fn meant(text: &str) -> Result<Narrowing, Problem> {
    let wrong = |said: String| Problem::field("narrowing", said);
    narrowing(&Narrow::parse(text).map_err(wrong)?).map_err(|(name, said)| wrong(format!("{name}: {said}")))
}

async fn decide_many(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let items: Vec<&str> = fields.get("items").split('\n').filter(|id| !id.is_empty()).collect();
    let all = fields.get("narrowing");
    if items.is_empty() && all.is_empty() {
        return Err(Problem::field("items", "tick some items, or take all that the list is narrowed to"));
    }
    let sure = fields.optional("sure").map(str::parse).transpose();
    let form = ManyForm {
        review: fields.get("review"),
        // Ticks are forgotten when all of them are meant.
        items: if all.is_empty() { items.as_slice() } else { &[] },
        narrowing: meant(all)?,
        decision: fields.get("decision"),
        role: fields.optional("role"),
        note: fields.optional("note"),
        sure: sure.map_err(|_| Problem::field("sure", "this has to be a number"))?,
    };
    let many = reviews::decide_many(&reviewer, &visit.site.accounts, &form, &visit.origin, visit.now).await;
    let many = many.map_err(told)?;
    let next = format!("{}?done=decided-many&together={}", review_path(visit, form.review), many.act);
    let left_out: Vec<Value> =
        many.left_out.iter().map(|(why, number)| json!({ "number": number, "why": why.said() })).collect();
    let said = json!({ "decided": many.decided, "act": many.act, "left_out": left_out });
    Ok(Done { told: Some(("many", said)), ..Done::go(next) })
}

async fn undo_many(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let (review, act) = (fields.get("review"), fields.get("act"));
    let undone = reviews::undo_act(&reviewer, &visit.site.accounts, review, act, &visit.origin, visit.now).await;
    let undone = undone.map_err(told)?;
    let next = format!("{}?done=taken-back", review_path(visit, review));
    Ok(Done { told: Some(("undone", undone.into())), ..Done::go(next) })
}

async fn comment(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let (item, text) = (fields.get("item"), fields.get("text"));
    reviews::comment(&reviewer, &visit.site.accounts, item, text, &visit.origin, visit.now).await.map_err(told)?;
    let path = match fields.optional("review") {
        Some(review) => review_path(visit, review),
        None => visit.path_of(Page::Reviews),
    };
    Ok(Done::go(back(&path, fields, "remarked")))
}

async fn reassign(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let items: Vec<&str> = fields.get("items").split('\n').filter(|id| !id.is_empty()).collect();
    let (review, to) = (fields.get("review"), fields.get("reviewer"));
    let accounts = &visit.site.accounts;
    let given = reviews::reassign(&manager, accounts, (review, &items), to, &visit.origin, visit.now).await;
    let given = given.map_err(told)?;
    let next = format!("{}?done=reassigned", review_path(visit, review));
    Ok(Done { told: Some(("reassigned", given.into())), ..Done::go(next) })
}

async fn delegate(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let reviewer = visit.may::<rights::ReviewsDecide>(Asks::ToDo)?;
    let (review, to) = (fields.get("review"), fields.optional("delegate"));
    reviews::delegate(&reviewer, &visit.site.accounts, review, to, &visit.origin, visit.now).await.map_err(told)?;
    Ok(Done::go(format!("{}?done=delegated", review_path(visit, review))))
}

async fn resolve(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let again = ticked(fields, "again")?;
    let (accounts, note) = (&visit.site.accounts, fields.get("note"));
    let which = (fields.get("item"), again);
    reviews::resolve(&manager, accounts, which, note, &visit.origin, visit.now).await.map_err(told)?;
    let path = match fields.optional("review") {
        Some(review) => review_path(visit, review),
        None => visit.path_of(Page::Reviews),
    };
    Ok(Done::go(format!("{path}?done=settled")))
}

async fn close(visit: &Visit, fields: &Fields) -> Result<Done, Problem> {
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let review = fields.get("review");
    let outcome = reviews::close(&manager, &visit.site.accounts, review, &visit.origin, visit.now).await;
    let counts = outcome.map_err(told)?.counts;
    let next = format!("{}/report?done=review-closed", review_path(visit, review));
    let said = json!({ "keep": counts.keep, "revoke": counts.revoke, "change": counts.change, "gone": counts.gone });
    Ok(Done { told: Some(("outcome", said)), ..Done::go(next) })
}
