//! One review: how far it is, what changed since it began, its items one after the other, and what can be done with all of it.

use contract::access::Act;
use contract::problem::Problem;
use leptos::prelude::*;
use server::guard::{Allowed, Asks, Person, rights};
use server::organisations::roles;
use server::reviews::{self, Advice, Campaign, Decision, Kind, Narrowing, Status};
use uuid::Uuid;

use super::desk::{Deed, Desk, id};
use super::narrow::Narrow;
use super::{draft, item, keys, many, opening, said, since};
use crate::http::asked::Asked;
use crate::http::people::Typed;
use crate::http::visit::Visit;
use crate::identity::pages::{Middle, done};
use crate::organisation::frame::{self, button, when};
use crate::ui::chart::number;
use crate::ui::form::{hidden, sentence, ticked_elsewhere, trouble};
use crate::ui::list::{empty, pages};

pub async fn page(visit: &Visit, typed: &Typed) -> Result<Middle, Problem> {
    let reader = visit.may::<rights::ReviewsRead>(Asks::ToSee)?;
    let desk = Desk::of_organisation(visit);
    let campaign = reviews::campaign(&reader, &visit.site.accounts, id(visit)?, visit.now).await?;
    let campaign = campaign.ok_or(Problem::NotFound)?;
    let name = campaign.name.clone();
    let inner = match campaign.status {
        Status::Draft => draft::section(&desk, &campaign).await?,
        Status::Open | Status::Closed => begun(&desk, &reader, &campaign, typed).await?,
    };
    let view = view! {
        {desk.crumbs(None)}
        <h1>{name.clone()}</h1>
        {done(typed)}
        {trouble(typed).filter(|_| !many::asks(typed))}
        {facts(&reader, &campaign)}
        {inner}
    };
    Ok(Middle::new(name, view).wide().with_script())
}

/// What it is about, who decides, and until when.
fn facts(person: &Person, campaign: &Campaign) -> AnyView {
    let scope = sentence(&said::scope(&campaign.scope, None));
    let by =
        if campaign.by_itself { "by itself, as it was time".to_owned() } else { format!("by {}", campaign.made_by) };
    let began = campaign.opened.map(|at| format!("Begun {} {by}. ", when(person, at))).unwrap_or_default();
    let due = match campaign.closed {
        Some(at) => format!("Closed {}{}.", when(person, at), said::closed_by(campaign)),
        None => format!("Due {}.", when(person, campaign.due)),
    };
    let silence = format!(
        "What nobody decides on {}; decisions take effect {}.",
        campaign.silence.said(),
        campaign.effect.said()
    );
    let on_the_day = format!("{}.", said::when_due(campaign));
    view! {
        <p>{said::status(campaign)}" "{scope}" "{began}{due}</p>
        <p class="small">{silence}" "{on_the_day}" "{deciders(campaign)}</p>
    }
    .into_any()
}

fn deciders(campaign: &Campaign) -> String {
    if campaign.reviewers.is_empty() {
        return "Everybody decides whose role lets them.".to_owned();
    }
    let mut stages: Vec<String> = Vec::new();
    for stage in 1..=campaign.stages {
        let of_stage = campaign.reviewers.iter().filter(|one| one.stage == stage);
        let named: Vec<String> = of_stage
            .map(|one| match (&one.delegate, one.present) {
                (Some((_, delegate)), _) => format!("{} (in their place {delegate})", one.who),
                (None, true) => one.who.clone(),
                (None, false) => format!("{} (cannot decide any more)", one.who),
            })
            .collect();
        let named = if named.is_empty() { "everybody whose role lets them".to_owned() } else { named.join(", ") };
        stages.push(if campaign.stages > 1 {
            format!("Stage {stage}: {named}.")
        } else {
            format!("Decided by {named}.")
        });
    }
    let fallback =
        campaign.fallback.as_ref().map(|(_, who)| format!(" If none of them can: {who}.")).unwrap_or_default();
    format!("{}{fallback}", stages.join(" "))
}

