//! Asking for an archive, and what there is of them. In every standing: whoever leaves takes everything along.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{state, work};
use crate::audit::log::{Action, Event};
use crate::clock::{from_ms, to_ms};
use crate::entity::export;
use crate::guard::{Allowed, rights};
use crate::identity::{Accounts, Origin, Refusal};
use crate::organisations::names;

/// Archives that are kept at once; a further one lets go of the oldest.
const KEPT: u64 = 5;

/// Archives that the page shows.
const SHOWN: u64 = 20;

/// What kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Whole,
    /// Without people, for testing.
    Masked,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Masked => "masked",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Whole, Self::Masked].into_iter().find(|kind| kind.word() == word)
    }
}

/// How far an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stands {
    Waiting,
    /// Rows written, and about how many there are.
    Running(u64, u64),
    Ready {
        bytes: u64,
        sha256: String,
        until: OffsetDateTime,
    },
    Failed(String),
    Expired,
}

/// An archive as the page shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub id: Uuid,
    pub masked: bool,
    pub asked_at: OffsetDateTime,
    pub by: String,
    pub stands: Stands,
}

/// Asks for an archive; it is made beside everything else. Its id.
///
/// # Errors
/// [`Refusal::Conflict`] while one of the same kind is on its way.
pub async fn request(
    requester: &Allowed<rights::ExportCreate>,
    accounts: &Accounts,
    kind: Kind,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let change = requester.begin(accounts, origin).await?;
    let under_way = export::Entity::find()
        .filter(export::Column::Kind.eq(kind.word()))
        .filter(export::Column::State.is_in([state::QUEUED, state::RUNNING]));
    if change.count(under_way).await? > 0 {
        return Err(Refusal::Conflict("One is being made already. It will be here in a moment.".into()));
    }
    let id = Uuid::now_v7();
    let row = export::ActiveModel {
        tenant_id: ActiveValue::NotSet,
        id: ActiveValue::Set(id),
        kind: ActiveValue::Set(kind.word().to_owned()),
        state: ActiveValue::Set(state::QUEUED.to_owned()),
        requested_by: ActiveValue::Set(requester.account.0),
        requested_at_ms: ActiveValue::Set(to_ms(now)),
        beat_at_ms: ActiveValue::Set(None),
        attempt: ActiveValue::Set(0),
        done_rows: ActiveValue::Set(0),
        total_rows: ActiveValue::Set(0),
        bytes: ActiveValue::Set(0),
        sha256: ActiveValue::Set(None),
        content_sha256: ActiveValue::Set(None),
        ready_at_ms: ActiveValue::Set(None),
        expires_at_ms: ActiveValue::Set(None),
        trouble: ActiveValue::Set(None),
    };
    change.insert(row).await?;
    let event = Event::of(Action::ExportRequested, id).with("kind", kind.word());
    change.commit(&event, now).await?;
    work::ring(requester.here().tenant);
    Ok(id)
}

/// The newest archives.
///
/// # Errors
/// When the database does not answer.
pub async fn list(reader: &Allowed<rights::ExportCreate>, accounts: &Accounts) -> Result<Vec<Shown>, Refusal> {
    let rows = export::Entity::find().order_by_desc(export::Column::Id).limit(SHOWN);
    let view = reader.read().await?;
    let rows = view.all(rows).await?;
    let people = names::of(&view, accounts, rows.iter().map(|row| row.requested_by)).await?;
    let shown = |row: export::Model| Shown {
        id: row.id,
        masked: row.kind == Kind::Masked.word(),
        asked_at: from_ms(row.requested_at_ms),
        by: names::called(&people, row.requested_by),
        stands: stands(&row),
    };
    Ok(rows.into_iter().map(shown).collect())
}

fn stands(row: &export::Model) -> Stands {
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    match (row.state.as_str(), &row.sha256, row.expires_at_ms) {
        (state::READY, Some(sha256), Some(until)) => {
            Stands::Ready { bytes: number(row.bytes), sha256: sha256.clone(), until: from_ms(until) }
        }
        (state::RUNNING, ..) => Stands::Running(number(row.done_rows), number(row.total_rows)),
        (state::QUEUED, ..) => Stands::Waiting,
        (state::EXPIRED, ..) => Stands::Expired,
        _ => Stands::Failed(row.trouble.clone().unwrap_or_default()),
    }
}

/// Which ready archives have to go so that there is room for one more.
pub(crate) fn beyond_kept() -> sea_orm::Select<export::Entity> {
    export::Entity::find()
        .filter(export::Column::State.eq(state::READY))
        .order_by_desc(export::Column::Id)
        .offset(KEPT - 1)
        .limit(SHOWN)
}
