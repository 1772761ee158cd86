//! Taking an archive along. Whether somebody may is asked anew each time, and each time stands in the log.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{place, state};
use crate::audit::log::{Action, Event};
use crate::blobs::{BlobError, Opening};
use crate::clock::from_ms;
use crate::entity::export;
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Origin, Refusal};

/// A ready archive, or a personal copy, to be read from any place on.
#[derive(Clone, Debug)]
pub struct Offered {
    pub name: String,
    /// Of the whole file; also what tells one archive from another when a download goes on.
    pub sha256: String,
    opening: Opening,
}

impl Offered {
    pub(crate) fn new(name: String, sha256: String, opening: Opening) -> Self {
        Self { name, sha256, opening }
    }

    pub fn bytes(&self) -> u64 {
        self.opening.bytes()
    }

    /// # Errors
    /// [`BlobError::OutOfRange`] past the end.
    pub fn part(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, BlobError> {
        self.opening.stream(range)
    }
}

/// Opens an archive and writes down that it is taken along, from which byte on.
///
/// # Errors
/// [`Refusal::NotFound`] when there is no such archive, [`Refusal::NotKept`] after its time, [`Refusal::Conflict`] before it is made.
pub async fn download(
    taker: &Allowed<rights::ExportCreate>,
    accounts: &Accounts,
    id: &str,
    from: u64,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Offered, Refusal> {
    let id: Uuid = id.parse().map_err(|_| Refusal::NotFound)?;
    let view = taker.read().await?;
    let row = view.one(export::Entity::find().filter(export::Column::Id.eq(id))).await?.ok_or(Refusal::NotFound)?;
    let ring = accounts.vault.within(&view).await?;
    drop(view);
    let over = row.expires_at_ms.is_some_and(|at| from_ms(at) <= now);
    match (row.state.as_str(), row.sha256, over) {
        (state::READY, Some(sha256), false) => {
            let opening = accounts.blobs.open_sealed(&ring, &place(taker.here().tenant, id, row.attempt)).await;
            let opening =
                opening.map_err(|cause| not_kept(cause, id, "This archive was removed. Ask for a new one."))?;
            let event = Event::of(Action::ExportDownloaded, id).with("from", from.to_string());
            taker.note(accounts, origin, &event, now).await?;
            let name = format!("{}-{}.zip", taker.here().slug, crate::clock::rfc3339(from_ms(row.requested_at_ms)));
            Ok(Offered::new(name.replace(':', ""), sha256, opening))
        }
        (state::READY | state::EXPIRED, ..) => {
            Err(Refusal::NotKept("This archive was removed after its time. Ask for a new one.".into()))
        }
        (state::FAILED, ..) => Err(Refusal::Conflict("This archive could not be made. Ask for a new one.".into())),
        _ => Err(Refusal::Conflict("This archive is still being made.".into())),
    }
}

/// What is taken out of the store before its row says so, by its time or by newer ones, is gone for whoever opens it in that instant. It can be
/// made anew, so nobody is told that something broke; the log is, in case the store lost it.
pub(super) fn not_kept(cause: BlobError, id: Uuid, said: &str) -> Refusal {
    match cause {
        BlobError::Missing => {
            tracing::warn!(archive = %id, "an archive is not in the store any more and was asked for");
            Refusal::NotKept(said.to_owned())
        }
        BlobError::Seal(_) | BlobError::OutOfRange | BlobError::Store(_) | BlobError::Folder(_) => cause.into(),
    }
}
