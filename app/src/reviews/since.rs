//! What changed since a review began: counted, and where it contradicts what was decided, by name, with a way to settle it.

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, rights};
use server::reviews::{self, Campaign, Drift, How, Item, Kind, Since};
use uuid::Uuid;

use super::desk::{Deed, Desk};
use crate::organisation::frame::small;
use crate::ui::chart::number;
use crate::ui::form::{hidden, sentence};

pub async fn section(
    desk: &Desk<'_>,
    reader: &Allowed<rights::ReviewsRead>,
    campaign: &Campaign,
) -> Result<AnyView, Problem> {
    let since = reviews::since(reader, campaign.id).await?;
    let drift = reviews::drift(reader, &desk.visit.site.accounts, campaign.id).await?;
    let drift: Vec<Differs> = drift.iter().map(Differs::of).collect();
    Ok(view! { <p class="small" data-since="">{in_words(&since)}</p>{named(desk, &drift)} }.into_any())
}

/// One thing that is not what was decided.
#[derive(Clone, Debug)]
pub struct Differs {
    pub item: Uuid,
    pub review: Uuid,
    pub who: String,
    pub kind: Kind,
    pub how: How,
}

impl Differs {
    pub fn of(drift: &Drift) -> Self {
        let Item { id, review, who, kind, .. } = &drift.item;
        Self { item: *id, review: *review, who: who.clone(), kind: *kind, how: drift.how }
    }

    pub fn said(&self) -> String {
        sentence(&format!("{} ({}) {}", self.who, self.kind.said().to_lowercase(), self.how.said()))
    }
}

/// What differs, by name; nothing where nothing does.
pub fn named(desk: &Desk<'_>, drift: &[Differs]) -> Option<AnyView> {
    let rows: Vec<AnyView> = drift.iter().map(|one| row(desk, one)).collect();
    (!rows.is_empty()).then(|| {
        view! {
            <section class="failing" aria-labelledby="h-drift">
                <h2 id="h-drift">"What differs from what was decided"</h2>
                <p>"It has to be settled before the review can be closed: do again what was decided, or say why it may differ."</p>
                <ul class="due-list">{rows}</ul>
            </section>
        }
        .into_any()
    })
}

/// The numbers as a sentence.
pub fn in_words(since: &Since) -> String {
    let Since { added, gone, changed } = since;
    if added + gone + changed == 0 {
        return "Nothing has changed since it began but what was decided here.".to_owned();
    }
    format!(
        "Since it began, and not by a decision here: {} granted anew, {} gone, {} with another role. What is new is for the next review.",
        number(*added),
        number(*gone),
        number(*changed)
    )
}

fn row(desk: &Desk<'_>, differs: &Differs) -> AnyView {
    let id = differs.item.to_string();
    let form = desk.manages.then(|| {
        let note = format!("drift-{id}");
        let inner = view! {
            {hidden("item", id.clone())}
            {hidden("review", differs.review.to_string())}
            <div class="field"><label for=note.clone()>"Why"</label><input class="input" id=note name="note" required maxlength="120" autocomplete="off"/></div>
            <label class="tick"><input type="checkbox" name="again" value="yes"/><span>"Do again what was decided"</span></label>
        };
        desk.form(Deed::Resolve, small("Settle it", &differs.who), inner)
    });
    view! { <li data-drift=id>{differs.said()}{form}</li> }.into_any()
}
