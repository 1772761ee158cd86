//! The end of a large organisation: closed, its time over, and purged.

use std::time::{Duration, Instant};

use contract::standing::Standing;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{BIG, Crowd};
use crate::clock::to_ms;
use crate::entity::organisation;
use crate::identity::Refusal;
use crate::retention;

impl Crowd {
    /// Closes the big organisation as if that had been long enough ago, and does what is due then: the time that takes.
    ///
    /// # Errors
    /// When it is not gone afterwards.
    pub async fn purge(&self) -> Result<Duration, Refusal> {
        let big = organisation::Column::Slug.eq(BIG);
        let change = self.operator.begin_account().await?;
        let closed = organisation::Entity::update_many()
            .col_expr(organisation::Column::Standing, Expr::value(Standing::Cancelled.word()))
            .col_expr(organisation::Column::ClosedAtMs, Expr::value(Some(to_ms(self.now))))
            .col_expr(organisation::Column::PurgeAtMs, Expr::value(Some(to_ms(self.now))))
            .filter(big);
        change.update(closed).await?;
        change.commit_housekeeping().await?;
        let began = Instant::now();
        let round = retention::due(&self.operator, &self.accounts, self.now).await?;
        let took = began.elapsed();
        if round.purged == 1 && round.broken == 0 { Ok(took) } else { Err(Refusal::Conflict(format!("{round:?}"))) }
    }
}
