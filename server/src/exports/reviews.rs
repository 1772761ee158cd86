//! The access reviews: what each covered, who decided what, and why. They are of the time here and are not taken in elsewhere: the people and the
//! log that they tell of have other ids there.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::ExportError;
use super::making::{Making, Source};
use super::table::Cell;
use crate::entity::{review, review_item, review_note, review_reviewer, review_vote};
use crate::guard::TenantId;
use crate::reviews;

/// Rows that are read at once.
const PAGE: u64 = 1000;

pub(super) const REVIEWS: &[&str] = &[
    "id",
    "name",
    "scope",
    "scope_of",
    "silence",
    "effect",
    "state",
    "origin",
    "stages",
    "fallback_id",
    "made_by",
    "made_at",
    "opened_at",
    "due_at",
    "closed_at",
    "closed_by",
    "items",
    "population_sha256",
    "found",
    "outcome",
    "reminded",
    "escalated_at",
    "when_due",
    "held_back_at",
];
pub(super) const REVIEWERS: &[&str] = &["review_id", "stage", "account_id", "delegate_id", "since"];
pub(super) const ITEMS: &[&str] = &[
    "id",
    "review_id",
    "kind",
    "account_id",
    "target_id",
    "target_kind",
    "address",
    "role",
    "granted_at",
    "granted_by",
    "ends_at",
    "last_used",
    "has_factor",
    "privileged",
    "orphaned",
    "previous",
    "advice",
    "reason",
    "stage",
    "reviewer_id",
    "decision",
    "new_role",
    "decided_by",
    "decided_at",
    "note_id",
    "act_id",
    "silent",
    "state",
    "applied_at",
    "settled_by",
    "settled_at",
    "settled_note_id",
    "ended_at",
    "alone",
];
pub(super) const VOTES: &[&str] =
    &["item_id", "stage", "review_id", "decision", "new_role", "decided_by", "decided_at", "note_id", "act_id"];
pub(super) const NOTES: &[&str] = &["id", "review_id", "item_id", "kind", "by_id", "at", "content", "salt"];

pub(crate) async fn write(making: &mut Making<'_>) -> Result<(), ExportError> {
    reviews(making).await?;
    let reviewers = reviewers(&making.source).await?;
    making.small("review-reviewers", REVIEWERS, reviewers).await?;
    items(making).await?;
    votes(making).await?;
    notes(making).await
}

fn text(bytes: &[u8]) -> Cell {
    Cell::Text(String::from_utf8_lossy(bytes).into_owned())
}

async fn reviews(making: &mut Making<'_>) -> Result<(), ExportError> {
    let source = &making.source;
    let mut page = Vec::new();
    for row in source.view.all(review::Entity::find().order_by_asc(review::Column::Id)).await? {
        page.push(review_cells(source, row)?);
    }
    making.small("reviews", REVIEWS, page).await
}

fn review_cells(source: &Source<'_>, row: review::Model) -> Result<Vec<Cell>, ExportError> {
    let review::Model {
        tenant_id,
        id,
        name,
        scope,
        scope_of,
        silence,
        effect,
        state,
        origin,
        stages,
        fallback_id,
        made_by,
        made_at_ms,
        opened_at_ms,
        due_at_ms,
        closed_at_ms,
        closed_by,
        items,
        population_sha256,
        found,
        outcome,
        reminded,
        escalated_at_ms,
        when_due,
        held_back_at_ms,
    } = row;
    let name = source.ring.open(&reviews::name_place(TenantId(tenant_id), id), &name)?;
    Ok(vec![
        Cell::Id(id),
        text(&name),
        Cell::Text(scope),
        Cell::text(scope_of),
        Cell::Text(silence),
        Cell::Text(effect),
        Cell::Text(state),
        Cell::Text(origin),
        Cell::Number(stages.into()),
        Cell::id(fallback_id),
        Cell::Id(made_by),
        Cell::At(made_at_ms),
        Cell::at(opened_at_ms),
        Cell::At(due_at_ms),
        Cell::at(closed_at_ms),
        Cell::id(closed_by),
        Cell::Number(items),
        Cell::text(population_sha256),
        found.map_or(Cell::Nothing, Cell::Json),
        outcome.map_or(Cell::Nothing, Cell::Json),
        Cell::Number(reminded.into()),
        Cell::at(escalated_at_ms),
        Cell::Text(when_due),
        Cell::at(held_back_at_ms),
    ])
}

async fn reviewers(source: &Source<'_>) -> Result<Vec<Vec<Cell>>, ExportError> {
    let rows = review_reviewer::Entity::find()
        .order_by_asc(review_reviewer::Column::ReviewId)
        .order_by_asc(review_reviewer::Column::Stage)
        .order_by_asc(review_reviewer::Column::AccountId);
    Ok(source.view.all(rows).await?.iter().map(reviewer_cells).collect())
}

fn reviewer_cells(row: &review_reviewer::Model) -> Vec<Cell> {
    let review_reviewer::Model { tenant_id: _, review_id, stage, account_id, delegate_id, since_ms } = *row;
    vec![
        Cell::Id(review_id),
        Cell::Number(stage.into()),
        Cell::Id(account_id),
        Cell::id(delegate_id),
        Cell::At(since_ms),
    ]
}

