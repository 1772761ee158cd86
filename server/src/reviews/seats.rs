//! The same for the vendor's own staff: every seat is looked at anew, by somebody else, and what is not needed is taken away. The rules are those
//! of organisations; there are few seats, so each is a row and an entry of its own.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::cadence::{REMINDERS, lead};
use super::campaigns::Counts;
use super::decide::Verdict;
use super::rules::{Barred, Decider, Known, Subject, UNUSED, advice, mailbox, of_silence};
use super::words::{Advice, Decision, Kind, Reason, Silence, State, Status};
use super::{form, no_item, no_review};
use crate::audit::{self, Event};
use crate::clock::{from_ms, to_ms};
use crate::crypto::hex;
use crate::entity::{account, seat_review, seat_review_item, totp};
use crate::guard::{Operator, PlatformChange, Staff};
use crate::identity::{Accounts, Refusal};
use crate::mail::{Letter, ReviewNews, queue};
use crate::operators;
use crate::organisations::{members, names};

#[derive(Clone, Copy, Debug, Default)]
pub struct SeatForm<'a> {
    pub name: &'a str,
    /// The last day, as 2026-12-31.
    pub due: &'a str,
    pub silence: &'a str,
}

/// One review of the seats.
#[derive(Clone, Debug)]
pub struct SeatReview {
    pub id: Uuid,
    pub name: String,
    pub status: Status,
    pub silence: Silence,
    pub by_itself: bool,
    pub opened: OffsetDateTime,
    pub due: OffsetDateTime,
    pub closed: Option<OffsetDateTime>,
    pub overdue: bool,
    pub counts: Counts,
    pub population_sha256: String,
}

/// One seat, and what was decided about it.
#[derive(Clone, Debug)]
pub struct SeatItem {
    pub id: Uuid,
    pub review: Uuid,
    pub account: Uuid,
    pub who: String,
    pub address: String,
    pub granted_at: OffsetDateTime,
    pub last_used: Option<OffsetDateTime>,
    pub second_factor: bool,
    pub previous: Option<Decision>,
    pub recommendation: Advice,
    pub reason: Reason,
    pub decision: Option<Decision>,
    pub decided_by: Option<String>,
    pub decided_at: Option<OffsetDateTime>,
    pub note: Option<String>,
    pub silent: bool,
    pub state: State,
    pub may_decide: Result<(), Barred>,
}

fn name_place(review: Uuid) -> String {
    format!("seat-review/{review}/name")
}

fn note_place(item: Uuid) -> String {
    format!("seat-review-item/{item}/note")
}

/// Opens a review of every seat. Its id.
///
/// # Errors
/// [`Refusal::Field`] with what does not fit; [`Refusal::Conflict`] while one is open.
pub async fn open(
    staff: &Staff,
    accounts: &Accounts,
    form: &SeatForm<'_>,
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let name = members::short("name", form.name)?;
    let silence = form::choice("silence", form.silence, Silence::Keep, Silence::parse)?;
    let due = form::due(accounts, form.due, now)?;
    begin(&staff.operator(), accounts, (&name, silence, due), (staff.account.0, "hand"), now).await
}

async fn begin(
    operator: &Operator,
    accounts: &Accounts,
    (name, silence, due): (&str, Silence, OffsetDateTime),
    (by, origin): (Uuid, &str),
    now: OffsetDateTime,
) -> Result<Uuid, Refusal> {
    let change = operator.begin().await?;
    let open = seat_review::Entity::find().filter(seat_review::Column::State.eq(Status::Open.word()));
    if change.count(open).await? > 0 {
        return Err(Refusal::Conflict("A review of the seats is open already. Close that first.".into()));
    }
    let id = Uuid::now_v7();
    let items = seats(&change, id, now).await?;
    let mut digest = Sha256::new();
    for item in &items {
        let last = item.last_used_ms.map_or_else(|| "-".to_owned(), |at| at.to_string());
        digest
            .update(format!("{}\t{}\t{}\t{last}\t{}\n", item.id, item.account_id, item.granted_at_ms, item.has_factor));
    }
    let review = seat_review::Model {
        id,
        name: accounts.vault.seal(&name_place(id), name.as_bytes())?,
        silence: silence.word().to_owned(),
        state: Status::Open.word().to_owned(),
        origin: origin.to_owned(),
        made_by: by,
        opened_at_ms: to_ms(now),
        due_at_ms: to_ms(due),
        closed_at_ms: None,
        closed_by: None,
        items: i64::try_from(items.len()).unwrap_or(i64::MAX),
        population_sha256: hex(&digest.finalize()),
        reminded: 0,
        escalated_at_ms: None,
    };
    let news = letter(accounts, &review, ReviewNews::Opened);
    let number = items.len();
    change.insert(review.into_active_model().reset_all()).await?;
    change.insert_many(items.into_iter().map(|item| item.into_active_model().reset_all()).collect()).await?;
    tell(&change, accounts, &news, now).await?;
    change.commit(Event::SeatReviewOpened { review: id, items: number }, now).await?;
    accounts.bell.notify_one();
    Ok(id)
}

