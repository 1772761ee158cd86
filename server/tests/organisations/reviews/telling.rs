//! What is told of a review: report, archive, calendar, history, dashboard.

use server::guard::rights;
use server::identity::Refusal;
use server::organisations::dashboard;
use server::reviews::{self, feed};
use server::testing::World;
use time::Duration;
use uuid::Uuid;

use super::*;

async fn closed(world: &World, ada: &Somebody) -> Uuid {
    let grace = joins(world, ada, GRACE, "Employee").await;
    let id = review(world, ada).await;
    revoke(world, ada, item_of(world, ada, id, &grace).await.id).await.expect("revoke");
    let manager = may::<rights::ReviewsManage>(world, ada).await;
    reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await.expect("close");
    id
}

#[tokio::test]
async fn the_report_gives_the_facts_of_each_reviewer() {
    let mut world = world("aertous").await;
    let ada = ada(&world).await;
    let grace = joins(&world, &ada, GRACE, "Employee").await;
    let eve = joins_as(&world, &ada, EVE, "Employee", "Eve").await;
    let id = review(&world, &ada).await;
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    world.now += Duration::seconds(8);
    decide(&world, &ada, item_of(&world, &ada, id, &eve).await.id, "keep", None, None).await.expect("keep");
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    let report =
        reviews::report(&reader, world.accounts(), id, world.now).await.expect("database").expect("the review");
    let facts: Vec<_> = report
        .reviewers
        .iter()
        .map(|one| (one.who.as_str(), one.decided, one.keep_percent(), one.bulk_percent(), one.median_seconds))
        .collect();
    assert_eq!(facts, [("Ada Lovelace", 2, 50, 0, Some(8.0))]);
    assert!(report.complete && report.drift.is_empty());
}

#[tokio::test]
async fn a_secret_address_shows_the_calendar_until_its_owner_is_gone() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    role(&world, &ada, "Reviewer", "organisation_read reviews_read reviews_decide").await;
    let grace = joins(&world, &ada, GRACE, "Reviewer").await;
    let id = review(&world, &ada).await;
    let reviewer = may::<rights::ReviewsDecide>(&world, &grace).await;
    let ticket = feed::share(&reviewer, world.accounts(), &here(), world.now).await.expect("an address");
    let visitor = world.visitor();
    let ask = || feed::feed(&visitor, world.accounts(), (&ada.slug, ticket.text()), world.now);
    let text = ask().await.expect("database").expect("a calendar");
    assert!(text.contains(&format!("UID:review-{id}@avouch")), "{text}");
    let wrong = "0".repeat(64);
    let other = feed::feed(&world.visitor(), world.accounts(), (&ada.slug, &wrong), world.now).await;
    assert_eq!(other.expect("database"), None);
    revoke(&world, &ada, item_of(&world, &ada, id, &grace).await.id).await.expect("revoke");
    assert_eq!(ask().await.expect("database"), None);
}

#[tokio::test]
async fn the_dashboard_says_what_waits_for_somebody() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    joins(&world, &ada, GRACE, "Employee").await;
    let id = review(&world, &ada).await;
    let reader = may::<rights::OrganisationRead>(&world, &ada).await;
    let shown = dashboard::read(&reader, world.accounts(), world.now).await.expect("dashboard");
    assert_eq!(shown.reviews.map(|reviews| (reviews.items, reviews.review)), Some((1, id)));
}

#[tokio::test]
async fn the_history_has_what_came_of_each_review() {
    let world = world("aertous").await;
    let ada = ada(&world).await;
    let id = closed(&world, &ada).await;
    let reader = may::<rights::ReviewsRead>(&world, &ada).await;
    let history = reviews::history(&reader, world.accounts()).await.expect("history");
    assert_eq!(history.past.iter().map(|past| (past.id, past.outcome.counts.revoke)).collect::<Vec<_>>(), [(id, 1)]);
    let manager = may::<rights::ReviewsManage>(&world, &ada).await;
    let again = reviews::close(&manager, world.accounts(), &id.to_string(), &here(), world.now).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))));
}
