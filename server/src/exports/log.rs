//! The log as the page gives it along: entries with their hashes, signed heads, the key that verifies them, and a table for reading. And the log
//! of an organisation's time elsewhere, byte for byte as it came.

use futures::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::making::{Making, Source};
use super::{ExportError, former};
use crate::audit::heads;
use crate::audit::view::{self, CSV_HEAD};
use crate::entity::{entry, former_log, signed_head};

/// Entries that are read at once.
const PAGE: u64 = 1000;

/// Where the parts of a log from elsewhere lie.
pub(crate) const FORMER: &str = "former-log";

pub(crate) async fn write(making: &mut Making<'_>) -> Result<(), ExportError> {
    if !making.has("log") {
        return Ok(());
    }
    entries(making, "log/entries.jsonl", false).await?;
    entries(making, "log/log.csv", true).await?;
    let rows =
        signed_head::Entity::find().order_by_asc(signed_head::Column::Seq).order_by_asc(signed_head::Column::AtMs);
    let text: String = making.source.view.all(rows).await?.iter().map(heads::line).collect();
    making.archive.put("log/heads.jsonl", text.as_bytes()).await?;
    let key = making.source.accounts.vault.signing().public_hex() + "\n";
    making.archive.put("log/public-key.txt", key.as_bytes()).await?;
    former(making).await
}

/// Every entry, page by page.
async fn entries(making: &mut Making<'_>, file: &str, readable: bool) -> Result<(), ExportError> {
    let Making { source, archive, .. } = making;
    let source = &*source;
    let head = if readable { CSV_HEAD.as_bytes().to_vec() } else { Vec::new() };
    let pages = futures::stream::try_unfold((0_i64, Some(head)), move |(after, head)| async move {
        if let Some(head) = head {
            return Ok(Some((head, (after, None))));
        }
        let page = page(source, after, readable).await?;
        Ok(page.map(|(text, last)| (text.into_bytes(), (last, None))))
    });
    archive.stream(file, pages.boxed()).await?;
    Ok(())
}

async fn page(source: &Source<'_>, after: i64, readable: bool) -> Result<Option<(String, i64)>, ExportError> {
    let rows = entry::Entity::find().filter(entry::Column::Seq.gt(after)).order_by_asc(entry::Column::Seq).limit(PAGE);
    if readable {
        let lines = view::lines(&source.view, source.accounts, rows).await?;
        let last = lines.last().map(|line| line.seq);
        return Ok(last.map(|last| (lines.iter().map(view::csv_line).collect(), last)));
    }
    let rows = source.view.all(rows).await?;
    let last = rows.last().map(|row| row.seq);
    Ok(last.map(|last| (rows.iter().map(view::json_line).collect(), last)))
}

/// The parts of the log that came along, in the order of their names.
async fn former(making: &mut Making<'_>) -> Result<(), ExportError> {
    let mut parts = making.source.view.all(former_log::Entity::find()).await?;
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    for part in parts {
        let (blobs, tenant) = (&making.source.accounts.blobs, making.source.view.tenant());
        let opening = blobs.open_sealed(&making.source.ring, &former::place(tenant, part.blob)).await?;
        let pieces = opening.stream(0..opening.bytes())?;
        let pieces = pieces.map(|piece| Ok(piece?.to_vec()));
        making.archive.stream(&format!("{FORMER}/{}", part.name), pieces.boxed()).await?;
    }
    Ok(())
}
