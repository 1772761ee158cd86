//! The end of a large organisation: closed, its time over, and purged.

use std::time::{Duration, Instant};

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{BIG, Crowd};
use crate::clock::to_ms;
use crate::entity::organisation;
use crate::identity::Refusal;

/// How long the server may take for it.
const PATIENCE: Duration = Duration::from_mins(10);

impl Crowd {
    /// Closes the big organisation as if that had been long enough ago, and waits until a server that runs on the same database has destroyed it:
    /// the time that takes, from the second in which it is due to its certificate.
    ///
    /// # Errors
    /// When it is not gone after ten minutes.
    pub async fn purge(&self) -> Result<Duration, Refusal> {
        let change = self.operator.begin_account().await?;
        let closed = organisation::Entity::update_many()
            .col_expr(organisation::Column::Standing, Expr::value(Standing::Cancelled.word()))
            .col_expr(organisation::Column::ClosedAtMs, Expr::value(Some(to_ms(self.now))))
            .col_expr(organisation::Column::PurgeAtMs, Expr::value(Some(to_ms(self.now))))
            .filter(organisation::Column::Slug.eq(BIG));
        change.update(closed).await?;
        change.commit_housekeeping().await?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let left = organisation::Entity::find().filter(organisation::Column::Slug.eq(BIG));
            if self.operator.all(left).await?.is_empty() {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(Refusal::Conflict("it is still there; does a server run on this database?".into()))
    }
}