/// Every seat as it is found.
async fn seats(
    change: &PlatformChange,
    review: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<seat_review_item::Model>, Refusal> {
    let held = change.all(operators::holders().order_by_asc(account::Column::Id)).await?;
    let factors = totp::Entity::find().filter(totp::Column::AccountId.is_in(held.iter().map(|row| row.id)));
    let factors: Vec<Uuid> = change.all(factors).await?.into_iter().map(|row| row.account_id).collect();
    let before = seat_review::Entity::find()
        .filter(seat_review::Column::ClosedAtMs.is_not_null())
        .order_by_desc(seat_review::Column::ClosedAtMs);
    let before = match change.one(before).await? {
        None => Vec::new(),
        Some(last) => {
            change.all(seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(last.id))).await?
        }
    };
    let item = |row: account::Model| {
        let used = row.seen_at_ms.unwrap_or(row.created_at_ms);
        let known = Known {
            orphaned: false,
            over: false,
            unused: used < to_ms(now - UNUSED),
            privileged: true,
            has_factor: factors.contains(&row.id),
        };
        let (recommended, reason) = advice(known);
        seat_review_item::Model {
            id: Uuid::now_v7(),
            review_id: review,
            account_id: row.id,
            granted_at_ms: row.created_at_ms,
            last_used_ms: row.seen_at_ms,
            has_factor: known.has_factor.into(),
            previous: before.iter().find(|past| past.account_id == row.id).and_then(|past| past.decision.clone()),
            advice: recommended.word().to_owned(),
            reason: reason.word().to_owned(),
            decision: None,
            decided_by: None,
            decided_at_ms: None,
            note: None,
            silent: 0,
            state: State::Pending.word().to_owned(),
        }
    };
    Ok(held.into_iter().map(item).collect())
}

fn letter(accounts: &Accounts, row: &seat_review::Model, news: ReviewNews) -> Letter {
    Letter::Review {
        news,
        organisation: accounts.profile.name.clone(),
        name: name(accounts, row),
        due: from_ms(row.due_at_ms),
        page: accounts.link(&format!("/operator/reviews/{}", row.id)),
    }
}

fn name(accounts: &Accounts, row: &seat_review::Model) -> String {
    let plain = accounts.vault.open_sealed(&name_place(row.id), &row.name);
    plain.map(|plain| String::from_utf8_lossy(&plain).into_owned()).unwrap_or_default()
}

/// To everybody who holds a seat: all of them answer for it.
async fn tell(
    change: &PlatformChange,
    accounts: &Accounts,
    letter: &Letter,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    for row in change.all(operators::holders()).await? {
        queue::put(change, accounts, &names::open(accounts, &row).address, letter, now).await?;
    }
    Ok(())
}

/// The reviews of the seats, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn campaigns(staff: &Staff, accounts: &Accounts, now: OffsetDateTime) -> Result<Vec<SeatReview>, Refusal> {
    let rows = staff.all(seat_review::Entity::find().order_by_desc(seat_review::Column::OpenedAtMs)).await?;
    let mut all = Vec::new();
    for row in rows {
        let items = seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(row.id));
        all.push(shown(accounts, &row, &staff.all(items).await?, now));
    }
    Ok(all)
}

