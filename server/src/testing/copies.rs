//! What tests of backups look at in a restored instance, and inside an archive.

use std::path::Path;

use sea_orm::{EntityTrait, QueryOrder, QuerySelect};

use crate::audit::log;
use crate::backups::Backups;
use crate::backups::sealed::Opening;
use crate::entity::{component, entry};
use crate::guard::{Operator, TenantId};
use crate::vault::Vault;

/// The sum of a number that writers move from one row to another.
pub async fn sum_of_components(operator: &Operator) -> i64 {
    let rows = operator.all(component::Entity::find()).await.expect("components");
    rows.iter().map(|row| row.changed_at_ms).sum()
}

/// Whether the newest entry of an organisation's log opens; `None` when there is none.
pub async fn newest_entry_opens(operator: &Operator, vault: &Vault, tenant: TenantId) -> Option<bool> {
    let view = operator.view(tenant).await.expect("a view");
    let newest = view.all(entry::Entity::find().order_by_desc(entry::Column::Seq).limit(1)).await.expect("entries");
    drop(view);
    let newest = newest.into_iter().next()?;
    let ring = vault.tenant(tenant).await.expect("keys");
    Some(log::detail_opens(&ring, &newest))
}

/// Every byte that is inside an archive.
pub fn unpacked(backups: &Backups, file: &Path) -> Vec<u8> {
    let file = std::fs::File::open(file).expect("the archive");
    Opening::begin(file, &backups.key, backups.environment).expect("it opens").whole().expect("it is whole")
}
