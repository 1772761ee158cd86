//! The items of a review, a page at a time, each with what one has to know to decide.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use super::bench::{self, Asked, Bench};
use super::freeze::Found;
use super::hanging::{Along, Hanging};
use super::mine::Mine;
use super::notes::Note;
use super::rules::{Barred, Decider, Subject, mailbox};
use super::settled::Settled;
use super::words::{Advice, Decision, Kind, Reason, State, Status};
use crate::clock::from_ms;
use crate::entity::{account, invitation, review, review_item, review_note, review_vote};
use crate::guard::{Allowed, Reads, Right, TenantDb, TenantId};
use crate::identity::address::Address;
use crate::identity::{Accounts, Refusal, sign_up};
use crate::organisations::names::{self, Named};
use crate::organisations::{invitations, units};
use crate::vault::Keyring;

/// How many items a page shows.
pub const PAGE: u64 = 50;

/// Which items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    pub undecided: bool,
    /// Only what the reader is asked about.
    pub mine: bool,
    pub kind: Option<Kind>,
    pub role: Option<String>,
    pub advice: Option<Advice>,
    pub decision: Option<Decision>,
    /// A whole address, or a role: names are sealed, so parts of them cannot be looked for.
    pub words: Option<String>,
}

/// What was said in an earlier stage.
#[derive(Clone, Debug)]
pub struct Vote {
    pub stage: i32,
    pub decision: Decision,
    pub role: Option<String>,
    pub who: String,
    pub at: OffsetDateTime,
    pub note: Option<String>,
}

/// One grant, and what was decided about it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact about a grant")]
pub struct Item {
    pub id: Uuid,
    pub review: Uuid,
    pub kind: Kind,
    pub account: Option<Uuid>,
    pub who: String,
    /// Empty for somebody who is gone.
    pub address: String,
    pub orphaned: bool,
    pub role: Option<String>,
    /// The unit or the record that somebody is let to.
    pub target: Option<String>,
    /// Its id, or that of the invitation or of the help that was given.
    pub target_id: Option<Uuid>,
    pub privileged: bool,
    pub granted_by: Option<String>,
    pub granted_at: OffsetDateTime,
    pub ends_at: Option<OffsetDateTime>,
    pub last_used: Option<OffsetDateTime>,
    pub second_factor: bool,
    /// How many others have the same role.
    pub peers: u64,
    pub previous: Option<Decision>,
    pub recommendation: Advice,
    pub reason: Reason,
    pub stage: i32,
    pub reviewer: Option<String>,
    pub decision: Option<Decision>,
    pub new_role: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<OffsetDateTime>,
    pub note: Option<String>,
    /// What the note was hashed with for the log, in hexadecimal.
    pub note_salt: Option<String>,
    /// Decided together with others.
    pub bulk: bool,
    /// Decided by nobody, when the review was closed.
    pub silent: bool,
    /// Decided by silence, as there was nobody who could.
    pub alone: bool,
    pub state: State,
    pub settled: Option<Settled>,
    pub votes: Vec<Vote>,
    pub remarks: u64,
    pub along: Along,
    pub may_decide: Result<(), Barred>,
}

/// A page of items, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page {
    pub items: Vec<Item>,
    pub next: Option<Uuid>,
}

/// The items of one review: their ids begin as its own does.
pub(crate) fn of_review(review: Uuid) -> Condition {
    let (first, last) = ids_of(review);
    Condition::all().add(review_item::Column::ReviewId.eq(review)).add(review_item::Column::Id.between(first, last))
}

/// Between which two the ids of a review's items lie, and its own.
pub(crate) fn ids_of(review: Uuid) -> (Uuid, Uuid) {
    let (mut first, mut last) = (*review.as_bytes(), *review.as_bytes());
    first[10..].fill(0);
    last[10..].fill(u8::MAX);
    (Uuid::from_bytes(first), Uuid::from_bytes(last))
}

