//! How far an archive is, told now and then, so that whoever waits sees it and whoever comes after a crash knows that nobody is at it.

use std::time::{Duration, Instant};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{ExportError, state};
use crate::clock::to_ms;
use crate::entity::export;
use crate::guard::{Actor, Operator, TenantId};
use crate::identity::{Accounts, Origin};

/// How often it is told.
const EVERY: Duration = Duration::from_secs(1);

/// Whom it is told: the row of the export.
#[derive(Debug)]
struct Told {
    operator: Operator,
    accounts: Accounts,
    tenant: TenantId,
    id: Uuid,
    attempt: i64,
    began: OffsetDateTime,
}

#[derive(Debug)]
pub(crate) struct Progress {
    told: Option<Told>,
    done: u64,
    began: Instant,
    last: Instant,
}

impl Progress {
    /// For what is made at once and watched by nobody.
    pub(crate) fn unwatched() -> Self {
        Self { told: None, done: 0, began: Instant::now(), last: Instant::now() }
    }

    pub(crate) fn of(
        operator: &Operator,
        accounts: &Accounts,
        tenant: TenantId,
        (id, attempt): (Uuid, i64),
        began: OffsetDateTime,
    ) -> Self {
        let told = Told { operator: operator.clone(), accounts: accounts.clone(), tenant, id, attempt, began };
        Self { told: Some(told), ..Self::unwatched() }
    }

    /// So many rows more.
    ///
    /// # Errors
    /// [`ExportError::Stopped`] when somebody else took it over, or it was removed.
    pub(crate) async fn on(&mut self, rows: u64) -> Result<(), ExportError> {
        self.done += rows;
        if self.last.elapsed() >= EVERY { self.tell().await } else { Ok(()) }
    }

    async fn tell(&mut self) -> Result<(), ExportError> {
        self.last = Instant::now();
        let Some(told) = &self.told else { return Ok(()) };
        let now = told.began + self.began.elapsed();
        let sealer = told.accounts.sealer(told.tenant, &Origin::of_program()).await?;
        let change = told.operator.begin_in(told.tenant, Actor::System, sealer).await?;
        let set = export::Entity::update_many()
            .col_expr(export::Column::DoneRows, Expr::value(i64::try_from(self.done).unwrap_or(i64::MAX)))
            .col_expr(export::Column::BeatAtMs, Expr::value(Some(to_ms(now))))
            .filter(export::Column::Id.eq(told.id))
            .filter(export::Column::Attempt.eq(told.attempt))
            .filter(export::Column::State.eq(state::RUNNING));
        if change.update(set).await? == 0 {
            return Err(ExportError::Stopped);
        }
        Ok(change.commit_housekeeping().await?)
    }
}