async fn items(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("review-items", ITEMS).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let rows = review_item::Entity::find()
            .filter(review_item::Column::Id.gt(after))
            .order_by_asc(review_item::Column::Id)
            .limit(PAGE);
        let rows = making.source.view.all(rows).await?;
        let Some(last) = rows.last().map(|row| row.id) else { break };
        after = last;
        let page = rows.into_iter().map(|row| item_cells(&making.source, row)).collect();
        making.rows(&mut open, page).await?;
    }
    making.close(open).await
}

fn item_cells(source: &Source<'_>, row: review_item::Model) -> Vec<Cell> {
    let address = reviews::invited_address(&source.ring, &row);
    let review_item::Model {
        tenant_id: _,
        id,
        review_id,
        kind,
        account_id,
        target_id,
        target_kind,
        address: _,
        role,
        granted_at_ms,
        granted_by,
        ends_at_ms,
        last_used_ms,
        has_factor,
        privileged,
        orphaned,
        previous,
        advice,
        reason,
        stage,
        reviewer_id,
        decision,
        new_role,
        decided_by,
        decided_at_ms,
        note_id,
        act_id,
        silent,
        state,
        applied_at_ms,
        settled_by,
        settled_at_ms,
        settled_note_id,
        ended_at_ms,
        alone,
    } = row;
    vec![
        Cell::Id(id),
        Cell::Id(review_id),
        Cell::Text(kind),
        Cell::id(account_id),
        Cell::id(target_id),
        Cell::text(target_kind),
        Cell::text(address),
        Cell::text(role),
        Cell::At(granted_at_ms),
        Cell::id(granted_by),
        Cell::at(ends_at_ms),
        Cell::at(last_used_ms),
        Cell::Number(has_factor.into()),
        Cell::Number(privileged.into()),
        Cell::Number(orphaned.into()),
        Cell::text(previous),
        Cell::Text(advice),
        Cell::Text(reason),
        Cell::Number(stage.into()),
        Cell::id(reviewer_id),
        Cell::text(decision),
        Cell::text(new_role),
        Cell::id(decided_by),
        Cell::at(decided_at_ms),
        Cell::id(note_id),
        Cell::id(act_id),
        Cell::Number(silent.into()),
        Cell::Text(state),
        Cell::at(applied_at_ms),
        Cell::id(settled_by),
        Cell::at(settled_at_ms),
        Cell::id(settled_note_id),
        Cell::at(ended_at_ms),
        Cell::Number(alone.into()),
    ]
}

async fn votes(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("review-votes", VOTES).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        // An item has at most three: a page by items leaves none of them out.
        let rows = review_item::Entity::find()
            .filter(review_item::Column::Id.gt(after))
            .filter(review_item::Column::Stage.gt(1))
            .order_by_asc(review_item::Column::Id)
            .limit(PAGE);
        let items: Vec<Uuid> = making.source.view.all(rows).await?.into_iter().map(|row| row.id).collect();
        let Some(last) = items.last() else { break };
        after = *last;
        let rows = review_vote::Entity::find()
            .filter(review_vote::Column::ItemId.is_in(items))
            .order_by_asc(review_vote::Column::ItemId)
            .order_by_asc(review_vote::Column::Stage);
        let page = making.source.view.all(rows).await?.into_iter().map(vote_cells).collect();
        making.rows(&mut open, page).await?;
    }
    making.close(open).await
}

fn vote_cells(row: review_vote::Model) -> Vec<Cell> {
    let review_vote::Model {
        tenant_id: _,
        item_id,
        stage,
        review_id,
        decision,
        new_role,
        decided_by,
        decided_at_ms,
        note_id,
        act_id,
    } = row;
    vec![
        Cell::Id(item_id),
        Cell::Number(stage.into()),
        Cell::Id(review_id),
        Cell::Text(decision),
        Cell::text(new_role),
        Cell::Id(decided_by),
        Cell::At(decided_at_ms),
        Cell::id(note_id),
        Cell::id(act_id),
    ]
}

async fn notes(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("review-notes", NOTES).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let rows = review_note::Entity::find()
            .filter(review_note::Column::Id.gt(after))
            .order_by_asc(review_note::Column::Id)
            .limit(PAGE);
        let rows = making.source.view.all(rows).await?;
        let Some(last) = rows.last().map(|row| row.id) else { break };
        after = last;
        let page: Result<Vec<_>, ExportError> = rows.into_iter().map(|row| note_cells(&making.source, row)).collect();
        making.rows(&mut open, page?).await?;
    }
    making.close(open).await
}

fn note_cells(source: &Source<'_>, row: review_note::Model) -> Result<Vec<Cell>, ExportError> {
    let review_note::Model { tenant_id, id, review_id, item_id, kind, by_id, at_ms, content, salt } = row;
    let salt = salt.map(|salt| source.ring.open(&reviews::salt_place(TenantId(tenant_id), id), &salt)).transpose()?;
    let content = source.ring.open(&reviews::note_place(TenantId(tenant_id), id), &content)?;
    Ok(vec![
        Cell::Id(id),
        Cell::Id(review_id),
        Cell::id(item_id),
        Cell::Text(kind),
        Cell::Id(by_id),
        Cell::At(at_ms),
        text(&content),
        Cell::text(salt.map(|salt| crate::crypto::hex(&salt))),
    ])
}
