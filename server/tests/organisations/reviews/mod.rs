//! Access reviews: what is taken down, who decides, and what is left afterwards.

mod alone;
mod archived;
mod asking;
mod by_itself;
mod clock;
mod closing;
mod counted;
mod deciding;
mod explained;
mod hanging;
mod killed;
mod leavers;
mod many;
mod meeting;
mod opening;
mod reopened;
mod seats;
mod taking;
mod tampered;
mod telling;

use server::guard::rights;
use server::identity::Refusal;
use server::reviews::{self, Campaign, DecideForm, Form, Item, Narrowing};
use server::testing::World;
use uuid::Uuid;

use crate::common::*;

/// A role of each profile that decides in reviews and is not the founder's.
pub const DUE: &str = "2026-12-15";

pub async fn open(world: &World, by: &Somebody, form: &Form<'_>) -> Result<Uuid, Refusal> {
    let manager = may::<rights::ReviewsManage>(world, by).await;
    reviews::open(&manager, world.accounts(), form, &here(), world.now).await
}

/// A review of everything, done at once, in which whoever may decides.
pub async fn review(world: &World, by: &Somebody) -> Uuid {
    open(world, by, &Form { name: "Yearly", due: DUE, ..Form::default() }).await.expect("a review")
}

/// The review as its page shows it. What the database keeps of it is what there is, whatever a test did before.
pub async fn campaign(world: &World, by: &Somebody, review: Uuid) -> Campaign {
    counted::exact(world).await;
    let reader = may::<rights::ReviewsRead>(world, by).await;
    let found = reviews::campaign(&reader, world.accounts(), review, world.now).await.expect("database");
    found.expect("the review")
}

pub async fn items(world: &World, by: &Somebody, review: Uuid) -> Vec<Item> {
    let reader = may::<rights::ReviewsRead>(world, by).await;
    let all = Narrowing::default();
    let page = reviews::items(&reader, world.accounts(), review, &all, None, world.now).await.expect("database");
    page.expect("the review").items
}

pub async fn item_of(world: &World, by: &Somebody, review: Uuid, who: &Somebody) -> Item {
    let items = items(world, by, review).await;
    items.into_iter().find(|item| item.account == Some(who.account.0)).expect("an item")
}

pub async fn decide(
    world: &World,
    by: &Somebody,
    item: Uuid,
    decision: &str,
    role: Option<&str>,
    note: Option<&str>,
) -> Result<(), Refusal> {
    let reviewer = may::<rights::ReviewsDecide>(world, by).await;
    let item = item.to_string();
    let form = DecideForm { item: &item, decision, role, note };
    reviews::decide(&reviewer, world.accounts(), &form, &here(), world.now).await
}

pub async fn revoke(world: &World, by: &Somebody, item: Uuid) -> Result<(), Refusal> {
    decide(world, by, item, "revoke", None, Some("Not needed any more")).await
}

/// What somebody without the product says of an archive.
pub fn verified(world: &World, archive: Vec<u8>) -> String {
    let path = world.folder.join("review.zip");
    std::fs::write(&path, archive).expect("written");
    archived::holds(&path)
}
