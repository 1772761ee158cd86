//! The pages of access reviews: of an organisation's grants, and, made of the same parts, of the vendor's own seats.

pub mod calendar;
mod campaign;
mod desk;
pub mod doing;
mod draft;
mod item;
mod keys;
mod many;
mod narrow;
mod opening;
mod overview;
mod picture;
pub mod report;
mod said;
pub mod seats;
mod since;

use contract::access::Page;
use contract::problem::Problem;

use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::Middle;

/// The middle of each of them.
#[expect(clippy::wildcard_enum_match_arm, reason = "whoever calls this has matched every page")]
pub async fn middle(page: Page, visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    match page {
        Page::Reviews => Box::pin(overview::page(visit, typed)).await,
        Page::ReviewReport => Box::pin(report::page(visit, typed)).await,
        Page::Review => Box::pin(campaign::page(visit, typed)).await,
        Page::OperateReviews => Box::pin(seats::all(visit, typed)).await,
        Page::OperateReview => Box::pin(seats::one(visit, typed)).await,
        Page::OperateReviewReport => Box::pin(seats::report(visit, typed)).await,
        // The table leads no other page here.
        _ => Err(Problem::NotFound),
    }
}
