//! A draft: what it would be if it began now, and beginning it.

use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Asks, rights};
use server::reviews::{self, Campaign, Form, Preview, Silence};

use super::campaign::beginning;
use super::desk::Desk;
use super::said;
use crate::ui::chart::{Slice, bars, number};
use crate::ui::form::sentence;

pub async fn section(desk: &Desk<'_>, campaign: &Campaign) -> Result<AnyView, Problem> {
    if !desk.manages {
        return Ok(view! { <p>"It has not begun. Whoever opens reviews decides when."</p> }.into_any());
    }
    let shown = match preview(desk, campaign).await {
        Ok(preview) => previewed(campaign, &preview),
        // What does not fit any more is said where it would be seen.
        Err(problem) if matches!(problem.status(), 409 | 422) => {
            let said = sentence(&problem.detail());
            view! { <div class="trouble" role="alert"><p>{said}</p></div> }.into_any()
        }
        Err(problem) => return Err(problem),
    };
    Ok(view! {
        <section aria-labelledby="h-preview" data-preview="">
            <h2 id="h-preview">"If it began now"</h2>
            {shown}
            <p class="small">"Nothing was written down and nobody was written to. When it begins, everything is looked at anew."</p>
            {beginning(desk, campaign)}
        </section>
    }
    .into_any())
}

async fn preview(desk: &Desk<'_>, campaign: &Campaign) -> Result<Preview, Problem> {
    let visit = desk.visit;
    let manager = visit.may::<rights::ReviewsManage>(Asks::ToDo)?;
    let ids: Vec<(i32, String)> = campaign.reviewers.iter().map(|one| (one.stage, one.account.to_string())).collect();
    let of_stage = |stage| ids.iter().filter(|(at, _)| *at == stage).map(|(_, id)| id.as_str()).collect();
    let stages: Vec<Vec<&str>> = (1..=campaign.stages).map(of_stage).collect();
    let fallback = campaign.fallback.as_ref().map(|(id, _)| id.to_string());
    let (scope, due) = (said::scope_word(&campaign.scope), campaign.due.date().to_string());
    let form = Form {
        name: &campaign.name,
        scope: &scope,
        reviewers: &stages,
        fallback: fallback.as_deref(),
        due: &due,
        silence: campaign.silence.word(),
        effect: campaign.effect.word(),
        when_due: campaign.when_due.word(),
        draft: true,
    };
    Ok(reviews::preview(&manager, &visit.site.accounts, &form, &visit.origin, visit.now).await?)
}

fn previewed(campaign: &Campaign, preview: &Preview) -> AnyView {
    let items = preview.found.items();
    let slices: Vec<Slice> = preview
        .found
        .sources
        .iter()
        .map(|source| Slice { label: said::kind(&source.kind), value: source.items, href: None })
        .collect();
    let silence = match campaign.silence {
        Silence::Keep => "all of it is kept".to_owned(),
        Silence::Revoke | Silence::Recommended => {
            let is = |value: u64| if value == 1 { "is" } else { "are" };
            let (keeps, revokes) = (preview.silence_keeps, preview.silence_revokes);
            format!("{} {} kept and {} {} revoked", number(keeps), is(keeps), number(revokes), is(revokes))
        }
    };
    let stuck = said::alone(preview.undecidable, campaign.silence)
        .map(|said| view! { <div class="trouble" data-alone=""><p>{said}</p></div> });
    view! {
        <p>{format!("{} about {}; of these, {} much. Reviewers: {}.", counted(items, "item", "items"), counted(preview.people, "person", "people"), counted(preview.privileged, "item permits", "items permit"), number(preview.reviewers))}</p>
        <p>{format!("If nobody decided anything, {silence}. {}.", said::when_due(campaign))}</p>
        {stuck}
        <div class="tiles">{bars("What grants something", &slices)}</div>
    }
    .into_any()
}

fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { many })
}
