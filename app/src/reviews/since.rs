//! What changed since a review began: counted, and where it contradicts what was decided, by name, with a way to settle it.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, rights};
use server::reviews::{self, Campaign, Drift, Since};

use super::desk::Desk;
use crate::organisation::frame::{self, small};
use crate::ui::chart::number;
use crate::ui::form::{hidden, sentence};

pub async fn section(
    desk: &Desk<'_>,
    reader: &Allowed<rights::ReviewsRead>,
    campaign: &Campaign,
) -> Result<AnyView, Problem> {
    let since = reviews::since(reader, campaign.id).await?;
    let drift = reviews::drift(reader, &desk.visit.site.accounts, campaign.id).await?;
    let rows: Vec<AnyView> = drift.iter().map(|one| row(desk, one)).collect();
    let named = (!rows.is_empty()).then(|| {
        view! {
            <section class="failing" aria-labelledby="h-drift">
                <h2 id="h-drift">"What differs from what was decided"</h2>
                <p>"It has to be settled before the review can be closed: do again what was decided, or say why it may differ."</p>
                <ul class="due-list">{rows}</ul>
            </section>
        }
    });
    Ok(view! { <p class="small" data-since="">{in_words(&since)}</p>{named} }.into_any())
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

fn row(desk: &Desk<'_>, drift: &Drift) -> AnyView {
    let item = &drift.item;
    let said = sentence(&format!("{} ({}) {}", item.who, item.kind.said().to_lowercase(), drift.how.said()));
    let form = desk.manages.then(|| {
        let note = format!("drift-{}", item.id);
        let inner = view! {
            {hidden("item", item.id.to_string())}
            {hidden("review", item.review.to_string())}
            <div class="field"><label for=note.clone()>"Why"</label><input class="input" id=note name="note" required maxlength="120" autocomplete="off"/></div>
            <label class="tick"><input type="checkbox" name="again" value="yes"/><span>"Do again what was decided"</span></label>
        };
        frame::form(desk.visit, Act::ResolveDrift, small("Settle it", &item.who), inner)
    });
    view! { <li data-drift=item.id.to_string()>{said}{form}</li> }.into_any()
}