/// One page of items, in the order in which they were taken down.
///
/// # Errors
/// When the database does not answer. `None`: there is no such review here.
pub async fn items<R: Right>(
    reader: &Allowed<R>,
    accounts: &Accounts,
    review: Uuid,
    narrowing: &Narrowing,
    after: Option<Uuid>,
    _now: OffsetDateTime,
) -> Result<Option<Page>, Refusal> {
    let view = reader.read().await?;
    let Some(row) = view.one(review::Entity::find().filter(review::Column::Id.eq(review))).await? else {
        return Ok(None);
    };
    let bench = Bench::of(&view, accounts, &row).await?;
    let which = narrowed(&view, accounts, &bench, &row, narrowing, reader.account.0).await?;
    let mut rows = review_item::Entity::find().filter(which).order_by_asc(review_item::Column::Id).limit(PAGE + 1);
    if let Some(after) = after {
        rows = rows.filter(review_item::Column::Id.gt(after));
    }
    let mut rows = view.all(rows).await?;
    let more = rows.len() as u64 > PAGE;
    rows.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|last| last.id);
    let items = described(&view, accounts, &bench, &row, rows, Some(reader.account.0)).await?;
    Ok(Some(Page { items, next }))
}

/// The condition that a narrowing stands for.
pub(crate) async fn narrowed(
    rows: &impl Reads,
    accounts: &Accounts,
    bench: &Bench,
    row: &review::Model,
    narrowing: &Narrowing,
    account: Uuid,
) -> Result<Condition, Refusal> {
    let Narrowing { undecided, mine, kind, role, advice, decision, words } = narrowing;
    let mut which = of_review(row.id);
    if *undecided || *mine {
        which = which
            .add(review_item::Column::Decision.is_null())
            .add(review_item::Column::State.eq(State::Pending.word()));
    }
    if *mine {
        which = which.add(Mine::of(rows, accounts, bench, row, account).await?.which());
    }
    which = which
        .add_option(kind.map(|kind| review_item::Column::Kind.eq(kind.word())))
        .add_option(role.as_ref().map(|role| review_item::Column::Role.eq(role)))
        .add_option(advice.map(|advice| review_item::Column::Advice.eq(advice.word())))
        .add_option(decision.map(|decision| review_item::Column::Decision.eq(decision.word())));
    match words.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(which),
        Some(text) => Ok(which.add(said(rows, accounts, text).await?)),
    }
}

/// Whoever has this address, or else whatever has this role.
async fn said(rows: &impl Reads, accounts: &Accounts, text: &str) -> Result<Condition, Refusal> {
    let Ok(address) = Address::parse(text) else {
        return Ok(Condition::all().add(review_item::Column::Role.eq(text)));
    };
    let index = address.index(accounts.vault.hashes());
    let people = rows.people("whose address was typed", sign_up::of_index(&index)).await?;
    let invited = invitation::Entity::find().filter(invitation::Column::AddressIndex.eq(index));
    let invited = rows.rows(invited).await?;
    Ok(Condition::any()
        .add(review_item::Column::AccountId.is_in(people.into_iter().map(|row| row.id)))
        .add(review_item::Column::TargetId.is_in(invited.into_iter().map(|row| row.id))))
}

/// What is read once for a page.
struct Around<'a> {
    ring: std::sync::Arc<Keyring>,
    people: BTreeMap<Uuid, Named>,
    units: BTreeMap<Uuid, String>,
    notes: BTreeMap<Uuid, Note>,
    remarks: BTreeMap<Uuid, u64>,
    votes: Vec<review_vote::Model>,
    found: Found,
    decider: Option<Decider>,
    hanging: Hanging,
    bench: &'a Bench,
    open: bool,
}

/// Items as people read them, by somebody who may be asked about them.
pub(crate) async fn described(
    view: &TenantDb,
    accounts: &Accounts,
    bench: &Bench,
    review: &review::Model,
    rows: Vec<review_item::Model>,
    reader: Option<Uuid>,
) -> Result<Vec<Item>, Refusal> {
    let around = around(view, accounts, bench, review, &rows, reader).await?;
    Ok(rows.into_iter().map(|row| around.describe(row)).collect())
}

