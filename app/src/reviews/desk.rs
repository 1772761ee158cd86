//! Whose review it is: an organisation's, or that of the vendor's own seats. The pages of both are made of the same parts.

use contract::access::{Act, Page};
use contract::permission::Permission;
use contract::problem::Problem;
use leptos::prelude::*;
use uuid::Uuid;

use crate::http::visit::Visit;
use crate::organisation::frame;

/// What a form of these pages does, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Open,
    Decide,
    Undo,
    Resolve,
    Close,
}

#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub visit: &'a Visit,
    /// Whether it is about the vendor's seats.
    pub seats: bool,
    pub manages: bool,
    pub decides: bool,
}

impl<'a> Desk<'a> {
    pub fn of_organisation(visit: &'a Visit) -> Self {
        let may = |permission| frame::may(visit, permission);
        Self { visit, seats: false, manages: may(Permission::ReviewsManage), decides: may(Permission::ReviewsDecide) }
    }

    /// Each of the staff may open, decide and close; on their own seat nobody decides.
    pub const fn of_staff(visit: &'a Visit) -> Self {
        Self { visit, seats: true, manages: true, decides: true }
    }

    /// The address of all reviews.
    pub fn all(&self) -> String {
        self.visit.path_of(if self.seats { Page::OperateReviews } else { Page::Reviews })
    }

    pub fn path(&self, review: Uuid) -> String {
        format!("{}/{review}", self.all())
    }

    const fn act(&self, deed: Deed) -> Act {
        match (deed, self.seats) {
            (Deed::Open, false) => Act::OpenReview,
            (Deed::Open, true) => Act::OpenSeatReview,
            (Deed::Decide, false) => Act::DecideItem,
            (Deed::Decide, true) => Act::DecideSeat,
            (Deed::Undo, false) => Act::UndoDecision,
            (Deed::Undo, true) => Act::UndoSeat,
            (Deed::Resolve, false) => Act::ResolveDrift,
            (Deed::Resolve, true) => Act::ResolveSeatDrift,
            (Deed::Close, false) => Act::CloseReview,
            (Deed::Close, true) => Act::CloseSeatReview,
        }
    }

    pub fn form(&self, deed: Deed, button: AnyView, inner: impl IntoView + 'static) -> AnyView {
        frame::form(self.visit, self.act(deed), button, inner)
    }

    /// The way back to all reviews, and to this one from a page below it.
    pub fn crumbs(&self, inside: Option<(Uuid, &str)>) -> AnyView {
        let above = self.seats.then(|| view! { <a class="link" href="/operator">"Operator"</a>" \u{203a} " });
        let review = inside.map(|(id, name)| {
            let (href, name) = (self.path(id), name.to_owned());
            view! { " \u{203a} "<a class="link" href=href>{name}</a> }
        });
        view! { <p class="crumbs">{above}<a class="link" href=self.all()>"Reviews"</a>{review}</p> }.into_any()
    }
}

/// The review that the address names.
pub fn id(visit: &Visit) -> Result<Uuid, Problem> {
    visit.param("review").parse().map_err(|_| Problem::NotFound)
}
