//! What records said before their changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::super::ExportError;
use super::super::classes::Class;
use super::super::making::{Making, Source, classes_of};
use super::super::mask::Mask;
use super::super::table::{self, Cell, Written};
use super::{HISTORY, PAGE, fields};
use crate::entity::{record, record_change};
use crate::guard::TenantId;
use crate::profile::format::Register;
use crate::registers::content::Content;
use crate::vault::Keyring;

/// What it takes to open what records said before.
#[derive(Clone, Debug)]
struct Before {
    tenant: TenantId,
    ring: Arc<Keyring>,
    mask: Option<(Arc<Mask>, Arc<[Class]>)>,
}

/// What records said before.
pub(super) async fn history(making: &mut Making<'_>) -> Result<(), ExportError> {
    let source = &making.source;
    let mask = source.mask.clone().map(|mask| Ok::<_, ExportError>((mask, classes_of("history", HISTORY)?.into())));
    let before = Before { tenant: source.view.tenant(), ring: Arc::clone(&source.ring), mask: mask.transpose()? };
    let head = table::head(HISTORY.iter().copied().chain(["fields"]));
    let mut section = making.archive.section("history", "data/history", head).await?;
    let (mut record, mut version) = (Uuid::nil(), 0);
    loop {
        // The first of the two is what the key is searched by: with the second alone, each page would go through all before it.
        let later = record_change::Column::RecordId.gt(record).or(record_change::Column::Version.gt(version));
        let rows = record_change::Entity::find()
            .filter(record_change::Column::RecordId.gte(record))
            .filter(later)
            .order_by_asc(record_change::Column::RecordId)
            .order_by_asc(record_change::Column::Version)
            .limit(PAGE);
        let rows = making.source.view.all(rows).await?;
        let Some(last) = rows.last() else { break };
        (record, version) = (last.record_id, last.version);
        let registers =
            if before.mask.is_some() { registers_of(&making.source, &rows).await? } else { BTreeMap::new() };
        let before = before.clone();
        let written = tokio::task::spawn_blocking(move || before.page(rows, &registers)).await;
        let written = written.map_err(|_| ExportError::Broken("a page could not be written down"))??;
        let rows = written.rows;
        making.archive.rows(&mut section, written).await?;
        making.progress.on(rows).await?;
    }
    making.close_section(section).await
}

/// Whose register each change was: what to mask of it depends on that.
async fn registers_of(
    source: &Source<'_>,
    rows: &[record_change::Model],
) -> Result<BTreeMap<Uuid, Register>, ExportError> {
    #[derive(FromQueryResult)]
    struct Found {
        id: Uuid,
        register: String,
    }
    let ids: BTreeSet<Uuid> = rows.iter().map(|row| row.record_id).collect();
    let found = record::Entity::find()
        .select_only()
        .columns([record::Column::Id, record::Column::Register])
        .filter(record::Column::Id.is_in(ids));
    let found: Vec<Found> = source.view.all_as(found).await?;
    let known = &source.accounts.profile.registers;
    let of = |Found { id, register }| {
        let known = known.iter().find(|known| *known.id.get_ref() == register);
        known.map(|known| (id, known.clone())).ok_or(ExportError::Unclassified(register))
    };
    found.into_iter().map(of).collect()
}

impl Before {
    fn page(
        &self,
        rows: Vec<record_change::Model>,
        registers: &BTreeMap<Uuid, Register>,
    ) -> Result<Written, ExportError> {
        let mut written = Written::default();
        let columns = [HISTORY, &["fields"]].concat();
        for row in rows {
            let said = self.said(&row, registers)?;
            let record_change::Model { tenant_id: _, record_id, version, kind, at_ms, changed_by, act_id, content: _ } =
                row;
            let mut cells = vec![
                Cell::Id(record_id),
                Cell::Number(version.into()),
                Cell::Text(kind),
                Cell::At(at_ms),
                Cell::Id(changed_by),
                Cell::id(act_id),
            ];
            if let Some((mask, classes)) = &self.mask {
                cells = cells.into_iter().zip(classes.iter()).map(|(cell, class)| mask.cell(*class, cell)).collect();
            }
            cells.push(Cell::Json(said));
            written.row(&columns, &cells);
        }
        Ok(written)
    }

    /// What a record said before, without people where those are taken out.
    fn said(&self, row: &record_change::Model, registers: &BTreeMap<Uuid, Register>) -> Result<String, ExportError> {
        let Some(sealed) = &row.content else { return Ok("null".to_owned()) };
        let mut before = Content::open_earlier(&self.ring, self.tenant, row.record_id, row.version, sealed)?;
        if let Some((mask, _)) = &self.mask {
            // Of a record that is gone nobody can tell what is personal.
            let Some(register) = registers.get(&row.record_id) else { return Ok("null".to_owned()) };
            mask.content(register, &mut before.0)?;
        }
        let mut said = Vec::new();
        fields(&before, &mut said);
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}