async fn begun(
    desk: &Desk<'_>,
    reader: &Allowed<rights::ReviewsRead>,
    campaign: &Campaign,
    typed: &Typed,
) -> Result<AnyView, Problem> {
    let accounts = &desk.visit.site.accounts;
    let narrow = Narrow::of(typed);
    let known = roles::list(reader, accounts).await?;
    let open = campaign.status == Status::Open;
    let people = if open { opening::deciders(desk.visit, &known).await? } else { Vec::new() };
    let roles: Vec<String> = known.into_iter().map(|role| role.name).collect();
    let changed = if open { Some(since::section(desk, reader, campaign).await?) } else { None };
    let path = desk.path(campaign.id);
    let asked = Asked::of(&path, typed);
    let after = asked.id("after", "this is no place in the list; start from the first page")?;
    let which = narrowing(&narrow).map_err(|(name, said)| asked.refuse(name, said))?;
    let page = reviews::items(reader, accounts, campaign.id, &which, after, desk.visit.now).await?;
    let page = page.ok_or(Problem::NotFound)?;
    let place = narrow.place();
    let mut rows: Vec<AnyView> = Vec::new();
    for one in &page.items {
        let mut shown = said::shown(desk, reader, one, &roles, open);
        if one.remarks > 0 {
            shown.remarks = remarks(desk, reader, one.id).await?;
        }
        rows.push(item::item(desk, &shown, &place, typed));
    }
    let decides = open && desk.decides;
    let list = if rows.is_empty() { nothing(campaign, &narrow, &path) } else { items(rows, campaign, decides) };
    let many = (decides && !page.items.is_empty()).then(|| {
        let shown = page.items.iter().map(|one| one.id.to_string());
        let elsewhere = ticked_elsewhere(typed, "items", shown, &path);
        many::section(desk, campaign.id, &narrow, (&roles, &people), typed, elsewhere)
    });
    Ok(view! {
        {decides.then(|| many::undoing(desk, campaign.id, typed)).flatten()}
        {progress(desk, campaign)}
        {alone(campaign)}
        {changed}
        {ways(desk, campaign)}
        {narrow.form(&path, &roles, desk.decides)}
        {many}
        <section aria-labelledby="h-items">
            <h2 id="h-items">"Items"</h2>
            {list}
            {pages(&path, &narrow.kept(), page.next.map(|next| next.to_string()), narrow.after().is_none())}
        </section>
        {open.then(|| managing(desk, campaign, &people, typed))}
    }
    .into_any())
}

async fn remarks(desk: &Desk<'_>, reader: &Allowed<rights::ReviewsRead>, item: Uuid) -> Result<Vec<String>, Problem> {
    let remarks = reviews::remarks(reader, &desk.visit.site.accounts, item).await?;
    Ok(remarks.into_iter().map(|one| format!("{}, {}: {}", one.who, when(reader, one.at), one.text)).collect())
}

/// What the address asks for, as the use case takes it.
///
/// # Errors
/// Names what is not understood, and says what is allowed.
pub fn narrowing(narrow: &Narrow) -> Result<Narrowing, (&'static str, String)> {
    let mine = [("mine".to_owned(), String::new())];
    for (name, allowed) in [
        ("stands", said::stands().as_slice()),
        ("grants", said::kinds().as_slice()),
        ("advice", said::advice().as_slice()),
        ("whose", mine.as_slice()),
    ] {
        let asked = narrow.get(name);
        if !asked.is_empty() && !allowed.iter().any(|(word, _)| word == asked) {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| word.as_str()).collect();
            return Err((name, format!("choose one of: {}", words.join(", "))));
        }
    }
    Ok(Narrowing {
        undecided: narrow.get("stands") == "undecided",
        mine: narrow.get("whose") == "mine",
        kind: Kind::parse(narrow.get("grants")),
        role: narrow.optional("role").map(str::to_owned),
        advice: Advice::parse(narrow.get("advice")),
        decision: Decision::parse(narrow.get("stands")),
        words: narrow.optional("search").map(str::to_owned),
    })
}

fn items(rows: Vec<AnyView>, campaign: &Campaign, decides: bool) -> AnyView {
    let keys = decides.then(|| keys::bar(Some(campaign.effect)));
    view! { {keys}<ol class="items" data-items="">{rows}</ol> }.into_any()
}

