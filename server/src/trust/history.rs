//! The public history: every change of a claim's state or words, hash-chained, never edited.

use contract::claim::{Kind, State};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use time::OffsetDateTime;

use super::board::Board;
use super::facts::{Facts, newest_of_each_claim};
use crate::audit::{self, Event};
use crate::chain::{self, GENESIS};
use crate::clock::to_ms;
use crate::entity::trust_change;
use crate::guard::{Operator, PlatformChange, Visitor};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub seq: i64,
    pub claim: String,
    pub kind: Kind,
    /// `None` when the claim was first published.
    pub from: Option<State>,
    pub to: State,
    pub sentence: String,
    pub reason: String,
    pub at: OffsetDateTime,
    /// Since when the claim has been in `to`; earlier than `at` when only the words changed.
    pub since: OffsetDateTime,
    pub hash: String,
}

/// How many entries one page of the history shows.
pub const PAGE: u64 = 100;

/// The newest entries below `before`, newest first; of one claim, or of all.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(
    visitor: &Visitor,
    profile: &str,
    claim: Option<&str>,
    before: Option<i64>,
) -> Result<Vec<Change>, DbErr> {
    let mut select = trust_change::Entity::find()
        .filter(trust_change::Column::Profile.eq(profile))
        .order_by_desc(trust_change::Column::Seq)
        .limit(PAGE);
    if let Some(claim) = claim {
        select = select.filter(trust_change::Column::Claim.eq(claim));
    }
    if let Some(before) = before {
        select = select.filter(trust_change::Column::Seq.lt(before));
    }
    Ok(visitor.all(select).await?.into_iter().filter_map(Change::read).collect())
}

/// The profiles that have a history here.
///
/// # Errors
/// When the database does not answer.
pub async fn profiles(visitor: &Visitor) -> Result<Vec<String>, DbErr> {
    let first = trust_change::Entity::find().filter(trust_change::Column::Seq.eq(1));
    Ok(visitor.all(first).await?.into_iter().map(|row| row.profile).collect())
}

/// Writes down whatever has changed since the newest entry of each claim. Returns how many entries that took.
///
/// # Errors
/// When the database does not answer; then nothing is written.
pub async fn observe(scheduler: &Operator, board: &Board, facts: &Facts) -> Result<usize, DbErr> {
    if pending(board, facts).is_empty() {
        return Ok(0);
    }
    let change = scheduler.begin().await?;
    // Again, now that nobody else can write: another instance may have been faster.
    let profile = &board.profile.id;
    let rows = change.all(newest_of_each_claim(profile)).await?;
    let last = rows.iter().max_by_key(|row| row.seq);
    let (mut seq, mut previous) = last.map_or((0, GENESIS.to_owned()), |row| (row.seq, row.hash.clone()));
    let mut fresh = facts.clone();
    fresh.newest = rows.into_iter().filter_map(Change::read).map(|change| (change.claim.clone(), change)).collect();
    let entries = pending(board, &fresh);
    for entry in &entries {
        seq += 1;
        previous = append(&change, profile, seq, &previous, entry, board.at).await?;
    }
    if entries.is_empty() {
        return Ok(0);
    }
    let claims = entries.iter().map(|entry| entry.claim.to_owned()).collect();
    let head = format!("{seq} {previous}");
    change.commit(Event::ClaimsChanged { profile: profile.clone(), head, claims }, board.at).await?;
    Ok(entries.len())
}

/// An entry about to be written.
struct Entry<'a> {
    claim: &'a str,
    kind: Kind,
    from: Option<State>,
    to: State,
    sentence: &'a str,
    reason: &'a str,
    /// When the state began, if it is not this entry that begins it.
    since: Option<OffsetDateTime>,
}

fn pending<'a>(board: &'a Board, facts: &'a Facts) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    for told in &board.claims {
        let newest = facts.newest.get(&told.id);
        let entry = |reason| Entry {
            claim: &told.id,
            kind: told.kind,
            from: newest.map(|change| change.to),
            to: told.state,
            sentence: &told.text,
            reason,
            since: newest.filter(|change| change.to == told.state).map(|change| change.since),
        };
        match newest {
            Some(change) if change.to == told.state && change.sentence == told.text => {}
            Some(change) if change.to == told.state => entries.push(entry("The words of the sentence changed.")),
            Some(_) | None => entries.push(entry(&told.finding)),
        }
    }
    for (id, change) in &facts.newest {
        if change.to != State::Withdrawn && board.claim(id).is_none() {
            let reason = "The claim left the profile.";
            entries.push(Entry {
                claim: id,
                kind: change.kind,
                from: Some(change.to),
                to: State::Withdrawn,
                sentence: &change.sentence,
                reason,
                since: None,
            });
        }
    }
    entries
}

async fn append(
    change: &PlatformChange,
    profile: &str,
    seq: i64,
    previous: &str,
    entry: &Entry<'_>,
    at: OffsetDateTime,
) -> Result<String, DbErr> {
    let mut row = trust_change::Model {
        profile: profile.to_owned(),
        seq,
        claim: entry.claim.to_owned(),
        kind: entry.kind.word().to_owned(),
        from_state: entry.from.map(|state| state.word().to_owned()),
        to_state: entry.to.word().to_owned(),
        sentence: entry.sentence.to_owned(),
        reason: entry.reason.to_owned(),
        at_ms: to_ms(at),
        since_ms: to_ms(entry.since.unwrap_or(at)),
        previous_hash: previous.to_owned(),
        hash: String::new(),
    };
    row.hash = hash_of(&row);
    let written = row.hash.clone();
    change.insert(row.into_active_model().reset_all()).await?;
    Ok(written)
}

fn hash_of(row: &trust_change::Model) -> String {
    let trust_change::Model {
        profile,
        seq,
        claim,
        kind,
        from_state,
        to_state,
        sentence,
        reason,
        at_ms,
        since_ms,
        previous_hash,
        hash: _,
    } = row;
    let from = from_state.as_deref().unwrap_or_default();
    chain::link(
        previous_hash,
        &[
            profile,
            &seq.to_string(),
            claim,
            kind,
            from,
            to_state,
            sentence,
            reason,
            &at_ms.to_string(),
            &since_ms.to_string(),
        ],
    )
}

/// Recomputes the chain from its first entry: how many entries hold, or the number of the first that does not.
///
/// # Errors
/// When the database does not answer.
pub async fn verify(visitor: &Visitor, profile: &str) -> Result<Result<i64, i64>, DbErr> {
    let rows = visitor
        .all(
            trust_change::Entity::find()
                .filter(trust_change::Column::Profile.eq(profile))
                .order_by_asc(trust_change::Column::Seq),
        )
        .await?;
    let mut previous = GENESIS.to_owned();
    let mut expected = 1;
    for row in rows {
        if row.seq != expected || row.previous_hash != previous || row.hash != hash_of(&row) {
            return Ok(Err(expected));
        }
        previous = row.hash;
        expected += 1;
    }
    // An end that was cut off leaves a chain that holds: the log knows where it ended.
    let (last, hash) = audit::recorded_head(visitor, profile).await?.unwrap_or((0, GENESIS.to_owned()));
    if last > expected - 1 || (last == expected - 1 && hash != previous) {
        return Ok(Err(expected));
    }
    Ok(Ok(expected - 1))
}
