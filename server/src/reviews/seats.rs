//! The same for the vendor's own staff: every seat is looked at anew, by somebody else, and what is not needed is taken away. The rules are those
//! of organisations; there are few seats, so each is a row and an entry of its own.

mod archive;
mod clock;
mod close;
mod decide;
mod drift;
mod noted;
mod report;

pub use self::archive::archive;
pub(crate) use self::clock::{due_by, round};
pub use self::close::close;
pub use self::decide::{decide, undo};
pub use self::drift::{SeatDrift, resolve};
pub use self::report::{SeatReport, report};

use std::collections::BTreeMap;

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use self::noted::Of;
use super::campaigns::Counts;
use super::form;
use super::rules::{self, Barred, Decider, Known, Subject, UNUSED, advice, mailbox};
use super::settled::Settled;
use super::words::{Advice, Decision, Reason, Silence, State, Status};
use crate::audit::Event;
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
    /// What the note was hashed with for the log, in hexadecimal.
    pub note_salt: Option<String>,
    pub silent: bool,
    pub state: State,
    /// What differed from the decision was explained, or was done again.
    pub settled: Option<Settled>,
    pub may_decide: Result<(), Barred>,
}

fn name_place(review: Uuid) -> String {
    format!("seat-review/{review}/name")
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
    let population_sha256 = hex(&Sha256::digest(population(&items)));
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
        population_sha256: population_sha256.clone(),
        reminded: 0,
        escalated_at_ms: None,
    };
    let news = letter(accounts, &review, ReviewNews::Opened);
    let number = items.len();
    change.insert(review.into_active_model().reset_all()).await?;
    change.insert_many(items.into_iter().map(|item| item.into_active_model().reset_all()).collect()).await?;
    tell(&change, accounts, &news, now).await?;
    let opened = Event::SeatReviewOpened { review: id, items: number, population_sha256 };
    change.commit(opened, now).await?;
    accounts.bell.notify_one();
    Ok(id)
}

/// A line for each seat, fields between tabs, an absent one as a hyphen: what is hashed, so that anybody can hash it again.
fn population(items: &[seat_review_item::Model]) -> String {
    let line = |item: &seat_review_item::Model| {
        let last = item.last_used_ms.map_or_else(|| "-".to_owned(), |at| at.to_string());
        format!("{}\t{}\t{}\t{last}\t{}\n", item.id, item.account_id, item.granted_at_ms, item.has_factor)
    };
    items.iter().map(line).collect()
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
        Some(last) => change.all(of_review(last.id)).await?,
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
            note_salt: None,
            silent: 0,
            state: State::Pending.word().to_owned(),
            settled_by: None,
            settled_at_ms: None,
            settled_note: None,
            settled_salt: None,
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
        all.push(shown(accounts, &row, &staff.all(of_review(row.id)).await?, now));
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
            ended: state(State::Ended),
            ended_otherwise: items
                .iter()
                .filter(|item| item.state == State::Gone.word() && item.decision.is_some())
                .count() as u64,
            alone: 0,
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
    let Some(found) = Found::read(staff, accounts, id).await? else { return Ok(None) };
    let review = shown(accounts, &found.row, &found.items, now);
    let items = found.described(staff, accounts);
    Ok(Some((review, items)))
}

/// A review of the seats as it is read: with its items in their order, and everybody whom they name.
struct Found {
    row: seat_review::Model,
    items: Vec<seat_review_item::Model>,
    people: People,
}

impl Found {
    async fn read(staff: &Staff, accounts: &Accounts, id: Uuid) -> Result<Option<Self>, Refusal> {
        let row = staff.all(seat_review::Entity::find_by_id(id)).await?.into_iter().next();
        let Some(row) = row else { return Ok(None) };
        let items = staff.all(of_review(id)).await?;
        let ids = items.iter().flat_map(|item| [Some(item.account_id), item.decided_by, item.settled_by]).flatten();
        let ids = ids.chain([staff.account.0, row.made_by]).chain(row.closed_by);
        let people = staff.all(account::Entity::find().filter(account::Column::Id.is_in(ids))).await?;
        let people = people.iter().map(|row| (row.id, names::open(accounts, row))).collect();
        Ok(Some(Self { row, items, people }))
    }

    fn described(&self, staff: &Staff, accounts: &Accounts) -> Vec<SeatItem> {
        let decider = decider(accounts, staff, &self.people, &self.items);
        self.items.iter().map(|item| described(accounts, &self.people, &decider, &self.row, item)).collect()
    }
}

fn of_review(id: Uuid) -> sea_orm::Select<seat_review_item::Entity> {
    seat_review_item::Entity::find()
        .filter(seat_review_item::Column::ReviewId.eq(id))
        .order_by_asc(seat_review_item::Column::Id)
}

type People = BTreeMap<Uuid, names::Named>;

fn decider(accounts: &Accounts, staff: &Staff, people: &People, items: &[seat_review_item::Model]) -> Decider {
    let boxes: BTreeMap<Uuid, String> = people.iter().map(|(id, named)| (*id, mailbox(&named.address))).collect();
    let whoever = |id: Uuid| Subject { account: Some(id), mailbox: boxes.get(&id).map(String::as_str) };
    let own: rules::People = [whoever(staff.account.0)].into_iter().collect();
    let theirs = items.iter().filter(|item| own.has(&whoever(item.account_id)));
    Decider {
        account: staff.account.0,
        judges: theirs.filter_map(|item| item.decided_by).map(whoever).collect(),
        own,
        mutual: accounts.profile.policy.reviews.mutual,
        ..Decider::default()
    }
}

fn described(
    accounts: &Accounts,
    people: &People,
    decider: &Decider,
    review: &seat_review::Model,
    row: &seat_review_item::Model,
) -> SeatItem {
    let note = noted::read(accounts, row, Of::Decision);
    let address = people.get(&row.account_id).map(|named| named.address.clone()).unwrap_or_default();
    SeatItem {
        may_decide: may(decider, review, row, &address),
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
        note: note.text,
        note_salt: note.salt,
        silent: row.silent != 0,
        state: State::stored(&row.state),
        settled: settled(accounts, people, row),
    }
}

fn settled(accounts: &Accounts, people: &People, row: &seat_review_item::Model) -> Option<Settled> {
    let account = row.settled_by?;
    let reason = noted::read(accounts, row, Of::Difference);
    Some(Settled {
        by: names::called(people, account),
        account,
        at: from_ms(row.settled_at_ms?),
        reason: reason.text.unwrap_or_default(),
        salt: reason.salt,
        ended: None,
    })
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
        State::Applied | State::Gone | State::Changed | State::Ended => return Err(Barred::Done),
    }
    decider.stands_apart(&Subject { account: Some(row.account_id), mailbox: Some(&mailbox(address)) })
}