async fn around<'a>(
    view: &TenantDb,
    accounts: &Accounts,
    bench: &'a Bench,
    review: &review::Model,
    rows: &[review_item::Model],
    reader: Option<Uuid>,
) -> Result<Around<'a>, Refusal> {
    let ring = accounts.vault.within(view).await?;
    let votes = if review.stages > 1 {
        let ids = review_vote::Column::ItemId.is_in(rows.iter().map(|row| row.id));
        view.all(review_vote::Entity::find().filter(ids)).await?
    } else {
        Vec::new()
    };
    let wanted =
        rows.iter().flat_map(|row| [row.account_id, row.granted_by, row.decided_by, row.reviewer_id, row.settled_by]);
    let wanted: BTreeSet<Uuid> = wanted.flatten().chain(votes.iter().map(|vote| vote.decided_by)).collect();
    let notes: BTreeSet<Uuid> = rows
        .iter()
        .flat_map(|row| [row.note_id, row.settled_note_id])
        .flatten()
        .chain(votes.iter().filter_map(|vote| vote.note_id))
        .collect();
    let items = review_note::Column::ItemId.is_in(rows.iter().map(|row| row.id));
    let which = Condition::any().add(review_note::Column::Id.is_in(notes)).add(items);
    let which = review_note::Entity::find().filter(review_note::Column::ReviewId.eq(review.id)).filter(which);
    let mut remarks = BTreeMap::new();
    let mut notes = BTreeMap::new();
    for note in view.all(which).await? {
        if note.kind == "comment" {
            *remarks.entry(note.item_id.unwrap_or_default()).or_insert(0) += 1;
        } else {
            notes.insert(note.id, Note::open(&ring, &note));
        }
    }
    let people = names::of(view, accounts, wanted).await?;
    let decider = match reader {
        None => None,
        Some(account) => {
            let subjects = rows.iter().map(|row| (row.account_id, box_of(&ring, &people, row)));
            let subjects: Vec<_> = subjects.collect();
            let towards =
                subjects.iter().map(|(account, mailbox)| Subject { account: *account, mailbox: mailbox.as_deref() });
            Some(bench::decider(view, accounts, bench, review, account, &towards.collect()).await?)
        }
    };
    Ok(Around {
        people,
        units: units_of(view, accounts, rows).await?,
        found: review.found.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        open: review.state == Status::Open.word(),
        hanging: Hanging::of(view, review, rows).await?,
        ring,
        notes,
        remarks,
        votes,
        decider,
        bench,
    })
}

/// The mailbox of whoever's access an item is, of the people of a page.
fn box_of(ring: &Keyring, people: &BTreeMap<Uuid, Named>, row: &review_item::Model) -> Option<String> {
    let known = || row.account_id.and_then(|id| people.get(&id)).map(|named| named.address.clone());
    invited_address(ring, row).or_else(known).map(|address| mailbox(&address))
}

async fn units_of(
    view: &TenantDb,
    accounts: &Accounts,
    rows: &[review_item::Model],
) -> Result<BTreeMap<Uuid, String>, Refusal> {
    let units = rows.iter().filter(|row| row.target_kind.as_deref() == Some("unit"));
    units::named(view, accounts, units.filter_map(|row| row.target_id)).await
}

/// The address to which an invitation went.
pub(crate) fn invited_address(ring: &Keyring, row: &review_item::Model) -> Option<String> {
    let (sealed, id) = (row.address.as_deref()?, row.target_id?);
    let plain = ring.open(&invitations::address_place(TenantId(row.tenant_id), id), sealed).ok()?;
    Some(String::from_utf8_lossy(&plain).into_owned())
}

