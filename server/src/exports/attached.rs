//! Attached files: a row of each, and their contents as they were sent, under a name that leads back to the row.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::ExportError;
use super::import::{BATCH, Into, Taking};
use super::lines::Row;
use super::making::{Making, Source};
use super::table::Cell;
use super::zip::{Deflating, Summed};
use crate::blobs::{BlobError, Blobs, Opening};
use crate::entity::file;
use crate::files::attached::{Facts, blob_of, place};
use crate::vault::Keyring;

/// Files that are looked up at once.
const PAGE: u64 = 500;

/// Contents that are read and packed ahead, and up to which size: the others are read as they are written. Three megabytes at most.
const AHEAD: usize = 6;
const SMALL_BYTES: u64 = 512 * 1024;

pub(crate) const FILES: &[&str] =
    &["id", "record_id", "field", "name", "media_type", "sha256", "bytes", "made_at", "made_by", "removed_at"];

/// A row with what it takes to find its content.
struct Listed {
    id: Uuid,
    name: String,
    removed: bool,
    cells: Vec<Cell>,
}

/// Where a content lies in the archive.
fn named(id: Uuid, name: &str) -> String {
    // The name was cleaned when the file came in; what a reader would take for a path is taken out once more.
    let plain: String = name.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '_' } else { c }).collect();
    format!("files/{id}-{plain}")
}

pub(crate) async fn write(making: &mut Making<'_>) -> Result<(), ExportError> {
    let Some(mut open) = making.begin("files", FILES).await? else { return Ok(()) };
    let mut after = Uuid::nil();
    loop {
        let page = page(&making.source, after).await?;
        let Some(last) = page.last().map(|listed| listed.id) else { break };
        after = last;
        making.rows(&mut open, page.into_iter().map(|listed| listed.cells).collect()).await?;
    }
    making.close(open).await?;
    contents(making).await
}

async fn page(source: &Source<'_>, after: Uuid) -> Result<Vec<Listed>, ExportError> {
    let rows = file::Entity::find().filter(file::Column::Id.gt(after)).order_by_asc(file::Column::Id).limit(PAGE);
    let mut page = Vec::new();
    for row in source.view.all(rows).await? {
        let file::Model { tenant_id, id, record_id, field, facts, bytes, made_at_ms, made_by, removed_at_ms } = row;
        let plain = source.ring.open(&place(tenant_id, id), &facts)?;
        let facts: Facts =
            serde_json::from_slice(&plain).map_err(|_| ExportError::Broken("what is kept of a file cannot be read"))?;
        let cells = vec![
            Cell::Id(id),
            Cell::id(record_id),
            Cell::text(field),
            Cell::Text(facts.name.clone()),
            Cell::Text(facts.media_type),
            Cell::Text(facts.sha256),
            Cell::Number(bytes),
            Cell::At(made_at_ms),
            Cell::Id(made_by),
            Cell::at(removed_at_ms),
        ];
        page.push(Listed { id, name: facts.name, removed: removed_at_ms.is_some(), cells });
    }
    Ok(page)
}

/// A content on its way into the archive.
enum Next {
    /// A small one, packed already.
    Packed(Vec<u8>, Summed),
    Large(Opening),
    /// It was removed, and swept away already.
    Gone,
}

/// The contents, one after the other. While one is written, the next few are read and packed.
async fn contents(making: &mut Making<'_>) -> Result<(), ExportError> {
    let mut after = Uuid::nil();
    loop {
        let source = &making.source;
        let page = page(source, after).await?;
        let Some(last) = page.last().map(|listed| listed.id) else { return Ok(()) };
        after = last;
        let (blobs, tenant) = (&source.accounts.blobs, source.view.tenant());
        let coming: Vec<_> = page
            .iter()
            .map(|listed| next(blobs.clone(), Arc::clone(&source.ring), blob_of(tenant, listed.id), listed.removed))
            .collect();
        let mut contents = stream::iter(coming).map(tokio::spawn).buffered(AHEAD);
        for Listed { id, name, .. } in &page {
            let file = named(*id, name);
            let content = contents.next().await.transpose();
            match content.map_err(|_| ExportError::Broken("a content could not be packed"))?.transpose()? {
                Some(Next::Packed(packed, summed)) => making.archive.put_packed(&file, &packed, summed).await?,
                Some(Next::Large(opening)) => {
                    let pieces = opening.stream(0..opening.bytes())?.map(|piece| Ok(piece?.to_vec()));
                    making.archive.stream(&file, pieces.boxed()).await?
                }
                Some(Next::Gone) | None => continue,
            };
            making.progress.on(0).await?;
        }
    }
}

async fn next(blobs: Blobs, ring: Arc<Keyring>, at: String, removed: bool) -> Result<Next, ExportError> {
    let opening = match blobs.open_sealed(&ring, &at).await {
        Err(BlobError::Missing) if removed => return Ok(Next::Gone),
        opening => opening?,
    };
    if opening.bytes() > SMALL_BYTES {
        return Ok(Next::Large(opening));
    }
    let plain = opening.whole().await?;
    let packed = tokio::task::spawn_blocking(move || {
        let mut deflating = Deflating::new();
        let mut packed = deflating.push(&plain)?;
        let (rest, summed) = deflating.finish()?;
        packed.extend_from_slice(&rest);
        Ok::<_, std::io::Error>(Next::Packed(packed, summed))
    });
    Ok(packed.await.map_err(|_| ExportError::Broken("the compressor broke"))??)
}

/// Seals the contents anew where they will be looked for.
pub(crate) async fn take(taking: &Taking<'_>, ring: &Keyring) -> Result<(), ExportError> {
    let mut lines = taking.lines("files")?;
    while let Some(row) = lines.next()? {
        let (id, name) = (row.id("id")?, row.text("name")?);
        let file = named(id, &name);
        if !taking.manifest.parts.iter().any(|part| part.file == file) {
            continue;
        }
        let mut content = taking.contents.content(&file)?;
        let mut sealing = taking.accounts.blobs.seal(ring, &blob_of(taking.tenant, id))?;
        while let Some(piece) = content.piece()? {
            sealing.push(&piece).await?;
        }
        sealing.finish().await?;
    }
    Ok(())
}

/// The rows.
pub(crate) async fn rows(taking: &Taking<'_>, change: Into<'_>) -> Result<(), ExportError> {
    let mut lines = taking.lines("files")?;
    loop {
        let batch = lines.some(BATCH)?;
        if batch.is_empty() {
            return Ok(());
        }
        let rows = batch.iter().map(|line| row(taking, change, line)).collect::<Result<Vec<_>, _>>()?;
        change.insert_many(rows).await?;
    }
}

fn row(taking: &Taking<'_>, change: Into<'_>, row: &Row) -> Result<file::ActiveModel, ExportError> {
    let id = row.id("id")?;
    let facts = Facts { name: row.text("name")?, media_type: row.text("media_type")?, sha256: row.text("sha256")? };
    let plain = serde_json::to_vec(&facts).unwrap_or_default();
    Ok(file::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        record_id: ActiveValue::Set(row.id_or_none("record_id")?),
        field: ActiveValue::Set(row.text_or_none("field")?),
        facts: ActiveValue::Set(change.seal(&place(taking.tenant.0, id), &plain)?),
        bytes: ActiveValue::Set(row.number("bytes")?),
        made_at_ms: ActiveValue::Set(row.at("made_at")?),
        made_by: ActiveValue::Set(taking.who(row.id("made_by")?)),
        removed_at_ms: ActiveValue::Set(row.at_or_none("removed_at")?),
    })
}