fn nothing(campaign: &Campaign, narrow: &Narrow, path: &str) -> AnyView {
    if narrow.get("whose") == "mine" && campaign.mine == 0 {
        return empty(
            "Nothing waits for you",
            "You have decided on everything that you were asked about.",
            Some(("Show all", path)),
        );
    }
    if narrow.narrows() {
        return empty(
            "Nothing fits",
            "No item fits what you chose. An address is looked for whole.",
            Some(("Show all", path)),
        );
    }
    empty("Nothing in it", "When it began, nothing granted what it is about.", None)
}

/// How far it is: as a bar, and the same in words.
fn progress(desk: &Desk<'_>, campaign: &Campaign) -> AnyView {
    let counts = &campaign.counts;
    let (decided, total) = (said::decided(counts), counts.items);
    let words = said::in_words(counts);
    // A script counts down in it, so it is there as long as somebody could decide.
    let mine = (campaign.status == Status::Open && desk.decides).then(|| {
        let href = format!("{}?whose=mine", desk.path(campaign.id));
        view! { " "<a class="link" href=href hidden=campaign.mine == 0 data-mine-link=""><span data-mine="">{number(campaign.mine)}</span>" yours to decide"</a> }
    });
    view! {
        <div class="progress" data-progress="">
            <p><label for="progress"><b data-decided="">{number(decided)}</b>" of "{number(total)}" decided."</label>{mine}</p>
            <progress id="progress" max=total.max(1) value=decided></progress>
            <p class="small"><span data-words="">{words}</span>"."</p>
        </div>
    }
    .into_any()
}

/// What nobody may decide on is said while somebody can still be named who may.
fn alone(campaign: &Campaign) -> Option<AnyView> {
    let said = said::alone(campaign.undecidable, campaign.silence)?;
    Some(view! { <div class="trouble" data-alone=""><p>{said}</p></div> }.into_any())
}

fn ways(desk: &Desk<'_>, campaign: &Campaign) -> AnyView {
    let path = desk.path(campaign.id);
    let (report, archive) = (format!("{path}/report"), format!("{path}/archive.zip"));
    let closed = campaign.status == Status::Closed;
    let archive = closed.then(|| view! { " "<a class="btn" href=archive>"Signed archive"</a> });
    view! { <p class="go"><a class="btn" href=report>"Report"</a>{archive}</p> }.into_any()
}

/// What is done with the whole of it.
fn managing(desk: &Desk<'_>, campaign: &Campaign, people: &[(String, String)], typed: &Typed) -> AnyView {
    let own = desk.visit.caller.as_ref().map(|caller| caller.person().account.0);
    let named = campaign.reviewers.iter().any(|one| Some(one.account) == own);
    let delegating = (desk.decides && named).then(|| many::delegating(desk, campaign.id, people, typed));
    let close = desk.manages.then(|| closing(desk, campaign));
    view! { {delegating}{close} }.into_any()
}

fn closing(desk: &Desk<'_>, campaign: &Campaign) -> AnyView {
    // No number: whoever decides by key stays on the page.
    let silence = format!("Whatever is not decided by then {}.", campaign.silence.said());
    view! {
        <section aria-labelledby="h-close">
            <h2 id="h-close">"Close it"</h2>
            <p>{silence}" What stands is then compared with what was decided; where the two differ, it says so and stays open."</p>
            {desk.form(Deed::Close, button("Close the review"), hidden("review", campaign.id.to_string()))}
        </section>
    }
    .into_any()
}

/// Beginning what was drafted, or not.
pub fn beginning(desk: &Desk<'_>, campaign: &Campaign) -> AnyView {
    let review = campaign.id.to_string();
    // A draft that lay for long: it begins with another last day.
    let over = (campaign.due <= desk.visit.now).then(|| {
        view! {
            <div class="field">
                <label for="due">"Its last day is over. It is due at the end of"</label>
                <input class="input" id="due" name="due" type="date" required=true/>
            </div>
        }
    });
    let begins = view! { {hidden("review", review.clone())}{over} };
    view! {
        <div class="does">
            {frame::form(desk.visit, Act::StartReview, button("Begin now"), begins)}
            {frame::form(desk.visit, Act::DiscardReview, frame::small("Throw the draft away", &campaign.name), hidden("review", review))}
        </div>
    }
    .into_any()
}
