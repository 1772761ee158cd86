//! What stays, opened with the keys of the whole and sealed under the one that stays with it. What is under that already is only looked at.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::Keeps;
use crate::audit::log::Sealer;
use crate::blobs::BlobError;
use crate::entity::{file, legal_hold, record, record_change};
use crate::files::attached::{blob_of, place};
use crate::guard::{Actor, Change, Operator, TenantId};
use crate::identity::origin::Place;
use crate::identity::{Accounts, Refusal};
use crate::registers::content::Content;
use crate::retention::holds::sealed_at;

/// Seals all of it anew.
///
/// # Errors
/// When something held does not open: then no key may go.
pub(super) async fn all(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    keeps: &Keeps,
) -> Result<(), Refusal> {
    let key = std::sync::Arc::new(accounts.vault.sealing_with(tenant, keeps.key).await?);
    let sealer = Sealer { key: std::sync::Arc::clone(&key), place: Place::default(), trace: None };
    let change = operator.begin_in(tenant, Actor::System, sealer.clone()).await?;
    holds(&change, keeps).await?;
    change.commit_housekeeping().await?;
    for id in &keeps.records {
        let change = operator.begin_kept(tenant, Actor::System, sealer.clone()).await?;
        for row in change.all(record::Entity::find().filter(record::Column::Id.eq(*id))).await? {
            self::record(&change, &row).await?;
        }
        for row in change.all(record_change::Entity::find().filter(record_change::Column::RecordId.eq(*id))).await? {
            earlier(&change, &row).await?;
        }
        for row in change.all(file::Entity::find().filter(file::Column::RecordId.eq(*id))).await? {
            facts(&change, &row).await?;
        }
        change.commit_housekeeping().await?;
    }
    let files = operator.view(tenant).await?.all(keeps.files()).await?;
    for at in files.into_iter().map(|row| blob_of(tenant, row.id)) {
        // Another instance may have put it there while it was read: then it is done.
        match accounts.blobs.seal_anew(&key, &at).await {
            Err(BlobError::Seal(_)) => accounts.blobs.seal_anew(&key, &at).await?,
            done => done?,
        };
    }
    Ok(())
}

async fn holds(change: &Change, keeps: &Keeps) -> Result<(), Refusal> {
    let held = legal_hold::Entity::find().filter(legal_hold::Column::Id.is_in(keeps.holds.iter().copied()));
    for row in change.all(held).await? {
        let again =
            |what: &str, sealed: &[u8]| change.ring().seal_anew(&sealed_at(change.tenant(), row.id, what), sealed);
        let (basis, scope) = (again("basis", &row.basis)?, again("scope", &row.scope)?);
        let set = legal_hold::Entity::update_many()
            .col_expr(legal_hold::Column::Basis, Expr::value(basis.unwrap_or(row.basis)))
            .col_expr(legal_hold::Column::Scope, Expr::value(scope.unwrap_or(row.scope)))
            .filter(legal_hold::Column::Id.eq(row.id));
        change.update(set).await?;
    }
    Ok(())
}

async fn record(change: &Change, row: &record::Model) -> Result<(), Refusal> {
    if let Some(content) = Content::seal_anew(change.ring(), change.tenant(), row.id, &row.content)? {
        let set = record::Entity::update_many()
            .col_expr(record::Column::Content, Expr::value(content))
            .filter(record::Column::Id.eq(row.id));
        change.update(set).await?;
    }
    Ok(())
}

async fn earlier(change: &Change, row: &record_change::Model) -> Result<(), Refusal> {
    let Some(sealed) = &row.content else { return Ok(()) };
    let content = Content::seal_earlier_anew(change.ring(), change.tenant(), row.record_id, row.version, sealed)?;
    if let Some(content) = content {
        let set = record_change::Entity::update_many()
            .col_expr(record_change::Column::Content, Expr::value(Some(content)))
            .filter(record_change::Column::RecordId.eq(row.record_id))
            .filter(record_change::Column::Version.eq(row.version));
        change.update(set).await?;
    }
    Ok(())
}

async fn facts(change: &Change, row: &file::Model) -> Result<(), Refusal> {
    if let Some(facts) = change.ring().seal_anew(&place(row.tenant_id, row.id), &row.facts)? {
        let set = file::Entity::update_many()
            .col_expr(file::Column::Facts, Expr::value(facts))
            .filter(file::Column::Id.eq(row.id));
        change.update(set).await?;
    }
    Ok(())
}