fn shown(
    accounts: &Accounts,
    row: &seat_review::Model,
    items: &[seat_review_item::Model],
    now: OffsetDateTime,
) -> SeatReview {
    let decided = |decision: Decision| {
        items.iter().filter(|item| item.decision.as_deref() == Some(decision.word())).count() as u64
    };
    let state = |state: State| items.iter().filter(|item| item.state == state.word()).count() as u64;
    let status = Status::stored(&row.state);
    SeatReview {
        id: row.id,
        name: name(accounts, row),
        status,
        silence: Silence::stored(&row.silence),
        by_itself: row.origin == "cadence",
        opened: from_ms(row.opened_at_ms),
        due: from_ms(row.due_at_ms),
        closed: row.closed_at_ms.map(from_ms),
        overdue: status == Status::Open && row.due_at_ms < to_ms(now),
        counts: Counts {
            items: items.len() as u64,
            pending: state(State::Pending),
            keep: decided(Decision::Keep),
            revoke: decided(Decision::Revoke),
            change: 0,
            applied: state(State::Applied),
            gone: state(State::Gone),
            changed: state(State::Changed),
        },
        population_sha256: row.population_sha256.clone(),
    }
}

/// One review with its seats. `None`: there is no such review.
///
/// # Errors
/// When the database does not answer.
pub async fn campaign(
    staff: &Staff,
    accounts: &Accounts,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<(SeatReview, Vec<SeatItem>)>, Refusal> {
    let Some(row) = staff.all(seat_review::Entity::find_by_id(id)).await?.into_iter().next() else { return Ok(None) };
    let items = seat_review_item::Entity::find()
        .filter(seat_review_item::Column::ReviewId.eq(id))
        .order_by_asc(seat_review_item::Column::Id);
    let items = staff.all(items).await?;
    let ids = items.iter().flat_map(|item| [Some(item.account_id), item.decided_by]).flatten().chain([staff.account.0]);
    let people = staff.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    let people = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let review = shown(accounts, &row, &items, now);
    let decider = decider(accounts, staff, &people, &items);
    let items = items.into_iter().map(|item| described(accounts, &people, &decider, &row, item)).collect();
    Ok(Some((review, items)))
}

type People = std::collections::BTreeMap<Uuid, names::Named>;

fn decider(accounts: &Accounts, staff: &Staff, people: &People, items: &[seat_review_item::Model]) -> Decider {
    let own = staff.account.0;
    let judges = items.iter().filter(|item| item.account_id == own).filter_map(|item| item.decided_by);
    Decider {
        account: own,
        mailbox: people.get(&own).map(|named| mailbox(&named.address)).unwrap_or_default(),
        judges: judges.collect(),
        mutual: accounts.profile.policy.reviews.mutual,
        ..Decider::default()
    }
}

fn described(
    accounts: &Accounts,
    people: &People,
    decider: &Decider,
    review: &seat_review::Model,
    row: seat_review_item::Model,
) -> SeatItem {
    let note = row.note.as_deref().and_then(|sealed| accounts.vault.open_sealed(&note_place(row.id), sealed).ok());
    let address = people.get(&row.account_id).map(|named| named.address.clone()).unwrap_or_default();
    SeatItem {
        may_decide: may(decider, review, &row, &address),
        id: row.id,
        review: row.review_id,
        account: row.account_id,
        who: names::called(people, row.account_id),
        address,
        granted_at: from_ms(row.granted_at_ms),
        last_used: row.last_used_ms.map(from_ms),
        second_factor: row.has_factor != 0,
        previous: row.previous.as_deref().map(Decision::stored),
        recommendation: Advice::stored(&row.advice),
        reason: Reason::stored(&row.reason),
        decision: row.decision.as_deref().map(Decision::stored),
        decided_by: row.decided_by.map(|id| names::called(people, id)),
        decided_at: row.decided_at_ms.map(from_ms),
        note: note.map(|plain| String::from_utf8_lossy(&plain).into_owned()),
        silent: row.silent != 0,
        state: State::stored(&row.state),
    }
}

fn may(
    decider: &Decider,
    review: &seat_review::Model,
    row: &seat_review_item::Model,
    address: &str,
) -> Result<(), Barred> {
    if review.state != Status::Open.word() {
        return Err(Barred::NotOpen);
    }
    match State::stored(&row.state) {
        State::Pending | State::Decided => {}
        State::Applied | State::Gone | State::Changed => return Err(Barred::Done),
    }
    decider.stands_apart(&Subject { account: Some(row.account_id), mailbox: Some(&mailbox(address)) })
}

/// Decides about one seat. A revoke takes it away with this: the account is disabled, and its sessions are over.
///
/// # Errors
/// [`Refusal::Conflict`] when the rules do not let this person decide, or somebody else has decided meanwhile; [`Refusal::Field`] without a
/// reason, which every seat needs.
pub async fn decide(
    staff: &Staff,
    accounts: &Accounts,
    (item, decision): (&str, &str),
    note: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    let verdict = Verdict::parse(decision, None, note)?;
    verdict.fits(Kind::Seat)?;
    verdict.explains(true)?;
    let id: Uuid = item.parse().map_err(|_| no_item())?;
    // A change of the platform is alone: nobody else is at it.
    let change = staff.begin_platform().await?;
    let row = change.one(seat_review_item::Entity::find_by_id(id)).await?.ok_or_else(no_item)?;
    let review = change.one(seat_review::Entity::find_by_id(row.review_id)).await?.ok_or_else(no_review)?;
    let all = seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(review.id));
    let all = change.all(all).await?;
    let ids = [row.account_id, staff.account.0].into_iter().chain(row.decided_by);
    let people = change.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
    let people: People = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
    let address = people.get(&row.account_id).map(|named| named.address.clone()).unwrap_or_default();
    let own = staff.account.0;
    if let Some(other) = row.decided_by.filter(|other| *other != own) {
        let said = row.decision.as_deref().map(Decision::stored).map_or("", Decision::said);
        let who = names::called(&people, other);
        return Err(Refusal::Conflict(format!(
            "{who} decided this: {}. Nothing was changed by you.",
            said.to_lowercase()
        )));
    }
    may(&decider(accounts, staff, &people, &all), &review, &row, &address)?;
    let sealed =
        verdict.note.as_deref().map(|note| accounts.vault.seal(&note_place(id), note.as_bytes())).transpose()?;
    let revoked = verdict.decision == Decision::Revoke;
    let state = if revoked { State::Applied } else { State::Decided };
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(Some(verdict.decision.word())))
        .col_expr(seat_review_item::Column::DecidedBy, Expr::value(Some(own)))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::Note, Expr::value(sealed))
        .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
        .filter(seat_review_item::Column::Id.eq(id));
    change.update(set).await?;
    let decided = Event::SeatDecided { item: id, operator: own, decision: verdict.decision.word() };
    if revoked {
        audit::append(&change, staff.operator().name(), &decided, now).await?;
        operators::take_away(&change, row.account_id, now).await?;
        change.commit(Event::OperatorRemoved { operator: row.account_id }, now).await?;
    } else {
        change.commit(decided, now).await?;
    }
    Ok(())
}

