//! What is due in an organisation by the clock, from few numbers asked for at once: most of the time nothing is.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use time::{Duration, OffsetDateTime};

use super::leaving;
use crate::audit::heads;
use crate::clock::from_ms;
use crate::entity::{act, departure, entry, export, help_grant, log_head, organisation, outbox, review, signed_head};
use crate::exports::work;
use crate::guard::{Counted, Operator, Question, TenantId};
use crate::identity::{Accounts, Refusal};
use crate::registers::imports;
use crate::reviews::Status;
use crate::reviews::cadence;

/// Of each kind of work, from when on it is due; nothing where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub delivery: Option<OffsetDateTime>,
    pub departures: Option<OffsetDateTime>,
    pub imports: Option<OffsetDateTime>,
    pub help: Option<OffsetDateTime>,
    pub reviews: Option<OffsetDateTime>,
    pub tallies: Option<OffsetDateTime>,
    pub pruning: Option<OffsetDateTime>,
    pub exports: Option<OffsetDateTime>,
    pub signing: Option<OffsetDateTime>,
}

impl Due {
    /// From when on there is something to do again. What has been counted now is counted.
    pub(crate) fn next_after(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let Self { delivery, departures, imports, help, reviews, tallies: _, pruning, exports, signing } = *self;
        let all = [delivery, departures, imports, help, reviews, pruning, exports, signing];
        all.into_iter().flatten().map(|at| at.max(now)).min()
    }

    /// Asks once. With it comes what a count made now would have seen.
    pub(crate) async fn look(
        operator: &Operator,
        accounts: &Accounts,
        row: &organisation::Model,
        now: OffsetDateTime,
    ) -> Result<(Self, Counted), Refusal> {
        let tenant = TenantId(row.id);
        let planned = departure::Entity::find().filter(departure::Column::DoneAtMs.is_null());
        let helped = help_grant::Entity::find().filter(help_grant::Column::EndedAtMs.is_null());
        let oldest = entry::Entity::find().order_by_asc(entry::Column::Seq);
        let questions = vec![
            Question::any(tenant, outbox::Entity::find()),
            Question::first(tenant, planned, departure::Column::AtMs),
            Question::any(tenant, leaving::lately_left(now)),
            Question::first(tenant, imports::unfinished(), act::Column::TouchedAtMs),
            Question::first(tenant, helped, help_grant::Column::EndsAtMs),
            Question::any(tenant, review::Entity::find().filter(review::Column::State.eq(Status::Open.word()))),
            Question::last(tenant, cadence::of_all(), review::Column::ClosedAtMs),
            Question::column(tenant, oldest.clone(), entry::Column::AtMs),
            Question::column(tenant, oldest, entry::Column::Seq),
            Question::any(tenant, export::Entity::find().filter(work::unmade())),
            Question::first(tenant, export::Entity::find().filter(work::lying_ready()), export::Column::ExpiresAtMs),
            Question::column(tenant, log_head::Entity::find(), log_head::Column::Seq),
            Question::column(tenant, heads::newest(), signed_head::Column::Seq),
            Question::column(tenant, heads::newest(), signed_head::Column::AtMs),
        ];
        let [
            waiting,
            departure,
            left,
            import,
            help,
            open,
            closed,
            oldest,
            begins,
            unmade,
            over,
            end,
            signed,
            signed_at,
        ] = operator.view(tenant).await?.answers(questions).await?[..]
        else {
            return Err(Refusal::Conflict("as many answers as questions".to_owned()));
        };
        let retention = Duration::days(accounts.profile.policy.retention.audit_days.get().into());
        let counted = Counted { end: end.unwrap_or(0), hour: now.unix_timestamp().div_euclid(3600) };
        let due = Self {
            delivery: waiting.map(|_| now),
            departures: left.map(|_| now).or(departure.map(from_ms)),
            imports: import.map(|at| from_ms(at) + imports::SILENT),
            help: help.map(from_ms),
            reviews: cadence::next(accounts, row, open.is_some(), closed, now),
            tallies: (operator.counted(tenant) != Some(counted)).then_some(now),
            // The newest entry stays however old it is.
            pruning: oldest.filter(|_| begins < end).map(|at| from_ms(at) + retention + Duration::MILLISECOND),
            exports: unmade.map(|_| now).or(over.map(from_ms)),
            signing: (end > signed).then(|| signed_at.map_or(now, |at| from_ms(at) + heads::SIGN_EVERY)),
        };
        Ok((due, counted))
    }
}
