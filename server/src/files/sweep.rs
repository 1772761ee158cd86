//! Contents that nothing leads to: an upload that was cut short before its row was written, or a file that was removed.

use std::collections::BTreeSet;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::attached::{blob_of, blobs_of};
use crate::clock::to_ms;
use crate::entity::file;
use crate::exports;
use crate::guard::{Operator, TenantId};
use crate::identity::{Accounts, Refusal};

/// Longer than any request lasts, so that nothing under way is taken.
const AFTER: Duration = Duration::hours(1);

#[derive(Debug, sea_orm::FromQueryResult)]
struct Kept {
    id: Uuid,
}

/// Takes away what has been without a row, or with a removed one, for an hour. How many contents that were. While an archive is being made of
/// the organisation, everything stays: its snapshot may be older than what was removed since.
pub(crate) async fn sweep(
    operator: &Operator,
    accounts: &Accounts,
    tenant: TenantId,
    now: OffsetDateTime,
) -> Result<usize, Refusal> {
    // First what lies there: what comes between the two looks has a row and is too young.
    let there = accounts.blobs.below(&blobs_of(tenant)).await?;
    let before = now - AFTER;
    let old: Vec<_> = there.into_iter().filter(|found| found.since <= before).collect();
    if old.is_empty() {
        return Ok(0);
    }
    let live = file::Column::RemovedAtMs.is_null().or(file::Column::RemovedAtMs.gt(to_ms(before)));
    let kept = file::Entity::find().select_only().column(file::Column::Id).filter(live);
    let kept: Vec<Kept> = operator.view(tenant).await?.all_as(kept).await?;
    let kept: BTreeSet<String> = kept.into_iter().map(|row| blob_of(tenant, row.id)).collect();
    // Looked for last: whatever archive is begun from here on does not see what is without a row any more.
    if exports::work::under_way(operator, tenant, now).await? {
        return Ok(0);
    }
    let mut gone = 0;
    for found in old.iter().filter(|found| !kept.contains(&found.at)) {
        accounts.blobs.remove(&found.at).await?;
        gone += 1;
    }
    Ok(gone)
}