/// Closes a review of the seats: silence is heard, and what is has to equal what was decided.
///
/// # Errors
/// [`Refusal::Conflict`] when it is not open, or a seat that was taken away is held again.
pub async fn close(staff: &Staff, accounts: &Accounts, review: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let id: Uuid = review.parse().map_err(|_| no_review())?;
    let change = staff.begin_platform().await?;
    let row = change.one(seat_review::Entity::find_by_id(id)).await?.ok_or_else(no_review)?;
    if row.state != Status::Open.word() {
        return Err(Refusal::Conflict("This review is not open, so it cannot be closed.".into()));
    }
    let held: Vec<Uuid> = change.all(operators::holders()).await?.into_iter().map(|row| row.id).collect();
    let items = change.all(seat_review_item::Entity::find().filter(seat_review_item::Column::ReviewId.eq(id))).await?;
    let name = staff.operator();
    for item in items {
        let there = held.contains(&item.account_id);
        let state = match State::stored(&item.state) {
            State::Applied if there => {
                return Err(Refusal::Conflict(
                    "A seat that was taken away is held again. Take it away, then close.".into(),
                ));
            }
            State::Pending | State::Decided if !there => State::Gone,
            State::Pending => silence(&change, name.name(), accounts, &row, &item, staff.account.0, now).await?,
            other @ (State::Decided | State::Applied | State::Gone | State::Changed) => other,
        };
        let set = seat_review_item::Entity::update_many()
            .col_expr(seat_review_item::Column::State, Expr::value(state.word()))
            .filter(seat_review_item::Column::Id.eq(item.id));
        change.update(set).await?;
    }
    let set = seat_review::Entity::update_many()
        .col_expr(seat_review::Column::State, Expr::value(Status::Closed.word()))
        .col_expr(seat_review::Column::ClosedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review::Column::ClosedBy, Expr::value(Some(staff.account.0)))
        .filter(seat_review::Column::Id.eq(id));
    change.update(set).await?;
    Ok(change.commit(Event::SeatReviewClosed { review: id }, now).await?)
}

