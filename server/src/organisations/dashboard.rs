//! What an organisation looks like today: first what needs doing, then the picture. A handful of statements, whatever the size.

use contract::permission::Permission;
use contract::standing::Standing;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::{Date, Duration, OffsetDateTime};

use super::members::{self, Counts};
use super::upkeep::day_of;
use crate::audit::log::Action;
use crate::audit::view::{self, Line};
use crate::clock::{from_ms, to_ms};
use crate::entity::{departure, entry, help_grant, invitation, tally};
use crate::guard::{Allowed, TenantDb, rights};
use crate::identity::{Accounts, Refusal};
use crate::reviews;

/// Days of the pictures.
const DAYS: i32 = 30;

/// How many of the newest events are shown.
const NEWEST: u64 = 8;

/// Something with a date.
#[derive(Clone, Debug)]
pub struct Deadline {
    pub at: OffsetDateTime,
    pub what: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Departure,
    HelpEnds,
    InvitationEnds,
    StandingEnds,
}

/// Everything that the page shows.
#[derive(Clone, Debug)]
pub struct Dashboard {
    pub pending: u64,
    pub counts: Counts,
    pub standing: Standing,
    pub standing_until: Option<OffsetDateTime>,
    pub deadlines: Vec<Deadline>,
    pub sign_ins: Vec<(Date, u64)>,
    pub coverage: Vec<(Date, u64, u64)>,
    pub newest: Vec<Line>,
    /// What the reader is asked to decide about in access reviews.
    pub reviews: Option<Reviews>,
}

/// Decisions that wait for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reviews {
    pub items: u64,
    /// The next last day, and the review that it is of.
    pub due: OffsetDateTime,
    pub review: uuid::Uuid,
}

/// Reads it in one consistent view. What the reader may not see is not read.
///
/// # Errors
/// When the database does not answer.
pub async fn read(
    reader: &Allowed<rights::OrganisationRead>,
    accounts: &Accounts,
    now: OffsetDateTime,
) -> Result<Dashboard, Refusal> {
    let here = reader.here();
    let view = reader.read().await?;
    let sees_members = here.permissions.contains(&Permission::MembersRead);
    let (pending, counts, deadlines) = if sees_members {
        (
            view.count(invitation::Entity::find()).await?,
            members::counts(&view, accounts).await?,
            deadlines(&view, here.standing_until.filter(|_| here.standing.runs_out())).await?,
        )
    } else {
        (0, Counts::default(), Vec::new())
    };
    let tallies = if sees_members { tallies(&view, day_of(now)).await? } else { Vec::new() };
    let signed_in_today = if sees_members { signed_in_on(&view, day_of(now)).await? } else { 0 };
    let newest = if here.permissions.contains(&Permission::AuditRead) {
        view::newest(&view, accounts, NEWEST).await?
    } else {
        Vec::new()
    };
    let reviews = reviews::waiting(&view, accounts, reader).await?;
    let (mut sign_ins, coverage) = pictures(&tallies, &counts, day_of(now));
    // The day that goes on is counted live: whoever has just come in is in the picture.
    if let Some((_, today)) = sign_ins.last_mut() {
        *today = signed_in_today;
    }
    Ok(Dashboard {
        pending,
        counts,
        standing: here.standing,
        standing_until: here.standing_until,
        deadlines,
        sign_ins,
        coverage,
        newest,
        reviews: reviews.map(|(items, due, review)| Reviews { items, due, review }),
    })
}

async fn tallies(view: &TenantDb, today: i32) -> Result<Vec<tally::Model>, Refusal> {
    let wanted = tally::Entity::find()
        .filter(tally::Column::Day.gt(today - DAYS))
        .filter(tally::Column::What.is_in(["members", "enrolled", "signed-in"]))
        .order_by_asc(tally::Column::Day);
    Ok(view.all(wanted).await?)
}

/// How many sign-ins the day has so far. Two looks into an index, whatever the length of the log.
async fn signed_in_on(view: &TenantDb, day: i32) -> Result<u64, Refusal> {
    let begins = OffsetDateTime::UNIX_EPOCH + Duration::days(day.into());
    let first = entry::Entity::find()
        .filter(entry::Column::AtMs.gte(to_ms(begins)))
        .order_by_asc(entry::Column::AtMs)
        .order_by_asc(entry::Column::Seq)
        .limit(1);
    let Some(first) = view.one(first).await? else { return Ok(0) };
    let since = entry::Entity::find()
        .filter(entry::Column::Action.eq(Action::SignedIn.word()))
        .filter(entry::Column::Seq.gte(first.seq));
    Ok(view.count(since).await?)
}

type Pictures = (Vec<(Date, u64)>, Vec<(Date, u64, u64)>);

/// Every day has its place, also one of which nothing is known.
fn pictures(tallies: &[tally::Model], counts: &Counts, today: i32) -> Pictures {
    let on = |day: i32, what: &str| {
        let row = tallies.iter().find(|row| row.day == day && row.what == what);
        row.map(|row| u64::try_from(row.count).unwrap_or(0))
    };
    let date = |day: i32| (OffsetDateTime::UNIX_EPOCH + Duration::days(day.into())).date();
    let days = today - DAYS + 1..=today;
    let sign_ins = days.clone().map(|day| (date(day), on(day, "signed-in").unwrap_or(0))).collect();
    let past = days.clone().filter(|day| *day < today);
    let mut coverage: Vec<_> =
        past.filter_map(|day| Some((date(day), on(day, "enrolled")?, on(day, "members")?))).collect();
    if counts.members > 0 {
        coverage.push((date(today), counts.enrolled, counts.members));
    }
    (sign_ins, coverage)
}

/// The next five things with a date.
async fn deadlines(view: &TenantDb, standing: Option<OffsetDateTime>) -> Result<Vec<Deadline>, Refusal> {
    let departures = departure::Entity::find()
        .filter(departure::Column::DoneAtMs.is_null())
        .order_by_asc(departure::Column::AtMs)
        .limit(5);
    let help = help_grant::Entity::find()
        .filter(help_grant::Column::EndedAtMs.is_null())
        .order_by_asc(help_grant::Column::EndsAtMs)
        .limit(5);
    let invitations = invitation::Entity::find().order_by_asc(invitation::Column::EndsAtMs).limit(5);
    let due = |ms: i64, what: Due| Deadline { at: from_ms(ms), what };
    let mut all: Vec<Deadline> = Vec::new();
    all.extend(view.all(departures).await?.iter().map(|row| due(row.at_ms, Due::Departure)));
    all.extend(view.all(help).await?.iter().map(|row| due(row.ends_at_ms, Due::HelpEnds)));
    all.extend(view.all(invitations).await?.iter().map(|row| due(row.ends_at_ms, Due::InvitationEnds)));
    all.extend(standing.map(|at| due(to_ms(at), Due::StandingEnds)));
    all.sort_by_key(|deadline| deadline.at);
    all.truncate(5);
    Ok(all)
}