impl Around<'_> {
    fn describe(&self, row: review_item::Model) -> Item {
        let invited = invited_address(&self.ring, &row);
        let named = row.account_id.and_then(|id| self.people.get(&id));
        let called = |id: Uuid| names::called(&self.people, id);
        let address = invited.clone().or_else(|| named.map(|named| named.address.clone())).unwrap_or_default();
        let who = match (row.account_id, &invited) {
            (Some(id), _) => called(id),
            (None, Some(address)) => address.clone(),
            (None, None) => "Nobody who is known".to_owned(),
        };
        let peers = row.role.as_ref().and_then(|role| self.found.roles.get(role)).copied().unwrap_or(0);
        let target = match (row.target_kind.as_deref(), row.target_id) {
            (Some("unit"), Some(id)) => {
                Some(self.units.get(&id).cloned().unwrap_or_else(|| "A unit that is gone".into()))
            }
            (Some("record"), Some(id)) => Some(format!("Record {id}")),
            (Some(_) | None, _) => None,
        };
        let votes = self.votes.iter().filter(|vote| vote.item_id == row.id).map(|vote| Vote {
            stage: vote.stage,
            decision: Decision::stored(&vote.decision),
            role: vote.new_role.clone(),
            who: called(vote.decided_by),
            at: from_ms(vote.decided_at_ms),
            note: vote.note_id.and_then(|id| self.notes.get(&id)).map(|note| note.text.clone()),
        });
        let note = row.note_id.and_then(|id| self.notes.get(&id));
        let settled = self.settled(&row);
        Item {
            may_decide: self.may_decide(&row, &address),
            along: self.hanging.along(&row),
            votes: votes.collect(),
            remarks: self.remarks.get(&row.id).copied().unwrap_or(0),
            id: row.id,
            review: row.review_id,
            kind: Kind::stored(&row.kind),
            account: row.account_id,
            who,
            address,
            orphaned: row.orphaned != 0 || row.account_id.is_some_and(|id| !self.people.contains_key(&id)),
            target,
            target_id: row.target_id,
            privileged: row.privileged != 0,
            granted_by: row.granted_by.map(called),
            granted_at: from_ms(row.granted_at_ms),
            ends_at: row.ends_at_ms.map(from_ms),
            last_used: row.last_used_ms.map(from_ms),
            second_factor: row.has_factor != 0,
            peers: peers.saturating_sub(u64::from(row.kind == Kind::Membership.word())),
            role: row.role,
            previous: row.previous.as_deref().map(Decision::stored),
            recommendation: Advice::stored(&row.advice),
            reason: Reason::stored(&row.reason),
            stage: row.stage,
            reviewer: row.reviewer_id.map(called),
            decision: row.decision.as_deref().map(Decision::stored),
            new_role: row.new_role,
            decided_by: row.decided_by.map(called),
            decided_at: row.decided_at_ms.map(from_ms),
            note: note.map(|note| note.text.clone()),
            note_salt: note.and_then(|note| note.salt.clone()),
            settled,
            alone: row.alone != 0,
            bulk: row.act_id.is_some(),
            silent: row.silent != 0,
            state: State::stored(&row.state),
        }
    }

    fn settled(&self, row: &review_item::Model) -> Option<Settled> {
        let note = row.settled_note_id.and_then(|id| self.notes.get(&id)).cloned().unwrap_or_default();
        let account = row.settled_by?;
        Some(Settled {
            by: names::called(&self.people, account),
            account,
            at: from_ms(row.settled_at_ms?),
            reason: note.text,
            salt: note.salt,
            ended: row.ended_at_ms.map(from_ms),
        })
    }

    fn may_decide(&self, row: &review_item::Model, address: &str) -> Result<(), Barred> {
        let Some(decider) = self.decider.as_ref().filter(|_| self.open) else { return Err(Barred::NotOpen) };
        match State::stored(&row.state) {
            State::Pending | State::Decided => {}
            State::Applied | State::Gone | State::Changed | State::Ended => return Err(Barred::Done),
        }
        let mailbox = mailbox(address);
        let subject = Subject { account: row.account_id, mailbox: Some(&mailbox) };
        decider.stands_apart(&subject)?;
        let own = decider.own.accounts();
        if self.votes.iter().any(|vote| vote.item_id == row.id && own.contains(&vote.decided_by)) {
            return Err(Barred::EarlierStage);
        }
        if self.bench.asks(decider.account, Asked::of(row, subject)) { Ok(()) } else { Err(Barred::NotAsked) }
    }
}

/// The mailbox of whoever's access an item is.
pub(crate) async fn mailbox_of(
    rows: &impl Reads,
    ring: &Keyring,
    accounts: &Accounts,
    row: &review_item::Model,
) -> Result<Option<String>, Refusal> {
    if let Some(address) = invited_address(ring, row) {
        return Ok(Some(mailbox(&address)));
    }
    let Some(id) = row.account_id else { return Ok(None) };
    let person = rows.people("the address of whoever's access is decided on", account::Entity::find_by_id(id)).await?;
    Ok(person.first().map(|person| mailbox(&names::open(accounts, person).address)))
}