/// What silence says of one seat, done. It never takes the seat of whoever closes.
async fn silence(
    change: &PlatformChange,
    actor: &str,
    _accounts: &Accounts,
    review: &seat_review::Model,
    item: &seat_review_item::Model,
    closer: Uuid,
    now: OffsetDateTime,
) -> Result<State, Refusal> {
    let said = of_silence(Silence::stored(&review.silence), Advice::stored(&item.advice));
    let decision = if item.account_id == closer { Decision::Keep } else { said };
    let set = seat_review_item::Entity::update_many()
        .col_expr(seat_review_item::Column::Decision, Expr::value(Some(decision.word())))
        .col_expr(seat_review_item::Column::DecidedAtMs, Expr::value(Some(to_ms(now))))
        .col_expr(seat_review_item::Column::Silent, Expr::value(1_i32))
        .filter(seat_review_item::Column::Id.eq(item.id));
    change.update(set).await?;
    if decision != Decision::Revoke {
        return Ok(State::Decided);
    }
    operators::take_away(change, item.account_id, now).await?;
    audit::append(change, actor, &Event::OperatorRemoved { operator: item.account_id }, now).await?;
    Ok(State::Applied)
}

/// By when the seats have to have been reviewed again. `None`: nothing is promised, or nobody holds one.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn due_by(operator: &Operator, accounts: &Accounts) -> Result<Option<OffsetDateTime>, Refusal> {
    let Some(days) = accounts.profile.policy.reviews.operator_days else { return Ok(None) };
    let held = operator.all(operators::holders()).await?;
    let Some(first) = held.iter().map(|row| row.created_at_ms).min() else { return Ok(None) };
    let closed =
        operator.all(seat_review::Entity::find().filter(seat_review::Column::ClosedAtMs.is_not_null())).await?;
    let last = closed.iter().filter_map(|row| row.closed_at_ms).max().unwrap_or(first);
    Ok(Some(from_ms(last) + Duration::days(days.get().into())))
}

/// What happens by the clock: a review opens itself when it is time, and everybody is reminded. How many letters' worth of news that was.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn round(operator: &Operator, accounts: &Accounts, now: OffsetDateTime) -> Result<usize, Refusal> {
    let Some(days) = accounts.profile.policy.reviews.operator_days else { return Ok(0) };
    let open =
        operator.all(seat_review::Entity::find().filter(seat_review::Column::State.eq(Status::Open.word()))).await?;
    if let Some(row) = open.first() {
        return Ok(usize::from(remind(operator, accounts, row, now).await?));
    }
    let Some(due) = due_by(operator, accounts).await?.filter(|due| now >= *due - lead(days)) else { return Ok(0) };
    let due = if due > now + Duration::DAY { due } else { now + lead(days).max(Duration::DAY) };
    let name = format!("Seats of {} {}", due.month(), due.year());
    match begin(operator, accounts, (&name, Silence::Keep, due), (Uuid::nil(), "cadence"), now).await {
        Ok(_) => Ok(1),
        // Another instance was quicker.
        Err(Refusal::Conflict(_)) => Ok(0),
        Err(other) => Err(other),
    }
}

async fn remind(
    operator: &Operator,
    accounts: &Accounts,
    row: &seat_review::Model,
    now: OffsetDateTime,
) -> Result<bool, Refusal> {
    let left = from_ms(row.due_at_ms) - now;
    let due = REMINDERS.iter().filter(|days| left <= Duration::days(**days)).count() + usize::from(left.is_negative());
    let due = i32::try_from(due).unwrap_or(0);
    if due <= row.reminded {
        return Ok(false);
    }
    let change = operator.begin_account().await?;
    let set = seat_review::Entity::update_many()
        .col_expr(seat_review::Column::Reminded, Expr::value(due))
        .filter(seat_review::Column::Id.eq(row.id))
        .filter(seat_review::Column::Reminded.eq(row.reminded));
    if change.update(set).await? != 1 {
        return Ok(false);
    }
    let pending = seat_review_item::Entity::find()
        .filter(seat_review_item::Column::ReviewId.eq(row.id))
        .filter(seat_review_item::Column::Decision.is_null());
    let pending = change.count(pending).await?;
    let news = if left.is_negative() { ReviewNews::Overdue } else { ReviewNews::Reminder { left: pending } };
    for person in change.all(operators::holders()).await? {
        queue::put(&change, accounts, &names::open(accounts, &person).address, &letter(accounts, row, news), now)
            .await?;
    }
    change.commit_housekeeping().await?;
    accounts.bell.notify_one();
    Ok(true)
}
